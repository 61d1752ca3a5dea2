// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// krewPlugin is what krew reads of a manifest: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest.
type krewPlugin struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string `json:"version"`
		Homepage         string `json:"homepage"`
		ShortDescription string `json:"shortDescription"`
		Description      string `json:"description"`
		Caveats          string `json:"caveats"`
		Platforms        []struct {
			Selector struct {
				MatchLabels map[string]string `json:"matchLabels"`
			} `json:"selector"`
			URI    string `json:"uri"`
			Sha256 string `json:"sha256"`
			Bin    string `json:"bin"`
		} `json:"platforms"`
	} `json:"spec"`
}

// TestKrewManifest holds the manifest against what krew asks of one, and against what hack/krew.sh builds.
func TestKrewManifest(t *testing.T) {
	const file = "../../config/krew/roster.yaml"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../../hack/krew.sh")
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("VERSION", "v1.2.3", "SHA256", strings.Repeat("a", 64)).Replace(string(data))
	var p krewPlugin
	if err := yaml.UnmarshalStrict([]byte(filled), &p); err != nil {
		t.Fatal(err)
	}
	if p.APIVersion != "krew.googlecontainertools.github.com/v1alpha2" || p.Kind != "Plugin" {
		t.Errorf("it is a %s %s", p.APIVersion, p.Kind)
	}
	if p.Metadata.Name+".yaml" != filepath.Base(file) {
		t.Errorf("the plugin is called %s, and its file %s", p.Metadata.Name, file)
	}
	if !regexp.MustCompile(`^v\d+\.\d+\.\d+$`).MatchString(p.Spec.Version) || p.Spec.Homepage == "" {
		t.Errorf("version %q, homepage %q", p.Spec.Version, p.Spec.Homepage)
	}
	if n := len(p.Spec.ShortDescription); n == 0 || n > 50 || strings.Contains(p.Spec.ShortDescription, "kubectl") {
		t.Errorf("%q should be at most 50 characters, and not say kubectl", p.Spec.ShortDescription)
	}
	seen := map[string]bool{}
	for _, platform := range p.Spec.Platforms {
		goos, arch := platform.Selector.MatchLabels["os"], platform.Selector.MatchLabels["arch"]
		seen[goos] = true
		want := "https://github.com/roster-dev/roster/releases/download/v1.2.3/kubectl-roster_" + goos + "_" + arch + ".tar.gz"
		bin := "kubectl-roster"
		if goos == "windows" {
			bin += ".exe"
		}
		if platform.URI != want || platform.Bin != bin || len(platform.Sha256) != 64 {
			t.Errorf("%s/%s: %+v", goos, arch, platform)
		}
		if !strings.Contains(string(script), " "+goos+"/"+arch) {
			t.Errorf("hack/krew.sh does not build %s/%s", goos, arch)
		}
	}
	if !seen["linux"] || !seen["darwin"] || !seen["windows"] {
		t.Errorf("platforms: %v", seen)
	}
}
