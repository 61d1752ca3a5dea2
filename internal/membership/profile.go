// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// ProfileInput is everything that decides what the status of a SocialProfile says.
type ProfileInput struct {
	Profile *rosterv1alpha1.SocialProfile
	// Responsible is the Member that spec.responsibleRef names; nil where there is none.
	Responsible *rosterv1alpha1.Member
	// Members who may hold a role on the profile: those whose status shows a grant on it or on all profiles.
	Members []*rosterv1alpha1.Member
}

// DecideProfile says what the status of a SocialProfile should be.
func DecideProfile(in ProfileInput, now time.Time) rosterv1alpha1.SocialProfileStatus {
	p := in.Profile
	s := *p.Status.DeepCopy()
	s.ObservedGeneration = p.Generation
	s.Holders = in.holders()
	s.Responsible = ""
	if in.Responsible != nil {
		s.Responsible = in.Responsible.Spec.Email
	}
	in.conditions(newConditions(&s.Conditions, p.Generation, now))
	return s
}

func (in ProfileInput) holders() rosterv1alpha1.RoleHolders {
	count := map[rosterv1alpha1.ProfileRole]*int32{}
	for _, m := range in.Members {
		if !IsActive(m) {
			continue
		}
		held := access.Effective{Grants: m.Status.Grants}.On(in.Profile.Name)
		if held != "" {
			n := count[held]
			if n == nil {
				n = new(int32)
				count[held] = n
			}
			*n++
		}
	}
	of := func(r rosterv1alpha1.ProfileRole) *int32 {
		if n := count[r]; n != nil {
			return n
		}
		return new(int32)
	}
	return rosterv1alpha1.RoleHolders{
		Administrators: of(rosterv1alpha1.ProfileAdministrator), Editors: of(rosterv1alpha1.ProfileEditor),
		Moderators: of(rosterv1alpha1.ProfileModerator), Guests: of(rosterv1alpha1.ProfileGuest),
	}
}

func (in ProfileInput) conditions(conds conditions) {
	ref := in.Profile.Spec.ResponsibleRef
	set := func(resolved metav1.ConditionStatus, reason, message string) {
		conds.set(rosterv1alpha1.ConditionResponsibleResolved, resolved, reason, message)
	}
	switch {
	case ref == nil:
		set(metav1.ConditionFalse, rosterv1alpha1.ReasonNoResponsible,
			"spec.responsibleRef is not set: nobody in particular looks after the profile.")
	case in.Responsible == nil:
		message := fmt.Sprintf(
			"spec.responsibleRef names the Member %q, which does not exist in this namespace. Create it or name another.", ref.Name)
		set(metav1.ConditionFalse, rosterv1alpha1.ReasonMemberNotFound, message)
		conds.ready(metav1.ConditionFalse, rosterv1alpha1.ReasonMemberNotFound, message)
		return
	case !IsActive(in.Responsible):
		set(metav1.ConditionFalse, rosterv1alpha1.ReasonMemberNotActive,
			fmt.Sprintf("%s has not joined yet, or is suspended.", in.Responsible.Spec.Email))
	default:
		set(metav1.ConditionTrue, rosterv1alpha1.ReasonResolved, fmt.Sprintf("%s looks after the profile.", in.Responsible.Spec.Email))
	}
	conds.ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, "The profile is set up.")
}
