// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/seal"
)

// The cookies. Both are sealed: browsers can neither read nor make them.
const (
	sessionCookie = "roster-session"
	// deviceCookie tells browsers that have signed in before, or opened a link that was mailed, from others. It lets nobody in; somebody who
	// floods the sign-in page with tries at an account does not use up those of a browser that has one.
	deviceCookie = "roster-device"
	deviceFor    = 180 * 24 * time.Hour
)

// What is sealed for one use does not open for another.
const (
	sessionUse = "roster.dev portal session v1"
	deviceUse  = "roster.dev portal device v1"
)

// resealEvery is how often the cookie of a session that is in use is written again.
const resealEvery = time.Minute

// person is who is signed in.
type person struct {
	session     account.Session
	account     *rosterv1alpha1.Account
	credentials account.Credentials
}

// cookieName has the prefix by which browsers see to it that only this host can set the cookie, and only over HTTPS (RFC 6265bis, 4.1.3).
func (p *Portal) cookieName(name string) string {
	if p.secure {
		return "__Host-" + name
	}
	return name
}

func (p *Portal) setCookie(v *visit, name, value string, lasts time.Duration) {
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // G124: Secure follows the scheme of the portal's address
		Name: p.cookieName(name), Value: value, Path: "/", MaxAge: int(lasts.Seconds()),
		Secure: p.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (p *Portal) sealer(ctx context.Context, use string) (seal.Sealer, error) {
	keys, err := p.sessionKeys.Refresh(ctx)
	return seal.New(keys, use), err
}

// openCookie reads a sealed cookie. It returns false if there is none that can be read.
func (p *Portal) openCookie(v *visit, name, use string, document any) (bool, error) {
	cookie, err := v.r.Cookie(p.cookieName(name))
	if err != nil || cookie.Value == "" {
		return false, nil //nolint:nilerr // There is no such cookie.
	}
	sealer, err := p.sealer(v.r.Context(), use)
	if err != nil {
		return false, err
	}
	return sealer.OpenDocument(cookie.Value, document) == nil, nil
}

func (p *Portal) sealCookie(v *visit, name, use string, document any, lasts time.Duration) error {
	sealer, err := p.sealer(v.r.Context(), use)
	if err != nil {
		return err
	}
	value, err := sealer.SealDocument(document)
	if err == nil {
		p.setCookie(v, name, value, lasts)
	}
	return err
}

// setSession hands the browser its session. The cookie goes when the browser is closed; the session ends by itself.
func (p *Portal) setSession(v *visit, s account.Session) error {
	return p.sealCookie(v, sessionCookie, sessionUse, s, 0)
}

func (p *Portal) dropSession(v *visit) { p.setCookie(v, sessionCookie, "", -time.Second) }

// person returns who is signed in, or, where pending is asked for, who has given the password and nothing more yet; nil if nobody. It
// reads the Account and its credentials from the API server, so that a session that was ended anywhere is at its end here.
func (p *Portal) person(v *visit, pending bool) (*person, error) {
	var s account.Session
	if ok, err := p.openCookie(v, sessionCookie, sessionUse, &s); !ok || err != nil || s.Pending != pending {
		return nil, err
	}
	acct, c, err := p.accounts.Check(v.r.Context(), s, p.clock.Now())
	if errors.Is(err, account.ErrSignedOut) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &person{session: s, account: acct, credentials: c}, nil
}

// setPerson notes who is signed in, which of their memberships this session opens, and the menu of both.
func (p *Portal) setPerson(v *visit, who *person) error {
	all, err := p.memberships(v.r.Context(), who.account)
	if err != nil {
		return err
	}
	v.person, v.words = who, p.dictionary.Choose(v.r, who.account.Spec.Locale, "")
	for _, b := range all {
		if b.organization == nil || p.admits(who, b.organization) {
			v.memberships = append(v.memberships, b)
		} else {
			v.closed = append(v.closed, b)
		}
	}
	v.menu = p.menuOf(v)
	return nil
}

// keepAlive notes that the session is in use.
func (p *Portal) keepAlive(v *visit) {
	now, who := p.clock.Now(), v.person
	if now.Before(who.session.Seen.Add(resealEvery)) && who.session.Generation == who.account.Generation {
		return
	}
	who.session.Seen, who.session.Generation = now, who.account.Generation
	if err := p.setSession(v, who.session); err != nil {
		p.log.Error(err, "Cannot renew a session", "account", who.account.Name)
	}
	if err := p.accounts.Touch(v.r.Context(), who.account, who.credentials, who.session, web.BrowserLabel(v.r.UserAgent()), now); err != nil {
		p.log.Error(err, "Cannot note that a device is in use", "account", who.account.Name)
	}
}

// browser of the visit: the one that its cookie names, or a new one.
func (p *Portal) browser(v *visit) (web.Device, error) {
	var d web.Device
	ok, err := p.openCookie(v, deviceCookie, deviceUse, &d)
	if !ok {
		d = web.Device{ID: rand.Text()}
	}
	return d, err
}

// begin signs the person in on this browser: after it, the answer carries the session. The credentials are those that the proof was checked
// against; empty ones are read again.
func (p *Portal) begin(
	v *visit, acct *rosterv1alpha1.Account, known account.Credentials, s account.Session, d web.Device,
) error {
	ended, err := p.end(v)
	if err != nil {
		return err
	}
	if ended {
		known = account.Credentials{} // it may have been theirs
	}
	on := account.Browser{ID: d.ID, Label: web.BrowserLabel(v.r.UserAgent())}
	s, err = p.accounts.Begin(v.r.Context(), acct, known, s, on, p.clock.Now())
	if err != nil {
		return err
	}
	return p.hand(v, acct, s, d)
}

// hand gives the browser a session that has begun.
func (p *Portal) hand(v *visit, acct *rosterv1alpha1.Account, s account.Session, d web.Device) error {
	for _, login := range logins(acct) {
		d.Remember(login)
	}
	if err := p.sealCookie(v, deviceCookie, deviceUse, d, deviceFor); err != nil {
		return err
	}
	p.audit(v, web.EventSignIn, web.ResultSuccess, acct.Name, "session", s.ID, "methods", methods(s))
	return p.setSession(v, s)
}

// logins are what a person can sign in with.
func logins(acct *rosterv1alpha1.Account) []string {
	if acct.Spec.Username == "" {
		return []string{acct.Spec.Email}
	}
	return []string{acct.Spec.Username, acct.Spec.Email}
}

func methods(s account.Session) []account.Method {
	var all []account.Method
	for _, proof := range s.Proofs {
		all = append(all, proof.Method)
	}
	return all
}

// end signs out whoever is signed in on this browser. It returns false if nobody is.
func (p *Portal) end(v *visit) (bool, error) {
	who, err := p.person(v, false)
	if err != nil || who == nil {
		return false, err
	}
	if err := p.accounts.SignOut(v.r.Context(), who.account, who.session.Device); err != nil {
		return false, err
	}
	p.audit(v, web.EventSignOut, web.ResultSuccess, who.account.Name, "session", who.session.ID)
	return true, nil
}

// nextParameter names where somebody wanted to go before they had to sign in.
const nextParameter = "next"

// destination is the page to go on to, without the path of the portal's address.
func (p *Portal) destination(next string) string {
	if p.destinations.MatchString(next) {
		return next
	}
	return "/account"
}

// seeOther sends the browser to a page, which it opens with GET. The page may be told where to go on to.
func (p *Portal) seeOther(v *visit, page, next string) {
	query := url.Values{}
	if v.words.Chosen {
		query.Set(web.LangParameter, string(v.words.Locale))
	}
	if next != "" {
		query.Set(nextParameter, next)
	}
	target := p.root + page
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	v.w.Header().Set("Location", target)
	v.w.WriteHeader(http.StatusSeeOther)
}
