// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/testenv"
)

// nameRule is the rule of the type ObjectName.
const nameRule = `self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`

// reference finds the fields that name objects, by the path in their kind.
var reference = regexp.MustCompile(
	`(?i)(ref|inviter|plan|profiles\[\]|workspaces\[\])\.name$|(members|teams|profiles|workspaces|administratorof|renewerof)\[\]$|` +
		`\.(member|namespace|invitation|profile|soleadministrator|solerenewer)$`)

// namesAll are references that may say * for all objects. The operator writes them, for people to read.
var namesAll = []string{"Member.status.workspaces[]"}

// texts are the fields of specs that take any text: people read them, networks know them, or they select by labels.
var texts = []string{
	"Account.spec.company", "CustomRole.spec.description", "Invitation.spec.message", "Member.spec.company", "Member.spec.displayName",
	"Organization.spec.environments[].name", "Plan.spec.displayName", "SocialProfile.spec.accountID", "SocialProfile.spec.handle",
	"Team.spec.displayName", "Workspace.spec.displayName",
}

// TestWhatNamesAnObjectTakesNamesOnly: a policy or the operator that puts a name together with other words must not be talked past by what
// no object can be called by. A field of text that has no rule at all is one on purpose, so that no new reference is forgotten.
func TestWhatNamesAnObjectTakesNamesOnly(t *testing.T) {
	references := 0
	for path, field := range stringFields(t) {
		switch {
		case slices.Contains(namesAll, path), strings.Contains(path, ".profileSelector."):
		case reference.MatchString(path):
			references++
			if !ruled(field, nameRule) || field.MaxLength == nil || *field.MaxLength > 253 {
				t.Errorf("%s names an object: make it an ObjectName", path)
			}
		case strings.Contains(path, ".spec.") && !restricted(field) && !slices.Contains(texts, path):
			t.Errorf("%s takes any text: make it an ObjectName if it names an object, or list it here", path)
		}
	}
	if references < 26 {
		t.Errorf("only %d references were found", references)
	}
}

// restricted reports whether a field takes only some texts.
func restricted(field apiextensionsv1.JSONSchemaProps) bool {
	return len(field.Enum) > 0 || field.Format != "" || field.Pattern != "" || len(field.XValidations) > 0
}

func ruled(field apiextensionsv1.JSONSchemaProps, rule string) bool {
	return slices.ContainsFunc(field.XValidations, func(r apiextensionsv1.ValidationRule) bool { return r.Rule == rule })
}

// stringFields are the fields of text of every kind, by their path such as Member.spec.profiles[].name.
func stringFields(t *testing.T) map[string]apiextensionsv1.JSONSchemaProps {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testenv.Root(), "config/crd/bases/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no kinds: %v", err)
	}
	all := map[string]apiextensionsv1.JSONSchemaProps{}
	for _, file := range files {
		var crd apiextensionsv1.CustomResourceDefinition
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(content, &crd); err != nil {
			t.Fatal(err)
		}
		root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties
		for _, part := range []string{"spec", "status"} {
			collect(crd.Spec.Names.Kind+"."+part, root[part], all)
		}
	}
	return all
}

func collect(path string, field apiextensionsv1.JSONSchemaProps, all map[string]apiextensionsv1.JSONSchemaProps) {
	for _, name := range slices.Sorted(maps.Keys(field.Properties)) {
		collect(path+"."+name, field.Properties[name], all)
	}
	if field.Items != nil && field.Items.Schema != nil {
		collect(path+"[]", *field.Items.Schema, all)
	}
	if field.AdditionalProperties != nil && field.AdditionalProperties.Schema != nil {
		collect(path+"{}", *field.AdditionalProperties.Schema, all)
	}
	if field.Type == "string" && !strings.Contains(path, ".conditions[]") {
		all[path] = field
	}
}
