// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"

	"github.com/roster-dev/roster/internal/portal/web"
)

// The fields of the page of devices.
const (
	fieldDevice     = "device"
	actionEverybody = "everywhere"
)

// devicesPage lists the devices that are signed in.
type devicesPage struct {
	Devices      []deviceView
	Action, Back string
}

type deviceView struct {
	ID, Label   string
	Added, Seen web.MomentView
	Current     bool
}

// getDevices answers GET /account/sessions.
func (p *Portal) getDevices(v *visit) {
	w, query := v.words, v.words.Query()
	page := devicesPage{Action: p.root + "/account/sessions" + query, Back: p.root + "/account" + query}
	for _, d := range v.person.credentials.Sessions.Devices {
		view := deviceView{
			ID: d.ID, Label: d.Label, Added: w.Time(d.Added), Seen: w.Time(d.Seen), Current: d.ID == v.person.session.Device,
		}
		if view.Label == "" {
			view.Label = w.T("sessions.unknown")
		}
		page.Devices = append(page.Devices, view)
	}
	p.show(v, http.StatusOK, web.PageDevices, w.T("sessions.title"), page)
}

// postDevices answers POST /account/sessions: it signs one device out, or all of them.
func (p *Portal) postDevices(v *visit) {
	if !p.readPost(v) {
		return
	}
	who := v.person
	if v.r.PostForm.Get(web.FieldAction) == actionEverybody {
		if err := p.accounts.SignOutEverywhere(v.r.Context(), who.account); err != nil {
			p.fault(v, err)
			return
		}
		p.audit(v, web.EventSignOutEverywhere, web.ResultSuccess, who.account.Name)
		p.dropSession(v)
		p.seeOther(v, "/sign-in", "")
		return
	}
	if err := p.accounts.SignOut(v.r.Context(), who.account, v.r.PostForm.Get(fieldDevice)); err != nil {
		p.fault(v, err)
		return
	}
	p.audit(v, web.EventSignOut, web.ResultSuccess, who.account.Name, "session", who.session.ID)
	p.done(v, doneSignedOut)
}
