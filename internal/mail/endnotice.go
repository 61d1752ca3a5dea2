// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"errors"
	"fmt"
	"time"
)

// EndNotice is what the mail says that tells that a membership ends soon: to the member, or to somebody who looks after them.
type EndNotice struct {
	Envelope

	// Organization by its name.
	Organization string
	// End of the membership.
	End time.Time
	// Contact is whom the member asks to extend it, by name; empty where nobody in particular is told. For mails to the member.
	Contact string
	// Member by name; empty in a mail to the member. Object is what it is called in the cluster, in a namespace.
	Member, Object, Namespace string
	// Invited reports whether the reader has invited the member; else they own the organisation.
	Invited bool
}

// EndNotice writes the mail. The same EndNotice gives the same bytes.
func (c *Composer) EndNotice(n EndNotice) (*Message, error) {
	n.Name, n.Organization = oneLine(n.Name, maxName), oneLine(n.Organization, maxName)
	n.Member, n.Contact = oneLine(n.Member, maxName), oneLine(n.Contact, maxName)
	var wrong error
	if n.End.IsZero() {
		wrong = fmt.Errorf("a notice about the end of a membership lacks the time")
	}
	return c.notice(n.Envelope, c.senderName(n.Organization), n.view, errors.Join(checkOrganization(n.Organization), wrong))
}

func (n EndNotice) view(s *speaker) noticeView {
	names := words{
		"Organization": n.Organization, "Member": n.Member, "Contact": n.Contact, "Object": n.Object, "Namespace": n.Namespace,
		"Time": s.time(n.End), "Duration": s.duration(n.End.Sub(n.Now)),
	}
	if n.Member == "" {
		v := newNotice(s, n.Envelope, n.Organization, "ending.own", names)
		next := "ending.own.ask"
		if n.Contact == "" {
			next = "ending.own.anybody"
		}
		v.Paragraphs = append(v.Paragraphs, s.say(next, names))
		v.Footer = []string{s.say("ending.own.why", names)}
		return v
	}
	v := newNotice(s, n.Envelope, n.Organization, "ending.other", names)
	v.Paragraphs = append(v.Paragraphs, s.say("ending.other.next", names))
	why := "ending.other.why.owner"
	if n.Invited {
		why = "ending.other.why.inviter"
	}
	v.Footer = []string{s.say(why, names)}
	return v
}
