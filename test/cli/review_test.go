// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/testenv"
)

// review is a repository with an organisation, beside the plugin, as the examples in docs/review-access.md expect it.
type review struct {
	*testing.T
	dir  string
	base string
}

// organisation is kept by the rules of access.yaml in the documentation. Its places are for who owns it, and who is in the press office.
const organisation = `
apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {namespace: acme, name: acme}
spec: {displayName: Acme, ownerRef: {name: %s}}
---
apiVersion: roster.dev/v1alpha1
kind: SocialProfile
metadata: {namespace: acme, name: acme-fb}
spec: {network: Facebook, handle: acme}
---
apiVersion: roster.dev/v1alpha1
kind: Team
metadata: {namespace: acme, name: press}
spec: {members: [%s], profiles: [acme-fb], role: Editor}
---
apiVersion: roster.dev/v1alpha1
kind: Member
metadata: {namespace: acme, name: olivia}
spec: {email: olivia@acme.example, role: CoOwner}
---
apiVersion: roster.dev/v1alpha1
kind: Member
metadata: {namespace: acme, name: ben}
spec: {email: ben@acme.example, role: CoOwner}
---
apiVersion: roster.dev/v1alpha1
kind: Member
metadata: {namespace: acme, name: ana}
spec: {email: ana@acme.example, displayName: Ana Lima}
---
apiVersion: roster.dev/v1alpha1
kind: Member
metadata: {namespace: acme, name: kofi}
spec: {email: kofi@agency.example}
---
apiVersion: roster.dev/v1alpha1
kind: Member
metadata: {namespace: acme, name: zoe}
spec: {email: zoe@acme.example, displayName: Zoe}
`

func newReview(t *testing.T, rules string) *review {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &review{T: t, dir: t.TempDir()}
	if err := os.Symlink(program, filepath.Join(r.dir, "kubectl-roster")); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"repository", "repository/organisations"} {
		if err := os.Mkdir(filepath.Join(r.dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.write("access.yaml", rules)
	r.write("organisations/acme.yaml", fmt.Sprintf(organisation, "olivia", "ana, ben"))
	r.git("init", "--quiet")
	r.commit()
	r.base = strings.TrimSpace(r.git("rev-parse", "HEAD"))
	return r
}

func (r *review) write(file, text string) {
	r.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, "repository", file), []byte(text), 0o644); err != nil {
		r.Fatal(err)
	}
}

func (r *review) git(args ...string) string {
	r.Helper()
	out, err := r.command("git", args...).CombinedOutput()
	if err != nil {
		r.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (r *review) commit() {
	r.Helper()
	r.git("add", ".")
	r.git("-c", "user.name=Test", "-c", "user.email=test@acme.example", "commit", "--quiet", "-m", "Change")
}

// command runs where neither a cluster nor the plugin of this machine is known.
func (r *review) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.Context(), name, args...)
	cmd.Dir = filepath.Join(r.dir, "repository")
	cmd.Env = []string{
		"PATH=" + r.dir + ":" + os.Getenv("PATH"), "HOME=" + r.dir, "KUBECONFIG=" + filepath.Join(r.dir, "none"),
		"GITHUB_STEP_SUMMARY=" + filepath.Join(r.dir, "summary"), "BASE=" + r.base, "CI_MERGE_REQUEST_DIFF_BASE_SHA=" + r.base,
	}
	return cmd
}

// run runs the lines of an example, as its runner does, and returns what was printed and written to the summary.
func (r *review) run(lines string) (string, error) {
	r.Helper()
	out, err := r.command("bash", "-e", "-o", "pipefail", "-c", lines).CombinedOutput()
	summary, _ := os.ReadFile(filepath.Join(r.dir, "summary"))
	_ = os.Remove(filepath.Join(r.dir, "summary"))
	return string(out) + string(summary), err
}

// TestReviewExamples runs the examples for GitHub Actions and GitLab as they stand in the documentation, without the lines that fetch and
// build the plugin: on a harmless change, on one that --fail-on stops, and on one that breaks a rule.
func TestReviewExamples(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testenv.Root(), "docs/review-access.md"))
	if err != nil {
		t.Fatal(err)
	}
	rules := block(t, string(text), "Who must, and who must not")
	workflow := block(t, string(text), "GitHub Actions")
	lint := exec.CommandContext(t.Context(), "go", "tool", "-C", filepath.Join(testenv.Root(), "hack/tools"), "actionlint", "-no-color", "-")
	lint.Stdin = strings.NewReader(workflow)
	if out, err := lint.CombinedOutput(); err != nil {
		t.Errorf("actionlint: %v\n%s", err, out)
	}
	for name, lines := range map[string]string{"GitHub": gitHubLines(t, workflow), "GitLab": gitLabLines(t, block(t, string(text), "GitLab"))} {
		for _, c := range []struct {
			change, owner, press string
			passes               bool
			says                 string
		}{
			{"somebody joins a Team", "olivia", "ana, ben, zoe", true, "Zoe"},
			{"the owner changes", "ben", "ana, ben", false, "owner"},
			{"an agency publishes", "olivia", "ana, ben, kofi", false, "kofi"},
		} {
			t.Run(name+"/"+c.change, func(t *testing.T) {
				r := newReview(t, rules)
				r.write("organisations/acme.yaml", fmt.Sprintf(organisation, c.owner, c.press))
				r.commit()
				out, err := r.run(lines)
				report, _ := os.ReadFile(filepath.Join(r.dir, "repository/report.xml"))
				out += string(report)
				if (err == nil) != c.passes || !strings.Contains(out, c.says) {
					t.Errorf("%v; want success %v, and %q in:\n%s", err, c.passes, c.says, out)
				}
			})
		}
	}
}

// block is the example under a heading.
func block(t *testing.T, page, heading string) string {
	t.Helper()
	_, after, _ := strings.Cut(page, "\n## "+heading+"\n")
	_, after, _ = strings.Cut(after, "\n```text\n")
	text, _, found := strings.Cut(after, "\n```\n")
	if !found {
		t.Fatalf("there is no example under %q", heading)
	}
	return text
}

func gitHubLines(t *testing.T, workflow string) string {
	t.Helper()
	var w struct {
		Jobs map[string]struct {
			Steps []struct {
				Run string `json:"run"`
			} `json:"steps"`
		} `json:"jobs"`
	}
	if err := yaml.Unmarshal([]byte(workflow), &w); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for job := range maps.Values(w.Jobs) {
		for _, step := range job.Steps {
			lines = append(lines, step.Run)
		}
	}
	return checked(t, lines)
}

func gitLabLines(t *testing.T, pipeline string) string {
	t.Helper()
	var p map[string]struct {
		Script []string `json:"script"`
	}
	if err := yaml.Unmarshal([]byte(pipeline), &p); err != nil {
		t.Fatal(err)
	}
	return checked(t, p["access"].Script)
}

// checked leaves out what fetches and builds the plugin.
func checked(t *testing.T, scripts []string) string {
	t.Helper()
	fetching := regexp.MustCompile(`(?m)^(git clone|go build) .*\n?`)
	lines := fetching.ReplaceAllString(strings.Join(scripts, "\n"), "")
	if strings.Count(lines, "kubectl-roster diff ") != 1 || strings.Count(lines, "kubectl-roster test ") != 1 {
		t.Fatalf("the example does not run diff and test:\n%s", lines)
	}
	return lines
}
