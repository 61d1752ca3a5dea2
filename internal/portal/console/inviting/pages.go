// SPDX-License-Identifier: Apache-2.0

package inviting

import (
	"slices"
	"strconv"
	"strings"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/texts"
)

// post answers every form of the room.
func (h *Handler) post(v *visit) error {
	form := v.R.PostForm
	var d *draft
	if form.Has(fieldDraft) {
		var ok bool
		if d, ok = unpack(form.Get(fieldDraft)); !ok {
			return v.BadRequest()
		}
	}
	action := form.Get(web.FieldAction)
	switch {
	case action == actionCheck:
		return h.postForm(v, d)
	case d == nil || !slices.Contains(v.seats, d.Seat):
		return v.BadRequest()
	}
	v.takeSeat(d.Seat)
	switch {
	case form.Get(fieldChange) != "":
		return h.getOne(v, d, d.find(form.Get(fieldChange)))
	case form.Get(fieldRemove) != "":
		d.People = slices.DeleteFunc(d.People, func(p person) bool { return string(p.Address) == form.Get(fieldRemove) && !p.Done })
		if len(d.open()) == 0 {
			return h.finish(v, d)
		}
		return h.check(v, d, nil)
	case action == actionSave, action == actionShared:
		return h.postOne(v, d, d.find(form.Get(fieldFor)), action)
	case action == actionSend:
		return h.postSend(v, d)
	case action == actionBack:
		if d.done() > 0 {
			d.List = d.left()
		}
		return h.form(v, d, nil, nil)
	}
	return h.check(v, d, nil)
}

// postForm reads the list and what is offered. Where all is well, it leads on to what is about to be sent.
func (h *Handler) postForm(v *visit, before *draft) error {
	wanted := seat(v.R.PostForm.Get(fieldSeat))
	if !slices.Contains(v.seats, wanted) {
		return v.BadRequest()
	}
	v.takeSeat(wanted)
	d, problems := readDraft(v.Words, v.R.PostForm, v.choices)
	s, err := v.sieve(wanted)
	if err != nil {
		return err
	}
	d.People, d.Rest = s.sift(d.List)
	if before != nil {
		d.keepOwn(before)
	}
	switch {
	case len(d.People)+len(d.Rest) == 0:
		problems = append(problems, web.Problem{Field: fieldAddresses, Text: v.Words.T("inviting.addresses.missing")})
	case len(d.People) == 0, len(d.Rest) > 0 && !d.Others:
		problems = append(problems, web.Problem{Field: fieldAddresses, Text: v.Words.N("inviting.bad.some", len(d.Rest))})
	}
	if len(problems) == 0 {
		if problems, err = v.try(d, &d.People[0]); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		return h.form(v, d, d.Rest, problems)
	}
	return h.check(v, d, nil)
}

// formPage asks whom to invite to what.
type formPage struct {
	web.Fields
	Frame              console.Frame
	Offer              console.OfferView
	Seat               seat
	SeatName, Seats    string
	Other              string
	Addresses, Message string
	Locales            []optionView
	Validities         []optionView
	Bad                []bad
	Others             bool
	Draft, Action      string
}

type optionView struct {
	Value, Text string
	Lang        rosterv1alpha1.Locale
	Selected    bool
}

func (h *Handler) form(v *visit, d *draft, rest []bad, problems []web.Problem) error {
	w := v.Words
	page := formPage{
		Fields: web.Fields{Problems: problems}, Frame: v.Frame(), Offer: v.choices.View(d.Offer, problems), Seat: d.Seat,
		SeatName: w.T("inviting.seat." + string(d.Seat)), Seats: v.seatText(d.Seat), Addresses: d.List, Message: d.Message,
		Bad: rest, Others: d.Others, Action: v.To(Path),
	}
	if len(v.seats) > 1 {
		page.Other = v.To(Path)
	}
	if packed, fits := d.pack(); fits && len(d.People) > 0 {
		page.Draft = packed
	}
	page.Locales = []optionView{{Text: w.T("inviting.locale.usual")}}
	for _, l := range texts.Languages() {
		page.Locales = append(page.Locales, optionView{Value: string(l), Text: w.T("language." + string(l)), Lang: l, Selected: l == d.Locale})
	}
	page.Validities = []optionView{{Text: w.T("inviting.validity.usual", "Time", v.lasting(v.validity("")))}}
	for _, days := range validities() {
		value := hours(days)
		page.Validities = append(page.Validities, optionView{Value: value, Text: w.N("inviting.days", days), Selected: value == d.Validity})
	}
	return v.Form(pageForm, w.T("inviting.title", "Org", page.Frame.Org), problems, page)
}

// validity is how long links work.
func (v *visit) validity(chosen string) time.Duration {
	if d, err := time.ParseDuration(chosen); err == nil {
		return d
	}
	if d := v.Organization.Spec.Invitations.Validity.Duration; d > 0 {
		return d
	}
	return rosterv1alpha1.DefaultValidity
}

func (v *visit) lasting(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return v.Words.N("inviting.days", int(d/day))
	}
	return v.Words.N("inviting.hours", int(d/time.Hour))
}

// checkPage is what is about to be sent, or what became of it.
type checkPage struct {
	web.Fields
	Frame         console.Frame
	Lead          string
	Rows          []rowView
	Rest          []bad
	Ends, Message string
	Valid         string
	Mail          *mailView
	Send          string
	// Confirm is where to prove who one is, to invite co-owners; empty where that is not needed.
	Confirm       string
	Draft, Action string
}

type rowView struct {
	Key, Address, Role string
	// Gets are the profiles and workspaces, and until when.
	Gets []string
	// Own: it is not what the rest gets. Note is about the list, Refused why the person was not invited.
	Own           bool
	Note, Refused string
}

// check shows what is about to be sent. What has been sent already is told of.
func (h *Handler) check(v *visit, d *draft, problems []web.Problem) error {
	w, open := v.Words, d.open()
	packed, fits := d.pack()
	if !fits {
		return h.form(v, d, nil, []web.Problem{{Field: fieldAddresses, Text: w.T("inviting.tooLarge")}})
	}
	page := checkPage{
		Frame: v.Frame(), Rest: d.Rest, Valid: v.lasting(v.validity(d.Validity)), Draft: packed, Action: v.To(Path),
		Lead: w.N("inviting.check.lead", len(open)), Send: w.N("inviting.check.send", len(open)),
	}
	if n := d.done(); n > 0 {
		page.Frame.Done = w.T("inviting.done", "Count", n)
		page.Send = w.N("inviting.check.continue", len(open))
	}
	refused := 0
	for _, p := range open {
		if p.Refused != "" {
			refused++
		}
		page.Rows = append(page.Rows, v.row(d, p))
	}
	if refused > 0 {
		problems = append(problems, web.Problem{Text: w.N("inviting.check.refused", refused)})
	}
	page.Problems = problems
	if d.makesCoOwner() && !v.Person.Session.Fresh(v.Now()) {
		page.Confirm = v.Forward("/sign-in/confirm", "/organizations/"+v.Namespace()+Path)
	}
	if len(open) > 0 {
		page.Mail = h.preview(v, d, open[0])
	}
	return v.Form(pageCheck, w.T("inviting.check.title"), problems, page)
}

func (v *visit) row(d *draft, p *person) rowView {
	o := d.offer(p)
	row := rowView{
		Key: string(p.Address), Address: p.Written, Role: name(v.choices.Roles, string(o.Role)), Own: p.Own != nil, Refused: p.Refused,
	}
	for _, t := range v.choices.Profiles {
		if role := o.OnProfile(t.Name); role != "" {
			row.Gets = append(row.Gets, t.Title+v.Words.T("inviting.colon")+name(t.Roles, string(role)))
		}
	}
	for _, g := range o.Workspaces {
		row.Gets = append(row.Gets, v.workspace(g))
	}
	const most = 4
	if n := len(row.Gets); n > most {
		row.Gets = append(row.Gets[:most-1], v.Words.N("inviting.more", n-most+1))
	}
	if o.EndTime != nil {
		row.Gets = append(row.Gets, v.Words.T("inviting.until", "Time", v.Words.Moment(o.EndTime.Time)))
	}
	if len(p.Again) > 0 {
		var lines []string
		for _, line := range p.Again {
			lines = append(lines, strconv.Itoa(line))
		}
		row.Note = v.Words.T("inviting.twice", "Lines", strings.Join(lines, ", "))
	}
	return row
}

// workspace is one that is given, in words.
func (v *visit) workspace(g rosterv1alpha1.WorkspaceGrant) string {
	for _, t := range v.choices.Workspaces {
		switch {
		case t.Name == g.Name && g.Role == "":
			return t.Title
		case t.Name == g.Name:
			return t.Title + v.Words.T("inviting.colon") + name(t.Roles, string(g.Role))
		}
	}
	return g.Name
}

func name(choices []console.Choice, value string) string {
	for _, c := range choices {
		if c.Value == value {
			return c.Name
		}
	}
	return value
}

// onePage changes what one person of the list is offered.
type onePage struct {
	web.Fields
	Frame              console.Frame
	Offer              console.OfferView
	For, Draft, Action string
	Own                bool
	Mail               *mailView
}

func (h *Handler) getOne(v *visit, d *draft, p *person) error {
	if p == nil {
		return h.check(v, d, nil)
	}
	return h.one(v, d, p, d.offer(p), nil)
}

func (h *Handler) one(v *visit, d *draft, p *person, o console.Offer, problems []web.Problem) error {
	packed, _ := d.pack()
	page := onePage{
		Fields: web.Fields{Problems: problems}, Frame: v.Frame(), Offer: v.choices.View(o, problems),
		For: string(p.Address), Draft: packed, Action: v.To(Path), Own: p.Own != nil, Mail: h.preview(v, d, p),
	}
	return v.Form(pageOne, v.Words.T("inviting.one.title", "Email", p.Written), problems, page)
}

// postOne takes what one person is offered.
func (h *Handler) postOne(v *visit, d *draft, p *person, action string) error {
	if p == nil || action == actionShared {
		if p != nil {
			p.Own, p.Refused = nil, ""
		}
		return h.check(v, d, nil)
	}
	own, problems := v.choices.ParseOffer(v.R.PostForm)
	changed := *p
	changed.Own, changed.Refused = &own, ""
	if len(problems) == 0 {
		var err error
		if problems, err = v.try(d, &changed); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		return h.one(v, d, p, own, problems)
	}
	*p = changed
	return h.check(v, d, nil)
}

// postSend invites as many as one request has time for, and leads on to the next.
func (h *Handler) postSend(v *visit, d *draft) error {
	if d.makesCoOwner() && !v.Person.Session.Fresh(v.Now()) {
		// A browser that was left open is not enough to give nearly everything away.
		return h.check(v, d, []web.Problem{{Text: v.Words.T("inviting.confirm.text")}})
	}
	err := v.send(d)
	switch {
	case err != nil && d.done() == 0:
		return err
	case err != nil:
		v.Log().Error(err, "Cannot go on inviting")
		return h.check(v, d, []web.Problem{{Text: v.Words.T("inviting.interrupted")}})
	case len(d.open()) > 0:
		return h.check(v, d, nil)
	}
	return h.finish(v, d)
}

// finish leads on once nobody is left to invite: to the people, or to the parts of the list that are left.
func (h *Handler) finish(v *visit, d *draft) error {
	n := d.done()
	switch {
	case len(d.Rest) > 0:
		left := newDraft(d.Seat)
		left.List, left.Message, left.Locale, left.Validity, left.Offer = d.left(), d.Message, d.Locale, d.Validity, d.Offer
		return h.form(v, left, d.Rest, []web.Problem{{Field: fieldAddresses, Text: v.Words.T("inviting.rest", "Count", n)}})
	case n == 0:
		return v.Redirect(v.To(Path))
	}
	return v.Done("/team/people", "inviting.done", "Count", n)
}
