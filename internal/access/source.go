// SPDX-License-Identifier: Apache-2.0

package access

import (
	"slices"
	"strconv"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Kind says what kind of thing rights come from.
type Kind string

// The kinds of sources.
const (
	// FromRole: a role in the organisation, built-in or a CustomRole. Name is the role.
	FromRole Kind = "role"
	// FromAdding: spec.canManageProfiles of a Member. There is one, without a name.
	FromAdding Kind = "can-manage-profiles"
	// FromTeam: a Team. Name is its name.
	FromTeam Kind = "team"
	// FromWorkspace: a Workspace. Name is its name, and Role the role on its profiles; empty for those who only see it.
	FromWorkspace Kind = "workspace"
	// FromProfile: a role on a profile by name. Name is the profile, and Role the role.
	FromProfile Kind = "profile"
	// FromConnecting: spec.connectedBy of a profile. Name is the profile, and Role is ProfileConnector for those; empty for others.
	FromConnecting Kind = "connected"
)

// Source of rights: everybody who has it holds the same by it, so it is one Role, and they are the subjects of its bindings.
type Source struct {
	Kind Kind
	Name string
	Role string
}

const (
	namePrefix   = "roster:"
	memberPrefix = namePrefix + "member:"

	// ConsoleBinding is the name of the RoleBinding of what the portal may do in people's names. It belongs to no source.
	ConsoleBinding = namePrefix + "console"
)

// RoleName is the name of the Role of a source, such as "roster:team:writers". No part of it can have a colon.
func (s Source) RoleName() string {
	parts := slices.DeleteFunc([]string{string(s.Kind), s.Name, s.Role}, func(part string) bool { return part == "" })
	return namePrefix + strings.Join(parts, ":")
}

// ParseSource reads the name of a Role; false where it is none that RoleName gives.
func ParseSource(roleName string) (Source, bool) {
	name, ok := strings.CutPrefix(roleName, namePrefix)
	parts := strings.Split(name, ":")
	if !ok || slices.Contains(parts, "") {
		return Source{}, false
	}
	s := Source{Kind: Kind(parts[0])}
	least, most := 2, 2
	switch s.Kind {
	case FromAdding:
		least, most = 1, 1
	case FromRole, FromTeam:
	case FromWorkspace, FromConnecting:
		most = 3
	case FromProfile:
		least, most = 3, 3
	default:
		return Source{}, false
	}
	if len(parts) < least || len(parts) > most {
		return Source{}, false
	}
	s.Name, s.Role = append(parts, "", "")[1], append(parts, "", "")[2]
	return s, true
}

// FormerRole is the name of the Role that held everything of one Member, in the first versions.
func FormerRole(member string) string { return memberPrefix + member }

// FormerMember is the Member whose everything a Role of the first versions held; empty for any other name.
func FormerMember(roleName string) string {
	member, _ := strings.CutPrefix(roleName, memberPrefix)
	if member == roleName {
		return ""
	}
	return member
}

// BindingName is the name of one of the RoleBindings of a Role.
func BindingName(roleName string, shard int) string { return roleName + ":" + strconv.Itoa(shard) }

// BoundRole is the Role that a RoleBinding of that name is about.
func BoundRole(bindingName string) string {
	if _, ok := Shard(bindingName); ok {
		return bindingName[:strings.LastIndex(bindingName, ":")]
	}
	return bindingName
}

// Shard is the number of a RoleBinding; false where its name is none that BindingName gives.
func Shard(bindingName string) (int, bool) {
	if FormerMember(bindingName) != "" {
		return 0, false
	}
	i := strings.LastIndex(bindingName, ":")
	if i < 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(bindingName[i+1:], 10, 31)
	return int(n), err == nil && BindingName(bindingName[:i], int(n)) == bindingName
}

// OfSpec are the sources that a Member's spec names: those that it takes no other object to know of.
func OfSpec(spec *rosterv1alpha1.MemberSpec) []Source {
	role := spec.Role
	if role == "" {
		role = rosterv1alpha1.RoleMember
	}
	all := []Source{{Kind: FromRole, Name: string(role)}}
	if role == rosterv1alpha1.RoleProfileConnector {
		return all
	}
	if role == rosterv1alpha1.RoleMember && spec.CanManageProfiles != nil && *spec.CanManageProfiles {
		all = append(all, Source{Kind: FromAdding})
	}
	for _, g := range spec.Profiles {
		all = append(all, Source{Kind: FromProfile, Name: g.Name, Role: string(g.Role)})
	}
	for _, w := range spec.Workspaces {
		all = append(all, Source{Kind: FromWorkspace, Name: w.Name, Role: string(w.Role)})
	}
	return all
}
