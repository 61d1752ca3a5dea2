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

// Digest is what the mail about new items on a social profile says.
type Digest struct {
	Envelope

	// Organization by its name.
	Organization string
	// Profile as people call it: the network and the handle.
	Profile string
	// Items are how many are new.
	Items int
}

// Digest writes the mail. The same Digest gives the same bytes.
func (c *Composer) Digest(d Digest) (*Message, error) {
	d.Name, d.Organization, d.Profile = oneLine(d.Name, maxName), oneLine(d.Organization, maxName), oneLine(d.Profile, maxName)
	return c.notice(d.Envelope, c.senderName(d.Organization), d.view, checkOrganization(d.Organization))
}

func (d Digest) view(s *speaker) noticeView {
	names := words{"Organization": d.Organization, "Profile": d.Profile, "Items": s.count("items", d.Items)}
	v := newNotice(s, d.Envelope, d.Organization, "digest", names)
	v.Paragraphs = append(v.Paragraphs, s.say("digest.next", names))
	v.Footer = []string{s.say("digest.why", names)}
	return v
}

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
