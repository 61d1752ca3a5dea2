// SPDX-License-Identifier: Apache-2.0

package console

import (
	"cmp"
	"slices"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/refusal"
	"github.com/roster-dev/roster/internal/roles"
)

// Fields are the ids of a form's fields by the path of what they write, such as spec.displayName. A path stands for all below it, too.
type Fields map[string]string

// id of the field that writes the path, or most of it; empty for none.
func (f Fields) id(path string) string {
	longest, id := -1, ""
	for at, field := range f {
		rest, below := strings.CutPrefix(path, at)
		if below && (rest == "" || rest[0] == '.' || rest[0] == '[') && len(at) > longest {
			longest, id = len(at), field
		}
	}
	return id
}

const cannotWrite = "Cannot write in a person's name"

// Refused puts the answer of the API server to what the person wanted into words, each with the field of the form that it is about, as far
// as fields name it. It returns the error itself where it is none that the person can do something about.
func (v *Visit) Refused(err error, fields ...Fields) ([]web.Problem, error) {
	all := refusal.Read(err)
	if all == nil {
		return nil, err
	}
	say := v.speaker()
	var problems []web.Problem
	for _, r := range all {
		switch r.Kind {
		case refusal.Later, refusal.Unsure, refusal.WebhookAway:
			v.Log().Error(err, cannotWrite, "account", v.Person.Account.Name)
		case refusal.Acting: // The error names the person, and logs do not.
			v.Log().Error(nil, cannotWrite, "account", v.Person.Account.Name, "refused", r.Rule)
		}
		p := say.problem(r)
		for _, f := range fields {
			p.Field = cmp.Or(p.Field, f.id(r.Field))
		}
		if p.Field == "" && r.Kind == refusal.Schema && r.Field != "" {
			p.Text = v.Words.T("console.at", "Field", r.Field, "Text", p.Text)
		}
		problems = append(problems, p)
	}
	return problems, nil
}

// Sentences are problems in one text, for where there is no room for a list.
func (v *Visit) Sentences(problems []web.Problem) string {
	var all []string
	for _, p := range problems {
		all = append(all, p.Text)
		if p.Quote != "" {
			all = append(all, v.Words.T("console.quoted", "Says", p.Quote))
		}
	}
	return strings.Join(all, " ")
}

// speaker puts refusals into the words of one language.
type speaker struct {
	words  web.Words
	custom roles.Custom
	// whom to ask.
	whom  string
	names Names
}

func (v *Visit) speaker() speaker {
	all, err := v.Snapshot()
	if err != nil {
		v.Log().Error(err, "Cannot read from the cache")
		all = &membership.Snapshot{}
	}
	return speaker{words: v.Words, custom: membership.CustomRoles(all.Roles), whom: v.whom(), names: Names{Words: v.Words, All: all}}
}

// problem is a refusal in words. What nobody has translated is quoted.
func (s speaker) problem(r refusal.Refusal) web.Problem {
	switch {
	case r.Rule != "" && r.Kind == refusal.Policy:
		return web.Problem{Text: s.words.T("console.policy."+r.Rule, s.pairs(r)...)}
	case r.Rule != "" && r.Kind == refusal.Schema:
		return web.Problem{Text: s.words.T("console.schema."+r.Rule, s.pairs(r)...)}
	case r.Kind == refusal.Policy, r.Kind == refusal.Schema:
		return web.Problem{Text: s.words.T("console.refused"), Quote: r.Says}
	case r.Kind == refusal.Role:
		return web.Problem{Text: s.words.T("console.role", "What", s.resource(r.Names["resource"]), "Whom", s.whom)}
	}
	p := web.Problem{Text: s.words.T("console."+string(r.Kind), s.pairs(r)...)}
	if r.Kind == refusal.Webhook || r.Kind == refusal.Other {
		p.Quote = r.Says
	}
	return p
}

// resource is what a kind of objects is called.
func (s speaker) resource(plural string) string {
	id := "console.resource." + plural
	if text := s.words.T(id); text != id {
		return text
	}
	return plural
}

// pairs are the names in a refusal, as texts want them. Roles are called what they are called everywhere else.
func (s speaker) pairs(r refusal.Refusal) []any {
	pairs := []any{"Whom", s.whom}
	for name, value := range r.Names {
		switch name {
		case "role":
			value = s.words.Roles.InOrganization(rosterv1alpha1.OrganizationRole(value), false, s.custom).Name
		case "profilerole":
			value = s.words.Roles.OnProfile(rosterv1alpha1.ProfileRole(value), s.custom).Name
		case "grants":
			value = s.grants(value)
		case "orphans":
			value = s.profiles(value)
		}
		pairs = append(pairs, strings.ToUpper(name[:1])+name[1:], value)
	}
	return pairs
}

// grants are roles on profiles: "Editor on acme-fb, Guest on acme-tv".
func (s speaker) grants(list string) string {
	var all []string
	for one := range strings.SplitSeq(list, ", ") {
		if role, profile, ok := strings.Cut(one, " on "); ok {
			one = s.words.T("console.onProfile",
				"Role", s.words.Roles.OnProfile(rosterv1alpha1.ProfileRole(role), s.custom).Name, "Profile", profile)
		}
		all = append(all, one)
	}
	return strings.Join(all, ", ")
}

// mostAsked is how many people a sentence names.
const mostAsked = 3

// whom are the people to ask for what one may not do oneself: the owner first, then those who may do most.
func (v *Visit) whom() string {
	all, err := v.Members()
	if err != nil {
		return v.Words.T("console.whom")
	}
	ranks := []rosterv1alpha1.OrganizationRole{rosterv1alpha1.RoleOwner, rosterv1alpha1.RoleCoOwner, rosterv1alpha1.RoleManager}
	rank := func(m *rosterv1alpha1.Member) int {
		return slices.Index(ranks, rosterv1alpha1.OrganizationRole(m.Status.Role))
	}
	var asked []*rosterv1alpha1.Member
	for _, m := range all {
		if membership.IsActive(m) && rank(m) >= 0 && m.Name != v.Member.Name {
			asked = append(asked, m)
		}
	}
	slices.SortFunc(asked, func(a, b *rosterv1alpha1.Member) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(membership.NameOf(a), membership.NameOf(b)))
	})
	var names []string
	for _, m := range asked[:min(len(asked), mostAsked)] {
		names = append(names, membership.NameOf(m))
	}
	if len(names) == 0 {
		return v.Words.T("console.whom")
	}
	return v.orList(names)
}

func (v *Visit) orList(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return v.Words.T("console.or", "First", strings.Join(names[:last], ", "), "Last", names[last])
}
