// SPDX-License-Identifier: Apache-2.0

package link

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

// OpenTo are the invitations to an address that can be accepted, with links that are made here.
func (s *Store) OpenTo(ctx context.Context, address address.Address) ([]Verified, error) {
	list, err := s.invitationsOf(ctx, address)
	if err != nil {
		return nil, err
	}
	keys, err := s.Keys.Keys(ctx)
	if err != nil {
		return nil, err
	}
	var all []Verified
	for i := range list {
		inv := &list[i]
		f := Verified{Attempt: inv.Status.Attempt, Address: address}
		if f.Offer, err = gather(ctx, s.Cache, inv); err != nil {
			return nil, err
		}
		if f.Check(s.Clock.Now()) != invitation.LinkOpen || f.Offer.Organization == nil {
			continue
		}
		if f.Token, err = invitation.Token(keys, invitation.LinkID(inv), inv.Status.Attempt, address); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// invitationsOf an address, as the cache knows them.
func (s *Store) invitationsOf(ctx context.Context, address address.Address) ([]rosterv1alpha1.Invitation, error) {
	var list rosterv1alpha1.InvitationList
	if err := s.Cache.List(ctx, &list, client.MatchingFields{addressIndex: string(address)}); err != nil {
		return nil, fmt.Errorf("looking for invitations: %w", err)
	}
	return list.Items, nil
}

// maxRenewals is how many expired invitations of one address are renewed by one request.
const maxRenewals = 5

// RenewAll asks for new links of the expired invitations of an address.
func (s *Store) RenewAll(ctx context.Context, address address.Address) error {
	list, err := s.invitationsOf(ctx, address)
	if err != nil {
		return err
	}
	var errs []error
	renewed := 0
	for i := range list {
		if renewed == maxRenewals {
			break
		}
		wrote, err := s.renew(ctx, &list[i], address)
		if wrote {
			renewed++
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// renew asks for a new link of an invitation if it has expired and its organisation allows that. What the cache says is only where to look.
func (s *Store) renew(ctx context.Context, inv *rosterv1alpha1.Invitation, address address.Address) (bool, error) {
	if inv.Status.State != rosterv1alpha1.InvitationExpired && !expired(inv, s.Clock.Now()) {
		return false, nil
	}
	fresh := &rosterv1alpha1.Invitation{}
	if err := s.Client.Get(ctx, client.ObjectKeyFromObject(inv), fresh); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	offer, err := gather(ctx, s.Client, fresh)
	if err != nil {
		return false, err
	}
	now, f := s.Clock.Now(), Verified{Attempt: fresh.Status.Attempt, Address: address, Offer: offer}
	if err := s.review(ctx, &f); err != nil {
		return false, err
	}
	if f.Check(now) != invitation.LinkRenewable {
		return false, nil
	}
	invitation.RequestRenewal(fresh, now)
	err = s.Client.Status().Update(ctx, fresh)
	if apierrors.IsConflict(err) {
		return false, nil // somebody else has just changed it; the person who asked can ask again
	}
	return err == nil, err
}

func expired(inv *rosterv1alpha1.Invitation, now time.Time) bool {
	return inv.Status.State == rosterv1alpha1.InvitationSent && inv.Status.ExpiryTime != nil && !now.Before(inv.Status.ExpiryTime.Time)
}
