// SPDX-License-Identifier: Apache-2.0

package people

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/offer"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/roles"
)

// personPage is everything about somebody that the organisation knows.
type personPage struct {
	Frame                  console.Frame
	Back                   string
	Name, Address, Company string
	State                  console.Badge
	Owner                  bool
	// Why somebody stands there, and what the operator noted in English.
	Why, Detail string
	// Twin is the page of another entry of the same address; empty where there is none.
	Twin string
	Role roles.Term
	// May is what the role allows in the organisation; empty for nothing.
	May                    string
	Joined, SignedIn, Ends web.MomentView
	// NeverSignedIn: they joined, and no sign-in is known.
	NeverSignedIn bool
	// Factor tells of their second factor; FactorAsked: the organisation asks them for one.
	Factor      string
	FactorAsked bool
	InvitedBy   web.Action
	// Holds says when the rights count that are shown: once the person accepts, for example. Empty for now.
	Holds             string
	Profiles          []rightView
	Workspaces, Teams []string
	Deeds             []deedView
	HandOver, Self    string
	History           []eventView
	// Copy is the page with a link to pass on; empty where no link works or it is not theirs to give.
	Copy    string
	Outlook []string
}

type deedView struct {
	web.Action
	// Quiet are all but the first.
	Quiet bool
}

// rightView is what somebody may do on a profile, and where it comes from.
type rightView struct {
	Profile, May string
	From         []string
}

func (h *Handler) getPerson(kind string) func(*console.Visit) error {
	return func(v *console.Visit) error {
		s, err := h.lookUp(v, kind)
		if err != nil {
			return err
		}
		page := personPage{Frame: v.Frame(), Back: v.To(Path), Name: s.name, Address: s.address}
		w := speech{v.Words, s.all}
		page.about(w, s)
		page.rights(w, s)
		page.deeds(v, s, v.Holds())
		if page.InvitedBy, err = h.inviter(v, s); err != nil {
			return err
		}
		if inv := s.invitation; inv != nil {
			page.History, page.Outlook = w.events(inv), w.outlook(inv, v.Now())
		}
		if s.twin != "" {
			page.Twin = v.To(Path + "/" + console.KindMembers + "/" + s.twin)
		}
		return v.Show(http.StatusOK, pagePerson, w.T("people.person.title", "Name", s.name, "Org", page.Frame.Org), page)
	}
}

// about fills in who somebody is, and where they stand.
func (p *personPage) about(w speech, s *subject) {
	p.State = s.standing.Badge(w.Words)
	p.Why, p.Detail = w.why(s)
	p.Role = w.role(s.person.Holds.Role, slices.Contains(s.person.Holds.Permissions, rosterv1alpha1.PermissionAddProfiles))
	p.May = w.mayHere(s.person.Holds.Permissions)
	if at := s.person.Ends; at != nil {
		p.Ends = w.Short(at.Time)
	}
	m := s.member
	if m == nil {
		return
	}
	p.Company, p.Owner = m.Spec.Company, s.person.Holds.Role == rosterv1alpha1.RoleOwner
	p.Factor, p.FactorAsked = factor(w.Words, m.Status.SecondFactor), account.DemandsFactor(s.all.Organization, m)
	if t := m.Status.JoinedTime; t != nil {
		p.Joined = w.Short(t.Time)
	}
	t := m.Status.LastSignInTime
	if p.NeverSignedIn = s.joined() && t == nil; t != nil {
		p.SignedIn = w.Short(t.Time)
	}
}

// rights fills in what somebody holds, or will.
func (p *personPage) rights(w speech, s *subject) {
	switch s.standing {
	case console.StandingActive:
	case console.StandingInvited, console.StandingExpired, console.StandingUndeliverable, console.StandingDeclined, console.StandingWithdrawn:
		p.Holds = w.T("people.holds.invited")
	case console.StandingSuspended:
		p.Holds = w.T("people.holds.suspended")
	case console.StandingEnded:
		p.Holds = w.T("people.holds.ended")
	case console.StandingWaiting:
		p.Holds = w.T("people.holds.waiting")
	}
	for _, e := range s.person.Holds.Grants {
		view := rightView{Profile: w.names().Profile(e.Profile), May: console.May(w.Words, s.person.Holds.Named(e.Profile))}
		for _, g := range s.person.Grants {
			if g.Profile == e.Profile {
				view.From = append(view.From, w.from(g))
			}
		}
		if e.Profile == access.AllProfiles {
			view.Profile = w.T("people.everyProfile")
		}
		p.Profiles = append(p.Profiles, view)
	}
	for _, name := range s.person.Holds.Workspaces {
		if name == access.AllProfiles {
			p.Workspaces = []string{w.T("people.everyWorkspace")}
			break
		}
		p.Workspaces = append(p.Workspaces, w.names().Workspace(name))
	}
	for _, t := range s.teams() {
		p.Teams = append(p.Teams, w.T("people.fact", "What", w.names().Team(t.Name), "Value", w.roleOnProfile(string(t.Spec.Role))))
	}
}

// deeds fills in what can be done.
func (p *personPage) deeds(v *console.Visit, s *subject, held access.Effective) {
	manages := held.May(rosterv1alpha1.PermissionManageMembers)
	switch {
	case s.isOwner() && manages:
		p.HandOver = v.To("/team/owner")
	case s.isSelf(v) && manages:
		p.Self = v.Words.T("people.blocked.self")
	}
	if inv := s.invitation; inv != nil && manages && s.withdrawable() && inv.Status.State == rosterv1alpha1.InvitationSent {
		p.Copy = v.To("/team/invite/links/" + inv.Name)
	}
	for i, d := range s.offered(held, s.isSelf(v)) {
		p.Deeds = append(p.Deeds, deedView{
			Action: web.Action{Text: v.Words.T("people.do." + string(d)), Href: v.To(s.path(string(d)))},
			Quiet:  i > 0,
		})
	}
}

// inviter is who answers for what somebody was offered, with their page; empty where that is not known.
func (h *Handler) inviter(v *console.Visit, s *subject) (web.Action, error) {
	by := ""
	if s.member != nil {
		by = s.member.Spec.InvitedBy
	}
	if s.invitation != nil {
		by = cmp.Or(by, s.invitation.Spec.InvitedBy)
	}
	if by == "" {
		return web.Action{}, nil
	}
	asked := &rosterv1alpha1.Invitation{}
	asked.Namespace, asked.Spec.InvitedBy = v.Namespace(), by
	who, members, err := offer.Inviter(v.R.Context(), v.Cache(), invitation.Offer{Invitation: asked}, h.Desk.UserPrefix)
	switch {
	case err != nil:
		return web.Action{}, err
	case len(members) > 0:
		return web.Action{Text: membership.NameOf(members[0]), Href: v.To(Path + "/" + console.KindMembers + "/" + members[0].Name)}, nil
	case who.Address != "":
		return web.Action{Text: string(who.Address)}, nil
	}
	return web.Action{Text: strings.TrimPrefix(by, "system:serviceaccount:")}, nil
}
