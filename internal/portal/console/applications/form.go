// SPDX-License-Identifier: Apache-2.0

package applications

import (
	"net/url"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/application"
	"github.com/roster-dev/roster/internal/pointers"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The fields of the form.
const (
	fieldType      = "type"
	fieldURL       = "url"
	fieldListed    = "listed"
	fieldRedirects = "redirects"
	fieldFactor    = "factor"
	fieldRole      = "role"
	fieldTeam      = "team"
)

// fields are those of the form, by what they write.
func fields() console.Fields {
	return console.Fields{
		"spec.displayName": web.FieldDisplayName, "spec.url": fieldURL, "spec.listed": fieldListed, "spec.redirectURIs": fieldRedirects,
		"spec.multiFactor": fieldFactor, "spec.members.roles": fieldRole, "spec.members.teams": fieldTeam,
	}
}

// form is what people type about an application.
type form struct {
	Type         rosterv1alpha1.ApplicationType
	Name, URL    string
	Listed       bool
	Redirects    string
	Factor       rosterv1alpha1.ApplicationFactor
	Roles, Teams []string
}

func isType(t rosterv1alpha1.ApplicationType) bool {
	return t == rosterv1alpha1.ApplicationWeb || t == rosterv1alpha1.ApplicationNative
}

func formOf(a *rosterv1alpha1.Application) form {
	f := form{
		Type: a.Spec.Type, Name: a.Title(), URL: a.Spec.URL, Listed: ptr.Deref(a.Spec.Listed, false),
		Redirects: strings.Join(a.Spec.RedirectURIs, "\n"), Factor: a.Spec.MultiFactor,
	}
	if m := a.Spec.Members; m != nil {
		f.Roles, f.Teams = m.Roles, m.Teams
	}
	return f
}

func read(values url.Values) form {
	return form{
		Type: rosterv1alpha1.ApplicationType(values.Get(fieldType)), Name: web.Tidy(values.Get(web.FieldDisplayName)),
		URL: web.Tidy(values.Get(fieldURL)), Listed: values.Get(fieldListed) != "", Redirects: values.Get(fieldRedirects),
		Factor: rosterv1alpha1.ApplicationFactor(values.Get(fieldFactor)), Roles: values[fieldRole], Teams: values[fieldTeam],
	}
}

// write has a spec say what the form says. What the form does not have stays as it is.
func (f form) write(spec *rosterv1alpha1.ApplicationSpec) {
	spec.DisplayName, spec.URL, spec.RedirectURIs, spec.MultiFactor = f.Name, f.URL, strings.Fields(f.Redirects), f.Factor
	if spec.Listed = nil; f.Listed {
		spec.Listed = ptr.To(true)
	}
	if spec.Members = nil; len(f.Roles)+len(f.Teams) > 0 {
		spec.Members = &rosterv1alpha1.ApplicationMembers{Roles: f.Roles, Teams: f.Teams}
	}
}

// maxName is the longest that an application is called, as in its schema.
const maxName = 120

// check tells what is missing. What is wrong with an address, the API server tells.
func (f form) check(w web.Words) []web.Problem {
	var problems []web.Problem
	add := func(wrong bool, field, text string) {
		if wrong {
			problems = append(problems, web.Problem{Field: field, Text: text})
		}
	}
	add(!web.IsVisible(f.Name) || !web.IsLine(f.Name) || len([]rune(f.Name)) > maxName, web.FieldDisplayName,
		w.N("applications.error.name", maxName))
	add(f.Type == rosterv1alpha1.ApplicationWeb && strings.TrimSpace(f.Redirects) == "", fieldRedirects, w.T("applications.error.redirects"))
	add(f.Listed && f.URL == "", fieldURL, w.T("applications.error.url"))
	return problems
}

type onePage struct {
	Frame console.Frame
	web.Fields
	Heading string
	// Name of the application; empty for a new one.
	Name         string
	State        console.Badge
	May          bool
	Form         form
	Type         string
	Kept         *console.KeptView
	Changed      *console.ChangedView
	Generation   int64
	Roles, Teams []box
	Factors      []choice
	// What stands there for the tool.
	ClientID, Issuer, Secret                               string
	Action, SecretHref, StolenHref, DeleteHref, Back, Kind string
}

// box is one to tick, choice one of several.
type (
	box struct {
		Value, Text string
		Ticked      bool
	}
	choice struct{ Value, Text string }
)

func (h *Handler) getNew(v *console.Visit) error {
	kind := rosterv1alpha1.ApplicationType(v.R.URL.Query().Get(fieldType))
	if !isType(kind) {
		return v.NotFound()
	}
	return h.show(v, nil, form{Type: kind, Factor: rosterv1alpha1.ApplicationFactorAsOrganization}, nil, nil)
}

func (h *Handler) getOne(v *console.Visit, a *rosterv1alpha1.Application) error {
	return h.show(v, a, formOf(a), nil, nil)
}

// show shows an application, or the form for a new one.
func (h *Handler) show(
	v *console.Visit, a *rosterv1alpha1.Application, f form, problems []web.Problem, changed *console.ChangedView,
) error {
	names, err := h.names(v)
	if err != nil {
		return err
	}
	w := v.Words
	page := onePage{
		Frame: v.Frame(), Fields: web.Fields{Problems: problems}, Heading: w.T("applications.new." + string(f.Type)), May: may(v), Form: f,
		Type: w.T("applications.type." + string(f.Type)), Kind: string(f.Type), Action: v.To(newPath), Back: v.To(Path), Changed: changed,
	}
	page.Roles, page.Teams = choices(names, f)
	for _, factor := range []rosterv1alpha1.ApplicationFactor{
		rosterv1alpha1.ApplicationFactorAsOrganization, rosterv1alpha1.ApplicationFactorRequired,
		rosterv1alpha1.ApplicationFactorPhishingResistant,
	} {
		page.Factors = append(page.Factors, choice{string(factor), w.T("applications.factor." + string(factor))})
	}
	if a != nil {
		here := Path + "/" + a.Name
		page.Name, page.Heading, page.Generation, page.State, page.Kept = a.Title(), a.Title(), a.Generation, stateOf(w, a), v.KeptView(a)
		page.ClientID, page.Issuer, page.Secret = a.ClientID(), h.Issuer, secretText(w, a)
		page.Action, page.DeleteHref = v.To(here), v.To(here+"/delete")
		if a.Spec.Type == rosterv1alpha1.ApplicationWeb {
			page.SecretHref, page.StolenHref = v.To(here+"/secret"), v.To(here+"/stolen")
		}
	}
	return v.Form(pageOne, page.Heading, problems, page)
}

func (h *Handler) postNew(v *console.Visit) error {
	f := read(v.R.PostForm)
	if !isType(f.Type) {
		return v.BadRequest()
	}
	if problems := f.check(v.Words); len(problems) > 0 {
		return h.show(v, nil, f, problems, nil)
	}
	var all rosterv1alpha1.ApplicationList
	if err := v.Cache().List(v.R.Context(), &all, client.InNamespace(v.Namespace()), client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	a := &rosterv1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: console.ObjectName(f.Name, "application", console.Taken(pointers.To(all.Items)))},
		Spec:       rosterv1alpha1.ApplicationSpec{Type: f.Type},
	}
	f.write(&a.Spec)
	var secret string
	if f.Type == rosterv1alpha1.ApplicationWeb {
		secret = application.NewClientSecret()
		a.Spec.SecretHash = application.HashOf(secret)
	}
	again := func(problems []web.Problem) error { return h.show(v, nil, f, problems, nil) }
	return v.Wrote(v.Create(a), func() error { return h.told(v, a, secret) }, again, fields())
}

func (h *Handler) postOne(v *console.Visit, a *rosterv1alpha1.Application) error {
	f := read(v.R.PostForm)
	f.Type = a.Spec.Type
	wanted := a.DeepCopy()
	f.write(&wanted.Spec)
	if changed, problems := v.Changed(a, wanted); changed != nil {
		return h.show(v, a, f, problems, changed)
	}
	if problems := f.check(v.Words); len(problems) > 0 {
		return h.show(v, a, f, problems, nil)
	}
	done := func() error { return v.Done(Path+"/"+a.Name, "applications.saved", "Name", f.Name) }
	again := func(problems []web.Problem) error { return h.show(v, a, f, problems, nil) }
	return v.Wrote(v.Update(wanted), done, again, fields())
}
