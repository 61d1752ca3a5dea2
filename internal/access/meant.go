// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// NoSuchRole is the message that there are no CustomRoles of some names. Where one is a built-in role that was written like the name of an
// object, it says how that is written.
func NoSuchRole(scope rosterv1alpha1.RoleScope, names ...string) string {
	return missing(scope, "Create it or choose another role.", names) + meant(scope, names...)
}

// NoSuchHolders is NoSuchRole for a list of roles, at that path, that people hold already: there, Owner is one like the others.
func NoSuchHolders(path string, names ...string) string {
	built := append([]string{string(rosterv1alpha1.RoleOwner)}, builtIn(rosterv1alpha1.ScopeOrganization)...)
	return missing(rosterv1alpha1.ScopeOrganization, "Create it or remove it from "+path+"; the others can sign in.", names) +
		written(built, names)
}

func missing(scope rosterv1alpha1.RoleScope, remedy string, names []string) string {
	return fmt.Sprintf("There is no CustomRole %s with the scope %s in this namespace. %s", Listed(names), scope, remedy)
}

// meant names the built-in roles that somebody may have meant, in a sentence of its own: "manager" and "profile-connector" are names that a
// CustomRole may have. It is empty where there are none.
func meant(scope rosterv1alpha1.RoleScope, names ...string) string {
	return written(builtIn(scope), names)
}

func written(known, names []string) string {
	var found []string
	for _, name := range names {
		plain := strings.ReplaceAll(name, "-", "")
		for _, role := range known {
			if name != role && strings.EqualFold(plain, role) {
				found = append(found, role)
			}
		}
	}
	if len(found) == 0 {
		return ""
	}
	return " The built-in role is written " + Listed(found) + "."
}

// builtIn are the built-in roles that people can be given.
func builtIn(scope rosterv1alpha1.RoleScope) []string {
	var all []string
	if scope == rosterv1alpha1.ScopeProfile {
		for _, role := range ProfileRoles() {
			all = append(all, string(role))
		}
		return all
	}
	for _, role := range organizationRoles() {
		if role != rosterv1alpha1.RoleOwner {
			all = append(all, string(role))
		}
	}
	return all
}
