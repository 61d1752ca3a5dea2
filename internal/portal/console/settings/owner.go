// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"cmp"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The fields of the forms.
const (
	fieldTo     = "to"
	fieldCancel = "cancel"
)

// shownAtOnce is how many people a page lists to choose from.
const shownAtOnce = 25

// ownerPage is who owns the organisation, and whom it is offered to.
type ownerPage struct {
	Frame console.Frame
	web.Fields
	Owner, Offer string
	// May hand over, and MayCancel an offer.
	May, MayCancel bool
	Finder         console.FinderView
	Found          []personRow
	More           string
	Generation     int64
	Action, Back   string
	GiveUp         string
}

type personRow struct {
	console.PersonView
	ID     string
	Chosen bool
}

// standing is how an offer of the ownership stands.
type standing string

// How an offer stands.
const (
	noOffer   standing = ""
	asked     standing = "asked"
	declined  standing = "declined"
	notActive standing = "notActive"
	ends      standing = "ends"
	gone      standing = "gone"
)

// standingOf says how the offer of an organisation stands to the Member that it names; nil where there is none of that name.
func standingOf(o *rosterv1alpha1.Organization, named *rosterv1alpha1.Member) standing {
	switch {
	case o.Spec.OwnerRef == nil:
		return noOffer
	case named == nil:
		return gone
	}
	if owner, elsewhere := membership.Owns(o, named); owner || elsewhere {
		return noOffer
	}
	_, said := membership.Offered(o, named)
	switch {
	case said:
		return declined
	case named.Spec.EndTime != nil:
		return ends
	case !membership.IsActive(named):
		return notActive
	}
	return asked
}

func (s standing) words(w web.Words, who string) string {
	if s == noOffer {
		return ""
	}
	return w.T("settings.owner."+string(s), "Person", who)
}

// person is a Member by its name; nil where there is none.
func person(v *console.Visit, ref *rosterv1alpha1.LocalReference) *rosterv1alpha1.Member {
	m := &rosterv1alpha1.Member{}
	if ref == nil || !v.Cache().Look(v.R.Context(), client.ObjectKey{Namespace: v.Namespace(), Name: ref.Name}, m) {
		return nil
	}
	return m
}

// called is what a person is called, with their address.
func called(m *rosterv1alpha1.Member) string {
	if name := membership.NameOf(m); name != m.Spec.Email {
		return name + " (" + m.Spec.Email + ")"
	}
	return m.Spec.Email
}

// mayTransfer asks the API server whether the person may name the owner.
func (h *Handler) mayTransfer(v *console.Visit, o *rosterv1alpha1.Organization) (bool, error) {
	return h.Desk.Sessions.May(v.Visit, v.Namespace(), invitation.Review{Verb: "transfer", Resource: "organizations", Name: o.Name})
}

func (h *Handler) getOwner(v *console.Visit) error {
	o, err := fresh(v)
	if err != nil {
		return err
	}
	return h.ownerForm(v, o, nil)
}

func (h *Handler) ownerForm(v *console.Visit, o *rosterv1alpha1.Organization, problems []web.Problem) error {
	may, err := h.mayTransfer(v, o)
	if err != nil {
		return err
	}
	w := v.Words
	page := ownerPage{
		Frame: v.Frame(), Fields: web.Fields{Problems: problems}, May: may, Generation: o.Generation, Action: v.To(OwnerPath), Back: v.To(Path),
		Owner: w.T("settings.owner.nobody"),
	}
	owner, named := person(v, o.Status.OwnerRef), person(v, o.Spec.OwnerRef)
	if owner != nil {
		page.Owner = called(owner)
	}
	state, who := standingOf(o, named), ""
	switch {
	case named != nil:
		who = called(named)
	case o.Spec.OwnerRef != nil:
		who = o.Spec.OwnerRef.Name
	}
	page.Offer = state.words(w, who)
	page.MayCancel = may && state != noOffer && owner != nil && o.Spec.OwnerRef.Name != owner.Name
	if owner != nil && owner.Name == v.Member.Name {
		page.GiveUp = v.OrganizationPath(v.Namespace(), "/ownership")
	}
	if may {
		all, err := v.Crowd()
		if err != nil {
			return err
		}
		all.Organization = o
		search := web.Tidy(cmp.Or(v.R.PostForm.Get(console.FindSearch), v.R.URL.Query().Get(console.FindSearch)))
		page.Finder = v.Finder("console.find.people", search)
		var rest int
		page.Found, rest = successors(w, all, search, v.R.PostForm.Get(fieldTo))
		if rest > 0 {
			page.More = w.N("settings.owner.more", rest)
		}
	}
	return v.Form(pageOwner, w.T("settings.owner.title", "Org", page.Frame.Org), problems, page)
}

// successors are the first of the people who can be offered the ownership and have every word of a search, and how many more there are.
func successors(w web.Words, all *console.Crowd, search, chosen string) ([]personRow, int) {
	found := slices.DeleteFunc(all.Find(console.Query{Search: search}, all.People()), func(p *console.Person) bool {
		return p.Member == nil || !mayFollow(all.Organization, p.Member)
	})
	rest := max(0, len(found)-shownAtOnce)
	var rows []personRow
	names := console.Names{Words: w, All: all.Snapshot}
	for _, p := range found[:len(found)-rest] {
		rows = append(rows, personRow{PersonView: names.Show(p), ID: p.Member.Name, Chosen: p.Member.Name == chosen})
	}
	return rows, rest
}

// mayFollow reports whether the ownership can be offered to somebody: it passes to people who are active and whose membership does not end.
func mayFollow(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member) bool {
	owner, elsewhere := membership.Owns(o, m)
	offered, said := membership.Offered(o, m)
	return !owner && !elsewhere && (!offered || said) && membership.IsActive(m) && m.Spec.EndTime == nil
}

// postOwner offers the ownership once the person has seen what it means, or withdraws an offer.
func (h *Handler) postOwner(v *console.Visit) error {
	o, err := fresh(v)
	if err != nil {
		return err
	}
	w, form := v.Words, v.R.PostForm
	changed, problems := v.Changed(o, nil)
	to := person(v, &rosterv1alpha1.LocalReference{Name: form.Get(fieldTo)})
	switch {
	case changed != nil:
		return h.ownerForm(v, o, problems)
	case form.Get(fieldCancel) != "" && o.Status.OwnerRef != nil:
		return h.name(v, o, o.Status.OwnerRef.Name, "settings.owner.withdrawn", nil)
	case to == nil:
		return h.ownerForm(v, o, []web.Problem{{Field: fieldTo, Text: w.T("settings.error.nobody")}})
	case form.Get(web.FieldConfirm) == "":
		return h.handOverForm(v, o, to, nil)
	}
	return h.name(v, o, to.Name, "settings.owner.offered", to)
}

func (h *Handler) handOverForm(v *console.Visit, o *rosterv1alpha1.Organization, to *rosterv1alpha1.Member, problems []web.Problem) error {
	w, who := v.Words, called(to)
	page := console.Sure{
		Kept: v.KeptView(o), Heading: w.T("settings.owner.sure", "Org", v.Organization.Spec.DisplayName, "Person", who),
		Hidden: []console.Hidden{
			{Name: console.FieldGeneration, Value: console.Generation(o)}, {Name: fieldTo, Value: to.Name}, {Name: web.FieldConfirm, Value: "yes"},
		},
		Submit: w.T("settings.owner.offer"), Action: v.To(OwnerPath), Back: v.To(OwnerPath),
		Points: []string{w.T("settings.owner.forThem", "Person", who)},
	}
	if owner := person(v, o.Status.OwnerRef); owner != nil {
		role := w.Roles.InOrganization(owner.Spec.Role, false, nil).Name
		text := w.T("settings.owner.forOwner", "Owner", called(owner), "Person", who, "Role", role)
		if owner.Name == v.Member.Name {
			text = w.T("settings.owner.forYou", "Person", who, "Role", role)
		}
		page.Points = append(page.Points, text)
	}
	return v.Ask(page, problems)
}

// name writes who is to own the organisation.
func (h *Handler) name(v *console.Visit, o *rosterv1alpha1.Organization, member, done string, to *rosterv1alpha1.Member) error {
	before := o.DeepCopy()
	o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: member}
	again := func(problems []web.Problem) error {
		if to != nil {
			return h.handOverForm(v, before, to, problems)
		}
		return h.ownerForm(v, before, problems)
	}
	return save(v, o, again, nil, func() error {
		if to != nil {
			return v.Done(OwnerPath, done, "Person", called(to))
		}
		return v.Done(OwnerPath, done)
	})
}
