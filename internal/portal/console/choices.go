// SPDX-License-Identifier: Apache-2.0

package console

import (
	"cmp"
	"maps"
	"slices"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Choices are what somebody may give to others in an organisation, by the rules of internal/access and of the policy roster-grants. They
// are for offering: the API server has the last word.
type Choices struct {
	// Roles in the organisation, strongest first.
	Roles []Choice
	// CanManageProfiles reports whether it may be turned on for a Member.
	CanManageProfiles bool
	// Profiles and Workspaces on which roles may be given, each with those roles.
	Profiles, Workspaces []Target
	// Teams of the organisation; nil for somebody who does not look after them.
	Teams []Target

	words  web.Words
	custom access.Roles
	before Offer
	now    time.Time
}

// Choice is a value that a field may have.
type Choice struct {
	Value string
	// Name of it in words, and what it means.
	Name, Words string
}

// Target is something in the organisation that is given.
type Target struct {
	// Name of the object, what people know it by, and what stands beside that.
	Name, Title, Kind string
	// Roles that may be given on it.
	Roles []Choice
}

func has(choices []Choice, value string) bool {
	return slices.ContainsFunc(choices, func(c Choice) bool { return c.Value == value })
}

// Choices are what the person may give.
func (v *Visit) Choices() (*Choices, error) {
	all, err := v.Snapshot()
	if err != nil {
		return nil, err
	}
	return NewChoices(v.Words, all, all.Sums().Holds(v.Member), v.Now()), nil
}

// NewChoices are what somebody may give who holds that.
func NewChoices(w web.Words, all *membership.Snapshot, held access.Effective, now time.Time) *Choices {
	c := &Choices{words: w, custom: membership.CustomRoles(all.Roles), now: now}
	plan := all.Organization.Status.Plan
	grantable := c.custom.Grantable(held.Permissions)
	for _, role := range grantable {
		if access.RoleProblem(plan, c.custom, rosterv1alpha1.OrganizationRole(role)) == nil {
			c.Roles = append(c.Roles, c.organizationRole(role))
		}
	}
	c.CanManageProfiles = slices.Contains(grantable, string(rosterv1alpha1.RoleAdvancedMember))
	// Those who may make a Manager may give every role on every profile. Others give built-in roles that they hold.
	everything := slices.Contains(grantable, string(rosterv1alpha1.RoleManager))
	roles := c.profileRoles(everything && access.HasFeature(plan, rosterv1alpha1.FeatureCustomRoles))
	if len(grantable) > 0 {
		c.addProfiles(all.Profiles, held, roles, everything)
	}
	if everything && access.HasFeature(plan, rosterv1alpha1.FeatureWorkspaces) {
		for _, ws := range all.Workspaces {
			c.Workspaces = append(c.Workspaces, Target{
				Name: ws.Name, Title: WorkspaceName(ws), Roles: append([]Choice{c.shown()}, roles...),
			})
		}
	}
	if held.May(rosterv1alpha1.PermissionManageTeams) {
		for _, team := range all.Teams {
			c.Teams = append(c.Teams, Target{Name: team.Name, Title: TeamName(team)})
		}
	}
	for _, targets := range [][]Target{c.Profiles, c.Workspaces, c.Teams} {
		slices.SortFunc(targets, byTitle)
	}
	return c
}

func byTitle(a, b Target) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), CompareNames(a.Title, a.Name, b.Title, b.Name))
}

func (c *Choices) addProfiles(profiles []*rosterv1alpha1.SocialProfile, held access.Effective, roles []Choice, everything bool) {
	for _, sp := range profiles {
		t := Target{Name: sp.Name, Title: sp.Spec.Handle, Kind: c.words.Network(sp), Roles: roles}
		if !everything {
			on := held.On(sp.Name)
			t.Roles = slices.DeleteFunc(slices.Clone(roles), func(r Choice) bool {
				return !on.Contains(access.ProfilePermissions(rosterv1alpha1.ProfileRole(r.Value)))
			})
		}
		if len(t.Roles) > 0 && sp.DeletionTimestamp == nil {
			c.Profiles = append(c.Profiles, t)
		}
	}
}

// profileRoles are the roles on profiles, strongest first, and then the CustomRoles by name.
func (c *Choices) profileRoles(custom bool) []Choice {
	var all []Choice
	for _, role := range access.ProfileRoles() {
		all = append(all, c.profileRole(role))
	}
	if !custom {
		return all
	}
	for _, name := range slices.Sorted(maps.Keys(c.custom)) {
		if c.custom[name].Scope == rosterv1alpha1.ScopeProfile {
			all = append(all, c.profileRole(rosterv1alpha1.ProfileRole(name)))
		}
	}
	return all
}

// organizationRole is a role in words about somebody else: those of internal/roles address the person who has it.
func (c *Choices) organizationRole(role string) Choice {
	term := c.words.Roles.InOrganization(rosterv1alpha1.OrganizationRole(role), false, c.custom)
	choice := Choice{Value: role, Name: term.Name, Words: term.Words}
	if _, custom := c.custom[role]; !custom {
		choice.Words = c.words.T("console.offer.role." + role)
	}
	return choice
}

func (c *Choices) profileRole(role rosterv1alpha1.ProfileRole) Choice {
	term := c.words.Roles.OnProfile(role, c.custom)
	return Choice{Value: string(role), Name: term.Name, Words: term.Words}
}

func (c *Choices) shown() Choice {
	return Choice{Value: shown, Name: c.words.T("console.offer.workspace.shown")}
}

// OnlyRoles leaves the roles in the organisation that are wanted.
func (c *Choices) OnlyRoles(wanted func(rosterv1alpha1.OrganizationRole) bool) {
	c.Roles = slices.DeleteFunc(c.Roles, func(r Choice) bool { return !wanted(rosterv1alpha1.OrganizationRole(r.Value)) })
}

// Keep adds what a person has already: that may stay, and on a profile give way to less.
func (c *Choices) Keep(before Offer) {
	c.before = before
	if !has(c.Roles, string(before.Role)) {
		c.Roles = append([]Choice{c.organizationRole(string(before.Role))}, c.Roles...)
	}
	c.CanManageProfiles = c.CanManageProfiles || before.CanManageProfiles
	for _, g := range before.Profiles {
		c.Profiles = keep(c.Profiles, g.Name, c.kept(g.Role))
	}
	for _, g := range before.Workspaces {
		roles := []Choice{c.shown()}
		if g.Role != "" {
			roles = append(roles, c.profileRole(g.Role))
		}
		c.Workspaces = keep(c.Workspaces, g.Name, roles)
	}
}

// kept are a role on a profile and the built-in ones that are less.
func (c *Choices) kept(role rosterv1alpha1.ProfileRole) []Choice {
	kept := []Choice{c.profileRole(role)}
	if had := access.ProfilePermissions(role); had != 0 {
		for _, less := range access.ProfileRoles() {
			if less != role && had.Contains(access.ProfilePermissions(less)) {
				kept = append(kept, c.profileRole(less))
			}
		}
	}
	return kept
}

// keep adds roles to a target, which may not be among those that can be given.
func keep(targets []Target, name string, roles []Choice) []Target {
	i := slices.IndexFunc(targets, func(t Target) bool { return t.Name == name })
	if i < 0 {
		return append(targets, Target{Name: name, Title: name, Roles: roles})
	}
	more := slices.DeleteFunc(slices.Clone(roles), func(r Choice) bool { return has(targets[i].Roles, r.Value) })
	targets[i].Roles = append(more, targets[i].Roles...)
	return targets
}
