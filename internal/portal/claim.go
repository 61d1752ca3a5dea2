// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/web"
)

// maxRounds is how often an answer is decided again when somebody else was faster.
const maxRounds = 5

var errContention = errors.New("too many changes at the same moment")

// claim accepts the invitation for somebody who has shown who they are: to own the organisation, if it is that which is offered and the
// page told them so.
func (p *Portal) claim(ctx context.Context, v *invitationVisit, who verifiedInvitee) (wrote bool, _ error) {
	if who.stands != held {
		// A password was hashed meanwhile, which may have had to wait.
		if err := v.update(p.regather(ctx, v.link, v.link.offer.Invitation)); err != nil {
			return false, err
		}
	}
	toOwn := v.R.PostForm.Get(web.FieldAs) == string(rosterv1alpha1.RoleOwner)
	return p.settle(ctx, v, invitation.LinkOpen, func(inv *rosterv1alpha1.Invitation, now time.Time) {
		invitation.Accept(inv, who.account.Name, v.link.offer.Agreed(toOwn), now)
	})
}

// settle changes the status of an invitation whose link is good for that, in one write that carries the version that was read, last of all
// or before what took its time. If somebody else was faster it looks and decides again. Afterwards v.link is how the invitation stands,
// whoever made it so.
func (p *Portal) settle(
	ctx context.Context, v *invitationVisit, from invitation.Verdict, change func(*rosterv1alpha1.Invitation, time.Time),
) (wrote bool, _ error) {
	for round := range maxRounds {
		if round > 0 {
			if err := v.update(p.refresh(ctx, v.link)); err != nil {
				return false, err
			}
		}
		now := p.clock.Now()
		if v.link.check(now) != from {
			return false, nil
		}
		inv := v.link.offer.Invitation
		change(inv, now)
		err := p.client.Status().Update(ctx, inv)
		switch {
		case err == nil:
			return true, nil
		case apierrors.IsConflict(err), apierrors.IsNotFound(err):
			continue
		}
		// The write may have arrived although its answer did not.
		if v.update(p.refresh(ctx, v.link)) == nil && v.link.check(now) != from {
			return true, nil
		}
		return false, fmt.Errorf("answering the invitation: %w", err)
	}
	return false, errContention
}
