// SPDX-License-Identifier: Apache-2.0

package mailing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/mail/outcome"
)

// courier mails people about what they look after.
type courier struct{ Options }

// recipient is the person who is to hear of it.
type recipient struct {
	address      address.Address
	name         string
	locale       rosterv1alpha1.Locale
	organization string
}

// errNoOrganization means that there is nobody on whose behalf to write.
var errNoOrganization = errors.New("the namespace has no Organization")

// recipient finds out who an address belongs to; nil for somebody who does not want such mails.
func (c courier) recipient(
	ctx context.Context, namespace, to string, wants func(rosterv1alpha1.Notifications) *bool,
) (*recipient, error) {
	of, err := address.Parse(to)
	if err != nil {
		of = address.Address(to) // the status has it as the person's Account does, which may be named by a former form
	}
	o, err := reading.CountingOrganization(ctx, c.Client, namespace)
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, errNoOrganization
	}
	found := &recipient{address: of, locale: o.Spec.Locale, organization: o.Spec.DisplayName}
	members, err := reading.MembersWithAddress(ctx, c.Client, namespace, string(of))
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		found.name = m.Status.DisplayName
	}
	account, err := reading.Peek[rosterv1alpha1.Account](ctx, c.Client, rosterv1alpha1.AccountNamespace, of.AccountName())
	if err != nil || account == nil {
		return found, err
	}
	if !ptr.Deref(wants(account.Spec.Notifications), true) {
		return nil, nil
	}
	found.locale = cmp.Or(account.Spec.Locale, found.locale)
	return found, nil
}

// envelope is that of a mail about an object. The Message-ID is about it, so that a mail that is sent again is the same mail.
func (c courier) envelope(of client.Object, to *recipient, about string, now time.Time) mail.Envelope {
	return mail.Envelope{
		To: string(to.address), Name: to.name, Locale: to.locale, Now: now,
		MessageID: fmt.Sprintf("%s.%s@%s", of.GetUID(), about, c.Composer.Domain()),
	}
}

// called is a profile as people know it.
func called(p *rosterv1alpha1.SocialProfile) string {
	return string(p.Spec.Network) + " " + p.Spec.Handle
}

// deliver hands a mail to the relay, and reports whether it took it; see waits for errors that are none of the mail's. A mail that is
// refused for good is no error: nobody gets it by being asked again.
func (c courier) deliver(ctx context.Context, about client.Object, kind string, message *mail.Message) (taken bool, err error) {
	start := c.Clock.Now()
	err = c.hand(ctx, kind, 0, message)
	if untried(err) {
		return false, err
	}
	result, words := mail.OutcomeOf(err), mail.Explain(err)
	c.Metrics.sent(kind, result, c.Clock.Now().Sub(start))
	switch result {
	case outcome.Held:
		return false, err
	case outcome.Failing:
		c.Events.Warn(about, rosterv1alpha1.ReasonDeliveryFailing, "Notify", triedAgain(message.To+" is not told yet", words))
		return false, fmt.Errorf("mail to %s: %s", message.To, words)
	case outcome.Rejected:
		c.Events.Warn(about, rosterv1alpha1.ReasonRejected, "Notify", fmt.Sprintf("%s was not told: %s", message.To, words))
		return false, nil
	case outcome.Delivered:
	}
	return true, nil
}

// triedAgain is the note of an event about a mail that fails for now.
func triedAgain(what, why string) string {
	return what + ": " + strings.TrimSuffix(why, ".") + ". The operator tries again."
}

// later queues a mail again that waits for the relay, and leaves other errors to the queue.
func later(err error) (ctrl.Result, error) {
	if after, ok := waits(err); ok {
		return ctrl.Result{RequeueAfter: after}, nil
	}
	return ctrl.Result{}, err
}
