// SPDX-License-Identifier: Apache-2.0

package network

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Server of a network by its address, or by its usual one where that is empty: the host that has the account, and that may have its tokens.
// Empty for networks that are one place, whatever address the configuration reaches them at.
func Server(on rosterv1alpha1.Network, address string) string {
	if on != rosterv1alpha1.NetworkMastodon && on != rosterv1alpha1.NetworkBluesky {
		return ""
	}
	return bareHost(cmp.Or(address, builders()[on].url))
}

// bareHost is a host as it is compared, also where it is written as an address.
func bareHost(written string) string {
	if strings.Contains(written, "://") {
		written = hostOf(written)
	}
	return strings.ToLower(strings.Trim(written, "/ "))
}

// Handle is a handle as the network has it, by which requests find their account: without the characters that cannot be seen which programs
// put around what people copy, and taken out of the address of the account's page. Of networks that take no handle in a request, it is left
// as it is but for the former.
func Handle(on rosterv1alpha1.Network, written string) string {
	h := strings.TrimSpace(visible(written))
	switch on {
	case rosterv1alpha1.NetworkBluesky:
		h = lastPart(strings.TrimPrefix(h, "at://"), "/profile/")
		if bare := strings.TrimPrefix(h, "@"); !strings.Contains(bare, "@") {
			h = bare
		}
	case rosterv1alpha1.NetworkMastodon:
		h = fromPage(h)
	}
	return h
}

// ServerIn is the server that a handle of Mastodon names; empty where it names none, and on other networks.
func ServerIn(on rosterv1alpha1.Network, written string) string {
	if on != rosterv1alpha1.NetworkMastodon {
		return ""
	}
	_, server, _ := strings.Cut(strings.TrimPrefix(Handle(on, written), "@"), "@")
	return strings.ToLower(server)
}

// lastPart is what follows the mark in an address, up to the next slash; the whole where there is no mark.
func lastPart(h, mark string) string {
	if _, after, ok := strings.Cut(h, mark); ok {
		h = after
	}
	h, _, _ = strings.Cut(h, "/")
	h, _, _ = strings.Cut(h, "?")
	return h
}

// fromPage makes @acme@mastodon.example of https://mastodon.example/@acme and https://mastodon.example/users/acme. The page of an account
// of another server has that server in its path.
func fromPage(h string) string {
	if !strings.Contains(h, "/") {
		return h
	}
	_, after, schemed := strings.Cut(h, "://")
	if !schemed {
		after = h
	}
	u, err := url.Parse("https://" + after)
	if err != nil {
		return h
	}
	path := strings.TrimPrefix(strings.TrimPrefix(u.Path, "/web"), "/users/")
	user, _, _ := strings.Cut(strings.TrimLeft(path, "/@"), "/")
	switch {
	case user == "":
		return h
	case strings.Contains(user, "@"):
		return "@" + user
	}
	return "@" + user + "@" + strings.ToLower(u.Host)
}

// unseen are characters of names and handles that nobody can see, and that can make one look like another: those that turn text around, and
// spaces without width. The joiners of emoji and of some scripts are not among them.
func unseen(r rune) bool {
	return unicode.IsControl(r) || r == 0xAD || r == 0x200B || r == 0x200E || r == 0x200F || r >= 0x202A && r <= 0x202E ||
		r >= 0x2060 && r <= 0x2069 || r == 0xFEFF
}

func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unseen(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// signsIn are the identifiers that the server of Bluesky takes ("com.atproto.server.createSession", identifier): a handle ("Handle" of the
// AT Protocol specification), a DID or the address of the account.
var signsIn = regexp.MustCompile(`^(did:[a-z]+:[A-Za-z0-9._:%-]+` +
	`|([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*` +
	`|[^@\s/]+@[^@\s/]+\.[^@\s/]+)$`)

// SignsIn reports whether a Handle can be one to sign in to Bluesky with.
func SignsIn(handle string) bool { return signsIn.MatchString(handle) }

// SameAccount compares names of accounts. The number of an ad account is as good as its whole name, on Facebook and on LinkedIn.
func SameAccount(a, b string) bool {
	number := func(id string) string { return strings.TrimPrefix(strings.TrimPrefix(id, "act_"), urnAdAccount) }
	return number(a) == number(b)
}
