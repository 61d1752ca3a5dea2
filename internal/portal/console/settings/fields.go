// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"cmp"
	"net/url"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// kind is how a field is typed in.
type kind string

// The kinds of fields.
const (
	kindText   kind = "text"
	kindNumber kind = "number"
	kindChoice kind = "choice"
	kindCheck  kind = "check"
	kindLines  kind = "lines"
	kindPairs  kind = "pairs"
)

// ticked is the value of a box that is ticked.
const ticked = "yes"

// field of a form.
type field struct {
	ID string
	// Path of what it sets in the spec, such as "invitations.validity".
	Path        string
	Kind        kind
	Label, Hint string
	Value       string
	// Empty is what it means to leave it empty.
	Empty   string
	Options []option
	Max     int
	// Pairs of a name and an address, with what their two fields are called. The names of the form's fields are ID and ID-url.
	Pairs                   []pair
	FirstLabel, SecondLabel string
}

// option of a choice.
type option struct{ Value, Text string }

// pair is a name and an address.
type pair struct{ First, Second string }

// section is a part of the settings that has a form of its own: what is wrong in it costs nothing that is typed elsewhere.
type section struct {
	Name, Title, Lead string
	Fields            []field
	// set brings what was typed into the spec.
	set func(values url.Values, spec *rosterv1alpha1.OrganizationSpec) []web.Problem
}

// typed is the section with what was typed instead of what is set.
func (s section) typed(values url.Values) section {
	fields := make([]field, len(s.Fields))
	for i, f := range s.Fields {
		f.Value = values.Get(f.ID)
		if f.Kind == kindPairs {
			f.Pairs = padded(readPairs(values, f.ID), 0)
		}
		fields[i] = f
	}
	s.Fields = fields
	return s
}

// written are the ids of the fields by what they write.
func (s section) written() console.Fields {
	ids := console.Fields{}
	for _, f := range s.Fields {
		id := f.ID
		if f.Kind == kindPairs {
			id = rowID(f.ID, 0)
		}
		ids["spec."+f.Path] = id
	}
	return ids
}

// facts are what is set, in words.
func (s section) facts(w web.Words) []fact {
	var facts []fact
	for _, f := range s.Fields {
		facts = append(facts, fact{f.Label, f.said(w)})
	}
	return facts
}

// said is the value in words.
func (f field) said(w web.Words) string {
	switch f.Kind {
	case kindCheck:
		if f.Value != "" {
			return w.T("settings.yes")
		}
		return w.T("settings.no")
	case kindChoice:
		for _, o := range f.Options {
			if o.Value == f.Value {
				return o.Text
			}
		}
	case kindPairs:
		var all []string
		for _, p := range f.Pairs {
			if p != (pair{}) {
				all = append(all, strings.TrimSpace(p.First+" "+p.Second))
			}
		}
		f.Value = strings.Join(all, ", ")
	case kindLines:
		f.Value = strings.Join(strings.Fields(f.Value), ", ")
	case kindText, kindNumber:
	}
	return cmp.Or(f.Value, f.Empty, w.T("settings.none"))
}

// maxPairs is how many environments or first steps there may be, as in the schema.
const maxPairs = 10

// padded has empty rows behind the filled ones: at least some more, and three in all.
func padded(pairs []pair, more int) []pair {
	for n := max(3, len(pairs)+more); len(pairs) < min(n, maxPairs); {
		pairs = append(pairs, pair{})
	}
	return pairs
}

// readPairs are the rows of a form.
func readPairs(values url.Values, id string) []pair {
	firsts, seconds := values[id], values[id+"-url"]
	var pairs []pair
	for i := range firsts {
		p := pair{First: web.Tidy(firsts[i])}
		if i < len(seconds) {
			p.Second = strings.TrimSpace(seconds[i])
		}
		pairs = append(pairs, p)
	}
	return pairs
}

func check(on *bool) string {
	if on != nil && *on {
		return ticked
	}
	return ""
}

func isTicked(values url.Values, id string) *bool {
	on := values.Get(id) != ""
	return &on
}
