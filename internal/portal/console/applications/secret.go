// SPDX-License-Identifier: Apache-2.0

package applications

import (
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/application"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// secretText says where the client secret is; empty where there is none.
func secretText(w web.Words, a *rosterv1alpha1.Application) string {
	switch {
	case a.Spec.Type != rosterv1alpha1.ApplicationWeb:
		return ""
	case a.Spec.SecretHash != "":
		return w.T("applications.secret.own")
	}
	return w.T("applications.secret.kept", "Secret", a.SecretName())
}

// secretPage shows a client secret, once.
type secretPage struct {
	Frame                          console.Frame
	Name, ClientID, Issuer, Secret string
	Redirects                      []string
	Go                             string
}

// told shows what has to be put into the tool: as the answer to the form, so that no address shows the client secret again. Only its hash
// is stored.
func (h *Handler) told(v *console.Visit, a *rosterv1alpha1.Application, secret string) error {
	return v.Show(http.StatusOK, pageSecret, v.Words.T("applications.told.title", "Name", a.Title()), secretPage{
		Frame: v.Frame(), Name: a.Title(), ClientID: a.ClientID(), Issuer: h.Issuer, Secret: secret, Redirects: a.Spec.RedirectURIs,
		Go: v.To(Path + "/" + a.Name),
	})
}

// keepsSecret is a page about an Application that has a client secret. Of others, there is none.
func keepsSecret(page func(*console.Visit, *rosterv1alpha1.Application) error) func(*console.Visit) error {
	return console.Named(func(v *console.Visit, a *rosterv1alpha1.Application) error {
		if a.Spec.Type != rosterv1alpha1.ApplicationWeb {
			return v.NotFound()
		}
		return page(v, a)
	})
}

// getSecret asks whether a new client secret is to be made. One that was stolen stops counting at once.
func (h *Handler) getSecret(stolen bool) func(*console.Visit) error {
	return keepsSecret(func(v *console.Visit, a *rosterv1alpha1.Application) error { return askSecret(v, a, stolen, nil) })
}

func askSecret(v *console.Visit, a *rosterv1alpha1.Application, stolen bool, problems []web.Problem) error {
	w, here := v.Words, Path+"/"+a.Name
	heading, to, points := w.T("applications.secret.ask", "Name", a.Title()), "/secret", []string{w.T("applications.secret.former")}
	if stolen {
		heading, to, points = w.T("applications.stolen.ask", "Name", a.Title()), "/stolen", []string{w.T("applications.stolen.former")}
	}
	points = append(points, w.T("applications.secret.once"))
	if a.Spec.SecretHash == "" {
		points = append(points, w.T("applications.secret.leaves", "Secret", a.SecretName()))
	}
	submit := w.T("applications.secret.submit")
	if console.Keeper(a) != "" { // The hash would have to go to Git, and nobody would have the client secret by then.
		points, submit = []string{w.T("applications.secret.git")}, ""
	}
	return v.AskAbout(a, console.Sure{
		Heading: heading, Points: points, Submit: submit, Action: v.To(here + to), Back: v.To(here),
	}, problems)
}

func (h *Handler) postSecret(stolen bool) func(*console.Visit) error {
	return keepsSecret(func(v *console.Visit, a *rosterv1alpha1.Application) error {
		if problems := v.Unconfirmed(a); problems != nil || console.Keeper(a) != "" {
			return askSecret(v, a, stolen, problems)
		}
		secret := application.NewClientSecret()
		replace(&a.Spec, application.HashOf(secret), stolen)
		again := func(problems []web.Problem) error { return askSecret(v, a, stolen, problems) }
		return v.Wrote(v.Update(a), func() error { return h.told(v, a, secret) }, again, fields())
	})
}

// replace has another client secret count. That a former one was stolen once is no reason to stop the next one at once.
func replace(spec *rosterv1alpha1.ApplicationSpec, hash string, stolen bool) {
	spec.SecretHash, spec.SecretName = hash, ""
	switch {
	case stolen:
		spec.SecretOverlap = &metav1.Duration{}
	case ptr.Deref(spec.SecretOverlap, metav1.Duration{}).Duration == 0:
		spec.SecretOverlap = &metav1.Duration{Duration: application.DefaultOverlap}
	}
}

// askDelete says what it means to delete an application, and asks for it once.
func askDelete(v *console.Visit, a *rosterv1alpha1.Application, problems []web.Problem) error {
	w, here := v.Words, Path+"/"+a.Name
	points := []string{w.T("applications.delete.people"), w.T("applications.delete.tool")}
	if a.Spec.Type == rosterv1alpha1.ApplicationWeb {
		points = append(points, w.T("applications.delete.secret"))
	}
	return v.AskAbout(a, console.Sure{
		Heading: w.T("applications.delete.ask", "Name", a.Title()), Points: points, Submit: w.T("applications.delete.submit"),
		Action: v.To(here + "/delete"), Back: v.To(here),
	}, problems)
}
