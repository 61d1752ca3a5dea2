// SPDX-License-Identifier: Apache-2.0

// Package access holds what each role may do, adds up what a member holds from several sources, and compiles it to Kubernetes RBAC
// rules. It does no I/O.
package access

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// AllProfiles stands for every profile of the organisation, those to come included.
const AllProfiles = "*"

// Connector is shown as the role of the person who connected a profile. No CustomRole can be called that: their names are in lower case.
const Connector = "Connector"

// What is shown at most, so that it fits into a status.
const (
	maxShown   = 300
	maxSources = 100
	maxNamed   = 10
)

// Standing reports whether roles can be held on a profile.
type Standing string

// The standings of a profile. One that is not known is missing.
const (
	// Present: the profile exists and has its place in the plan.
	Present Standing = "Present"
	// OverLimit: the plan has no place left for the profile.
	OverLimit Standing = "OverLimit"
)

// Assignment is what a Team gives to each of its members.
type Assignment struct {
	Team     string
	Role     rosterv1alpha1.ProfileRole
	Profiles []string
}

// Sources is everything that the rights of a member are made of.
type Sources struct {
	Spec rosterv1alpha1.MemberSpec
	// Owner: the member's ownership of the organisation is in force.
	Owner bool
	// OwnerElsewhere: the member is named the owner and has owned another organisation for longer.
	OwnerElsewhere bool
	// Plan that is in effect.
	Plan rosterv1alpha1.PlanInEffect
	// Roles are the CustomRoles of the organisation.
	Roles Roles
	// Profiles that are named anywhere in the sources, as far as they exist.
	Profiles map[string]Standing
	// Workspaces that the spec names, as far as they exist, and the profiles in each.
	Workspaces map[string][]string
	// Teams that the member belongs to.
	Teams []Assignment
	// Connected are the profiles that bear the member's address in spec.connectedBy.
	Connected []string
	// Teamless are profiles that wait for their first team before anybody works on them.
	Teamless map[string]bool
}

// Problem is something in the sources that gives nothing as it is.
type Problem struct{ Reason, Message string }

// Effective is what a member holds.
type Effective struct {
	// Role in the organisation.
	Role rosterv1alpha1.OrganizationRole
	// Permissions in the organisation.
	Permissions []rosterv1alpha1.RolePermission
	// Grants on profiles and their sources, sorted by profile; AllProfiles first.
	Grants []Grant
	// Workspaces that the member works in, sorted; AllProfiles alone for every one.
	Workspaces []string
	// Problems with what the sources name.
	Problems []Problem

	profiles map[string]Set
}

// Grant is what somebody holds on a profile, and why.
type Grant struct {
	// Profile is the name of the SocialProfile, or AllProfiles.
	Profile string
	// Role is the strongest of the sources, or several with + between where none has all that the others have.
	Role string
	// Sources of the role and what each gives, such as "Editor by spec.profiles" or "Guest by the Team writers".
	Sources []string
}

// Resolve adds up what a member holds.
func Resolve(s Sources) Effective {
	r := &resolver{Sources: s, held: map[string][]source{}, missing: map[string][]string{}}
	r.role()
	if r.e.Role != rosterv1alpha1.RoleProfileConnector {
		r.byName()
		r.byWorkspaces()
		r.byTeams()
	}
	r.byConnecting()
	r.sum()
	r.report()
	return r.e
}

// May reports whether the member has a permission in the organisation.
func (e Effective) May(p rosterv1alpha1.RolePermission) bool {
	return slices.Contains(e.Permissions, p)
}

// MayAddProfiles reports whether the member may connect profiles that the organisation does not have yet.
func (e Effective) MayAddProfiles() bool {
	return e.May(rosterv1alpha1.PermissionAddProfiles) || e.May(rosterv1alpha1.PermissionAdministerProfiles) || e.connects()
}

// connects reports whether the member is a ProfileConnector and the plan has them.
func (e Effective) connects() bool {
	return e.Role == rosterv1alpha1.RoleProfileConnector && !slices.ContainsFunc(e.Problems, func(p Problem) bool {
		return p.Reason == rosterv1alpha1.ReasonFeatureNotInPlan
	})
}

// On is what the member may do on a profile.
func (e Effective) On(profile string) Set { return e.Everywhere() | e.Named(profile) }

// Named is what the sources give that are about the profile in particular.
func (e Effective) Named(profile string) Set { return e.profiles[profile] }

// Everywhere is what the role in the organisation gives on every profile.
func (e Effective) Everywhere() Set { return e.profiles[AllProfiles] }

// source is what one source gives on a profile. The name is the role, or what is given where no role is.
type source struct {
	name, by string
	set      Set
}

type resolver struct {
	Sources
	e       Effective
	held    map[string][]source
	missing map[string][]string // by reason
}

func (r *resolver) role() {
	role := cmp.Or(r.Spec.Role, rosterv1alpha1.RoleMember)
	switch {
	case r.Owner:
		role = rosterv1alpha1.RoleOwner
	case r.OwnerElsewhere:
		role = rosterv1alpha1.RoleCoOwner
	}
	r.e.Role = role
	if p := RoleProblem(r.Plan, r.Roles, role); p != nil {
		r.e.Problems = append(r.e.Problems, *p)
		return
	}
	r.e.Permissions = r.world("").Permissions(role, ptr.Deref(r.Spec.CanManageProfiles, false))
	if r.e.May(rosterv1alpha1.PermissionAdministerProfiles) {
		r.add(AllProfiles, rosterv1alpha1.ProfileAdministrator, "the role "+string(role))
	}
}

// RoleProblem says why a role in the organisation gives nothing; nil where it can be used.
func RoleProblem(plan rosterv1alpha1.PlanInEffect, roles Roles, role rosterv1alpha1.OrganizationRole) *Problem {
	var feature rosterv1alpha1.Feature
	switch {
	case role == rosterv1alpha1.RoleProfileConnector:
		feature = rosterv1alpha1.FeatureProfileConnectors
	case !slices.Contains(organizationRoles(), role):
		feature = rosterv1alpha1.FeatureCustomRoles
	default:
		return nil
	}
	if !HasFeature(plan, feature) {
		return &Problem{rosterv1alpha1.ReasonFeatureNotInPlan, fmt.Sprintf("The role %s gives nothing: %s%s", role, NotInPlan(plan, feature),
			meant(rosterv1alpha1.ScopeOrganization, string(role)))}
	}
	if _, known := roles.InOrganization(role); !known {
		return &Problem{rosterv1alpha1.ReasonRoleNotFound, NoSuchRole(rosterv1alpha1.ScopeOrganization, string(role))}
	}
	return nil
}

// NotInPlan is the message that a plan lacks a feature, with whom to ask.
func NotInPlan(plan rosterv1alpha1.PlanInEffect, f rosterv1alpha1.Feature) string {
	return fmt.Sprintf("the plan %s does not include %s. Ask %s.", plan.Name, f, plan.Contact)
}

func (r *resolver) byName() {
	for _, g := range r.Spec.Profiles {
		if r.present(g.Name) {
			r.add(g.Name, g.Role, "spec.profiles")
		}
	}
}

func (r *resolver) byWorkspaces() {
	if r.e.May(rosterv1alpha1.PermissionAdministerProfiles) {
		r.e.Workspaces = []string{AllProfiles}
		return
	}
	if len(r.Spec.Workspaces) > 0 && !HasFeature(r.Plan, rosterv1alpha1.FeatureWorkspaces) {
		r.problem(rosterv1alpha1.ReasonFeatureNotInPlan, "spec.workspaces gives nothing: "+NotInPlan(r.Plan, rosterv1alpha1.FeatureWorkspaces))
		return
	}
	for _, w := range r.Spec.Workspaces {
		profiles, ok := r.Workspaces[w.Name]
		if !ok {
			r.miss(rosterv1alpha1.ReasonWorkspaceNotFound, w.Name)
			continue
		}
		r.e.Workspaces = append(r.e.Workspaces, w.Name)
		if w.Role == "" {
			continue
		}
		for _, p := range profiles {
			if r.Profiles[p] == Present { // The Workspace reports those that are not.
				r.add(p, w.Role, "the Workspace "+w.Name)
			}
		}
	}
	slices.Sort(r.e.Workspaces)
}

func (r *resolver) byTeams() {
	for _, t := range r.Teams {
		for _, p := range t.Profiles {
			if r.Profiles[p] == Present {
				r.add(p, t.Role, "the Team "+t.Team)
			}
		}
	}
}

// byConnecting gives what people may do with the profiles that they connected themselves.
func (r *resolver) byConnecting() {
	if _, has := r.world("").Connecting(r.e.Role, ptr.Deref(r.Spec.CanManageProfiles, false)); !has {
		return
	}
	for _, p := range r.Connected {
		r.held[p] = append(r.held[p], source{name: Connector, by: "spec.connectedBy of the profile", set: connecting(r.e.Role)})
	}
}

func (r *resolver) present(profile string) bool {
	switch r.Profiles[profile] {
	case Present:
		return true
	case OverLimit:
		r.miss(rosterv1alpha1.ReasonProfileLimit, profile)
	default:
		r.miss(rosterv1alpha1.ReasonProfileNotFound, profile)
	}
	return false
}

func (r *resolver) add(profile string, role rosterv1alpha1.ProfileRole, by string) {
	set, reason := r.world("").usable(role)
	if reason != "" {
		r.miss(reason, string(role))
		return
	}
	if r.Teamless[profile] {
		set &= NewSet(Get)
		by += ", once a Team works on the profile"
	}
	r.held[profile] = append(r.held[profile], source{name: string(role), by: by, set: set})
}

// sum brings the sources together: what is held is the union, and what is shown is the strongest.
func (r *resolver) sum() {
	r.e.profiles = map[string]Set{}
	for _, profile := range slices.Sorted(maps.Keys(r.held)) {
		var g Grant
		g.Profile = profile
		for _, s := range r.held[profile] {
			r.e.profiles[profile] |= s.set
			if from := s.name + " by " + s.by; !slices.Contains(g.Sources, from) {
				g.Sources = append(g.Sources, from)
			}
		}
		if n := len(g.Sources); n > maxSources {
			g.Sources = append(g.Sources[:maxSources-1], fmt.Sprintf("and %d more", n-maxSources+1))
		}
		g.Role = shown(r.held[profile], r.Teamless[profile])
		r.e.Grants = append(r.e.Grants, g)
	}
}

// shown names the strongest role of several, or those that add up where none has all that the others have.
func shown(sources []source, teamless bool) string {
	if teamless && !slices.ContainsFunc(sources, func(s source) bool { return s.set != NewSet(Get) }) {
		return string(rosterv1alpha1.ProfileGuest)
	}
	var names []string
	for i, s := range sources {
		weaker := func(j int, other source) bool {
			return j != i && other.set.Contains(s.set) && (other.set != s.set || rank(other.name) < rank(s.name) ||
				rank(other.name) == rank(s.name) && other.name < s.name)
		}
		covered := false
		for j, other := range sources {
			covered = covered || weaker(j, other)
		}
		if !covered && !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return joined(names)
}

// joined are as many names as fit.
func joined(names []string) string {
	all := strings.Join(names, "+")
	for n := len(names) - 1; len(all) > maxShown; n-- {
		all = strings.Join(names[:n], "+") + "+..."
	}
	return all
}

// rank puts the built-in roles before all others.
func rank(role string) int {
	if i := slices.Index(ProfileRoles(), rosterv1alpha1.ProfileRole(role)); i >= 0 {
		return i
	}
	return len(ProfileRoles())
}

func (r *resolver) problem(reason, message string) {
	r.e.Problems = append(r.e.Problems, Problem{reason, message})
}

func (r *resolver) miss(reason, name string) {
	if !slices.Contains(r.missing[reason], name) {
		r.missing[reason] = append(r.missing[reason], name)
	}
}

// report puts what gives nothing into words.
func (r *resolver) report() {
	for _, m := range []struct{ reason, format string }{
		{rosterv1alpha1.ReasonProfileNotFound, "There is no SocialProfile %s in this namespace. " +
			"Create it or remove it from spec.profiles; the other roles are granted."},
		{rosterv1alpha1.ReasonWorkspaceNotFound, "There is no Workspace %s in this namespace. Create it or remove it from spec.workspaces."},
		{rosterv1alpha1.ReasonRoleNotFound, "There is no CustomRole %s with the scope Profile in this namespace. " +
			"Create it or choose another role." + meant(rosterv1alpha1.ScopeProfile, r.missing[rosterv1alpha1.ReasonRoleNotFound]...)},
		{rosterv1alpha1.ReasonFeatureNotInPlan, "The CustomRole %s gives nothing: " + NotInPlan(r.Plan, rosterv1alpha1.FeatureCustomRoles)},
		{rosterv1alpha1.ReasonProfileLimit, "The plan " + r.Plan.Name + " has no place for the SocialProfile %s. Ask " + r.Plan.Contact + "."},
	} {
		if names := r.missing[m.reason]; len(names) > 0 {
			slices.Sort(names)
			r.problem(m.reason, fmt.Sprintf(m.format, Listed(names)))
		}
	}
}

// Listed are the first of some names and how many more there are.
func Listed(names []string) string {
	if n := len(names); n > maxNamed {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), n-maxNamed)
	}
	return strings.Join(names, ", ")
}
