// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// definitions are those of the kinds, by the names of their pages.
func definitions(t *testing.T) map[string]apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	all := map[string]apiextensionsv1.CustomResourceDefinition{}
	for _, kind := range []string{
		"organization", "member", "invitation", "socialprofile", "account", "application", "team", "workspace", "customrole", "plan",
	} {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal([]byte(read(t, filepath.Join("config/crd/bases", "roster.dev_"+kind+"s.yaml"))), &crd); err != nil {
			t.Fatal(err)
		}
		all[kind] = crd
	}
	return all
}

// TestColumns: what kubectl get shows has the columns that the page shows, and -o wide adds those that it names.
func TestColumns(t *testing.T) {
	for kind, crd := range definitions(t) {
		page := read(t, "docs/"+kind+".md")
		for _, version := range crd.Spec.Versions {
			shown, wide := []string{"NAME"}, []string{}
			for _, column := range version.AdditionalPrinterColumns {
				if name := strings.ToUpper(column.Name); column.Priority == 0 {
					shown = append(shown, name)
				} else {
					wide = append(wide, name)
				}
			}
			header := regexp.MustCompile(`(?m)^\$ kubectl get ` + kind + `s\b.*\n(.*)$`).FindStringSubmatch(page)
			if header == nil || !slices.Equal(strings.Fields(header[1]), shown) {
				t.Errorf("docs/%s.md shows %q, and the columns are %q", kind, header, shown)
			}
			_, adds, _ := strings.Cut(page, "`-o wide` adds ")
			_, most, _ := strings.Cut(page, "`-o wide`\nadds ")
			for _, name := range wide {
				if sentence, _, _ := strings.Cut(adds+most, ". "); !strings.Contains(sentence, name) {
					t.Errorf("docs/%s.md does not say that -o wide adds %s", kind, name)
				}
			}
		}
	}
}

// TestDefaults: what the API server fills in stands as the default on the page of the kind.
func TestDefaults(t *testing.T) {
	checked := 0
	for kind, crd := range definitions(t) {
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
