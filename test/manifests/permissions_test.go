// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"fmt"
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
		// The keys that sign tokens: the manager rotates them, and the portal signs.
		{"roster-manager", "get", "", "secrets", "roster-system", "roster-openid-keys"},
		{"roster-manager", "update", "", "secrets", "roster-system", "roster-openid-keys"},
		{"roster-manager", "create", "events.k8s.io", "events", "roster-system", ""},
		{"roster-portal", "get", "", "secrets", "roster-system", "roster-openid-keys"},
		{"roster-manager", "update", "coordination.k8s.io", "leases", "roster-system", "roster-manager"},
		{"roster-portal", "update", roster, "invitations/status", "acme", ""},
		{"roster-portal", "create", roster, "accounts", "roster-accounts", ""},
		{"roster-portal", "get", "", "secrets", "roster-accounts", "ana"},
		{"roster-portal", "create", "", "secrets", "roster-accounts", ""},
		{"roster-portal", "get", "", "secrets", "roster-system", "roster-link-keys"},
		{"roster-portal", "get", "", "secrets", "roster-system", "roster-portal-keys"},
		// Seeds of authenticator apps are opened when a code is checked; client secrets are what the portal proves itself to companies with.
		{"roster-portal", "get", "", "secrets", "roster-system", "roster-factor-keys"},
		{"roster-portal", "get", "", "secrets", "roster-system", "roster-company-sign-in"},
		{"roster-portal", "update", "", "secrets", "roster-accounts", "ana"},
		{"roster-portal", "list", roster, "accounts", "roster-accounts", ""},
		// Who has signed in to applications, and whether they are suspended.
		{"roster-portal", "watch", roster, "accounts", "roster-accounts", ""},
		{"roster-portal", "watch", "", "secrets", "roster-accounts", ""},
		{"roster-portal", "list", roster, "applications", "acme", ""},
		{"roster-portal", "create", "events.k8s.io", "events", "roster-system", ""},
		{"roster-manager", "create", "", "secrets", "roster-system", ""},
		// What people ask for at the portal: it leaves that in a namespace, and the manager does it.
		{"roster-portal", "create", "", "secrets", "roster-connections", ""},
		{"roster-portal", "get", "", "secrets", "roster-connections", "connection-x"},
		{"roster-portal", "get", "", "secrets", "roster-system", "roster-facebook"},
		{"roster-manager", "list", "", "secrets", "roster-connections", ""},
		{"roster-manager", "watch", "", "secrets", "roster-connections", ""},
		{"roster-manager", "update", "", "secrets", "roster-connections", "connection-x"},
		{"roster-manager", "delete", "", "secrets", "roster-connections", "connection-x"},
		{"roster-portal", "create", "authorization.k8s.io", "subjectaccessreviews", "", ""},
		{"roster-portal", "delete", "", "secrets", "roster-accounts", "ana"},
		{"roster-manager", "create", roster, "socialprofiles", "acme", ""},
		{"roster-manager", "update", roster, "applications/status", "acme", "studio"},
		{"roster-portal", "watch", roster, "applications", "acme", ""},
		{"roster-manager", "delete", roster, "socialprofiles", "acme", "acme-fb"},
	}
	no := []question{
		// Secrets of others.
		{"roster-manager", "get", "", "secrets", "roster-accounts", "ana"},
		{"roster-manager", "get", "", "secrets", "acme", "facebook"},
		{"roster-manager", "list", "", "secrets", "roster-system", ""},
		{"roster-manager", "list", "", "secrets", "acme", ""},
		{"roster-manager", "update", "", "secrets", "acme", "facebook"},
		{"roster-manager", "update", "", "secrets", "roster-system", "roster-link-keys"},
		{"roster-manager", "get", "", "secrets", "roster-system", "roster-portal-keys"},
		{"roster-manager", "get", "", "secrets", "roster-system", "roster-factor-keys"},
		{"roster-manager", "get", "", "secrets", "roster-system", "roster-company-sign-in"},
		{"roster-portal", "update", "", "secrets", "roster-system", "roster-factor-keys"},
		{"roster-portal", "update", "", "secrets", "roster-system", "roster-openid-keys"},
		{"roster-manager", "delete", "", "secrets", "roster-system", "roster-openid-keys"},
		{"roster-portal", "get", "", "secrets", "acme", "facebook"},
		{"roster-portal", "get", "", "secrets", "roster-system", "roster-smtp"},
		{"roster-portal", "create", "", "secrets", "roster-system", ""},
		{"roster-portal", "list", "", "secrets", "roster-system", ""},
		{"roster-portal", "update", roster, "applications", "acme", "tool"},
		{"roster-portal", "list", "", "secrets", "roster-connections", ""},
		{"roster-portal", "watch", "", "secrets", "roster-connections", ""},
		{"roster-portal", "update", "", "secrets", "roster-connections", "connection-x"},
		{"roster-portal", "patch", "", "secrets", "roster-connections", "connection-x"},
		{"roster-portal", "delete", "", "secrets", "roster-connections", "connection-x"},
		{"roster-portal", "update", "", "secrets", "roster-system", "roster-facebook"},
		{"roster-portal", "create", "", "secrets", "acme", ""},
		{"roster-portal", "create", "events.k8s.io", "events", "acme", ""},
		{"roster-portal", "get", roster, "accounts", "acme", ""},
		{"roster-portal", "update", roster, "teams", "acme", "writers"},
		{"roster-portal", "update", roster, "applications", "acme", "studio"},
		{"roster-portal", "update", roster, "applications/status", "acme", "studio"},
		{"roster-portal", "get", "", "secrets", "acme", "studio-openid"},
		{"roster-manager", "get", "", "secrets", "acme", "studio-openid"},
		{"roster-portal", "get", roster, "plans", "", "small"},
		{"roster-manager", "create", "", "secrets", "acme", ""},
		{"roster-manager", "create", "", "secrets", "roster-connections", ""},
		// Profiles of organisations.
		{"roster-portal", "create", roster, "socialprofiles", "acme", ""},
		{"roster-portal", "update", roster, "socialprofiles", "acme", "acme-fb"},
		{"roster-portal", "delete", roster, "socialprofiles", "acme", "acme-fb"},
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
	return &rbacv1.Role{ObjectMeta: managed(name), Rules: rules}
}

// managed is how Roster marks what is its own.
func managed(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"app.kubernetes.io/managed-by": "roster"}}
}

func bindingTo(role string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: managed(role),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "ana@example.com"}},
	}
}

// managerWritesRolesWithinLimits: Kubernetes' own check against escalation lets the manager write the Role of every source, and
// nothing beyond.
func managerWritesRolesWithinLimits(t *testing.T, c *cluster) {
	manager := c.as(t, "roster-manager")
	for i, s := range everySource() {
		name := access.Source{Kind: access.FromTeam, Name: fmt.Sprintf("team-%d", i)}.RoleName()
		if err := manager.Create(t.Context(), role(name, access.Compile(s, "acme"))); err != nil {
			t.Errorf("the Role of %+v: %v", s, err)
		}
		if err := manager.Create(t.Context(), bindingTo(name)); err != nil {
			t.Errorf("its binding: %v", err)
		}
	}
	for resource, group := range map[string]string{"secrets": "", "accounts": roster, "pods": "", "plans": roster} {
		rule := rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: []string{"update"}}
		more := append(access.Compile(access.Sources{Owner: true}, "acme"), rule)
		if err := manager.Create(t.Context(), role("roster:team:eve-"+resource, more)); !apierrors.IsForbidden(err) {
			t.Errorf("a Role that allows to update %s: %v, want it forbidden", resource, err)
		}
	}
	admin := bindingTo("roster:team:eve")
	admin.RoleRef = rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"}
	if err := manager.Create(t.Context(), admin); !apierrors.IsForbidden(err) {
		t.Errorf("a binding to cluster-admin: %v, want it forbidden", err)
	}
}

// everySource is what the Role of a Member can be made of: each role in the organisation, each permission of a CustomRole alone and all
// together, each role on a profile, a workspace, and a profile that the person connected.
func everySource() []access.Sources {
	roles := access.Roles{
		"all":   {Scope: rosterv1alpha1.ScopeOrganization, Permissions: access.AllOrganizationPermissions()},
		"night": {Scope: rosterv1alpha1.ScopeProfile, Permissions: []rosterv1alpha1.RolePermission{"moderate", "connect"}},
	}
	organization := []rosterv1alpha1.OrganizationRole{
		rosterv1alpha1.RoleCoOwner, rosterv1alpha1.RoleManager, rosterv1alpha1.RoleAdvancedMember, rosterv1alpha1.RoleMember,
		rosterv1alpha1.RoleProfileConnector, "all",
	}
	for i, p := range access.AllOrganizationPermissions() {
		name := fmt.Sprintf("only-%d", i)
		roles[name] = rosterv1alpha1.CustomRoleSpec{Scope: rosterv1alpha1.ScopeOrganization, Permissions: []rosterv1alpha1.RolePermission{p}}
		organization = append(organization, rosterv1alpha1.OrganizationRole(name))
	}
	base := access.Sources{
		Roles: roles, Profiles: map[string]access.Standing{"acme-fb": access.Present}, Connected: []string{"acme-own"},
		Workspaces: map[string][]string{"west": {"acme-fb"}},
	}
	owner := base
	owner.Owner = true
	all := []access.Sources{owner}
	for _, r := range organization {
		for _, onProfile := range []rosterv1alpha1.ProfileRole{
			rosterv1alpha1.ProfileAdministrator, rosterv1alpha1.ProfileEditor, rosterv1alpha1.ProfileModerator, rosterv1alpha1.ProfileGuest, "night",
		} {
			s := base
			s.Spec = rosterv1alpha1.MemberSpec{
				Role: r, Profiles: []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: onProfile}},
				Workspaces: []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: onProfile}},
			}
			all = append(all, s)
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
