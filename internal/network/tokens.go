// SPDX-License-Identifier: Apache-2.0

package network

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Entries of a Secret with the tokens of a profile. They are called as OAuth 2.0 calls them (RFC 6749, section 5.1).
const (
	KeyAccess        = "access_token"
	KeyRefresh       = "refresh_token"
	KeyAppPassword   = "app_password"
	KeyScope         = "scope"
	KeyAccessExpiry  = "expires_at"
	KeyRefreshExpiry = "refresh_token_expires_at"
)

// Entries that say what the tokens are for. Others than Roster can leave them out.
const (
	KeyForNetwork = "for_network"
	KeyForServer  = "for_server"
	KeyForAccount = "for_account"
)

// Identity is what tokens were made for. They are sent nowhere else, and used for nothing else.
type Identity struct {
	Network rosterv1alpha1.Network
	// Server of the network, where that is not one place: see the function Server.
	Server string
	// Accounts that the tokens open, by the network's own names; several where one token opens several.
	Accounts []string
}

// Tokens are what a Secret holds about a profile.
type Tokens struct {
	Access, Refresh string
	// AppPassword is one that a person makes in the settings of Bluesky. It opens a session together with Handle, which is not in the
	// Secret but in the SocialProfile.
	AppPassword, Handle string
	// AccountID and Type are those of the SocialProfile, too: tokens of a person may open accounts that are not the person's own.
	AccountID string
	Type      rosterv1alpha1.ProfileType
	// For is what the tokens were made for, as far as the Secret tells.
	For Identity
	// Scopes that were granted; nil where the Secret does not tell.
	Scopes []string
	// AccessExpiry and RefreshExpiry are when the tokens end; zero where the Secret does not tell.
	AccessExpiry, RefreshExpiry time.Time
}

// ErrNoToken means that a Secret holds nothing that opens an account.
var ErrNoToken = fmt.Errorf("none of the entries %s, %s and %s has a value", KeyAccess, KeyRefresh, KeyAppPassword)

// ParseTokens reads the entries of a Secret.
func ParseTokens(data map[string][]byte) (Tokens, error) {
	text := func(key string) string { return strings.TrimSpace(string(data[key])) }
	t := Tokens{Access: text(KeyAccess), Refresh: text(KeyRefresh), AppPassword: text(KeyAppPassword), Scopes: splitScopes(text(KeyScope))}
	t.For = Identity{
		Network: rosterv1alpha1.Network(text(KeyForNetwork)), Server: bareHost(text(KeyForServer)), Accounts: splitScopes(text(KeyForAccount)),
	}
	if t.Access == "" && t.Refresh == "" && t.AppPassword == "" {
		return t, ErrNoToken
	}
	var access, refresh error
	t.AccessExpiry, access = parseTime(KeyAccessExpiry, text(KeyAccessExpiry))
	t.RefreshExpiry, refresh = parseTime(KeyRefreshExpiry, text(KeyRefreshExpiry))
	return t, errors.Join(access, refresh)
}

// parseTime reads a time as RFC 3339 or in seconds since 1970. Empty is zero.
func parseTime(key, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return unixTime(seconds), nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return time.Time{}, fmt.Errorf("entry %s is %q: write a time such as 2026-03-01T12:00:00Z, or seconds since 1970", key, value)
	}
	return t.UTC(), nil
}

// unixTime is zero for zero, which networks write for "never".
func unixTime(seconds int64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func splitScopes(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' })
}

// With puts new tokens over these. What the new ones lack stays, except for the expiry of a token that is replaced.
func (t Tokens) With(renewed Tokens) Tokens {
	if renewed.Access != "" {
		t.Access, t.AccessExpiry = renewed.Access, renewed.AccessExpiry
	}
	if renewed.Refresh != "" {
		if renewed.Refresh != t.Refresh || !renewed.RefreshExpiry.IsZero() {
			t.RefreshExpiry = renewed.RefreshExpiry
		}
		t.Refresh = renewed.Refresh
	}
	if len(renewed.Scopes) > 0 {
		t.Scopes = renewed.Scopes
	}
	return t
}

// Store writes tokens over the entries of a Secret and returns all entries. Entries that are not Roster's stay, and no entry with a token
// becomes empty.
func (t Tokens) Store(data map[string][]byte) map[string][]byte {
	stored := maps.Clone(data)
	if stored == nil {
		stored = map[string][]byte{}
	}
	put := func(key, value string) {
		if value != "" {
			stored[key] = []byte(value)
		}
	}
	put(KeyAccess, t.Access)
	put(KeyRefresh, t.Refresh)
	put(KeyAppPassword, t.AppPassword)
	put(KeyForNetwork, string(t.For.Network))
	put(KeyForServer, t.For.Server)
	put(KeyForAccount, strings.Join(t.For.Accounts, " "))
	put(KeyScope, strings.Join(t.Scopes, " "))
	expiry := func(key string, at time.Time) {
		delete(stored, key) // that of the token before
		if !at.IsZero() {
			put(key, at.UTC().Format(time.RFC3339))
		}
	}
	expiry(KeyAccessExpiry, t.AccessExpiry)
	expiry(KeyRefreshExpiry, t.RefreshExpiry)
	return stored
}

// Fingerprint tells tokens apart without telling what they are. It is short, and salted so that two profiles with the same token do not
// show it.
func (t Tokens) Fingerprint(salt string) string {
	h := sha256.New()
	for _, part := range []string{salt, t.Access, t.Refresh, t.AppPassword} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Missing are the scopes that are wanted and not granted.
func Missing(granted, wanted []string) []string {
	var missing []string
	for _, w := range wanted {
		if !slices.Contains(granted, w) {
			missing = append(missing, w)
		}
	}
	return missing
}
