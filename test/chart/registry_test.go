// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// TestRegistry: a release is packed and pushed as the workflow does, and what comes back is the chart.
func TestRegistry(t *testing.T) {
	h := newHelm(t)
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	charts := "oci://" + strings.TrimPrefix(server.URL, "http://") + "/charts"

	packed := t.TempDir()
	h.run(t, "", "package", folder, "--version", "1.2.3", "--app-version", "v1.2.3", "--destination", packed)
	h.run(t, "", "push", filepath.Join(packed, "roster-1.2.3.tgz"), charts, "--plain-http")

	pulled := t.TempDir()
	h.run(t, "", "pull", charts+"/roster", "--version", "1.2.3", "--plain-http", "--untar", "--untardir", pulled)
	for _, file := range []string{"README.md", "values.yaml", "values.schema.json", "templates/NOTES.txt"} {
		got, err := os.ReadFile(filepath.Join(pulled, "roster", file))
		if err != nil || string(got) != read(t, filepath.Join(folder, file)) {
			t.Errorf("%s came back as something else, %v", file, err)
		}
	}
	text := h.run(t, "", "template", "roster", charts+"/roster", "--version", "1.2.3", "--plain-http", "--namespace", "roster-system")
	for _, want := range []string{"image: \"roster-manager:v1.2.3\"", "helm.sh/chart: roster-1.2.3", "app.kubernetes.io/version: \"v1.2.3\""} {
		if !strings.Contains(text, want) {
			t.Errorf("the chart of another version has no %s", want)
		}
	}
	if got, want := len(parse(t, text)), len(h.render(t, "")); got != want {
		t.Errorf("%d objects came back, want %d", got, want)
	}
}
