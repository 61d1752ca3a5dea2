// SPDX-License-Identifier: Apache-2.0

package network_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/roster-dev/roster/internal/network"
)

func TestParseTokens(t *testing.T) {
	got, err := network.ParseTokens(map[string][]byte{
		"access_token": []byte("a\n"), "refresh_token": []byte("r"), "scope": []byte("x, y z"),
		"expires_at": []byte("1772366400"), "refresh_token_expires_at": []byte("2026-05-01T00:00:00+02:00"),
	})
	want := network.Tokens{
		Access: "a", Refresh: "r", Scopes: []string{"x", "y", "z"},
		AccessExpiry: now, RefreshExpiry: time.Date(2026, 4, 30, 22, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Error(diff, err)
	}
	got, err = network.ParseTokens(map[string][]byte{
		"access_token": []byte("a"), "for_network": []byte("Mastodon"), "for_server": []byte("https://Mastodon.Example/"), "for_account": []byte("1\n2"),
	})
	made := network.Identity{Network: "Mastodon", Server: "mastodon.example", Accounts: []string{"1", "2"}}
	if diff := cmp.Diff(made, got.For); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if again, err := network.ParseTokens(got.Store(nil)); err != nil || cmp.Diff(made, again.For) != "" {
		t.Errorf("what is stored is read again: %+v, %v", again.For, err)
	}
	for data, says := range map[string]string{
		"expires_at=soon":               "expires_at",
		"refresh_token_expires_at=2026": "", // seconds since 1970, however few
		"refresh_token_expires_at=1.3.": "refresh_token_expires_at",
	} {
		key, value, _ := strings.Cut(data, "=")
		_, err := network.ParseTokens(map[string][]byte{"access_token": []byte("a"), key: []byte(value)})
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", data, err)
		}
	}
	if _, err := network.ParseTokens(map[string][]byte{"access_token": []byte(" "), "other": []byte("x")}); !errors.Is(err, network.ErrNoToken) {
		t.Errorf("an empty Secret: %v", err)
	}
}

// Whatever a network answers: no token that was stored is lost, and what else the Secret holds stays as it is.
func TestNothingIsReplacedByNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SampledFrom([]string{"", "one", "two"})
		when := rapid.SampledFrom([]time.Time{{}, now, now.Add(time.Hour)})
		draw := func(name string) network.Tokens {
			return network.Tokens{
				Access: value.Draw(t, name+" access"), Refresh: value.Draw(t, name+" refresh"),
				AccessExpiry: when.Draw(t, name+" access expiry"), RefreshExpiry: when.Draw(t, name+" refresh expiry"),
			}
		}
		old, renewed := draw("old"), draw("renewed")
		old.AppPassword = value.Draw(t, "app password")
		before := old.Store(map[string][]byte{"mine": []byte("x")})
		after := old.With(renewed).Store(before)
		for key, was := range before {
			if len(after[key]) == 0 && !strings.HasSuffix(key, "expires_at") {
				t.Fatalf("%s was %q and is gone", key, was)
			}
		}
		if string(after["mine"]) != "x" {
			t.Fatal("an entry of somebody else was changed")
		}
		if renewed.Access != "" && string(after["access_token"]) != renewed.Access || renewed.Refresh != "" && string(after["refresh_token"]) != renewed.Refresh {
			t.Fatal("a new token was not stored")
		}
		if old.With(network.Tokens{}).Fingerprint("s") != old.Fingerprint("s") {
			t.Fatal("nothing new, another fingerprint")
		}
		if again := old.With(renewed).Store(after); !maps.EqualFunc(after, again, func(a, b []byte) bool { return string(a) == string(b) }) {
			t.Fatal("storing twice is not storing once")
		}
	})
}

func TestFingerprint(t *testing.T) {
	a := network.Tokens{Access: "x", Refresh: "y"}
	if a.Fingerprint("p") == a.Fingerprint("q") {
		t.Error("two profiles with the same token show it")
	}
	if a.Fingerprint("p") == (network.Tokens{Access: "xy"}).Fingerprint("p") {
		t.Error("two tokens are taken for one")
	}
	if f := a.Fingerprint("p"); len(f) != 16 || f != a.Fingerprint("p") {
		t.Error(f)
	}
}
