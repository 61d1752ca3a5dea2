// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// tool is an Application that is listed.
func (w *world) tool(name string, members *rosterv1alpha1.ApplicationMembers, mods ...func(*rosterv1alpha1.ApplicationSpec)) {
	w.t.Helper()
	a := &rosterv1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: rosterv1alpha1.ApplicationSpec{
			DisplayName: strings.ToUpper(name[:1]) + name[1:], URL: "https://" + name + ".acme.example", Listed: new(true), Members: members,
			RedirectURIs: []string{"https://" + name + ".acme.example/callback"},
		},
	}
	for _, mod := range mods {
		mod(&a.Spec)
	}
	w.put(a)
}

// withoutEnvironments has the organisation have no environments of its own.
func (w *world) withoutEnvironments() {
	w.t.Helper()
	o := w.organization()
	o.Spec.Environments = nil
	if err := w.admin.Update(context.Background(), o); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(o)
}

// has compares which tools are on a page with those that should be.
func (a answer) has(t *testing.T, want ...string) {
	t.Helper()
	for _, name := range []string{"charts", "studio", "vault", "boards", "hidden"} {
		wanted := false
		for _, n := range want {
			wanted = wanted || n == name
		}
		if got := strings.Contains(a.body, "https://"+name+".acme.example"); got != wanted {
			t.Errorf("the page has %s: %v, want %v", name, got, wanted)
		}
	}
}

// TestApplicationsStandAmongTheEnvironments: for those who may sign in to them, before and after they accept.
func TestApplicationsStandAmongTheEnvironments(t *testing.T) {
	w := newWorld(t)
	w.tool("charts", nil)
	w.tool("vault", &rosterv1alpha1.ApplicationMembers{Roles: []string{"Owner", "Manager"}})
	w.tool("boards", &rosterv1alpha1.ApplicationMembers{Teams: []string{"writers", "gone"}})
	w.tool("hidden", nil, func(s *rosterv1alpha1.ApplicationSpec) { s.Listed = nil })
	s := w.site()

	inv := w.invite("zoe")
	w.put(&rosterv1alpha1.Team{
		ObjectMeta: metav1.ObjectMeta{Name: "writers"},
		Spec:       rosterv1alpha1.TeamSpec{Role: rosterv1alpha1.ProfileEditor, Members: []string{"ana", inv.Name, "pat"}},
	})
	b := s.browser()
	welcome := b.follow(b.post(w.link(inv), accepting()))
	welcome.expect(t, http.StatusOK, "Live", "Beta", "<strong>Charts</strong> <span>charts.acme.example</span>")
	welcome.has(t, "charts", "boards")
	if strings.Contains(welcome.body, ">Open ") {
		t.Error("one of several is preferred")
	}

	for local, c := range map[string]struct {
		role rosterv1alpha1.OrganizationRole
		want []string
	}{
		"ana": {rosterv1alpha1.RoleMember, []string{"charts", "boards"}},
		"ben": {rosterv1alpha1.RoleManager, []string{"charts", "vault"}},
		"dan": {rosterv1alpha1.RoleMember, []string{"charts"}},
		"pat": {rosterv1alpha1.RoleProfileConnector, []string{"charts"}},
	} {
		b := w.signedIn(s, local)
		w.joined(local, func(m *rosterv1alpha1.MemberSpec) { m.Role = c.role }, nil)
		b.get(w.at("")).has(t, c.want...)
		b.get(w.at("/welcome")).has(t, c.want...)
	}
	b = w.signedIn(s, "sue")
	w.joined("sue", func(m *rosterv1alpha1.MemberSpec) { m.Suspended = new(true) },
		func(m *rosterv1alpha1.MemberStatus) { m.State = rosterv1alpha1.MemberSuspended })
	b.get(w.at("")).has(t)
}

// TestTheOnlyApplicationIsOneClickAway: after the password, somebody lands in the tool.
func TestTheOnlyApplicationIsOneClickAway(t *testing.T) {
	w := newWorld(t)
	w.withoutEnvironments()
	w.tool("studio", nil)
	w.tool("vault", &rosterv1alpha1.ApplicationMembers{Roles: []string{"Owner"}})
	inv, s := w.invite("zoe"), w.site()
	const open = `<a class="button" href="https://studio.acme.example" rel="noreferrer">Open Studio</a>`
	b := s.browser()
	b.follow(b.post(w.link(inv), accepting())).expect(t, http.StatusOK, open, `<a class="button quiet" href="/account">`)
	b = w.signedIn(s, "ana")
	w.joined("ana", nil, nil)
	b.get(w.at("/welcome")).expect(t, http.StatusOK, open)
}
