// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/connection"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// socialProfilesPage lists the profiles that somebody may connect again, and the networks that they can add one of.
type socialProfilesPage struct {
	Org      string
	Profiles []connectedView
	// Networks to add a profile of; Refusal says why there are none.
	Networks []web.Action
	Refusal  string
	Back     string
}

// connectedView is how the connection of a profile stands.
type connectedView struct {
	Network, Handle string
	State           string
	// Bad says that somebody has to do something.
	Bad bool
	// Connect is empty where that network cannot be connected here.
	Connect, Remove string
}

func (h *Handler) getSocialProfiles(v *session.MemberVisit) error {
	profiles, err := connectable(v)
	if err != nil {
		return err
	}
	may, err := h.mayOn(v, "create", "")
	if err != nil {
		return err
	}
	page := socialProfilesPage{Org: v.Organization.Spec.DisplayName, Back: v.OrganizationPath(v.Member.Namespace, "")}
	for _, sp := range profiles {
		page.Profiles = append(page.Profiles, h.connectedView(v.Visit, sp))
	}
	page.Networks, page.Refusal = h.offered(v, may)
	return v.Show(http.StatusOK, web.PageSocialProfiles, v.Words.T("profiles.title", "Org", page.Org), page)
}

// offered are the networks that the person can add a profile of, or why there are none.
func (h *Handler) offered(v *session.MemberVisit, may bool) (networks []web.Action, refusal string) {
	w := v.Words
	contact, full := organization.PlanFull(v.Organization)
	switch {
	case !may:
		return nil, w.T("profiles.notAllowed", "Contact", h.contactName(v))
	case full:
		return nil, w.T("connect.full.text", "Org", v.Organization.Spec.DisplayName) + " " + w.T("connect.full.next", "Contact", contact)
	}
	for _, c := range h.Networks.Connectable() {
		n := networkTarget{Network: c}
		networks = append(networks, web.Action{Text: n.title(), Href: connectPath(v.Visit, v.Member.Namespace, n, "")})
	}
	return networks, ""
}

// connectable are the profiles that a person may connect again, by network and handle.
func connectable(v *session.MemberVisit) ([]*rosterv1alpha1.SocialProfile, error) {
	rights, held, err := v.Rights()
	if err != nil {
		return nil, err
	}
	connects := access.NewSet(access.Connect)
	var all []*rosterv1alpha1.SocialProfile
	for _, sp := range rights.Profiles {
		if sp.DeletionTimestamp == nil && held.On(sp.Name).Contains(connects) {
			all = append(all, sp)
		}
	}
	slices.SortFunc(all, func(a, b *rosterv1alpha1.SocialProfile) int {
		return cmp.Or(cmp.Compare(a.Spec.Network, b.Spec.Network), strings.Compare(a.Spec.Handle, b.Spec.Handle))
	})
	return all, nil
}

func (h *Handler) connectedView(v *session.Visit, sp *rosterv1alpha1.SocialProfile) connectedView {
	view := connectedView{
		Network: v.Words.Network(sp), Handle: sp.Spec.Handle,
		Remove: v.OrganizationPath(sp.Namespace, "/profiles/"+sp.Name+"/remove"),
	}
	view.State, view.Bad = organization.ConnectionState(v.Words, sp)
	if c, err := h.Networks.Of(sp); err == nil && h.Networks.CanConnect(c) {
		view.Connect = connectPath(v, sp.Namespace, networkTarget{Network: c, profile: sp}, "")
	}
	return view
}

// removable is the profile of the page. It answers if there is none or the person may not remove it.
func (h *Handler) removable(v *session.MemberVisit) (*rosterv1alpha1.SocialProfile, error) {
	sp := &rosterv1alpha1.SocialProfile{}
	name := v.R.PathValue("profile")
	may, err := h.mayOn(v, "delete", name)
	switch {
	case err != nil:
		return nil, err
	case !may || !h.Cache.Look(v.R.Context(), client.ObjectKey{Namespace: v.Member.Namespace, Name: name}, sp):
		return nil, web.Answered(v.NotFound()) // whether there is such a profile is not told to somebody who may not remove it
	}
	return sp, nil
}

func (h *Handler) getRemove(v *session.MemberVisit) error {
	sp, err := h.removable(v)
	if err != nil {
		return err
	}
	return h.removeForm(v, sp, nil)
}

func (h *Handler) removeForm(v *session.MemberVisit, sp *rosterv1alpha1.SocialProfile, problems []web.Problem) error {
	w, handle := v.Words, sp.Spec.Handle
	return v.Form(web.PageSure, w.T("remove.title", "Handle", handle), problems, web.Sure{
		Fields: web.Fields{Problems: problems}, Heading: w.T("remove.heading", "Handle", handle),
		Text:    w.T("remove.text", "Network", w.Network(sp)),
		Confirm: w.T("remove.confirm", "Handle", handle), Submit: w.T("profiles.remove"),
		Action: v.OrganizationPath(v.Member.Namespace, "/profiles/"+sp.Name+"/remove"),
		Back:   v.OrganizationPath(v.Member.Namespace, "/profiles"),
	})
}

// postRemove answers POST /organizations/{namespace}/profiles/{profile}/remove: it asks the operator to.
func (h *Handler) postRemove(v *session.MemberVisit) error {
	sp, err := h.removable(v)
	if err != nil {
		return err
	}
	if v.R.PostForm.Get(web.FieldConfirm) == "" {
		return h.removeForm(v, sp, []web.Problem{{Field: web.FieldConfirm, Text: v.Words.T("error.remove.missing")}})
	}
	order := h.order(v)
	order.Network, order.Remove = sp.Spec.Network, &connection.Profile{Name: sp.Name, UID: string(sp.UID)}
	return h.handOver(v.Visit, h.setOut(v, networkTarget{}), order)
}
