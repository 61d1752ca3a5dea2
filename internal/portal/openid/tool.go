// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"github.com/zitadel/schema"

	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/seal"
)

// tool is a request of an application, and what the library works with to answer it: it implements op.Exchanger, op.Revoker and
// op.Storage.
type tool struct {
	*Handler
	v      *web.Visit
	sealer seal.Sealer
	// fault is that of an API server that cannot be reached or refuses.
	fault error
}

// tokenUse keeps access tokens apart from what else is sealed with the same keys.
const tokenUse = "roster.dev openid access token v1"

// tool answers a request of an application. What the library has to say is held back until it is known that nothing failed for which the
// application is not to blame.
func (h *Handler) tool(answer func(*tool, http.ResponseWriter, *http.Request)) func(*web.Visit) error {
	return func(v *web.Visit) error {
		r, problem := h.readTool(v)
		if problem == nil {
			if wait := h.countTool(r, v); wait > 0 {
				v.W.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
				reply(v.W, http.StatusTooManyRequests, oauthError{"temporarily_unavailable", "too many requests; see Retry-After"})
				return nil
			}
		}
		if problem != nil {
			reply(v.W, http.StatusBadRequest, problem)
			return nil
		}
		keys, err := h.Sealing.Refresh(r.Context())
		if err != nil {
			return h.unavailable(v, err)
		}
		t := &tool{Handler: h, v: v, sealer: seal.New(keys, tokenUse)}
		held := &heldBack{header: http.Header{}, status: http.StatusOK}
		answer(t, held, r.WithContext(op.ContextWithIssuer(r.Context(), h.Config.Issuer)))
		if t.fault != nil {
			return h.unavailable(v, t.fault)
		}
		held.release(v.W)
		return nil
	}
}

// unavailable asks an application to try again.
func (h *Handler) unavailable(v *web.Visit, err error) error {
	if v.Report(err) {
		return nil
	}
	v.W.Header().Set("Retry-After", web.RetrySoon)
	reply(v.W, http.StatusServiceUnavailable, oauthError{"temporarily_unavailable", "try again in a moment"})
	return nil
}

// oauthError is an error as RFC 6749 has it (5.2).
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func reply(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // the client may be gone
}

// readTool reads the parameters: of a form from the body alone, so that no secret is taken from an address, which gets into logs; and each
// at most once (RFC 6749, 3.2).
func (h *Handler) readTool(v *web.Visit) (*http.Request, any) {
	r := v.R
	if err := r.ParseForm(); err != nil {
		return r, oauthError{"invalid_request", "the form cannot be read"}
	}
	r.Form = url.Values{}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return r, oauthError{"invalid_request", "a parameter was sent more than once"}
		}
		r.Form[name] = values
	}
	return r, nil
}

// countTool counts a request by the application that it says it is of, if there is such a one, and by where it comes from: many people use
// one application, and one address may be that of many applications.
func (h *Handler) countTool(r *http.Request, v *web.Visit) time.Duration {
	id := r.PostForm.Get("client_id")
	if name, _, ok := r.BasicAuth(); ok {
		id, _ = url.QueryUnescape(name)
	}
	key := "client " + web.ClientKey(v.Client)
	if a, err := h.application(r.Context(), id); err == nil && a != nil {
		key += " application " + a.id
	}
	_, wait := h.Limits.Take(web.Count(h.Limits.Applications, key))
	return wait
}

// heldBack is an answer that has not been sent yet.
type heldBack struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (b *heldBack) Header() http.Header { return b.header }

// WriteHeader implements http.ResponseWriter.
func (b *heldBack) WriteHeader(status int) { b.status = status }

// Write implements http.ResponseWriter.
func (b *heldBack) Write(data []byte) (int, error) { return b.body.Write(data) }

func (b *heldBack) release(w http.ResponseWriter) {
	for name, values := range b.header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	if b.status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="Roster", charset="UTF-8"`) // RFC 6749, 5.2
	}
	w.WriteHeader(b.status)
	_, _ = w.Write(b.body.Bytes()) // the client may be gone
}

// failed notes that the API server cannot be reached or refuses, and says no more than that.
func (t *tool) failed(err error) *zitadel.Error {
	t.fault = errors.Join(t.fault, err)
	return zitadel.ErrServerError()
}

// Storage implements op.Exchanger.
func (t *tool) Storage() op.Storage { return t }

// Decoder implements op.Exchanger.
func (t *tool) Decoder() httphelper.Decoder {
	d := schema.NewDecoder()
	d.IgnoreUnknownKeys(true)
	return d
}

// Crypto implements op.Exchanger.
func (t *tool) Crypto() op.Crypto { return sealedTokens{t.sealer} }

// AuthMethodPostSupported implements op.Exchanger.
func (t *tool) AuthMethodPostSupported() bool { return true }

// AuthMethodPrivateKeyJWTSupported implements op.Exchanger.
func (t *tool) AuthMethodPrivateKeyJWTSupported() bool { return false }

// GrantTypeRefreshTokenSupported implements op.Exchanger.
func (t *tool) GrantTypeRefreshTokenSupported() bool { return true }

// GrantTypeTokenExchangeSupported implements op.Exchanger.
func (t *tool) GrantTypeTokenExchangeSupported() bool { return false }

// GrantTypeJWTAuthorizationSupported implements op.Exchanger.
func (t *tool) GrantTypeJWTAuthorizationSupported() bool { return false }

// GrantTypeClientCredentialsSupported implements op.Exchanger.
func (t *tool) GrantTypeClientCredentialsSupported() bool { return false }

// GrantTypeDeviceCodeSupported implements op.Exchanger.
func (t *tool) GrantTypeDeviceCodeSupported() bool { return true }

// AccessTokenVerifier implements op.Exchanger. Access tokens are no JWTs, so none is good.
func (t *tool) AccessTokenVerifier(ctx context.Context) *op.AccessTokenVerifier {
	return op.NewAccessTokenVerifier(op.IssuerFromContext(ctx), &op.OpenIDKeySet{Storage: t})
}

// IDTokenHintVerifier implements op.Exchanger.
func (t *tool) IDTokenHintVerifier(ctx context.Context) *op.IDTokenHintVerifier {
	return op.NewIDTokenHintVerifier(op.IssuerFromContext(ctx), &op.OpenIDKeySet{Storage: t})
}

// Logger implements op.Exchanger.
func (t *tool) Logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// tokens answers POST /openid/token.
func tokens(t *tool, w http.ResponseWriter, r *http.Request) {
	switch zitadel.GrantType(r.Form.Get("grant_type")) {
	case zitadel.GrantTypeCode:
		op.CodeExchange(w, r, t)
	case zitadel.GrantTypeRefreshToken:
		op.RefreshTokenExchange(w, r, t)
	case zitadel.GrantTypeDeviceCode:
		pollDevice(t, w, r)
	case "":
		reply(w, http.StatusBadRequest, oauthError{"invalid_request", "grant_type is missing"})
	default:
		reply(w, http.StatusBadRequest, oauthError{"unsupported_grant_type", "see grant_types_supported of the discovery document"})
	}
}

// bearer is the access token of a request (RFC 6750, 2): in the header, or in the form.
func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return r.Form.Get("access_token")
}
