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
func (p *Portal) getDevices(v *sessionVisit) {
	w := v.Words
	page := devicesPage{Action: v.Path("/account/sessions"), Back: v.Path("/account")}
	for _, d := range v.person.credentials.Sessions.Devices {
		view := deviceView{
			ID: d.ID, Label: d.Label, Added: w.Time(d.Added), Seen: w.Time(d.Seen), Current: d.ID == v.person.session.Device,
		}
		if view.Label == "" {
			view.Label = w.T("sessions.unknown")
		}
		page.Devices = append(page.Devices, view)
	}
	v.Show(http.StatusOK, web.PageDevices, w.T("sessions.title"), page)
}

// postDevices answers POST /account/sessions: it signs one device out, or all of them.
func (p *Portal) postDevices(v *sessionVisit) {
	if !v.ReadPost() {
		return
	}
	who := v.person
	if v.R.PostForm.Get(web.FieldAction) == actionEverybody {
		if err := p.accounts.SignOutEverywhere(v.R.Context(), who.account); err != nil {
			v.Fault(err)
			return
		}
		v.Audit(web.EventSignOutEverywhere, web.ResultSuccess, who.account.Name)
		p.dropSession(v.Visit)
		v.SeeOther("/sign-in", "")
		return
	}
	if err := p.accounts.SignOut(v.R.Context(), who.account, v.R.PostForm.Get(fieldDevice)); err != nil {
		v.Fault(err)
		return
	}
	v.Audit(web.EventSignOut, web.ResultSuccess, who.account.Name, "session", who.session.ID)
	v.Done(web.DoneSignedOut)
}
