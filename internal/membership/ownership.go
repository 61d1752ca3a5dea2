// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/conditions"
)

// Nobody owns an organisation who has not agreed to, and nobody has to go on owning one.

func ownershipOf(m *rosterv1alpha1.Member) string {
	return m.Annotations[rosterv1alpha1.OwnershipAnnotation]
}

// agrees reports whether a Member's person has agreed to own the organisation: they said so, or they own it already, perhaps as another
// Member.
func agrees(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member) bool {
	switch ownershipOf(m) {
	case rosterv1alpha1.OwnershipAgreed:
		return true
	case rosterv1alpha1.OwnershipDeclined:
		return false
	}
	return o.Status.OwnerSince != nil && address.Same(o.Status.Owner, emailOf(m))
}

// emailOf is the address of a Member in the form that is compared, so that writing it otherwise changes nothing; as it stands in the spec
// where it is none.
func emailOf(m *rosterv1alpha1.Member) string {
	if a, err := address.OfMember(m); err == nil {
		return string(a)
	}
	return m.Spec.Email
}

// stillInvited reports whether a Member's person is still to accept the invitation that says so: until then they hold nothing.
func stillInvited(m *rosterv1alpha1.Member) bool {
	return m.Spec.AccountRef == nil && ownershipOf(m) == ""
}

// OwnerInForce is the Member that spec.ownerRef names, as soon as they are active and have agreed: until then the former owner stays
// it, so that a slip of the pen locks nobody out. The same goes for a Member whose membership is to end. Where there is none, it is a
// Member who has still to accept the invitation that says so.
func (in OrganizationInput) OwnerInForce() *rosterv1alpha1.Member {
	o := in.Organization
	if o.Spec.OwnerRef == nil {
		return nil
	}
	inForce := func(m *rosterv1alpha1.Member) bool {
		return m != nil && IsActive(m) && agrees(o, m) && (m.Spec.EndTime == nil || same(m, in.Former))
	}
	switch {
	case inForce(in.Owner):
		return in.Owner
	case inForce(in.Former):
		return in.Former
	case in.Owner != nil && (agrees(o, in.Owner) || stillInvited(in.Owner)):
		return in.Owner
	}
	return nil
}

// Owns reports whether a Member's ownership of the Organization is in force, and if it is not, whether that is because the person has owned
// another one for longer.
func Owns(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member) (owner, elsewhere bool) {
	if o.Status.OwnerRef == nil || o.Status.OwnerRef.Name != m.Name || !agrees(o, m) {
		return false, false
	}
	elsewhere = meta.IsStatusConditionFalse(o.Status.Conditions, rosterv1alpha1.ConditionOwnerUnique)
	return !elsewhere, elsewhere
}

// RoleOf is the role in the organisation that counts for a Member.
func RoleOf(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member) rosterv1alpha1.OrganizationRole {
	switch owner, elsewhere := Owns(o, m); {
	case owner:
		return rosterv1alpha1.RoleOwner
	case elsewhere:
		return rosterv1alpha1.RoleCoOwner
	}
	return cmp.Or(m.Spec.Role, rosterv1alpha1.RoleMember)
}

// Offered reports whether a Member is named the owner of the Organization and does not own it: the person may take it over, or has
// declined.
func Offered(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member) (offered, declined bool) {
	offered = o.Spec.OwnerRef != nil && o.Spec.OwnerRef.Name == m.Name && !agrees(o, m)
	return offered, offered && ownershipOf(m) == rosterv1alpha1.OwnershipDeclined
}

// OwnershipMark is a Member whose OwnershipAnnotation is to say something else; empty for nothing.
type OwnershipMark struct {
	Member *rosterv1alpha1.Member
	Says   string
}

// agreedOwner is the owner, if they are active and have agreed; nil while that is still to come.
func (in OrganizationInput) agreedOwner() *rosterv1alpha1.Member {
	if m := in.OwnerInForce(); m != nil && IsActive(m) && agrees(in.Organization, m) {
		return m
	}
	return nil
}

// OwnershipMarks keeps what lasts of the consent in the Members: that the owner has agreed; that the person who is named the owner, is
// active and has not agreed is to be asked; and nothing of people who are neither named nor the owner, so that they are asked when they are
// named again.
func (in OrganizationInput) OwnershipMarks() []OwnershipMark {
	if in.Counting == nil || in.Counting.UID != in.Organization.UID {
		return nil
	}
	var marks []OwnershipMark
	inForce := in.agreedOwner()
	if inForce != nil && ownershipOf(inForce) != rosterv1alpha1.OwnershipAgreed {
		marks = append(marks, OwnershipMark{inForce, rosterv1alpha1.OwnershipAgreed})
	}
	if in.Owner != nil && in.Owner != inForce && IsActive(in.Owner) && ownershipOf(in.Owner) == "" {
		marks = append(marks, OwnershipMark{in.Owner, rosterv1alpha1.OwnershipAsked})
	}
	for _, m := range in.Answered {
		if m.DeletionTimestamp == nil && !same(m, in.Owner) && !same(m, inForce) {
			marks = append(marks, OwnershipMark{m, ""})
		}
	}
	return marks
}

func same(a, b *rosterv1alpha1.Member) bool { return b != nil && a.UID == b.UID }

// owner says who owns the organisation, or what that waits for.
func (in OrganizationInput) owner(conds conditions.Setter, owner *rosterv1alpha1.Member) {
	ref := in.Organization.Spec.OwnerRef
	if owner == nil || !IsActive(owner) {
		conds.Remove(rosterv1alpha1.ConditionOwnerUnique)
	}
	unresolved := func(reason, message string) string {
		conds.Set(rosterv1alpha1.ConditionOwnerResolved, metav1.ConditionFalse, reason, message)
		return message
	}
	switch {
	case ref == nil:
		in.ready(conds, unresolved(rosterv1alpha1.ReasonNoOwner, "spec.ownerRef is not set: nobody in the organisation can do everything."))
	case in.Owner == nil:
		conds.Stall(rosterv1alpha1.ReasonMemberNotFound, unresolved(rosterv1alpha1.ReasonMemberNotFound, fmt.Sprintf(
			"spec.ownerRef names the Member %q, which does not exist in this namespace. Create it or name another.%s", ref.Name, stays(owner))))
	case ownershipOf(in.Owner) == rosterv1alpha1.OwnershipDeclined:
		conds.Stall(rosterv1alpha1.ReasonOwnerDeclined, unresolved(rosterv1alpha1.ReasonOwnerDeclined, fmt.Sprintf(
			"%s does not want to own the organisation. Name another Member in spec.ownerRef.%s", emailOf(in.Owner), stays(owner))))
	case in.Owner.Spec.EndTime != nil:
		conds.Stall(rosterv1alpha1.ReasonOwnerDoesNotEnd, unresolved(rosterv1alpha1.ReasonOwnerDoesNotEnd, fmt.Sprintf(
			"The membership of %s is to end, and that of an owner does not. Remove spec.endTime of the Member %s, or name another in "+
				"spec.ownerRef.%s", emailOf(in.Owner), in.Owner.Name, stays(owner))))
	case !IsActive(in.Owner):
		in.ready(conds, unresolved(rosterv1alpha1.ReasonMemberNotActive, fmt.Sprintf(
			"The owner %s has not joined yet, or is suspended.%s", emailOf(in.Owner), meanwhile(owner))))
	case !agrees(in.Organization, in.Owner):
		in.ready(conds, unresolved(rosterv1alpha1.ReasonOwnerNotAgreed, fmt.Sprintf(
			"Waiting for %s to agree, at the portal, to own the organisation.%s", emailOf(in.Owner), meanwhile(owner))))
	default:
		conds.Set(rosterv1alpha1.ConditionOwnerResolved, metav1.ConditionTrue, rosterv1alpha1.ReasonResolved,
			fmt.Sprintf("The owner is %s.", emailOf(in.Owner)))
		in.ready(conds, "The organisation is set up.")
	}
	if owner != nil && IsActive(owner) {
		in.unique(conds, owner)
	}
}

// stays says who owns the organisation until then.
func stays(owner *rosterv1alpha1.Member) string {
	if owner == nil || !IsActive(owner) {
		return ""
	}
	return fmt.Sprintf(" Until then %s stays the owner.", emailOf(owner))
}

// meanwhile says who owns the organisation until the one who is named does, if anybody.
func meanwhile(owner *rosterv1alpha1.Member) string {
	return cmp.Or(stays(owner), " Until then nobody in the organisation can do everything.")
}
