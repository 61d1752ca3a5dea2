// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"slices"
	"strings"
	"unicode"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/roles"
)

// maxRows is how many profiles or workspaces a mail lists; it says how many more there are.
const maxRows = 10

// view is everything that the templates show, in the reader's language. The templates only arrange it.
type view struct {
	Language     string
	Colon        string
	Subject      string
	Preview      string
	Monogram     string
	Organization string
	Heading      string
	Greeting     string
	Opening      string
	Quote        *quote
	Role         roles.Term
	RoleLabel    string
	Lists        []list
	Legend       []roles.Term
	Button       string
	Link         string
	LinkLabel    string
	LinkText     string
	Expiry       string
	Ends         string
	Next         string
	NextText     string
	Environments []rosterv1alpha1.Environment
	Elsewhere    string
	Private      string
	Footer       []string
}

// quote is the personal message.
type quote struct {
	Label string
	Lines []string
}

// list is what is given on profiles or workspaces.
type list struct {
	Label string
	Rows  []row
	More  string
}

type row struct{ Name, Role string }

func newView(s *speaker, terms roles.Words, in Invitation) view {
	names := words{
		"Organization": in.Organization, "Inviter": in.Inviter, "Email": in.To, "Name": in.Name,
		"Duration": s.duration(in.Expiry.Sub(in.Now)),
	}
	// by chooses the wording by whether a person or only the organisation invites.
	by := func(id string) string {
		if in.Inviter == "" {
			return s.say(id+".organization", names)
		}
		return s.say(id+".inviter", names)
	}
	v := view{
		Language: string(s.locale), Colon: s.say("colon", nil), Organization: in.Organization, Monogram: monogram(in.Organization),
		Subject: by("subject"), Heading: s.say("heading.invitation", names), Opening: by("opening"),
		Greeting:  s.greeting(in.Name),
		RoleLabel: s.say("role.label", nil), Role: terms.InOrganization(in.Role, in.AddsProfiles, in.CustomRoles),
		Button: s.say("button", nil), Link: in.Link, LinkLabel: s.say("link.label", nil), LinkText: s.say("link.text", nil),
		Expiry: s.say("expiry", words{"Time": s.time(in.Expiry), "Duration": unbroken(s.duration(in.Expiry.Sub(in.Now)))}),
		Next:   s.say("next.button", nil), NextText: s.say("next.link", nil),
		Private: s.say("private", nil),
		Footer:  []string{by("why"), by("stranger")},
	}
	switch {
	case in.Reminder > 0:
		v.Subject, v.Heading, v.Opening = s.say("subject.reminder", names), s.say("heading.reminder", names), by("opening.reminder")
	case in.Again:
		v.Subject = s.say("subject.again", words{"Subject": v.Subject})
		v.Expiry += " " + s.say("expiry.again", nil)
	}
	if in.Ends != nil {
		v.Ends = s.say("ends", words{"Time": s.time(in.Ends.Time)})
	}
	if in.Message != "" {
		v.Quote = newQuote(s, in, names)
	}
	if in.Inviter != "" && in.InviterAddress != "" {
		v.Footer = append(v.Footer, s.say("reply", names))
	}
	if len(in.Environments) > 0 {
		v.Elsewhere, v.Environments = s.say("environment.label", nil), in.Environments
	}
	v.Preview = v.Opening + " " + v.Expiry
	v.addLists(s, terms, in)
	return v
}

func newQuote(s *speaker, in Invitation, names words) *quote {
	label := s.say("quote.plain", names)
	if in.Inviter != "" {
		label = s.say("quote.inviter", names)
	}
	return &quote{Label: label, Lines: strings.Split(in.Message, "\n")}
}

// addLists lists workspaces and profiles, and explains the roles on them.
func (v *view) addLists(s *speaker, terms roles.Words, in Invitation) {
	var workspaces, profiles []row
	for _, w := range in.Workspaces {
		role := s.say("workspace.shown", nil)
		if w.Role != "" {
			role = v.explain(terms.OnProfile(w.Role, in.CustomRoles))
		}
		workspaces = append(workspaces, row{w.Name, role})
	}
	for _, p := range in.Profiles {
		profiles = append(profiles, row{p.Name, v.explain(terms.OnProfile(p.Role, in.CustomRoles))})
	}
	if in.AllProfiles {
		profiles = append(profiles, row{s.say("profile.all", nil), v.explain(terms.OnProfile(rosterv1alpha1.ProfileAdministrator, nil))})
	}
	v.addList(s, "workspace.label", workspaces)
	v.addList(s, "profile.label", profiles)
}

func (v *view) addList(s *speaker, label string, rows []row) {
	if len(rows) == 0 {
		return
	}
	l := list{Label: s.say(label, nil), Rows: rows}
	if more := len(rows) - maxRows; more > 0 {
		l.Rows, l.More = rows[:maxRows], s.count("more", more)
	}
	v.Lists = append(v.Lists, l)
}

// explain adds a role to the legend, if there is something to say about it, and returns its name.
func (v *view) explain(role roles.Term) string {
	if role.Words != "" && !slices.Contains(v.Legend, role) {
		v.Legend = append(v.Legend, role)
	}
	return role.Name
}

// unbroken keeps words on one line.
func unbroken(text string) string { return strings.ReplaceAll(text, " ", "\u00a0") }

// monogram is the first letter of a name.
func monogram(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "•"
}

// oneLine makes text safe for a header and for the middle of a sentence: no line breaks or other control characters, nothing that
// turns the direction of writing or hides in an encoding, no more than limit characters.
func oneLine(text string, limit int) string {
	fields := strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	})
	line := strings.Map(dropDirection, strings.Join(fields, " "))
	// What looks like an encoded word (RFC 2047, 2) would be decoded by the reader's mail program.
	line = strings.ReplaceAll(line, "=?", "= ?")
	if runes := []rune(line); len(runes) > limit {
		return strings.TrimSpace(string(runes[:limit-1])) + "…"
	}
	return line
}

// paragraphs makes text safe for the body: line breaks stay, other control characters go.
func paragraphs(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n\n").Replace(strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			if r == '\t' {
				return ' '
			}
			return -1
		}
		return dropDirection(r)
	}, text)
	return strings.Trim(text, "\n ")
}

// dropDirection removes characters that turn the direction of writing (Unicode bidi embeddings, overrides and isolates), with which a
// name can pass for another.
func dropDirection(r rune) rune {
	if r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069' {
		return -1
	}
	return r
}
