// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func role(t *testing.T, rules string) *object {
	t.Helper()
	o := &object{Object: map[string]any{"kind": "Role", "metadata": map[string]any{"name": "r"}}}
	var parsed []any
	if err := yaml.Unmarshal([]byte(rules), &parsed); err != nil {
		t.Fatal(err)
	}
	o.Object["rules"] = parsed
	return o
}

func TestLacksRules(t *testing.T) {
	const get = "{apiGroups: [a], resources: [x], verbs: [get]}"
	const list = "{apiGroups: [a], resources: [z], verbs: [list, watch]}"
	for name, c := range map[string]struct {
		is      string
		lacking []string
	}{
		"all":              {"[" + list + "," + get + "]", nil},
		"more":             {"[" + list + "," + get + ", {verbs: ['*']}]", nil},
		"one less":         {"[" + get + "]", []string{"Role r lacks [list watch] on [z]"}},
		"with fewer verbs": {"[" + get + ", {apiGroups: [a], resources: [z], verbs: [list]}]", []string{"Role r lacks [list watch] on [z]"}},
	} {
		if got := lacksRules(role(t, "["+get+","+list+"]"), role(t, c.is)); !slices.Equal(got, c.lacking) {
			t.Errorf("%s: %q, want %q", name, got, c.lacking)
		}
	}
}

// TestWithin: the API server may fill in defaults. What makes a policy say less is a difference.
func TestWithin(t *testing.T) {
	const want = "{failurePolicy: Fail, validations: [{expression: a}]}"
	for is, same := range map[string]bool{
		want: true,
		"{failurePolicy: Fail, validations: [{expression: a}], matchConstraints: {matchPolicy: Equivalent}}": true,
		"{failurePolicy: Ignore, validations: [{expression: a}]}":                                            false,
		"{failurePolicy: Fail, validations: [{expression: b}]}":                                              false,
		"{failurePolicy: Fail, validations: []}":                                                             false,
		"{failurePolicy: Fail, validations: [{expression: a}], matchConditions: [{expression: 'false'}]}":    false,
		"{validations: [{expression: a}]}":                                                                   false,
		"null":                                                                                               false,
	} {
		var a, b any
		if err := yaml.Unmarshal([]byte(want), &a); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal([]byte(is), &b); err != nil {
			t.Fatal(err)
		}
		if within(a, b) != same {
			t.Errorf("%s: %v", is, !same)
		}
	}
}

// TestShipped: the plugin has the manifests of its version with it.
func TestShipped(t *testing.T) {
	for folder, least := range map[string]int{"policy": 40, "policy/mutating": 4, "rbac": 8} {
		all, err := shipped(folder, "Policy", "PolicyBinding", "Role")
		if err != nil || len(all) < least {
			t.Errorf("%s: %d objects, %v", folder, len(all), err)
		}
		for _, o := range all {
			rules, _, _ := unstructured.NestedSlice(o.Object, "rules")
			if len(rules) == 0 && o.Object["spec"] == nil && o.Object["aggregationRule"] == nil || strings.Contains(o.GetKind(), "List") {
				t.Errorf("%s says nothing", called(o))
			}
		}
	}
}
