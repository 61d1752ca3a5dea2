// SPDX-License-Identifier: Apache-2.0

// Package inviting has the pages on which people invite others: whom, to what, a look at it before anything is sent, and what became of it.
package inviting

import (
	"embed"
	"net/http"
	"net/url"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/quota"
)

// Files are the templates and texts of the room.
//
//go:embed templates/*.html texts/*.yaml
var Files embed.FS

// The pages.
const (
	pageSeat  web.PageName = "inviting-seat"
	pageForm  web.PageName = "inviting-form"
	pageCheck web.PageName = "inviting-check"
	pageOne   web.PageName = "inviting-one"
	pageLink  web.PageName = "inviting-link"
)

// Handler of the pages on which people invite.
type Handler struct {
	Desk *console.Desk
	// Composer writes the mails that people look at. None is sent by it.
	Composer *mail.Composer
	// LinkKeys sign links that are copied.
	LinkKeys *web.KeySource
}

// Path of the room behind that of the organisation.
const Path = "/team/invite"

// Tab leads to the form.
func Tab() console.Tab { return console.Tab{Page: Path, Text: "inviting.tab"} }

// Routes are the pages on which people invite.
func (h *Handler) Routes() []web.Route {
	const room = "/organizations/{namespace}" + Path
	return []web.Route{
		{Path: room, Get: h.enter(h.get), Post: h.enter(h.post), Returnable: true},
		{Path: room + "/links/{name}", Get: h.enter(h.getLink), Returnable: true},
	}
}

// visit is one by somebody who may invite.
type visit struct {
	*console.Visit

	choices *console.Choices
	// seats are those that the person may give.
	seats []seat
}

// enter lets those in who may invite, and tells all others who may look at the team whom to ask.
func (h *Handler) enter(page func(*visit) error) func(*web.Visit) error {
	return h.Desk.Open(func(v *console.Visit) error {
		may, err := h.mayInvite(v)
		if err != nil {
			return err
		}
		if !may {
			return v.Say(http.StatusForbidden, web.SymbolStop, v.Words.T("inviting.refused.title"),
				v.Words.T("inviting.refused.text", "Org", v.Organization.Spec.DisplayName))
		}
		choices, err := v.Choices()
		if err != nil {
			return err
		}
		return page(&visit{Visit: v, choices: choices, seats: seatsOf(choices)})
	})
}

// mayInvite asks what the policy roster-inviters asks.
func (h *Handler) mayInvite(v *console.Visit) (bool, error) {
	questions := []invitation.Review{{Verb: "create", Resource: "invitations"}}
	if v.Organization.Spec.Invitations.AllowedFor == rosterv1alpha1.InvitersOwner {
		questions = append(questions, invitation.Review{Verb: "transfer", Resource: "organizations", Name: v.Organization.Name})
	}
	for _, q := range questions {
		if may, err := h.Desk.Sessions.May(v.Visit, v.Namespace(), q); !may || err != nil {
			return false, err
		}
	}
	return true, nil
}

// seat is what somebody takes in the plan.
type seat string

// The seats. A limited one is that of a profile connector, whom no plan counts.
const (
	seatFull    seat = "full"
	seatLimited seat = "limited"
)

// takes reports whether a role takes that seat.
func (s seat) takes(role rosterv1alpha1.OrganizationRole) bool {
	return (s == seatLimited) == (role == rosterv1alpha1.RoleProfileConnector)
}

// seatsOf are the seats that the roles take.
func seatsOf(c *console.Choices) []seat {
	var all []seat
	for _, s := range []seat{seatFull, seatLimited} {
		for _, r := range c.Roles {
			if s.takes(rosterv1alpha1.OrganizationRole(r.Value)) {
				all = append(all, s)
				break
			}
		}
	}
	return all
}

// takeSeat leaves the roles that take that seat.
func (v *visit) takeSeat(s seat) { v.choices.OnlyRoles(s.takes) }

// seatText says how many seats of a kind are left.
func (v *visit) seatText(s seat) string {
	w, plan := v.Words, v.Organization.Status.Plan
	left, limited := quota.Left(plan.Seats)
	switch {
	case s == seatLimited:
		return w.T("inviting.seats.connector")
	case !limited:
		return w.T("inviting.seats.unlimited")
	}
	return w.T("inviting.seats.left", "Left", left, "All", *plan.Seats.Limit, "Plan", plan.Name)
}

type seatPage struct {
	Frame   console.Frame
	Choices []seatChoice
}

type seatChoice struct{ Href, Name, Words, Seats string }

func (h *Handler) get(v *visit) error {
	wanted := seat(v.R.URL.Query().Get(fieldSeat))
	for _, s := range v.seats {
		if s == wanted || len(v.seats) == 1 {
			v.takeSeat(s)
			return h.form(v, newDraft(s), nil, nil)
		}
	}
	page := seatPage{Frame: v.Frame()}
	for _, s := range v.seats {
		page.Choices = append(page.Choices, seatChoice{
			Href: v.PathWith("/organizations/"+v.Namespace()+Path, url.Values{fieldSeat: {string(s)}}),
			Name: v.Words.T("inviting.seat." + string(s)), Words: v.Words.T("inviting.seat." + string(s) + "Words"), Seats: v.seatText(s),
		})
	}
	return v.Show(http.StatusOK, pageSeat, v.Words.T("inviting.title", "Org", page.Frame.Org), page)
}
