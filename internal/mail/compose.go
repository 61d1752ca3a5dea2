// SPDX-License-Identifier: Apache-2.0

// Package mail writes the mails that Roster sends and hands them to an SMTP relay.
package mail

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	htmltemplate "html/template"
	netmail "net/mail"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"

	gomail "github.com/wneessen/go-mail"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/offer"
	"github.com/roster-dev/roster/internal/roles"
	"github.com/roster-dev/roster/internal/texts"
)

//go:embed templates/*
var templateFiles embed.FS

// Longest names in characters, so that a header stays readable.
const (
	maxName   = 120
	maxSender = 60
	maxWords  = 300 // what a CustomRole is for
)

// Envelope is what every mail has.
type Envelope struct {
	// To is the normalised address. Before the @ there may be other than ASCII letters (RFC 6531).
	To string
	// Name of the person where it is known.
	Name string
	// Locale is the language of the mail; English where it is not known.
	Locale rosterv1alpha1.Locale
	// Now is the date of the mail.
	Now time.Time
	// MessageID without angle brackets (RFC 5322, 3.6.4).
	MessageID string
}

// Invitation is what the mail of an Invitation says.
type Invitation struct {
	Envelope
	offer.Presentation

	// Link that is opened to accept: an absolute http or https address.
	Link string
	// Expiry is when the link stops working.
	Expiry time.Time
	// Reminder is 0 in the mail that brings the link, n in the n-th reminder.
	Reminder int32
	// Again: the link takes the place of earlier ones, which no longer work. The mail that brings it says so.
	Again bool
}

// Composer writes mails. It is safe for concurrent use.
type Composer struct {
	from, replyTo netmail.Address
	texts         texts.Dictionary
	roles         roles.Dictionary
	html          *htmltemplate.Template
	plain         *texttemplate.Template
}

// NewComposer checks the sender, such as "Roster <roster@example.com>", and the address for answers; an empty one means the sender.
func NewComposer(from, replyTo string) (*Composer, error) {
	t, err := texts.Load(textFiles)
	if err != nil {
		return nil, err
	}
	return newComposer(from, replyTo, t)
}

func newComposer(from, replyTo string, t texts.Dictionary) (*Composer, error) {
	c := &Composer{texts: t}
	var err error
	if c.roles, err = roles.Load(); err != nil {
		return nil, err
	}
	if c.from, err = parseSender(from); err != nil {
		return nil, fmt.Errorf("mail.from: %w", err)
	}
	c.replyTo = c.from
	if replyTo != "" {
		if c.replyTo, err = parseSender(replyTo); err != nil {
			return nil, fmt.Errorf("mail.replyTo: %w", err)
		}
	}
	if c.html, err = htmltemplate.ParseFS(templateFiles, "templates/*.html"); err != nil {
		return nil, err
	}
	c.plain, err = texttemplate.New("").Funcs(texttemplate.FuncMap{"wrap": wrap}).ParseFS(templateFiles, "templates/*.txt")
	return c, err
}

// parseSender reads an address of Roster's own. It has to work with every relay, so it must be ASCII before the @.
func parseSender(s string) (netmail.Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return netmail.Address{}, fmt.Errorf("%q is not a mail address: %w", s, err)
	}
	at := strings.LastIndexByte(a.Address, '@')
	domain, err := address.Domain(a.Address[at+1:])
	if err != nil || !isASCII(a.Address[:at]) {
		return netmail.Address{}, fmt.Errorf("%q: use an address with ASCII letters before the @ and a full domain after it", s)
	}
	return netmail.Address{Name: oneLine(a.Name, maxName), Address: a.Address[:at+1] + domain}, nil
}

// Domain of the sender, for Message-IDs.
func (c *Composer) Domain() string {
	return c.from.Address[strings.LastIndexByte(c.from.Address, '@')+1:]
}

// Invitation writes the mail. The same Invitation gives the same bytes, so that a repeated mail is the same mail.
func (c *Composer) Invitation(in Invitation) (*Message, error) {
	l, err := c.invitation(in)
	if err != nil {
		return nil, err
	}
	return c.write(l)
}

// Preview is the subject of the mail and its text, for somebody who looks at it before it is sent.
func (c *Composer) Preview(in Invitation) (subject, text string, err error) {
	l, err := c.invitation(in)
	if err != nil {
		return "", "", err
	}
	var plain bytes.Buffer
	err = c.plain.ExecuteTemplate(&plain, l.template+".txt", l.view)
	return l.subject, plain.String(), err
}

func (c *Composer) invitation(in Invitation) (letter, error) {
	in.clean()
	if err := in.check(); err != nil {
		return letter{}, err
	}
	replyTo := c.answerTo(&in)
	s := c.speaker(in.Locale)
	v := newView(s, c.roles.In(in.Locale), in)
	if s.err != nil {
		return letter{}, fmt.Errorf("mail %s: %w", in.MessageID, s.err)
	}
	return letter{
		Envelope: in.Envelope, template: "invitation", view: v, subject: v.Subject, from: c.senderName(in.Organization), replyTo: replyTo,
	}, nil
}

// letter is a mail in the reader's language, still in parts.
type letter struct {
	Envelope

	template string
	view     any
	subject  string
	// from is the name of the sender.
	from    string
	replyTo netmail.Address
}

// write renders a mail. The same letter gives the same bytes.
func (c *Composer) write(l letter) (*Message, error) {
	var html, plain bytes.Buffer
	if err := c.html.ExecuteTemplate(&html, l.template+".html", l.view); err != nil {
		return nil, fmt.Errorf("mail %s: %w", l.MessageID, err)
	}
	if err := c.plain.ExecuteTemplate(&plain, l.template+".txt", l.view); err != nil {
		return nil, fmt.Errorf("mail %s: %w", l.MessageID, err)
	}
	language, _ := c.texts.In(l.Locale)
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary(boundary(l.MessageID)))
	m.FromMailAddress(&netmail.Address{Name: l.from, Address: c.from.Address})
	m.ToMailAddress(&netmail.Address{Name: l.Name, Address: l.To})
	m.ReplyToMailAddress(&l.replyTo)
	m.Subject(l.subject)
	m.SetMessageIDWithValue(l.MessageID)
	m.SetDateWithValue(l.Now.UTC())
	m.SetGenHeader(gomail.HeaderContentLang, string(language))
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834, 5
	m.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	m.SetBodyString(gomail.TypeTextPlain, plain.String())
	m.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return newMessage(c.from.Address, l.To, l.MessageID, !isASCII(l.To), m)
}

// clean takes out of the texts that people wrote what has no place in a mail.
func (in *Invitation) clean() {
	in.Name = oneLine(in.Name, maxName)
	in.Organization = oneLine(in.Organization, maxName)
	in.Inviter = oneLine(in.Inviter, maxName)
	in.Message = paragraphs(in.Message)
	in.Environments = slices.Clone(in.Environments)
	for i := range in.Environments {
		in.Environments[i].Name = oneLine(in.Environments[i].Name, maxName)
	}
	in.cleanRoles()
}

// cleanRoles is clean for the names of profiles, workspaces and CustomRoles, of which the caller keeps its own.
func (in *Invitation) cleanRoles() {
	in.Profiles, in.Workspaces = slices.Clone(in.Profiles), slices.Clone(in.Workspaces)
	for i := range in.Profiles {
		in.Profiles[i].Name = oneLine(called(in.Profiles[i]), maxName)
	}
	for i := range in.Workspaces {
		in.Workspaces[i].Name = oneLine(in.Workspaces[i].Name, maxName)
	}
	custom := roles.Custom{}
	for name, c := range in.CustomRoles {
		c.DisplayName, c.Description = oneLine(c.DisplayName, maxName), oneLine(c.Description, maxWords)
		custom[name] = c
	}
	in.CustomRoles = custom
}

// called is a profile as people know it: by its network and handle.
func called(p offer.Profile) string {
	if p.Of == nil {
		return p.Name
	}
	return string(p.Of.Spec.Network) + " " + p.Of.Spec.Handle
}

func (in *Invitation) check() error {
	return errors.Join(in.Envelope.check(), checkLink(in.Link), checkOrganization(in.Organization))
}

func (e Envelope) check() error {
	var errs []error
	if a, err := netmail.ParseAddress(e.To); err != nil || a.Address != e.To {
		errs = append(errs, fmt.Errorf("%q is not a plain mail address", e.To))
	}
	if !isMessageID(e.MessageID) {
		errs = append(errs, fmt.Errorf("%q is not a Message-ID", e.MessageID))
	}
	return errors.Join(errs...)
}

func checkOrganization(name string) error {
	if name == "" {
		return errors.New("the organisation has no name")
	}
	return nil
}

func checkLink(link string) error {
	if !offer.IsWebAddress(link) {
		return errors.New("the link is not an http or https address")
	}
	return nil
}

// isMessageID takes left@right in printable ASCII without brackets (RFC 5322, 3.6.4).
func isMessageID(s string) bool {
	left, right, ok := strings.Cut(s, "@")
	return ok && left != "" && right != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '<' || r == '>'
	})
}

// answerTo is the inviter, if there is an address that the mail can carry. Else the mail does not say that the inviter reads answers.
func (c *Composer) answerTo(in *Invitation) netmail.Address {
	a, err := netmail.ParseAddress(in.InviterAddress)
	if err != nil || a.Address != in.InviterAddress || !isASCII(in.InviterAddress) && isASCII(in.To) {
		in.InviterAddress = ""
		return c.replyTo
	}
	if in.Inviter == in.InviterAddress {
		return netmail.Address{Address: in.InviterAddress}
	}
	return netmail.Address{Name: in.Inviter, Address: in.InviterAddress}
}

// senderName is "Acme via Roster". An organisation whose name looks like an address does not get to be the sender's name.
func (c *Composer) senderName(organization string) string {
	organization = oneLine(organization, maxSender)
	switch {
	case strings.ContainsAny(organization, "@<>\""):
		return c.from.Name
	case c.from.Name == "":
		return organization
	}
	return organization + " via " + c.from.Name
}

// boundary separates the parts of a mail (RFC 2046, 5.1.1). It follows from the Message-ID, so that a repeated mail is the same.
func boundary(messageID string) string {
	sum := sha256.Sum256([]byte(messageID))
	return "roster-" + hex.EncodeToString(sum[:16])
}

// maxLine is the width of plain text in characters (RFC 5322, 2.1.1, asks for no more than 78).
const maxLine = 76

// wrap breaks a paragraph into lines, each after the prefix. Only plain spaces are broken at: not the ones that French wants kept.
func wrap(prefix, text string) string {
	var out strings.Builder
	width := 0
	for i, word := range strings.Split(text, " ") {
		n := len([]rune(word))
		switch {
		case i == 0:
			out.WriteString(prefix)
			width = len(prefix)
		case width+1+n > maxLine:
			out.WriteString("\n" + prefix)
			width = len(prefix)
		default:
			out.WriteByte(' ')
			width++
		}
		out.WriteString(word)
		width += n
	}
	return strings.TrimRight(out.String(), " ")
}
