// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
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

// OrganizationInput is everything that decides what the status of an Organization says.
type OrganizationInput struct {
	Organization *rosterv1alpha1.Organization
	// Counting is the Organization that counts in the namespace.
	Counting *rosterv1alpha1.Organization
	// Owner is the Member that spec.ownerRef names; nil where there is none.
	Owner *rosterv1alpha1.Member
	// Counts of what the namespace holds.
	Counts Counts
}

// Counts of what a namespace holds.
type Counts struct {
	Members, ActiveMembers, OpenInvitations, SocialProfiles int32
}

// DecideOrganization says what the status of an Organization should be.
func DecideOrganization(in OrganizationInput, now time.Time) rosterv1alpha1.OrganizationStatus {
	o := in.Organization
	s := *o.Status.DeepCopy()
	s.ObservedGeneration = o.Generation
	conds := newConditions(&s.Conditions, o.Generation, now)
	if in.Counting != nil && in.Counting.UID != o.UID {
		s.Owner, s.Members, s.ActiveMembers, s.OpenInvitations, s.SocialProfiles = "", nil, nil, nil, nil
		conds.stall(rosterv1alpha1.ReasonNamespaceTaken, fmt.Sprintf(
			"The namespace belongs to the older Organization %q. Delete one of the two; an organisation has a namespace of its own.", in.Counting.Name))
		return s
	}
	c := in.Counts
	s.Members, s.ActiveMembers, s.OpenInvitations, s.SocialProfiles = &c.Members, &c.ActiveMembers, &c.OpenInvitations, &c.SocialProfiles
	s.Owner = ""
	if in.Owner != nil {
		s.Owner = in.Owner.Spec.Email
	}
	in.owner(conds)
	return s
}

func (in OrganizationInput) owner(conds conditions) {
	ref := in.Organization.Spec.OwnerRef
	switch {
	case ref == nil:
		message := "spec.ownerRef is not set: nobody in the organisation can do everything."
		conds.set(rosterv1alpha1.ConditionOwnerResolved, metav1.ConditionFalse, rosterv1alpha1.ReasonNoOwner, message)
		conds.ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, message)
	case in.Owner == nil:
		message := fmt.Sprintf("spec.ownerRef names the Member %q, which does not exist in this namespace. Create it or name another.", ref.Name)
		conds.set(rosterv1alpha1.ConditionOwnerResolved, metav1.ConditionFalse, rosterv1alpha1.ReasonMemberNotFound, message)
		conds.ready(metav1.ConditionFalse, rosterv1alpha1.ReasonMemberNotFound, message)
	case !IsActive(in.Owner):
		message := fmt.Sprintf("The owner %s has not joined yet, or is suspended.", in.Owner.Spec.Email)
		conds.set(rosterv1alpha1.ConditionOwnerResolved, metav1.ConditionFalse, rosterv1alpha1.ReasonMemberNotActive, message)
		conds.ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, message)
	default:
		conds.set(rosterv1alpha1.ConditionOwnerResolved, metav1.ConditionTrue, rosterv1alpha1.ReasonResolved,
			fmt.Sprintf("The owner is %s.", in.Owner.Spec.Email))
		conds.ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, "The organisation is set up.")
	}
}
