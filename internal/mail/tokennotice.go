// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TokenNotice is what the mail about the tokens of a social profile says.
type TokenNotice struct {
	// To is the normalised address.
	To string
	// Name of the person where it is known.
	Name   string
	Locale rosterv1alpha1.Locale
	// Organization by its name.
	Organization string
	Network      rosterv1alpha1.Network
	// Profile as people call it: the network and the handle.
	Profile string
	// Namespace and Secret are where the tokens are.
	Namespace, Secret string
	Cause             rosterv1alpha1.NoticeCause
	Why               rosterv1alpha1.NoticeRecipient
	// End of the tokens; zero where the cause is not that they end.
	End time.Time
	// Nobody says that nobody active may reconnect the profile.
	Nobody bool
	// Now is the date of the mail.
	Now time.Time
	// MessageID without angle brackets.
	MessageID string
}

// TokenNotice writes the mail. The same TokenNotice gives the same bytes.
func (c *Composer) TokenNotice(n TokenNotice) (*Message, error) {
	n.clean()
	if err := n.check(); err != nil {
		return nil, err
	}
	s := c.speaker(n.Locale)
	v := n.view(s)
	if s.err != nil {
		return nil, fmt.Errorf("mail %s: %w", n.MessageID, s.err)
	}
	return c.write(letter{
		template: "notice", view: v, id: n.MessageID, subject: v.Subject, language: v.Language, now: n.Now,
		from: c.senderName(n.Organization), to: netmail.Address{Name: n.Name, Address: n.To}, replyTo: c.replyTo,
	})
}

func (n TokenNotice) view(s *speaker) noticeView {
	kind := n.kind()
	names := words{
		"Organization": n.Organization, "Network": string(n.Network), "Profile": n.Profile, "Name": n.Name,
		"Secret": n.Secret, "Namespace": n.Namespace,
	}
	if kind != "lost" {
		names["Time"], names["Duration"] = s.time(n.End), s.duration(n.End.Sub(n.Now))
	}
	v := noticeView{
		Language: string(s.locale), Colon: s.say("colon", nil), Sender: n.Organization, Monogram: monogram(n.Organization),
		Subject: s.say("connection.subject."+kind, names), Heading: s.say("connection.heading."+kind, names),
		Greeting:   s.say("greeting.plain", names),
		Paragraphs: []string{s.say("connection.opening."+kind, names), s.say("connection.remedy", names)},
		Footer:     []string{s.say("connection.why.owner", names)},
	}
	v.Preview = v.Paragraphs[0]
	if n.Name != "" {
		v.Greeting = s.say("greeting.name", names)
	}
	if n.Nobody {
		v.Paragraphs = append(v.Paragraphs, s.say("connection.nobody", names))
	}
	if n.Why == rosterv1alpha1.RecipientResponsible {
		v.Footer = []string{s.say("connection.why.responsible", names)}
	}
	return v
}

// kind is what stands at the end of the names of texts.
func (n TokenNotice) kind() string {
	switch n.Cause {
	case rosterv1alpha1.NoticeExpired:
		return "expired"
	case rosterv1alpha1.NoticeAccessLost:
		return "lost"
	}
	return "expiring"
}

// clean takes out of the texts that people wrote what has no place in a mail.
func (n *TokenNotice) clean() {
	n.Name, n.Organization, n.Profile = oneLine(n.Name, maxName), oneLine(n.Organization, maxName), oneLine(n.Profile, maxName)
}

func (n *TokenNotice) check() error {
	var errs []error
	if a, err := netmail.ParseAddress(n.To); err != nil || a.Address != n.To {
		errs = append(errs, fmt.Errorf("%q is not a plain mail address", n.To))
	}
	if !isMessageID(n.MessageID) {
		errs = append(errs, fmt.Errorf("%q is not a Message-ID", n.MessageID))
	}
	if n.Organization == "" {
		errs = append(errs, errors.New("the organisation has no name"))
	}
	if n.Cause != rosterv1alpha1.NoticeAccessLost && n.End.IsZero() {
		errs = append(errs, fmt.Errorf("a notice about %s lacks the time", n.Cause))
	}
	return errors.Join(errs...)
}
