// SPDX-License-Identifier: Apache-2.0

package people

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/rights"
	"github.com/roster-dev/roster/internal/roles"
)

// mostNamed are so many things that a sentence names one by one.
const mostNamed = 10

// speech puts what an organisation has into words.
type speech struct {
	web.Words
	all *rights.Organization
}

// and joins the parts of a sentence: "a, b and c".
func (w speech) and(parts []string) string {
	if n := len(parts); n > 1 {
		return w.T("people.and", "Some", strings.Join(parts[:n-1], ", "), "Last", parts[n-1])
	}
	return strings.Join(parts, "")
}

// some names the first of many things.
func (w speech) some(names []string) string {
	if n := len(names) - mostNamed; n > 1 {
		names = append(append([]string{}, names[:mostNamed]...), w.N("people.more", n))
	}
	return w.and(names)
}

// profile is what people know a profile by.
func (w speech) profile(name string) string {
	for _, p := range w.all.Profiles {
		if p.Name == name && console.Seen(p) {
			return w.T("people.profile", "Handle", p.Spec.Handle, "Network", organization.NetworkName(w.Words, p))
		}
	}
	return name
}

func (w speech) team(name string) string {
	for _, t := range w.all.Teams {
		if t.Name == name {
			return cmp.Or(t.Spec.DisplayName, name)
		}
	}
	return name
}

func (w speech) workspace(name string) string {
	for _, ws := range w.all.Workspaces {
		if ws.Name == name {
			return cmp.Or(ws.Spec.DisplayName, name)
		}
	}
	return name
}

// profiles are several: how many, and which.
func (w speech) profiles(names []string) string {
	var handles []string
	for _, name := range names {
		handles = append(handles, w.profile(name))
	}
	if len(handles) == 1 {
		return handles[0]
	}
	return w.T("people.profilesNamed", "Count", w.N("people.profiles", len(handles)), "Names", w.some(handles))
}

func (w speech) where(on rights.OnProfiles) string {
	if on.Every {
		return w.T("people.everyProfile")
	}
	return w.profiles(on.Profiles)
}

// may is what a set of permissions lets people do: "view, plan posts and publish".
func (w speech) may(set access.Set) string {
	var may []string
	for _, p := range set.Permissions() {
		may = append(may, organization.PermissionText(w.Words, p))
	}
	return w.and(may)
}

func (w speech) mayHere(permissions []rosterv1alpha1.RolePermission) string {
	var may []string
	for _, p := range permissions {
		may = append(may, w.T("people.permission."+string(p)))
	}
	return w.and(may)
}

// role in the organisation, with its description where it is a CustomRole: those of a built-in one address the person who has it.
func (w speech) role(role rosterv1alpha1.OrganizationRole, adds bool) roles.Term {
	term := w.Roles.InOrganization(role, adds, roles.Custom(w.all.CustomRoles()))
	if rank(role) < len(builtInRoles()) {
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
			return w.T("people.by.team", "Team", w.team(by.Name))
		case "Workspace":
			return w.T("people.by.workspace", "Workspace", w.workspace(by.Name))
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
		add("people.means.loses", "May", w.may(on.Set), "Where", w.where(on))
	}
	if len(c.GainsHere) > 0 {
		add("people.means.gainsHere", "May", w.mayHere(c.GainsHere))
	}
	for _, on := range c.Gains {
		add("people.means.gains", "May", w.may(on.Set), "Where", w.where(on))
	}
	for _, p := range c.Unrenewed {
		if s := p.Status.Credential; s != nil && s.ReconnectByTime != nil {
			add("people.means.unrenewed", "Profile", w.profile(p.Name), "Day", w.Day(s.ReconnectByTime.Time).Text)
			continue
		}
		add("people.means.unrenewedNow", "Profile", w.profile(p.Name))
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

// standing in one word.
func (w speech) standing(s standing) string { return w.T("people.standing." + string(s)) }

// why tells what keeps somebody where they stand, and what the operator noted, in English, where something is amiss.
func (w speech) why(s *subject) (text, detail string) {
	var ready *metav1.Condition
	if s.member != nil {
		ready = meta.FindStatusCondition(s.member.Status.Conditions, rosterv1alpha1.ConditionReady)
	}
	if inv := s.invitation; inv != nil && !s.joined() && (s.member == nil || !stalled(s.member.Status.Conditions)) {
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
