// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Digest is what the mail about new items on a social profile says.
type Digest struct {
	// To is the normalised address.
	To string
	// Name of the person where it is known.
	Name   string
	Locale rosterv1alpha1.Locale
	// Organization by its name.
	Organization string
	// Profile as people call it: the network and the handle.
	Profile string
	// Items are how many are new.
	Items int
	// Now is the date of the mail.
	Now time.Time
	// MessageID without angle brackets.
	MessageID string
}

// Digest writes the mail. The same Digest gives the same bytes.
func (c *Composer) Digest(d Digest) (*Message, error) {
	d.Name, d.Organization, d.Profile = oneLine(d.Name, maxName), oneLine(d.Organization, maxName), oneLine(d.Profile, maxName)
	if a, err := netmail.ParseAddress(d.To); err != nil || a.Address != d.To || !isMessageID(d.MessageID) || d.Organization == "" {
		return nil, errors.Join(err, fmt.Errorf(
			"a mail about new items to %q on behalf of %q with the Message-ID %q", d.To, d.Organization, d.MessageID))
	}
	s := c.speaker(d.Locale)
	v := d.view(s)
	if s.err != nil {
		return nil, fmt.Errorf("mail %s: %w", d.MessageID, s.err)
	}
	return c.write(letter{
		template: "notice", view: v, id: d.MessageID, subject: v.Subject, language: v.Language, now: d.Now,
		from: c.senderName(d.Organization), to: netmail.Address{Name: d.Name, Address: d.To}, replyTo: c.replyTo,
	})
}

func (d Digest) view(s *speaker) noticeView {
	names := words{"Organization": d.Organization, "Profile": d.Profile, "Name": d.Name, "Items": s.count("items", d.Items)}
	v := noticeView{
		Language: string(s.locale), Colon: s.say("colon", nil), Sender: d.Organization, Monogram: monogram(d.Organization),
		Subject: s.say("digest.subject", names), Heading: s.say("digest.heading", names), Greeting: s.say("greeting.plain", names),
		Paragraphs: []string{s.say("digest.opening", names), s.say("digest.next", names)},
		Footer:     []string{s.say("digest.why", names)},
	}
	v.Preview = v.Paragraphs[0]
	if d.Name != "" {
		v.Greeting = s.say("greeting.name", names)
	}
	return v
}
