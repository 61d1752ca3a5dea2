// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
)

// openTo are the invitations to an address that can be accepted, with links that are made here.
func (p *Portal) openTo(ctx context.Context, address address.Address) ([]verifiedLink, error) {
	list, err := p.invitationsOf(ctx, address)
	if err != nil {
		return nil, err
	}
	keys, err := p.keys.Keys(ctx)
	if err != nil {
		return nil, err
	}
	var all []verifiedLink
	for i := range list {
		inv := &list[i]
		f := verifiedLink{attempt: inv.Status.Attempt, address: address}
		if f.offer, err = gather(ctx, p.cache, inv); err != nil {
			return nil, err
		}
		if f.check(p.clock.Now()) != invitation.LinkOpen || f.offer.Organization == nil {
			continue
		}
		if f.token, err = invitation.Token(keys, invitation.LinkID(inv), inv.Status.Attempt, address); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// invitationsOf an address, as the cache knows them.
func (p *Portal) invitationsOf(ctx context.Context, address address.Address) ([]rosterv1alpha1.Invitation, error) {
	var list rosterv1alpha1.InvitationList
	if err := p.cache.List(ctx, &list, client.MatchingFields{addressIndex: string(address)}); err != nil {
		return nil, fmt.Errorf("looking for invitations: %w", err)
	}
	return list.Items, nil
}

// maxRenewals is how many expired invitations of one address are renewed by one request.
const maxRenewals = 5

// renewAll asks for new links of the expired invitations of an address.
func (p *Portal) renewAll(ctx context.Context, address address.Address) error {
	list, err := p.invitationsOf(ctx, address)
	if err != nil {
		return err
	}
	var errs []error
	renewed := 0
	for i := range list {
		if renewed == maxRenewals {
			break
		}
		wrote, err := p.renew(ctx, &list[i], address)
		if wrote {
			renewed++
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// renew asks for a new link of an invitation if it has expired and its organisation allows that. What the cache says is only where to look.
func (p *Portal) renew(ctx context.Context, inv *rosterv1alpha1.Invitation, address address.Address) (bool, error) {
	if inv.Status.State != rosterv1alpha1.InvitationExpired && !expired(inv, p.clock.Now()) {
		return false, nil
	}
	fresh := &rosterv1alpha1.Invitation{}
	if err := p.client.Get(ctx, client.ObjectKeyFromObject(inv), fresh); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	offer, err := gather(ctx, p.client, fresh)
	if err != nil {
		return false, err
	}
	now, f := p.clock.Now(), verifiedLink{attempt: fresh.Status.Attempt, address: address, offer: offer}
	if err := p.review(ctx, &f); err != nil {
		return false, err
	}
	if f.current() != address || f.check(now) != invitation.LinkRenewable {
		return false, nil
	}
	invitation.RequestRenewal(fresh, now)
	err = p.client.Status().Update(ctx, fresh)
	if apierrors.IsConflict(err) {
		return false, nil // somebody else has just changed it; whoever asked can ask again
	}
	return err == nil, err
}

func expired(inv *rosterv1alpha1.Invitation, now time.Time) bool {
	return inv.Status.State == rosterv1alpha1.InvitationSent && inv.Status.ExpiryTime != nil && !now.Before(inv.Status.ExpiryTime.Time)
}
