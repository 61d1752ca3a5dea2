// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
)

// What of an object concerns others.

func accountUsername(a *rosterv1alpha1.Account) any { return a.Spec.Username }

// memberStanding is what the counts on profiles depend on.
func memberStanding(m *rosterv1alpha1.Member) any { return []any{memberHolds(m), m.Status.Role} }

func memberForInvitation(m *rosterv1alpha1.Member) any {
	s := m.Spec
	return []any{s.AccountRef != nil, s.Suspended, s.EndTime, s.Role, s.Profiles, s.Workspaces, s.InvitedBy, m.DeletionTimestamp != nil}
}

// memberCounts is what the counts, the seats and the ownership of an Organization depend on.
func memberCounts(m *rosterv1alpha1.Member) any {
	return []any{
		membership.IsActive(m), m.Spec.EndTime, m.Spec.Role == rosterv1alpha1.RoleProfileConnector, m.DeletionTimestamp != nil,
		m.Annotations[rosterv1alpha1.OwnershipAnnotation],
	}
}

// memberLooksAfter is what of a Member decides whether its person looks after the organisation.
func memberLooksAfter(m *rosterv1alpha1.Member) any {
	return []any{membership.IsActive(m), m.Spec.Role, m.Spec.Email, m.Annotations[rosterv1alpha1.OwnershipAnnotation]}
}

func memberWorkspaces(m *rosterv1alpha1.Member) any {
	return []any{membership.IsActive(m), m.Spec.Workspaces}
}

// memberTwin is what of a Member concerns others of the same address.
func memberTwin(m *rosterv1alpha1.Member) any {
	return []any{m.DeletionTimestamp == nil, m.Spec.AccountRef, membership.IsSuspended(m), m.Spec.EndTime}
}

// memberJoined is what the record of a membership depends on.
func memberJoined(m *rosterv1alpha1.Member) any {
	_, left := m.Annotations[rosterv1alpha1.LeftAnnotation]
	return []any{memberTwin(m), left, m.Status.JoinedTime, m.Annotations[rosterv1alpha1.PlaceAnnotation]}
}

func invitationOpen(inv *rosterv1alpha1.Invitation) any { return invitation.IsOpen(inv) }

// invitationCounts is what the counts and the seats of an Organization depend on.
func invitationCounts(inv *rosterv1alpha1.Invitation) any {
	return []any{invitation.IsOpen(inv), membership.HoldsSeat(inv), inv.Status.OpenTime, invitation.IsHeld(inv)}
}

func invitationForMember(inv *rosterv1alpha1.Invitation) any {
	stalled := meta.IsStatusConditionTrue(inv.Status.Conditions, rosterv1alpha1.ConditionStalled)
	return []any{inv.Status.State, inv.Status.MemberRef, invitation.IsOpen(inv), stalled}
}

func profileAlive(p *rosterv1alpha1.SocialProfile) any { return p.DeletionTimestamp == nil }

func profileInGroups(p *rosterv1alpha1.SocialProfile) any {
	return []any{p.DeletionTimestamp == nil, p.Labels}
}

func profileForRoles(p *rosterv1alpha1.SocialProfile) any {
	return []any{p.DeletionTimestamp == nil, p.Labels, p.Spec.ConnectedBy}
}

func profileForMembers(p *rosterv1alpha1.SocialProfile) any {
	return []any{p.DeletionTimestamp == nil, p.Status.SoleAdministrator, p.Status.SoleRenewer}
}

func teamGives(t *rosterv1alpha1.Team) any {
	return []any{t.DeletionTimestamp == nil, t.Spec.Role, t.Spec.Profiles, t.Spec.ProfileSelector}
}

func teamAlive(t *rosterv1alpha1.Team) any { return t.DeletionTimestamp == nil }

func teamMembers(t *rosterv1alpha1.Team) any {
	return []any{t.DeletionTimestamp == nil, t.Spec.Members}
}

func teamSpec(t *rosterv1alpha1.Team) any { return []any{t.DeletionTimestamp == nil, t.Spec} }

func teamProfiles(t *rosterv1alpha1.Team) any {
	return []any{t.DeletionTimestamp == nil, t.Spec.Profiles, t.Spec.ProfileSelector}
}

func workspaceProfiles(w *rosterv1alpha1.Workspace) any {
	return []any{w.DeletionTimestamp == nil, w.Spec.Profiles, w.Spec.ProfileSelector}
}

func workspaceAlive(w *rosterv1alpha1.Workspace) any { return w.DeletionTimestamp == nil }

func roleSpec(r *rosterv1alpha1.CustomRole) any {
	return []any{r.DeletionTimestamp == nil, r.Spec.Scope, r.Spec.Permissions}
}

func planSpec(p *rosterv1alpha1.Plan) any { return []any{p.DeletionTimestamp == nil, p.Spec} }

func organizationAlive(o *rosterv1alpha1.Organization) any { return o.DeletionTimestamp == nil }

func organizationPlan(o *rosterv1alpha1.Organization) any { return membership.PlanName(o) }

// organizationButCounts is everything of an Organization that the next look at it depends on, apart from what was counted: in a status that
// its own writing has looked at again at once, the counts would be written as fast as the API server takes them while people come in.
func organizationButCounts(o *rosterv1alpha1.Organization) any {
	s := o.Status
	s.Members, s.ActiveMembers, s.OpenInvitations, s.SocialProfiles = nil, nil, nil, nil
	s.Plan.Seats = rosterv1alpha1.Usage{Limit: s.Plan.Seats.Limit}
	s.Plan.SocialProfiles = rosterv1alpha1.Usage{Limit: s.Plan.SocialProfiles.Limit}
	s.Conditions = make([]metav1.Condition, len(o.Status.Conditions))
	for i, c := range o.Status.Conditions { // The message of a condition may have a count in it.
		s.Conditions[i] = metav1.Condition{Type: c.Type, Status: c.Status, Reason: c.Reason, ObservedGeneration: c.ObservedGeneration}
	}
	return []any{o.Generation, o.DeletionTimestamp != nil, o.Labels, o.Annotations, o.Finalizers, o.OwnerReferences, s}
}

// organizationOwner is who owns it, and whether that counts.
func organizationOwner(o *rosterv1alpha1.Organization) any {
	return []any{o.Spec.OwnerRef, o.Status.OwnerRef, meta.IsStatusConditionFalse(o.Status.Conditions, rosterv1alpha1.ConditionOwnerUnique)}
}

// organizationOwned is what of an Organization decides who looks after it.
func organizationOwned(o *rosterv1alpha1.Organization) any {
	return []any{organizationOwner(o), inEffect(o)}
}

func organizationOwnership(o *rosterv1alpha1.Organization) any {
	return []any{o.DeletionTimestamp == nil, o.Status.Owner, o.Status.OwnerSince}
}

// inEffect is what of the plan is in effect, but for the places.
func inEffect(o *rosterv1alpha1.Organization) any {
	p := o.Status.Plan
	return []any{o.DeletionTimestamp == nil, membership.Known(o), p.Name, p.Contact, p.Features, p.Seats.Limit, p.SocialProfiles.Limit}
}

func organizationForMembers(o *rosterv1alpha1.Organization) any {
	return []any{inEffect(o), o.Spec.RequireTeam}
}

func organizationForProfiles(o *rosterv1alpha1.Organization) any {
	return []any{inEffect(o), o.Spec.RequireTeam, o.Spec.Guardrails, o.Status.Owner}
}

func organizationForInvitations(o *rosterv1alpha1.Organization) any {
	return []any{inEffect(o), o.Spec.Invitations, o.Spec.OwnerRef}
}

func accountForMember(a *rosterv1alpha1.Account) any {
	var joined []string
	for _, ms := range a.Status.Memberships {
		joined = append(joined, ms.Namespace)
	}
	return []any{a.Spec.DisplayName, a.LastSignIn(), a.KnownSecondFactor().Enrolled, joined}
}
