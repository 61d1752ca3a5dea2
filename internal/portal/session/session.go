// SPDX-License-Identifier: Apache-2.0

// Package session is about who is signed in: the session that a browser carries, the guards of pages, what a session opens, and what its
// person still owes.
package session

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Manager begins and ends sessions, and guards pages.
type Manager struct {
	Accounts *account.Store
	// Cache is where memberships are looked up.
	Cache client.Reader
	// Links tell whose link a request opens.
	Links *link.Store
}

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

// Person is who is signed in.
type Person struct {
	Session     account.Session
	Account     *rosterv1alpha1.Account
	Credentials account.Credentials
}

// Login is somebody who has shown who they are, and the session that begins with that on a device. The credentials are those that the proof
// was checked against; empty ones are read again.
type Login struct {
	Account     *rosterv1alpha1.Account
	Credentials account.Credentials
	Session     account.Session
	Device      web.Device
	// Begun: the session came into being with the Account. Held: the browser has it already.
	Begun, Held bool
}

// Set hands the browser its session. The cookie goes when the browser is closed; the session ends by itself.
func (sm *Manager) Set(v *web.Visit, s account.Session) error {
	return v.SealCookie(sessionCookie, sessionUse, s, 0)
}

// Drop takes the session from the browser.
func (sm *Manager) Drop(v *web.Visit) { v.DropCookie(sessionCookie) }

// Current returns who is signed in; nil if nobody is.
func (sm *Manager) Current(v *web.Visit) (*Person, error) { return sm.bearer(v, false) }

// bearer returns who is signed in, or, where pending is asked for, who has given the password and nothing more yet; nil if nobody. It
// reads the Account and its credentials from the API server, so that a session that was ended anywhere is at its end here.
func (sm *Manager) bearer(v *web.Visit, pending bool) (*Person, error) {
	var s account.Session
	if ok, err := v.OpenCookie(sessionCookie, sessionUse, &s); !ok || err != nil || s.Pending != pending {
		return nil, err
	}
	acct, c, err := sm.Accounts.Check(v.R.Context(), s, v.Now())
	if errors.Is(err, account.ErrSignedOut) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &Person{Session: s, Account: acct, Credentials: c}, nil
}

// keepAlive notes that the session is in use.
func (sm *Manager) keepAlive(v *Visit) {
	now, who := v.Now(), v.Person
	if now.Before(who.Session.Seen.Add(resealEvery)) && who.Session.Generation == who.Account.Generation {
		return
	}
	who.Session.Seen, who.Session.Generation = now, who.Account.Generation
	if err := sm.Set(v.Visit, who.Session); err != nil {
		v.Log().Error(err, "Cannot renew a session", "account", who.Account.Name)
	}
	if err := sm.Accounts.Touch(v.R.Context(), who.Account, who.Credentials, who.Session, web.BrowserLabel(v.R.UserAgent()), now); err != nil {
		v.Log().Error(err, "Cannot note that a device is in use", "account", who.Account.Name)
	}
}

// Browser of the visit: the one that its cookie names, or a new one.
func (sm *Manager) Browser(v *web.Visit) (web.Device, error) {
	var d web.Device
	ok, err := v.OpenCookie(deviceCookie, deviceUse, &d)
	if !ok {
		d = web.Device{ID: rand.Text()}
	}
	return d, err
}

// Begin signs the person in on this browser: after it, the answer carries the session.
func (sm *Manager) Begin(v *web.Visit, l Login) error {
	if l.Held {
		return nil
	}
	ended, err := sm.End(v)
	if err != nil {
		return err
	}
	if ended {
		l.Credentials = account.Credentials{} // it may have been theirs
	}
	if l.Begun {
		return errors.Join(sm.hand(v, l), sm.Accounts.RecordSignIn(v.R.Context(), l.Account, v.Now()))
	}
	l.Session, err = sm.Accounts.Begin(v.R.Context(), l.Account, l.Credentials, l.Session, OnDevice(v, l.Device), v.Now())
	if err != nil {
		return err
	}
	return sm.hand(v, l)
}

// hand gives the browser a session that has begun.
func (sm *Manager) hand(v *web.Visit, l Login) error {
	for _, login := range logins(l.Account) {
		l.Device.Remember(login)
	}
	if err := v.SealCookie(deviceCookie, deviceUse, l.Device, deviceFor); err != nil {
		return err
	}
	v.Audit(web.EventSignIn, web.ResultSuccess, l.Account.Name, "session", l.Session.ID, "methods", methods(l.Session))
	return sm.Set(v, l.Session)
}

// OnDevice is the browser of the visit, as accounts know it.
func OnDevice(v *web.Visit, d web.Device) account.Browser {
	return account.Browser{ID: d.ID, Label: web.BrowserLabel(v.R.UserAgent())}
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

// End signs out the person who is signed in on this browser. It returns false if nobody is.
func (sm *Manager) End(v *web.Visit) (bool, error) {
	who, err := sm.Current(v)
	if err != nil || who == nil {
		return false, err
	}
	if err := sm.Accounts.SignOut(v.R.Context(), who.Account, who.Session.Device); err != nil {
		return false, err
	}
	v.Audit(web.EventSignOut, web.ResultSuccess, who.Account.Name, "session", who.Session.ID)
	return true, nil
}

// RememberMailbox notes on the browser that the person who uses it reads the mails of that account: so they can sign in there, however many
// strangers try to.
func (sm *Manager) RememberMailbox(v *web.Visit, acct *rosterv1alpha1.Account) error {
	d, err := sm.Browser(v)
	if err != nil {
		return err
	}
	for _, login := range logins(acct) {
		d.Remember(web.Mailbox(login))
	}
	return v.SealCookie(deviceCookie, deviceUse, d, deviceFor)
}

// Requester is what requests are counted by: the person who is signed in, the invitation whose link was opened, or whom the browser has
// signed in before. So people behind one address do not use up each other's. Only strangers are counted by address.
func (sm *Manager) Requester(v *web.Visit) string {
	var s account.Session
	if ok, err := v.OpenCookie(sessionCookie, sessionUse, &s); ok && err == nil {
		return "account " + s.Account
	}
	if rest, ok := strings.CutPrefix(v.Page(), "/invitations/"); ok {
		token, _, _ := strings.Cut(rest, "/")
		if f, err := sm.Links.Identify(v.R.Context(), token); err == nil {
			return "invitation " + string(f.Offer.Invitation.UID) + " " + web.ClientKey(v.Client)
		}
	}
	if d, err := sm.Browser(v); err == nil && len(d.Logins) > 0 {
		return "login " + d.Logins[len(d.Logins)-1]
	}
	return "client " + web.ClientKey(v.Client)
}
