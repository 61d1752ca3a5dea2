// SPDX-License-Identifier: Apache-2.0

// Package membership holds the rules about Members, Organizations and SocialProfiles: which of several counts, where a person
// stands, and what they hold. It does no I/O.
package membership

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/conditions"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/quota"
)

// MemberInput is everything that decides where a Member stands.
type MemberInput struct {
	Member *rosterv1alpha1.Member
	// Organization that counts in the namespace; nil where there is none.
	Organization *rosterv1alpha1.Organization
	// Twin is the name of another Member with the same address that counts before this one; see FindTwin.
	Twin string
	// TwinJoined: another Member with the same address is bound to its Account.
	TwinJoined bool
	// Successor is the name of another Member with the same address that takes the place of this one; see FindSuccessor.
	Successor string
	// Invitation by which the person comes or came in; nil while there is none.
	Invitation *rosterv1alpha1.Invitation
	// Account that the Member is bound to; nil while it is not bound or the Account is not there.
	Account *rosterv1alpha1.Account
	// Person is the Account of the address, whether or not the Member is bound to it; nil where there is none.
	Person *rosterv1alpha1.Account
	// Sources that the Member's spec names: CustomRoles, profiles, and which Workspaces there are. DecideMember fills in the spec, the
	// ownership and the plan. What a Team or a Workspace gives changes no Member.
	Sources access.Sources
	// Teams that name the Member, sorted.
	Teams []string
	// Refused is what Kubernetes refuses to have written for the Member; nil where it refuses nothing.
	Refused *access.Problem
	// SoleAdministratorOf are the profiles whose only named Administrator the Member is, sorted.
	SoleAdministratorOf []string
	// SoleRenewerOf are the profiles that the Member alone may connect again, where that matters, sorted.
	SoleRenewerOf []string
}

// MemberDecision is where a Member stands.
type MemberDecision struct {
	Status rosterv1alpha1.MemberStatus
	// Invite: the Member needs an Invitation and has none.
	Invite bool
	// Holds: the person is a subject of the Roles of everything that they have. What that is, Sums tells.
	Holds bool
	// Address is the normalised address, the subject of the RoleBindings; empty when it cannot be parsed.
	Address address.Address
	// Wake is when to decide again although nothing else happens; zero for never.
	Wake time.Time
}

// DecideMember decides what the state of a Member is. It changes nothing of its input.
func DecideMember(in MemberInput, now time.Time) MemberDecision {
	m := in.Member
	s := *m.Status.DeepCopy()
	conds := conditions.In(&s.Conditions, m.Generation, now)
	s.ObservedGeneration = m.Generation

	effective := access.Resolve(in.sources())
	s.Role = string(effective.Role)
	if o := in.Organization; o != nil && o.Status.OwnerRef != nil && o.Status.OwnerRef.Name == m.Name && stillInvited(m) {
		s.Role = string(rosterv1alpha1.RoleOwner) // as the invitation says; they hold nothing yet
	}
	address, err := address.OfMember(m)
	d := MemberDecision{Address: address, Wake: in.wake(now)}
	s.State, s.DisplayName = in.state(now), in.displayName()
	s.Profiles, s.Workspaces, s.Teams, s.SoleAdministratorOf, s.SoleRenewerOf = nil, nil, nil, nil, nil
	s.Email = string(address)
	if err == nil {
		s.AvatarURL = address.AvatarURL()
	}
	if in.Invitation != nil {
		s.Invitation = in.Invitation.Name
	}
	s.Successor = in.Successor
	in.recordTimes(&s, now)

	problem := in.problem(address, err)
	if d.Holds = problem == nil && in.Organization != nil && s.State == rosterv1alpha1.MemberActive; d.Holds {
		s.Profiles, s.Workspaces = named(effective.Grants), effective.Workspaces
		if effective.Role != rosterv1alpha1.RoleProfileConnector {
			s.Teams = in.Teams
		}
		s.SoleAdministratorOf, s.SoleRenewerOf = in.SoleAdministratorOf, in.SoleRenewerOf
	}
	d.Invite = problem == nil && s.State == rosterv1alpha1.MemberPending && in.Invitation == nil

	in.joined(conds)
	in.rolesGranted(conds, s.State, d.Holds, effective)
	in.ready(conds, problem, s.State, effective, now)
	d.Status = s
	return d
}

// named are the roles that a Member holds on profiles by name.
func named(grants []access.Grant) []rosterv1alpha1.ProfileGrant {
	var all []rosterv1alpha1.ProfileGrant
	for _, g := range grants {
		if g.Profile != access.AllProfiles {
			all = append(all, rosterv1alpha1.ProfileGrant{Name: g.Profile, Role: rosterv1alpha1.ProfileRole(g.Role)})
		}
	}
	return all
}

func (in MemberInput) sources() access.Sources {
	s := in.Sources
	s.Spec = in.Member.Spec
	if o := in.Organization; o != nil {
		s.Plan = o.Status.Plan
		s.Owner, s.OwnerElsewhere = Owns(o, in.Member)
	}
	return s
}

// Seat reports whether a Member has one of the seats of the plan. The owner always has one, and a ProfileConnector needs none. Before the
// Organization was looked at for the first time, nobody knows.
func Seat(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member) quota.Answer {
	switch {
	case o == nil, o.Status.OwnerRef != nil && o.Status.OwnerRef.Name == m.Name, m.Spec.Role == rosterv1alpha1.RoleProfileConnector:
		return quota.Placed
	case !Known(o):
		return quota.Uncounted
	}
	return quota.Ask(o.Status.Plan.Seats, quota.PlaceOfMember(m))
}

// Known reports whether the operator has looked at the Organization, so that its status says who owns it and what its plan is.
func Known(o *rosterv1alpha1.Organization) bool { return o.Status.ObservedGeneration > 0 }

// hasSeat keeps what was while the count is under way.
func (in MemberInput) hasSeat() bool {
	switch Seat(in.Organization, in.Member) {
	case quota.Full:
		return false
	case quota.Uncounted:
		c := meta.FindStatusCondition(in.Member.Status.Conditions, rosterv1alpha1.ConditionReady)
		return c == nil || c.Reason != rosterv1alpha1.ReasonNoSeat
	case quota.Placed:
	}
	return true
}

// problem is something that somebody has to change before the Member can be one.
type problem struct{ reason, message string }

func (in MemberInput) problem(address address.Address, addressErr error) *problem {
	ref := in.Member.Spec.AccountRef
	switch {
	case addressErr != nil:
		return &problem{rosterv1alpha1.ReasonInvalidEmail,
			fmt.Sprintf("The address %s. Delete the Member and create it with the right address.", addressErr)}
	case in.Twin != "":
		return &problem{rosterv1alpha1.ReasonDuplicateEmail, fmt.Sprintf(
			"%s already belongs to the Member %q, which counts. Delete one of the two.", address, in.Twin)}
	case ref != nil && ref.Name != address.AccountName():
		return &problem{rosterv1alpha1.ReasonAccountMismatch, fmt.Sprintf(
			"spec.accountRef names %q, which is not the Account of %s. "+
				"Have an administrator remove spec.accountRef: the operator sets it when the person accepts.",
			ref.Name, address)}
	case !in.hasSeat():
		plan := in.Organization.Status.Plan
		return &problem{rosterv1alpha1.ReasonNoSeat, fmt.Sprintf(
			"The plan %s has no seat left for %s, who holds nothing until one is free. For more seats, ask %s.", plan.Name, address, plan.Contact)}
	}
	return nil
}

func (in MemberInput) state(now time.Time) rosterv1alpha1.MemberState {
	switch {
	case HasEnded(in.Organization, in.Member, now):
		return rosterv1alpha1.MemberEnded
	case in.Member.Spec.AccountRef == nil:
		return rosterv1alpha1.MemberPending
	case IsSuspended(in.Member):
		return rosterv1alpha1.MemberSuspended
	}
	return rosterv1alpha1.MemberActive
}

// displayName is the one that the person chose, else the one that the organisation wrote. What somebody chose whose Account is gone stays
// where the organisation wrote none.
func (in MemberInput) displayName() string {
	switch {
	case in.Account != nil:
		return in.Account.Spec.DisplayName
	case in.Member.Spec.AccountRef == nil:
		return in.Member.Spec.DisplayName
	}
	return cmp.Or(in.Member.Spec.DisplayName, in.Member.Status.DisplayName)
}

func (in MemberInput) recordTimes(s *rosterv1alpha1.MemberStatus, now time.Time) {
	if in.Member.Spec.AccountRef == nil {
		s.JoinedTime, s.LastSignInTime, s.SecondFactor = nil, nil, nil
		return
	}
	s.SecondFactor = in.secondFactor()
	if s.JoinedTime == nil {
		s.JoinedTime = cmp.Or(in.joinedBefore(now), &metav1.Time{Time: now})
		if in.Invitation != nil && in.Invitation.Status.AcceptedTime != nil {
			s.JoinedTime = in.Invitation.Status.AcceptedTime
		}
	}
	if in.Account != nil {
		s.LastSignInTime = in.Account.LastSignIn()
	}
}

// secondFactor reports whether the person has one; nil where that is not known.
func (in MemberInput) secondFactor() *bool {
	if in.Account == nil {
		return nil
	}
	return in.Account.KnownSecondFactor().Enrolled
}

func (in MemberInput) joined(conds conditions.Setter) {
	switch {
	case in.accountMissing():
		conds.Set(rosterv1alpha1.ConditionJoined, metav1.ConditionTrue, rosterv1alpha1.ReasonAccountMissing, in.accountGone())
	case in.Member.Spec.AccountRef != nil:
		conds.Set(rosterv1alpha1.ConditionJoined, metav1.ConditionTrue, rosterv1alpha1.ReasonJoined, "The person has accepted.")
	case in.Invitation == nil || invitation.IsOpen(in.Invitation) || in.Invitation.Status.State == rosterv1alpha1.InvitationAccepted:
		conds.Set(rosterv1alpha1.ConditionJoined, metav1.ConditionFalse, rosterv1alpha1.ReasonPending, "The person has not accepted yet.")
	default:
		conds.Set(rosterv1alpha1.ConditionJoined, metav1.ConditionFalse, rosterv1alpha1.ReasonNotInvited, fmt.Sprintf(
			"The Invitation %q has ended: %s. To invite again, set its spec.resendRequestedAt to now.",
			in.Invitation.Name, in.Invitation.Status.State))
	}
}

// accountMissing reports whether the person joined and their Account has been deleted since.
func (in MemberInput) accountMissing() bool {
	return in.Member.Spec.AccountRef != nil && in.Account == nil
}

func (in MemberInput) accountGone() string {
	return fmt.Sprintf("The Account %s has been deleted: the person keeps the roles but cannot sign in to the portal. "+
		"Delete the Member if they have left; to invite them again, delete it and create it again.", in.Member.Spec.AccountRef.Name)
}

func (in MemberInput) rolesGranted(conds conditions.Setter, state rosterv1alpha1.MemberState, holds bool, wanted access.Effective) {
	switch {
	case in.Refused != nil:
		conds.Set(rosterv1alpha1.ConditionRolesGranted, metav1.ConditionFalse, in.Refused.Reason, in.Refused.Message)
	case !holds:
		conds.Set(rosterv1alpha1.ConditionRolesGranted, metav1.ConditionFalse, whyNothing(state),
			"Only an active member of an organisation holds roles.")
	case len(wanted.Problems) > 0:
		p := wanted.Problems[0]
		conds.Set(rosterv1alpha1.ConditionRolesGranted, metav1.ConditionFalse, p.Reason, messages(wanted.Problems))
	default:
		conds.Set(rosterv1alpha1.ConditionRolesGranted, metav1.ConditionTrue, rosterv1alpha1.ReasonActive,
			"The member holds the roles of its spec.")
	}
}

func whyNothing(state rosterv1alpha1.MemberState) string {
	switch state {
	case rosterv1alpha1.MemberPending:
		return rosterv1alpha1.ReasonPending
	case rosterv1alpha1.MemberSuspended:
		return rosterv1alpha1.ReasonSuspended
	case rosterv1alpha1.MemberEnded:
		return rosterv1alpha1.ReasonEnded
	}
	return rosterv1alpha1.ReasonNotCounted
}

// ready sums up: a Member that waits for the person, is suspended on purpose or has ended in time is as it should be.
func (in MemberInput) ready(
	conds conditions.Setter, p *problem, state rosterv1alpha1.MemberState, effective access.Effective, now time.Time,
) {
	switch {
	case p != nil && p.reason == rosterv1alpha1.ReasonDuplicateEmail && in.mayBeRenamed(now):
		conds.Ready(metav1.ConditionFalse, p.reason, p.message)
	case p != nil:
		conds.Stall(p.reason, p.message)
	case in.Refused != nil:
		conds.Stall(in.Refused.Reason, in.Refused.Message)
	case in.Organization == nil:
		conds.Ready(metav1.ConditionFalse, rosterv1alpha1.ReasonOrganizationMissing,
			"There is no Organization in this namespace. The Member takes effect once one exists.")
	case state == rosterv1alpha1.MemberEnded:
		conds.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonEnded, in.hasEnded())
	case ownerIsToEnd(in.Organization, in.Member):
		conds.Stall(rosterv1alpha1.ReasonOwnerDoesNotEnd, ownerDoesNotEnd(in.Member))
	case state == rosterv1alpha1.MemberActive && in.accountMissing():
		conds.Stall(rosterv1alpha1.ReasonAccountMissing, in.accountGone())
	case len(effective.Problems) > 0:
		conds.Stall(effective.Problems[0].Reason, messages(effective.Problems))
	case state == rosterv1alpha1.MemberActive:
		conds.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonActive, "The member holds the roles of its spec.")
	case state == rosterv1alpha1.MemberSuspended:
		conds.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonSuspended, "The member is suspended and holds nothing.")
	default:
		in.waits(conds)
	}
}

// waits is ready of a Member that is to join: somebody who is not even invited is waited for in vain.
func (in MemberInput) waits(conds conditions.Setter) {
	if c := in.notInvitable(); c != nil {
		conds.Stall(c.Reason, c.Message)
		return
	}
	joined := conds.Find(rosterv1alpha1.ConditionJoined)
	conds.Ready(metav1.ConditionTrue, joined.Reason, joined.Message)
}

// notInvitable is the condition by which the organisation does not invite to the address of the Member, and nothing was mailed; nil where
// nothing is known to stand in the way. Everything else that keeps its mail back is the Member's own problem, or passes.
func (in MemberInput) notInvitable() *metav1.Condition {
	if in.Invitation == nil || in.Invitation.Status.State != rosterv1alpha1.InvitationPending {
		return nil
	}
	c := meta.FindStatusCondition(in.Invitation.Status.Conditions, rosterv1alpha1.ConditionStalled)
	if c == nil || c.Status != metav1.ConditionTrue || c.Reason != rosterv1alpha1.ReasonDomainNotAllowed {
		return nil
	}
	return c
}

// messages tells all problems in one.
func messages(problems []access.Problem) string {
	var all []string
	for _, p := range problems {
		all = append(all, p.Message)
	}
	return strings.Join(all, " ")
}

// NameOf is what a Member is called.
func NameOf(m *rosterv1alpha1.Member) string {
	return cmp.Or(m.Status.DisplayName, m.Spec.DisplayName, m.Spec.Email)
}

// IsSuspended reports whether a Member is suspended.
func IsSuspended(m *rosterv1alpha1.Member) bool {
	return m.Spec.Suspended != nil && *m.Spec.Suspended
}

// IsActive reports whether a Member held its roles when its status was last written and is not to lose them.
func IsActive(m *rosterv1alpha1.Member) bool {
	granted := meta.FindStatusCondition(m.Status.Conditions, rosterv1alpha1.ConditionRolesGranted)
	counts := granted == nil || granted.Reason != rosterv1alpha1.ReasonNotCounted
	return m.Status.State == rosterv1alpha1.MemberActive && counts && MayBeActive(m)
}

// MayBeActive reports whether nothing in a Member itself keeps its person from holding anything.
func MayBeActive(m *rosterv1alpha1.Member) bool {
	return !IsSuspended(m) && (m.Spec.AccountRef != nil || wasReplaced(m)) && m.DeletionTimestamp == nil
}

// wasReplaced reports whether spec.accountRef of somebody who was active is gone, as it is when a Member is replaced by its file. Until the
// operator has written it again, or that the person is to be invited, they keep what they had: taking it away takes nobody's access.
func wasReplaced(m *rosterv1alpha1.Member) bool {
	return m.Spec.AccountRef == nil && m.Status.State == rosterv1alpha1.MemberActive && m.Status.ObservedGeneration < m.Generation
}

// BringsIn reports whether an Invitation that somebody applied is the one by which a person comes or came in: it names the Member and is
// open, or was the one and has ended, since people who declined get no more mail; it goes out, or went out, to the address of a Member who
// has not joined; or it led to the Member. The address is not compared.
func BringsIn(inv *rosterv1alpha1.Invitation, m *rosterv1alpha1.Member) bool {
	if metav1.GetControllerOf(inv) != nil {
		return false // another Member's own, or that of an earlier one of the name
	}
	if ref := inv.Spec.MemberRef; ref != nil {
		return ref.Name == m.Name && (invitation.IsOpen(inv) || m.Status.Invitation == inv.Name && invitation.HasEnded(inv))
	}
	if m.Spec.AccountRef == nil {
		// One that somebody has to correct first would keep the person waiting. One that has ended stays the one: people who declined get no more
		// mail.
		stalled := meta.IsStatusConditionTrue(inv.Status.Conditions, rosterv1alpha1.ConditionStalled)
		return invitation.IsOpen(inv) && (!stalled || inv.Status.State == rosterv1alpha1.InvitationSent) ||
			m.Status.Invitation == inv.Name && invitation.HasEnded(inv)
	}
	return inv.Status.MemberRef != nil && inv.Status.MemberRef.Name == m.Name
}

// IsJoining reports whether the person of an Invitation to the Member's address has accepted and is no member yet: one of another Member
// of that name, which was replaced meanwhile, makes them a member as this one.
func IsJoining(inv *rosterv1alpha1.Invitation, m *rosterv1alpha1.Member) bool {
	of, err := address.OfMember(m)
	about := inv.Spec.MemberRef == nil || inv.Spec.MemberRef.Name == m.Name
	return err == nil && about && m.Spec.AccountRef == nil && inv.Status.Email == string(of) && inv.DeletionTimestamp == nil &&
		inv.Status.State == rosterv1alpha1.InvitationAccepted && inv.Status.MemberRef == nil
}

// FindTwin names the Member of the same namespace and address that counts before this one; empty when this one counts. The owner is the
// name of the Member that is named to own the organisation.
func FindTwin(m *rosterv1alpha1.Member, others []*rosterv1alpha1.Member, owner string) string {
	first := m
	for _, other := range others {
		if other.UID != m.UID && other.DeletionTimestamp == nil && countsBefore(other, first, owner) {
			first = other
		}
	}
	if first == m {
		return ""
	}
	return first.Name
}

// NamedOwner is the name of the Member that spec.ownerRef names; empty where there is none.
func NamedOwner(o *rosterv1alpha1.Organization) string {
	if o == nil || o.Spec.OwnerRef == nil {
		return ""
	}
	return o.Spec.OwnerRef.Name
}

// countsBefore: of two Members of one person, the one that is named as the owner, so that the owner's can be renamed; then the older.
func countsBefore(a, b *rosterv1alpha1.Member, owner string) bool {
	ownsA, ownsB := a.Name == owner && a.Spec.AccountRef != nil, b.Name == owner && b.Spec.AccountRef != nil
	if ownsA != ownsB {
		return ownsA
	}
	return Older(a, b)
}

// Older is the order in which objects of one namespace count: by creation, then by UID.
func Older(a, b metav1.Object) bool {
	at, bt := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if !at.Equal(&bt) {
		return at.Before(&bt)
	}
	return a.GetUID() < b.GetUID()
}

// BelongsTo reports whether a Member is bound to an Account, and both are of the same address.
func BelongsTo(m *rosterv1alpha1.Member, a *rosterv1alpha1.Account) bool {
	address, err := address.OfMember(m)
	return err == nil && m.Spec.AccountRef != nil && m.Spec.AccountRef.Name == a.Name && string(address) == a.Spec.Email
}

// IsOwner reports whether a Member owns the organisation, or is named to.
func IsOwner(o *rosterv1alpha1.Organization, member string) bool {
	for _, ref := range []*rosterv1alpha1.LocalReference{o.Spec.OwnerRef, o.Status.OwnerRef} {
		if ref != nil && ref.Name == member {
			return true
		}
	}
	return false
}
