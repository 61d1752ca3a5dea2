// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"net/http"
	"strings"

	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

const pageDevice web.PageName = "openid-device"

const fieldUserCode = "user_code"

// devicePage asks for the code that a device shows, or whether its person wants to sign in there.
type devicePage struct {
	web.Fields
	Heading, Action string
	// Typed is what was typed, while the code is asked for.
	Typed string
	// Code that the device shows, Text and Points about what is asked, and Organizations to choose from; empty while the code is asked for.
	Code, Text    string
	Points        []string
	Organizations []deviceOrganization
}

// deviceOrganization is one to choose: its namespace and its name.
type deviceOrganization struct{ Name, Title string }

// getDevice answers GET /device.
func (h *Handler) getDevice(v *session.Visit) error { return h.askCode(v, "", nil) }

func (h *Handler) askCode(v *session.Visit, typed string, problems []web.Problem) error {
	heading := v.Words.T("openid.device.title")
	return v.Form(pageDevice, heading, problems, devicePage{
		Fields: web.Fields{Problems: problems}, Heading: heading, Action: v.Path(pathDevice), Typed: typed,
	})
}

// postDevice answers POST /device: it leads to the page about the code, so that this can be opened directly, too.
func (h *Handler) postDevice(v *session.Visit) error {
	typed := strings.TrimSpace(v.R.PostForm.Get(fieldUserCode))
	if _, ok := deviceSecret(typed); !ok {
		return h.askCode(v, typed, []web.Problem{{Field: fieldUserCode, Text: v.Words.T("openid.device.malformed")}})
	}
	code := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(typed))
	return v.SeeOther(pathDevice+"/"+code[:4]+"-"+code[4:], "")
}

// typed finds what a code stands for. It answers by itself, and returns nil, if that is nothing. Codes are short, so only a few wrong ones
// can be tried.
func (h *Handler) typed(v *session.Visit) (*deviceRequest, *application, error) {
	code := v.R.PathValue("code")
	tried, wait := h.Limits.Take(web.Count(h.Limits.DeviceTries, "device code "+v.Person.Account.Name))
	if wait > 0 {
		return nil, nil, web.Answered(v.Throttled(wait))
	}
	wrong := func() error {
		return web.Answered(h.askCode(v, "", []web.Problem{{Field: fieldUserCode, Text: v.Words.T("openid.device.unknown")}}))
	}
	name, ok := deviceSecret(code)
	if !ok {
		return nil, nil, wrong()
	}
	d, err := h.device(v.R.Context(), name, v.Now())
	if err != nil {
		return nil, nil, err
	}
	if d == nil || d.State != deviceWaiting {
		return nil, nil, wrong()
	}
	tried.GiveBack()
	app, err := h.usable(v.Visit, d.Client, known)
	if err != nil {
		return nil, nil, err
	}
	if app == nil {
		return nil, nil, web.Answered(h.unknownApplication(v.Visit))
	}
	return d, app, nil
}

// getDeviceCode answers GET /device/{code}. It always asks: somebody else may have sent the code, to be let in as this person.
func (h *Handler) getDeviceCode(v *session.Visit) error {
	d, app, err := h.typed(v)
	if err != nil {
		return err
	}
	a := ask{Scopes: d.Scopes, Organization: d.Organization}
	app, missing, why, err := h.judge(v, a, app)
	if err != nil {
		return err
	}
	if missing == needMore {
		return h.cannot(v, ask{}, app, why)
	}
	return h.askDevice(v, d, app, nil)
}

// askDevice asks whether the person wants to sign in on a device, and in which organisation if there is a choice.
func (h *Handler) askDevice(v *session.Visit, d *deviceRequest, app *application, problems []web.Problem) error {
	w, organization := v.Words, h.organizationName(v, app)
	heading := w.T("openid.device.ask", "Application", app.name)
	page := devicePage{
		Fields: web.Fields{Problems: problems}, Heading: heading, Action: v.Path(v.Page()), Code: v.R.PathValue("code"),
		Text: w.T("openid.device.text", "Application", app.name, "Email", v.Person.Account.Spec.Email),
	}
	if app.undecided {
		organization = w.T("openid.choose.chosen")
		for _, m := range choices(v, app) {
			page.Organizations = append(page.Organizations, deviceOrganization{m.Member.Namespace, m.Organization.Spec.DisplayName})
		}
	}
	page.Points = learns(w, app, d.Scopes, organization)
	return v.Form(pageDevice, heading, problems, page)
}

// postDeviceCode answers POST /device/{code}. That the person has answered is written down first, so that of two only one answers.
func (h *Handler) postDeviceCode(v *session.Visit) error {
	d, app, err := h.typed(v)
	if err != nil {
		return err
	}
	w, name := v.Words, v.Person.Account.Name
	if v.R.PostForm.Get(web.FieldAction) != "approve" {
		d.State = deviceDenied
		if _, err := h.settle(v.R.Context(), d); err != nil {
			return err
		}
		v.Audit(web.EventApplication, web.ResultRefused, name, "application", app.id, "why", "Denied")
		return v.Say(http.StatusOK, web.SymbolStop, w.T("openid.device.denied"), w.T("openid.device.deniedText"))
	}
	a := ask{Scopes: d.Scopes, Organization: d.Organization}
	if app.in(v, a).undecided {
		a.Organization = v.R.PostForm.Get(parameterOrganization)
	}
	app, missing, why, err := h.judge(v, a, app)
	if err != nil {
		return err
	}
	switch missing {
	case needOrganization:
		return h.askDevice(v, d, app, []web.Problem{{Field: parameterOrganization, Text: w.T("openid.choose.required")}})
	case needMore:
		v.Audit(web.EventApplication, web.ResultRefused, name, "application", app.id, "why", why)
		return h.cannot(v, ask{}, app, why)
	}
	_, _, g := h.begin(v, app, d.Scopes)
	g.Code = &grant.Code{Hash: d.Hash, Expires: d.Expires}
	d.State, d.Account, d.Grant = deviceApproved, name, g.ID
	settled, err := h.settle(v.R.Context(), d)
	if err != nil {
		return err
	}
	if !settled {
		return h.askCode(v, "", []web.Problem{{Field: fieldUserCode, Text: w.T("openid.device.unknown")}})
	}
	if ended, err := h.add(v, g); err != nil || ended {
		if ended {
			return v.ToSignIn()
		}
		return err
	}
	v.Audit(web.EventApplication, web.ResultSuccess, name, "application", app.id, "grant", g.ID)
	return v.Say(http.StatusOK, web.SymbolCheck, w.T("openid.device.done"), w.T("openid.device.doneText", "Application", app.name))
}
