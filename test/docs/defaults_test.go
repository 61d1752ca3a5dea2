// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// TestDefaults: what the API server fills in stands as the default on the page of the kind.
func TestDefaults(t *testing.T) {
	checked := 0
	for _, kind := range []string{
		"organization", "member", "invitation", "socialprofile", "account", "application", "team", "workspace", "customrole", "plan",
	} {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal([]byte(read(t, filepath.Join("config/crd/bases", "roster.dev_"+kind+"s.yaml"))), &crd); err != nil {
			t.Fatal(err)
		}
		page := read(t, "docs/"+kind+".md")
		for _, version := range crd.Spec.Versions {
			for path, value := range defaults("", version.Schema.OpenAPIV3Schema.Properties["spec"]) {
				checked++
				row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(path) + `(\[\])?` + "` \\| `" + regexp.QuoteMeta(value) + "` \\|")
				group, field, _ := strings.Cut(path, ".")
				within := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(group) + "` \\|.*`" + field + "` \\(default " + value + "\\)")
				if !row.MatchString(page) && !within.MatchString(page) {
					t.Errorf("docs/%s.md does not say that %s is %s if it is left out", kind, path, value)
				}
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d defaults were found", checked)
	}
}

// defaults are those of the fields of an object, by their paths, as people write them.
func defaults(path string, s apiextensionsv1.JSONSchemaProps) map[string]string {
	all := map[string]string{}
	for name, field := range s.Properties {
		below := strings.TrimPrefix(path+"."+name, ".")
		if field.Default != nil && string(field.Default.Raw) != "{}" {
			all[below] = strings.NewReplacer(`"`, "", ",", ", ").Replace(string(field.Default.Raw))
		}
		maps.Copy(all, defaults(below, field))
	}
	return all
}
