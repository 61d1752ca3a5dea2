// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/seal"
)

// The beginnings of what applications are given: they tell people who find one what it is, and keep the kinds apart.
const (
	prefixCode    = "rosterc_"
	prefixRefresh = "rosterr_"
	prefixAccess  = "rostera_"
)

// pass is what an access token says, sealed: by which grant somebody may ask what, and until when.
type pass struct {
	Account string   `json:"a"`
	Grant   string   `json:"g"`
	Scopes  []string `json:"s,omitempty"`
	Issued  int64    `json:"i"`
	Expires int64    `json:"e"`
}

// id is the pass in a form that the library can carry.
func (p pass) id() (string, error) {
	data, err := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(data), err
}

var errPass = errors.New("no access token that is good")

func parsePass(id string, now time.Time) (p pass, _ error) {
	data, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || json.Unmarshal(data, &p) != nil || now.Unix() >= p.Expires {
		return pass{}, errPass
	}
	return p, nil
}

// sealedTokens makes access tokens of what the library wants to find in them again. It implements op.Crypto.
type sealedTokens struct{ seal.Sealer }

// Encrypt implements op.Crypto.
func (s sealedTokens) Encrypt(text string) (string, error) {
	return prefixAccess + s.Seal([]byte(text), nil), nil
}

// Decrypt implements op.Crypto. What is no access token says nothing, and is no error: the library would take it for a JWT.
func (s sealedTokens) Decrypt(token string) (string, error) {
	sealed, ok := strings.CutPrefix(token, prefixAccess)
	if !ok {
		return "", nil
	}
	text, _, err := s.Open(sealed, nil)
	if err != nil {
		return "", nil //nolint:nilerr // as above
	}
	return string(text), nil
}

// openPass reads an access token.
func (t *tool) openPass(token string) (pass, error) {
	text, _ := t.Crypto().Decrypt(token)
	id, _, _ := strings.Cut(text, ":")
	return parsePass(id, t.v.Now())
}

// handle is the part of a code or refresh token by which its grant is found. Everybody who holds one knows it, so it hides nothing; and it
// needs no key, which might be replaced while a refresh token lasts.
func handle(prefix, account, id string) string {
	return prefix + base64.RawURLEncoding.EncodeToString([]byte(account+"/"+id))
}

// found is the Account and the grant that a code or a refresh token names.
func found(prefix, token string) (account, id string, ok bool) {
	text, ok := strings.CutPrefix(grant.Handle(token), prefix)
	if !ok {
		return "", "", false
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "", "", false
	}
	account, id, ok = strings.Cut(string(raw), "/")
	return account, id, ok && validAccount(account) && id != ""
}

// validAccount keeps what no Account can be called away from the API server.
func validAccount(name string) bool {
	return len(name) <= 63 && strings.HasPrefix(name, "a-") && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}
