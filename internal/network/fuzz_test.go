// SPDX-License-Identifier: Apache-2.0

package network_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	clocktesting "k8s.io/utils/clock/testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
)

// FuzzAnswers has every network answer whatever comes: what is offered fits into a SocialProfile, tokens are never empty, and no error gives
// a secret away.
func FuzzAnswers(f *testing.F) {
	granted := network.Tokens{
		Access: "Zq81xKfW0v3D", Refresh: "p7Yt6RmJ2sQa", AppPassword: "hX4c-9LbV-u5Ne", Handle: "acme",
		Scopes: []string{"ads_read", "ads:read", "r_ads", "rw_organization_admin", "w_member_social", "user.info.profile"},
	}
	const code = "Gd3wT8zPk1Io"
	for _, body := range []string{
		`{"data":[{"id":"1","name":"Acme","access_token":"page","account_id":"9"}],"paging":{"cursors":{"after":"x"},"next":"y"},"id":"1","username":"a\u0000b"}`,
		`{"access_token":"new","expires_in":"9","scope":["x"],"data":{"user":{"open_id":"o"},"is_valid":true,"error":{"code":190}}}`,
		`{"elements":[{"organization":"urn:li:organization:5","id":0}],"results":{"5":{"localizedName":" "}},"metadata":{"nextPageToken":"x"}}`,
		`{"items":[{"id":"","snippet":{"title":"\n"}},{"id":"1"},{"id":"1"}],"bookmark":"b","did":"did:plc:1","accessJwt":"a.e30.c","refreshJwt":"r"}`,
		`{"error":"invalid_grant","error_description":"Zq81xKfW0v3D Gd3wT8zPk1Io client-secret-value"}`, `[]`, `null`, `<html>`, ``,
	} {
		f.Add(0, body)
		f.Add(201, body)
	}
	f.Add(201, `{"error":"`+strings.Repeat("é", 270)+`Zq81xKfW0v3D client-secret-value","message":"`+strings.Repeat("é", 260)+`Zq81xKfW0v3D"}`)
	var status int
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, more int, answer string) {
		if status, body = 200+more%400, answer; status < 200 || status == 204 || status == 304 {
			return
		}
		for _, name := range rosterv1alpha1.Networks() {
			n, err := network.New(name, network.Options{URL: server.URL, App: app, Clock: clocktesting.NewFakePassiveClock(now)})
			if err != nil {
				t.Fatal(err)
			}
			connector, _ := network.Connects(n)
			offers, err := connector.Offers(t.Context(), granted)
			wantDiscreet(t, err, granted.Access, granted.Refresh, granted.AppPassword)
			for _, o := range offers {
				wantSound(t, o)
			}
			if r, ok := network.Redirects(n); ok {
				got, err := r.Exchange(t.Context(), code, way)
				wantDiscreet(t, err, code, way.Verifier)
				if err == nil && got.Access == "" {
					t.Errorf("%s: no token, and no error", name)
				}
			}
			_, err = n.Check(t.Context(), granted)
			wantDiscreet(t, err, granted.Access, granted.Refresh, granted.AppPassword)
		}
	})
}

func wantDiscreet(t *testing.T, err error, secrets ...string) {
	t.Helper()
	if err == nil {
		return
	}
	for _, secret := range secrets {
		if strings.Contains(err.Error(), secret[:len(secret)/2]) {
			t.Errorf("the error gives %q away: %s", secret, err)
		}
	}
}

func wantSound(t *testing.T, o network.Offer) {
	t.Helper()
	for _, s := range []string{o.AccountID, o.Handle} {
		if n := utf8.RuneCountInString(s); n < 1 || n > 253 {
			t.Errorf("%+v has something of %d characters", o, n)
		}
	}
	if network.Handle("X", o.Handle) != o.Handle || strings.Contains(o.Handle, "://") {
		t.Errorf("%q is no spec.handle", o.Handle)
	}
	if strings.ContainsFunc(o.Handle+o.Name, unicode.IsControl) || !utf8.ValidString(o.Handle+o.Name) {
		t.Errorf("%q, %q is no text on one line", o.Handle, o.Name)
	}
	if o.Type == "" || o.Tokens.Access == "" {
		t.Errorf("%+v cannot be stored", o)
	}
}
