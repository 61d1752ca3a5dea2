// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/texts"
)

// pageTexts are the texts of a language by name, those of all rooms; a text that counts has one for each form.
func pageTexts(t *testing.T, l rosterv1alpha1.Locale) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, pattern := range []string{"*/texts/", "*/*/texts/"} {
		files, err := filepath.Glob(pattern + string(l) + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var texts map[string]any
			if err := yaml.UnmarshalStrict(data, &texts); err != nil {
				t.Fatal(err)
			}
			for id, text := range texts {
				if _, twice := all[id]; twice {
					t.Errorf("%s: %s stands elsewhere, too", file, id)
				}
				all[id] = text
			}
		}
	}
	return all
}

// usedTexts are the names of texts that code and templates speak of, and whether they count; and the names that stand in tables, or begin
// the name of a text that is put together.
func usedTexts(t *testing.T) (used, named map[string]bool) {
	t.Helper()
	used, named = map[string]bool{}, map[string]bool{}
	call := regexp.MustCompile(`(?:\.|\$t\.)([TN])[( ]"([A-Za-z]+(?:\.[A-Za-z]+)+)"`)
	name := regexp.MustCompile(`"([a-z]+(?:\.[A-Za-z]+)+|(?:[a-z]+\.)+)"`)
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || strings.HasSuffix(path, "_test.go") || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".html" {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range call.FindAllStringSubmatch(string(source), -1) {
			used[m[2]] = m[1] == "N"
		}
		for _, m := range name.FindAllStringSubmatch(string(source), -1) {
			named[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return used, named
}

func TestNoTextIsMissingOrUnused(t *testing.T) {
	used, named := usedTexts(t)
	if len(used) < 100 {
		t.Fatalf("only %d texts are used: the test does not see them", len(used))
	}
	all := pageTexts(t, rosterv1alpha1.LocaleEnglish) // Every language says what English says: a test of all texts sees to that.
	for id, counts := range used {
		text, ok := all[id]
		if _, hasForms := text.(map[string]any); ok && counts && !hasForms {
			t.Errorf("%s counts, but has no form for one", id)
		}
		if !ok {
			t.Errorf("%s is missing", id)
		}
	}
	for id := range all {
		if _, ok := used[id]; !ok && !named[id] && !named[id[:strings.LastIndex(id, ".")+1]] {
			t.Errorf("%s is not used", id)
		}
	}
}

func TestEveryPlaceholderIsFilled(t *testing.T) {
	w := newWorld(t)
	d, err := web.NewDictionary()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range texts.Languages() {
		b := w.site(unlimited).browser()
		lang := "?lang=" + string(l)
		inv := w.invite("ana", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = w.address("ana-" + string(l)) })
		link := w.link(inv) + lang
		pages := []answer{b.get("/" + lang), b.get("/x" + lang), b.get(link), b.get(w.link(inv) + "/decline" + lang),
			b.post(link, accepting("password", "weak")), b.follow(b.post(link, accepting())), w.site().browser().get(link)}
		for _, a := range pages {
			if strings.Contains(a.body, "&lt;no value") || strings.Contains(a.body, "{{") {
				t.Errorf("%s: a placeholder is empty:\n%s", l, a.body)
			}
			if !strings.Contains(a.body, fmt.Sprintf("<html lang=%q>", l)) || a.Header.Get("Content-Language") != string(l) {
				t.Errorf("%s: the page does not say its language", l)
			}
			for id := range pageTexts(t, l) {
				if strings.Contains(a.body, ">"+id+"<") {
					t.Errorf("%s: the page shows the name %s", l, id)
				}
			}
		}
	}
	if got := d.Words["fr"].T("no.such.text"); got != "no.such.text" {
		t.Errorf("a missing text is %q", got)
	}
}

func TestLanguageOfAPage(t *testing.T) {
	d, err := web.NewDictionary()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, query, accept string
		asked, otherwise    rosterv1alpha1.Locale
		want                rosterv1alpha1.Locale
	}{
		{"nothing known", "", "", "", "", "en"},
		{"chosen on the page", "?lang=fr", "en", "en", "en", "fr"},
		{"chosen, not spoken", "?lang=de", "", "", "", "en"},
		{"asked by the inviter", "", "en", "fr", "en", "fr"},
		{"the browser's", "", "fr-CA,fr;q=0.9,en;q=0.5", "", "en", "fr"},
		{"the browser's second", "", "de,fr;q=0.5", "", "en", "fr"},
		{"the browser speaks none", "", "de", "", "fr", "fr"},
		{"the browser speaks nonsense", "", ";;;q=", "", "fr", "fr"},
		{"the organisation's", "", "", "", "fr", "fr"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+c.query, nil)
		r.Header.Set("Accept-Language", c.accept)
		if got := d.Choose(r, c.asked, c.otherwise).Locale; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestTimesInWords(t *testing.T) {
	d, err := web.NewDictionary()
	if err != nil {
		t.Fatal(err)
	}
	paris := time.FixedZone("CET", 3600)
	at := time.Date(2026, time.August, 1, 0, 5, 0, 0, paris)
	first := time.Date(2026, time.March, 1, 14, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		lang rosterv1alpha1.Locale
		at   time.Time
		want string
	}{
		{"en", at, "Friday, 31 July 2026, 23:05 UTC"},
		{"fr", at, "vendredi 31 juillet 2026 à 23:05 UTC"},
		{"en", first, "Sunday, 1 March 2026, 14:00 UTC"},
		{"fr", first, "dimanche 1er mars 2026 à 14:00 UTC"},
	} {
		if got := d.Words[c.lang].Moment(c.at); got != c.want {
			t.Errorf("%s: %q, want %q", c.lang, got, c.want)
		}
	}
	for left, want := range map[time.Duration]string{
		72 * time.Hour: "3 days left", 48 * time.Hour: "2 days left", 72*time.Hour - time.Second: "3 days left", 47*time.Hour - 1: "46 hours left", 2 * time.Hour: "2 hours left",
		2*time.Hour - 1: "119 minutes left", 90 * time.Second: "1 minute left", 59 * time.Second: "", -time.Hour: "",
	} {
		if got := d.Words["en"].Left(left); got != want {
			t.Errorf("%s: %q, want %q", left, got, want)
		}
	}
}

func TestLanguageStaysAsChosen(t *testing.T) {
	w := newWorld(t)
	inv, b := w.invite("ana"), w.site().browser()
	page := b.get(w.link(inv) + "?lang=fr")
	page.expect(t, http.StatusOK, "Rejoindre Acme Social", `action="`+w.link(inv)+`?lang=fr"`, `href="`+w.link(inv)+`/decline?lang=fr"`,
		`<option value="fr" lang="fr" selected>`, `<a href="?lang=en" lang="en" hreflang="en">English</a>`)
	b.post(w.link(inv)+"?lang=fr", accepting("displayName", "")).expect(t, http.StatusUnprocessableEntity, "Indiquez votre nom.")
	b.follow(b.post(w.link(inv)+"?lang=fr", accepting("locale", "fr"))).expect(t, http.StatusOK, "Bienvenue chez Acme Social")
	if got := w.account(w.address("ana")).Spec.Locale; got != "fr" {
		t.Errorf("the account's language is %s", got)
	}
	french := w.invite("luc", func(i *rosterv1alpha1.Invitation) { i.Spec.Locale = "fr" })
	b.get(w.link(french)).expect(t, http.StatusOK, `<html lang="fr">`, `action="`+w.link(french)+`"`)
}

// What an organisation has made for itself is called as it calls it, on the page before and the page after accepting.
func TestCustomRolesAndWorkspacesInWords(t *testing.T) {
	w := newWorld(t)
	for name, spec := range map[string]rosterv1alpha1.CustomRoleSpec{
		"lead": {Scope: rosterv1alpha1.ScopeOrganization, DisplayName: "Campaign lead", Description: "Plans <campaigns>.",
			Permissions: []rosterv1alpha1.RolePermission{rosterv1alpha1.PermissionViewTeam}},
		"boss": {Scope: rosterv1alpha1.ScopeOrganization,
			Permissions: []rosterv1alpha1.RolePermission{rosterv1alpha1.PermissionAdministerProfiles}},
		"writer": {Scope: rosterv1alpha1.ScopeProfile, DisplayName: "Writer", Permissions: []rosterv1alpha1.RolePermission{"schedule"}},
	} {
		role := &rosterv1alpha1.CustomRole{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Spec: spec}
		w.create(role)
		w.awaitCache(role)
	}
	emea := &rosterv1alpha1.Workspace{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "emea"}, Spec: rosterv1alpha1.WorkspaceSpec{DisplayName: "Europe & Africa"},
	}
	w.create(emea)
	w.awaitCache(emea)
	custom := w.invite("ana", func(i *rosterv1alpha1.Invitation) {
		i.Spec.Role, i.Spec.Profiles = "lead", []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "writer"}}
		i.Spec.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "emea", Role: "writer"}, {Name: "apac"}}
	})
	b := w.site().browser()
	says := []string{"<strong>Campaign lead</strong><br>Plans &lt;campaigns&gt;.", "Your workspaces", "Europe &amp; Africa", "apac",
		"roles set per profile", "acme.social", "<strong>Writer</strong></span>"}
	b.get(w.link(custom)).expect(t, http.StatusOK, says...)
	b.follow(b.post(w.link(custom), accepting())).expect(t, http.StatusOK, says...)

	adds := w.invite("ben", func(i *rosterv1alpha1.Invitation) { i.Spec.CanManageProfiles = new(true) })
	b.get(w.link(adds)).expect(t, http.StatusOK, "<strong>Member</strong>", "may add new ones and ad accounts")
	boss := w.invite("cem", func(i *rosterv1alpha1.Invitation) { i.Spec.Role = "boss" })
	b.get(w.link(boss)).expect(t, http.StatusOK, "<strong>boss</strong></dd>", "All profiles, as an administrator")
	unknown := w.invite("dee", func(i *rosterv1alpha1.Invitation) { i.Spec.Role = "no-such-role" })
	b.get(w.link(unknown)).expect(t, http.StatusOK, "<strong>no-such-role</strong></dd>")
}
