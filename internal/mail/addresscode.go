// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"errors"
	"time"
)

// AddressCode is a mail with a code, by which somebody shows that they read the mail of an invited address. It names nobody and has no
// link: who asks for it is not known to be the reader, and nothing in it is of their choice but the address of their Account.
type AddressCode struct {
	Envelope

	// Account is the address of the Account that asked for the code; empty for somebody who has none yet.
	Account string
	// Organization, by its name, whose invitation is to be accepted with it.
	Organization string
	// Code as it is typed in.
	Code string
	// Expiry is when the code stops working.
	Expiry time.Time
}

// AddressCode writes the mail. The same AddressCode gives the same bytes.
func (c *Composer) AddressCode(a AddressCode) (*Message, error) {
	a.Organization, a.Name = oneLine(a.Organization, maxName), ""
	var wrong error
	if a.Code == "" || a.Organization == "" {
		wrong = errors.New("the code or the organisation is missing")
	}
	return c.notice(a.Envelope, c.from.Name, func(s *speaker) noticeView { return c.codeView(s, a) }, wrong)
}

func (c *Composer) codeView(s *speaker, a AddressCode) noticeView {
	names := words{
		"Account": a.Account, "Organization": a.Organization, "Time": s.time(a.Expiry), "Duration": unbroken(s.duration(a.Expiry.Sub(a.Now))),
	}
	about := "addressCode"
	if a.Account == "" {
		about = "invitationCode"
	}
	v := newNotice(s, a.Envelope, c.sender(), about, names)
	v.Paragraphs = append(v.Paragraphs, s.say(about+".next", names))
	v.CodeLabel, v.Code, v.Expiry = s.say("addressCode.label", nil), a.Code, s.say("addressCode.expiry", names)
	v.Private, v.Footer = s.say(about+".private", names), []string{s.say(about+".why", names)}
	return v
}

// sender is the name that notices come from.
func (c *Composer) sender() string {
	if c.from.Name == "" {
		return "Roster"
	}
	return c.from.Name
}
