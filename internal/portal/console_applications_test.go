// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/application"
)

// clientSecret is the one that a page shows; empty where it shows none.
func (a answer) clientSecret() string {
	m := regexp.MustCompile(`(?s)Client secret</dt><dd><strong class="secret">([A-Za-z0-9_-]{43})</strong>`).FindStringSubmatch(a.body)
	if m == nil {
		return ""
	}
	return m[1]
}

// TestAnApplicationIsSetUpInTheBrowser: somebody without kubectl has all that the tool wants to know, the client secret once, and nobody
// stores it.
func TestAnApplicationIsSetUpInTheBrowser(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.put(&rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Name: "press"}, Spec: rosterv1alpha1.TeamSpec{
		DisplayName: "Press office", Role: rosterv1alpha1.ProfileGuest,
	}})
	b.get(w.at("/team/applications")).expect(t, http.StatusOK, "There are no applications yet", "New web application")
	to := w.at("/team/new-application")
	page := b.get(to + "?type=Web")
	page.expect(t, http.StatusOK, "New web application", "Press office", "Owner")
	form := page.filled(to)
	b.post(to, form).expect(t, http.StatusUnprocessableEntity, "Enter a name of at most", "Enter at least one return address.")
	form = page.filled(to, "displayName", "Acme Studio", "redirects", "https://studio.acme.example/callback\r\n http://studio.acme.example/callback ")
	form["role"], form["team"] = []string{"Manager"}, []string{"press"}
	b.post(to, form).expect(t, http.StatusUnprocessableEntity, "Enter an address that begins with https://", `value="Acme Studio"`)
	form.Set("redirects", "https://studio.acme.example/callback")
	form.Set("listed", "yes")
	b.post(to, form).expect(t, http.StatusUnprocessableEntity, "Enter the web address, or do not show the application.")
	form.Set("url", "https://studio.acme.example")
	made := b.post(to, form)
	made.expect(t, http.StatusOK, "Put this into the settings of Acme Studio", w.ns+".acme-studio", "The client secret is shown only now")
	secret := made.clientSecret()
	a := &rosterv1alpha1.Application{}
	w.stored("acme-studio", a)
	if secret == "" || a.Spec.SecretHash != application.HashOf(secret) || made.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page shows %q, the hash is %q, it is cached %q", secret, a.Spec.SecretHash, made.Header.Get("Cache-Control"))
	}
	if m := a.Spec.Members; m == nil || strings.Join(m.Roles, ",") != "Manager" || strings.Join(m.Teams, ",") != "press" {
		t.Errorf("may sign in: %+v", m)
	}
	w.awaitCache(a)
	here := w.at("/team/applications/acme-studio")
	one := b.get(here)
	one.expect(t, http.StatusOK, "Shown once, when it was made", w.ns+".acme-studio")
	for _, page := range []answer{one, b.get(w.at("/team/applications"))} {
		if strings.Contains(page.body, secret) || strings.Contains(page.body, a.Spec.SecretHash) {
			t.Error("a page shows the client secret, or its hash")
		}
	}
	b.get(w.at("/team/applications")).expect(t, http.StatusOK, "Acme Studio", "Manager and team Press office", "https://studio.acme.example")
}

// TestAClientSecretIsReplacedInTheBrowser: one that was stolen at once, and the next one again with a day to do it in.
func TestAClientSecretIsReplacedInTheBrowser(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.tool("studio", nil, func(spec *rosterv1alpha1.ApplicationSpec) { spec.SecretName = "kept" })
	here := w.at("/team/applications/studio")
	for i, c := range []struct {
		to, says string
		overlap  time.Duration
	}{
		{"/secret", "works for 24 more hours", 24 * time.Hour},
		{"/stolen", "stops working at once", 0},
		{"/secret", "works for 24 more hours", 24 * time.Hour},
	} {
		sure := b.get(here + c.to)
		sure.expect(t, http.StatusOK, c.says, "shown once")
		if got := strings.Contains(sure.body, "no longer keeps it in the Secret kept"); got != (i == 0) {
			t.Errorf("%s tells of the Secret: %v", c.to, got)
		}
		shown := b.post(here+c.to, sure.filled(here+c.to))
		shown.expect(t, http.StatusOK, "Put this into the settings of Studio")
		a := &rosterv1alpha1.Application{}
		w.stored("studio", a)
		if secret := shown.clientSecret(); secret == "" || a.Spec.SecretHash != application.HashOf(secret) || a.Spec.SecretName != "" ||
			a.Spec.SecretOverlap.Duration != c.overlap {
			t.Errorf("%s: %q, %+v", c.to, secret, a.Spec)
		}
		again := b.post(here+c.to, sure.filled(here+c.to))
		again.expect(t, http.StatusUnprocessableEntity, "confirm once more")
		if again.clientSecret() != "" {
			t.Error("a form that is sent twice makes another client secret")
		}
	}
	w.tool("cli", nil, func(spec *rosterv1alpha1.ApplicationSpec) { spec.Type = rosterv1alpha1.ApplicationNative })
	b.get(w.at("/team/applications/cli/secret")).expect(t, http.StatusNotFound)
}

// TestAnApplicationIsChangedAndDeletedInTheBrowser: what the form does not have stays, and what is kept in Git is not written.
func TestAnApplicationIsChangedAndDeletedInTheBrowser(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.tool("studio", &rosterv1alpha1.ApplicationMembers{Roles: []string{"gone"}}, func(spec *rosterv1alpha1.ApplicationSpec) {
		spec.BackChannelLogoutURI, spec.SubjectType = "https://studio.acme.example/out", rosterv1alpha1.SubjectPairwise
	})
	here := w.at("/team/applications/studio")
	page := b.get(here)
	form := page.filled(here, "displayName", "The studio", "redirects", "https://studio.acme.example/callback\nhttps://other.acme.example/callback")
	if got := form["role"]; len(got) != 1 || got[0] != "gone" {
		t.Errorf("a role that is not there would be taken out: %v", got)
	}
	b.follow(b.post(here, form)).expect(t, http.StatusOK, "“The studio” has been saved", "other.acme.example")
	a := &rosterv1alpha1.Application{}
	w.stored("studio", a)
	if a.Spec.BackChannelLogoutURI == "" || a.Spec.SubjectType != rosterv1alpha1.SubjectPairwise || len(a.Spec.RedirectURIs) != 2 {
		t.Errorf("the application is %+v", a.Spec)
	}
	b.post(here, form).expect(t, http.StatusUnprocessableEntity, "Somebody else has changed this")
	sure := b.get(here + "/delete")
	sure.expect(t, http.StatusOK, "Delete The studio?", "Nobody can sign in to it", "Its client secret stops working for good")
	b.follow(b.post(here+"/delete", sure.filled(here+"/delete"))).expect(t, http.StatusOK, "“The studio” has been deleted")

	w.tool("reports", nil)
	a = &rosterv1alpha1.Application{}
	w.stored("reports", a)
	a.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "acme", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
	if err := w.admin.Update(context.Background(), a); err != nil {
		t.Fatal(err)
	}
	here = w.at("/team/applications/reports")
	page = b.get(here)
	page.expect(t, http.StatusOK, "Flux keeps this in Git.")
	form = page.filled(here, "displayName", "Numbers", "redirects", "https://reports.acme.example/callback")
	b.post(here, form).expect(t, http.StatusConflict, "displayName: Numbers", "Flux keeps reports in Git")
	asked := b.get(here + "/stolen")
	asked.expect(t, http.StatusOK, "put its hash into spec.secretHash in Git")
	if strings.Contains(asked.body, `action="`+here) {
		t.Error("a client secret is offered that would be lost")
	}
	b.post(here+"/stolen", url.Values{"generation": {strconv.FormatInt(a.Generation, 10)}}).expect(t, http.StatusOK, "put its hash into spec.secretHash in Git")
	b.post(here+"/delete", b.get(here+"/delete").filled(here+"/delete")).expect(t, http.StatusConflict)
	b.post(here, url.Values{}).expect(t, http.StatusUnprocessableEntity)
}
