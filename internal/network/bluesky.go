// SPDX-License-Identifier: Apache-2.0

package network

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// bluesky: the lexicons com.atproto.server.createSession, getSession and refreshSession, and "XRPC", section "Authentication". An access
// token lives about two hours. Refreshing brings a new refresh token and ends the old one. A person makes an app password in the
// settings; it opens a session, with the handle or the DID of the account.
type bluesky struct{ caller }

func newBluesky(c caller) Network { return bluesky{c} }

func (n bluesky) Traits() Traits {
	return Traits{
		SingleUse: true, Lead: 30 * time.Minute, Shared: true,
		Renewable: func(t Tokens) bool { return t.Refresh != "" || t.AppPassword != "" },
	}
}

// blueskySession is the answer of all three.
type blueskySession struct {
	DID        string `json:"did"`
	Handle     string `json:"handle"`
	Active     *bool  `json:"active"`
	Status     string `json:"status"`
	AccessJWT  string `json:"accessJwt"`
	RefreshJWT string `json:"refreshJwt"`
}

// Check asks about the session.
func (n bluesky) Check(ctx context.Context, t Tokens) (Report, error) {
	var s blueskySession
	report := Report{AccessExpiry: jwtExpiry(t.Access)}
	err := n.get(ctx, n.url+"/xrpc/com.atproto.server.getSession", t.Access, judgeBluesky, &s)
	report.AccountID, report.Handle = s.DID, s.Handle
	if err == nil && s.Active != nil && !*s.Active {
		return report, &Error{Kind: closedKind(s.Status), Message: oneLine("the account is not active: " + s.Status)}
	}
	return report, err
}

// closedKind reads the status of an account that is not active: the lexicon has takendown, suspended and deactivated, which its owner did
// and can undo.
func closedKind(status string) Kind {
	if status == "takendown" || status == "suspended" {
		return KindSuspended
	}
	return KindDisabled
}

// judgeBluesky follows the errors of the lexicons. An expired token is a 400, as everything about a token is; a 401 is about the password.
func judgeBluesky(_ int, body []byte) (Kind, string) {
	var answer struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return KindOther, ""
	}
	message := answer.Error + " " + answer.Message
	switch answer.Error {
	case "ExpiredToken", "InvalidToken", "AuthenticationRequired", "AuthFactorTokenRequired":
		return KindAuthentication, message
	case "AccountTakedown", "AccountSuspended":
		return KindSuspended, message
	case "AccountDeactivated":
		return KindDisabled, message
	case "RateLimitExceeded":
		return KindLimit, message
	}
	return KindOther, message
}

// Renew refreshes the session. Where the refresh token is no good any more, and an app password is there, it opens another.
func (n bluesky) Renew(ctx context.Context, t Tokens) (Tokens, error) {
	if t.Refresh == "" {
		return n.open(ctx, t)
	}
	renewed, err := n.refreshSession(ctx, t)
	if ValidityOf(err) == Invalid && t.AppPassword != "" {
		return n.open(ctx, t)
	}
	return renewed, err
}

func (n bluesky) refreshSession(ctx context.Context, t Tokens) (Tokens, error) {
	var s blueskySession
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/xrpc/com.atproto.server.refreshSession", nil)
	if err != nil {
		return Tokens{}, err
	}
	r.Header.Set("Authorization", "Bearer "+t.Refresh)
	if err := n.do(r, judgeBluesky, &s); err != nil {
		return Tokens{}, err
	}
	return s.tokens()
}

// open gets tokens by an app password.
func (n bluesky) open(ctx context.Context, t Tokens) (Tokens, error) {
	s, err := n.createSession(ctx, t)
	if fault, ok := errors.AsType[*Error](err); ok && fault.Kind == KindAuthentication && !isDID(t.AccountID) {
		fault.Message += fmt.Sprintf(" (the app password, or the handle %s: if it has changed, correct spec.handle or name the account in "+
			"spec.accountID)", t.Handle)
	}
	if err != nil {
		return Tokens{}, err
	}
	return s.tokens()
}

func isDID(id string) bool { return strings.HasPrefix(id, "did:") }

// createSession asks the server of the configuration, and never the one that a DID document or a handle's DNS names: those are in the hands
// of the account, and the app password is not. The DID stays when the handle changes, so it counts more ("createSession": identifier).
func (n bluesky) createSession(ctx context.Context, t Tokens) (blueskySession, error) {
	var s blueskySession
	identifier := Handle(rosterv1alpha1.NetworkBluesky, t.Handle)
	if isDID(t.AccountID) {
		identifier = t.AccountID
	}
	body, err := json.Marshal(map[string]string{"identifier": identifier, "password": t.AppPassword})
	if err != nil {
		return s, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/xrpc/com.atproto.server.createSession", bytes.NewReader(body))
	if err != nil {
		return s, err
	}
	r.Header.Set("Content-Type", "application/json")
	err = n.do(r, judgeBluesky, &s)
	return s, err
}

// Offers is the account that a handle and an app password open, with the password: it opens another session when this one is lost.
func (n bluesky) Offers(ctx context.Context, t Tokens) ([]Offer, error) {
	s, err := n.createSession(ctx, t)
	if err != nil {
		return nil, err
	}
	session, err := s.tokens()
	if err != nil {
		return nil, err
	}
	if jwtClaims(s.AccessJWT).Scope == fullAccess {
		return nil, &Error{
			Kind:    KindAuthentication,
			Message: "this is the password of the account itself: make an app password in the settings of Bluesky",
		}
	}
	return n.offers(Offer{AccountID: s.DID, Handle: s.Handle, Tokens: Tokens{AppPassword: t.AppPassword}.With(session)})
}

func (s blueskySession) tokens() (Tokens, error) {
	if s.AccessJWT == "" || s.RefreshJWT == "" {
		return Tokens{}, &Error{Message: "the server of Bluesky answers without tokens"}
	}
	return Tokens{
		Access: s.AccessJWT, Refresh: s.RefreshJWT,
		AccessExpiry: jwtExpiry(s.AccessJWT), RefreshExpiry: jwtExpiry(s.RefreshJWT),
	}, nil
}

// fullAccess is the scope of a session that the password of the account itself opened, by which all can be done with it, its deletion
// included; the reference server tells sessions apart so.
const fullAccess = "com.atproto.access"

// jwtExpiry reads the expiry of a JSON Web Token (RFC 7519, section 4.1.4). Zero where there is none.
func jwtExpiry(token string) time.Time { return unixTime(jwtClaims(token).Exp) }

type claims struct {
	Exp   int64  `json:"exp"`
	Scope string `json:"scope"`
}

// jwtClaims reads claims without checking the signature: when to look again is only a hint, and the server decides; and what it has just
// sent itself need not be checked.
func jwtClaims(token string) claims {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return claims{}
	}
	return c
}

// Unread: the lexicon app.bsky.notification.getUnreadCount.
func (n bluesky) Unread(ctx context.Context, t Tokens) (int, error) {
	var answer struct{ Count int }
	err := n.get(ctx, n.url+"/xrpc/app.bsky.notification.getUnreadCount", t.Access, judgeBluesky, &answer)
	return answer.Count, err
}
