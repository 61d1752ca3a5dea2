// SPDX-License-Identifier: Apache-2.0

package personal

import (
	"net/http"

	"github.com/roster-dev/roster/internal/portal/session"
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

func (h *Handler) getDevices(v *session.Visit) error {
	w := v.Words
	page := devicesPage{Action: v.Path("/account/sessions"), Back: v.Path("/account")}
	for _, d := range v.Person.Credentials.Sessions.Devices {
		page.Devices = append(page.Devices, deviceView{
			ID: d.ID, Label: v.BrowserName(d.ID), Added: w.Time(d.Added), Seen: w.Time(d.Seen), Current: d.ID == v.Person.Session.Device,
		})
	}
	return v.Show(http.StatusOK, web.PageDevices, w.T("sessions.title"), page)
}

// postDevices answers POST /account/sessions: it signs one device out, or all of them.
func (h *Handler) postDevices(v *session.Visit) error {
	who := v.Person
	if v.R.PostForm.Get(web.FieldAction) == actionEverybody {
		if err := h.Accounts.SignOutEverywhere(v.R.Context(), who.Account); err != nil {
			return err
		}
		v.Audit(web.EventSignOutEverywhere, web.ResultSuccess, who.Account.Name)
		h.Sessions.Drop(v.Visit)
		return v.SeeOther("/sign-in", "")
	}
	device := v.R.PostForm.Get(fieldDevice)
	if err := h.Accounts.SignOut(v.R.Context(), who.Account, device); err != nil {
		return err
	}
	var about []any
	if device == who.Session.Device { // The sessions of other devices are known to those alone.
		about = append(about, "session", who.Session.ID)
	}
	v.Audit(web.EventSignOut, web.ResultSuccess, who.Account.Name, about...)
	return v.Done(session.DoneSignedOut)
}
