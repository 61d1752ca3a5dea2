// SPDX-License-Identifier: Apache-2.0

package inviting

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/recipients"
)

const (
	// batch is how many people are invited in one request, so that it ends in time on a slow API server.
	batch = 50
	// enough is the time that has to be left of a request for another.
	enough = 5 * time.Second
)

// try asks the API server whether it would take the Invitation of a person: the admission policies see what is offered.
func (v *visit) try(d *draft, p *person) ([]web.Problem, error) {
	fields := console.OfferFields()
	fields["spec.email"], fields["spec.message"] = fieldAddresses, fieldMessage
	fields["spec.locale"], fields["spec.validity"] = web.FieldLocale, fieldValidity
	err := v.API.Create(v.R.Context(), d.invitation(p, v.Namespace(), v.User()), client.DryRunAll)
	return v.Refused(client.IgnoreAlreadyExists(err), fields)
}

// send invites those who are not invited yet, as many as one request has time for. It returns why it stopped early, nil for no trouble.
func (v *visit) send(d *draft) error {
	stands, err := v.stands()
	if err != nil {
		return err
	}
	for i, p := range d.open() {
		if i == batch || !timeLeft(v.R.Context()) {
			return nil
		}
		p.Refused = ""
		if err := v.invite(d, p, stands); err != nil {
			return err
		}
	}
	return nil
}

func timeLeft(ctx context.Context) bool {
	end, limited := ctx.Deadline()
	return ctx.Err() == nil && (!limited || time.Until(end) > enough)
}

// invite creates the Invitation of a person. One that is there already, since the form was sent twice, is as good.
func (v *visit) invite(d *draft, p *person, stands func(address.Address) (why, page string)) error {
	if why, _ := stands(p.Address); why != "" {
		return v.settle(p, why)
	}
	err := v.Create(d.invitation(p, v.Namespace(), v.User()))
	switch {
	case err == nil:
		p.Done = true
		return nil
	case apierrors.IsAlreadyExists(err):
		return v.settle(p, "")
	}
	problems, err := v.Refused(err)
	p.Refused = v.Sentences(problems)
	return err
}

// settle reads the Invitation that has the name meant for a person: it is theirs, or else there is a reason to refuse them.
func (v *visit) settle(p *person, why string) error {
	inv := &rosterv1alpha1.Invitation{}
	err := v.Get(p.Name, inv)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	if a, invalid := address.Parse(inv.Spec.Email); invalid == nil && a == p.Address {
		p.Done = true
		return nil
	}
	if p.Refused = why; why == "" { // Somebody else has been given the name meanwhile.
		p.Refused = v.Words.T("inviting.again")
		taken := p.Name
		p.Name = recipients.NameFor(p.Address, func(name string) bool { return name == taken || v.taken(name) })
	}
	return nil
}
