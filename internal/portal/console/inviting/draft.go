// SPDX-License-Identifier: Apache-2.0

package inviting

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/texts"
)

// The fields of the forms.
const (
	fieldSeat      = "seat"
	fieldAddresses = "addresses"
	fieldMessage   = "message"
	fieldValidity  = "validity"
	fieldOthers    = "others"
	// fieldDraft carries what was chosen on the pages before.
	fieldDraft = "draft"
	// fieldChange and fieldRemove name an address of the list; fieldFor the one whose offer is on the page.
	fieldChange = "change"
	fieldRemove = "remove"
	fieldFor    = "for"
)

// What is done with a form.
const (
	actionCheck  = "check"
	actionSend   = "send"
	actionBack   = "back"
	actionSave   = "save"
	actionShared = "shared"
)

const (
	// maxPeople is how many people are invited by one form: their addresses, and what was chosen for single ones, have to fit into a form.
	maxPeople = 200
	// maxMessage is the longest note in characters, as in the Invitation.
	maxMessage = 2000
	// maxDraft is how much of a form a draft may take in bytes. Beside it stands one offer at most.
	maxDraft = 40 << 10
	// maxUnpacked is how much a draft may hold.
	maxUnpacked = 4 << 20
)

// draft is what is about to be sent. Forms carry it from page to page: the portal remembers nothing.
type draft struct {
	Seat seat `json:"seat,omitempty"`
	// List is what was typed.
	List string `json:"list,omitempty"`
	// Others: those who can be invited are, though some cannot.
	Others   bool                  `json:"others,omitempty"`
	Message  string                `json:"message,omitempty"`
	Locale   rosterv1alpha1.Locale `json:"locale,omitempty"`
	Validity string                `json:"validity,omitempty"`
	// Offer is for everybody but those who have their own.
	Offer console.Offer `json:"offer,omitzero"`
	// People to invite, and the parts of the list that are left.
	People []person `json:"people,omitempty"`
	Rest   []bad    `json:"rest,omitempty"`
}

// person is somebody to invite.
type person struct {
	Address address.Address `json:"address,omitempty"`
	// Written is the address as it stands in the list, and Name that of the Invitation. It stays the same, so that nobody is invited twice.
	Written string `json:"written,omitempty"`
	Name    string `json:"name,omitempty"`
	// Again are the lines in which the address comes again.
	Again []int `json:"again,omitempty"`
	// Own is what this person is offered instead of the rest; nil for the same.
	Own *console.Offer `json:"own,omitempty"`
	// Done: they are invited. Refused is why they are not.
	Done    bool   `json:"done,omitempty"`
	Refused string `json:"refused,omitempty"`
}

// bad is a part of the list that cannot be invited.
type bad struct {
	Line int `json:"line,omitempty"`
	// Text as it stands there, and what to do about it.
	Text string `json:"text,omitempty"`
	Why  string `json:"why,omitempty"`
	// Href is the page about somebody who is there already.
	Href string `json:"href,omitempty"`
}

func newDraft(s seat) *draft {
	return &draft{Seat: s, Offer: console.Offer{Role: rosterv1alpha1.RoleMember}}
}

// offer is what somebody is offered.
func (d *draft) offer(p *person) console.Offer {
	if p.Own != nil {
		return *p.Own
	}
	return d.Offer
}

// find is the person of an address; nil where there is none, or who is invited already.
func (d *draft) find(a string) *person {
	i := slices.IndexFunc(d.People, func(p person) bool { return string(p.Address) == a && !p.Done })
	if i < 0 {
		return nil
	}
	return &d.People[i]
}

// makesCoOwner reports whether somebody who is not invited yet is offered nearly everything.
func (d *draft) makesCoOwner() bool {
	return slices.ContainsFunc(d.open(), func(p *person) bool { return d.offer(p).Role == rosterv1alpha1.RoleCoOwner })
}

// keepOwn takes over what was chosen for single people before the list was changed.
func (d *draft) keepOwn(before *draft) {
	for i := range d.People {
		if was := before.find(string(d.People[i].Address)); was != nil {
			d.People[i].Own = was.Own
		}
	}
}

// done is how many are invited.
func (d *draft) done() int {
	n := 0
	for _, p := range d.People {
		if p.Done {
			n++
		}
	}
	return n
}

// open are those who are not invited yet.
func (d *draft) open() []*person {
	var all []*person
	for i := range d.People {
		if !d.People[i].Done {
			all = append(all, &d.People[i])
		}
	}
	return all
}

// left is the list without those who are invited.
func (d *draft) left() string {
	var lines []string
	for _, p := range d.open() {
		lines = append(lines, p.Written)
	}
	for _, b := range d.Rest {
		lines = append(lines, b.Text)
	}
	return strings.Join(lines, "\n")
}

// invitation is that of a person.
func (d *draft) invitation(p *person, namespace, by string) *rosterv1alpha1.Invitation {
	inv := &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: p.Name}}
	inv.Spec = rosterv1alpha1.InvitationSpec{Email: p.Written, Message: d.Message, Locale: d.Locale, InvitedBy: by}
	d.offer(p).ToInvitation(&inv.Spec)
	if validity, err := time.ParseDuration(d.Validity); err == nil {
		inv.Spec.Validity = &metav1.Duration{Duration: validity}
	}
	return inv
}

// pack writes the draft for a hidden field; false where it is too large for one.
func (d *draft) pack() (string, bool) {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err == nil {
		err = json.NewEncoder(w).Encode(d)
	}
	if err != nil || w.Close() != nil {
		return "", false
	}
	text := base64.RawURLEncoding.EncodeToString(packed.Bytes())
	return text, len(text) <= maxDraft
}

// unpack reads what pack wrote. It is no secret and no proof: all that is sent by it goes to the API server as the person.
func unpack(text string) (*draft, bool) {
	packed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, false
	}
	d := &draft{}
	err = json.NewDecoder(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxUnpacked)).Decode(d)
	return d, err == nil && len(d.People) <= maxPeople && (d.Seat == seatFull || d.Seat == seatLimited)
}

// validities are how long a link can be said to work, in days.
func validities() []int { return []int{1, 3, 7, 14, 30} }

func hours(days int) string { return (time.Duration(days) * 24 * time.Hour).String() }

// readDraft reads the first form.
func readDraft(w web.Words, form url.Values, c *console.Choices) (*draft, []web.Problem) {
	d := &draft{
		Seat: seat(form.Get(fieldSeat)), List: form.Get(fieldAddresses), Others: form.Get(fieldOthers) != "",
		Message: strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(form.Get(fieldMessage))),
		Locale:  rosterv1alpha1.Locale(form.Get(web.FieldLocale)), Validity: form.Get(fieldValidity),
	}
	var problems []web.Problem
	d.Offer, problems = c.ParseOffer(form)
	if n := utf8.RuneCountInString(d.Message); n > maxMessage {
		problems = append(problems, web.Problem{Field: fieldMessage, Text: w.T("inviting.message.long", "Count", n, "Most", maxMessage)})
	}
	if d.Locale != "" && !slices.Contains(texts.Languages(), d.Locale) {
		d.Locale = ""
		problems = append(problems, web.Problem{Field: web.FieldLocale, Text: w.T("inviting.locale.unknown")})
	}
	if d.Validity != "" && !slices.ContainsFunc(validities(), func(days int) bool { return hours(days) == d.Validity }) {
		d.Validity = ""
		problems = append(problems, web.Problem{Field: fieldValidity, Text: w.T("inviting.validity.unknown")})
	}
	return d, problems
}
