// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/conditions"
	"github.com/roster-dev/roster/internal/quota"
)

// ProfileInput is everything that decides what the status of a SocialProfile says.
type ProfileInput struct {
	Profile *rosterv1alpha1.SocialProfile
	// Responsible is the Member that spec.responsibleRef names; nil where there is none.
	Responsible *rosterv1alpha1.Member
	// ResponsibleInvited: there is no such Member yet, but an open Invitation that becomes one.
	ResponsibleInvited bool
	// Organization that counts in the namespace; nil where there is none.
	Organization *rosterv1alpha1.Organization
	// Teams is how many Teams work on the profile.
	Teams int32
	// Holders are the active Members who hold something on the profile, each once.
	Holders []Holder
	// Refused is what Kubernetes refuses to have written of the Roles on the profile; nil where it refuses nothing.
	Refused *access.Problem
}

// Holder is an active Member and what they hold on a profile.
type Holder struct {
	Member *rosterv1alpha1.Member
	// Named is what sources give that name the profile, and Everywhere what the role in the organisation gives on all.
	Named, Everywhere access.Set
}

// DecideProfile decides what the status of a SocialProfile should be.
func DecideProfile(in ProfileInput, now time.Time) rosterv1alpha1.SocialProfileStatus {
	p := in.Profile
	s := *p.Status.DeepCopy()
	s.ObservedGeneration = p.Generation
	s.Holders = in.holders()
	s.Teams = &in.Teams
	s.Responsible = ""
	if in.Responsible != nil {
		s.Responsible = emailOf(in.Responsible)
	}
	s.EngagementAssignee = in.assignee()
	conds := conditions.In(&s.Conditions, p.Generation, now)
	s.SoleAdministrator = in.administered(conds)
	s.Renewers, s.SoleRenewer = in.renewers()
	if !stall(conds, in.Refused, in.place(), in.team(conds), in.responsible(conds)) {
		conds.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, "The profile is set up.")
	}
	return s
}

// assignee is who gets what arrives on the profile: the responsible person, or the owner while there is none or they are not active.
func (in ProfileInput) assignee() string {
	switch {
	case in.Responsible != nil && IsActive(in.Responsible):
		return emailOf(in.Responsible)
	case in.Organization != nil:
		return in.Organization.Status.Owner
	}
	return ""
}

// holders counts each by the strongest built-in role that they have everything of.
func (in ProfileInput) holders() rosterv1alpha1.RoleHolders {
	count := map[rosterv1alpha1.ProfileRole]int32{}
	for _, h := range in.Holders {
		count[(h.Named|h.Everywhere).Strongest()]++
	}
	return rosterv1alpha1.RoleHolders{
		Administrators: ptr.To(count[rosterv1alpha1.ProfileAdministrator]), Editors: ptr.To(count[rosterv1alpha1.ProfileEditor]),
		Moderators: ptr.To(count[rosterv1alpha1.ProfileModerator]), Guests: ptr.To(count[rosterv1alpha1.ProfileGuest]),
	}
}

// team reports whether a Team works on the profile. Nil where that is no problem.
func (in ProfileInput) team(conds conditions.Setter) *access.Problem {
	required := RequiresTeam(in.Organization)
	switch {
	case in.Teams > 0:
		conds.Set(rosterv1alpha1.ConditionTeamAssigned, metav1.ConditionTrue, rosterv1alpha1.ReasonTeamAssigned,
			"Assigned to "+Counted(in.Teams, "Team")+".")
	case required:
		message := "No Team works on the profile, and the Organization requires one (spec.requireTeam). " +
			"Until one does, people who have a role on it by name or from a Workspace can only look at it."
		conds.Set(rosterv1alpha1.ConditionTeamAssigned, metav1.ConditionFalse, rosterv1alpha1.ReasonNoTeam, message)
		return &access.Problem{Reason: rosterv1alpha1.ReasonNoTeam, Message: message}
	default:
		conds.Remove(rosterv1alpha1.ConditionTeamAssigned)
	}
	return nil
}

// administered names the only Administrator, where the Organization asks for that.
func (in ProfileInput) administered(conds conditions.Setter) string {
	o := in.Organization
	if o == nil || o.Spec.Guardrails == nil || !ptr.Deref(o.Spec.Guardrails.WarnOnOrphanedProfiles, false) {
		conds.Remove(rosterv1alpha1.ConditionAdministered)
		return ""
	}
	var administrators []string
	for _, h := range in.Holders {
		if h.Named.Strongest() == rosterv1alpha1.ProfileAdministrator {
			administrators = append(administrators, h.Member.Name)
		}
	}
	if len(administrators) == 0 {
		conds.Set(rosterv1alpha1.ConditionAdministered, metav1.ConditionFalse, rosterv1alpha1.ReasonNoAdministrator,
			"No active Member is named Administrator of the profile. Give someone that role, through spec.profiles, a Team or a Workspace.")
		return ""
	}
	conds.Set(rosterv1alpha1.ConditionAdministered, metav1.ConditionTrue, rosterv1alpha1.ReasonAdministered,
		fmt.Sprintf("%d active Members are named Administrator of the profile.", len(administrators)))
	if len(administrators) > 1 {
		return ""
	}
	return administrators[0]
}

// place is the problem that the plan has no place for the profile; nil where it has.
func (in ProfileInput) place() *access.Problem {
	if in.Organization == nil || Standing(in.Organization, in.Profile) != access.OverLimit {
		return nil
	}
	plan := in.Organization.Status.Plan
	return &access.Problem{Reason: rosterv1alpha1.ReasonProfileLimit, Message: fmt.Sprintf(
		"The plan %s has no place left for this profile: roles on it by name give nothing until one is free. For more social profiles, ask %s.",
		plan.Name, plan.Contact)}
}

// RequiresTeam reports whether profiles wait for their first Team. The Organization may be nil.
func RequiresTeam(o *rosterv1alpha1.Organization) bool {
	return o != nil && ptr.Deref(o.Spec.RequireTeam, false)
}

// Standing reports whether roles can be held on a profile that exists.
func Standing(o *rosterv1alpha1.Organization, p *rosterv1alpha1.SocialProfile) access.Standing {
	if o != nil && quota.Ask(o.Status.Plan.SocialProfiles, quota.PlaceOf(p)) == quota.Full {
		return access.OverLimit
	}
	return access.Present
}

// instead says who stands in for a responsible person.
func (in ProfileInput) instead() string {
	if owner := in.assignee(); owner != "" {
		return " What arrives there is for the owner, " + owner + "."
	}
	return ""
}

// responsible says who looks after the profile. Nil where that is no problem.
func (in ProfileInput) responsible(conds conditions.Setter) *access.Problem {
	ref := in.Profile.Spec.ResponsibleRef
	set := func(resolved metav1.ConditionStatus, reason, message string) {
		conds.Set(rosterv1alpha1.ConditionResponsibleResolved, resolved, reason, message)
	}
	switch {
	case ref == nil:
		set(metav1.ConditionFalse, rosterv1alpha1.ReasonNoResponsible,
			"spec.responsibleRef is not set: nobody in particular looks after the profile."+in.instead())
	case in.Responsible == nil && in.ResponsibleInvited:
		set(metav1.ConditionFalse, rosterv1alpha1.ReasonMemberNotActive,
			fmt.Sprintf("%s is invited and has not joined yet.%s", ref.Name, in.instead()))
	case in.Responsible == nil:
		message := fmt.Sprintf(
			"spec.responsibleRef names the Member %q, which does not exist in this namespace. Create it or name another.", ref.Name)
		set(metav1.ConditionFalse, rosterv1alpha1.ReasonMemberNotFound, message)
		return &access.Problem{Reason: rosterv1alpha1.ReasonMemberNotFound, Message: message}
	case !IsActive(in.Responsible):
		set(metav1.ConditionFalse, rosterv1alpha1.ReasonMemberNotActive,
			fmt.Sprintf("%s has not joined yet, or is suspended.%s", emailOf(in.Responsible), in.instead()))
	default:
		set(metav1.ConditionTrue, rosterv1alpha1.ReasonResolved, fmt.Sprintf("%s looks after the profile.", emailOf(in.Responsible)))
	}
	return nil
}

// needsSomebody reports whether a profile works on only if somebody connects it again: its tokens end and the operator cannot renew them,
// or the network does not take them any more.
func needsSomebody(p *rosterv1alpha1.SocialProfile) bool {
	return p.Status.Credential != nil && (p.Status.Credential.ReconnectByTime != nil ||
		meta.IsStatusConditionFalse(p.Status.Conditions, rosterv1alpha1.ConditionConnected))
}

// renewers is how many active Members may reconnect the profile, and the only one of them, where that matters. Of those who may connect
// every profile, one can be the only one where nobody else may: they may be many, and none of them may know the account. The owner is
// never left out, and so is not told apart.
func (in ProfileInput) renewers() (count *int32, sole string) {
	var named, everywhere []string
	connect := access.NewSet(access.Connect)
	for _, h := range in.Holders {
		switch {
		case h.Named.Contains(connect):
			named = append(named, h.Member.Name)
		case h.Everywhere.Contains(connect):
			everywhere = append(everywhere, h.Member.Name)
		}
	}
	count = ptr.To(int32(len(named) + len(everywhere)))
	all := named
	if len(named) == 0 {
		all = everywhere
	}
	if !needsSomebody(in.Profile) || len(all) != 1 || in.Organization != nil && IsOwner(in.Organization, all[0]) {
		return count, ""
	}
	return count, all[0]
}
