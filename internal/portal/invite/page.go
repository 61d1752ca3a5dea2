// SPDX-License-Identifier: Apache-2.0

// Package invite has the pages behind the link of an invitation: accepting, also with an account of another address, declining, a new link,
// and the welcome after that. They need no JavaScript, and opening a link changes nothing: mail scanners open links too.
package invite

import (
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/common"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/oidc"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/signin"
	"github.com/roster-dev/roster/internal/portal/web"
)

// Handler of the pages behind the link of an invitation.
type Handler struct {
	Sessions      *session.Manager
	SignIn        *signin.Handler
	Organizations *organization.Handler
	Links         *link.Store
	Accounts      *account.Store
	Companies     oidc.Directory
	Cache         client.Reader
	Client        client.Client
	// LinkKeys make the codes that are mailed to another address.
	LinkKeys   *web.KeySource
	UserPrefix string
	Common     *common.Passwords
	Limits     *web.Limiters
	Metrics    *web.Metrics
}

// The values of fieldAction.
const (
	actionAccept  = "accept"
	actionDecline = "decline"
	actionRenew   = "renew"
)

// visit is one by somebody who has opened the link of an invitation.
type visit struct {
	*web.Visit
	link link.Verified
	// typed is what stands in the form that accepts.
	typed signin.Registration
	// person is who is signed in, on the page for those who have an account of another address.
	person *session.Person
}

// Routes are the pages behind the link of an invitation.
func (h *Handler) Routes() []web.Route {
	const path = "/invitations/{token}"
	return []web.Route{
		{Path: path, Get: h.opened(true, h.getInvitation), Post: h.postInvitation, Returnable: true},
		{Path: path + "/decline", Get: h.opened(false, h.getDecline)},
		{Path: path + "/address", Get: h.openedByOther(h.getOtherAddress), Post: h.openedByOther(h.postOtherAddress), Returnable: true},
		{Path: "/copied/{token}", Get: h.openedByCopy(h.getCopied), Post: h.openedByCopy(h.postCopied), Returnable: true},
		{Path: path + "/welcome", Get: h.opened(false, h.getWelcome)},
	}
}

func (h *Handler) postInvitation(v *web.Visit) error {
	switch v.R.PostForm.Get(web.FieldAction) {
	case actionAccept:
		return h.opened(true, h.postAccept)(v)
	case actionDecline:
		return h.opened(false, h.postDecline)(v)
	case actionRenew:
		return h.opened(true, h.postRenew)(v)
	default:
		return v.BadRequest()
	}
}

// opened makes a page about the invitation of the link, by which somebody joins or not. It shows what goes wrong: what was typed is kept,
// with what the cache knows of the invitation.
func (h *Handler) opened(joins bool, page func(*visit) error) func(*web.Visit) error {
	return func(base *web.Visit) error {
		v := &visit{Visit: base, typed: signin.ReadRegistration(base.R.PostForm)}
		err := h.open(v, joins)
		if err == nil {
			err = page(v)
		}
		if err != nil {
			return h.fail(v, err)
		}
		return nil
	}
}

// open reads the invitation of the link.
func (h *Handler) open(v *visit, joins bool) error {
	var err error
	v.link, err = h.Links.Open(v.R.Context(), v.R.PathValue("token"), joins, v.R.Method != http.MethodPost)
	if v.link.Offer.Invitation != nil {
		v.link.Speak(v.Visit)
	}
	return err
}

// verdict is what the link is good for now.
func (v *visit) verdict() invitation.Verdict { return v.link.Check(v.Now()) }

// path of a page about the invitation of the visit.
func (v *visit) path(page string) string {
	return v.Path("/invitations/" + v.link.Token + page)
}

// redirect sends the browser to a page about the invitation, which it opens with GET.
func (v *visit) redirect(page string) error { return v.Redirect(v.path(page)) }
