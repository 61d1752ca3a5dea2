// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"crypto/sha256"
	"encoding/hex"
	stdjson "encoding/json"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The fields that every form has.
const (
	// fieldAgreed holds which consequences the person has seen.
	fieldAgreed = "agreed"
)

// sectionPage is the form of a section.
type sectionPage struct {
	Frame console.Frame
	web.Fields
	Section    section
	Generation int64
	// Kept says who keeps the organisation in Git, and Changed who else has changed it since the form was shown, with what is set now.
	Kept    *console.KeptView
	Changed *console.ChangedView
	Now     []fact
	// Meaning is what saving means for people, who have to be let know before. Agreed is sent along once it has been shown.
	Meaning      []string
	Agreed       string
	Title, Lead  string
	Action, Back string
}

// Number of a row, for people.
func (sectionPage) Number(row int) int { return row + 1 }

// View is what the markup of a field needs.
func (p sectionPage) View(f field) web.FieldView {
	if f.Hint == "" {
		return p.Field(f.ID)
	}
	return p.Field(f.ID, f.ID+"-hint")
}

func (h *Handler) getSection(v *console.Visit, name string) error {
	if !may(v) {
		return v.Redirect(v.To(Path))
	}
	o, err := fresh(v)
	if err != nil {
		return err
	}
	return h.sectionForm(v, sectionPage{
		Section: sectionOf(v.Words, o, h.names(v), name), Generation: o.Generation, Kept: v.KeptView(o),
	})
}

func sectionOf(w web.Words, o *rosterv1alpha1.Organization, people book, name string) section {
	for _, s := range sections(w, o, people) {
		if s.Name == name {
			return s
		}
	}
	return section{}
}

func (h *Handler) sectionForm(v *console.Visit, page sectionPage) error {
	page.Frame, page.Action, page.Back = v.Frame(), v.To(Path+"/"+page.Section.Name), v.To(Path)
	page.Title, page.Lead = page.Section.Title, page.Section.Lead
	return v.Form(pageSection, page.Title, page.Problems, page)
}

// postSection saves a section, once the person has seen what that keeps others from.
func (h *Handler) postSection(v *console.Visit, name string) error {
	o, err := fresh(v)
	if err != nil {
		return err
	}
	w, form := v.Words, v.R.PostForm
	is := sectionOf(w, o, h.names(v), name)
	page := sectionPage{Section: is.typed(form), Generation: o.Generation, Kept: v.KeptView(o)}
	again := func(problems ...web.Problem) error {
		page.Problems = problems
		return h.sectionForm(v, page)
	}
	if changed, problems := v.Changed(o, nil); changed != nil {
		page.Changed, page.Now = changed, is.facts(w)
		return again(problems...)
	}
	before := o.Spec.DeepCopy()
	if problems := is.set(form, &o.Spec); len(problems) > 0 {
		return again(problems...)
	}
	who, err := h.affected(v)
	if err != nil {
		return err
	}
	if page.Meaning = meaning(w, before, &o.Spec, who); len(page.Meaning) > 0 {
		if page.Agreed = fingerprint(page.Meaning); form.Get(fieldAgreed) != page.Agreed {
			return again()
		}
	}
	return save(v, o, func(problems []web.Problem) error { return again(problems...) }, is.written(), func() error {
		return v.Done(Path, "settings.saved", "Section", is.Title)
	})
}

// fingerprint of some sentences: what somebody agreed to is what happens.
func fingerprint(lines []string) string {
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:8])
}

// affected counts whom changes can concern.
func (h *Handler) affected(v *console.Visit) (affected, error) {
	who := affected{Session: v.Person.Session}
	all, err := v.Crowd()
	if err != nil {
		return who, err
	}
	for _, m := range all.Members {
		who.count(m)
	}
	for _, inv := range all.Invitations {
		if invitation.IsOpen(inv) {
			who.Invited = append(who.Invited, inv.Spec.Email)
		}
	}
	worked := all.WorkedOn()
	for _, p := range all.Profiles {
		if p.DeletionTimestamp == nil && !worked[p.Name] {
			who.Teamless++
		}
	}
	return who, nil
}

// count adds a Member to those that a change can concern.
func (who *affected) count(m *rosterv1alpha1.Member) {
	if !membership.IsActive(m) {
		return
	}
	who.Active++
	switch has := m.Status.SecondFactor; {
	case has == nil:
		who.FactorUnknown++
	case !*has:
		who.Factorless++
	}
}

// save writes the organisation as the person, and goes on: done, or with the form again and what the API server has refused.
func save(
	v *console.Visit, o *rosterv1alpha1.Organization, again func([]web.Problem) error, fields console.Fields, done func() error,
) error {
	u, err := whole(o)
	if err != nil {
		return err
	}
	return v.Wrote(v.Update(u), done, again, fields)
}

// whole is an Organization as it is written. An empty list of reminders is a choice, and would be left out of the Go type's JSON: the API
// server would then fill in the default, whatever else was changed.
func whole(o *rosterv1alpha1.Organization) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	data, err := stdjson.Marshal(o)
	if err == nil {
		err = json.Unmarshal(data, &u.Object)
	}
	if err != nil {
		return nil, err
	}
	u.SetGroupVersionKind(rosterv1alpha1.GroupVersion.WithKind("Organization"))
	reminders := []any{}
	for _, d := range o.Spec.Invitations.RemindBefore {
		reminders = append(reminders, d.Duration.String())
	}
	return u, unstructured.SetNestedSlice(u.Object, reminders, "spec", "invitations", "remindBefore")
}
