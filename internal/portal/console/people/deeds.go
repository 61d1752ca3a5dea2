// SPDX-License-Identifier: Apache-2.0

package people

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
)

// deed is something to do about somebody, as it stands in addresses.
type deed string

// The deeds.
const (
	resend   deed = "resend"
	withdraw deed = "withdraw"
	change   deed = "change"
	teams    deed = "teams"
	end      deed = "end"
	suspend  deed = "suspend"
	resume   deed = "resume"
	remove   deed = "remove"
)

// offered is what a page offers to do about somebody: what the state allows and the one who looks at it may do. The API server decides
// when it is done.
func (s *subject) offered(held access.Effective, self bool) []deed {
	var all []deed
	add := func(is bool, d deed) {
		if is {
			all = append(all, d)
		}
	}
	manages := held.May(rosterv1alpha1.PermissionManageMembers) && !self && !s.isOwner()
	add(manages && s.mailable(), resend)
	add(manages && s.withdrawable(), withdraw)
	add(manages, change)
	add(held.May(rosterv1alpha1.PermissionManageTeams) && len(s.all.Teams) > 0, teams)
	if m := s.member; m != nil {
		add(manages, end)
		add(manages && !membership.IsSuspended(m), suspend)
		add(manages && membership.IsSuspended(m), resume)
		add(manages, remove)
	}
	return all
}

// mailable reports whether another mail makes sense: the person has not joined, and neither a suspension nor the end stands against it.
func (s *subject) mailable() bool {
	inv := s.invitation
	switch {
	case inv == nil, inv.Status.State == rosterv1alpha1.InvitationAccepted, s.person.Ends != nil && !s.all.Now.Before(s.person.Ends.Time):
		return false
	case s.member != nil:
		return s.member.Spec.AccountRef == nil && !membership.IsSuspended(s.member)
	}
	return true
}

// withdrawable reports whether there is a link that could still be used, or a mail that is to go out.
func (s *subject) withdrawable() bool {
	inv := s.invitation
	if inv == nil || ptr.Deref(inv.Spec.Revoked, false) || s.member != nil && s.member.Spec.AccountRef != nil {
		return false
	}
	switch inv.Status.State {
	case rosterv1alpha1.InvitationAccepted, rosterv1alpha1.InvitationRevoked:
		return false
	}
	return true
}

// joined reports whether the person has accepted.
func (s *subject) joined() bool { return s.member != nil && s.member.Spec.AccountRef != nil }

// removable reports whether the organisation lets the Member be deleted, by the rule of the policy roster-guardrails.
func (s *subject) removable() bool {
	g, m := s.all.Organization.Spec.Guardrails, s.member
	ready := meta.FindStatusCondition(m.Status.Conditions, rosterv1alpha1.ConditionReady)
	return g == nil || !ptr.Deref(g.DeleteOnlySuspended, false) || membership.IsSuspended(m) || !s.joined() ||
		m.Status.State == rosterv1alpha1.MemberEnded || m.Status.Successor != "" ||
		ready != nil && ready.Reason == rosterv1alpha1.ReasonDuplicateEmail
}
