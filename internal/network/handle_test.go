// SPDX-License-Identifier: Apache-2.0

package network_test

import (
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
)

// What people paste, and the account that they mean.
func TestHandle(t *testing.T) {
	for _, c := range []struct {
		on            rosterv1alpha1.Network
		written, want string
		server        string
	}{
		{on: "Bluesky", written: "acme.bsky.social", want: "acme.bsky.social"},
		{on: "Bluesky", written: " @acme.bsky.social\n", want: "acme.bsky.social"},
		{on: "Bluesky", written: "\u202aacme.bsky.social\u202c", want: "acme.bsky.social"},
		{on: "Bluesky", written: "\u2068@acme.bsky.social\u2069", want: "acme.bsky.social"},
		{on: "Bluesky", written: "\ufeffacme.\u200bbsky.social", want: "acme.bsky.social"},
		{on: "Bluesky", written: "https://bsky.app/profile/acme.bsky.social", want: "acme.bsky.social"},
		{on: "Bluesky", written: "https://bsky.app/profile/acme.bsky.social/post/3k2a?x=y", want: "acme.bsky.social"},
		{on: "Bluesky", written: "bsky.app/profile/did:plc:ewvi7nxzyoun6zhxrhs64oiz", want: "did:plc:ewvi7nxzyoun6zhxrhs64oiz"},
		{on: "Bluesky", written: "at://acme.bsky.social/app.bsky.feed.post/3k2a", want: "acme.bsky.social"},
		{on: "Mastodon", written: "@acme@mastodon.example", want: "@acme@mastodon.example", server: "mastodon.example"},
		{on: "Mastodon", written: "acme@Mastodon.Example", want: "acme@Mastodon.Example", server: "mastodon.example"},
		{on: "Mastodon", written: "\u202a@acme@mastodon.example\u202c", want: "@acme@mastodon.example", server: "mastodon.example"},
		{on: "Mastodon", written: "https://Mastodon.example/@acme", want: "@acme@mastodon.example", server: "mastodon.example"},
		{on: "Mastodon", written: "mastodon.example/@acme/1123", want: "@acme@mastodon.example", server: "mastodon.example"},
		{on: "Mastodon", written: "https://mastodon.example/users/acme", want: "@acme@mastodon.example", server: "mastodon.example"},
		{on: "Mastodon", written: "https://one.example/@acme@two.example", want: "@acme@two.example", server: "two.example"},
		{on: "Mastodon", written: "@acme", want: "@acme"},
		{on: "Mastodon", written: "https://mastodon.example/", want: "https://mastodon.example/"},
		{on: "X", written: "\u200eacme\u200e", want: "acme"},
		{on: "Facebook", written: "AC/DC 👩\u200d💻", want: "AC/DC 👩\u200d💻"},
	} {
		if got := network.Handle(c.on, c.written); got != c.want {
			t.Errorf("%s: %q is %q, want %q", c.on, c.written, got, c.want)
		} else if again := network.Handle(c.on, got); again != got {
			t.Errorf("%s: %q is not the end of it: %q", c.on, got, again)
		}
		if got := network.ServerIn(c.on, c.written); got != c.server {
			t.Errorf("%s: the server of %q is %q, want %q", c.on, c.written, got, c.server)
		}
	}
}

func TestSignsIn(t *testing.T) {
	for handle, want := range map[string]bool{
		"acme.bsky.social": true, "acme.example": true, "did:plc:ewvi7nxzyoun6zhxrhs64oiz": true, "did:web:acme.example": true, "ana@acme.example": true,
		"acme": false, "@acme@mastodon.example": false, "https:": false, "acme bsky.social": false, "": false, "acme.": false, "did:plc": false,
	} {
		if got := network.SignsIn(handle); got != want {
			t.Errorf("%q: %v", handle, got)
		}
	}
}

func TestServer(t *testing.T) {
	for _, c := range []struct {
		on                rosterv1alpha1.Network
		address, accounts string
	}{
		{"Mastodon", "https://Mastodon.Example:8443/", "mastodon.example:8443"},
		{"Bluesky", "", "bsky.social"},
		{"Bluesky", "https://pds.acme.example", "pds.acme.example"},
		{"X", "https://proxy.acme.example", ""}, // the way there, not another X
	} {
		if got := network.Server(c.on, c.address); got != c.accounts {
			t.Errorf("%s at %q: accounts of %q, want %q", c.on, c.address, got, c.accounts)
		}
	}
}

func TestSameAccount(t *testing.T) {
	for _, pair := range [][2]string{{"act_99", "99"}, {"urn:li:sponsoredAccount:7", "7"}, {"12", "12"}} {
		if !network.SameAccount(pair[0], pair[1]) || !network.SameAccount(pair[1], pair[0]) {
			t.Errorf("%v are one account", pair)
		}
	}
	if network.SameAccount("act_9", "99") || network.SameAccount("urn:li:organization:7", "7") {
		t.Error("two accounts are one")
	}
}
