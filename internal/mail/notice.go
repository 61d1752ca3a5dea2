// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"bytes"
	"errors"
	"fmt"
	netmail "net/mail"
	"time"

	gomail "github.com/wneessen/go-mail"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Notice is what the mail about the tokens of a social profile says.
type Notice struct {
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
	// Nobody says that nobody active may connect the profile anew.
	Nobody bool
	// Now is the date of the mail.
	Now time.Time
	// MessageID without angle brackets.
	MessageID string
}

// noticeView is what the template shows.
type noticeView struct {
	Language, Subject, Greeting string
	Paragraphs                  []string
	Footer                      string
}

// Notice writes the mail. The same Notice gives the same bytes.
func (c *Composer) Notice(n Notice) (*Message, error) {
	n.clean()
	if err := n.check(); err != nil {
		return nil, err
	}
	s := c.texts.in(n.Locale)
	v := newNoticeView(s, n)
	if s.err != nil {
		return nil, fmt.Errorf("mail %s: %w", n.MessageID, s.err)
	}
	var plain bytes.Buffer
	if err := c.plain.ExecuteTemplate(&plain, "notice.txt", v); err != nil {
		return nil, fmt.Errorf("mail %s: %w", n.MessageID, err)
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(&netmail.Address{Name: c.senderName(n.Organization), Address: c.from.Address})
	m.ToMailAddress(&netmail.Address{Name: n.Name, Address: n.To})
	m.ReplyToMailAddress(&c.replyTo)
	m.Subject(v.Subject)
	m.SetMessageIDWithValue(n.MessageID)
	m.SetDateWithValue(n.Now.UTC())
	m.SetGenHeader(gomail.HeaderContentLang, v.Language)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834, 5
	m.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	m.SetBodyString(gomail.TypeTextPlain, plain.String())
	return newMessage(c.from.Address, n.To, n.MessageID, !isASCII(n.To), m)
}

func newNoticeView(s *speaker, n Notice) noticeView {
	names := words{
		"Organization": n.Organization, "Network": string(n.Network), "Profile": n.Profile, "Name": n.Name,
		"Secret": n.Secret, "Namespace": n.Namespace,
	}
	kind := "expiring"
	switch n.Cause {
	case rosterv1alpha1.NoticeExpired:
		kind = "expired"
	case rosterv1alpha1.NoticeAccessLost:
		kind = "lost"
	}
	if kind != "lost" {
		names["Time"], names["Duration"] = s.time(n.End), s.duration(n.End.Sub(n.Now))
	}
	v := noticeView{
		Language: string(s.locale), Subject: s.say("notice.subject."+kind, names), Greeting: s.say("greeting.plain", names),
		Paragraphs: []string{s.say("notice.opening."+kind, names), s.say("notice.remedy", names)},
		Footer:     s.say("notice.why.owner", names),
	}
	if n.Name != "" {
		v.Greeting = s.say("greeting.name", names)
	}
	if n.Nobody {
		v.Paragraphs = append(v.Paragraphs, s.say("notice.nobody", names))
	}
	if n.Why == rosterv1alpha1.RecipientResponsible {
		v.Footer = s.say("notice.why.responsible", names)
	}
	return v
}

// clean takes out of the texts that people wrote what has no place in a mail.
func (n *Notice) clean() {
	n.Name, n.Organization, n.Profile = oneLine(n.Name, maxName), oneLine(n.Organization, maxName), oneLine(n.Profile, maxName)
}

func (n *Notice) check() error {
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
