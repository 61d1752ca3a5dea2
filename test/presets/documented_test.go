// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/roster-dev/roster/internal/testenv"
)

// Every rule that docs/presets.md lists is walked by a test, here or where the console and the portal are tested, and every rule that is
// walked is listed.
func TestEveryRuleIsWalked(t *testing.T) {
	listed := find(t, `(?m)^\| ([A-Z]{2}-\d\d) \|`, "docs/presets.md")
	walked := find(t, `\.row\("([A-Z]{2}-\d\d)"`, "test/presets/*_test.go")
	if len(listed) < 90 {
		t.Errorf("only %d rules are listed", len(listed))
	}
	named := find(t, `(?m)^// Test\w+: ([A-Z]{2}-\d\d)\.`, "internal/portal/*_test.go")
	for _, id := range listed {
		if !slices.Contains(walked, id) && !slices.Contains(named, id) {
			t.Errorf("%s is listed, and no test walks it", id)
		}
	}
	for _, id := range walked {
		if !slices.Contains(listed, id) {
			t.Errorf("%s is walked, and docs/presets.md does not list it", id)
		}
	}
}

// What none of the products has is proven in many places, which name its id.
func TestEveryPromiseIsTested(t *testing.T) {
	listed := find(t, `(?m)^\| (X-\d\d) \|`, "docs/presets.md")
	if len(listed) != 14 {
		t.Errorf("%d promises are listed", len(listed))
	}
	const named = `(?m)^(?:// |# |// Test\w+: )(X-\d\d)\b`
	var tested []string
	for _, files := range []string{
		"internal/*/*_test.go", "test/*/*_test.go", "test/cli/testdata/script/*.txtar",
	} {
		tested = append(tested, find(t, named, files)...)
	}
	for _, id := range listed {
		if !slices.Contains(tested, id) {
			t.Errorf("%s is promised, and no test names it", id)
		}
	}
}

// find is what the first group of a pattern matches in files of the project.
func find(t *testing.T, pattern, files string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(testenv.Root(), files))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(data), -1) {
			all = append(all, m[1])
		}
	}
	return all
}
