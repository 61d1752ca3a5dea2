// SPDX-License-Identifier: Apache-2.0

package people

import (
	"context"
	"net/url"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// fieldSure is in a form once the page has told what the change means.
const fieldSure = "sure"

// hiddenFields carries what was typed to the next page.
func hiddenFields(values url.Values) []console.Hidden {
	var all []console.Hidden
	for name, some := range values {
		for _, value := range some {
			all = append(all, console.Hidden{Name: name, Value: value})
		}
	}
	slices.SortFunc(all, func(a, b console.Hidden) int {
		return slices.Compare([]string{a.Name, a.Value}, []string{b.Name, b.Value})
	})
	return all
}

// about is the object that a deed changes: the Invitation where it is about mails.
func (s *subject) about(d deed) client.Object {
	if d == resend || d == withdraw {
		return s.invitation
	}
	return s.object()
}

func (h *Handler) getSure(kind string, d deed) func(*console.Visit) error {
	return func(v *console.Visit) error {
		s, err := h.lookUp(v, kind)
		if err != nil {
			return err
		}
		if !v.Holds().May(rosterv1alpha1.PermissionManageMembers) {
			return v.NotFound()
		}
		return h.sureForm(v, s, d, nil)
	}
}

func (h *Handler) sureForm(v *console.Visit, s *subject, d deed, problems []web.Problem) error {
	w := speech{v.Words, s.all}
	page := console.Sure{
		Heading: w.T("people.heading."+string(d), "Name", s.name), Action: v.To(s.path(string(d))), Back: v.To(s.path("")),
	}
	if text, instead := s.blocked(d, s.isSelf(v)); text != "" {
		page.Lead = w.T(text, "Name", s.name, "Org", v.Organization.Spec.DisplayName, "State", s.standing.Badge(w.Words).Text)
		if instead.Href != "" {
			page.Go = web.Action{Text: w.T(instead.Text), Href: v.To(instead.Href)}
		}
	} else {
		page.Lead = w.T("people.lead."+s.called(d), "Name", s.name, "Org", v.Organization.Spec.DisplayName, "Address", s.address)
		page.Kept = v.KeptView(s.about(d))
		page.Points, page.Submit = h.points(w, s, d), w.T("people.do."+string(d))
		page.Hidden = []console.Hidden{{Name: console.FieldGeneration, Value: console.Generation(s.about(d))}}
	}
	return v.Ask(page, problems)
}

// blocked says why something cannot be done, and where to go instead; empty where it can.
func (s *subject) blocked(d deed, self bool) (text string, instead web.Action) {
	switch {
	case s.isOwner() && d != resend && d != withdraw:
		return "people.blocked.owner", web.Action{Text: "people.handOver", Href: "/team/owner"}
	case self:
		return "people.blocked.self", web.Action{}
	case d == resend && !s.mailable(), d == withdraw && !s.withdrawable():
		return "people.blocked.state", web.Action{}
	case d == suspend && membership.IsSuspended(s.member), d == resume && !membership.IsSuspended(s.member):
		return "people.blocked.state", web.Action{}
	case d == resume && s.standing == console.StandingEnded:
		return "people.blocked.ended", web.Action{Text: "people.do.end", Href: s.path(string(end))}
	case d == remove && !s.removable():
		return "people.blocked.guardrail", web.Action{Text: "people.do.suspend", Href: s.path(string(suspend))}
	}
	return "", web.Action{}
}

// points are what something means, one by one.
func (h *Handler) points(w speech, s *subject, d deed) []string {
	switch d {
	case resend:
		return resendPoints(w, s)
	case suspend:
		return append(w.means(s.name, s.all.Consequences(s.person, s.all.Once(s.suspended(true)))), w.T("people.seat.stays"))
	case resume:
		points := w.means(s.name, s.all.Consequences(s.person, s.all.Once(s.suspended(false))))
		if !s.joined() {
			points = append(points, w.T("people.resume.invited"))
		}
		return points
	case remove:
		return removePoints(w, s)
	}
	return nil
}

// called is what texts call what is done: a mail that something keeps back is requested, and does not go out.
func (s *subject) called(d deed) string {
	if d == resend && invitation.HeldBack(s.invitation) != "" {
		return string(d) + "Later"
	}
	return string(d)
}

func resendPoints(w speech, s *subject) []string {
	points := []string{w.T("people.resend.limit")}
	if ptr.Deref(s.invitation.Spec.Revoked, false) {
		points = append(points, w.T("people.resend.reopens"))
	}
	if text, detail := w.why(s); detail != "" {
		points = append(points, text+" ("+detail+")")
	}
	return points
}

func removePoints(w speech, s *subject) []string {
	points := w.means(s.name, s.all.Consequences(s.person, nil))
	if teams := s.teamNames(); len(teams) > 0 {
		points = append(points, w.T("people.remove.teams", "Teams", console.ListedAs(w.Words, teams, w.names().Team)))
	}
	return append(points, w.T("people.seat.frees"), w.T("people.remove.final"))
}

// suspended is the Member with the suspension as it is going to be.
func (s *subject) suspended(yes bool) *rosterv1alpha1.Member {
	m := s.member.DeepCopy()
	m.Spec.Suspended = ptr.To(yes)
	return m
}

func (h *Handler) postSure(kind string, d deed) func(*console.Visit) error {
	return func(v *console.Visit) error {
		s, err := h.lookUp(v, kind)
		if err != nil {
			return err
		}
		if text, _ := s.blocked(d, false); text == "people.blocked.state" {
			return h.sureForm(v, s, d, []web.Problem{{Text: v.Words.T("console.conflict")}})
		}
		if problems := v.Unconfirmed(s.about(d)); problems != nil {
			return h.sureForm(v, s, d, problems)
		}
		if s.makesCoOwner(d) && !v.Person.Session.Fresh(v.Now()) {
			return v.SeeOther("/sign-in/confirm", v.Wanted())
		}
		return v.Wrote(h.act(v, s, d), func() error {
			if d == remove {
				return h.removed(v, s)
			}
			return v.Done(s.path(""), "people.done."+s.called(d), "Name", s.name)
		}, func(problems []web.Problem) error { return h.sureForm(v, s, d, problems) })
	}
}

// makesCoOwner reports whether a deed gives the role of a co-owner back to somebody who is suspended, or offers it again.
func (s *subject) makesCoOwner(d deed) bool {
	switch d {
	case resume:
		return s.makesCoOwnerAs(s.suspended(false))
	case resend:
		return wishOf(s).offer.Role == rosterv1alpha1.RoleCoOwner
	}
	return false
}

// makesCoOwnerAs reports whether the role of a co-owner is given where the Member or the Invitation is to be like that.
func (s *subject) makesCoOwnerAs(after client.Object) bool {
	switch o := after.(type) {
	case *rosterv1alpha1.Member:
		return console.MakesCoOwner(&s.member.Spec, &o.Spec)
	case *rosterv1alpha1.Invitation:
		return console.OfferOfInvitation(&s.invitation.Spec).MakesCoOwner(console.OfferOfInvitation(&o.Spec))
	}
	return false
}

// act does it.
func (h *Handler) act(v *console.Visit, s *subject, d deed) error {
	switch d {
	case suspend, resume:
		return write(v, s.member, func() {
			s.member.Spec.Suspended = ptr.To(d == suspend)
			if d == resume && !s.joined() {
				s.member.Spec.InvitedBy = v.User() // who offers it again answers for it
			}
		})
	case remove:
		return v.Delete(s.member)
	case resend:
		return write(v, s.invitation, func() { ask(v, s.invitation) })
	case withdraw:
		return write(v, s.invitation, func() { s.invitation.Spec.Revoked = ptr.To(true) })
	}
	return nil
}

// ask asks for another mail. An invitation that was withdrawn is offered again, by the one who asks.
func ask(v *console.Visit, inv *rosterv1alpha1.Invitation) {
	at := invitation.ResendAt(inv, v.Now())
	inv.Spec.ResendRequestedAt = &at
	if ptr.Deref(inv.Spec.Revoked, false) {
		inv.Spec.Revoked = ptr.To(false)
		if inv.Spec.MemberRef == nil {
			inv.Spec.InvitedBy = v.User()
		}
	}
}

// write changes an object that has just been read. Where nothing but its status has changed since, it does so again.
func write[T any, P interface {
	*T
	client.Object
}](v *console.Visit, o P, change func()) error {
	var err error
	for range 5 {
		name, generation := o.GetName(), o.GetGeneration()
		change()
		if err = v.Update(o); !apierrors.IsConflict(err) {
			return err
		}
		*o = *new(T)
		if again := v.Get(name, o); again != nil {
			return again
		}
		if o.GetGeneration() != generation {
			return err
		}
	}
	return err
}

// catchUp is how long a page waits at most for the cache to know what has just been written.
const catchUp = 2 * time.Second

// removed tidies up after somebody who has been removed, and shows the list.
func (h *Handler) removed(v *console.Visit, s *subject) error {
	left := v.TakeOut(s.teams(), console.MembersOf, func(member string) bool { return member == s.member.Name })
	// The list is made of the cache.
	_ = wait.PollUntilContextTimeout(v.R.Context(), 20*time.Millisecond, catchUp, true, func(ctx context.Context) (bool, error) {
		m := &rosterv1alpha1.Member{}
		there := v.Cache().Look(ctx, client.ObjectKeyFromObject(s.member), m)
		return !there || m.UID != s.member.UID || m.DeletionTimestamp != nil, nil
	})
	if len(left) > 0 {
		teams := console.ListedAs(v.Words, left, speech{v.Words, s.all}.names().Team)
		return v.Done(Path, "people.done.removeTeams", "Name", s.name, "Teams", teams)
	}
	return v.Done(Path, "people.done.remove", "Name", s.name)
}

// leaveTeam takes a name out of a Team.
func leaveTeam(v *console.Visit, team, name string) error {
	_, err := console.UpdateFresh(v, team, &rosterv1alpha1.Team{}, func(t *rosterv1alpha1.Team) bool {
		before := len(t.Spec.Members)
		t.Spec.Members = slices.DeleteFunc(t.Spec.Members, func(member string) bool { return member == name })
		return len(t.Spec.Members) < before
	})
	return client.IgnoreNotFound(err)
}

// joinTeam adds a name to a Team.
func joinTeam(v *console.Visit, team, name string) error {
	_, err := console.UpdateFresh(v, team, &rosterv1alpha1.Team{}, func(t *rosterv1alpha1.Team) bool {
		if slices.Contains(t.Spec.Members, name) {
			return false
		}
		t.Spec.Members = append(t.Spec.Members, name)
		return true
	})
	return err
}
