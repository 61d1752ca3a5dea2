// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"slices"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

func TestLacks(t *testing.T) {
	get := rbacv1.PolicyRule{APIGroups: []string{"a"}, Resources: []string{"x"}, Verbs: []string{"get"}}
	list := rbacv1.PolicyRule{APIGroups: []string{"a"}, Resources: []string{"y"}, Verbs: []string{"list", "watch"}}
	for name, c := range map[string]struct {
		is      []rbacv1.PolicyRule
		lacking []string
	}{
		"all":              {[]rbacv1.PolicyRule{list, get}, nil},
		"more":             {[]rbacv1.PolicyRule{list, get, {Verbs: []string{"*"}}}, nil},
		"one less":         {[]rbacv1.PolicyRule{get}, []string{"Role r: list,watch on y"}},
		"nothing":          {nil, []string{"Role r is missing"}},
		"with fewer verbs": {[]rbacv1.PolicyRule{get, {APIGroups: []string{"a"}, Resources: []string{"y"}, Verbs: []string{"list"}}}, []string{"Role r: list,watch on y"}},
	} {
		if got := lacks("Role r", []rbacv1.PolicyRule{get, list}, c.is); !slices.Equal(got, c.lacking) {
			t.Errorf("%s: %q, want %q", name, got, c.lacking)
		}
	}
}

// TestShipped: the plugin has the manifests of its version with it.
func TestShipped(t *testing.T) {
	policies, err := shipped[admissionv1.ValidatingAdmissionPolicy]("policy", "ValidatingAdmissionPolicy")
	if err != nil || len(policies) < 20 {
		t.Fatalf("%d policies: %v", len(policies), err)
	}
	for _, p := range policies {
		if len(expressions(p)) == 0 {
			t.Errorf("%s asks nothing", p.Name)
		}
	}
	roles, err := shipped[rbacv1.Role]("rbac", "Role")
	if err != nil || !slices.ContainsFunc(roles, func(r *rbacv1.Role) bool { return r.Name == "roster-manager" && len(r.Rules) > 2 }) {
		t.Errorf("%d Roles: %v", len(roles), err)
	}
}
