// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"net/http"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// console lets the site act for people, as far as the API server lets the portal.
func (w *world) console(c *configure) { c.As = actingAs(w.userConfig, w.portal) }

// mayActFor lets the portal act for a person in the namespace, as the operator does for those who look after an organisation.
func (w *world) mayActFor(users ...string) {
	w.t.Helper()
	named := metav1.ObjectMeta{Name: w.ns + "-console"}
	portal := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: portalUser}}
	w.create(&rbacv1.ClusterRole{ObjectMeta: named, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"users"}, Verbs: []string{"impersonate:user-info"}, ResourceNames: users,
	}}})
	w.create(&rbacv1.ClusterRoleBinding{ObjectMeta: named, Subjects: portal,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: named.Name}})
	here := metav1.ObjectMeta{Namespace: w.ns, Name: "console"}
	var verbs []string
	for _, verb := range []string{"get", "list", "create", "update", "patch", "delete"} {
		verbs = append(verbs, "impersonate-on:user-info:"+verb)
	}
	w.create(&rbacv1.Role{ObjectMeta: here, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{rosterv1alpha1.GroupVersion.Group}, Verbs: verbs,
		Resources: []string{"members", "invitations", "teams", "workspaces", "customroles", "organizations", "socialprofiles"},
	}}})
	w.create(&rbacv1.RoleBinding{ObjectMeta: here, Subjects: portal,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: here.Name}})
}

// looksAfter is the browser of somebody with a role in the organisation, whom the portal may act for.
func (w *world) looksAfter(s *site, local string, role rosterv1alpha1.OrganizationRole) *browser {
	w.t.Helper()
	b := w.connector(s, local, role)
	w.mayActFor(prefix + w.address(local))
	w.awaitActing(local)
	return b
}

// awaitActing returns when the portal can act for a person.
func (w *world) awaitActing(local string) {
	w.t.Helper()
	await(w.t, func(ctx context.Context) bool {
		api, err := actingAs(w.userConfig, w.portal)(prefix + w.address(local))
		return err == nil && api.List(ctx, &rosterv1alpha1.MemberList{}, client.InNamespace(w.ns)) == nil
	})
}

// peoplePath is the page with the list.
func (w *world) peoplePath() string { return "/organizations/" + w.ns + "/team/people" }

// TestWhoMayLookAfterATeam: AG-02. To everybody but those who may read the team, the pages are not there.
func TestWhoMayLookAfterATeam(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	member := w.connector(s, "ana", rosterv1alpha1.RoleMember)
	manager.get(w.peoplePath()).expect(t, http.StatusOK, "People", w.address("ana"))
	member.get(w.peoplePath()).expect(t, http.StatusNotFound)

	other := newWorld(t)
	manager.get(other.peoplePath()).expect(t, http.StatusNotFound)
}

// TestTheConsoleThatIsOff: only those who may read the team are told.
func TestTheConsoleThatIsOff(t *testing.T) {
	w := newWorld(t)
	for name, s := range map[string]*site{
		"nobody may be acted for":    w.site(unlimited, w.connects()),
		"the API server lets nobody": w.site(unlimited, w.connects(), w.console),
	} {
		t.Run(name, func(t *testing.T) {
			local := map[bool]string{true: "mia", false: "max"}[name == "nobody may be acted for"]
			w.connector(s, local, rosterv1alpha1.RoleManager).get(w.peoplePath()).expect(t, http.StatusServiceUnavailable, "kubectl roster")
			w.connector(s, local+"-too", rosterv1alpha1.RoleMember).get(w.peoplePath()).expect(t, http.StatusNotFound)
		})
	}
}
