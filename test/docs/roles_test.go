// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// TestProfileRoles: the table of what each role may do on a profile says what the code says.
func TestProfileRoles(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "docs/access.md"), "## Roles on a profile")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := regexp.MustCompile(`(?m)^\|(.*)\|$`).FindAllStringSubmatch(table, -1)
	var roles []rosterv1alpha1.ProfileRole
	for _, name := range cells(rows[0][1])[1:] {
		roles = append(roles, rosterv1alpha1.ProfileRole(name))
	}
	var told []access.Permission
	for _, row := range rows[2:] {
		words := cells(row[1])
		permission := access.Permission(strings.Split(words[0], "`")[1])
		told = append(told, permission)
		for i, role := range roles {
			says, may := words[i+1] == "yes", access.ProfilePermissions(role).Contains(access.NewSet(permission))
			if says != may {
				t.Errorf("%s, %s: the table says %v, the code %v", role, permission, says, may)
			}
		}
	}
	for _, p := range access.Permissions() {
		if !slices.Contains(told, p) {
			t.Errorf("the table lacks %s", p)
		}
	}
	if len(roles) != 4 {
		t.Errorf("roles %v", roles)
	}
}

func cells(row string) []string {
	all := strings.Split(row, "|")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}
