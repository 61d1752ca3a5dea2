// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const version = "v9.8.7"

var platforms = flag.String("platforms", "linux/amd64,linux/arm64", "what to build for; one platform takes less time to try things out")

// TestImages builds all images as a release does, pushes them to a registry, pulls them and runs them. Then it builds them again from a copy
// of the source in another folder: the digests are the same.
func TestImages(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	o := options{
		root: "../..", out: t.TempDir(), version: version, revision: "277b6f9", created: time.Unix(1_790_000_000, 0).UTC(),
		platforms: strings.Split(*platforms, ","), push: host + "/acme",
	}
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	again := o
	again.root, again.out, again.push = copyOf(t, o.root), t.TempDir(), ""
	if err := run(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	for _, command := range commands() {
		t.Run(command, func(t *testing.T) {
			digest := pulled(t, o, command)
			for _, out := range []string{o.out, again.out} {
				if noted := strings.TrimSpace(read(t, filepath.Join(out, "roster-"+command+".digest"))); noted != digest {
					t.Errorf("%s notes %s, and the registry has %s", out, noted, digest)
				}
			}
		})
	}
	inLayout(t, o)
}

// pulled checks what a cluster gets, and returns its digest.
func pulled(t *testing.T, o options, command string) string {
	t.Helper()
	ref, err := name.ParseReference(o.push + "/roster-" + command + ":" + version)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
		image, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		checkConfig(t, o, command, image, m.Platform)
		checkFiles(t, command, image, m.Platform)
		checkBill(t, o, command, m.Platform)
	}
	if !slices.Equal(platforms, o.platforms) {
		t.Errorf("the image is for %v", platforms)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func checkConfig(t *testing.T, o options, command string, image v1.Image, platform *v1.Platform) {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := file.Config
	if c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/roster"}) || len(c.Cmd) != 0 ||
		file.OS != platform.OS || file.Architecture != platform.Architecture || !file.Created.Equal(o.created) {
		t.Errorf("%s: the configuration is %+v", platform, file)
	}
	for label, want := range map[string]string{"title": "roster-" + command, "version": version, "revision": o.revision, "licenses": "Apache-2.0"} {
		if got := c.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("%s: the label %s is %q, want %q", platform, label, got, want)
		}
	}
}

func checkFiles(t *testing.T, command string, image v1.Image, platform *v1.Platform) {
	t.Helper()
	content := mutate.Extract(image)
	defer func() { _ = content.Close() }()
	files := map[string][]byte{}
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			if files[header.Name], err = io.ReadAll(archive); err != nil {
				t.Fatal(err)
			}
		}
		if header.Mode&0o022 != 0 || header.Uid != 0 {
			t.Errorf("%s may be changed by others than root: %o", header.Name, header.Mode)
		}
	}
	if len(files) != 2 || bytes.Count(files["etc/ssl/certs/ca-certificates.crt"], []byte("BEGIN CERTIFICATE")) < 100 {
		t.Errorf("%s: the files are %d, with the authorities %.50s", platform, len(files), files["etc/ssl/certs/ca-certificates.crt"])
	}
	if platform.Architecture != runtime.GOARCH || platform.OS != runtime.GOOS {
		return
	}
	binary := filepath.Join(t.TempDir(), "roster")
	if err := os.WriteFile(binary, files["roster"], 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), binary, "--version").CombinedOutput()
	if want := command + " " + version + ","; err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("--version prints %q, %v; want %s", out, err, want)
	}
}

func checkBill(t *testing.T, o options, command string, platform *v1.Platform) {
	t.Helper()
	var bill cdx.BOM
	path := filepath.Join(o.out, billOf(command, platform))
	if err := cdx.NewBOMDecoder(strings.NewReader(read(t, path)), cdx.BOMFileFormatJSON).Decode(&bill); err != nil {
		t.Fatal(err)
	}
	if of := bill.Metadata.Component; of.Name != "roster-"+command || of.Version != version {
		t.Errorf("%s is about %+v", path, of)
	}
	names := map[string]string{}
	for _, c := range *bill.Components {
		names[c.Name] = c.PackageURL
	}
	if names["std"] == "" || !strings.HasPrefix(names["sigs.k8s.io/controller-runtime"], "pkg:golang/sigs.k8s.io/controller-runtime@v0.") {
		t.Errorf("%s lists %v", path, names)
	}
}

// inLayout: what is written on disk is what was pushed.
func inLayout(t *testing.T, o options) {
	t.Helper()
	path, err := layout.FromPath(filepath.Join(o.out, "oci"))
	if err != nil {
		t.Fatal(err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != len(commands()) {
		t.Fatalf("the layout has %d images", len(manifest.Manifests))
	}
	for i, command := range commands() {
		m := manifest.Manifests[i]
		if m.Annotations["org.opencontainers.image.ref.name"] != "roster-"+command+":"+version ||
			m.Digest.String() != strings.TrimSpace(read(t, filepath.Join(o.out, "roster-"+command+".digest"))) {
			t.Errorf("the layout has %+v", m)
		}
	}
}

// copyOf is the source of the project in another folder, without what git ignores.
func copyOf(t *testing.T, root string) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--",
		"go.mod", "go.sum", "api", "cmd", "config", "internal")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		} else if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
