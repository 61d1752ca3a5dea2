// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/conditions"
)

// Group is what Teams and Workspaces have in common: profiles by name and by label.
type Group struct {
	Names []string
	// Selector finds profiles by their labels; nil where there is none.
	Selector labels.Selector
}

// NewGroup reads a group. Where the selector cannot be read, it finds nothing, and the error says why.
func NewGroup(names []string, selector *metav1.LabelSelector) (Group, error) {
	g := Group{Names: names}
	if selector == nil {
		return g, nil
	}
	var err error
	g.Selector, err = metav1.LabelSelectorAsSelector(selector)
	return g, err
}

// Has reports whether a profile is in the group.
func (g Group) Has(p *rosterv1alpha1.SocialProfile) bool {
	return p.DeletionTimestamp == nil && (slices.Contains(g.Names, p.Name) || g.Selector != nil && g.Selector.Matches(labels.Set(p.Labels)))
}

// GroupInput is everything that decides what the status of a Team or a Workspace says.
type GroupInput struct {
	// Organization that counts in the namespace; nil where there is none.
	Organization *rosterv1alpha1.Organization
	// Roles are the CustomRoles of the organisation.
	Roles access.Roles
	// MissingMembers and MissingProfiles are named and do not exist, sorted.
	MissingMembers, MissingProfiles []string
	// InvitedMembers are named, and are Members when they accept.
	InvitedMembers []string
	// ActiveMembers and Profiles are how many there are.
	ActiveMembers, Profiles int32
	// SelectorError says why the label selector cannot be read; nil where it can.
	SelectorError error
	// Refused is what Kubernetes refuses to have written of the Roles; nil where it refuses nothing.
	Refused *access.Problem
}

// DecideTeam decides what the status of a Team should be.
func DecideTeam(t *rosterv1alpha1.Team, in GroupInput, now time.Time) rosterv1alpha1.TeamStatus {
	s := *t.Status.DeepCopy()
	s.ObservedGeneration = t.Generation
	s.Members, s.Profiles = &in.ActiveMembers, &in.Profiles
	conds := conditions.In(&s.Conditions, t.Generation, now)
	custom := access.ProfilePermissions(t.Spec.Role) == 0
	_, known := in.Roles.OnProfile(t.Spec.Role)
	var role *access.Problem
	switch {
	case custom && in.lacks(rosterv1alpha1.FeatureCustomRoles):
		role = &access.Problem{Reason: rosterv1alpha1.ReasonFeatureNotInPlan, Message: fmt.Sprintf("The CustomRole %s gives nothing: %s",
			t.Spec.Role, access.NotInPlan(in.Organization.Status.Plan, rosterv1alpha1.FeatureCustomRoles))}
	case !known:
		role = &access.Problem{
			Reason: rosterv1alpha1.ReasonRoleNotFound, Message: access.NoSuchRole(rosterv1alpha1.ScopeProfile, string(t.Spec.Role)),
		}
	}
	in.ready(conds, fmt.Sprintf("Gives %s on %s to %s.", t.Spec.Role, Counted(in.Profiles, "profile"),
		Counted(in.ActiveMembers, "active member")), in.Refused, role)
	return s
}

// DecideWorkspace decides what the status of a Workspace should be.
func DecideWorkspace(w *rosterv1alpha1.Workspace, in GroupInput, now time.Time) rosterv1alpha1.WorkspaceStatus {
	s := *w.Status.DeepCopy()
	s.ObservedGeneration = w.Generation
	s.Members, s.Profiles = &in.ActiveMembers, &in.Profiles
	conds := conditions.In(&s.Conditions, w.Generation, now)
	if in.lacks(rosterv1alpha1.FeatureWorkspaces) {
		conds.Stall(rosterv1alpha1.ReasonFeatureNotInPlan,
			"The Workspace gives nothing: "+access.NotInPlan(in.Organization.Status.Plan, rosterv1alpha1.FeatureWorkspaces))
		return s
	}
	in.ready(conds, fmt.Sprintf("%s, given to %s.", Counted(in.Profiles, "profile"), Counted(in.ActiveMembers, "active member")), in.Refused)
	return s
}

// Counted says how many there are of something that takes an s where there are several.
func Counted[N int | int32](n N, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func (in GroupInput) lacks(f rosterv1alpha1.Feature) bool {
	return in.Organization != nil && !access.HasFeature(in.Organization.Status.Plan, f)
}

// ready sums up: the message where nothing is wrong, and else all that is, the problems that are given first.
func (in GroupInput) ready(conds conditions.Setter, message string, problems ...*access.Problem) {
	if in.Organization != nil {
		problems = append(problems, in.problems()...)
	}
	switch {
	case stall(conds, problems...):
	case in.Organization == nil:
		conds.Ready(metav1.ConditionFalse, rosterv1alpha1.ReasonOrganizationMissing, "There is no Organization in this namespace.")
	case len(in.InvitedMembers) > 0:
		conds.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, fmt.Sprintf(
			"%s Invited, and not joined yet: %s.", message, access.Listed(in.InvitedMembers)))
	default:
		conds.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, message)
	}
}

// problems are what a group names that is not there, or cannot be read.
func (in GroupInput) problems() []*access.Problem {
	var all []*access.Problem
	add := func(reason, format string, what any) {
		all = append(all, &access.Problem{Reason: reason, Message: fmt.Sprintf(format, what)})
	}
	if in.SelectorError != nil {
		add(rosterv1alpha1.ReasonInvalidSelector, "spec.profileSelector: %s. Correct it.", in.SelectorError)
	}
	if len(in.MissingMembers) > 0 {
		add(rosterv1alpha1.ReasonMemberNotFound,
			"There is no Member %s in this namespace. Create it or remove it from spec.members; the others have their role.",
			access.Listed(in.MissingMembers))
	}
	if len(in.MissingProfiles) > 0 {
		add(rosterv1alpha1.ReasonProfileNotFound,
			"There is no SocialProfile %s in this namespace. Create it or remove it from spec.profiles; the others count.",
			access.Listed(in.MissingProfiles))
	}
	return all
}

// stall tells all that somebody has to change, under the reason of the first; false where there is nothing. Nil is no problem.
func stall(conds conditions.Setter, all ...*access.Problem) bool {
	var problems []access.Problem
	for _, p := range all {
		if p != nil {
			problems = append(problems, *p)
		}
	}
	if len(problems) == 0 {
		return false
	}
	conds.Stall(problems[0].Reason, messages(problems))
	return true
}

// DecideCustomRole decides what the status of a CustomRole should be.
func DecideCustomRole(
	c *rosterv1alpha1.CustomRole, o *rosterv1alpha1.Organization, refused *access.Problem, now time.Time,
) rosterv1alpha1.CustomRoleStatus {
	s := *c.Status.DeepCopy()
	s.ObservedGeneration = c.Generation
	conds := conditions.In(&s.Conditions, c.Generation, now)
	if o != nil && !access.HasFeature(o.Status.Plan, rosterv1alpha1.FeatureCustomRoles) {
		conds.Stall(rosterv1alpha1.ReasonFeatureNotInPlan,
			"The CustomRole gives nothing: "+access.NotInPlan(o.Status.Plan, rosterv1alpha1.FeatureCustomRoles))
		return s
	}
	conds.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, "The role can be used.")
	stall(conds, refused)
	return s
}

// DecidePlan decides what the status of a Plan should be.
func DecidePlan(p *rosterv1alpha1.Plan, organizations int32, now time.Time) rosterv1alpha1.PlanStatus {
	s := *p.Status.DeepCopy()
	s.ObservedGeneration = p.Generation
	s.Organizations = &organizations
	conditions.In(&s.Conditions, p.Generation, now).Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, "The plan can be used.")
	return s
}
