// SPDX-License-Identifier: Apache-2.0

package activity

import (
	"cmp"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
)

// speech puts what has happened into words.
type speech struct {
	*console.Visit
	// names of people by their address.
	names map[string]string
}

func newSpeech(v *console.Visit, members []*rosterv1alpha1.Member) *speech {
	s := &speech{Visit: v, names: make(map[string]string, len(members))}
	for _, m := range members {
		s.names[strings.ToLower(cmp.Or(m.Status.Email, m.Spec.Email))] = membership.NameOf(m)
	}
	return s
}

// person is what somebody is called, by their address or user name.
func (s *speech) person(user string) string {
	address := s.Address(user)
	return cmp.Or(s.names[strings.ToLower(address)], address)
}

// who did it; empty where nobody knows.
func (s *speech) who(h happening) string {
	switch {
	case h.person != "":
		return s.person(h.person)
	case h.writer == nil:
		return ""
	case h.writer.User != "":
		return s.person(h.writer.User)
	}
	return s.WriterName(*h.writer)
}

// subject is what a person who has joined since is called, else what the object says.
func (s *speech) subject(h happening) string {
	return cmp.Or(s.names[strings.ToLower(h.subject)], h.subject)
}

// about keeps what somebody did, or what was done to them.
func (s *speech) about(all []happening, search string) []happening {
	words := console.SearchFor(search)
	if len(words) == 0 {
		return all
	}
	var kept []happening
	for _, h := range all {
		if words.In(console.Fold(strings.Join([]string{s.subject(h), h.subject, h.address, s.who(h), h.person}, "\n"))) {
			kept = append(kept, h)
		}
	}
	return kept
}

// rows of a page.
func (s *speech) rows(shown []happening, known owners) []row {
	var rows []row
	for _, h := range shown {
		if h.writer == nil && h.field != "" {
			h.writer = known.writerOf(h.object.GetUID(), h.field)
		}
		r := row{When: s.Words.Short(h.at), What: s.Words.T(h.text, "Subject", s.subject(h)), Who: s.who(h)}
		if h.writer != nil && h.field == "" && strings.HasSuffix(h.text, ".changed") {
			r.Fields = s.fields(known.fieldsOf(h.object.GetUID(), *h.writer))
		}
		rows = append(rows, r)
	}
	return rows
}

// fields in words, as far as there are some.
func (s *speech) fields(names []string) string {
	var all []string
	for _, name := range names {
		id := "activity.field." + name
		if text := s.Words.T(id); text != id {
			all = append(all, text)
		}
	}
	return strings.Join(all, ", ")
}
