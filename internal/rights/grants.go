// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"slices"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// Link of the chain by which a right comes to somebody: an object, such as "Member ana" or "Team press".
type Link struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// String is how people write it.
func (l Link) String() string { return strings.TrimSpace(l.Kind + " " + l.Name) }

// Grant is what one source gives to a person on a profile, or on all.
type Grant struct {
	// Profile is the name of the SocialProfile, or access.AllProfiles.
	Profile string
	// Role that the source gives.
	Role string
	// Set of permissions that the role has there.
	Set access.Set
	// Chain of objects by which the role comes to the person, from theirs to the last; and Waits says what it waits for.
	Chain []Link
	Waits string
}

// Words tell where the grant comes from: "Editor by Member ana › Team press".
func (g Grant) Words() string {
	var chain []string
	for _, l := range g.Chain {
		chain = append(chain, l.String())
	}
	words := g.Role + " by " + strings.Join(chain, " › ")
	if g.Waits != "" {
		words += " (" + g.Waits + ")"
	}
	return words
}

// untilTeam is what internal/access puts behind a source that waits.
const untilTeam = ", once a Team works on the profile"

// grantsOf reads the sources that internal/access tells of, such as "Editor by the Team press", as chains of objects.
func grantsOf(p *Person, roles access.Roles) []Grant {
	own := p.Object()
	var grants []Grant
	for _, e := range p.Holds.Grants {
		for _, source := range e.Sources {
			role, by, ok := strings.Cut(source, " by ")
			if !ok {
				continue
			}
			g := Grant{Profile: e.Profile, Role: role, Set: roles.Shown(role, p.Holds.Role)}
			if by, ok = strings.CutSuffix(by, untilTeam); ok {
				g.Set, g.Waits = g.Set&access.NewSet(access.Get), "once a Team works on the profile"
			}
			g.Chain = chain(own, by, e.Profile)
			if role != access.Connector && access.ProfilePermissions(rosterv1alpha1.ProfileRole(role)) == 0 {
				g.Chain = append(g.Chain, Link{"CustomRole", role})
			}
			grants = append(grants, g)
		}
	}
	return grants
}

func chain(own Link, by, profile string) []Link {
	if team, ok := strings.CutPrefix(by, "the Team "); ok {
		return []Link{own, {"Team", team}}
	}
	if workspace, ok := strings.CutPrefix(by, "the Workspace "); ok {
		return []Link{own, {"Workspace", workspace}}
	}
	if role, ok := strings.CutPrefix(by, "the role "); ok {
		switch {
		case role == string(rosterv1alpha1.RoleOwner):
			return []Link{own, {"Organization", ""}}
		case role == strings.ToLower(role):
			return []Link{own, {"CustomRole", role}}
		}
		return []Link{own}
	}
	if strings.HasPrefix(by, "spec.connectedBy") {
		return []Link{own, {"SocialProfile", profile}}
	}
	return []Link{own}
}

// On are the grants of a person that allow something on a profile.
func (p *Person) On(profile string, permission access.Permission) []Grant {
	var found []Grant
	for _, g := range p.Grants {
		if (g.Profile == profile || g.Profile == access.AllProfiles) && slices.Contains(g.Set.Permissions(), permission) {
			found = append(found, g)
		}
	}
	return found
}

// RoleWords tell where the role in the organisation comes from: "Manager by Member ana".
func (p *Person) RoleWords() string {
	words := string(p.Holds.Role) + " by " + p.Object().String()
	switch role := string(p.Holds.Role); {
	case p.Holds.Role == rosterv1alpha1.RoleOwner:
		words += " › Organization"
	case role == strings.ToLower(role):
		words += " › CustomRole " + role
	}
	return words
}
