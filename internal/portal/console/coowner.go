// SPDX-License-Identifier: Apache-2.0

package console

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// MakesCoOwner reports whether a change of a Member gives the role of a co-owner, or gives it back to somebody who is suspended or whose
// membership ends. A browser that was left open is not enough for that, since it is nearly everything.
func MakesCoOwner(before, after *rosterv1alpha1.MemberSpec) bool {
	resumed := ptr.Deref(before.Suspended, false) && !ptr.Deref(after.Suspended, false)
	return after.Role == rosterv1alpha1.RoleCoOwner && resumed || OfferOfMember(before).MakesCoOwner(OfferOfMember(after))
}

// MakesCoOwner is that of a change of what somebody is offered.
func (o Offer) MakesCoOwner(after Offer) bool {
	return after.Role == rosterv1alpha1.RoleCoOwner && (o.Role != after.Role || Later(after.EndTime, o.EndTime))
}

// Later reports whether an end is put off or taken away.
func Later(at, before *metav1.Time) bool { return before != nil && (at == nil || before.Before(at)) }
