// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/testenv"
)

// TestFieldsTakeWhatTheSchemaAllows: browsers let nobody type more than the API server takes, and cut off nothing that it would take.
func TestFieldsTakeWhatTheSchemaAllows(t *testing.T) {
	for template, fields := range map[string]map[string]string{
		"web/templates/layout.html":                            {"displayName": "accounts.displayName", "company": "accounts.company"},
		"web/templates/username.html":                          {"username": "accounts.username"},
		"console/people/templates/people-change.html":          {"displayName": "members.displayName", "company": "members.company"},
		"console/groups/templates/groups-role.html":            {"displayName": "customroles.displayName", "description": "customroles.description"},
		"console/groups/templates/groups-workspaces.html":      {"displayName": "workspaces.displayName"},
		"console/groups/templates/layout-groups.html":          {"displayName": "teams.displayName"},
		"console/applications/templates/applications-one.html": {"displayName": "applications.displayName", "url": "applications.url"},
		"console/settings/templates/settings-section.html":     {"{{$f.ID}}-url": "organizations.onboarding.steps.url"},
	} {
		data, err := os.ReadFile(template)
		if err != nil {
			t.Fatal(err)
		}
		for name, path := range fields {
			most := schemaLength(t, path)
			found := regexp.MustCompile(`name="`+regexp.QuoteMeta(name)+`"[^>]*maxlength="(\d+)"`).FindAllStringSubmatch(string(data), -1)
			if len(found) == 0 {
				t.Errorf("%s: the field %s has no maxlength", template, name)
			}
			for _, f := range found {
				if got, _ := strconv.ParseInt(f[1], 10, 64); got != most {
					t.Errorf("%s: the field %s takes %d characters, and %s allows %d", template, name, got, path, most)
				}
			}
		}
	}
}

// schemaLength is the longest text that a field of a spec can have, such as accounts.displayName.
func schemaLength(t *testing.T, path string) int64 {
	t.Helper()
	names := strings.Split(path, ".")
	data, err := os.ReadFile(filepath.Join(testenv.Root(), "config", "crd", "bases", "roster.dev_"+names[0]+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(data, &crd); err != nil {
		t.Fatal(err)
	}
	p := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	for _, name := range names[1:] {
		if p.Items != nil {
			p = *p.Items.Schema
		}
		p = p.Properties[name]
	}
	if p.MaxLength == nil {
		t.Fatalf("%s has no maxLength", path)
	}
	return *p.MaxLength
}
