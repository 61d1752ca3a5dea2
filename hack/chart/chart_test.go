// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/provider"
)

// TestValuesAndTypes: values.yaml and the types say the same, and every value is explained.
func TestValuesAndTypes(t *testing.T) {
	data, err := os.ReadFile("../../charts/roster/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, tt := range []struct{ old, new, want string }{
		{"", "", ""},
		{"  keep: true\n", "  keep: true\n  # Unknown.\n  hold: true\n", "crds.hold: hack/chart/values.go has no such field"},
		{"  enabled: true\n", "", "crds.enabled: is missing"},
		{"# Labels for every object of the chart.\n", "", "commonLabels: has no comment"},
	} {
		_, err := readValues([]byte(strings.Replace(text, tt.old, tt.new, 1)))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%q for %q: %v, want %q", tt.new, tt.old, err, tt.want)
		}
	}
}

// TestNoTemplateByMistake: braces in a description are text.
func TestNoTemplateByMistake(t *testing.T) {
	object, err := provider.NewDefaultDepProvider().GetResourceFactory().FromBytes([]byte(
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b, annotations: {c: '{{ d }}'}}\ndata: {e: '{{ .Values }}'}\n"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `---
apiVersion: v1
data:
  e: '{{ "{{" }} .Values }}'
kind: ConfigMap
metadata:
  name: a
  namespace: b
  annotations:
    c: '{{ "{{" }} d }}'
  labels:
    {{- include "roster.labels" . | nindent 4 }}
`
	if got, err := (source{}).object(object); err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
}
