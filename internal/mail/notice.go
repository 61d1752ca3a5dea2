// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"errors"
	"fmt"
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
	Envelope

	Topic rosterv1alpha1.AccountMailTopic
	// Link that the button opens: an absolute http or https address.
	Link string
	// Happened is when what it tells of happened.
	Happened time.Time
	// Expiry is when the link stops working; zero if it does not.
	Expiry time.Time
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

// newNotice has what all notices have. The names of their texts begin with the id.
func newNotice(s *speaker, e Envelope, sender, id string, names words) noticeView {
	names["Email"], names["Name"] = e.To, e.Name
	v := noticeView{
		Language: string(s.locale), Colon: s.say("colon", nil), Sender: sender, Monogram: monogram(sender),
		Subject: s.say(id+".subject", names), Heading: s.say(id+".heading", names), Greeting: s.greeting(e.Name),
		Preview: s.say(id+".opening", names),
	}
	v.Paragraphs = []string{v.Preview}
	return v
}

// notice writes a notice in the name of a sender, unless something is wrong with it.
func (c *Composer) notice(e Envelope, from string, view func(s *speaker) noticeView, wrong error) (*Message, error) {
	e.Name = oneLine(e.Name, maxName)
	if err := errors.Join(e.check(), wrong); err != nil {
		return nil, err
	}
	s := c.speaker(e.Locale)
	v := view(s)
	if s.err != nil {
		return nil, fmt.Errorf("mail %s: %w", e.MessageID, s.err)
	}
	return c.write(letter{Envelope: e, template: "notice", view: v, subject: v.Subject, from: from, replyTo: c.replyTo})
}

// Notice writes the mail. The same Notice gives the same bytes.
func (c *Composer) Notice(n Notice) (*Message, error) {
	n.Name = oneLine(n.Name, maxName)
	view := func(s *speaker) noticeView { return c.noticeView(s, n) }
	return c.notice(n.Envelope, c.from.Name, view, errors.Join(checkLink(n.Link), n.checkTopic()))
}

func (n Notice) checkTopic() error {
	if noticeTexts(n.Topic) == "" {
		return fmt.Errorf("%q is no topic of a mail", n.Topic)
	}
	return nil
}

func (c *Composer) noticeView(s *speaker, n Notice) noticeView {
	names := words{"Time": s.time(n.Happened)}
	id := "notice." + noticeTexts(n.Topic)
	v := newNotice(s, n.Envelope, c.sender(), id, names)
	v.Paragraphs = append(v.Paragraphs, s.say(id+".next", names))
	v.Button, v.Link, v.LinkLabel = s.say(id+".button", names), n.Link, s.say("link.label", nil)
	v.Footer = []string{s.say("notice.why", names)}
	if !n.Expiry.IsZero() {
		v.Expiry = s.say("expiry", words{"Time": s.time(n.Expiry), "Duration": unbroken(s.duration(n.Expiry.Sub(n.Now)))})
		v.Private = s.say("private", nil)
	}
	return v
}
