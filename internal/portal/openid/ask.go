// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	rules "github.com/roster-dev/roster/internal/openid"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/texts"
)

// ask is what an application asks for: that somebody signs in to it. It has been found to be in order, and is carried, sealed, in the
// address of the page on which the person goes on. So nothing is kept of it here, and any replica goes on with it.
type ask struct {
	Client    string   `json:"c"`
	Redirect  string   `json:"r"`
	State     string   `json:"s,omitempty"`
	Nonce     string   `json:"n,omitempty"`
	Challenge string   `json:"h"`
	Scopes    []string `json:"o"`
	Prompt    []string `json:"p,omitempty"`
	// MaxAge is how many seconds may have passed since the person proved who they are; nil if the application does not mind.
	MaxAge *int64 `json:"m,omitempty"`
	// LoginHint is the address of the person who is expected, Subject what an ID token called them; empty if anybody may come.
	LoginHint string `json:"l,omitempty"`
	Subject   string `json:"u,omitempty"`
	// Organization is the namespace of the one that tokens are to speak of: the application has asked for it, or the person has chosen it.
	// Empty if neither has been.
	Organization string `json:"g,omitempty"`
	// Classes are the context classes that are asked for; any of them will do.
	Classes []string `json:"a,omitempty"`
	// Asked is when, in seconds.
	Asked int64 `json:"t"`
}

const (
	// askUse keeps what is asked for apart from what else is sealed with the same keys.
	askUse = "roster.dev openid request v1"
	// askFor is how long the person may take.
	askFor = time.Hour
	// maxHint bounds what is of no use if it is long.
	maxHint = 254
)

// The values of prompt.
const (
	promptNone    = "none"
	promptLogin   = "login"
	promptConsent = "consent"
	promptSelect  = "select_account"
)

// wants reports whether the application has asked for that prompt.
func (a ask) wants(prompt string) bool { return slices.Contains(a.Prompt, prompt) }

// problem is what is wrong with what an application asks for, for its administrators.
type problem struct{ code, description string }

// authorize answers GET and POST /openid/authorize: it checks what is asked for, and has the person go on. It changes nothing, so it does
// no harm that another site can send people here, as it has to.
func (h *Handler) authorize(v *web.Visit) error {
	form := v.R.URL.Query()
	if v.R.Method == http.MethodPost {
		form = v.R.PostForm
	}
	app, err := h.checkReturn(v, form)
	if err != nil {
		return err
	}
	asked, wrong := h.parse(form, v.Now())
	if wrong == nil {
		wrong = app.elsewhere(asked.Organization, asked.Scopes)
	}
	if wrong != nil {
		return h.refuse(v, asked.Redirect, asked.State, *wrong)
	}
	if hint := form.Get("id_token_hint"); hint != "" {
		claims, err := h.hint(v, hint)
		if err != nil {
			return h.refuse(v, asked.Redirect, asked.State, problem{"invalid_request", "id_token_hint is no ID token of this provider"})
		}
		asked.Subject = claims.Subject
	}
	sealed, err := v.Seal(askUse, asked)
	if err != nil {
		return err
	}
	if len(sealed) > web.MaxRequest {
		return h.refuse(v, asked.Redirect, asked.State, problem{"invalid_request", "the parameters are too long: shorten state"})
	}
	query := url.Values{}
	if l := pageLanguage(form.Get("ui_locales")); l != "" && !v.Words.Chosen {
		query.Set(web.LangParameter, string(l))
	}
	return v.Redirect(v.PathWith(pathContinue+sealed, query))
}

// checkReturn answers by itself if it is not known where to send people back to, or what is asked for is said twice.
func (h *Handler) checkReturn(v *web.Visit, form url.Values) (*application, error) {
	once := true
	for _, values := range form {
		once = once && len(values) == 1
	}
	redirect := form.Get("redirect_uri")
	a, err := h.usable(v, form.Get("client_id"), func(a *application) bool { return a.returnsTo(redirect) })
	switch {
	case err != nil:
		return nil, err
	case a == nil:
		return nil, web.Answered(h.unknownApplication(v))
	case !a.returnsTo(redirect) || len(form["redirect_uri"]) != 1 || len(form["client_id"]) != 1:
		return nil, web.Answered(h.unknownRedirect(v, a, redirect))
	case !once:
		return nil, web.Answered(h.refuse(v, redirect, form.Get("state"), problem{"invalid_request", "a parameter is there more than once"}))
	}
	return a, nil
}

// pageLanguage is the first of those asked for that pages speak; empty if there is none.
func pageLanguage(asked string) rosterv1alpha1.Locale {
	for tag := range strings.FieldsSeq(asked) {
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if slices.Contains(texts.Languages(), rosterv1alpha1.Locale(primary)) {
			return rosterv1alpha1.Locale(primary)
		}
	}
	return ""
}

// challengeForm is what S256 makes of a verifier (RFC 7636, 4.2).
func challengeForm() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`) }

// parse reads what is asked for. What it returns beside a problem is enough to tell the application.
func (h *Handler) parse(form url.Values, now time.Time) (ask, *problem) {
	a := ask{
		Client: form.Get("client_id"), Redirect: form.Get("redirect_uri"), State: form.Get("state"), Nonce: form.Get("nonce"),
		Challenge: form.Get("code_challenge"), Scopes: rules.KnownScopes(strings.Fields(form.Get("scope"))),
		Prompt: strings.Fields(form.Get("prompt")), Classes: strings.Fields(form.Get("acr_values")),
		LoginHint: form.Get("login_hint"), Organization: form.Get(parameterOrganization), Asked: now.Unix(),
	}
	if len(a.LoginHint) > maxHint || !strings.Contains(a.LoginHint, "@") {
		a.LoginHint = ""
	}
	for _, r := range []struct {
		wrong bool
		is    problem
	}{
		{form.Get("request") != "", problem{"request_not_supported", "send the parameters themselves"}},
		{form.Get("request_uri") != "", problem{"request_uri_not_supported", "send the parameters themselves"}},
		{form.Get("response_type") == "", problem{"invalid_request", "response_type is missing; it must be code"}},
		{form.Get("response_type") != "code", problem{"unsupported_response_type", "response_type must be code"}},
		{!slices.Contains([]string{"", "query"}, form.Get("response_mode")), problem{"invalid_request", "response_mode must be query"}},
		{!slices.Contains(a.Scopes, rules.ScopeOpenID), problem{"invalid_scope", "scope must contain openid"}},
		{a.Challenge == "", problem{"invalid_request", "code_challenge is missing: PKCE is required of every application (RFC 7636)"}},
		{form.Get("code_challenge_method") != "S256", problem{"invalid_request", "code_challenge_method must be S256"}},
		{!challengeForm().MatchString(a.Challenge), problem{"invalid_request", "code_challenge is no SHA-256 hash in base64url"}},
		{a.wants(promptNone) && len(a.Prompt) > 1, problem{"invalid_request", "prompt=none goes with no other value"}},
	} {
		if r.wrong {
			return a, &r.is
		}
	}
	if text := form.Get("max_age"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds < 0 {
			return a, &problem{"invalid_request", "max_age must be a number of seconds"}
		}
		a.MaxAge = &seconds
	}
	return a, nil
}

// answer sends the browser back to the application. Every answer names the issuer (RFC 9207).
func (h *Handler) answer(v *web.Visit, to, state string, parameters url.Values) error {
	parameters.Set("iss", h.Config.Issuer)
	if state != "" {
		parameters.Set("state", state)
	}
	return handOver(v, rules.Answer(to, parameters))
}

// handOver leads the browser to another site. Where a form of the portal has led here, such as that of the sign-in page, browsers follow no
// redirect to another site (form-action): a page that has been answered sends them on.
func handOver(v *web.Visit, to string) error {
	if v.R.Header.Get("Sec-Fetch-Site") != "same-origin" {
		return v.Redirect(to)
	}
	v.W.Header().Set("Refresh", "0; url="+to)
	w := v.Words
	return v.Notice(http.StatusOK, web.Notice{
		Symbol: web.SymbolCheck, Heading: w.T("openid.handOver.title"), Go: web.Action{Text: w.T("openid.ask.go"), Href: to},
	})
}

// refuse tells an application why nobody signs in (RFC 6749, 4.1.2.1). The address is one of its own.
func (h *Handler) refuse(v *web.Visit, to, state string, p problem) error {
	return h.answer(v, to, state, url.Values{"error": {p.code}, "error_description": {p.description}})
}

// unknownApplication is for a client ID that there is not. Nobody is sent anywhere.
func (h *Handler) unknownApplication(v *web.Visit) error {
	w := v.Words
	return v.Say(http.StatusBadRequest, web.SymbolLink, w.T("openid.unknown.title"), w.T("openid.unknown.text"), w.T("openid.unknown.admin"))
}

// unknownRedirect is for an address that an application has not registered. Nobody is sent there.
func (h *Handler) unknownRedirect(v *web.Visit, a *application, redirect string) error {
	w := v.Words
	advice := w.T("openid.redirect.platform", "Client", a.id)
	if a.object != nil {
		advice = w.T("openid.redirect.admin", "Name", a.object.Name, "Namespace", a.namespace)
	}
	return v.Show(http.StatusBadRequest, pageRedirect, w.T("openid.redirect.title", "Application", a.name), redirectPage{
		Heading: w.T("openid.redirect.title", "Application", a.name), Text: w.T("openid.redirect.text"), Advice: advice,
		Address: shown(redirect),
	})
}

// shown is an address as people may read it; empty for what is none.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || len(address) > maxHint || !web.IsLine(address) {
		return ""
	}
	return address
}

// lasts reports whether the person has not taken too long.
func (a ask) lasts(now time.Time) bool {
	asked := time.Unix(a.Asked, 0)
	return now.Before(asked.Add(askFor))
}

// code is what is kept of a code for what was asked for.
func (a ask) code(hash string, now time.Time) *grant.Code {
	return &grant.Code{
		Hash: hash, Expires: now.Add(grant.CodeLifetime), Redirect: a.Redirect, Challenge: a.Challenge, Nonce: a.Nonce,
	}
}
