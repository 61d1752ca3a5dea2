// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"fmt"
	"slices"

	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/people"
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
	members, err := s.inviters(ctx, f.Offer, who.Address)
	if err != nil {
		return fmt.Errorf("reading who invites: %w", err)
	}
	switch f.Offer.InviterStanding(who, members) {
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

// inviters are the Members, as they are now, who may be the inviter: the one that is recorded, and the one who has the address, in case
// their name has changed. The cache is asked for names only.
func (s *Store) inviters(ctx context.Context, o invitation.Offer, own address.Address) ([]*rosterv1alpha1.Member, error) {
	if own == "" {
		return nil, nil
	}
	namespace := o.Invitation.Namespace
	known, err := people.WithAddress(ctx, s.Cache, namespace, own)
	if err != nil {
		return nil, err
	}
	var members []*rosterv1alpha1.Member
	for _, name := range slices.Compact([]string{o.RecordedInviter(), invitation.JoinedMember(known)}) {
		if name == "" {
			continue
		}
		m := &rosterv1alpha1.Member{}
		err := s.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, m)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
		if err == nil {
			members = append(members, membership.At(o.Organization, m, s.Clock.Now()))
		}
	}
	return members, nil
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
