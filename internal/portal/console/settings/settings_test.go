// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

func english(t testing.TB) web.Words {
	t.Helper()
	d, err := web.NewDictionary(Files)
	if err != nil {
		t.Fatal(err)
	}
	return d.Words[rosterv1alpha1.LocaleEnglish]
}

// people are a book of addresses by name.
type people map[string]string

func (p people) address(name string) string { return p[name] }

func (p people) member(wanted string) string {
	for name, own := range p {
		if address.Same(own, wanted) {
			return name
		}
	}
	return ""
}

// paths are the fields of a struct that have a value of their own.
func paths(t reflect.Type, prefix string) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := t.Name()
	if t.Kind() != reflect.Struct || name == "Duration" || name == "LocalReference" {
		return []string{prefix}
	}
	var all []string
	for i := range t.NumField() {
		field, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		all = append(all, paths(t.Field(i).Type, strings.TrimPrefix(prefix+"."+field, "."))...)
	}
	return all
}

// TestEverySettingIsOnThePage: a field of the spec has a place in a form, or is kept by the platform.
func TestEverySettingIsOnThePage(t *testing.T) {
	// The plan, which the people who run Roster decide, and the owner, who has a page of their own.
	shown := []string{"planRef", "ownerRef"}
	for _, s := range sections(english(t), &rosterv1alpha1.Organization{}, people{}) {
		for _, f := range s.Fields {
			shown = append(shown, f.Path)
		}
	}
	all := paths(reflect.TypeFor[rosterv1alpha1.OrganizationSpec](), "")
	if len(all) < 15 {
		t.Fatalf("only %v are fields: the test does not see them", all)
	}
	for _, path := range all {
		if !slices.Contains(shown, path) {
			t.Errorf("spec.%s is nowhere", path)
		}
	}
	for _, path := range shown {
		if !slices.Contains(all, path) {
			t.Errorf("there is no spec.%s", path)
		}
	}
}

// filled is a section's form as it is shown.
func filled(s section) url.Values {
	values := url.Values{}
	for _, f := range s.Fields {
		switch {
		case f.Kind == kindPairs:
			for _, p := range f.Pairs {
				values.Add(f.ID, p.First)
				values.Add(f.ID+"-url", p.Second)
			}
		case f.Kind != kindCheck || f.Value != "":
			values.Set(f.ID, f.Value)
		}
	}
	return values
}

// TestSavingWithoutAChangeChangesNothing: what a form shows is what it saves, in every section.
func TestSavingWithoutAChangeChangesNothing(t *testing.T) {
	on := ptr.To(true)
	o := &rosterv1alpha1.Organization{Spec: rosterv1alpha1.OrganizationSpec{
		DisplayName: "Acme", Locale: "fr", RequireTeam: on,
		OwnerRef: &rosterv1alpha1.LocalReference{Name: "olivia"}, PlanRef: &rosterv1alpha1.LocalReference{Name: "pro"},
		Environments: []rosterv1alpha1.Environment{{Name: "Live", URL: "https://live.example"}, {Name: "Beta", URL: "http://beta.example"}},
		Onboarding: rosterv1alpha1.Onboarding{
			Mode: "New", ContactRef: &rosterv1alpha1.LocalReference{Name: "mia"},
			Steps: []rosterv1alpha1.OnboardingStep{{Text: "Read", URL: "https://x.example"}, {Text: "Ask"}},
		},
		Invitations: rosterv1alpha1.InvitationPolicy{
			Validity: metav1.Duration{Duration: 90 * time.Minute}, RemindBefore: []metav1.Duration{{Duration: time.Minute}, {Duration: 24 * time.Hour}},
			AllowedDomains: []string{"acme.example", "b.example"}, AllowedFor: "Owner", SelfRenewal: on,
		},
		Guardrails: &rosterv1alpha1.Guardrails{DeleteOnlySuspended: on, WarnOnOrphanedProfiles: on},
		Security: rosterv1alpha1.SecurityPolicy{
			Password:    rosterv1alpha1.PasswordPolicy{MinLength: 20, RequireUppercase: on, RequireSpecial: on},
			MultiFactor: "NewMembers", SignIn: []rosterv1alpha1.SignInMethod{"Password", "SSO"}, SSO: rosterv1alpha1.SSO{Issuer: "acme"},
		},
	}}
	for _, book := range []people{{"mia": "mia@acme.example"}, {}} { // Also where the contact has gone.
		for _, s := range sections(english(t), o, book) {
			after := o.Spec.DeepCopy()
			if problems := s.set(filled(s), after); len(problems) > 0 {
				t.Errorf("%s: %v", s.Name, problems)
			}
			if !reflect.DeepEqual(&o.Spec, after) {
				t.Errorf("%s changes %+v to %+v", s.Name, o.Spec, *after)
			}
		}
	}
}

func TestWhatIsTypedWrong(t *testing.T) {
	o := &rosterv1alpha1.Organization{Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Acme"}}
	long := strings.Repeat("x.example ", 1) + strings.Join(func() []string {
		var all []string
		for i := range 100 {
			all = append(all, fmt.Sprintf("d%d.example", i))
		}
		return all
	}(), " ")
	for _, c := range []struct{ section, field, typed, at, says string }{
		{sectionGeneral, "displayName", " ", "displayName", "Enter a name."},
		{sectionGeneral, "displayName", "a\u202eb", "displayName", "one line"},
		{sectionGeneral, "displayName", strings.Repeat("é", 121), "displayName", "at most 120"},
		{sectionInvitations, "validity", "0,5", "validity", "“0,5” is not a number of hours between 1 and 720"},
		{sectionInvitations, "validity", "721", "validity", "720"},
		{sectionInvitations, "validity", "NaN", "validity", "NaN"},
		{sectionInvitations, "validity", "1e300", "validity", "1e300"},
		{sectionInvitations, "remindBefore", "24 x", "remindBefore", "“x”"},
		{sectionInvitations, "remindBefore", "1 2 3 4 5 6", "remindBefore", "at most 5"},
		{sectionInvitations, "allowedDomains", "@acme.example", "allowedDomains", "“@acme.example” is not an email domain"},
		{sectionInvitations, "allowedDomains", long, "allowedDomains", "at most 100"},
		{sectionWelcome, "contact", "x@y.example", "contact", "x@y.example"},
		{sectionWelcome, "steps-url", "https://x.example", "steps-0", "Row 1 has a web address but no text"},
		{sectionEnvironments, "environments", "Live", "environments-0", "Row 1"},
		{sectionSignIn, "byPassword", "", "byPassword", "at least one way"},
		{sectionSignIn, "bySSO", "yes", "issuer", "name of the company sign-in"},
		{sectionPasswords, "minLength", "7", "minLength", "“7”"},
		{sectionPasswords, "minLength", "many", "minLength", "“many”"},
	} {
		s := sectionOf(english(t), o, people{}, c.section)
		values := filled(s)
		values[c.field] = []string{c.typed}
		problems := s.set(values, o.Spec.DeepCopy())
		if len(problems) != 1 || problems[0].Field != c.at || !strings.Contains(problems[0].Text, c.says) {
			t.Errorf("%s %s %q: %v", c.section, c.field, c.typed, problems)
		}
		for _, f := range s.typed(values).Fields {
			if f.ID == c.field && f.Kind != kindPairs && f.Value != c.typed {
				t.Errorf("%s: what was typed is lost: %q", c.section, f.Value)
			}
		}
	}
	s := sectionOf(english(t), o, people{}, sectionEnvironments)
	twice := url.Values{"environments": {"A", "A"}, "environments-url": {"https://a.example", "https://b.example"}}
	if problems := s.set(twice, o.Spec.DeepCopy()); len(problems) != 1 || problems[0].Field != "environments-1" {
		t.Errorf("the same name twice: %v", problems)
	}
}

func TestWhatAChangeMeans(t *testing.T) {
	by := func(methods ...account.Method) account.Session {
		var s account.Session
		for _, m := range methods {
			s.Proofs = append(s.Proofs, account.Proof{Method: m, Time: time.Unix(1, 0)})
		}
		return s
	}
	who := affected{Active: 20, Factorless: 12, FactorUnknown: 3, Invited: []string{"a@X.example", "b@y.example", "c@y.example"}, Teamless: 2, Session: by(account.MethodPassword)}
	type spec = rosterv1alpha1.OrganizationSpec
	sso := func(methods ...rosterv1alpha1.SignInMethod) spec {
		return spec{Security: rosterv1alpha1.SecurityPolicy{SignIn: methods, SSO: rosterv1alpha1.SSO{Issuer: "acme"}}}
	}
	factor := func(p rosterv1alpha1.MultiFactorPolicy) spec {
		return spec{Security: rosterv1alpha1.SecurityPolicy{MultiFactor: p}}
	}
	domains := func(all ...string) spec {
		return spec{Invitations: rosterv1alpha1.InvitationPolicy{AllowedDomains: all}}
	}
	for _, c := range []struct {
		name          string
		before, after spec
		says          []string
	}{
		{"nothing", spec{}, spec{DisplayName: "New"}, nil},
		{"a second factor", factor("Optional"), factor("Required"), []string{"20 active people will need a second factor. 12 of them have none yet. For 3, it is known"}},
		{"a second factor for the rest", factor("NewMembers"), factor("Required"), []string{"20 active people will need"}},
		{"a second factor for new people", spec{}, factor("NewMembers"), []string{"Everybody who joins from now on"}},
		{"a second factor as before", factor("Required"), factor("Required"), nil},
		{"other domains, none of which was allowed", domains("z.example"), domains("x.example"), nil},
		{"fewer second factors", factor("Required"), factor("NewMembers"), nil},
		{"the company alone", spec{}, sso("SSO"), []string{"can no longer get to these pages with a password", "People will sign in with acme", "You signed in another way"}},
		{"the company, too", spec{}, sso("Password", "SSO"), []string{"People will sign in with acme"}},
		{"no company any more", sso("Password", "SSO"), sso("Password"), []string{"People who sign in with acme can no longer"}},
		{"only the owner invites", spec{}, spec{Invitations: rosterv1alpha1.InvitationPolicy{AllowedFor: "Owner"}}, []string{"Only the owner"}},
		{"fewer domains", spec{}, domains("x.example"), []string{"2 open invitations go to domains"}},
		{"more domains", domains("x.example"), domains("x.example", "y.example"), nil},
		{"all domains", domains("x.example"), spec{}, nil},
		{"profiles wait", spec{}, spec{RequireTeam: ptr.To(true)}, []string{"2 profiles have no team"}},
		{"profiles wait no longer", spec{RequireTeam: ptr.To(true)}, spec{}, nil},
	} {
		lines := meaning(english(t), &c.before, &c.after, who)
		if len(lines) != len(c.says) {
			t.Errorf("%s: %q", c.name, lines)
			continue
		}
		for i := range lines {
			if !strings.Contains(lines[i], c.says[i]) {
				t.Errorf("%s: %q, want %q", c.name, lines[i], c.says[i])
			}
		}
	}
	if fingerprint([]string{"a", "b"}) == fingerprint([]string{"a"}) {
		t.Error("what was agreed to cannot be told from less")
	}
}

// TestWhomAFactorIsAskedOf: who decides hears how many people have none, and is not told that anybody is kept out where nobody is.
func TestWhomAFactorIsAskedOf(t *testing.T) {
	member := func(state rosterv1alpha1.MemberState, has *bool) *rosterv1alpha1.Member {
		m := &rosterv1alpha1.Member{}
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a"}
		m.Status.State, m.Status.SecondFactor = state, has
		return m
	}
	yes, no := ptr.To(true), ptr.To(false)
	const asked, enrol = " will need a second factor. ", " Those who have none set one up the next time they sign in, before they see these pages."
	for want, has := range map[string][]*bool{
		"1 active person" + asked + "They have one already.":                                                           {yes},
		"2 active people" + asked + "All of them have one already.":                                                    {yes, yes},
		"2 active people" + asked + "1 of them has none yet." + enrol:                                                  {yes, no},
		"2 active people" + asked + "For 1, it is known only after the next sign-in." + enrol:                          {yes, nil},
		"3 active people" + asked + "2 of them have none yet. For 1, it is known only after the next sign-in." + enrol: {no, nil, no},
	} {
		var who affected
		who.count(member(rosterv1alpha1.MemberSuspended, no))
		for _, h := range has {
			who.count(member(rosterv1alpha1.MemberActive, h))
		}
		if got := required(english(t), who); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// TestNoReminderStaysNone: an empty list is written as one, and not left to the default.
func TestNoReminderStaysNone(t *testing.T) {
	for want, reminders := range map[string][]metav1.Duration{"[]": {}, "[24h0m0s]": {{Duration: 24 * time.Hour}}} {
		o := &rosterv1alpha1.Organization{}
		o.Spec.Invitations.RemindBefore = reminders
		u, err := whole(o)
		if err != nil {
			t.Fatal(err)
		}
		got, found, err := unstructured.NestedStringSlice(u.Object, "spec", "invitations", "remindBefore")
		if !found || err != nil || fmt.Sprint(got) != want {
			t.Errorf("%v is written as %v (%v)", reminders, got, err)
		}
		if _, err := json.Marshal(u); err != nil || u.GetKind() != "Organization" {
			t.Errorf("%v", err)
		}
	}
}

func TestHowAnOfferStands(t *testing.T) {
	member := func(says string, mods ...func(*rosterv1alpha1.Member)) *rosterv1alpha1.Member {
		m := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: "ana"}}
		m.Spec.AccountRef, m.Status.State = &rosterv1alpha1.LocalReference{Name: "a"}, rosterv1alpha1.MemberActive
		if says != "" {
			m.Annotations = map[string]string{rosterv1alpha1.OwnershipAnnotation: says}
		}
		for _, mod := range mods {
			mod(m)
		}
		return m
	}
	ref := &rosterv1alpha1.LocalReference{Name: "ana"}
	offered := &rosterv1alpha1.Organization{Spec: rosterv1alpha1.OrganizationSpec{OwnerRef: ref},
		Status: rosterv1alpha1.OrganizationStatus{OwnerRef: &rosterv1alpha1.LocalReference{Name: "olivia"}}}
	owned := offered.DeepCopy()
	owned.Status.OwnerRef = ref
	for name, c := range map[string]struct {
		o    *rosterv1alpha1.Organization
		m    *rosterv1alpha1.Member
		want standing
	}{
		"nobody is named":   {&rosterv1alpha1.Organization{}, nil, noOffer},
		"the owner":         {owned, member(rosterv1alpha1.OwnershipAgreed), noOffer},
		"asked":             {offered, member(rosterv1alpha1.OwnershipAsked), asked},
		"about to be asked": {offered, member(""), asked},
		"declined":          {offered, member(rosterv1alpha1.OwnershipDeclined), declined},
		"not there":         {offered, nil, gone},
		"suspended":         {offered, member("", func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) }), notActive},
		"ends":              {offered, member("", func(m *rosterv1alpha1.Member) { m.Spec.EndTime = &metav1.Time{Time: time.Unix(9, 0)} }), ends},
	} {
		got := standingOf(c.o, c.m)
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if (got.words(english(t), "Ana") == "") != (got == noOffer) {
			t.Errorf("%s is not put into words", name)
		}
	}
}

func TestWhoCanBeOfferedTheOwnership(t *testing.T) {
	var all []*rosterv1alpha1.Member
	for i := range 30 {
		m := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("m%02d", i)}}
		m.Spec.Email, m.Spec.AccountRef = m.Name+"@x.example", &rosterv1alpha1.LocalReference{Name: "a"}
		m.Status.State = rosterv1alpha1.MemberActive
		all = append(all, m)
	}
	all[0].Status.State, all[1].Spec.EndTime = rosterv1alpha1.MemberPending, &metav1.Time{}
	o := &rosterv1alpha1.Organization{Spec: rosterv1alpha1.OrganizationSpec{OwnerRef: &rosterv1alpha1.LocalReference{Name: "m02"}}}
	all[7].Spec.DisplayName = "Zoé"
	everybody := &console.Crowd{Snapshot: &membership.Snapshot{Organization: o}, Members: all}
	found, rest := successors(english(t), everybody, "", "m04")
	if len(found) != shownAtOnce || rest != 2 || found[0].ID != "m03" || !found[1].Chosen {
		t.Errorf("%d of %d, first %+v", len(found), len(found)+rest, found[0])
	}
	if found, rest := successors(english(t), everybody, "X.example ZOE", ""); len(found) != 1 || rest != 0 || found[0].ID != "m07" {
		t.Errorf("the search finds %+v", found)
	}
}

func TestUsageInWords(t *testing.T) {
	w := english(t)
	use := func(limit, wanted int32) rosterv1alpha1.Usage {
		return rosterv1alpha1.Usage{Limit: &limit, Wanted: &wanted}
	}
	for _, c := range []struct {
		u    rosterv1alpha1.Usage
		want usage
	}{
		{rosterv1alpha1.Usage{}, usage{"Seats", "7, no limit", "note"}},
		{use(5, 3), usage{"Seats", "3 of 5", "note"}},
		{use(5, 5), usage{"Seats", "5 of 5", "All in use."}},
		{use(5, 6), usage{"Seats", "5 of 5", "All in use, and 1 more is waiting."}},
	} {
		if got := usageOf(w, "Seats", c.u, 7, "note"); got != c.want {
			t.Errorf("%+v, want %+v", got, c.want)
		}
	}
	off := features(w, rosterv1alpha1.PlanInEffect{Name: "basic", Features: []rosterv1alpha1.Feature{rosterv1alpha1.FeatureWorkspaces}})
	if off[0].Taken != "no" || off[1].Taken != "yes" || features(w, rosterv1alpha1.PlanInEffect{})[0].Taken != "yes" {
		t.Errorf("features: %+v", off)
	}
}
