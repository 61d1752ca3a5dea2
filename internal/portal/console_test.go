// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/testenv"
)

// console lets the site act for people, as far as the API server lets the portal.
func (w *world) console(c *configure) { c.As = actingAs(w.userConfig, w.portal) }

// mayBe lets the portal be a person, but do nothing in their name.
func (w *world) mayBe(users ...string) {
	w.t.Helper()
	await(w.t, func(ctx context.Context) bool {
		list := &rbacv1.ClusterRole{}
		if err := w.admin.Get(ctx, client.ObjectKey{Name: "roster-console-people"}, list); err != nil {
			return false
		}
		if len(list.Rules) == 0 {
			list.Rules = []rbacv1.PolicyRule{{
				APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"users"}, Verbs: []string{"impersonate:user-info"},
			}}
		}
		list.Rules[0].ResourceNames = append(list.Rules[0].ResourceNames, users...)
		return w.admin.Update(ctx, list) == nil
	})
	await(w.t, func(ctx context.Context) bool {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: portalUser, ResourceAttributes: &authorizationv1.ResourceAttributes{
				Group: "authentication.k8s.io", Resource: "users", Verb: "impersonate:user-info", Name: users[0],
			},
		}}
		return w.admin.Create(ctx, review) == nil && review.Status.Allowed
	})
}

// mayActFor lets the portal act for a person in the namespace, as the operator does for those who look after an organisation.
func (w *world) mayActFor(users ...string) {
	w.t.Helper()
	w.mayBe(users...)
	w.create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: access.ConsoleBinding},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-console"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: systemNamespace, Name: "roster-portal"}},
	})
}

// looksAfter is the browser of somebody with a role in the organisation, whom the portal may act for.
func (w *world) looksAfter(s *site, local string, role rosterv1alpha1.OrganizationRole) *browser {
	w.t.Helper()
	b := w.connector(s, local, role)
	w.mayActFor(prefix + w.address(local))
	w.awaitActing(local)
	return b
}

// needsConsole skips a test where the API server cannot act for people. What they see then is in [TestTheConsoleThatIsOff].
func (w *world) needsConsole() {
	w.t.Helper()
	serves, err := testenv.ServesConsole(w.userConfig)
	if err != nil {
		w.t.Fatal(err)
	}
	if !serves {
		w.t.Skip("this API server cannot act for people: it is older than Kubernetes 1.36")
	}
}

// awaitActing returns when the portal can act for a person.
func (w *world) awaitActing(local string) {
	w.t.Helper()
	w.needsConsole()
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

// refusing makes the API server refuse to act for anybody, in those words.
func (w *world) refusing(message string) func(*configure) {
	return func(c *configure) {
		c.As = func(string) (client.Client, error) {
			return interceptor.NewClient(w.portal, interceptor.Funcs{
				List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
					return apierrors.NewForbidden(schema.GroupResource{Resource: "users"}, "mia", errors.New(message))
				},
			}), nil
		}
	}
}

// TestTheConsoleThatIsOff: only those who may read the team are told, and why. The people who run Roster are told once, with the remedy.
func TestTheConsoleThatIsOff(t *testing.T) {
	for name, c := range map[string]struct {
		mod func(*world) func(*configure)
		// real: the API server itself refuses to act for people.
		real bool
		// listed: the portal may be that person, but do nothing in their name here.
		listed         bool
		says, inFrench string
		reason, gauge  string
	}{
		"nobody may be acted for": {mod: func(*world) func(*configure) { return func(*configure) {} },
			says: "this has not been switched on", inFrench: "n’est pas activée ici"},
		"the component is not installed": {mod: func(w *world) func(*configure) { return w.console }, real: true,
			says: "this has not been switched on", inFrench: "n’est pas activée ici", reason: "ConsoleNotInstalled", gauge: "component"},
		"the organisation is not bound yet": {mod: func(w *world) func(*configure) { return w.console }, real: true, listed: true,
			says: "Try again in a minute.", inFrench: "Réessayez dans une minute."},
		"an API server that is too old": {mod: func(w *world) func(*configure) {
			return w.refusing(`User "x" cannot impersonate resource "users" in API group "" at the cluster scope`)
		}, says: "Kubernetes 1.36 or later", inFrench: "Kubernetes 1.36", reason: "ConsoleUnsupported", gauge: "kubernetes"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if c.real {
				w.needsConsole()
			}
			var warned lines
			s := w.site(unlimited, w.connects(), c.mod(w), func(c *configure) { c.Warn = func(reason, note string) { warned.add(reason + ": " + note) } })
			manager, member := w.connector(s, "mia", rosterv1alpha1.RoleManager), w.connector(s, "ana", rosterv1alpha1.RoleMember)
			if c.listed {
				w.mayBe(prefix + w.address("mia"))
			}
			manager.get(w.peoplePath()+"?lang=en").expect(t, http.StatusServiceUnavailable, c.says)
			manager.get(w.peoplePath()+"?lang=fr").expect(t, http.StatusServiceUnavailable, c.inFrench)
			member.get(w.peoplePath()).expect(t, http.StatusNotFound)
			if got := warned.String(); c.reason == "" && got != "" || !strings.HasPrefix(got, c.reason) || strings.Count(got, "\n") > 0 {
				t.Errorf("warned of %q", got)
			}
			if c.gauge != "" && s.count(`roster_portal_console_off{reason="`+c.gauge+`"}`) != 1 {
				t.Error("the metric does not say so")
			}
		})
	}
}

// TestSomebodyNewIsToldToWait: others are let in already, so the console is on, and nobody is warned.
func TestSomebodyNewIsToldToWait(t *testing.T) {
	w := newWorld(t)
	var warned lines
	s := w.site(unlimited, w.connects(), w.console, func(c *configure) { c.Warn = func(reason, _ string) { warned.add(reason) } })
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	newcomer := w.connector(s, "max", rosterv1alpha1.RoleManager)
	manager.get(w.peoplePath()).expect(t, http.StatusOK)
	newcomer.get(w.peoplePath()).expect(t, http.StatusServiceUnavailable, "This page will be ready in a moment", "Try again in a minute.")
	if warned.String() != "" || s.count(`roster_portal_console_visits_total{result="name"}`) != 1 {
		t.Errorf("warned of %q", warned.String())
	}
	if s.count(`roster_portal_console_off{reason="component"}`) != 0 || !strings.Contains(s.log.String(), "The console is on") {
		t.Error("the console is not on")
	}
}
