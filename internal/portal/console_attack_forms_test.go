// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/web"
)

// with are the fields of a form and some more.
func with(form url.Values, more ...string) url.Values {
	all := maps.Clone(form)
	for i := 0; i+1 < len(more); i += 2 {
		all[more[i]] = append(slices.Clone(all[more[i]]), more[i+1])
	}
	return all
}

// TestFormsThatNoPageMakes: Whatever a manager sends, it gives no more than kubectl would, touches what its page is about alone, and
// never breaks a page.
func TestFormsThatNoPageMakes(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	invited := w.furnished()
	w.owned("olivia")
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	own := w.is(w.member("mia", ""))
	ana := w.is(w.member("ana", ""))
	hostile := url.Values{
		"spec.accountRef": {"a-mallory"}, "accountRef": {"a-mallory"}, "annotations": {rosterv1alpha1.OwnershipAnnotation + "=agreed"},
		"metadata.annotations": {"x=y"}, "labels": {"x=y"}, "invitedBy": {"mallory@elsewhere.example"}, "email": {"mallory@elsewhere.example"},
		"namespace": {"kube-system"}, "name": {"olivia"}, "suspended": {"yes"}, "planRef": {"everything"}, "ownerRef": {"mia"},
		"role": {"CoOwner"}, "sure": {"yes"}, "confirm": {"yes"}, "profile.../../x": {"Editor"}, "profile." + strings.Repeat("x", 20000): {"Editor"},
		"workspace.north": {"Owner"}, "profile.acme-fb": {"CoOwner"}, "canManageProfiles": {"no", "yes"}, "endTime": {"1;DROP"}, "scope": {"Cluster"},
		"permission": {"transfer", "*", "ManageSubscription"}, "seat": {"full"}, "to": {"mia"}, "in": {"press"}, "displayName": {"M\r\nBcc: x"},
	}
	many := url.Values{}
	for i := range 4000 {
		many.Set("profile.p"+strconv.Itoa(i), "x")
	}
	s.writes.clear()
	may := regexp.MustCompile(`/(ana|mia)/(suspend|remove)$|/delete$|/acme-fb/remove$`) // as with kubectl
	for _, r := range s.desk() {
		page := w.page(r, invited)
		for _, name := range []string{"ana", "mia", "olivia"} {
			for generation := range 3 {
				for _, form := range []url.Values{hostile, many} {
					if generation > 0 && form.Get("role") == "" {
						continue
					}
					here := strings.Replace(page, "/members/ana", "/members/"+name, 1)
					if may.MatchString(here) {
						continue
					}
					a := b.post(here, with(form, "generation", strconv.Itoa(generation)))
					if a.StatusCode >= http.StatusInternalServerError {
						t.Errorf("%s: status %d", here, a.StatusCode)
					}
				}
			}
		}
	}
	for line := range strings.SplitSeq(s.writes.String(), "\n") {
		if line != "" && !strings.HasSuffix(line, ".Account") && !strings.HasSuffix(line, ".Secret") && !strings.HasSuffix(line, "SubjectAccessReview") {
			t.Errorf("the portal writes by its own rights: %s", line)
		}
	}
	after := w.is(ana)
	if after.Spec.Role != ana.Spec.Role || after.Spec.AccountRef.Name != ana.Spec.AccountRef.Name || after.Spec.Email != ana.Spec.Email ||
		len(after.Annotations)+len(after.Labels) > 0 || after.Spec.InvitedBy != "" || !slices.Equal(after.Spec.Profiles, ana.Spec.Profiles) {
		t.Errorf("a form has made %+v of %+v", after.Spec, ana.Spec)
	}
	if mia := w.is(own); mia.Spec.Role != rosterv1alpha1.RoleManager || len(mia.Annotations) > 0 {
		t.Errorf("the manager has become %+v", mia.Spec)
	}
	if o := w.organization(); o.Spec.OwnerRef.Name != "olivia" || o.Spec.PlanRef != nil {
		t.Errorf("the organisation has become %+v", o.Spec)
	}
	var roles rosterv1alpha1.CustomRoleList
	if err := w.admin.List(t.Context(), &roles, client.InNamespace(w.ns)); err != nil || len(roles.Items) != 1 {
		t.Errorf("there are %d roles: %v", len(roles.Items), err)
	}
	if got := w.is(w.member("olivia", "")); got.DeletionTimestamp != nil || membership.IsSuspended(got) || got.Spec.EndTime != nil {
		t.Errorf("the owner is %+v", got.Spec)
	}
}

// TestDraftsThatNoPageMakes: AG-32. The list of people to invite comes back with each form. It is no proof of anything: what it says of
// names, roles, addresses, notes and times, the API server judges as if it had been typed with kubectl.
func TestDraftsThatNoPageMakes(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.furnished()
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	person := func(more string) string {
		return `{"seat":"full","offer":{"role":"Member"},"people":[{"address":"x@x.example","written":"x@x.example","name":"x"` + more + `}]}`
	}
	before := len(w.everything())
	for name, document := range map[string]string{
		"a role above one's own":    person(`,"own":{"role":"CoOwner"}`),
		"the owner":                 person(`,"own":{"role":"Owner"}`),
		"a role that is none":       person(`,"own":{"role":"../x"}`),
		"a header in the address":   person(`,"written":"x@x.example\r\nBcc: victim@elsewhere.example"`),
		"two addresses":             person(`,"written":"x@x.example,victim@elsewhere.example"`),
		"an address with a name":    person(`,"written":"\u202eEvil <x@x.example>"`),
		"a name that is a path":     person(`,"name":"../../other/invitations/x"`),
		"the name of nothing":       person(`,"name":""`),
		"a language that is none":   strings.Replace(person(""), `"offer"`, `"locale":"xx","offer"`, 1),
		"a link for a hundred days": strings.Replace(person(""), `"offer"`, `"validity":"2400h0m0s","offer"`, 1),
		"a link for no time":        strings.Replace(person(""), `"offer"`, `"validity":"-1h","offer"`, 1),
		"a note that is too long":   strings.Replace(person(""), `"offer"`, `"message":"`+strings.Repeat("x", 3000)+`","offer"`, 1),
		"a profile of another":      person(`,"own":{"role":"Member","profiles":[{"name":"../acme-fb","role":"Editor"}]}`),
		"deep":                      strings.Repeat(`{"offer":`, 9000),
		"no draft":                  `[]`,
		"too many":                  `{"seat":"full","people":[` + strings.Repeat(`{"name":"x"},`, 300) + `{}]}`,
		"a bomb":                    `{"seat":"full","list":"` + strings.Repeat("a", 40<<20) + `"}`,
	} {
		a := b.post(w.invitePath(), url.Values{"draft": {forged(t, document)}, "action": {"send"}})
		if a.StatusCode >= http.StatusInternalServerError || a.StatusCode == http.StatusSeeOther {
			t.Errorf("%s: status %d", name, a.StatusCode)
		}
		if after := len(w.everything()); after != before {
			t.Errorf("%s: something has been made", name)
			before = after
		}
	}
	// Who answers for it is who sends it, whatever the draft says.
	b.post(w.invitePath(), url.Values{"draft": {forged(t, person(`,"invitedBy":"olivia@acme.example"`))}, "action": {"send"}}).expect(t, http.StatusSeeOther)
	if by := w.invitations()["x@x.example"].Spec.InvitedBy; by != prefix+w.address("mia") {
		t.Errorf("%q answers for it", by)
	}
}

// TestFormsOfOtherSites: No page of the console takes a form of another site, and none is kept, framed, or named to others.
func TestFormsOfOtherSites(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	invited := w.furnished()
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleCoOwner)
	before := w.everything()
	for _, r := range s.desk() {
		page := w.page(r, invited)
		a := b.get(page)
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s: %s", page, name, got)
			}
		}
		if csp := a.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script-src") {
			t.Errorf("%s: %s", page, csp)
		}
		if r.Post == nil {
			continue
		}
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			b.header.Set(name, value)
			b.post(page, formOfEverything()).expect(t, http.StatusForbidden)
			b.header.Del(name)
		}
		for _, kind := range []string{"text/plain", "application/json", "multipart/form-data; boundary=x"} {
			b.header.Set("Content-Type", kind)
			if got := b.post(page, formOfEverything()).StatusCode; got != http.StatusBadRequest {
				t.Errorf("%s: a body of the type %s: status %d", page, kind, got)
			}
			b.header.Del("Content-Type")
		}
	}
	if !slices.Equal(before, w.everything()) {
		t.Error("something has been written")
	}
}

// TestNamesWithMarkup: Names, notes and searches stand on pages as text, on one line, in their own direction.
func TestNamesWithMarkup(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}` + "\u202etxet\u2066"
	invited := w.furnished()
	for name, change := range map[string]func(client.Object){
		"ana": func(o client.Object) {
			o.(*rosterv1alpha1.Member).Spec.DisplayName, o.(*rosterv1alpha1.Member).Spec.Company = evil, evil
		},
		"press": func(o client.Object) { o.(*rosterv1alpha1.Team).Spec.DisplayName = evil },
		"north": func(o client.Object) { o.(*rosterv1alpha1.Workspace).Spec.DisplayName = evil },
		"writer": func(o client.Object) {
			o.(*rosterv1alpha1.CustomRole).Spec.DisplayName, o.(*rosterv1alpha1.CustomRole).Spec.Description = evil[:60], evil
		},
		"acme-fb": func(o client.Object) { o.(*rosterv1alpha1.SocialProfile).Spec.Handle = evil[:60] },
		"acme":    func(o client.Object) { o.(*rosterv1alpha1.Organization).Spec.DisplayName = evil },
	} {
		kinds := map[string]client.Object{"ana": &rosterv1alpha1.Member{}, "press": &rosterv1alpha1.Team{}, "north": &rosterv1alpha1.Workspace{},
			"writer": &rosterv1alpha1.CustomRole{}, "acme-fb": &rosterv1alpha1.SocialProfile{}, "acme": &rosterv1alpha1.Organization{}}
		o := kinds[name]
		w.stored(name, o)
		change(o)
		if err := w.admin.Update(t.Context(), o); err != nil {
			t.Fatal(name, err)
		}
		w.awaitCache(o)
	}
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleCoOwner)
	query := url.Values{}
	for _, field := range []string{"q", "sort", "page", "from", "role", "team", "state", "profile", "workspace", "person", "done", "next", "lang", "seat",
		"new", "tick", "chosen", "who", "network", "need"} {
		query.Set(field, evil)
	}
	sound := func(page string, a answer) {
		t.Helper()
		if strings.Contains(a.body, "<script") || strings.Contains(a.body, "<img src=x") || strings.ContainsAny(a.body, "\u202e\u2066") || a.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s: %s: status %d", a.Request.Method, page, a.StatusCode)
		}
		if to := a.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "/organizations/"+w.ns) && !strings.HasPrefix(to, "/sign-in/confirm") {
			t.Errorf("%s: leads to %s", page, to)
		}
	}
	form := url.Values{}
	for _, field := range []string{"displayName", "company", "role", "addresses", "message", "endTime", "q", "description", "responsible", "draft", "job",
		"people", "profiles", "generation", "validity", "locale", "issuer", "allowedDomains", "text", "to", "next", "done"} {
		form.Set(field, evil)
	}
	for _, r := range s.desk() {
		page := w.page(r, invited)
		sound(page, b.get(page))
		sound(page, b.get(page+"?"+query.Encode()))
		sound(page, b.post(page, form))
		sound(page, b.post(page, with(wanted(evil), "message", evil, "displayName", evil)))
	}
}

// TestTheBannerCannotBeForged: what a page says has been done is what the portal has sealed for that and nothing else.
func TestTheBannerCannotBeForged(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.furnished()
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	preview := w.preview(b, []string{"Ana"}, url.Values{"action": {"suspend"}})
	home := mustURL(t, s.url)
	var session string
	for _, c := range b.client.Jar.Cookies(home) {
		if strings.HasSuffix(c.Name, "roster-session") {
			session = c.Value
		}
	}
	for _, value := range []string{"Everything is lost", preview.hidden(t, "job"), session} {
		b.client.Jar.SetCookies(home, []*http.Cookie{{Name: "roster-done", Value: value, Path: "/"}})
		a := b.get(w.peoplePath())
		a.expect(t, http.StatusOK)
		if strings.Contains(a.body, `class="done"`) || strings.Contains(a.body, "lost") {
			t.Error("the page says what nobody has done")
		}
	}
	// Who uses the browser next is not told what the one before has done.
	b.post(w.at("/team/teams"), url.Values{"displayName": {"Secret team"}, "role": {"Guest"}}).expect(t, http.StatusSeeOther)
	other := w.connector(s, "max", rosterv1alpha1.RoleManager)
	w.mayBe(prefix + w.address("max"))
	w.awaitActing("max")
	for _, c := range b.client.Jar.Cookies(home) {
		if strings.HasSuffix(c.Name, "roster-done") {
			other.client.Jar.SetCookies(home, []*http.Cookie{{Name: c.Name, Value: c.Value, Path: "/"}})
		}
	}
	if a := other.get(w.at("/team/invite")); strings.Contains(a.body, "Secret team") {
		t.Error("the next person on the browser is told what the one before has done")
	}
	if a := b.get(w.at("/team/invite")); !strings.Contains(a.body, "Secret team") {
		t.Error("the person is not told what they have done")
	}
}

// TestATeamIsAskedForOnce: AG-17. A form that names the same team again and again, or thousands that are not there, costs the API server no
// more than one that names it once.
func TestATeamIsAskedForOnce(t *testing.T) {
	w := newWorld(t)
	asked := &lines{}
	s := w.site(unlimited, w.connects(), func(c *configure) {
		act := actingAs(w.userConfig, w.portal)
		c.As = func(user string) (client.Client, error) {
			as, err := act(user)
			if err != nil {
				return nil, err
			}
			way, err := client.NewWithWatch(w.userConfig, client.Options{Scheme: w.portal.Scheme(), Mapper: w.portal.RESTMapper()})
			return interceptor.NewClient(way, interceptor.Funcs{
				Get: func(ctx context.Context, _ client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
					asked.add(key.Name)
					return as.Get(ctx, key, o, opts...)
				},
				List: func(ctx context.Context, _ client.WithWatch, o client.ObjectList, opts ...client.ListOption) error {
					return as.List(ctx, o, opts...)
				},
				Update: func(ctx context.Context, _ client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
					return as.Update(ctx, o, opts...)
				},
			}), err
		}
	})
	w.furnished()
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.team("care", rosterv1alpha1.TeamSpec{Role: "Guest"})
	form := url.Values{"in": slices.Repeat([]string{"care"}, 2000), "sure": {"yes"}}
	for i := range 2000 {
		form.Add("was", "none-"+strconv.Itoa(i))
	}
	b.post(w.personPath("members", "ana", "teams"), form).expect(t, http.StatusSeeOther)
	if n := strings.Count(asked.String(), "care"); n != 1 {
		t.Errorf("the team is read %d times", n)
	}
	if strings.Contains(asked.String(), "none-") {
		t.Error("teams are read that are not there")
	}
}

// TestRequestsOfOnePersonAreLimited: from however many browsers and at once.
func TestRequestsOfOnePersonAreLimited(t *testing.T) {
	w := newWorld(t)
	s := w.site(w.connects(), w.console, func(c *configure) {
		unlimited(c)
		c.Limits.Posts = web.Rate{Every: 1 << 40, Burst: 10}
	})
	one := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	var all sync.WaitGroup
	answers := &lines{}
	for range 30 {
		all.Go(func() {
			a, err := one.try(http.MethodPost, w.at("/team/teams"), strings.NewReader(url.Values{"displayName": {"x"}, "role": {"Guest"}}.Encode()))
			if err == nil {
				answers.add(strconv.Itoa(a.StatusCode))
			}
		})
	}
	all.Wait()
	if n := strings.Count(answers.String(), "303"); n > 10 || !strings.Contains(answers.String(), "429") {
		t.Errorf("%d of 30 are done: %s", n, answers)
	}
}

// TestTheLogNamesPeopleByAccount: neither addresses, notes, names that were typed nor codes get into the log or the metrics, whether what
// somebody does is done, refused, or cannot be done.
func TestTheLogNamesPeopleByAccount(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	invited := w.furnished()
	b := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	for _, r := range s.desk() {
		page := w.page(r, invited)
		b.get(page + "?q=secretsearch")
		b.post(page, formOfEverything())
	}
	checked := b.post(w.invitePath(), wanted("secretperson@agency.example", "message", "secretnote"))
	b.post(w.invitePath(), checked.carried(t, "action", "send")).expect(t, http.StatusSeeOther)
	link := b.get(w.at("/team/invite/links/" + invited))
	_, token, _ := strings.Cut(link.body, "/copied/")
	token, _, _ = strings.Cut(token, `"`)
	told := s.log.String()
	for _, secret := range []string{w.address("mia"), w.ns + ".example", "agency.example", "secretnote", "secretsearch", token} {
		if secret != "" && strings.Contains(strings.ToLower(told), strings.ToLower(secret)) {
			for line := range strings.SplitSeq(told, "\n") {
				if strings.Contains(strings.ToLower(line), strings.ToLower(secret)) {
					t.Errorf("the log has %s: %s", secret, line)
					break
				}
			}
		}
	}
	if want := fmt.Sprintf(`"account":%q`, w.account(w.address("mia")).Name); !strings.Contains(told, `"event":"console"`) || !strings.Contains(told, want) {
		t.Error("the log does not say who has done what")
	}
}

// TestPeopleWithOddAddresses: AG-02. What a mailbox may be called, the API server takes as the name of a person, and nobody else's.
func TestPeopleWithOddAddresses(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.furnished()
	for i, local := range []string{"zoë", "o'neil+press", "日本", "a/b", "a=b%2f", "{x}|y"} {
		inv := w.invite("odd", func(i *rosterv1alpha1.Invitation) { i.Spec.Email = w.address(local) })
		b := s.browser()
		b.post(w.link(inv), accepting()).expect(t, http.StatusSeeOther)
		name := "odd-" + strconv.Itoa(i)
		m := w.member(name, w.address(local), func(m *rosterv1alpha1.Member) {
			m.Spec.Role = rosterv1alpha1.RoleManager
			m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: w.account(w.address(local)).Name}
		})
		w.create(m)
		m.Status = rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive, Role: string(m.Spec.Role)}
		if err := w.admin.Status().Update(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		w.awaitCache(m)
		w.rights(m)
		if i == 0 {
			w.mayActFor(prefix + w.address(local))
		} else {
			w.mayBe(prefix + w.address(local))
		}
		w.awaitActing(local)
		b.follow(b.post(w.at("/team/teams"), url.Values{"displayName": {"Team of " + name}, "role": {"Guest"}})).expect(t, http.StatusOK, "Team of "+name)
	}
}
