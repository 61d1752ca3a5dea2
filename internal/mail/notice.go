// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// noticeTexts are the texts of a topic: what stands after notice. in their names; empty for none.
func noticeTexts(topic rosterv1alpha1.AccountMailTopic) string {
	switch topic {
	case rosterv1alpha1.MailPasswordReset:
		return "passwordReset"
	case rosterv1alpha1.MailPasswordChanged:
		return "passwordChanged"
	case rosterv1alpha1.MailUsernameChanged:
		return "usernameChanged"
	case rosterv1alpha1.MailFactorsChanged:
		return "factorsChanged"
	case rosterv1alpha1.MailFactorsReset:
		return "factorsReset"
	case rosterv1alpha1.MailOwnershipOffered:
		return "ownershipOffered"
	case rosterv1alpha1.MailAddressCode: // See AddressCode.
	}
	return ""
}

// Notice is a mail to a person about their own Account.
type Notice struct {
	Topic rosterv1alpha1.AccountMailTopic
	// To is the normalised address.
	To string
	// Name of the person.
	Name   string
	Locale rosterv1alpha1.Locale
	// Link that the button opens: an absolute http or https address.
	Link string
	// Now is the date of the mail.
	Now time.Time
	// Happened is when what it tells of happened.
	Happened time.Time
	// Expiry is when the link stops working; zero if it does not.
	Expiry time.Time
	// MessageID without angle brackets (RFC 5322, 3.6.4).
	MessageID string
}

// noticeView is everything that the templates show, in the reader's language.
type noticeView struct {
	Language   string
	Colon      string
	Subject    string
	Preview    string
	Monogram   string
	Sender     string
	Heading    string
	Greeting   string
	Paragraphs []string
	// Code stands on a line of its own, as CodeLabel introduces it; empty for none.
	Code, CodeLabel string
	Button          string
	Link            string
	LinkLabel       string
	Expiry          string
	Private         string
	Footer          []string
}

// Notice writes the mail. The same Notice gives the same bytes.
func (c *Composer) Notice(n Notice) (*Message, error) {
	n.Name = oneLine(n.Name, maxName)
	if err := errors.Join(checkEnvelope(n.To, n.MessageID), checkLink(n.Link), n.checkTopic()); err != nil {
		return nil, err
	}
	s := c.speaker(n.Locale)
	v := c.noticeView(s, n)
	if s.err != nil {
		return nil, fmt.Errorf("mail %s: %w", n.MessageID, s.err)
	}
	return c.write(letter{
		template: "notice", view: v, id: n.MessageID, subject: v.Subject, language: v.Language, now: n.Now,
		from: c.from.Name, to: netmail.Address{Name: n.Name, Address: n.To}, replyTo: c.replyTo,
	})
}

func (n Notice) checkTopic() error {
	if noticeTexts(n.Topic) == "" {
		return fmt.Errorf("%q is no topic of a mail", n.Topic)
	}
	return nil
}

func (c *Composer) noticeView(s *speaker, n Notice) noticeView {
	names := words{"Email": n.To, "Name": n.Name, "Time": s.time(n.Happened)}
	say := func(part string) string { return s.say("notice."+noticeTexts(n.Topic)+"."+part, names) }
	sender := c.sender()
	v := noticeView{
		Language: string(s.locale), Colon: s.say("colon", nil), Sender: sender, Monogram: monogram(sender),
		Subject: say("subject"), Heading: say("heading"), Greeting: s.say("greeting.plain", names),
		Paragraphs: []string{say("opening"), say("next")}, Button: say("button"), Link: n.Link, LinkLabel: s.say("link.label", nil),
		Footer: []string{s.say("notice.why", names)},
	}
	if n.Name != "" {
		v.Greeting = s.say("greeting.name", names)
	}
	if !n.Expiry.IsZero() {
		v.Expiry = s.say("expiry", words{"Time": s.time(n.Expiry), "Duration": unbroken(s.duration(n.Expiry.Sub(n.Now)))})
		v.Private = s.say("private", nil)
	}
	v.Preview = v.Paragraphs[0]
	return v
}
