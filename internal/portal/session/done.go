// SPDX-License-Identifier: Apache-2.0

package session

import "time"

// Done is something that the person has just changed, as the personal page is told.
type Done string

// What is done.
const (
	DonePassword  Done = "password"
	DoneProfile   Done = "profile"
	DoneUsername  Done = "username"
	DoneLeft      Done = "left"
	DoneSignedOut Done = "signed-out"
	DoneAddress   Done = "address"
)

const (
	doneCookie = "roster-account-done"
	doneUse    = "roster.dev portal account done v1"
	// doneFor is how soon the page is opened, by a browser that is sent there.
	doneFor = time.Minute
)

// done is for nobody else who uses the browser.
type done struct {
	Account string `json:"account"`
	What    Done   `json:"what"`
}

// Done sends the browser to the personal page, which says what has been changed. It is sealed in a cookie, so that no link can make the
// page say it.
func (v *Visit) Done(what Done) error {
	if err := v.SealCookie(doneCookie, doneUse, done{v.Person.Account.Name, what}, doneFor); err != nil {
		return err
	}
	return v.Redirect(v.Path("/account"))
}

// TakeDone is what the person has just changed; empty for nothing. It is told once.
func (v *Visit) TakeDone() Done {
	var d done
	if ok, err := v.OpenCookie(doneCookie, doneUse, &d); !ok || err != nil {
		return ""
	}
	v.DropCookie(doneCookie)
	if d.Account != v.Person.Account.Name {
		return ""
	}
	return d.What
}
