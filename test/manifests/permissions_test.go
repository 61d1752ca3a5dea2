// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

type question struct {
	who, verb, group, resource, namespace, name string
}

const roster = "roster.dev"

// permissionsAreEnoughAndNoMore asks the API server about what would hurt if it were otherwise. Columns: who, verb, group, resource,
// namespace, name.
func permissionsAreEnoughAndNoMore(t *testing.T, c *cluster) {
	yes := []question{
		{"roster-manager", "update", roster, "invitations/status", "acme", ""},
		{"roster-manager", "create", roster, "members", "acme", ""},
		{"roster-manager", "get", "", "secrets", "roster-system", "roster-link-keys"},
		{"roster-manager", "get", "", "secrets", "roster-system", "roster-smtp"},
		{"roster-manager", "create", "events.k8s.io", "events", "acme", ""},
		{"roster-manager", "update", "coordination.k8s.io", "leases", "roster-system", "roster-manager"},
		{"roster-portal", "update", roster, "invitations/status", "acme", ""},
		{"roster-portal", "create", roster, "accounts", "roster-accounts", ""},
		{"roster-portal", "get", "", "secrets", "roster-accounts", "ana"},
		{"roster-portal", "create", "", "secrets", "roster-accounts", ""},
		{"roster-portal", "get", "", "secrets", "roster-system", "roster-link-keys"},
	}
	no := []question{
		// Secrets of others.
		{"roster-manager", "get", "", "secrets", "roster-accounts", "ana"},
		{"roster-manager", "get", "", "secrets", "acme", "facebook"},
		{"roster-manager", "list", "", "secrets", "roster-system", ""},
		{"roster-manager", "list", "", "secrets", "acme", ""},
		{"roster-manager", "update", "", "secrets", "acme", "facebook"},
		{"roster-manager", "update", "", "secrets", "roster-system", "roster-link-keys"},
		{"roster-portal", "get", "", "secrets", "acme", "facebook"},
		{"roster-portal", "get", "", "secrets", "roster-system", "roster-smtp"},
		{"roster-portal", "list", "", "secrets", "roster-accounts", ""},
		{"roster-portal", "create", "", "secrets", "roster-system", ""},
		// Who may do what.
		{"roster-manager", "escalate", "rbac.authorization.k8s.io", "roles", "acme", ""},
		{"roster-manager", "bind", "rbac.authorization.k8s.io", "roles", "acme", ""},
		{"roster-manager", "create", "rbac.authorization.k8s.io", "clusterroles", "", ""},
		{"roster-manager", "create", "rbac.authorization.k8s.io", "clusterrolebindings", "", ""},
		{"roster-portal", "create", "rbac.authorization.k8s.io", "roles", "acme", ""},
		{"roster-portal", "create", "rbac.authorization.k8s.io", "rolebindings", "acme", ""},
		// What people wrote.
		{"roster-manager", "create", roster, "organizations", "acme", ""},
		{"roster-manager", "update", roster, "accounts", "roster-accounts", "ana"},
		{"roster-portal", "update", roster, "invitations", "acme", "ana"},
		{"roster-portal", "create", roster, "invitations", "acme", ""},
		{"roster-portal", "create", roster, "members", "acme", ""},
		{"roster-portal", "update", roster, "members/status", "acme", "ana"},
		{"roster-portal", "create", roster, "accounts", "acme", ""},
		{"roster-portal", "delete", roster, "accounts", "roster-accounts", "ana"},
		// Anything to run.
		{"roster-manager", "create", "", "pods", "acme", ""},
		{"roster-portal", "create", "", "pods", "roster-system", ""},
	}
	ask := c.client(t, c.config)
	for _, q := range yes {
		expectAnswer(t, ask, q, true)
	}
	for _, q := range no {
		expectAnswer(t, ask, q, false)
	}
}

func expectAnswer(t *testing.T, ask client.Client, q question, want bool) {
	t.Helper()
	resource, subresource, _ := strings.Cut(q.resource, "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:   "system:serviceaccount:roster-system:" + q.who,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:roster-system", "system:authenticated"},
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: q.verb, Group: q.group, Resource: resource, Subresource: subresource, Namespace: q.namespace, Name: q.name,
		},
	}}
	if err := ask.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	if review.Status.Allowed != want {
		t.Errorf("%s: %s %s %s/%s: allowed is %v, want %v (%s)",
			q.who, q.verb, q.resource, q.namespace, q.name, review.Status.Allowed, want, review.Status.Reason)
	}
}

func role(name string, rules []rbacv1.PolicyRule) *rbacv1.Role {
	return &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Rules: rules}
}

func bindingTo(role string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "ana@example.com"}},
	}
}

// managerWritesRolesWithinLimits: Kubernetes' own check against escalation lets the manager write the Role of every Member, and
// nothing beyond.
func managerWritesRolesWithinLimits(t *testing.T, c *cluster) {
	manager := c.as(t, "roster-manager")
	for _, e := range everyRole() {
		name := "roster:member:" + strings.ToLower(string(e.Role)) + "-" + strings.ToLower(string(e.On("acme-fb")))
		if err := manager.Create(t.Context(), role(name, access.Compile(e, "acme", "ana"))); err != nil {
			t.Errorf("the Role of a %s, %s on a profile: %v", e.Role, e.On("acme-fb"), err)
		}
		if err := manager.Create(t.Context(), bindingTo(name)); err != nil {
			t.Errorf("its binding: %v", err)
		}
	}
	for resource, group := range map[string]string{"secrets": "", "accounts": roster, "pods": ""} {
		rule := rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: []string{"update"}}
		more := append(access.Compile(everyRole()[0], "acme", "ana"), rule)
		if err := manager.Create(t.Context(), role("roster:member:eve-"+resource, more)); !apierrors.IsForbidden(err) {
			t.Errorf("a Role that allows to update %s: %v, want it forbidden", resource, err)
		}
	}
	admin := bindingTo("roster:member:eve")
	admin.RoleRef = rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"}
	if err := manager.Create(t.Context(), admin); !apierrors.IsForbidden(err) {
		t.Errorf("a binding to cluster-admin: %v, want it forbidden", err)
	}
}

// everyRole is what a Member can hold: each role in the organisation with each role on a profile.
func everyRole() []access.Effective {
	exists := func(string) bool { return true }
	all := []access.Effective{access.Resolve(rosterv1alpha1.MemberSpec{}, true, exists)}
	for _, organization := range access.Grantable(rosterv1alpha1.RoleOwner) {
		for _, profile := range []rosterv1alpha1.ProfileRole{
			rosterv1alpha1.ProfileAdministrator, rosterv1alpha1.ProfileEditor, rosterv1alpha1.ProfileModerator, rosterv1alpha1.ProfileGuest,
		} {
			spec := rosterv1alpha1.MemberSpec{
				Role: organization, Profiles: []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: profile}},
			}
			if e := access.Resolve(spec, false, exists); !access.Manages(e.Role) || profile == rosterv1alpha1.ProfileAdministrator {
				all = append(all, e) // Whoever manages is Administrator of all profiles anyway.
			}
		}
	}
	return all
}

func portalWritesNoRole(t *testing.T, c *cluster) {
	portal := c.as(t, "roster-portal")
	if err := portal.Create(t.Context(), role("x", nil)); !apierrors.IsForbidden(err) {
		t.Errorf("an empty Role: %v, want it forbidden", err)
	}
}
