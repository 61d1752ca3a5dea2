// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestPolicies: every admission policy has its row in the table of rules, and none that does not exist.
func TestPolicies(t *testing.T) {
	page := read(t, "docs/policies.md")
	named := map[string]bool{}
	for _, match := range regexp.MustCompile("\\| `(roster-[a-z-]+)` \\|").FindAllStringSubmatch(page, -1) {
		named[match[1]] = true
	}
	exists := map[string]bool{}
	for _, path := range append(filesUnder(t, "config/policy", ".yaml"), filesUnder(t, "config/components", ".yaml")...) {
		for part := range strings.SplitSeq(read(t, path), "\n---\n") {
			if strings.Contains(part, "kind: ValidatingAdmissionPolicy\n") {
				name := regexp.MustCompile(`(?m)^  name: (\S+)$`).FindStringSubmatch(part)[1]
				exists[name] = true
				if !named[name] {
					t.Errorf("docs/policies.md has no row for %s", name)
				}
			}
		}
	}
	for name := range named {
		if !exists[name] {
			t.Errorf("docs/policies.md has a row for %s, which does not exist", name)
		}
	}
	if len(exists) < 5 {
		t.Errorf("only %v found", exists)
	}
}
