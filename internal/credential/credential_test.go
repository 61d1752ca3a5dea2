// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/credential"
	"github.com/roster-dev/roster/internal/network"
)

const day = 24 * time.Hour

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func profile(change ...func(*rosterv1alpha1.SocialProfile)) *rosterv1alpha1.SocialProfile {
	p := &rosterv1alpha1.SocialProfile{
		ObjectMeta: metav1.ObjectMeta{Name: "acme-x", UID: "uid-1", Generation: 3},
		Spec: rosterv1alpha1.SocialProfileSpec{
			Network: "X", Handle: "acme", CredentialsSecretRef: &rosterv1alpha1.LocalReference{Name: "acme-x-tokens"},
			Refresh: rosterv1alpha1.RefreshNever,
		},
		Status: rosterv1alpha1.SocialProfileStatus{Renewers: ptr.To[int32](1)},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func renewing(p *rosterv1alpha1.SocialProfile) { p.Spec.Refresh = rosterv1alpha1.RefreshBeforeExpiry }

func orphaned(p *rosterv1alpha1.SocialProfile) { p.Status.Renewers = ptr.To[int32](0) }

var traits = network.Traits{SingleUse: true, Lead: 30 * time.Minute, Renewable: func(t network.Tokens) bool { return t.Refresh != "" }}

// good is a finding that nothing is wrong with.
func good(change ...func(*credential.Finding)) credential.Finding {
	f := credential.Finding{
		Tokens: network.Tokens{Access: "a", Refresh: "r"}, Traits: traits,
		Report: network.Report{AccountID: "12", Handle: "acme", AccessExpiry: now.Add(2 * time.Hour)},
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

var (
	errDead  = &network.Error{Kind: network.KindAuthentication, Message: "api.x.com answers 401"}
	errDown  = &network.Error{Message: "api.x.com: connection refused"}
	errScope = &network.Error{Kind: network.KindScope, Message: "graph.facebook.com answers 400: (#200) Ad account owner has NOT grant ads_read"}
	errLimit = &network.Error{Kind: network.KindLimit, Message: "api.x.com answers 429", RetryAfter: 3 * time.Hour}
)

// The conditions as a table of what was found and what is said.
func TestDecide(t *testing.T) {
	const (
		connected = rosterv1alpha1.ConditionConnected
		expiring  = rosterv1alpha1.ConditionTokenExpiring
		scopes    = rosterv1alpha1.ConditionScopesSufficient
		renewer   = rosterv1alpha1.ConditionRenewerAvailable
	)
	lasting := func(access, refresh, data time.Duration) func(*credential.Finding) {
		return func(f *credential.Finding) {
			f.Report.AccessExpiry, f.Tokens.RefreshExpiry, f.Report.DataAccessExpiry = time.Time{}, time.Time{}, time.Time{}
			if access != 0 {
				f.Report.AccessExpiry = now.Add(access)
			}
			if refresh != 0 {
				f.Tokens.RefreshExpiry = now.Add(refresh)
			}
			if data != 0 {
				f.Report.DataAccessExpiry = now.Add(data)
			}
		}
	}
	alone := func(f *credential.Finding) { f.Tokens.Refresh = "" }
	for name, c := range map[string]struct {
		profile *rosterv1alpha1.SocialProfile
		finding credential.Finding
		want    map[string]string
	}{
		"good tokens that the operator renews": {
			profile(renewing), good(), map[string]string{connected: "True/Connected", expiring: "False/NotExpiring", scopes: "True/ScopesSufficient", renewer: ""},
		},
		"good tokens that somebody else renews, short-lived as they are": {
			profile(), good(lasting(2*time.Hour, 100*day, 0)), map[string]string{connected: "True/Connected", expiring: "False/NotExpiring"},
		},
		"a refresh token that ends soon, and that no renewal prolongs": {
			profile(renewing), good(lasting(60*day, 5*day, 0)), map[string]string{expiring: "True/Expiring", renewer: "True/RenewerAvailable"},
		},
		"an access token alone that ends soon": {
			profile(), good(alone, lasting(13*day, 0, 0)), map[string]string{expiring: "True/Expiring"},
		},
		"an access token alone that ends later": {
			profile(), good(alone, lasting(15*day, 0, 0)), map[string]string{expiring: "False/NotExpiring", renewer: ""},
		},
		"the year 2058": {
			profile(), good(alone, lasting(32*365*day, 0, 0)), map[string]string{expiring: "Unknown/ExpiryUnknown"},
		},
		"no expiry": {
			profile(), good(alone, lasting(0, 0, 0)), map[string]string{expiring: "Unknown/ExpiryUnknown"},
		},
		"data access ends though the token does not": {
			profile(renewing), good(lasting(0, 0, 3*day)), map[string]string{connected: "True/Connected", expiring: "True/Expiring"},
		},
		"nobody active can renew what ends soon": {
			profile(orphaned), good(alone, lasting(5*day, 0, 0)), map[string]string{expiring: "True/Expiring", renewer: "False/NobodyCanRenew"},
		},
		"dead": {
			profile(), good(func(f *credential.Finding) { f.Err, f.Failures = errDead, 0 }),
			map[string]string{connected: "False/TokenInvalid", renewer: "True/RenewerAvailable"},
		},
		"dead, and nobody can reconnect": {
			profile(orphaned), good(func(f *credential.Finding) { f.Err = errDead }), map[string]string{connected: "False/TokenInvalid", renewer: "False/NobodyCanRenew"},
		},
		"dead, and so is what renews": {
			profile(renewing), good(func(f *credential.Finding) { f.Err, f.Renewal = errDead, errDead }), map[string]string{connected: "False/TokenInvalid"},
		},
		"dead, and what renews is not reached": {
			profile(renewing), good(func(f *credential.Finding) { f.Err, f.Renewal, f.Failures = errDead, errDown, 1 }), map[string]string{connected: "Unknown/NoAnswer"},
		},
		"the network has disabled the account": {
			profile(renewing), good(func(f *credential.Finding) {
				f.Err = &network.Error{Kind: network.KindDisabled, Message: "one.example answers 403: Your login is currently disabled"}
			}),
			map[string]string{connected: "False/AccountDisabled", renewer: "True/RenewerAvailable"},
		},
		"the network has suspended the account": {
			profile(), good(func(f *credential.Finding) { f.Err = &network.Error{Kind: network.KindSuspended, Message: "suspended"} }),
			map[string]string{connected: "False/AccountSuspended"},
		},
		"the account has moved": {
			profile(), good(func(f *credential.Finding) {
				f.Err = &network.Error{Kind: network.KindMoved, Message: "to @acme@new.example"}
			}),
			map[string]string{connected: "False/AccountMoved"},
		},
		"dead, and what renews says that the account is suspended": {
			profile(renewing), good(func(f *credential.Finding) {
				f.Err, f.Renewal = errDead, &network.Error{Kind: network.KindSuspended, Message: "AccountTakedown"}
			}), map[string]string{connected: "False/AccountSuspended"},
		},
		"tokens that are for something else": {
			profile(), credential.Finding{Obstacle: &credential.Obstacle{Reason: rosterv1alpha1.ReasonReconnectRequired, Message: "Again.", Refused: true}},
			map[string]string{connected: "False/ReconnectRequired", expiring: "Unknown/ReconnectRequired", renewer: "True/RenewerAvailable"},
		},
		"dead after a renewal that never ended": {
			profile(renewing), good(func(f *credential.Finding) { f.Err, f.Renewal, f.Lost = errDead, errDead, true }), map[string]string{connected: "False/RenewalLost"},
		},
		"the network is down": {
			profile(), good(func(f *credential.Finding) { f.Err, f.Failures = errDown, 1 }), map[string]string{connected: "Unknown/NoAnswer"},
		},
		"the network wants a rest": {
			profile(), good(func(f *credential.Finding) { f.Err, f.Failures = errLimit, 1 }), map[string]string{connected: "Unknown/RateLimited"},
		},
		"good tokens that do not open the account": {
			profile(func(p *rosterv1alpha1.SocialProfile) { p.Spec.AccountID = "act_1" }),
			good(func(f *credential.Finding) { f.Report.AccountID, f.Err, f.Failures = "", errScope, 1 }),
			map[string]string{connected: "Unknown/AccountForbidden", scopes: "True/ScopesSufficient"},
		},
		"another account than the spec names": {
			profile(func(p *rosterv1alpha1.SocialProfile) { p.Spec.AccountID = "11" }), good(), map[string]string{connected: "False/AccountChanged"},
		},
		"another account than before": {
			profile(func(p *rosterv1alpha1.SocialProfile) {
				p.Status.Credential = &rosterv1alpha1.CredentialStatus{AccountID: "11"}
			}), good(),
			map[string]string{connected: "False/AccountChanged"},
		},
		"the new account, which the spec names": {
			profile(func(p *rosterv1alpha1.SocialProfile) {
				p.Spec.AccountID, p.Status.Credential = "12", &rosterv1alpha1.CredentialStatus{AccountID: "11"}
			}), good(), map[string]string{connected: "True/Connected"},
		},
		"no Secret": {
			profile(), credential.Finding{Obstacle: &credential.Obstacle{Reason: rosterv1alpha1.ReasonSecretNotFound, Message: "Create it."}},
			map[string]string{connected: "Unknown/SecretNotFound", expiring: "Unknown/SecretNotFound", scopes: "Unknown/SecretNotFound"},
		},
		"scopes are missing": {
			profile(), good(func(f *credential.Finding) { f.Wanted, f.Report.Scopes = []string{"read", "write"}, []string{"read"} }),
			map[string]string{scopes: "False/ScopesMissing"},
		},
		"scopes that only the Secret tells": {
			profile(), good(func(f *credential.Finding) { f.Wanted, f.Tokens.Scopes = []string{"read"}, []string{"write", "read"} }),
			map[string]string{scopes: "True/ScopesSufficient"},
		},
		"good tokens that somebody else renews, and whose refresh token says no end": {
			profile(), good(), map[string]string{connected: "True/Connected", expiring: "False/NotExpiring"},
		},
		"scopes that nobody tells": {
			profile(), good(func(f *credential.Finding) { f.Wanted = []string{"read"} }), map[string]string{scopes: "Unknown/ScopesUnknown"},
		},
		"no credentials": {
			profile(func(p *rosterv1alpha1.SocialProfile) {
				p.Status.Credential = &rosterv1alpha1.CredentialStatus{AccountID: "11"}
				p.Status.Conditions = []metav1.Condition{{Type: connected, Status: "True"}, {Type: "Ready", Status: "True", Reason: "Ready"}}
				p.Spec.CredentialsSecretRef = nil
			}), credential.Finding{}, map[string]string{connected: "", expiring: "", scopes: "", renewer: "", "Ready": "True/Ready"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			status, _ := credential.Decide(c.profile, c.finding, now)
			for kind, want := range c.want {
				got := ""
				if found := meta.FindStatusCondition(status.Conditions, kind); found != nil {
					got = string(found.Status) + "/" + found.Reason
				}
				if got != want {
					t.Errorf("%s is %q, want %q", kind, got, want)
				}
			}
			if again := profile(); c.profile.Spec.CredentialsSecretRef != nil {
				*again = *c.profile
				again.Status = status
				repeated, _ := credential.Decide(again, c.finding, now.Add(time.Minute))
				if diff := cmp.Diff(status, repeated); diff != "" {
					t.Errorf("nothing new, and yet another status: %s", diff)
				}
			}
		})
	}
}

// One answer that says nothing is no news; three are. What was dead stays dead until the network says otherwise.
func TestPatience(t *testing.T) {
	p := profile()
	p.Status, _ = credential.Decide(p, good(), now)
	for failures, want := range map[int]metav1.ConditionStatus{1: "True", 2: "True", 3: "Unknown"} {
		f := good(func(f *credential.Finding) { f.Report, f.Err, f.Failures = network.Report{}, errDown, failures })
		status, _ := credential.Decide(p, f, now)
		c := meta.FindStatusCondition(status.Conditions, rosterv1alpha1.ConditionConnected)
		if c.Status != want {
			t.Errorf("after %d answers that say nothing it is %s, want %s", failures, c.Status, want)
		}
		if status.Credential.AccountID != "12" || status.Credential.AccessExpiryTime == nil {
			t.Errorf("what the network told before is forgotten: %+v", status.Credential)
		}
	}
	other := good(func(f *credential.Finding) {
		f.Tokens.Access, f.Report, f.Err, f.Failures = "b", network.Report{}, errDown, 1
	})
	status, _ := credential.Decide(p, other, now)
	if c := meta.FindStatusCondition(status.Conditions, rosterv1alpha1.ConditionConnected); c.Status != metav1.ConditionUnknown {
		t.Errorf("what was said of other tokens does not count: %s", c.Status)
	}
}

// Tokens are verified before they are rotated.
func TestRenewalDue(t *testing.T) {
	soon := func(f *credential.Finding) { f.Report.AccessExpiry = now.Add(10 * time.Minute) }
	limited := func(f *credential.Finding) { f.Err = errLimit }
	untold := func(f *credential.Finding) { f.Report = network.Report{} }
	known := func(f credential.Finding) *rosterv1alpha1.SocialProfile {
		p := profile(renewing)
		p.Status, _ = credential.Decide(p, f, now)
		return p
	}
	for name, c := range map[string]struct {
		profile *rosterv1alpha1.SocialProfile
		finding credential.Finding
		want    bool
	}{
		"in good time":                                     {profile(renewing), good(soon), true},
		"too early":                                        {profile(renewing), good(), false},
		"not asked for":                                    {profile(), good(soon), false},
		"nothing to renew with":                            {profile(renewing), good(soon, func(f *credential.Finding) { f.Tokens.Refresh = "" }), false},
		"the access token is dead":                         {profile(renewing), good(func(f *credential.Finding) { f.Err = errDead }), true},
		"the network does not say":                         {profile(renewing), good(soon, func(f *credential.Finding) { f.Err = errDown }), false},
		"no expiry is known":                               {profile(renewing), good(func(f *credential.Finding) { f.Report.AccessExpiry = time.Time{} }), false},
		"the year 2058":                                    {profile(renewing), good(func(f *credential.Finding) { f.Report.AccessExpiry = now.Add(32 * 365 * day) }), false},
		"only the Secret tells the expiry":                 {profile(renewing), good(func(f *credential.Finding) { f.Report.AccessExpiry = time.Time{}; f.Tokens.AccessExpiry = now }), true},
		"the tokens are those of somebody else":            {profile(renewing, func(p *rosterv1alpha1.SocialProfile) { p.Spec.AccountID = "11" }), good(soon), false},
		"the network limits how often it is asked":         {known(good()), good(soon, limited), true},
		"the same, and only the status tells the expiry":   {known(good(soon)), good(limited, untold), true},
		"the same, too early":                              {known(good()), good(limited), false},
		"the same, of tokens that it never took":           {profile(renewing), good(soon, limited), false},
		"the same, of others than those that it took":      {known(good()), good(soon, limited, func(f *credential.Finding) { f.Tokens.Refresh = "other" }), false},
		"the network has suspended the account":            {known(good()), good(soon, func(f *credential.Finding) { f.Err = &network.Error{Kind: network.KindSuspended} }), false},
		"the network does not say, of tokens that it took": {known(good()), good(soon, func(f *credential.Finding) { f.Err = errDown }), false},
		"the Secret is missing":                            {profile(renewing), credential.Finding{Obstacle: &credential.Obstacle{}}, false},
	} {
		if got := credential.RenewalDue(c.profile, c.finding, now); got != c.want {
			t.Errorf("%s: renew %v, want %v", name, got, c.want)
		}
	}
}

// While the network wants to be let alone for 20 hours, the next look is when the tokens have to be renewed.
func TestLimitedUntilRenewal(t *testing.T) {
	const asked = 20 * time.Hour
	p := profile(renewing)
	p.Status, _ = credential.Decide(p, good(), now) // which ends in two hours
	f := good(func(f *credential.Finding) {
		f.Report, f.Failures, f.Err = network.Report{}, 1, &network.Error{Kind: network.KindLimit, Message: "429", RetryAfter: asked}
	})
	_, next := credential.Decide(p, f, now)
	if wait := next.Sub(now); wait <= time.Hour || wait >= 90*time.Minute+time.Second {
		t.Errorf("the next look is after %s, and the tokens end after two hours", wait)
	}
	if wait := credential.Rest(p, f, asked, now); wait != next.Sub(now) {
		t.Errorf("the rest ends after %s, want %s", wait, next.Sub(now))
	}
	p.Spec.Refresh = rosterv1alpha1.RefreshNever
	if _, next := credential.Decide(p, f, now); next.Sub(now) < asked {
		t.Errorf("nothing is renewed, and the network is asked after %s", next.Sub(now))
	}
}

// Tokens are for what their Secret says; of what it does not say, for what the network took them for first.
func TestForeign(t *testing.T) {
	mastodon := func(handle, account string) *rosterv1alpha1.SocialProfile {
		return profile(func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.Network, p.Spec.Handle, p.Spec.AccountID = "Mastodon", handle, account
		})
	}
	plain := network.Tokens{Access: "a"}
	made := func(f network.Identity) network.Tokens { return network.Tokens{Access: "a", For: f} }
	one := network.Identity{Network: "Mastodon", Server: "one.example", Accounts: []string{"1"}}
	took := func(p *rosterv1alpha1.SocialProfile, server, account string) *rosterv1alpha1.SocialProfile {
		p.Status, _ = credential.Decide(p, credential.Finding{Tokens: plain, Traits: traits, Server: server, Report: network.Report{AccountID: account}}, now)
		return p
	}
	edited := func(p *rosterv1alpha1.SocialProfile, handle, account string) *rosterv1alpha1.SocialProfile {
		p.Spec.Handle, p.Spec.AccountID = handle, account
		return p
	}
	ads := profile(func(p *rosterv1alpha1.SocialProfile) { p.Spec.Network, p.Spec.AccountID = "Facebook", "act_99" })
	for name, c := range map[string]struct {
		profile *rosterv1alpha1.SocialProfile
		tokens  network.Tokens
		server  string
		says    string
	}{
		"as they were made":                            {mastodon("@acme@one.example", "1"), made(one), "one.example", ""},
		"nothing is known":                             {mastodon("@acme@one.example", ""), plain, "one.example", ""},
		"another server":                               {mastodon("@acme@two.example", ""), made(one), "two.example", "the server one.example"},
		"another server, and another account":          {mastodon("@acme@two.example", "2"), made(one), "two.example", "the server one.example"},
		"another network":                              {profile(), made(one), "", "for Mastodon"},
		"another account":                              {mastodon("@acme@one.example", "2"), made(one), "one.example", "the account 1"},
		"another account than the Secret's, and known": {took(mastodon("@acme@one.example", ""), "one.example", "2"), made(one), "one.example", "the account 1"},
		"one of several accounts":                      {ads, made(network.Identity{Accounts: []string{"12", "99"}}), "", ""},
		"none of several accounts":                     {ads, made(network.Identity{Accounts: []string{"12", "13"}}), "", "the account 12"},
		"as the network took them":                     {took(mastodon("@acme@one.example", ""), "one.example", "1"), plain, "one.example", ""},
		"with the handle of another server":            {edited(took(mastodon("@acme@one.example", ""), "one.example", "1"), "@acme@two.example", ""), plain, "two.example", "the server one.example"},
		"with another account":                         {edited(took(mastodon("@acme@one.example", ""), "one.example", "1"), "@acme@one.example", "2"), plain, "one.example", "the account 1"},
		"others, with the handle of another server":    {edited(took(mastodon("@acme@one.example", ""), "one.example", "1"), "@acme@two.example", ""), network.Tokens{Access: "b"}, "two.example", ""},
		"others from the portal, on another server": {
			edited(took(mastodon("@acme@one.example", ""), "one.example", "1"), "@acme@two.example", ""),
			network.Tokens{Access: "b", For: network.Identity{Network: "Mastodon", Server: "two.example", Accounts: []string{"7"}}}, "two.example", "",
		},
		"the Secret says that it is meant": {edited(took(mastodon("@acme@one.example", ""), "one.example", "1"), "@acme@two.example", ""), made(network.Identity{Server: "two.example", Accounts: []string{"1"}}), "two.example", ""},
	} {
		got := credential.Foreign(c.profile, c.tokens, c.server)
		switch {
		case (got == nil) != (c.says == ""):
			t.Errorf("%s: %+v", name, got)
		case got != nil && (!got.Refused || !strings.Contains(got.Message, c.says) || !strings.Contains(got.Message, "Reconnect")):
			t.Errorf("%s: %s, want something of %q", name, got.Message, c.says)
		}
	}
}

// What tokens are for outlives their renewal, and nobody is bound by tokens that open another account.
func TestBinding(t *testing.T) {
	p := profile(renewing)
	bind := func(change ...func(*credential.Finding)) *rosterv1alpha1.CredentialBinding {
		p.Status, _ = credential.Decide(p, good(change...), now)
		return p.Status.Credential.BoundTo
	}
	if b := bind(func(f *credential.Finding) { f.Err = errDown }); b != nil {
		t.Errorf("the network has not taken them: %+v", b)
	}
	first := bind(func(f *credential.Finding) { f.Server = "one.example" })
	if first == nil || first.Server != "one.example" || first.AccountID != "12" {
		t.Fatalf("%+v", first)
	}
	renewed := bind(func(f *credential.Finding) { f.Tokens.Access, f.Report, f.Renewed = "b", network.Report{}, true })
	if renewed.Server != "one.example" || renewed.AccountID != "12" || renewed.Fingerprint == first.Fingerprint {
		t.Errorf("after a renewal: %+v", renewed)
	}
	if b := bind(func(f *credential.Finding) { f.Tokens.Access, f.Report.AccountID = "c", "13" }); *b != *renewed {
		t.Errorf("those of another account: %+v", b)
	}
}

// Only an authentication error that a network documents turns the condition to False, whatever else comes together.
func TestOnlyAuthenticationErrorsSayFalse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		faults := rapid.SampledFrom([]error{nil, errDown, errScope, errLimit, errors.New("x")})
		f := good()
		f.Err, f.Renewal = faults.Draw(t, "check"), faults.Draw(t, "renewal")
		f.Failures = rapid.IntRange(0, 5).Draw(t, "failures")
		f.Lost = rapid.Bool().Draw(t, "lost")
		f.Report.AccessExpiry = now.Add(time.Duration(rapid.Int64Range(-1e16, 1e16).Draw(t, "expiry")))
		p := profile()
		if rapid.Bool().Draw(t, "renews") {
			renewing(p)
		}
		if rapid.Bool().Draw(t, "seen before") {
			p.Status, _ = credential.Decide(p, good(), now)
		}
		status, next := credential.Decide(p, f, now)
		if meta.IsStatusConditionFalse(status.Conditions, rosterv1alpha1.ConditionConnected) {
			t.Fatal("nobody said that the tokens are dead")
		}
		if !next.After(now) || next.After(now.Add(credential.Interval+time.Hour)) && asked(f) == 0 {
			t.Fatalf("the next look is at %s", next)
		}
		for _, c := range status.Conditions {
			if c.Reason == "" || c.Message == "" || strings.Contains(c.Message, "%!") {
				t.Fatalf("%+v", c)
			}
		}
	})
}

func asked(f credential.Finding) time.Duration {
	var fault *network.Error
	if errors.As(f.Err, &fault) && fault.RetryAfter > 0 || errors.As(f.Renewal, &fault) {
		return fault.RetryAfter
	}
	return 0
}

// 10,000 profiles have their turns spread over the interval, at the same times after a restart.
func TestNoHerd(t *testing.T) {
	const profiles, minutes = 10_000, 360
	perMinute := make([]int, minutes)
	for i := range profiles {
		uid := types.UID(fmt.Sprintf("0d5b1c9e-7a52-4f0e-9b11-%012d", i))
		at := credential.NextSlot(uid, now)
		if wait := at.Sub(now); wait <= 0 || wait > credential.Interval {
			t.Fatalf("the turn is in %s", wait)
		}
		if credential.NextSlot(uid, at.Add(-time.Second)) != at || credential.NextSlot(uid, at) != at.Add(credential.Interval) {
			t.Fatal("a turn depends on when it is asked for")
		}
		perMinute[int(at.Sub(now).Minutes())%minutes]++
	}
	mean := float64(profiles) / minutes
	for m, n := range perMinute {
		if float64(n) > mean+6*math.Sqrt(mean) {
			t.Errorf("%d of %d have their turn in minute %d", n, profiles, m)
		}
	}
}

func TestPause(t *testing.T) {
	last := time.Duration(0)
	for failures := 1; failures < 100; failures++ {
		pause := credential.Pause("uid", failures, 0)
		if pause < last || pause > 75*time.Minute {
			t.Errorf("after %d failures the pause is %s", failures, pause)
		}
		last = pause
	}
	if pause := credential.Pause("uid", 1, 3*time.Hour); pause < 3*time.Hour {
		t.Errorf("the network asked for 3h and gets %s", pause)
	}
}
