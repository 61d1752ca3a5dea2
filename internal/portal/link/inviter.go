// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
)

// review finds out whether the inviter may still give what is offered, where that decides. Between this and the claim the right can
// be lost: then the acceptance came before.
func (s *Store) review(ctx context.Context, f *Verified) error {
	switch f.Check(s.Clock.Now()) {
	case invitation.LinkOpen, invitation.LinkRenewable:
	default:
		return nil
	}
	who, ok := invitation.ParseInviter(f.Offer.InvitedBy(), s.UserPrefix)
	if !ok {
		return nil
	}
	member, err := s.inviterMember(ctx, f.Offer, who.Address)
	if err != nil {
		return fmt.Errorf("reading who invites: %w", err)
	}
	if member != nil {
		member = membership.At(f.Offer.Organization, member, s.Clock.Now())
	}
	switch f.Offer.InviterStanding(who, member) {
	case invitation.InviterGone:
		f.Offer.InviterLostRight = true
	case invitation.InviterMember:
		may, err := s.mayGive(ctx, f.Offer, who)
		if err != nil {
			return fmt.Errorf("asking whether the inviter may still give what is offered: %w", err)
		}
		f.Offer.InviterLostRight = !may
	case invitation.InviterUnknown:
	}
	return nil
}

// inviterMember is a Member who has the address of the inviter and has joined; nil if there is none. A person may be recorded under a
// name that their Member no longer has. The cache is asked for names only.
func (s *Store) inviterMember(ctx context.Context, o invitation.Offer, address address.Address) (*rosterv1alpha1.Member, error) {
	if address == "" {
		return nil, nil
	}
	m, err := s.joined(ctx, o.Invitation.Namespace, o.RecordedInviter(), address)
	if m != nil || err != nil {
		return m, err
	}
	members, err := s.membersAt(ctx, o.Invitation.Namespace, address)
	if err != nil {
		return nil, err
	}
	return s.joined(ctx, o.Invitation.Namespace, invitation.JoinedMember(members), address)
}

// joined is the Member of that name, if it is a person of that address who has accepted.
func (s *Store) joined(ctx context.Context, namespace, name string, address address.Address) (*rosterv1alpha1.Member, error) {
	if name == "" {
		return nil, nil
	}
	m := &rosterv1alpha1.Member{}
	err := s.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, m)
	if err != nil || !invitation.Joined(m, address) {
		return nil, client.IgnoreNotFound(err)
	}
	return m, nil
}

// membersAt are the Members of an address, as the cache knows them.
func (s *Store) membersAt(ctx context.Context, namespace string, address address.Address) ([]*rosterv1alpha1.Member, error) {
	var list rosterv1alpha1.MemberList
	err := s.Cache.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{addressIndex: string(address)})
	members := make([]*rosterv1alpha1.Member, len(list.Items))
	for i := range list.Items {
		members[i] = &list.Items[i]
	}
	return members, err
}

// mayGive asks the API server until one way of being allowed holds, and nothing twice.
func (s *Store) mayGive(ctx context.Context, o invitation.Offer, who invitation.Inviter) (bool, error) {
	answers := map[invitation.Review]bool{}
	for _, way := range o.Reviews() {
		allowed := true
		for _, question := range way {
			answer, known := answers[question]
			if !known {
				var err error
				if answer, err = s.ask(ctx, o.Invitation.Namespace, who, question); err != nil {
					return false, err
				}
				answers[question] = answer
			}
			if allowed = answer; !allowed {
				break
			}
		}
		if allowed {
			return true, nil
		}
	}
	return false, nil
}

// May asks the API server whether a person may do something in the namespace of an organisation.
func (s *Store) May(ctx context.Context, who address.Address, namespace string, what invitation.Review) (bool, error) {
	return s.ask(ctx, namespace, invitation.Person(s.UserPrefix, who), what)
}

// ask the API server whether somebody may do something.
func (s *Store) ask(ctx context.Context, namespace string, who invitation.Inviter, question invitation.Review) (bool, error) {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: who.User, Groups: who.Groups,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Group: rosterv1alpha1.GroupVersion.Group, Resource: question.Resource, Name: question.Name, Verb: question.Verb,
		},
	}}
	err := s.Client.Create(ctx, review)
	return review.Status.Allowed, err
}
