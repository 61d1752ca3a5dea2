// SPDX-License-Identifier: Apache-2.0

package console

import (
	"slices"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/web"
)

// fewProfiles are so many that none of them is folded away.
const fewProfiles = 12

// OfferView shows the fields of what somebody is given: the template console-offer takes it as .Content.Offer.
type OfferView struct {
	web.Fields
	Roles []roleView
	// Connects: the only role is that of a profile connector, who takes no profiles.
	Connects bool
	// AddsOffered reports whether canManageProfiles can be turned on, and Adds whether it is.
	AddsOffered, Adds bool
	// Chosen are the profiles with a role, and the others if they are few; Others are the rest, by network.
	Chosen     []targetView
	Others     []groupView
	Workspaces []targetView
	End        string
	// EndAtTime: the end is no whole day.
	EndAtTime bool
}

type roleView struct {
	Choice
	ID      string
	Checked bool
}

type targetView struct {
	web.FieldView
	Title, Kind string
	Options     []Option
	Chosen      bool
}

type groupView struct {
	Kind, Summary string
	Profiles      []targetView
}

// View shows the fields with what is chosen, and what has to be corrected.
func (c *Choices) View(o Offer, problems []web.Problem) OfferView {
	view := OfferView{
		Fields: web.Fields{Problems: problems}, Connects: len(c.Roles) == 1 && c.Roles[0].Value == string(rosterv1alpha1.RoleProfileConnector),
		AddsOffered: c.CanManageProfiles, Adds: o.CanManageProfiles, End: o.endText(),
	}
	for i, r := range c.Roles {
		id := FieldRole
		if i > 0 {
			id += "." + r.Value
		}
		view.Roles = append(view.Roles, roleView{Choice: r, ID: id, Checked: r.Value == string(o.Role) || view.Connects})
	}
	if _, err := time.Parse(time.DateOnly, view.End); err != nil && view.End != "" {
		view.EndAtTime = true
	}
	for _, t := range c.Workspaces {
		none := c.words.T("console.offer.workspace.none")
		view.Workspaces = append(view.Workspaces, view.target(PrefixWorkspace, t, o.inWorkspace(t.Name), none))
	}
	view.addProfiles(c, o)
	return view
}

func (view *OfferView) addProfiles(c *Choices, o Offer) {
	for _, t := range c.Profiles {
		field := view.target(PrefixProfile, t, string(o.OnProfile(t.Name)), c.words.T("console.offer.profile.none"))
		if field.Chosen || len(c.Profiles) <= fewProfiles {
			view.Chosen = append(view.Chosen, field)
			continue
		}
		i := slices.IndexFunc(view.Others, func(g groupView) bool { return g.Kind == t.Kind })
		if i < 0 {
			view.Others = append(view.Others, groupView{Kind: t.Kind})
			i = len(view.Others) - 1
		}
		view.Others[i].Profiles = append(view.Others[i].Profiles, field)
	}
	for i := range view.Others {
		g := &view.Others[i]
		g.Summary = g.Kind + " (" + c.words.N("console.offer.profiles.more", len(g.Profiles)) + ")"
	}
	slices.SortStableFunc(view.Chosen, func(a, b targetView) int {
		switch {
		case a.Chosen == b.Chosen:
			return 0
		case a.Chosen:
			return -1
		}
		return 1
	})
}

func (view *OfferView) target(prefix string, t Target, value, none string) targetView {
	field := targetView{FieldView: view.Field(prefix + t.Name), Title: t.Title, Kind: t.Kind, Chosen: value != ""}
	field.Options = append(field.Options, Option{Text: none, Selected: value == ""})
	for _, r := range t.Roles {
		text := r.Name
		if r.Words != "" {
			text += " – " + r.Words
		}
		field.Options = append(field.Options, Option{Value: r.Value, Text: text, Selected: r.Value == value})
	}
	return field
}
