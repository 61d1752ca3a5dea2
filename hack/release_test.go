// SPDX-License-Identifier: Apache-2.0

package hack_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// release runs the script in a folder.
func release(root string, args ...string) *run {
	r := script(filepath.Join(root, "hack/release.sh"), os.Environ()...)
	r.cmd.Args = append(r.cmd.Args, args...)
	return r
}

// checkout is a copy of what the script reads and writes.
func checkout(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{
		"hack/release.sh", "hack/tools", "Makefile", "README.md", "CHANGELOG.md", "charts/roster", "config", "dist",
		"docs/examples/install", "docs/helm.md", "docs/operations.md", "docs/quick-start.md",
	} {
		err := filepath.WalkDir(filepath.Join("..", name), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			write(t, filepath.Join(root, strings.TrimPrefix(path, "../")), string(content))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// change replaces something that stands in a file.
func change(t *testing.T, path, old, replacement string) {
	t.Helper()
	content := readFile(t, path)
	if !strings.Contains(content, old) {
		t.Fatalf("%s does not hold %q", path, old)
	}
	write(t, path, strings.Replace(content, old, replacement, 1))
}

// TestOneVersion: what is in the repository says one version everywhere. Its section of the changelog may be missing: the release makes it.
func TestOneVersion(t *testing.T) {
	version := regexp.MustCompile(`(?m)^VERSION \?= (v\S+)$`).FindStringSubmatch(readFile(t, "../Makefile"))
	if version == nil {
		t.Fatal("the Makefile names no version")
	}
	r := release("..", "check", version[1]).start(t)
	r.wait(t)
	for line := range strings.Lines(r.stderr.String()) {
		if !strings.HasPrefix(line, "CHANGELOG.md: has no section") {
			t.Error(strings.TrimSpace(line))
		}
	}
}

const notes = "\n### Added\n\n- A thing that people notice.\n\n"

// TestRelease: setting a version is enough for it to be everywhere, and one place that is forgotten is told of.
func TestRelease(t *testing.T) {
	root := checkout(t)
	file := func(name string) string { return filepath.Join(root, name) }
	release(root, "check", "v7.6.5").fails(t, "Makefile: names v", "config/portal/kustomization.yaml: names v",
		"CHANGELOG.md: has no section \"## v7.6.5 - DATE\"", "run hack/release.sh set v7.6.5")
	if code := release(root, "set", "v7.6.5").start(t).wait(t); code != 0 {
		t.Fatalf("set ends with %d", code)
	}
	change(t, file("CHANGELOG.md"), "## Unreleased\n", "## Unreleased\n\n## v7.6.5 - 2026-12-24\n"+notes+"## v7.6.4 - 2026-12-01\n\n- Old.\n")
	if r := release(root, "check", "v7.6.5").start(t); r.wait(t) != 0 {
		t.Fatalf("everything is set, and the check says %s", r.stderr.String())
	}
	release(root, "notes", "v7.6.5").prints(t, strings.TrimSpace(notes)+"\n")

	for name, place := range map[string]string{
		"Makefile": "VERSION ?= ", "config/manager/kustomization.yaml": "newTag: ", "charts/roster/Chart.yaml": "appVersion: ",
		"dist/install.yaml": "image: roster-portal:", "docs/quick-start.md": "roster-manager:", "README.md": " VERSION=",
	} {
		change(t, file(name), place+"v7.6.5", place+"v7.6.4")
		release(root, "check", "v7.6.5").fails(t, name+": names v7.6.4")
		change(t, file(name), place+"v7.6.4", place+"v7.6.5")
	}
	change(t, file("charts/roster/Chart.yaml"), "\nversion: 7.6.5", "\nversion: 7.6.4")
	release(root, "check", "v7.6.5").fails(t, "charts/roster/Chart.yaml: names 7.6.4")
	for _, wrong := range []string{"7.6.5", "v7.6", "v07.6.5", "v7.6.5-dirty", ""} {
		release(root, "check", wrong).fails(t, "must be a version such as v0.2.0")
	}
}

// TestInstallByDigest: what a release installs names images that nobody can replace.
func TestInstallByDigest(t *testing.T) {
	root := checkout(t)
	digests := map[string]string{"manager": "sha256:" + strings.Repeat("1", 64), "portal": "sha256:" + strings.Repeat("2", 64)}
	write(t, filepath.Join(root, "go.mod"), "module example.com/roster\n")
	for name, digest := range digests {
		write(t, filepath.Join(root, "bin/images/roster-"+name+".digest"), digest+"\n")
	}
	r := release(root, "install", "v7.6.5", "registry.example.com/acme").start(t)
	if r.wait(t) != 0 {
		t.Fatal(r.stderr.String())
	}
	var images []string
	for _, found := range regexp.MustCompile(`(?m)^ *image: (.*)$`).FindAllStringSubmatch(readFile(t, filepath.Join(root, "bin/release/install.yaml")), -1) {
		images = append(images, found[1])
	}
	want := []string{
		"registry.example.com/acme/roster-manager:v7.6.5@" + digests["manager"], "registry.example.com/acme/roster-portal:v7.6.5@" + digests["portal"],
	}
	if slices.Sort(images); !slices.Equal(images, want) {
		t.Errorf("the images are %q, want %q", images, want)
	}

	if r := release(root, "chart", "v7.6.5", "registry.example.com/acme").start(t); r.wait(t) != 0 {
		t.Fatal(r.stderr.String())
	}
	before, after := readFile(t, "../charts/roster/values.yaml"), readFile(t, filepath.Join(root, "bin/chart/roster/values.yaml"))
	for name, digest := range digests {
		before = strings.Replace(before, "repository: roster-"+name, "repository: registry.example.com/acme/roster-"+name, 1)
		_, part, _ := strings.Cut(before, "/roster-"+name+"\n")
		before = strings.Replace(before, part, strings.Replace(part, `digest: ""`, "digest: "+digest, 1), 1)
	}
	if before != after {
		t.Errorf("the values of the chart are\n%s", after)
	}
}

// TestWorkflowsCallWhatThereIs: each target that a workflow makes is one of the Makefile.
func TestWorkflowsCallWhatThereIs(t *testing.T) {
	workflows, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(workflows) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	calls := regexp.MustCompile(`(?m)\bmake ([a-z][a-z-]*)`)
	for _, path := range workflows {
		for _, found := range calls.FindAllStringSubmatch(readFile(t, path), -1) {
			if err := exec.Command("make", "-C", "..", "--dry-run", "--question", found[1]).Run(); err != nil {
				if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() == 1 { //nolint:errorlint // it is returned as it is
					continue // there is something to do
				}
				t.Errorf("%s: make %s: %v", path, found[1], err)
			}
		}
	}
}
