// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"errors"
	"fmt"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TokenNotice is what the mail about the tokens of a social profile says.
type TokenNotice struct {
	Envelope

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
	// Nobody reports whether nobody active may reconnect the profile.
	Nobody bool
}

// TokenNotice writes the mail. The same TokenNotice gives the same bytes.
func (c *Composer) TokenNotice(n TokenNotice) (*Message, error) {
	n.Name, n.Organization, n.Profile = oneLine(n.Name, maxName), oneLine(n.Organization, maxName), oneLine(n.Profile, maxName)
	return c.notice(n.Envelope, c.senderName(n.Organization), n.view, errors.Join(checkOrganization(n.Organization), n.checkEnd()))
}

func (n TokenNotice) view(s *speaker) noticeView {
	kind := n.kind()
	names := words{
		"Organization": n.Organization, "Network": string(n.Network), "Profile": n.Profile, "Secret": n.Secret, "Namespace": n.Namespace,
	}
	if kind != "lost" {
		names["Time"], names["Duration"] = s.time(n.End), s.duration(n.End.Sub(n.Now))
	}
	v := newNotice(s, n.Envelope, n.Organization, "connection."+kind, names)
	v.Paragraphs = append(v.Paragraphs, s.say("connection.remedy", names))
	if n.Nobody {
		v.Paragraphs = append(v.Paragraphs, s.say("connection.nobody", names))
	}
	v.Footer = []string{s.say("connection.why.owner", names)}
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

func (n TokenNotice) checkEnd() error {
	if n.Cause != rosterv1alpha1.NoticeAccessLost && n.End.IsZero() {
		return fmt.Errorf("a notice about %s lacks the time", n.Cause)
	}
	return nil
}
