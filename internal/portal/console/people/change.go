// SPDX-License-Identifier: Apache-2.0

package people

import (
	"maps"
	"net/url"
	"slices"
	"unicode/utf8"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/rights"
)

// changePage is for what somebody is called and is given.
type changePage struct {
	web.Fields
	Frame         console.Frame
	Kept          *console.KeptView
	Changed       *console.ChangedView
	Heading, Lead string
	// Now is what it says now, where somebody else has changed it in the meantime.
	Now []string
	// Named: the object has a name and a company.
	Named         bool
	Name, Company string
	Offer         console.OfferView
	Generation    string
	Action, Back  string
}

// wish is what a form wants somebody to be called and to be given.
type wish struct {
	name, company string
	offer         console.Offer
}

// wishOf is what somebody has already.
func wishOf(s *subject) wish {
	if s.member != nil {
		return wish{s.member.Spec.DisplayName, s.member.Spec.Company, console.OfferOfMember(&s.member.Spec)}
	}
	return wish{offer: console.OfferOfInvitation(&s.invitation.Spec)}
}

func (w wish) values() url.Values {
	values := w.offer.Values()
	values.Set(web.FieldDisplayName, w.name)
	values.Set(web.FieldCompany, w.company)
	return values
}

// to writes the wish into the object. Who adds to an offer that nobody has accepted yet answers for it.
func (w wish) to(s *subject, o client.Object, user string) {
	before := wishOf(s).offer
	switch o := o.(type) {
	case *rosterv1alpha1.Member:
		o.Spec.DisplayName, o.Spec.Company = w.name, w.company
		w.offer.ToMember(&o.Spec)
		if !s.joined() && adds(before, w.offer) {
			o.Spec.InvitedBy = user
		}
	case *rosterv1alpha1.Invitation:
		w.offer.ToInvitation(&o.Spec)
		if adds(before, w.offer) {
			o.Spec.InvitedBy = user
		}
	}
}

// of is the object as the wish would have it.
func (w wish) of(s *subject, user string) client.Object {
	o, _ := s.object().DeepCopyObject().(client.Object)
	w.to(s, o, user)
	return o
}

// adds reports whether an offer has anything that it did not have, as the policy roster-invited-by asks.
func adds(before, after console.Offer) bool {
	return before.Role != after.Role || after.CanManageProfiles && !before.CanManageProfiles || console.Later(after.EndTime, before.EndTime) ||
		slices.ContainsFunc(after.Profiles, func(g rosterv1alpha1.ProfileGrant) bool { return !slices.Contains(before.Profiles, g) }) ||
		slices.ContainsFunc(after.Workspaces, func(g rosterv1alpha1.WorkspaceGrant) bool { return !slices.Contains(before.Workspaces, g) })
}

// changes is a page with a form for what somebody has, for those who may change it.
func (h *Handler) changes(kind string, d deed, form func(*console.Visit, *subject) error) func(*console.Visit) error {
	return func(v *console.Visit) error {
		s, err := h.lookUp(v, kind)
		switch {
		case err != nil:
			return err
		case !v.Holds().May(rosterv1alpha1.PermissionManageMembers):
			return v.NotFound()
		case s.isOwner() || s.isSelf(v):
			return h.sureForm(v, s, d, nil)
		}
		return form(v, s)
	}
}

func (h *Handler) getChange(kind string) func(*console.Visit) error {
	return h.changes(kind, change, func(v *console.Visit, s *subject) error { return h.changeForm(v, s, wishOf(s), nil, nil) })
}

func (h *Handler) changeForm(
	v *console.Visit, s *subject, typed wish, problems []web.Problem, changed *console.ChangedView,
) error {
	choices, err := v.Choices()
	if err != nil {
		return err
	}
	before := wishOf(s)
	choices.Keep(before.offer)
	w := speech{v.Words, s.all}
	page := changePage{
		Fields: web.Fields{Problems: problems}, Frame: v.Frame(), Kept: v.KeptView(s.object()), Changed: changed,
		Heading: w.T("people.heading.change", "Name", s.name),
		Lead:    w.T("people.change.lead"), Named: s.member != nil, Name: typed.name, Company: typed.company,
		Offer: choices.View(typed.offer, problems), Generation: console.Generation(s.object()),
		Action: v.To(s.path(string(change))), Back: v.To(s.path("")),
	}
	if !s.joined() {
		page.Lead = w.T("people.change.leadInvited")
	}
	if changed != nil {
		page.Now = w.offer(before)
	}
	return v.Form(pageChange, page.Heading, problems, page)
}

// offer is what somebody is called and is given, line by line.
func (w speech) offer(has wish) []string {
	var all []string
	if has.name != "" {
		all = append(all, w.T("people.fact", "What", w.T("people.name"), "Value", has.name))
	}
	if has.company != "" {
		all = append(all, w.T("people.fact", "What", w.T("form.company"), "Value", has.company))
	}
	all = append(all, w.T("people.fact", "What", w.T("people.role"), "Value", w.role(has.offer.Role, has.offer.CanManageProfiles).Name))
	if has.offer.CanManageProfiles {
		all = append(all, w.T("console.offer.canManageProfiles"))
	}
	for _, g := range has.offer.Profiles {
		all = append(all, w.T("people.fact", "What", w.names().Profile(g.Name), "Value", w.roleOnProfile(string(g.Role))))
	}
	for _, g := range has.offer.Workspaces {
		all = append(all, w.T("people.fact", "What", w.names().Workspace(g.Name), "Value", w.inWorkspace(g.Role)))
	}
	if end := has.offer.EndTime; end != nil {
		all = append(all, w.T("people.fact", "What", w.T("people.ends"), "Value", w.Moment(end.Time)))
	}
	return all
}

func (w speech) inWorkspace(role rosterv1alpha1.ProfileRole) string {
	if role == "" {
		return w.T("people.workspaceShown")
	}
	return w.roleOnProfile(string(role))
}

func (h *Handler) postChange(kind string) func(*console.Visit) error {
	return func(v *console.Visit) error {
		s, err := h.lookUp(v, kind)
		if err != nil {
			return err
		}
		typed, problems, err := parseWish(v, s)
		if err != nil {
			return err
		}
		changed, why := v.Changed(s.object(), typed.of(s, v.User()))
		switch {
		case changed != nil:
			return h.changeForm(v, s, typed, append(why, problems...), changed)
		case len(problems) > 0:
			return h.changeForm(v, s, typed, problems, nil)
		case s.makesCoOwnerAs(typed.of(s, v.User())) && !v.Person.Session.Fresh(v.Now()):
			return v.SeeOther("/sign-in/confirm", v.Wanted())
		case v.R.PostForm.Get(fieldSure) == "":
			if points := takenAway(v, s, typed); points != nil {
				return h.sureOfChange(v, s, change, points, typed.values())
			}
		}
		return h.makeChange(v, s, typed)
	}
}

func (h *Handler) makeChange(v *console.Visit, s *subject, typed wish) error {
	var err error
	// What was there before must not change while it is compared with.
	was := *s
	if s.member != nil {
		was.member = s.member.DeepCopy()
		err = write(v, s.member, func() { typed.to(&was, s.member, v.User()) })
	} else {
		was.invitation = s.invitation.DeepCopy()
		err = write(v, s.invitation, func() { typed.to(&was, s.invitation, v.User()) })
	}
	fields := console.OfferFields()
	fields["spec.displayName"], fields["spec.company"] = web.FieldDisplayName, web.FieldCompany
	return v.Wrote(err, func() error { return v.Done(s.path(""), "people.done.change", "Name", s.name) },
		func(problems []web.Problem) error { return h.changeForm(v, &was, typed, problems, nil) }, fields)
}

// parseWish reads the form.
func parseWish(v *console.Visit, s *subject) (wish, []web.Problem, error) {
	choices, err := v.Choices()
	if err != nil {
		return wish{}, nil, err
	}
	choices.Keep(wishOf(s).offer)
	offer, problems := choices.ParseOffer(v.R.PostForm)
	typed := wish{
		name: web.Tidy(v.R.PostForm.Get(web.FieldDisplayName)), company: web.Tidy(v.R.PostForm.Get(web.FieldCompany)), offer: offer,
	}
	for field, text := range map[string]string{web.FieldDisplayName: typed.name, web.FieldCompany: typed.company} {
		if utf8.RuneCountInString(text) > web.MaxName || !web.IsLine(text) {
			problems = append(problems, web.Problem{Field: field, Text: v.Words.T("people.invalid." + field)})
		}
	}
	return typed, problems, nil
}

// takenAway tells what a change means, if it takes anything away; nil where it does not.
func takenAway(v *console.Visit, s *subject, typed wish) []string {
	var after *rights.Person
	switch o := typed.of(s, v.User()).(type) {
	case *rosterv1alpha1.Member:
		after = s.all.Once(o)
	case *rosterv1alpha1.Invitation:
		after = s.all.Offered(o)
	}
	c := s.all.Consequences(s.person, after)
	if len(c.Loses)+len(c.LosesHere) == 0 {
		return nil
	}
	return speech{v.Words, s.all}.means(s.name, c)
}

// sureOfChange asks once more, with everything that was typed.
func (h *Handler) sureOfChange(v *console.Visit, s *subject, d deed, points []string, typed url.Values) error {
	values := maps.Clone(typed)
	values.Set(fieldSure, "yes")
	values.Set(console.FieldGeneration, console.Generation(s.object()))
	w := v.Words
	return v.Ask(console.Sure{
		Kept: v.KeptView(s.object()), Heading: w.T("people.sure."+string(d), "Name", s.name), Lead: w.T("people.change.means"), Points: points,
		Submit: w.T("form.save"), Hidden: hiddenFields(values), Action: v.To(s.path(string(d))), Back: v.To(s.path(string(d))),
	}, nil)
}
