// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
)

// The tokens of Bluesky open the account that they opened before, whatever its handle is now.
func TestOfProfile(t *testing.T) {
	const did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
	profile := func(known *rosterv1alpha1.CredentialStatus) *rosterv1alpha1.SocialProfile {
		return &rosterv1alpha1.SocialProfile{
			Spec:   rosterv1alpha1.SocialProfileSpec{Network: rosterv1alpha1.NetworkBluesky, Handle: "acme.bsky.social"},
			Status: rosterv1alpha1.SocialProfileStatus{Credential: known},
		}
	}
	made := network.Tokens{AppPassword: "a-b-c-d"}
	if got := ofProfile(profile(nil), made).AccountID; got != "" {
		t.Errorf("nobody knows it yet: %q", got)
	}
	made.For.Accounts = []string{did}
	if got := ofProfile(profile(nil), made).AccountID; got != did {
		t.Errorf("the Secret tells: %q", got)
	}
	if got := ofProfile(profile(&rosterv1alpha1.CredentialStatus{AccountID: did}), network.Tokens{}).AccountID; got != did {
		t.Errorf("the server told: %q", got)
	}
}
