// SPDX-License-Identifier: Apache-2.0

package hack_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// fakeBuild stands in for "go build", and leaves the rest to go.
const fakeBuild = `#!/bin/sh
[ "$1" = build ] || exec "$REAL_GO" "$@"
while [ "$1" != -o ]; do shift; done
echo "$GOOS/$GOARCH" >"$2"
`

type krewPlatform struct {
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	URI    string `json:"uri"`
	Sha256 string `json:"sha256"`
	Bin    string `json:"bin"`
}

// TestKrew runs hack/krew.sh, which has krew check the manifest, and holds the manifest against the archives.
func TestKrew(t *testing.T) {
	realGo, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for _, file := range []string{"LICENSE", "hack/krew.sh", "config/krew/roster.yaml", "hack/tools/go.mod", "hack/tools/go.sum"} {
		text, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, file), string(text))
	}
	write(t, filepath.Join(root, "path/go"), fakeBuild)
	r := script(filepath.Join(root, "hack/krew.sh"), append(os.Environ(), "PATH="+filepath.Join(root, "path")+":"+os.Getenv("PATH"), "REAL_GO="+realGo)...)
	r.cmd.Args = append(r.cmd.Args, "v1.2.3")
	if code := r.start(t).wait(t); code != 0 || !strings.Contains(r.stderr.String(), "structural validation OK") {
		t.Fatalf("exit %d:\n%s", code, r.stderr.String())
	}
	var plugin struct {
		Spec struct {
			ShortDescription string         `json:"shortDescription"`
			Platforms        []krewPlatform `json:"platforms"`
		} `json:"spec"`
	}
	text, err := os.ReadFile(filepath.Join(root, "bin/krew/roster.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &plugin)
	}
	if err != nil {
		t.Fatal(err)
	}
	// The naming guide of krew asks for this, and its check does not.
	if short := plugin.Spec.ShortDescription; len(short) > 50 || strings.Contains(short, "kubectl") {
		t.Errorf("%q should have at most 50 characters, and not name kubectl", short)
	}
	if built, _ := filepath.Glob(filepath.Join(root, "bin/krew/*.tar.gz")); len(built) != len(plugin.Spec.Platforms) || len(built) < 5 {
		t.Errorf("%d archives for %d platforms", len(built), len(plugin.Spec.Platforms))
	}
	for _, p := range plugin.Spec.Platforms {
		p.check(t, filepath.Join(root, "bin/krew"))
	}
}

// check holds what the manifest says of a platform against its archive.
func (p krewPlatform) check(t *testing.T, folder string) {
	t.Helper()
	name, ok := strings.CutPrefix(p.URI, "https://github.com/roster-dev/roster/releases/download/v1.2.3/")
	if !ok {
		t.Errorf("URI %s", p.URI)
	}
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != p.Sha256 {
		t.Errorf("%s: the checksum in the manifest is %s", name, p.Sha256)
	}
	zipped, err := gzip.NewReader(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for archive := tar.NewReader(zipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		files = append(files, header.Name)
		content, err := io.ReadAll(archive)
		if want := p.Selector.MatchLabels["os"] + "/" + p.Selector.MatchLabels["arch"]; err != nil || header.Name == p.Bin && string(content) != want+"\n" {
			t.Errorf("%s holds a program for %s, %v", name, content, err)
		}
	}
	if !slices.Contains(files, p.Bin) || !slices.Contains(files, "LICENSE") {
		t.Errorf("%s holds %v", name, files)
	}
}
