// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/keyring"
	membershiprules "github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The indexes that the cache must have.
const (
	linkIndex    = "roster.link"
	addressIndex = "roster.address"
)

// setupIndexes gives a cache the indexes by which links and their invitations are found.
func setupIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	linked := func(o client.Object) []string {
		inv, ok := o.(*rosterv1alpha1.Invitation)
		if !ok {
			return nil
		}
		return []string{invitation.LinkID(inv)}
	}
	address := func(o client.Object) []string {
		m, ok := o.(*rosterv1alpha1.Member)
		if !ok {
			return nil
		}
		a, err := address.OfMember(m)
		if err != nil {
			return nil
		}
		return []string{string(a)}
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
		indexer.IndexField(ctx, &rosterv1alpha1.Member{}, addressIndex, address),
	)
}

// verifiedLink is an invitation whose link has been verified.
type verifiedLink struct {
	token   string
	attempt int32
	// address that the link was sent to, and that the signature covers.
	address address.Address
	offer   invitation.Offer
	// joins: somebody becomes a member by it, so whoever invites must still be allowed to give that. Declining needs nobody's right.
	joins bool
}

// errUnknown says that a link is not one of ours, or that its invitation is gone. Which of the two is not told.
var errUnknown = errors.New("no such invitation")

// check decides what the link is good for.
func (f verifiedLink) check(now time.Time) invitation.Verdict {
	v := f.offer.Check(f.attempt, now)
	if v == invitation.LinkOpen && f.current() != f.address {
		// The Member of that name has another address than the one that was mailed.
		return invitation.LinkRevoked
	}
	return v
}

// current is the address that would be invited now.
func (f verifiedLink) current() address.Address {
	a, err := address.Parse(f.offer.Email())
	if err != nil {
		return ""
	}
	return a
}

// acceptedBy reports whether that Account accepted.
func (f verifiedLink) acceptedBy(account string) bool {
	s := f.offer.Invitation.Status
	return s.State == rosterv1alpha1.InvitationAccepted && s.AccountRef != nil && s.AccountRef.Name == account
}

// known is what is known of the person before they say anything about themselves.
func (f verifiedLink) known() (displayName, company string) {
	if m := f.offer.Member; m != nil {
		return m.Spec.DisplayName, m.Spec.Company
	}
	return "", ""
}

// speak chooses the language of the page: that of the invitation, else that of the organisation.
func (f verifiedLink) speak(v *web.Visit) { v.Speak(f.offer.Invitation.Spec.Locale, f.offer.Locale()) }

// open finds the invitation of a token and reads it again. A page that is only looked at waits for a status that is behind the mail. Where
// that fails, what it returns is what the cache knows, if it knows the invitation.
func (p *Portal) open(ctx context.Context, token string, joins, waits bool) (verifiedLink, error) {
	f, err := p.identify(ctx, token)
	if err != nil {
		return f, err
	}
	f.joins = joins
	f, err = p.refresh(ctx, f)
	if err == nil && waits && f.check(p.clock.Now()) == invitation.LinkNotReady {
		f, err = p.catchUp(ctx, f)
	}
	return f, err
}

// identify finds the invitation of a token in the cache and verifies the signature. What it returns may be old: refresh it before
// relying on it. An unknown invitation takes the same way as a wrong signature.
func (p *Portal) identify(ctx context.Context, token string) (verifiedLink, error) {
	keys, err := p.keys.Keys(ctx)
	if err != nil {
		return verifiedLink{}, err
	}
	id, _ := invitation.ParseToken(token) // a token that cannot be parsed does not verify either
	offer, err := p.cachedOffer(ctx, id.UID)
	if err != nil {
		return verifiedLink{}, err
	}
	address, ok := signedFor(keys, token, offer)
	if !ok {
		if keys, err = p.keys.Refresh(ctx); err != nil {
			return verifiedLink{}, err
		}
		address, ok = signedFor(keys, token, offer)
	}
	if !ok || offer.Invitation == nil {
		return verifiedLink{}, errUnknown
	}
	return verifiedLink{token: token, attempt: id.Attempt, address: address, offer: offer}, nil
}

// refresh reads everything again from the API server and verifies the link against it.
func (p *Portal) refresh(ctx context.Context, f verifiedLink) (verifiedLink, error) {
	old := f.offer.Invitation
	inv := &rosterv1alpha1.Invitation{}
	if err := p.client.Get(ctx, client.ObjectKeyFromObject(old), inv); err != nil {
		if apierrors.IsNotFound(err) {
			return f, errUnknown
		}
		return f, fmt.Errorf("reading the invitation: %w", err)
	}
	if inv.UID != old.UID {
		return f, errUnknown
	}
	return p.regather(ctx, f, inv)
}

// regather reads from the API server what an invitation speaks of, and verifies the link against it. That the invitation has not changed
// itself, its version tells when it is written.
func (p *Portal) regather(ctx context.Context, f verifiedLink, inv *rosterv1alpha1.Invitation) (verifiedLink, error) {
	offer, err := gather(ctx, p.client, inv)
	if err != nil {
		return f, err
	}
	if !slices.Contains(addresses(offer), f.address) {
		return f, errUnknown
	}
	read := f
	read.offer = offer
	if f.joins {
		err = p.review(ctx, &read)
	}
	if err != nil {
		return f, err
	}
	return read, nil
}

const (
	// patience is how long a link that is newer than the status waits. It is well below what link scanners and proxies wait for a page.
	patience = 5 * time.Second
	// catchUpEvery is how often such a link looks into the cache, which costs the API server nothing.
	catchUpEvery = 100 * time.Millisecond
)

// catchUp waits for the status where the mail was faster, and reads everything again. The signature of the link has been verified: a
// forged one never waits.
func (p *Portal) catchUp(ctx context.Context, f verifiedLink) (verifiedLink, error) {
	key, inv := client.ObjectKeyFromObject(f.offer.Invitation), &rosterv1alpha1.Invitation{}
	_ = wait.PollUntilContextTimeout(ctx, catchUpEvery, p.patience, true, func(ctx context.Context) (bool, error) {
		err := p.cache.Get(ctx, key, inv)
		return inv.Status.Attempt >= f.attempt, err
	}) // Whether it is there now, the API server tells.
	return p.refresh(ctx, f)
}

// cachedOffer is empty where there is no invitation of that link. A copy that somebody made of one does not take its place.
func (p *Portal) cachedOffer(ctx context.Context, id string) (invitation.Offer, error) {
	var list rosterv1alpha1.InvitationList
	if err := p.cache.List(ctx, &list, client.MatchingFields{linkIndex: id}); err != nil {
		return invitation.Offer{}, fmt.Errorf("looking for the invitation: %w", err)
	}
	if id == "" || len(list.Items) == 0 {
		return invitation.Offer{}, nil
	}
	original := max(0, slices.IndexFunc(list.Items, func(inv rosterv1alpha1.Invitation) bool { return string(inv.UID) == id }))
	return gather(ctx, p.cache, &list.Items[original])
}

// gather reads what an invitation speaks of.
func gather(ctx context.Context, from client.Reader, inv *rosterv1alpha1.Invitation) (invitation.Offer, error) {
	offer := invitation.Offer{Invitation: inv}
	var err error
	if offer.Organization, err = countingOrganization(ctx, from, inv.Namespace); err != nil {
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

// countingOrganization is the Organization that counts in a namespace; nil if there is none.
func countingOrganization(ctx context.Context, from client.Reader, namespace string) (*rosterv1alpha1.Organization, error) {
	var list rosterv1alpha1.OrganizationList
	if err := from.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("reading the organisation: %w", err)
	}
	organizations := make([]*rosterv1alpha1.Organization, len(list.Items))
	for i := range list.Items {
		organizations[i] = &list.Items[i]
	}
	return membershiprules.Counting(organizations), nil
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
	if a, err := address.Parse(offer.Email()); err == nil {
		all = append(all, a)
	}
	if mailed := address.Address(offer.Invitation.Status.Email); mailed != "" && !slices.Contains(all, mailed) {
		all = append(all, mailed)
	}
	return all
}
