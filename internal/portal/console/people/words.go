// SPDX-License-Identifier: Apache-2.0

package people

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/rights"
	"github.com/roster-dev/roster/internal/roles"
)

// speech puts what an organisation has into words.
type speech struct {
	web.Words
	all *rights.Organization
}

func (w speech) names() console.Names { return console.Names{Words: w.Words, All: w.all.Snapshot()} }

// profiles are several: how many, and which.
func (w speech) profiles(names []string) string {
	var handles []string
	for _, name := range names {
		handles = append(handles, w.names().Profile(name))
	}
	if len(handles) == 1 {
		return handles[0]
	}
	return w.T("people.profilesNamed", "Count", w.N("people.profiles", len(handles)), "Names", console.Listed(w.Words, handles))
}

func (w speech) where(on rights.OnProfiles) string {
	if on.Every {
		return w.T("people.everyProfile")
	}
	return w.profiles(on.Profiles)
}

func (w speech) mayHere(permissions []rosterv1alpha1.RolePermission) string {
	return console.And(w.Words, console.Allowed(w.Words, permissions))
}

// role in the organisation, with its description where it is a CustomRole: those of a built-in one address the person who has it.
func (w speech) role(role rosterv1alpha1.OrganizationRole, adds bool) roles.Term {
	term := w.Roles.InOrganization(role, adds, roles.Custom(w.all.CustomRoles()))
	if console.IsBuiltIn(role) {
		term.Words = ""
	}
	return term
}

func (w speech) roleOnProfile(role string) string {
	if role == access.Connector {
		return w.T("people.connector")
	}
	return w.Roles.OnProfile(rosterv1alpha1.ProfileRole(role), roles.Custom(w.all.CustomRoles())).Name
}

// from tells where somebody has a role on a profile from: "Editor by the team Press".
func (w speech) from(g rights.Grant) string {
	text := w.T("people.by", "Role", w.roleOnProfile(g.Role), "By", w.source(g))
	if g.Waits != "" {
		text = w.T("people.onceTeam", "Right", text)
	}
	return text
}

func (w speech) source(g rights.Grant) string {
	if len(g.Chain) > 1 {
		switch by := g.Chain[1]; by.Kind {
		case "Team":
			return w.T("people.by.team", "Team", w.names().Team(by.Name))
		case "Workspace":
			return w.T("people.by.workspace", "Workspace", w.names().Workspace(by.Name))
		case "SocialProfile":
			return w.T("people.by.connecting")
		}
	}
	if g.Profile == access.AllProfiles {
		return w.T("people.by.role")
	}
	return w.T("people.by.name")
}

// means tells what a change means to people, in sentences. The name is that of the person.
func (w speech) means(name string, c rights.Consequences) []string {
	var all []string
	org := w.all.Organization.Spec.DisplayName
	add := func(text string, pairs ...any) {
		all = append(all, w.T(text, append(pairs, "Name", name, "Org", org)...))
	}
	if len(c.LosesHere) > 0 {
		add("people.means.losesHere", "May", w.mayHere(c.LosesHere))
	}
	for _, on := range c.Loses {
		add("people.means.loses", "May", console.May(w.Words, on.Set), "Where", w.where(on))
	}
	if len(c.GainsHere) > 0 {
		add("people.means.gainsHere", "May", w.mayHere(c.GainsHere))
	}
	for _, on := range c.Gains {
		add("people.means.gains", "May", console.May(w.Words, on.Set), "Where", w.where(on))
	}
	for _, p := range c.Unrenewed {
		if s := p.Status.Credential; s != nil && s.ReconnectByTime != nil {
			add("people.means.unrenewed", "Profile", w.names().Profile(p.Name), "Day", w.Day(s.ReconnectByTime.Time).Text)
			continue
		}
		add("people.means.unrenewedNow", "Profile", w.names().Profile(p.Name))
	}
	if names := objectNames(c.Unadministered); len(names) > 0 {
		add("people.means.unadministered", "Profiles", w.profiles(names))
	}
	if names := objectNames(c.Unattended); len(names) > 0 {
		add("people.means.unattended", "Profiles", w.profiles(names))
	}
	if n := len(c.Unanswered); n > 0 {
		all = append(all, w.N("people.means.unanswered", n))
	}
	return all
}

func objectNames(profiles []*rosterv1alpha1.SocialProfile) []string {
	var names []string
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names
}

// why tells what keeps somebody where they stand, and what the operator noted, in English, where something is amiss.
func (w speech) why(s *subject) (text, detail string) {
	var ready *metav1.Condition
	if s.member != nil {
		ready = meta.FindStatusCondition(s.member.Status.Conditions, rosterv1alpha1.ConditionReady)
	}
	if inv := s.invitation; inv != nil && !s.joined() && (s.member == nil || !console.Stalled(s.member.Status.Conditions)) {
		ready = meta.FindStatusCondition(inv.Status.Conditions, rosterv1alpha1.ConditionReady)
	}
	if ready == nil {
		return "", ""
	}
	id := "people.why." + ready.Reason
	if text = w.T(id); text == id {
		text = ""
	}
	if ready.Status != metav1.ConditionTrue || ready.Reason == rosterv1alpha1.ReasonThrottled {
		detail = ready.Message
	}
	return text, detail
}
