// SPDX-License-Identifier: Apache-2.0

package people

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// endPage is for the last day of a membership.
type endPage struct {
	web.Fields
	Frame         console.Frame
	Kept          *console.KeptView
	Changed       *console.ChangedView
	Heading, Lead string
	Points        []string
	// End is the day, or what was typed instead; AtTime: it is no whole day, but a time.
	End          string
	AtTime       bool
	Generation   string
	Action, Back string
}

func (h *Handler) getEnd(v *console.Visit) error {
	return h.changes(console.KindMembers, end, func(v *console.Visit, s *subject) error {
		return h.endForm(v, s, membership.FormatEnd(s.member.Spec.EndTime), nil, nil)
	})(v)
}

func (h *Handler) endForm(
	v *console.Visit, s *subject, typed string, problems []web.Problem, changed *console.ChangedView,
) error {
	w := speech{v.Words, s.all}
	page := endPage{
		Fields: web.Fields{Problems: problems}, Frame: v.Frame(), Kept: v.KeptView(s.member), Changed: changed,
		Heading: w.T("people.heading.end", "Name", s.name),
		Lead:    w.T("people.end.none", "Name", s.name), End: typed, Generation: console.Generation(s.member),
		Points: []string{w.T("people.end.holds"), w.T("people.end.told"), w.T("people.seat.stays")},
		Action: v.To(s.path(string(end))), Back: v.To(s.path("")),
	}
	if at := s.person.Ends; at != nil && s.standing == console.StandingEnded {
		page.Lead = w.T("people.end.was", "Name", s.name, "Time", w.Moment(at.Time))
	} else if at != nil {
		page.Lead = w.T("people.end.is", "Name", s.name, "Time", w.Moment(at.Time))
	}
	if _, err := time.Parse(time.DateOnly, typed); err != nil && typed != "" {
		page.AtTime = true
	}
	return v.Form(pageEnd, page.Heading, problems, page)
}

func (h *Handler) postEnd(v *console.Visit) error {
	s, err := h.lookUp(v, console.KindMembers)
	if err != nil {
		return err
	}
	typed := web.Tidy(v.R.PostForm.Get(console.FieldEndTime))
	at, problems := parseEnd(v, typed)
	wanted := s.member.DeepCopy()
	wanted.Spec.EndTime = at
	if changed, why := v.Changed(s.member, wanted); changed != nil {
		return h.endForm(v, s, typed, append(why, problems...), changed)
	}
	if len(problems) > 0 {
		return h.endForm(v, s, typed, problems, nil)
	}
	if s.makesCoOwnerAs(wanted) && !v.Person.Session.Fresh(v.Now()) {
		return v.SeeOther("/sign-in/confirm", v.Wanted())
	}
	err = write(v, s.member, func() {
		if console.Later(at, s.member.Spec.EndTime) && !s.joined() {
			s.member.Spec.InvitedBy = v.User() // who offers it again answers for it
		}
		s.member.Spec.EndTime = at
	})
	return v.Wrote(err, func() error {
		if at == nil {
			return v.Done(s.path(""), "people.done.noEnd", "Name", s.name)
		}
		return v.Done(s.path(""), "people.done.end", "Name", s.name, "Time", v.Words.Moment(at.Time))
	}, func(problems []web.Problem) error { return h.endForm(v, s, typed, problems, nil) }, console.OfferFields())
}

// parseEnd reads the last day.
func parseEnd(v *console.Visit, typed string) (*metav1.Time, []web.Problem) {
	at, err := membership.ParseEnd(typed)
	switch {
	case err != nil:
		return nil, []web.Problem{{Field: console.FieldEndTime, Text: v.Words.T("console.offer.end.invalid", "Text", typed)}}
	case at != nil && !v.Now().Before(at.Time):
		text := v.Words.T("console.offer.end.passed", "Today", v.Now().UTC().Format(time.DateOnly))
		return at, []web.Problem{{Field: console.FieldEndTime, Text: text}}
	}
	return at, nil
}
