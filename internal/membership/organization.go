// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/conditions"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/quota"
)

// Counting is the Organization that counts in a namespace: the oldest that is not being deleted; nil where there is none.
func Counting(organizations []*rosterv1alpha1.Organization) *rosterv1alpha1.Organization {
	var first *rosterv1alpha1.Organization
	for _, o := range organizations {
		if o.DeletionTimestamp == nil && (first == nil || Older(o, first)) {
			first = o
		}
	}
	return first
}

// PlanName is the name of the Plan that counts for an Organization, if there is one of that name.
func PlanName(o *rosterv1alpha1.Organization) string {
	if ref := o.Spec.PlanRef; ref != nil {
		return ref.Name
	}
	return rosterv1alpha1.DefaultPlan
}

// OrganizationInput is everything that decides what the status of an Organization says.
type OrganizationInput struct {
	Organization *rosterv1alpha1.Organization
	// Counting is the Organization that counts in the namespace.
	Counting *rosterv1alpha1.Organization
	// Owner is the Member that spec.ownerRef names; nil where there is none.
	Owner *rosterv1alpha1.Member
	// Former is the Member whose ownership is in force according to the status; nil where there is none.
	Former *rosterv1alpha1.Member
	// Elsewhere: the owner owns another organisation, and has for longer; see OwnsBefore.
	Elsewhere bool
	// Plan that spec.planRef names, else the default one; nil where there is none.
	Plan *rosterv1alpha1.Plan
	// Seats and Profiles are the claims to the places of the plan.
	Seats, Profiles []quota.Claim
	// Issuers that the configuration of the operator has, by name.
	Issuers []string
	// Counts of what the namespace holds.
	Counts Counts
	// Answered are the Members of the namespace that say how their person stands to owning the organisation; see OwnershipMarks.
	Answered []*rosterv1alpha1.Member
	// MailHeld: mails of the organisation wait for the relay.
	MailHeld bool
	// Trouble with the relay and what there is to say of it; empty while that is not known.
	Trouble, TroubleWords string
	// NoContact: spec.onboarding.contactRef names nobody who is there or invited.
	NoContact bool
	// Refused is what Kubernetes refuses to have written of the Roles of the organisation; nil where it refuses nothing.
	Refused *access.Problem

	now time.Time
}

// Counts of what a namespace holds.
type Counts struct {
	Members, ActiveMembers, OpenInvitations, SocialProfiles int32
}

// Count fills in the counts and the claims to the places of a plan.
func (in *OrganizationInput) Count(
	people []*rosterv1alpha1.Member, invited []*rosterv1alpha1.Invitation, profiles []*rosterv1alpha1.SocialProfile,
) {
	owner := in.OwnerInForce()
	in.NoContact = in.lacksContact(people, invited)
	in.Counts = Counts{Members: int32(len(people)), SocialProfiles: int32(len(profiles))}
	for _, m := range people {
		if IsActive(m) {
			in.Counts.ActiveMembers++
		}
		if ownershipOf(m) != "" {
			in.Answered = append(in.Answered, m)
		}
		if m.DeletionTimestamp == nil && m.Spec.Role != rosterv1alpha1.RoleProfileConnector {
			in.Seats = append(in.Seats, quota.Claim{
				Place: quota.PlaceOfMember(m), Who: who(emailOf(m)), First: owner != nil && m.UID == owner.UID,
			})
		}
	}
	for _, inv := range invited {
		if invitation.IsOpen(inv) {
			in.Counts.OpenInvitations++
		}
		in.MailHeld = in.MailHeld || invitation.IsHeld(inv)
		if HoldsSeat(inv) {
			in.Seats = append(in.Seats, quota.Claim{Place: quota.PlaceOfInvitation(inv), Who: who(inv.Spec.Email)})
		}
	}
	for _, p := range profiles {
		if p.DeletionTimestamp == nil {
			in.Profiles = append(in.Profiles, quota.Claim{Place: quota.PlaceOf(p)})
		}
	}
}

func (in *OrganizationInput) lacksContact(people []*rosterv1alpha1.Member, invited []*rosterv1alpha1.Invitation) bool {
	ref := in.Organization.Spec.Onboarding.ContactRef
	return ref != nil &&
		!slices.ContainsFunc(people, func(m *rosterv1alpha1.Member) bool { return m.Name == ref.Name }) &&
		!slices.ContainsFunc(invited, func(inv *rosterv1alpha1.Invitation) bool { return inv.Name == ref.Name && invitation.IsOpen(inv) })
}

// HoldsSeat reports whether an Invitation claims a seat of its own: while it is open, and from the acceptance until its Member is there.
// That of a declared Member does not: the Member does.
func HoldsSeat(inv *rosterv1alpha1.Invitation) bool {
	joining := inv.Status.State == rosterv1alpha1.InvitationAccepted && inv.Status.MemberRef == nil && inv.DeletionTimestamp == nil
	return inv.Spec.MemberRef == nil && inv.Spec.Role != rosterv1alpha1.RoleProfileConnector && (invitation.IsOpen(inv) || joining)
}

// InvitationSeat reports whether the person whom an Invitation is for has one of the seats of the plan, and whether seats are counted for
// it at all. The Member is the one that it names; nil where it names none.
func InvitationSeat(
	o *rosterv1alpha1.Organization, inv *rosterv1alpha1.Invitation, m *rosterv1alpha1.Member,
) (seat quota.Answer, limited bool) {
	switch {
	case o == nil, inv.Spec.Role == rosterv1alpha1.RoleProfileConnector, inv.Spec.MemberRef != nil && m == nil:
		return quota.Placed, false
	case !Known(o):
		return quota.Uncounted, false
	case m != nil:
		return Seat(o, m), false
	}
	return quota.Ask(o.Status.Plan.Seats, quota.PlaceOfInvitation(inv)), o.Status.Plan.Seats.Limit != nil
}

// who is the same for addresses that are the same.
func who(email string) string {
	a, err := address.Parse(email)
	if err != nil {
		return ""
	}
	return string(a)
}

// recordMultiFactor notes since when new members, or everybody, have been asked for a second factor.
func (in OrganizationInput) recordMultiFactor(s *rosterv1alpha1.OrganizationStatus) {
	switch in.Organization.Spec.Security.MultiFactor {
	case rosterv1alpha1.MultiFactorNewMembers, rosterv1alpha1.MultiFactorRequired:
		if s.MultiFactorSince == nil {
			s.MultiFactorSince = &metav1.Time{Time: in.now}
		}
	default:
		s.MultiFactorSince = nil
	}
}

// DecideOrganization decides what the status of an Organization should be.
func DecideOrganization(in OrganizationInput, now time.Time) rosterv1alpha1.OrganizationStatus {
	o := in.Organization
	s := *o.Status.DeepCopy()
	s.ObservedGeneration = o.Generation
	conds := conditions.In(&s.Conditions, o.Generation, now)
	in.now = now
	if in.Counting != nil && in.Counting.UID != o.UID {
		s = rosterv1alpha1.OrganizationStatus{Conditions: s.Conditions, ObservedGeneration: s.ObservedGeneration}
		conds.Stall(rosterv1alpha1.ReasonNamespaceTaken, fmt.Sprintf(
			"The namespace belongs to the older Organization %q. Delete one of the two; each organisation has its own namespace.", in.Counting.Name))
		return s
	}
	c := in.Counts
	s.Members, s.ActiveMembers, s.OpenInvitations, s.SocialProfiles = &c.Members, &c.ActiveMembers, &c.OpenInvitations, &c.SocialProfiles
	owner := in.OwnerInForce()
	in.recordOwner(&s, owner)
	in.recordMultiFactor(&s)
	in.plan(&s, conds)
	in.issuer(conds)
	in.mail(conds)
	in.owner(conds, owner)
	stall(conds, in.Refused)
	return s
}

func (in OrganizationInput) recordOwner(s *rosterv1alpha1.OrganizationStatus, owner *rosterv1alpha1.Member) {
	before := who(s.Owner)
	s.Owner, s.OwnerRef = "", nil
	if owner == nil {
		s.OwnerSince = nil
		return
	}
	s.Owner, s.OwnerRef = emailOf(owner), &rosterv1alpha1.LocalReference{Name: owner.Name}
	switch {
	case s.OwnerSince != nil && before == who(emailOf(owner)):
		// Their Member may have got another name, and come into force in a moment: they own the organisation all the same.
	case !IsActive(owner):
		s.OwnerSince = nil
	default:
		s.OwnerSince = &metav1.Time{Time: in.now}
	}
}

// OwnsBefore reports whether the ownership that a says is in force counts before that of b, which that Member there owns, or is about to,
// where the same person owns both: the longer counts, then the older Organization.
func OwnsBefore(a, b *rosterv1alpha1.Organization, owner *rosterv1alpha1.Member) bool {
	at, bt := a.Status.OwnerSince, b.Status.OwnerSince
	if b.Status.OwnerRef == nil || who(b.Status.Owner) != who(emailOf(owner)) {
		bt = nil // What is written there speaks of the owner before.
	}
	if at == nil || bt == nil {
		return at != nil
	}
	if !at.Equal(bt) {
		return at.Before(bt)
	}
	return Older(a, b)
}

// unique does not say which the other organisation is: it may be another tenant's.
func (in OrganizationInput) unique(conds conditions.Setter, owner *rosterv1alpha1.Member) {
	if !in.Elsewhere {
		conds.Set(rosterv1alpha1.ConditionOwnerUnique, metav1.ConditionTrue, rosterv1alpha1.ReasonOwnerUnique,
			"The owner owns no other organisation, or has owned this one longest.")
		return
	}
	message := fmt.Sprintf("%s has owned another organisation for longer, and a person owns only one. Here they have the rights of a "+
		"CoOwner. Name another Member in spec.ownerRef, or have them give up the other organisation.", emailOf(owner))
	conds.Set(rosterv1alpha1.ConditionOwnerUnique, metav1.ConditionFalse, rosterv1alpha1.ReasonOwnerElsewhere, message)
	conds.Stall(rosterv1alpha1.ReasonOwnerElsewhere, message)
}

// ready reports that the organisation works, unless its plan or its issuer is missing.
func (in OrganizationInput) ready(conds conditions.Setter, message string) {
	if ref := in.Organization.Spec.PlanRef; ref != nil && in.Plan == nil {
		conds.Stall(rosterv1alpha1.ReasonPlanNotFound, planMissing(ref.Name))
		return
	}
	if name := in.Organization.Spec.Security.SSO.Issuer; in.lacksIssuer() {
		conds.Stall(rosterv1alpha1.ReasonIssuerNotFound, issuerMissing(name))
		return
	}
	if in.NoContact {
		message += fmt.Sprintf(" spec.onboarding.contactRef names the Member %q, which does not exist in this namespace: newcomers are told to "+
			"ask the owner.", in.Organization.Spec.Onboarding.ContactRef.Name)
	}
	conds.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, message)
}

func planMissing(name string) string {
	return fmt.Sprintf(
		"spec.planRef names the Plan %q, which does not exist. Create it or name another; until then, the previous Plan stays in effect.", name)
}

func (in OrganizationInput) lacksIssuer() bool {
	name := in.Organization.Spec.Security.SSO.Issuer
	return name != "" && !slices.Contains(in.Issuers, name)
}

// issuerMissing does not say which there are: they are other companies'.
func issuerMissing(name string) string {
	return fmt.Sprintf("spec.security.sso.issuer names the issuer %q, which portal.issuers of the operator's configuration does not have: "+
		"nobody can sign in with SSO. Correct the name, or ask the people who run the operator to add it.", name)
}

// mail says why mails of the organisation are held. After a restart of the operator that shows at the next try; until then, what was
// said stays so.
func (in OrganizationInput) mail(conds conditions.Setter) {
	switch was := conds.Find(rosterv1alpha1.ConditionMailDelivered); {
	case !in.MailHeld:
		conds.Remove(rosterv1alpha1.ConditionMailDelivered)
	case in.Trouble != "":
		conds.Set(rosterv1alpha1.ConditionMailDelivered, metav1.ConditionFalse, in.Trouble, in.TroubleWords)
	case was == nil:
		conds.Set(rosterv1alpha1.ConditionMailDelivered, metav1.ConditionFalse, rosterv1alpha1.ReasonRelayUnavailable,
			"Mail waits for the relay; the next try shows why.")
	}
}

// issuer reports whether there is the company's sign-in that the organisation names.
func (in OrganizationInput) issuer(conds conditions.Setter) {
	name := in.Organization.Spec.Security.SSO.Issuer
	switch {
	case name == "":
		conds.Remove(rosterv1alpha1.ConditionIssuerResolved)
	case in.lacksIssuer():
		conds.Set(rosterv1alpha1.ConditionIssuerResolved, metav1.ConditionFalse, rosterv1alpha1.ReasonIssuerNotFound, issuerMissing(name))
	default:
		conds.Set(rosterv1alpha1.ConditionIssuerResolved, metav1.ConditionTrue, rosterv1alpha1.ReasonResolved,
			fmt.Sprintf("The operator's configuration has the issuer %q.", name))
	}
}

// plan brings what is in effect to what the Plan says, and gives the places out.
func (in OrganizationInput) plan(s *rosterv1alpha1.OrganizationStatus, conds conditions.Setter) {
	ref := in.Organization.Spec.PlanRef
	seats, profiles := s.Plan.Seats.Limit, s.Plan.SocialProfiles.Limit
	switch {
	case in.Plan != nil:
		spec := in.Plan.Spec
		s.Plan = rosterv1alpha1.PlanInEffect{Name: in.Plan.Name, Contact: spec.Contact, Features: spec.Features}
		seats, profiles = spec.Seats, spec.SocialProfiles
	case ref == nil:
		s.Plan = rosterv1alpha1.PlanInEffect{}
		conds.Remove(rosterv1alpha1.ConditionWithinPlan)
		return
	}
	s.Plan.Seats, s.Plan.SocialProfiles = rosterv1alpha1.Usage{}, rosterv1alpha1.Usage{}
	if seats != nil {
		s.Plan.Seats = quota.Count(in.Seats, *seats)
	}
	if profiles != nil {
		s.Plan.SocialProfiles = quota.Count(in.Profiles, *profiles)
	}
	message := fmt.Sprintf("%s; %s.", taken(s.Plan.Seats, "seats"), taken(s.Plan.SocialProfiles, "social profiles"))
	switch {
	case in.Plan == nil:
		conds.Set(rosterv1alpha1.ConditionWithinPlan, metav1.ConditionFalse, rosterv1alpha1.ReasonPlanNotFound, planMissing(ref.Name))
	case exceeded(s.Plan.Seats) || exceeded(s.Plan.SocialProfiles):
		conds.Set(rosterv1alpha1.ConditionWithinPlan, metav1.ConditionFalse, rosterv1alpha1.ReasonPlanExceeded,
			fmt.Sprintf("%s The newest ones wait for a place. For more, ask %s.", message, s.Plan.Contact))
	default:
		conds.Set(rosterv1alpha1.ConditionWithinPlan, metav1.ConditionTrue, rosterv1alpha1.ReasonWithinPlan, message)
	}
}

func taken(u rosterv1alpha1.Usage, what string) string {
	if u.Limit == nil {
		return what + " are not limited"
	}
	return fmt.Sprintf("%d of %d %s are wanted", *u.Wanted, *u.Limit, what)
}

func exceeded(u rosterv1alpha1.Usage) bool { return u.Limit != nil && *u.Wanted > *u.Limit }
