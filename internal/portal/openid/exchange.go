// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"context"
	"errors"
	"slices"
	"time"

	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/roster-dev/roster/internal/account"
	rules "github.com/roster-dev/roster/internal/openid"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/openid/standing"
	"github.com/roster-dev/roster/internal/portal/web"
)

// exchange is a code or a refresh token that an application wants to have exchanged, with the grant that it names and what that rests on.
// It implements op.AuthRequest and op.RefreshTokenRequest.
type exchange struct {
	token string
	facts grant.Facts
	grant grant.Grant
	// scopes of the tokens, which may be fewer than those of the grant.
	scopes []string
	// nonce of the code that has been used up.
	nonce string
	// consume uses the token up, in the document as it is when that is written.
	consume func(g *grant.Grant, now time.Time) error
}

// Why a code or a token is not exchanged, as the log has it.
var (
	errNotFound = errors.New("it names no grant")
	errKind     = errors.New("it is something else")
)

// notCountingError is a grant that does not count.
type notCountingError struct{ why grant.Reason }

func (e notCountingError) Error() string { return "the grant does not count: " + string(e.why) }

// look finds the grant of an Account and what it rests on. The error is errNotFound, or that of the API server.
func (t *tool) look(ctx context.Context, name, id string) (*exchange, error) {
	of, c, err := t.Standing.Person(ctx, name)
	if errors.Is(err, standing.ErrNobody) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, t.failed(err)
	}
	d, err := grant.Of(c)
	if err != nil {
		return nil, t.failed(err)
	}
	g := d.Find(id)
	if g == nil {
		return nil, errNotFound
	}
	facts, err := t.Standing.Facts(ctx, of, c, g, t.v.Now())
	if err != nil {
		return nil, t.failed(err)
	}
	return &exchange{facts: facts, grant: *g, scopes: g.Scopes}, nil
}

// exchangeOfCode finds what a code can be exchanged for. One that has been used before ends its grant.
func (t *tool) exchangeOfCode(ctx context.Context, code string) (*exchange, error) {
	name, id, ok := found(prefixCode, code)
	if !ok {
		return nil, errKind
	}
	e, err := t.look(ctx, name, id)
	if err != nil {
		return nil, err
	}
	e.token = code
	e.consume = func(g *grant.Grant, now time.Time) error { return g.Exchange(code, now) }
	copied := e.grant
	if err := copied.Exchange(code, t.v.Now()); errors.Is(err, grant.ErrReused) {
		return nil, t.spend(ctx, e, nil)
	} else if err != nil {
		return nil, err
	}
	return e, nil
}

// exchangeOfRefresh finds what a refresh token can be exchanged for. One that has been used before ends its grant.
func (t *tool) exchangeOfRefresh(ctx context.Context, token string) (*exchange, error) {
	name, id, ok := found(prefixRefresh, token)
	if !ok {
		return nil, errKind
	}
	e, err := t.look(ctx, name, id)
	if err != nil {
		return nil, err
	}
	e.token = token
	e.consume = func(g *grant.Grant, now time.Time) error { return g.Renewable(token, now) }
	if err := e.grant.Renewable(token, t.v.Now()); errors.Is(err, grant.ErrReused) {
		e.consume = func(g *grant.Grant, now time.Time) error { return g.Rotate(token, "", now) }
		return nil, t.spend(ctx, e, nil)
	} else if err != nil {
		return nil, err
	}
	return e, nil
}

// spend uses up a code or a token, and does what comes with it, in one write under the version that was read: of two exchanges at the
// same moment one is decided again, with what the other has left. Using something twice ends the grant, which is written as well.
func (t *tool) spend(ctx context.Context, e *exchange, then func(*grant.Grant)) error {
	var refused error
	_, err := t.Accounts.UpdateCredentialsFrom(ctx, e.facts.Account, e.facts.Credentials, func(c *account.Credentials) error {
		refused = nil
		return grant.Change(c, func(d *grant.Document) error {
			now, g := t.v.Now(), d.Find(e.grant.ID)
			if g == nil {
				return errNotFound
			}
			facts := e.facts
			facts.Credentials = *c
			if why := grant.Counts(g, facts, now); why != "" && g.Ending == nil {
				return notCountingError{why}
			}
			if refused = e.consume(g, now); refused != nil {
				if errors.Is(refused, grant.ErrReused) {
					return nil
				}
				return refused
			}
			g.Generation = facts.Account.Generation
			g.Note(facts)
			if then != nil {
				then(g)
			}
			e.grant = *g
			return nil
		})
	})
	var not notCountingError
	switch {
	case errors.As(err, &not):
		t.v.Audit(web.EventApplicationTokens, web.ResultRefused, e.facts.Account.Name,
			"application", e.grant.Client, "grant", e.grant.ID, "why", not.why)
	case errors.Is(refused, grant.ErrReused) && err == nil:
		t.v.Audit(web.EventApplicationTokens, web.ResultFailure, e.facts.Account.Name,
			"application", e.grant.Client, "grant", e.grant.ID, "why", grant.ReasonReused)
		return refused
	case err != nil && !isRefusal(err):
		return t.failed(err)
	}
	return err
}

// isRefusal reports whether it is the token that is at fault, not the API server.
func isRefusal(err error) bool {
	return errors.Is(err, errNotFound) || errors.Is(err, grant.ErrUnknown) || errors.Is(err, grant.ErrReused) ||
		errors.Is(err, grant.ErrRaced) || errors.As(err, new(notCountingError))
}

// GetID implements op.AuthRequest.
func (e *exchange) GetID() string { return e.grant.ID }

// GetACR implements op.AuthRequest.
func (e *exchange) GetACR() string { return rules.Class(e.grant.Session()) }

// GetAMR implements op.AuthRequest.
func (e *exchange) GetAMR() []string { return rules.Methods(e.grant.Session()) }

// GetAudience implements op.AuthRequest.
func (e *exchange) GetAudience() []string { return []string{e.grant.Client} }

// GetAuthTime implements op.AuthRequest.
func (e *exchange) GetAuthTime() time.Time { return e.grant.AuthTime() }

// GetClientID implements op.AuthRequest.
func (e *exchange) GetClientID() string { return e.grant.Client }

// GetCodeChallenge implements op.AuthRequest. There always is one: without it no code is given out.
func (e *exchange) GetCodeChallenge() *zitadel.CodeChallenge {
	c := &zitadel.CodeChallenge{Method: zitadel.CodeChallengeMethodS256}
	if e.grant.Code != nil {
		c.Challenge = e.grant.Code.Challenge
	}
	return c
}

// GetNonce implements op.AuthRequest.
func (e *exchange) GetNonce() string {
	if e.nonce == "" && e.grant.Code != nil {
		return e.grant.Code.Nonce
	}
	return e.nonce
}

// GetRedirectURI implements op.AuthRequest.
func (e *exchange) GetRedirectURI() string {
	if e.grant.Code == nil {
		return ""
	}
	return e.grant.Code.Redirect
}

// GetResponseType implements op.AuthRequest.
func (e *exchange) GetResponseType() zitadel.ResponseType { return zitadel.ResponseTypeCode }

// GetResponseMode implements op.AuthRequest.
func (e *exchange) GetResponseMode() zitadel.ResponseMode { return zitadel.ResponseModeQuery }

// GetScopes implements op.AuthRequest.
func (e *exchange) GetScopes() []string { return e.scopes }

// GetState implements op.AuthRequest.
func (e *exchange) GetState() string { return "" }

// GetSubject implements op.AuthRequest.
func (e *exchange) GetSubject() string { return e.grant.Subject }

// Done implements op.AuthRequest.
func (e *exchange) Done() bool { return true }

// SetCurrentScopes implements op.RefreshTokenRequest. The grant keeps those that it has.
func (e *exchange) SetCurrentScopes(scopes []string) { e.scopes = slices.Clone(scopes) }
