// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"crypto/rand"
	"errors"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
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

// sessionVisit is one by somebody who is signed in.
type sessionVisit struct {
	*web.Visit
	person *person
	// memberships that the session opens.
	memberships []membership
	// closed are those that ask for another way to sign in. Nothing is told of them.
	closed []membership
}

// setSession hands the browser its session. The cookie goes when the browser is closed; the session ends by itself.
func (p *Portal) setSession(v *web.Visit, s account.Session) error {
	return v.SealCookie(sessionCookie, sessionUse, s, 0)
}

func (p *Portal) dropSession(v *web.Visit) { v.DropCookie(sessionCookie) }

// current returns who is signed in; nil if nobody is.
func (p *Portal) current(v *web.Visit) (*person, error) { return p.bearer(v, false) }

// bearer returns who is signed in, or, where pending is asked for, who has given the password and nothing more yet; nil if nobody. It
// reads the Account and its credentials from the API server, so that a session that was ended anywhere is at its end here.
func (p *Portal) bearer(v *web.Visit, pending bool) (*person, error) {
	var s account.Session
	if ok, err := v.OpenCookie(sessionCookie, sessionUse, &s); !ok || err != nil || s.Pending != pending {
		return nil, err
	}
	acct, c, err := p.accounts.Check(v.R.Context(), s, p.clock.Now())
	if errors.Is(err, account.ErrSignedOut) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &person{session: s, account: acct, credentials: c}, nil
}

// visitBy is the visit as one by the person who is signed in: in their language, with their menu, and with those of their memberships that
// the session opens.
func (p *Portal) visitBy(who *person, v *web.Visit) (*sessionVisit, error) {
	all, err := p.membershipsOf(v.R.Context(), who.account)
	if err != nil {
		return nil, err
	}
	v.Speak(who.account.Spec.Locale, "")
	by := &sessionVisit{Visit: v, person: who}
	for _, b := range all {
		if b.organization == nil || who.admits(b.organization) {
			by.memberships = append(by.memberships, b)
		} else {
			by.closed = append(by.closed, b)
		}
	}
	v.Menu = by.menu()
	return by, nil
}

// keepAlive notes that the session is in use.
func (p *Portal) keepAlive(v *sessionVisit) {
	now, who := p.clock.Now(), v.person
	if now.Before(who.session.Seen.Add(resealEvery)) && who.session.Generation == who.account.Generation {
		return
	}
	who.session.Seen, who.session.Generation = now, who.account.Generation
	if err := p.setSession(v.Visit, who.session); err != nil {
		p.log.Error(err, "Cannot renew a session", "account", who.account.Name)
	}
	if err := p.accounts.Touch(v.R.Context(), who.account, who.credentials, who.session, web.BrowserLabel(v.R.UserAgent()), now); err != nil {
		p.log.Error(err, "Cannot note that a device is in use", "account", who.account.Name)
	}
}

// browser of the visit: the one that its cookie names, or a new one.
func (p *Portal) browser(v *web.Visit) (web.Device, error) {
	var d web.Device
	ok, err := v.OpenCookie(deviceCookie, deviceUse, &d)
	if !ok {
		d = web.Device{ID: rand.Text()}
	}
	return d, err
}

// begin signs the person in on this browser: after it, the answer carries the session. The credentials are those that the proof was checked
// against; empty ones are read again.
func (p *Portal) begin(
	v *web.Visit, acct *rosterv1alpha1.Account, known account.Credentials, s account.Session, d web.Device,
) error {
	ended, err := p.end(v)
	if err != nil {
		return err
	}
	if ended {
		known = account.Credentials{} // it may have been theirs
	}
	on := account.Browser{ID: d.ID, Label: web.BrowserLabel(v.R.UserAgent())}
	s, err = p.accounts.Begin(v.R.Context(), acct, known, s, on, p.clock.Now())
	if err != nil {
		return err
	}
	return p.hand(v, acct, s, d)
}

// hand gives the browser a session that has begun.
func (p *Portal) hand(v *web.Visit, acct *rosterv1alpha1.Account, s account.Session, d web.Device) error {
	for _, login := range logins(acct) {
		d.Remember(login)
	}
	if err := v.SealCookie(deviceCookie, deviceUse, d, deviceFor); err != nil {
		return err
	}
	v.Audit(web.EventSignIn, web.ResultSuccess, acct.Name, "session", s.ID, "methods", methods(s))
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
func (p *Portal) end(v *web.Visit) (bool, error) {
	who, err := p.current(v)
	if err != nil || who == nil {
		return false, err
	}
	if err := p.accounts.SignOut(v.R.Context(), who.account, who.session.Device); err != nil {
		return false, err
	}
	v.Audit(web.EventSignOut, web.ResultSuccess, who.account.Name, "session", who.session.ID)
	return true, nil
}

// rememberMailbox notes on the browser that whoever uses it reads the mails of that account: so they can sign in there, however many
// strangers try to.
func (p *Portal) rememberMailbox(v *web.Visit, acct *rosterv1alpha1.Account) error {
	d, err := p.browser(v)
	if err != nil {
		return err
	}
	for _, login := range logins(acct) {
		d.Remember(web.Mailbox(login))
	}
	return v.SealCookie(deviceCookie, deviceUse, d, deviceFor)
}
