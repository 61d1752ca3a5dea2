// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const page = "docs/helm.md"

// TestDocumentedValues renders the chart with every block of values in the documentation, on top of the example.
func TestDocumentedValues(t *testing.T) {
	h := newHelm(t)
	pattern := regexp.MustCompile("(?s)```yaml\n# values.yaml\n(.*?)```\n")
	pages, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages {
		relative, _ := filepath.Rel(root, path)
		for _, block := range pattern.FindAllStringSubmatch(read(t, relative), -1) {
			h.run(t, block[1], "template", "roster", folder, "--namespace", "roster-system", "--values", example, "--values", "-")
		}
	}
	blocks := pattern.FindAllStringSubmatch(read(t, page), -1)
	for _, block := range blocks {
		// client-go goes through a proxy, too, and that knows nothing of addresses within the cluster.
		if strings.Contains(block[1], "HTTPS_PROXY") && !strings.Contains(block[1], "value: $(KUBERNETES_SERVICE_HOST),") {
			t.Errorf("%s sends requests to the API server through the proxy:\n%s", page, block[1])
		}
	}
	if len(blocks) < 5 {
		t.Fatalf("only %d blocks of values in %s", len(blocks), page)
	}
	_, values, _ := strings.Cut(read(t, example), "\n") // without the licence
	if blocks[0][1] != values {
		t.Errorf("%s shows something else than %s", page, example)
	}
}

// TestDocumentedCommands: what the page has readers type is what the other tests run.
func TestDocumentedCommands(t *testing.T) {
	push := strings.Replace(push, "VERSION", strings.TrimPrefix(appVersion(t), "v"), 1)
	for page, want := range map[string][]string{
		page: {install, push, upgrade, takeOver, uninstall}, "docs/versions.md": {upgrade, rollback},
	} {
		shown := regexp.MustCompile(`(?m)^helm .*$`).FindAllString(read(t, page), -1)
		if !slices.Equal(shown, want) {
			t.Errorf("%s shows\n%s\nwant\n%s", page, strings.Join(shown, "\n"), strings.Join(want, "\n"))
		}
	}
}

// appVersion is that of the chart, with the v.
func appVersion(t *testing.T) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^appVersion: (v\S+)$`).FindStringSubmatch(read(t, folder+"/Chart.yaml"))
	if found == nil {
		t.Fatal("the chart names no version")
	}
	return found[1]
}
