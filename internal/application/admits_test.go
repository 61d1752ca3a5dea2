// SPDX-License-Identifier: Apache-2.0

package application

import (
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mark"
)

func grafana(change ...func(a *rosterv1alpha1.Application)) *rosterv1alpha1.Application {
	a := &rosterv1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "grafana", UID: "1"},
		Spec:       rosterv1alpha1.ApplicationSpec{Type: rosterv1alpha1.ApplicationWeb},
	}
	for _, c := range change {
		c(a)
	}
	return a
}

func TestAdmits(t *testing.T) {
	for name, c := range map[string]struct {
		members *rosterv1alpha1.ApplicationMembers
		role    string
		teams   []string
		want    bool
	}{
		"everybody":              {role: "Member", want: true},
		"everybody, of no role":  {want: true},
		"the role":               {&rosterv1alpha1.ApplicationMembers{Roles: []string{"Owner", "analyst"}}, "analyst", nil, true},
		"another role":           {&rosterv1alpha1.ApplicationMembers{Roles: []string{"Manager"}}, "CoOwner", nil, false},
		"the Team":               {&rosterv1alpha1.ApplicationMembers{Teams: []string{"writers"}}, "Member", []string{"a", "writers"}, true},
		"another Team":           {&rosterv1alpha1.ApplicationMembers{Teams: []string{"writers"}}, "Member", []string{"readers"}, false},
		"the role, not the Team": {&rosterv1alpha1.ApplicationMembers{Roles: []string{"Owner"}, Teams: []string{"writers"}}, "Owner", nil, true},
		"a Team called as a role": {
			&rosterv1alpha1.ApplicationMembers{Roles: []string{"analyst"}}, "Member", []string{"analyst"}, false,
		},
		"nobody": {&rosterv1alpha1.ApplicationMembers{}, "Owner", []string{"writers"}, false},
	} {
		a := grafana(func(a *rosterv1alpha1.Application) { a.Spec.Members = c.members })
		if got := Admits(a, c.role, c.teams); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestListed(t *testing.T) {
	list := func(name, title string, change ...func(a *rosterv1alpha1.Application)) *rosterv1alpha1.Application {
		return grafana(append([]func(a *rosterv1alpha1.Application){func(a *rosterv1alpha1.Application) {
			a.Name, a.Spec.DisplayName, a.Spec.Listed, a.Spec.URL = name, title, ptr.To(true), "https://"+name+".example"
		}}, change...)...)
	}
	now := metav1.Now()
	var got []string
	for _, a := range Listed([]*rosterv1alpha1.Application{
		list("z", "Charts"),
		list("a", "Studio"),
		list("b", "", func(a *rosterv1alpha1.Application) { a.Spec.Listed = nil }),
		list("c", "", func(a *rosterv1alpha1.Application) { a.Spec.URL = "" }),
		list("d", "", func(a *rosterv1alpha1.Application) { a.DeletionTimestamp = &now }),
		list("e", "", func(a *rosterv1alpha1.Application) {
			a.Spec.Members = &rosterv1alpha1.ApplicationMembers{Roles: []string{"Owner"}}
		}),
		list("f", "Boards", func(a *rosterv1alpha1.Application) {
			a.Spec.Members = &rosterv1alpha1.ApplicationMembers{Teams: []string{"writers"}}
		}),
	}, "Member", []string{"writers"}) {
		got = append(got, a.Title())
	}
	if !slices.Equal(got, []string{"Boards", "Charts", "Studio"}) {
		t.Error(got)
	}
}

func TestHashes(t *testing.T) {
	now := time.Date(2026, 11, 29, 8, 0, 0, 500, time.UTC)
	in := func(d time.Duration) *metav1.Time { return ptr.To(metav1.NewTime(now.Truncate(time.Second).Add(d))) }
	type hashes = []rosterv1alpha1.SecretHash
	for name, c := range map[string]struct {
		before  hashes
		current string
		overlap time.Duration
		want    hashes
	}{
		"the first":                   {nil, "a", day, hashes{{SHA256: "a"}}},
		"the same":                    {hashes{{SHA256: "a"}}, "a", day, hashes{{SHA256: "a"}}},
		"none is known":               {nil, "", day, nil},
		"the Secret cannot be read":   {hashes{{SHA256: "a"}}, "", day, hashes{{SHA256: "a"}}},
		"another":                     {hashes{{SHA256: "a"}}, "b", day, hashes{{SHA256: "b"}, {SHA256: "a", ExpiryTime: in(day)}}},
		"another, at once":            {hashes{{SHA256: "a"}}, "b", 0, hashes{{SHA256: "b"}}},
		"a third within the day":      {hashes{{SHA256: "b"}, {SHA256: "a", ExpiryTime: in(time.Hour)}}, "c", day, hashes{{SHA256: "c"}, {SHA256: "b", ExpiryTime: in(day)}}},
		"the former goes on":          {hashes{{SHA256: "b"}, {SHA256: "a", ExpiryTime: in(time.Hour)}}, "b", day, hashes{{SHA256: "b"}, {SHA256: "a", ExpiryTime: in(time.Hour)}}},
		"the former has ended":        {hashes{{SHA256: "b"}, {SHA256: "a", ExpiryTime: in(0)}}, "b", day, hashes{{SHA256: "b"}}},
		"the former ends sooner":      {hashes{{SHA256: "b"}, {SHA256: "a", ExpiryTime: in(day)}}, "b", time.Hour, hashes{{SHA256: "b"}, {SHA256: "a", ExpiryTime: in(time.Hour)}}},
		"the former ends now":         {hashes{{SHA256: "b"}, {SHA256: "a", ExpiryTime: in(day)}}, "b", 0, hashes{{SHA256: "b"}}},
		"the former is the one again": {hashes{{SHA256: "b"}, {SHA256: "a", ExpiryTime: in(day)}}, "a", day, hashes{{SHA256: "a"}, {SHA256: "b", ExpiryTime: in(day)}}},
		"unread, the former has ended": {
			hashes{{SHA256: "b"}, {SHA256: "a", ExpiryTime: in(-day)}}, "", day, hashes{{SHA256: "b"}},
		},
	} {
		got := Hashes(c.before, c.current, c.overlap, now)
		if !slices.EqualFunc(got, c.want, func(a, b rosterv1alpha1.SecretHash) bool {
			return a.SHA256 == b.SHA256 && a.ExpiryTime.Equal(b.ExpiryTime)
		}) {
			t.Errorf("%s: %v", name, got)
		}
		if again := Hashes(got, c.current, c.overlap, now.Add(time.Second)); len(again) != len(got) || len(again) == 2 && !again[1].ExpiryTime.Equal(got[1].ExpiryTime) {
			t.Errorf("%s: a second look makes of it %v", name, again)
		}
	}
}

const day = 24 * time.Hour

func TestFind(t *testing.T) {
	const issuer = "https://portal.example"
	maker := NewMaker(keyring.Keys{make([]byte, 32)})
	others := NewMaker(keyring.Keys{append(make([]byte, 31), 1)})
	made := func(by mark.Maker, a *rosterv1alpha1.Application, change ...func(s *corev1.Secret)) *corev1.Secret {
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: a.SecretName()}}
		Fill(s, a, "secret", issuer, by)
		for _, c := range change {
			c(s)
		}
		return s
	}
	known := grafana(func(a *rosterv1alpha1.Application) {
		a.Status.SecretHashes = []rosterv1alpha1.SecretHash{{SHA256: HashOf("secret")}}
	})
	former := grafana(func(a *rosterv1alpha1.Application) {
		a.Status.SecretHashes = []rosterv1alpha1.SecretHash{{SHA256: HashOf("secret"), ExpiryTime: ptr.To(metav1.Now())}}
	})
	gone := grafana(func(a *rosterv1alpha1.Application) { a.UID = "0" })
	for name, c := range map[string]struct {
		a    *rosterv1alpha1.Application
		s    *corev1.Secret
		want Finding
	}{
		"none":                    {grafana(), nil, Absent},
		"its own":                 {grafana(), made(maker, grafana()), Current},
		"another issuer":          {grafana(), made(maker, grafana(), func(s *corev1.Secret) { s.Data[KeyIssuer] = []byte("https://old.example") }), Outdated},
		"another entry":           {grafana(), made(maker, grafana(), func(s *corev1.Secret) { s.Data["more"] = []byte("x") }), Outdated},
		"an owner was taken out":  {grafana(), made(maker, grafana(), func(s *corev1.Secret) { s.OwnerReferences = nil }), Outdated},
		"another client secret":   {grafana(), made(maker, grafana(), func(s *corev1.Secret) { s.Data[KeyClientSecret] = []byte("mine") }), Foreign},
		"a mark without keys":     {grafana(), made(others, grafana()), Foreign},
		"no mark":                 {grafana(), made(maker, grafana(), func(s *corev1.Secret) { s.Annotations = nil }), Foreign},
		"the mark of another":     {grafana(), made(maker, grafana(), func(s *corev1.Secret) { s.Namespace = "other" }), Foreign},
		"under another name":      {grafana(), made(maker, grafana(), func(s *corev1.Secret) { s.Name = "other" }), Foreign},
		"restored":                {known, made(others, gone), Outdated},
		"without its mark":        {known, made(maker, grafana(), func(s *corev1.Secret) { s.Annotations = nil }), Outdated},
		"a former secret put in":  {former, made(others, grafana()), Foreign},
		"of one that is gone":     {grafana(), made(maker, gone), Former},
		"of one that is not ours": {grafana(), made(others, gone), Foreign},
		"of another application": {grafana(), made(maker, grafana(func(a *rosterv1alpha1.Application) {
			a.Name, a.UID, a.Spec.SecretName = "other", "2", "grafana-openid"
		})), Foreign},
	} {
		if got := Find(c.a, c.s, maker, issuer); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestClientSecrets(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		secret := NewClientSecret()
		if len(secret) != 43 || len(HashOf(secret)) != 43 || seen[secret] {
			t.Fatalf("%q", secret)
		}
		seen[secret] = true
	}
	// What an author computes with other tools: printf %s test | openssl dgst -sha256 -binary | basenc --base64url
	if got := HashOf("test"); got != "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg" {
		t.Error(got)
	}
	if got := Content(grafana(), "x", "i"); !maps.EqualFunc(got, map[string][]byte{
		"clientID": []byte("acme.grafana"), "clientSecret": []byte("x"), "issuer": []byte("i"),
	}, slices.Equal) {
		t.Error(got)
	}
}
