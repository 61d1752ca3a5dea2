// SPDX-License-Identifier: Apache-2.0

package logout

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/openid/signing"
)

const (
	// sendFor is how long a message may take, from looking up the name of the host to the status of the answer.
	sendFor = 5 * time.Second
	// tokenFor is how long a logout token can be used: two minutes are recommended (OpenID Connect Back-Channel Logout 1.0, 4).
	tokenFor = 2 * time.Minute
	// tokenType keeps it from being taken for another token.
	tokenType = "logout+jwt"
	// event is the member of the claim events that makes it a logout token.
	event = "http://schemas.openid.net/event/backchannel-logout"
	// maxHeaders bounds what is read of an answer, in bytes. Its body is not read.
	maxHeaders = 16 << 10
)

// errNoKey: the manager makes one within a minute.
var errNoKey = errors.New("there is no key that signs")

// claims of a logout token. It must have no nonce.
type claims struct {
	jwt.Claims
	SID    string                     `json:"sid"`
	Events map[string]json.RawMessage `json:"events"`
}

// token is the logout token about a grant.
func (e *Ender) token(ctx context.Context, g grant.Grant) (string, error) {
	set, err := e.Keys.Refresh(ctx)
	if err != nil {
		return "", err
	}
	now := e.Clock.Now()
	key, ok := set.Signing(now)
	if !ok {
		return "", errNoKey
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: signing.Algorithm, Key: jose.JSONWebKey{Key: key.Private, KeyID: key.ID}},
		(&jose.SignerOptions{}).WithType(tokenType))
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return jwt.Signed(signer).Claims(claims{
		Claims: jwt.Claims{
			Issuer: e.Issuer, Subject: g.Subject, Audience: jwt.Audience{g.Client}, ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(tokenFor)),
		},
		SID: g.SID, Events: map[string]json.RawMessage{event: json.RawMessage(`{}`)},
	}).Serialize()
}

// send tells an application that a session has ended.
func (e *Ender) send(ctx context.Context, m message) error {
	token, err := e.token(ctx, m.grant)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendFor)
	defer cancel()
	body := url.Values{"logout_token": {token}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.to, strings.NewReader(body))
	if err != nil {
		return errors.New("backChannelLogoutURI is no address")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := e.http.Do(r)
	if err != nil {
		return reason(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("it answers with status %d", answer.StatusCode)
	}
	return nil
}

// errRefused: the address is not one that messages are sent to.
var errRefused = errors.New("the address is neither public nor in portal.openID.backChannelNetworks")

// reason is an error without the address, which may hold what is the organisation's.
func reason(err error) error {
	var wrapped *url.Error
	var lookup *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, errRefused):
		return errRefused
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &wrapped) && wrapped.Timeout():
		return fmt.Errorf("it does not answer within %s", sendFor)
	case errors.As(err, &lookup):
		return errors.New("the name of its host cannot be resolved")
	case errors.As(err, &op) && op.Op == "dial":
		return errors.New("it cannot be connected to")
	case errors.As(err, &wrapped):
		return wrapped.Err
	}
	return err
}

// newHTTPClient sends to public addresses and to networks. The address is checked when it is dialled, after its name has been resolved:
// what another look at the name would give does not matter. Organisations choose the addresses, so nothing is followed or read that could
// bring them an answer from elsewhere, and no proxy is used, which would dial for them.
func newHTTPClient(networks []netip.Prefix) *http.Client {
	dialer := &net.Dialer{Timeout: sendFor, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !allowed(to.Addr(), networks) {
			return errRefused
		}
		return nil
	}}
	return &http.Client{
		Timeout: sendFor,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 1, MaxIdleConns: mostOfAll,
			IdleConnTimeout: 10 * time.Second, TLSHandshakeTimeout: sendFor, MaxResponseHeaderBytes: maxHeaders,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// special are the networks, besides private and local ones, that are no place of the internet (IANA's registries of special-purpose
// addresses), or whose addresses stand for others (RFC 6052, RFC 3056, RFC 4380).
func special() []netip.Prefix {
	var all []netip.Prefix
	for _, network := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
		"fec0::/10",
	} {
		all = append(all, netip.MustParsePrefix(network))
	}
	return all
}

// allowed reports whether messages may be sent to an address.
func allowed(to netip.Addr, networks []netip.Prefix) bool {
	to = to.Unmap().WithZone("")
	for _, network := range networks {
		if network.Contains(to) {
			return true
		}
	}
	for _, network := range special() {
		if network.Contains(to) {
			return false
		}
	}
	return to.IsGlobalUnicast() && !to.IsPrivate()
}
