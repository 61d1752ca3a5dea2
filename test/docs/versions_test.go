// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/roster-dev/roster/internal/admission"
)

// upgradesAsDocumented types the commands for kubectl in docs/versions.md, where Roster is installed. Those of the plugin are in test/cli,
// those of Helm in test/chart; no Deployment is rolled out here.
func upgradesAsDocumented(t *testing.T, c *cluster) {
	mutating, err := admission.ServesMutating(c)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllString(read(t, "docs/versions.md"), -1) {
		lines = append(lines, regexp.MustCompile(`(?m)^ *kubectl .*$`).FindAllString(block, -1)...)
	}
	if len(lines) < 5 {
		t.Fatalf("docs/versions.md has %d commands for kubectl, want more", len(lines))
	}
	c.kubectl(t, "apply", "--server-side", "-k", "docs/examples/install")
	for _, line := range lines {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		args := strings.Fields(line)[1:]
		if args[0] == "roster" || strings.Contains(line, " rollout status ") || !mutating && strings.Contains(line, "mutating") {
			continue
		}
		if out := c.kubectl(t, args...); args[0] == "get" && !strings.Contains(out, "/roster-") {
			t.Errorf("%s lists none of Roster's:\n%s", line, out)
		}
	}
}

// kubectl runs in the top folder of the project, and returns what it prints. That diff finds differences is no failure.
func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	kubectl, err := exec.LookPath(filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"))
	if err != nil {
		kubectl = "kubectl"
	}
	cmd := exec.CommandContext(t.Context(), kubectl, args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "KUBECONFIG="+c.kubeconfig)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if differs := errors.As(err, &exit) && exit.ExitCode() == 1 && args[0] == "diff"; err != nil && !differs {
		t.Errorf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
