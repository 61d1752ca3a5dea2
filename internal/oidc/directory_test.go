// SPDX-License-Identifier: Apache-2.0

package oidc

import (
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestOfferedBy(t *testing.T) {
	d := Directory{New(Issuer{Name: "acme", Domains: []string{"acme.example"}}, "", nil), New(Issuer{Name: "other", Domains: []string{"other.example"}}, "", nil)}
	both := []rosterv1alpha1.SignInMethod{rosterv1alpha1.SignInPassword, rosterv1alpha1.SignInSSO}
	for name, tc := range map[string]struct {
		policy rosterv1alpha1.SecurityPolicy
		want   string
	}{
		"no issuer":                   {rosterv1alpha1.SecurityPolicy{SignIn: both}, ""},
		"its own issuer":              {rosterv1alpha1.SecurityPolicy{SignIn: both, SSO: rosterv1alpha1.SSO{Issuer: "acme"}}, "acme"},
		"passwords only":              {rosterv1alpha1.SecurityPolicy{SignIn: both[:1], SSO: rosterv1alpha1.SSO{Issuer: "acme"}}, ""},
		"an issuer that is not there": {rosterv1alpha1.SecurityPolicy{SignIn: both, SSO: rosterv1alpha1.SSO{Issuer: "gone"}}, ""},
		"an issuer of other domains":  {rosterv1alpha1.SecurityPolicy{SignIn: both, SSO: rosterv1alpha1.SSO{Issuer: "other"}}, ""},
	} {
		got := ""
		if c := d.OfferedBy(tc.policy, "ana@acme.example"); c != nil {
			got = c.Name
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
