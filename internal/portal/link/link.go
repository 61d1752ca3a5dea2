// SPDX-License-Identifier: Apache-2.0

// Package link finds the invitation of a link and verifies it: which one it is, what the link is good for, and whether the inviter may
// still give what is offered. It renews links, and makes those of the invitations that wait for somebody.
package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/keyring"
	membershiprules "github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/pointers"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Store of the invitations behind links.
type Store struct {
	// Cache is where invitations are looked for. What is decided is decided by what Client reads.
	Cache  client.Reader
	Client client.Client
	// Keys sign links.
	Keys *web.KeySource
	// UserPrefix may stand before the address in an Invitation's spec.invitedBy.
	UserPrefix string
	// Patience is how long a page waits for a status that is behind the mail.
	Patience time.Duration
	Clock    clock.PassiveClock
}

// The indexes that the cache must have.
const (
	linkIndex    = "roster.link"
	addressIndex = "roster.address"
)

// SetupIndexes gives a cache the indexes by which links and their invitations are found.
func SetupIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	linked := func(o client.Object) []string {
		inv, ok := o.(*rosterv1alpha1.Invitation)
		if !ok {
			return nil
		}
		return []string{invitation.LinkID(inv)}
	}
	mailed := func(o client.Object) []string {
		inv, ok := o.(*rosterv1alpha1.Invitation)
		if !ok || inv.Status.Email == "" {
			return nil
		}
		return []string{inv.Status.Email}
	}
	return errors.Join(
		indexer.IndexField(ctx, &rosterv1alpha1.Invitation{}, linkIndex, linked),
		indexer.IndexField(ctx, &rosterv1alpha1.Invitation{}, addressIndex, mailed),
	)
}

// Verified is an invitation whose link has been verified.
type Verified struct {
	Token   string
	Attempt int32
	// Address that the link was sent to, and that the signature covers.
	Address address.Address
	Offer   invitation.Offer
	// joins: somebody becomes a member by it, so the inviter must still be allowed to give that. Declining needs nobody's right.
	joins bool
}

// ErrUnknown says that a link is not one of ours, or that its invitation is gone. Which of the two is not told.
var ErrUnknown = errors.New("no such invitation")

// Check decides what the link is good for.
func (f Verified) Check(now time.Time) invitation.Verdict {
	v := f.Offer.Check(f.Attempt, now)
	switch v {
	case invitation.LinkOpen, invitation.LinkSuperseded, invitation.LinkExpired, invitation.LinkRenewable, invitation.LinkRenewing:
		if f.Offer.Address() != f.Address {
			// The Member of that name has another address than the one that was mailed; what is still to come goes there.
			return invitation.LinkRevoked
		}
	}
	return v
}

// AcceptedBy reports whether that Account accepted.
func (f Verified) AcceptedBy(account string) bool {
	s := f.Offer.Invitation.Status
	return s.State == rosterv1alpha1.InvitationAccepted && s.AccountRef != nil && s.AccountRef.Name == account
}

// Known is what is known of the person before they say anything about themselves.
func (f Verified) Known() (displayName, company string) {
	if m := f.Offer.Member; m != nil {
		return m.Spec.DisplayName, m.Spec.Company
	}
	return "", ""
}

// Speak chooses the language of the page: that of the invitation, else that of the organisation.
func (f Verified) Speak(v *web.Visit) { v.Speak(f.Offer.Invitation.Spec.Locale, f.Offer.Locale()) }

// Open finds the invitation of a token and reads it again. A page that is only looked at waits for a cache and a status that are behind the
// mail. Where that fails, what it and OpenToAnswer return is what the cache knows, if it knows the invitation.
func (s *Store) Open(ctx context.Context, token string, joins, waits bool) (Verified, error) {
	f, err := s.find(ctx, token, mailedKeys, waits)
	if err != nil {
		return f, err
	}
	f.joins = joins
	f, err = s.Refresh(ctx, f)
	if err == nil && waits && f.Check(s.Clock.Now()) == invitation.LinkNotReady {
		f, err = s.catchUp(ctx, f)
	}
	return f, err
}

// OpenToAnswer finds the invitation of a token for somebody who answers it, which is one write of that invitation. Where the cache shows it
// open, it is not read again: the write carries the version that is known, so the API server refuses it if anything has changed, and
// Refresh decides then. What stands around the invitation is read, since no write tells that this has changed.
func (s *Store) OpenToAnswer(ctx context.Context, token string, joins bool) (Verified, error) {
	f, err := s.find(ctx, token, mailedKeys, false)
	if err != nil {
		return f, err
	}
	f.joins = joins
	read, err := s.regather(ctx, s.Client, f, f.Offer.Invitation)
	switch {
	case err == nil && read.Check(s.Clock.Now()) == invitation.LinkOpen:
		return read, nil
	case err == nil, errors.Is(err, ErrUnknown):
		return s.Refresh(ctx, f) // The cache may be behind.
	}
	return f, err
}

// Identify finds the invitation of a token in the cache and verifies the signature. What it returns may be old: refresh it before
// relying on it. An unknown invitation takes the same way as a wrong signature.
func (s *Store) Identify(ctx context.Context, token string) (Verified, error) {
	return s.identify(ctx, token, mailedKeys)
}

// mailedKeys sign the links in mails.
func mailedKeys(keys keyring.Keys) keyring.Keys { return keys }

// OpenCopied finds the invitation of a link that somebody copied, and reads it again. Such a link proves nothing: before anything of the
// invitation is shown, the person shows that they are the invited one. It waits as Open does.
func (s *Store) OpenCopied(ctx context.Context, token string, waits bool) (Verified, error) {
	f, err := s.find(ctx, token, invitation.CopiedKeys, waits)
	if err != nil {
		return f, err
	}
	return s.Refresh(ctx, f)
}

// Mailed is the token of the link that was mailed, for somebody who has shown that they are the invited person.
func (s *Store) Mailed(ctx context.Context, f Verified) (string, error) {
	keys, err := s.Keys.Keys(ctx)
	if err != nil {
		return "", err
	}
	return invitation.Token(keys, invitation.LinkID(f.Offer.Invitation), f.Attempt, f.Address)
}

func (s *Store) identify(ctx context.Context, token string, kind func(keyring.Keys) keyring.Keys) (Verified, error) {
	keys, err := s.Keys.Keys(ctx)
	if err != nil {
		return Verified{}, err
	}
	id, _ := invitation.ParseToken(token) // a token that cannot be parsed does not verify either
	offer, err := s.cachedOffer(ctx, id.UID)
	if err != nil {
		return Verified{}, err
	}
	address, ok := signedFor(kind(keys), token, offer)
	if !ok {
		if keys, err = s.Keys.Refresh(ctx); err != nil {
			return Verified{}, err
		}
		address, ok = signedFor(kind(keys), token, offer)
	}
	if !ok || offer.Invitation == nil {
		return Verified{}, ErrUnknown
	}
	return Verified{Token: token, Attempt: id.Attempt, Address: address, Offer: offer}, nil
}

// Refresh reads everything again from the API server and verifies the link against it.
func (s *Store) Refresh(ctx context.Context, f Verified) (Verified, error) {
	old := f.Offer.Invitation
	inv := &rosterv1alpha1.Invitation{}
	if err := s.Client.Get(ctx, client.ObjectKeyFromObject(old), inv); err != nil {
		if apierrors.IsNotFound(err) {
			return f, ErrUnknown
		}
		return f, fmt.Errorf("reading the invitation: %w", err)
	}
	if inv.UID != old.UID {
		return f, ErrUnknown
	}
	return s.regather(ctx, s.Client, f, inv)
}

// LookAround looks again at what stands around an invitation that has been read, for what has changed while a password was hashed: in the
// cache, which is told of it. That the invitation has not changed itself, its version tells when it is written.
func (s *Store) LookAround(ctx context.Context, f Verified) (Verified, error) {
	return s.regather(ctx, s.Cache, f, f.Offer.Invitation)
}

// regather reads what an invitation speaks of, and verifies the link against it.
func (s *Store) regather(ctx context.Context, from client.Reader, f Verified, inv *rosterv1alpha1.Invitation) (Verified, error) {
	offer, err := gather(ctx, from, inv)
	if err != nil {
		return f, err
	}
	if !slices.Contains(addresses(offer), f.Address) {
		return f, ErrUnknown
	}
	read := f
	read.Offer = offer
	if f.joins {
		err = s.review(ctx, &read)
	}
	if err != nil {
		return f, err
	}
	return read, nil
}

const (
	// Patience is how long a link that is newer than the status waits. It is well below what link scanners and proxies wait for a page.
	Patience = 5 * time.Second
	// catchUpEvery is how often such a link looks into the cache, which costs the API server nothing.
	catchUpEvery = 100 * time.Millisecond
	// patienceForUnknown is how long a link waits that nothing is known of: anybody can make one up.
	patienceForUnknown = 2 * time.Second
)

// find is identify, which looks again for a while if it may wait: the cache is behind where a watch has broken off, as it does when the
// kinds change, and a link may be faster then. Nothing tells a new one from a forged one before the invitation is known, so both wait.
func (s *Store) find(ctx context.Context, token string, kind func(keyring.Keys) keyring.Keys, waits bool) (Verified, error) {
	f, err := s.identify(ctx, token, kind)
	if !waits || !errors.Is(err, ErrUnknown) {
		return f, err
	}
	patience := min(s.Patience, patienceForUnknown)
	_ = wait.PollUntilContextTimeout(ctx, catchUpEvery, patience, false, func(ctx context.Context) (bool, error) {
		f, err = s.identify(ctx, token, kind)
		return !errors.Is(err, ErrUnknown), nil
	}) // The last look tells.
	return f, err
}

// catchUp waits for the status where the mail was faster, and reads everything again. The signature of the link has been verified: a
// forged one never waits.
func (s *Store) catchUp(ctx context.Context, f Verified) (Verified, error) {
	key, inv := client.ObjectKeyFromObject(f.Offer.Invitation), &rosterv1alpha1.Invitation{}
	_ = wait.PollUntilContextTimeout(ctx, catchUpEvery, s.Patience, true, func(ctx context.Context) (bool, error) {
		err := s.Cache.Get(ctx, key, inv)
		return inv.Status.Attempt >= f.Attempt, err
	}) // Whether it is there now, the API server tells.
	return s.Refresh(ctx, f)
}

// cachedOffer is empty where there is no invitation of that link. A copy that somebody made of one does not take its place.
func (s *Store) cachedOffer(ctx context.Context, id string) (invitation.Offer, error) {
	var list rosterv1alpha1.InvitationList
	if err := s.Cache.List(ctx, &list, client.MatchingFields{linkIndex: id}); err != nil {
		return invitation.Offer{}, fmt.Errorf("looking for the invitation: %w", err)
	}
	if id == "" || len(list.Items) == 0 {
		return invitation.Offer{}, nil
	}
	original := max(0, slices.IndexFunc(list.Items, func(inv rosterv1alpha1.Invitation) bool { return string(inv.UID) == id }))
	return gather(ctx, s.Cache, &list.Items[original])
}

// gather reads what an invitation speaks of.
func gather(ctx context.Context, from client.Reader, inv *rosterv1alpha1.Invitation) (invitation.Offer, error) {
	offer := invitation.Offer{Invitation: inv}
	var err error
	if offer.Organization, err = CountingOrganization(ctx, from, inv.Namespace); err != nil {
		return offer, err
	}
	if inv.Spec.MemberRef == nil {
		return offer, nil
	}
	member := &rosterv1alpha1.Member{}
	err = from.Get(ctx, client.ObjectKey{Namespace: inv.Namespace, Name: inv.Spec.MemberRef.Name}, member)
	switch {
	case err == nil:
		offer.Member = member
	case !apierrors.IsNotFound(err):
		return offer, fmt.Errorf("reading the member: %w", err)
	}
	return offer, nil
}

// CountingOrganization is the Organization that counts in a namespace; nil if there is none.
func CountingOrganization(ctx context.Context, from client.Reader, namespace string) (*rosterv1alpha1.Organization, error) {
	var list rosterv1alpha1.OrganizationList
	if err := from.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("reading the organisation: %w", err)
	}
	return membershiprules.Counting(pointers.To(list.Items)), nil
}

// signedFor says which address the token was signed for, of those that the invitation may have been sent to.
func signedFor(keys keyring.Keys, token string, offer invitation.Offer) (address.Address, bool) {
	for _, a := range addresses(offer) {
		if invitation.Verify(keys, token, a) == nil {
			return a, true
		}
	}
	return "", false
}

// nobody stands in for the address of an invitation that is not there, so that looking takes as long.
const nobody address.Address = "nobody@roster.invalid"

// addresses that the link may have been sent to: the one that is invited now, and the one that the mail went to, which alone is left
// when the Member has been deleted.
func addresses(offer invitation.Offer) []address.Address {
	if offer.Invitation == nil {
		return []address.Address{nobody}
	}
	var all []address.Address
	if a := offer.Address(); a != "" {
		all = append(all, a)
	}
	if mailed := address.Address(offer.Invitation.Status.Email); mailed != "" && !slices.Contains(all, mailed) {
		all = append(all, mailed)
	}
	return all
}
