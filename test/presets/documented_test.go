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

// Every rule that docs/presets.md lists is walked by a test, and every rule that is walked is listed.
func TestEveryRuleIsWalked(t *testing.T) {
	find := func(file, pattern string) []string {
		t.Helper()
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(data), -1) {
			ids = append(ids, m[1])
		}
		return ids
	}
	listed := find(filepath.Join(testenv.Root(), "docs/presets.md"), `(?m)^\| ([A-Z]{2}-\d\d) \|`)
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var walked []string
	for _, file := range files {
		walked = append(walked, find(file, `\.row\("([A-Z]{2}-\d\d)"`)...)
	}
	if len(listed) < 50 {
		t.Errorf("only %d rules are listed", len(listed))
	}
	for _, id := range listed {
		if !slices.Contains(walked, id) {
			t.Errorf("%s is listed, and no test walks it", id)
		}
	}
	for _, id := range walked {
		if !slices.Contains(listed, id) {
			t.Errorf("%s is walked, and docs/presets.md does not list it", id)
		}
	}
}
