// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/common"
	"github.com/roster-dev/roster/internal/invitation"
)

// empty is a cache in which nothing is found.
type empty struct{ client.Reader }

func (empty) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// FuzzToken sends any path, query and form to a portal that knows no invitation. Whatever it is, the answer is an orderly page, and
// nothing is read or written besides: the portal has no client.
func FuzzToken(f *testing.F) {
	keys, err := invitation.NewKeys([]byte(strings.Repeat("k", 32)))
	if err != nil {
		f.Fatal(err)
	}
	token, err := keys.Token("0b0e7c8e-3c6c-4f0e-9d0e-2f6f1b6a1c3d", 1, "ana@acme.example")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range []string{
		"/", "/invitations/" + token, "/invitations/" + token[:70], "/invitations/" + token + "/welcome", "/invitations/%2e%2e/x",
		"//evil.example/%2f", "/invitations/" + strings.Repeat("A", 5000), "/assets/..%2fportal.go", "/invitations/\x00",
	} {
		f.Add(path, "lang=fr", "action=accept&displayName=Ana&password=x", true)
		f.Add(path, "lang=%zz&lang", "action=%zz", false)
	}
	metrics, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		f.Fatal(err)
	}
	c := clocktesting.NewFakePassiveClock(now())
	r := &secretReader{data: map[string][]byte{invitation.CurrentKey: []byte(strings.Repeat("k", 32))}}
	limits := configure{}
	unlimited(&limits)
	p, err := New(Options{
		Cache: empty{}, Keys: NewKeySource(r, client.ObjectKey{}, c), SessionKeys: NewKeySource(r, client.ObjectKey{}, c), BaseURL: "https://roster.example.com", Clock: c, Log: logr.Discard(),
		Metrics: metrics, Limits: limits.Limits,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, query, body string, post bool) {
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
		r.URL = &url.URL{Path: path, RawQuery: query}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
			http.StatusMovedPermanently, http.StatusTemporaryRedirect:
		default:
			t.Errorf("%s %q: status %d", method, path, w.Code)
		}
		if w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s %q: no Content-Security-Policy", method, path)
		}
	})
}

// FuzzForm: a form that is taken makes an Account that the API server takes, too.
func FuzzForm(f *testing.F) {
	for _, name := range []string{"Ana", "Ana\nSilva", "é", "\u202eana", "\u200b", strings.Repeat("x", 121), "a\xff", "\u2028"} {
		f.Add("displayName="+url.QueryEscape(name)+"&company="+url.QueryEscape(name)+"&locale=en&password=Abcdefgh1%21&confirm=Abcdefgh1%21",
			true)
	}
	d, err := newDictionary()
	if err != nil {
		f.Fatal(err)
	}
	known, err := common.Load()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string, strict bool) {
		values, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		got := readForm(values)
		policy := rosterv1alpha1.PasswordPolicy{MinLength: 8, RequireUppercase: &strict, RequireSpecial: &strict}
		if problems := got.check(d.words["en"], known, policy, account.Person{Address: "ana@acme.example"}); len(problems) > 0 {
			for _, p := range problems {
				if p.Text == "" || p.Field == "" {
					t.Errorf("a problem without text or field: %+v", p)
				}
			}
			return
		}
		for _, s := range []string{got.DisplayName, got.Company} {
			if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxName || strings.ContainsFunc(s, unicode.IsControl) {
				t.Errorf("taken: %q", s)
			}
		}
		if got.DisplayName == "" || got.Locale != "en" && got.Locale != "fr" {
			t.Errorf("taken: %+v", got)
		}
	})
}
