// SPDX-License-Identifier: Apache-2.0

package connection

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/network"
)

const (
	order = types.UID("8d7e4a52-0000-4000-8000-000000000001")
	ana   = "ana@acme.example"
)

// may is somebody with a role in the organisation, and Administrator of some profiles.
func may(role rosterv1alpha1.OrganizationRole, profiles ...string) *access.Effective {
	s := access.Sources{Spec: rosterv1alpha1.MemberSpec{Role: role}, Profiles: map[string]access.Standing{}}
	for _, name := range profiles {
		s.Profiles[name] = access.Present
		s.Spec.Profiles = append(s.Spec.Profiles, rosterv1alpha1.ProfileGrant{Name: name, Role: rosterv1alpha1.ProfileAdministrator})
	}
	e := access.Resolve(s)
	return &e
}

func account(id string, change ...func(a *Account)) Account {
	a := Account{ID: id, Handle: "acme", Type: rosterv1alpha1.TypeProfile, Entries: map[string][]byte{"access_token": []byte("of-" + id)}}
	for _, c := range change {
		c(&a)
	}
	return a
}

func repairing(name string) func(a *Account) {
	return func(a *Account) { a.Repair = &Profile{Name: name, UID: "uid-of-" + name} }
}

func profile(name, id string, change ...func(p *rosterv1alpha1.SocialProfile)) *rosterv1alpha1.SocialProfile {
	p := &rosterv1alpha1.SocialProfile{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID("uid-of-" + name)},
		Spec:       rosterv1alpha1.SocialProfileSpec{Network: rosterv1alpha1.NetworkX, Type: rosterv1alpha1.TypeProfile, Handle: "acme", AccountID: id},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func names(secret string) func(p *rosterv1alpha1.SocialProfile) {
	return func(p *rosterv1alpha1.SocialProfile) {
		p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: secret}
	}
}

func leaving(p *rosterv1alpha1.SocialProfile) { p.DeletionTimestamp = &metav1.Time{} }

func input(holds *access.Effective, profiles []*rosterv1alpha1.SocialProfile, accounts ...Account) Input {
	return Input{
		Order: &Order{Namespace: "acme", Network: rosterv1alpha1.NetworkX, Accounts: accounts}, UID: order,
		Person: Person{Member: "ana", Address: ana, Holds: holds}, Profiles: profiles,
	}
}

func limit(n int32, in Input) Input {
	in.Plan = rosterv1alpha1.PlanInEffect{Name: "small", Contact: "sales@roster.example"}
	in.Plan.SocialProfiles.Limit = ptr.To(n)
	return in
}

func TestDecide(t *testing.T) {
	type profiles = []*rosterv1alpha1.SocialProfile
	a1, a2, a3 := account("1"), account("2"), account("3")
	name := func(a Account) string { return ProfileName(rosterv1alpha1.NetworkX, &a) }
	added := func(a Account) string { return "Added " + name(a) }
	cameOf := func(uid types.UID, by string) func(p *rosterv1alpha1.SocialProfile) {
		return func(p *rosterv1alpha1.SocialProfile) {
			p.Annotations = map[string]string{rosterv1alpha1.ConnectionAnnotation: string(uid)}
			p.Spec.ConnectedBy = by
		}
	}
	onMastodon := func(in Input) Input {
		in.Order.Network = rosterv1alpha1.NetworkMastodon
		for _, p := range in.Profiles {
			p.Spec.Network = rosterv1alpha1.NetworkMastodon
		}
		return in
	}
	handle := func(h string) func(a *Account) { return func(a *Account) { a.Handle = h } }
	const manager, advanced, member, connector = rosterv1alpha1.RoleManager, rosterv1alpha1.RoleAdvancedMember,
		rosterv1alpha1.RoleMember, rosterv1alpha1.RoleProfileConnector
	cases := map[string]struct {
		in   Input
		want []string
	}{
		"somebody who holds nothing":         {input(nil, nil, a1, a2), []string{"NotAllowed", "NotAllowed"}},
		"a new one":                          {input(may(manager), nil, a1), []string{added(a1)}},
		"a new one, by somebody who may add": {input(may(advanced), nil, a1), []string{added(a1)}},
		"a new one, by a connector":          {input(may(connector), nil, a1), []string{added(a1)}},
		"a new one, by somebody who may not": {input(may(member), nil, a1), []string{"NotAllowed"}},
		"several":                            {input(may(manager), nil, a1, a2), []string{added(a1), added(a2)}},
		"one twice":                          {input(may(manager), nil, a1, a1), []string{added(a1), "Invalid"}},
		"no ID":                              {input(may(manager), profiles{profile("x", "")}, account("")), []string{"Invalid"}},
		"no token":                           {input(may(manager), nil, account("1", func(a *Account) { a.Entries = nil })), []string{"Invalid"}},
		"one that is there":                  {input(may(manager), profiles{profile("x", "1")}, a1), []string{"Repaired x"}},
		"one that is there, allowed":         {input(may(member, "x"), profiles{profile("x", "1")}, a1), []string{"Repaired x"}},
		"one that is there, not allowed":     {input(may(advanced, "y"), profiles{profile("x", "1")}, a1), []string{"NotAllowed"}},
		"one that is there on its way":       {input(may(manager), profiles{profile("x", "1", leaving)}, a1), []string{added(a1)}},
		"one that the network told of":       {input(may(manager), profiles{profile("x", "", learned("1"))}, a1), []string{"Repaired x"}},
		"what the spec says counts":          {input(may(manager), profiles{profile("x", "9", learned("1"))}, a1), []string{added(a1)}},
		"another network's":                  {input(may(manager), profiles{profile("x", "1", on("Facebook"))}, a1), []string{added(a1)}},
		"another type's":                     {input(may(manager), profiles{profile("x", "1", advertises)}, a1), []string{added(a1)}},
		"two of it: the older":               {input(may(manager), profiles{profile("y", "1"), profile("x", "1")}, a1), []string{"Repaired x"}},
		"repair":                             {input(may(member, "x"), profiles{profile("x", "1")}, account("1", repairing("x"))), []string{"Repaired x"}},
		"repair, not known which account":    {input(may(member, "x"), profiles{profile("x", "")}, account("1", repairing("x"))), []string{"Repaired x"}},
		"repair by somebody else":            {input(may(member), profiles{profile("x", "1")}, account("1", repairing("x"))), []string{"NotAllowed"}},
		"repair with another account":        {input(may(manager), profiles{profile("x", "1")}, account("2", repairing("x"))), []string{"OtherAccount x"}},
		"repair with another network":        {input(may(manager), profiles{profile("x", "1", on("Facebook"))}, account("1", repairing("x"))), []string{"OtherAccount x"}},
		"repair with an ad account":          {input(may(manager), profiles{profile("x", "1", advertises)}, account("1", repairing("x"))), []string{"OtherAccount x"}},
		"repair of one that has gone":        {input(may(manager), nil, account("1", repairing("x"))), []string{"ProfileGone x"}},
		"repair of one that is going":        {input(may(manager), profiles{profile("x", "1", leaving)}, account("1", repairing("x"))), []string{"ProfileGone x"}},
		"repair of its successor": {input(may(manager), profiles{profile("x", "1", func(p *rosterv1alpha1.SocialProfile) { p.UID = "new" })},
			account("1", repairing("x"))), []string{"ProfileGone x"}},
		"repair of one twice": {input(may(manager), profiles{profile("x", "")}, account("1", repairing("x")), account("2", repairing("x"))),
			[]string{"Repaired x", "Invalid"}},

		"as many as fit":        {limit(2, input(may(manager), nil, a1, a2, a3)), []string{added(a1), added(a2), "ProfileLimit"}},
		"none fits":             {limit(1, input(may(manager), profiles{profile("x", "9")}, a1)), []string{"ProfileLimit"}},
		"one on its way":        {limit(1, input(may(manager), profiles{profile("x", "9", leaving)}, a1)), []string{added(a1)}},
		"repaired in full":      {limit(1, input(may(manager), profiles{profile("x", "1"), profile("y", "2")}, a1, a3)), []string{"Repaired x", "ProfileLimit"}},
		"may not, in full":      {limit(0, input(may(member), nil, a1)), []string{"NotAllowed"}},
		"a double takes one":    {limit(2, input(may(manager), nil, a1, a1, a2)), []string{added(a1), "Invalid", added(a2)}},
		"over its limit by far": {limit(1, input(may(manager), profiles{profile("x", "8"), profile("y", "9")}, a1)), []string{"ProfileLimit"}},

		"done again": {limit(2, input(may(connector), profiles{profile("x", "1", cameOf(order, ana)), profile("y", "2", cameOf(order, ana))}, a1, a2, a3)),
			[]string{"Added x", "Added y", "ProfileLimit"}},
		"annotated by somebody else": {input(may(advanced), profiles{profile("x", "1", cameOf(order, "eve@acme.example"))}, a1), []string{"NotAllowed"}},
		"of an order before":         {input(may(advanced), profiles{profile("x", "1", cameOf("other", ana))}, a1), []string{"NotAllowed"}},

		"Mastodon, the same server": {onMastodon(input(may(manager), profiles{profile("x", "1", called("@acme@One.example"))},
			account("1", handle("@acme@one.example")))), []string{"Repaired x"}},
		"Mastodon, another server": {onMastodon(input(may(manager), profiles{profile("x", "1", called("@acme@two.example"))},
			account("1", handle("@acme@one.example"), repairing("x")))), []string{"OtherAccount x"}},
		"Mastodon, the server that the operator knows": {onMastodon(input(may(manager), profiles{profile("x", "1", called("@acme"))},
			account("1", handle("@acme@one.example")))), []string{"Repaired x"}},
	}
	for title, c := range cases {
		t.Run(title, func(t *testing.T) {
			steps := Decide(c.in)
			var got []string
			for _, s := range steps {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s", s.Outcome.Result, s.Outcome.Profile)))
				done := s.Outcome.Result == Added || s.Outcome.Result == Repaired
				if done != (s.Profile != nil) || s.Profile != nil && s.Profile.Name != s.Outcome.Profile {
					t.Errorf("%s, with the profile %v", s.Outcome.Result, s.Profile)
				}
				if full := s.Outcome.Result == ProfileLimit; full != (s.Outcome.Contact != "") {
					t.Errorf("%s, contact %q", s.Outcome.Result, s.Outcome.Contact)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func learned(id string) func(p *rosterv1alpha1.SocialProfile) {
	return func(p *rosterv1alpha1.SocialProfile) {
		p.Status.Credential = &rosterv1alpha1.CredentialStatus{AccountID: id}
	}
}

func on(n rosterv1alpha1.Network) func(p *rosterv1alpha1.SocialProfile) {
	return func(p *rosterv1alpha1.SocialProfile) { p.Spec.Network = n }
}

func called(handle string) func(p *rosterv1alpha1.SocialProfile) {
	return func(p *rosterv1alpha1.SocialProfile) { p.Spec.Handle = handle }
}

func advertises(p *rosterv1alpha1.SocialProfile) { p.Spec.Type = rosterv1alpha1.TypeAdAccount }

func TestNewProfile(t *testing.T) {
	renewable := account("1", func(a *Account) { a.Renewable = true })
	of := func(role rosterv1alpha1.OrganizationRole, a Account) *rosterv1alpha1.SocialProfile {
		return Decide(input(may(role), nil, a))[0].Profile
	}
	p := of(rosterv1alpha1.RoleManager, renewable)
	want := rosterv1alpha1.SocialProfileSpec{
		Network: rosterv1alpha1.NetworkX, Handle: "acme", Type: rosterv1alpha1.TypeProfile, AccountID: "1", ConnectedBy: ana,
		Refresh: rosterv1alpha1.RefreshBeforeExpiry, ResponsibleRef: &rosterv1alpha1.LocalReference{Name: "ana"},
	}
	if fmt.Sprintf("%+v", p.Spec.ResponsibleRef) != fmt.Sprintf("%+v", want.ResponsibleRef) {
		t.Errorf("responsible is %+v", p.Spec.ResponsibleRef)
	}
	if got := p.Spec; got.Handle != want.Handle || got.AccountID != want.AccountID || got.ConnectedBy != want.ConnectedBy ||
		got.Refresh != want.Refresh || got.Network != want.Network || got.Type != want.Type {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if p.Namespace != "acme" || p.Annotations[rosterv1alpha1.ConnectionAnnotation] != string(order) {
		t.Errorf("got %+v", p.ObjectMeta)
	}
	if p := of(rosterv1alpha1.RoleManager, account("1")); p.Spec.Refresh != rosterv1alpha1.RefreshNever {
		t.Errorf("tokens that cannot be renewed: %s", p.Spec.Refresh)
	}
	if p := of(rosterv1alpha1.RoleProfileConnector, renewable); p.Spec.ResponsibleRef != nil || p.Spec.ConnectedBy != ana {
		t.Errorf("by a connector: %+v", p.Spec)
	}
}

func TestRemoval(t *testing.T) {
	there := []*rosterv1alpha1.SocialProfile{profile("x", "1"), profile("y", "2", leaving)}
	cases := map[string]struct {
		holds  *access.Effective
		remove Profile
		want   Result
		delete bool
	}{
		"allowed":        {may(rosterv1alpha1.RoleMember, "x"), Profile{"x", "uid-of-x"}, Removed, true},
		"not allowed":    {may(rosterv1alpha1.RoleMember, "y"), Profile{"x", "uid-of-x"}, NotAllowed, false},
		"holds nothing":  {nil, Profile{"x", "uid-of-x"}, NotAllowed, false},
		"its successor":  {may(rosterv1alpha1.RoleManager), Profile{"x", "before"}, Removed, false},
		"has gone":       {may(rosterv1alpha1.RoleMember), Profile{"z", "uid-of-z"}, Removed, false},
		"is on its way":  {may(rosterv1alpha1.RoleMember), Profile{"y", "uid-of-y"}, Removed, false},
		"by the manager": {may(rosterv1alpha1.RoleManager), Profile{"x", "uid-of-x"}, Removed, true},
	}
	for title, c := range cases {
		t.Run(title, func(t *testing.T) {
			in := input(c.holds, there)
			in.Order.Remove = &c.remove
			if p, outcome := Removal(in); outcome.Result != c.want || (p != nil) != c.delete {
				t.Errorf("got %v, %s", p, outcome.Result)
			}
		})
	}
}

func TestProfileName(t *testing.T) {
	name := func(n rosterv1alpha1.Network, handle, id string, kind rosterv1alpha1.ProfileType) string {
		return ProfileName(n, &Account{Handle: handle, ID: id, Type: kind})
	}
	seen := map[string]bool{}
	for _, n := range []string{
		name("X", "acme", "1", ""), name("X", "acme", "2", ""), name("X", "acme", "1", "AdAccount"), name("Threads", "acme", "1", ""),
		name("Mastodon", "@acme@one.example", "1", ""), name("Mastodon", "@acme@two.example", "1", ""), name("X", "日本", "1", ""),
		name("Facebook", strings.Repeat("Ä-long.name ", 40), "1", ""), name("Bluesky", "acme.bsky.social", "did:plc:ewvi7nxzyoun6zhxrhs64oiz", ""),
	} {
		if errs := validation.IsDNS1123Label(n + "-" + Short(order)); len(errs) > 0 || seen[n] {
			t.Errorf("%s: seen before: %v, %q", n, seen[n], errs)
		}
		seen[n] = true
	}
	if a, b := name("X", "acme", "1", ""), name("X", "acme", "1", "Profile"); a != b || !strings.HasPrefix(a, "x-acme-") {
		t.Errorf("the name is %s and %s", a, b)
	}
}

func TestGroups(t *testing.T) {
	shared := func(a *Account) { a.Entries = map[string][]byte{"access_token": []byte("one for all")} }
	type profiles = []*rosterv1alpha1.SocialProfile
	const own = "a Secret of their own"
	repair := func(id string) Account { return account(id, shared, repairing("p"+id)) }
	cases := map[string]struct {
		profiles profiles
		accounts []Account
		want     []string
	}{
		"new ones share":                   {nil, []Account{account("1", shared), account("2", shared)}, []string{own}},
		"different tokens do not":          {nil, []Account{account("1"), account("2")}, []string{own, own}},
		"the one that is named":            {profiles{profile("p1", "1", names("s"))}, []Account{repair("1")}, []string{"s"}},
		"none is named":                    {profiles{profile("p1", "1")}, []Account{repair("1")}, []string{own}},
		"named by all":                     {profiles{profile("p1", "1", names("s")), profile("p2", "2", names("s"))}, []Account{repair("1"), repair("2")}, []string{"s"}},
		"named by all and a new one":       {profiles{profile("p1", "1", names("s"))}, []Account{repair("1"), account("2", shared)}, []string{"s"}},
		"each names another":               {profiles{profile("p1", "1", names("s")), profile("p2", "2", names("t"))}, []Account{repair("1"), repair("2")}, []string{own}},
		"one names none":                   {profiles{profile("p1", "1", names("s")), profile("p2", "2")}, []Account{repair("1"), repair("2")}, []string{own}},
		"somebody else names it":           {profiles{profile("p1", "1", names("s")), profile("p3", "3", names("s"))}, []Account{repair("1")}, []string{own}},
		"somebody who is going named it":   {profiles{profile("p1", "1", names("s")), profile("p3", "3", names("s"), leaving)}, []Account{repair("1")}, []string{"s"}},
		"another group names it":           {profiles{profile("p1", "1", names("s")), profile("p2", "2", names("s"))}, []Account{repair("1"), account("2", repairing("p2"))}, []string{own, own}},
		"nobody in it has anything to say": {nil, []Account{account("1", repairing("p1"))}, []string{"nothing"}},
	}
	for title, c := range cases {
		t.Run(title, func(t *testing.T) {
			in := input(may(rosterv1alpha1.RoleManager), c.profiles, c.accounts...)
			var got []string
			secrets := map[string]bool{}
			for _, g := range Groups(in, Decide(in)) {
				for _, name := range g.NewNames(NewMaker(keyring.Keys{[]byte("key")})) {
					if errs := validation.IsDNS1123Label(name); len(errs) > 0 || secrets[name] {
						t.Errorf("%s is the name of another, too, or %v", name, errs)
					}
					secrets[name] = true
				}
				home := cmp.Or(g.Home(in.Profiles), own)
				if len(g.Steps) == 0 {
					home = "nothing"
				}
				got = append(got, home)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestOver: nothing is replaced by nothing, and nothing that is not Roster's is touched.
func TestOver(t *testing.T) {
	over := func(there, entries map[string]string) map[string]string {
		a := account("1", func(a *Account) { a.Entries = bytesOf(entries) })
		in := input(may(rosterv1alpha1.RoleManager), nil, a)
		data := map[string]string{}
		for k, v := range Groups(in, Decide(in))[0].Over(bytesOf(there)) {
			data[k] = string(v)
		}
		if data[network.KeyForNetwork] != "X" || data[network.KeyForAccount] != "1" {
			t.Errorf("nobody knows what the tokens are for: %v", data)
		}
		delete(data, network.KeyForNetwork)
		delete(data, network.KeyForAccount)
		return data
	}
	cases := map[string]struct{ there, entries, want map[string]string }{
		"none there": {nil, map[string]string{"access_token": "a", "scope": "x"}, map[string]string{"access_token": "a", "scope": "x"}},
		"a refresh token stays": {
			map[string]string{"access_token": "old", "refresh_token": "r", "expires_at": "2026-01-01T00:00:00Z", "mine": "m"},
			map[string]string{"access_token": "new", "refresh_token": ""},
			map[string]string{"access_token": "new", "refresh_token": "r", "mine": "m"},
		},
		"an app password": {
			map[string]string{"access_token": "session", "app_password": "old"}, map[string]string{"app_password": "new"},
			map[string]string{"access_token": "session", "app_password": "new"},
		},
		"what cannot be read": {
			map[string]string{"expires_at": "soon"}, map[string]string{"access_token": "a", "expires_at": "2026-03-01T12:00:00Z"},
			map[string]string{"access_token": "a", "expires_at": "2026-03-01T12:00:00Z"},
		},
		"what the portal made up": {nil, map[string]string{"access_token": "a", "ca.crt": "x"}, map[string]string{"access_token": "a"}},
	}
	for title, c := range cases {
		t.Run(title, func(t *testing.T) {
			if got := over(c.there, c.entries); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// One token that opens two accounts is for both, on the server that the portal was at.
func TestFor(t *testing.T) {
	shared := func(a *Account) { a.Entries = map[string][]byte{"access_token": []byte("one for all")} }
	in := input(may(rosterv1alpha1.RoleManager), nil, account("2", shared), account("1", shared), account("3"))
	in.Order.Server = "mastodon.example"
	groups := Groups(in, Decide(in))
	for i, want := range []string{"1 2", "3"} {
		data := groups[i].Over(bytesOf(map[string]string{"for_account": "9", "for_server": "elsewhere.example"}))
		if got := string(data[network.KeyForAccount]); got != want || string(data[network.KeyForServer]) != "mastodon.example" {
			t.Errorf("for %q at %s, want %q", got, data[network.KeyForServer], want)
		}
	}
}

// A mark holds for one Secret by its name and one profile by its UID, and nobody makes one without a key.
func TestMaker(t *testing.T) {
	secret := func(namespace, name string) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	}
	m := NewMaker(keyring.Keys{[]byte("new"), []byte("old")})
	s := secret("acme", "tokens")
	s.Annotations = map[string]string{rosterv1alpha1.MadeForAnnotation: "WNunHWQYpx65uycyUD6vMAYOyH9M2Ac4fnHXonNxPbo"}
	if former := NewMaker(keyring.Keys{[]byte("key")}); !former.Made(s, "p1") || former.name("base", "order", 1) != "base-5f97675b" {
		t.Error("what was marked or named before is not known any more")
	}
	s = secret("acme", "tokens")
	if m.Made(s, "p1") {
		t.Error("nobody made it")
	}
	if !m.Mark(s, "p1") || !m.Mark(s, "p2") || m.Mark(s, "p1") || !m.Made(s, "p1") || !m.Made(s, "p2") {
		t.Error("a Secret is made for two, and a second time changes nothing")
	}
	copied := func(to *corev1.Secret) *corev1.Secret {
		to.Annotations, to.Labels, to.OwnerReferences = s.Annotations, s.Labels, s.OwnerReferences
		return to
	}
	for what, made := range map[string]bool{
		"for another profile of that name":          m.Made(s, "p3"),
		"another Secret with what can be copied":    m.Made(copied(secret("acme", "chloes")), "p1"),
		"the same name in another organisation":     m.Made(copied(secret("beta", "tokens")), "p1"),
		"by an operator with another key":           NewMaker(keyring.Keys{[]byte("other")}).Made(s, "p1"),
		"by a mark under the key of links itself":   m.Made(withMark(secret("acme", "tokens"), []byte("new"), "p1"), "p1"),
		"by a mark that says nothing":               m.Made(withMark(secret("acme", "tokens"), nil, ""), ""),
		"once the key is gone":                      NewMaker(keyring.Keys{[]byte("newest")}).Made(s, "p2"),
		"a name and a UID that run into each other": m.Made(copied(secret("acme", "tokensp")), "1"),
	} {
		if made {
			t.Errorf("%s is taken for one of the operator's", what)
		}
	}
	if older := NewMaker(keyring.Keys{[]byte("old")}); !older.Mark(secret("acme", "x"), "p") {
		t.Error("no mark")
	} else {
		o := secret("acme", "x")
		older.Mark(o, "p")
		if !m.Made(o, "p") {
			t.Error("a mark under a key that was replaced is good until that is gone")
		}
	}
}

func withMark(s *corev1.Secret, key []byte, profile types.UID) *corev1.Secret {
	mark := base64.RawURLEncoding.EncodeToString(keyring.Keys{key}.Sign([]byte(strings.Join([]string{s.Namespace, s.Name, string(profile)}, "\x00"))))
	s.Annotations = map[string]string{rosterv1alpha1.MadeForAnnotation: mark}
	return s
}

func bytesOf(entries map[string]string) map[string][]byte {
	data := map[string][]byte{}
	for k, v := range entries {
		data[k] = []byte(v)
	}
	return data
}

func TestSecret(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	o := Order{Namespace: "acme", Member: "ana", RequestedTime: metav1.NewTime(now), Accounts: []Account{account("1")}}
	secret, err := o.Secret()
	if err != nil || secret.Namespace != rosterv1alpha1.ConnectionNamespace || secret.Type != SecretType {
		t.Fatal(secret, err)
	}
	read, err := OrderOf(secret)
	if err != nil || read.Member != "ana" || string(read.Accounts[0].Entries["access_token"]) != "of-1" {
		t.Fatal(read, err)
	}
	if answer, err := AnswerOf(secret); answer != nil || err != nil {
		t.Errorf("answered: %v, %v", answer, err)
	}
	secret.Annotations = map[string]string{Waiting: WaitsForSecrets}
	if err := AnswerTo([]*Step{{Outcome: Outcome{Profile: "x", Result: Added}}}).Put(secret, now); err != nil {
		t.Fatal(err)
	}
	if order, err := OrderOf(secret); order != nil || err != nil || len(secret.Data) != 1 || secret.Annotations[Waiting] != "" {
		t.Errorf("the order is still there: %v", secret)
	}
	answer, err := AnswerOf(secret)
	if err != nil || len(answer.Outcomes) != 1 || answer.Outcomes[0].Result != Added {
		t.Fatal(answer, err)
	}
	for age, want := range map[time.Duration]bool{-2 * Lifetime: true, -time.Minute: false, 0: false, Lifetime - 1: false, Lifetime: true} {
		if got := o.Expired(now.Add(age)); got != want {
			t.Errorf("an order of %s: expired is %v", age, got)
		}
		if got := answer.Over(now.Add(age)); got != (age >= Lifetime) {
			t.Errorf("an answer of %s: over is %v", age, got)
		}
	}
	secret.Data = map[string][]byte{entryOrder: []byte("{")}
	if _, err := OrderOf(secret); err == nil {
		t.Error("half an order can be read")
	}
}
