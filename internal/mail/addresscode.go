// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// AddressCode is a mail with a code, by which somebody shows that they read the mail of an invited address. It names nobody and has no
// link: who asks for it is not known to be the reader, and nothing in it is of their choice but the address of their Account.
type AddressCode struct {
	// To is the normalised address.
	To     string
	Locale rosterv1alpha1.Locale
	// Account is the address of the Account that asked for the code.
	Account string
	// Organization, by its name, whose invitation is to be accepted with it.
	Organization string
	// Code as it is typed in.
	Code string
	// Now is the date of the mail, Expiry when the code stops to count.
	Now, Expiry time.Time
	// MessageID without angle brackets.
	MessageID string
}

// AddressCode writes the mail. The same AddressCode gives the same bytes.
func (c *Composer) AddressCode(a AddressCode) (*Message, error) {
	a.Organization = oneLine(a.Organization, maxName)
	err := checkEnvelope(a.To, a.MessageID)
	if a.Code == "" || a.Account == "" || a.Organization == "" {
		err = errors.Join(err, errors.New("the code, the account or the organisation is missing"))
	}
	if err != nil {
		return nil, err
	}
	s := c.speaker(a.Locale)
	v := c.codeView(s, a)
	if s.err != nil {
		return nil, fmt.Errorf("mail %s: %w", a.MessageID, s.err)
	}
	return c.write(letter{
		template: "notice", view: v, id: a.MessageID, subject: v.Subject, language: v.Language, now: a.Now,
		from: c.from.Name, to: netmail.Address{Address: a.To}, replyTo: c.replyTo,
	})
}

func (c *Composer) codeView(s *speaker, a AddressCode) noticeView {
	names := words{
		"Email": a.To, "Account": a.Account, "Organization": a.Organization,
		"Time": s.time(a.Expiry), "Duration": unbroken(s.duration(a.Expiry.Sub(a.Now))),
	}
	v := noticeView{
		Language: string(s.locale), Colon: s.say("colon", nil), Sender: c.sender(), Monogram: monogram(c.sender()),
		Subject: s.say("addressCode.subject", nil), Heading: s.say("addressCode.heading", nil), Greeting: s.say("greeting.plain", nil),
		Paragraphs: []string{s.say("addressCode.opening", names), s.say("addressCode.next", names)},
		CodeLabel:  s.say("addressCode.label", nil), Code: a.Code, Expiry: s.say("addressCode.expiry", names),
		Private: s.say("addressCode.private", names), Footer: []string{s.say("addressCode.why", names)},
	}
	v.Preview = v.Paragraphs[0]
	return v
}

// sender is the name that notices come from.
func (c *Composer) sender() string {
	if c.from.Name == "" {
		return "Roster"
	}
	return c.from.Name
}
