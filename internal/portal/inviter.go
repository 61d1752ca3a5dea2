// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
)

// everybody is the group of all who are signed in at the API server (https://kubernetes.io/docs/reference/access-authn-authz/rbac/). Which
// other groups a person is in is known only while they are.
const everybody = "system:authenticated"

// review finds out whether whoever invites may still give what is offered, where that decides. Between this and the claim the right can
// be lost: then the acceptance came before.
func (p *Portal) review(ctx context.Context, f *found) error {
	switch f.check(p.clock.Now()) {
	case invitation.LinkOpen, invitation.LinkRenewable:
	default:
		return nil
	}
	address, ok := invitation.InviterAddress(f.offer.Invitation, p.userPrefix)
	if !ok {
		return nil
	}
	member, err := p.inviterMember(ctx, f.offer.Invitation, address)
	if err != nil {
		return fmt.Errorf("reading who invites: %w", err)
	}
	switch invitation.InviterStanding(f.offer.Invitation, address, member) {
	case invitation.InviterGone:
		f.offer.InviterLostRight = true
	case invitation.InviterMember:
		may, err := p.mayGive(ctx, f.offer, p.userPrefix+string(address))
		if err != nil {
			return fmt.Errorf("asking whether the inviter may still give what is offered: %w", err)
		}
		f.offer.InviterLostRight = !may
	case invitation.InviterUnknown:
	}
	return nil
}

// inviterMember is the Member who was recorded as the inviter, else one who has the address now; nil if there is none. The cache is asked
// for a name only.
func (p *Portal) inviterMember(
	ctx context.Context, inv *rosterv1alpha1.Invitation, address address.Address,
) (*rosterv1alpha1.Member, error) {
	name := invitation.RecordedInviter(inv)
	if name == "" {
		members, err := p.membersAt(ctx, inv.Namespace, address)
		if err != nil {
			return nil, err
		}
		if name = invitation.JoinedMember(members); name == "" {
			return nil, nil
		}
	}
	m := &rosterv1alpha1.Member{}
	err := p.client.Get(ctx, client.ObjectKey{Namespace: inv.Namespace, Name: name}, m)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return m, err
}

// membersAt are the Members of an address, as the cache knows them.
func (p *Portal) membersAt(ctx context.Context, namespace string, address address.Address) ([]*rosterv1alpha1.Member, error) {
	var list rosterv1alpha1.MemberList
	err := p.cache.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{addressIndex: string(address)})
	members := make([]*rosterv1alpha1.Member, len(list.Items))
	for i := range list.Items {
		members[i] = &list.Items[i]
	}
	return members, err
}

// mayGive asks the API server until one way of being allowed holds, and nothing twice.
func (p *Portal) mayGive(ctx context.Context, o invitation.Offer, user string) (bool, error) {
	answers := map[invitation.Review]bool{}
	for _, way := range o.Reviews() {
		allowed := true
		for _, question := range way {
			answer, known := answers[question]
			if !known {
				var err error
				if answer, err = p.ask(ctx, o.Invitation.Namespace, user, question); err != nil {
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

// ask the API server whether somebody may do something.
func (p *Portal) ask(ctx context.Context, namespace, user string, question invitation.Review) (bool, error) {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user, Groups: []string{everybody},
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Group: rosterv1alpha1.GroupVersion.Group, Resource: question.Resource, Name: question.Name, Verb: question.Verb,
		},
	}}
	err := p.client.Create(ctx, review)
	return review.Status.Allowed, err
}
