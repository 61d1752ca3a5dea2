// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/rest"
)

// TestVersionsInTheLog: the log says which Kubernetes this is, and what is the matter with it.
func TestVersionsInTheLog(t *testing.T) {
	for minor, want := range map[string]string{
		"33": "is older than Roster supports", "33+": "is older than Roster supports", "34": `"msg"="Kubernetes"`, "37+": `"msg"="Kubernetes"`,
		"38": "is newer than this version of Roster is tested on", "": `"msg"="Kubernetes"`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(version.Info{Major: "1", Minor: minor, GitVersion: "v1." + minor + ".4"})
		}))
		var lines []string
		LogVersion(&rest.Config{Host: server.URL}, funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{}))
		server.Close()
		if said := strings.Join(lines, "\n"); len(lines) != 1 || !strings.Contains(said, want) || !strings.Contains(said, "v1."+minor+".4") {
			t.Errorf("of 1.%s it says %q, want %q", minor, said, want)
		}
	}
}

// TestVersionsAreThoseThatAreTested: by the modules that their control planes are built from, by what the chart accepts, what a release tests
// and what the documentation says.
func TestVersionsAreThoseThatAreTested(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := filepath.Glob(filepath.Join(root, "hack/controlplane/*.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var minors []string
	for _, file := range files {
		_, rest, _ := strings.Cut(read(t, file), "\tk8s.io/kubernetes v")
		built := strings.Join(strings.SplitN(rest, ".", 3)[:2], ".")
		if name := strings.TrimSuffix(filepath.Base(file), ".mod"); name != "go" && name != built {
			t.Errorf("%s is of Kubernetes %s", file, built)
		}
		minors = append(minors, built)
	}
	slices.Sort(minors)
	if minors[0] != Oldest || minors[len(minors)-1] != Newest || len(minors) != newestMinor-oldestMinor+1 {
		t.Errorf("there are control planes of %v, and Oldest is %s, Newest %s", minors, Oldest, Newest)
	}
	older := "test-kubernetes MINOR=" + strings.Join(minors[:len(minors)-1], "\n          - test-kubernetes MINOR=") + "\n"
	for file, want := range map[string]string{
		"charts/roster/Chart.yaml": `kubeVersion: ">=` + Oldest + `.0-0"`, ".github/workflows/release.yml": older,
		"README.md": "[Kubernetes " + Oldest + " to " + Newest + "]",
	} {
		if !strings.Contains(read(t, filepath.Join(root, file)), want) {
			t.Errorf("%s does not say %s", file, want)
		}
	}
	for _, minor := range minors {
		if !strings.Contains(read(t, filepath.Join(root, "docs/versions.md")), "\n| "+minor+" |") {
			t.Errorf("docs/versions.md has no row for %s", minor)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
