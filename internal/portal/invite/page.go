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
		return h.answered(true, h.postAccept)(v)
	case actionDecline:
		return h.answered(false, h.postDecline)(v)
	case actionRenew:
		return h.answered(true, h.postRenew)(v)
	default:
		return v.BadRequest()
	}
}

// opened makes a page about the invitation of the link, by which somebody joins or not.
func (h *Handler) opened(joins bool, page func(*visit) error) func(*web.Visit) error {
	return h.about(page, func(v *visit) error { return h.open(v, joins) })
}

// answered is opened for what a person answers to the invitation. It changes nothing but by settle.
func (h *Handler) answered(joins bool, answer func(*visit) error) func(*web.Visit) error {
	return h.about(answer, func(v *visit) error {
		f, err := h.Links.OpenToAnswer(v.R.Context(), v.R.PathValue("token"), joins)
		v.found(f)
		return err
	})
}

// about makes a page about the invitation that find finds. It shows what goes wrong: what was typed is kept, with what the cache knows of
// the invitation.
func (h *Handler) about(page, find func(*visit) error) func(*web.Visit) error {
	return func(base *web.Visit) error {
		v := &visit{Visit: base, typed: signin.ReadRegistration(base.R.PostForm)}
		err := find(v)
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
	f, err := h.Links.Open(v.R.Context(), v.R.PathValue("token"), joins, v.R.Method != http.MethodPost)
	v.found(f)
	return err
}

// found makes the visit one about that invitation, and in its language.
func (v *visit) found(f link.Verified) {
	v.link = f
	if f.Offer.Invitation != nil {
		f.Speak(v.Visit)
	}
}

// verdict is what the link is good for now.
func (v *visit) verdict() invitation.Verdict { return v.link.Check(v.Now()) }

// path of a page about the invitation of the visit.
func (v *visit) path(page string) string {
	return v.Path("/invitations/" + v.link.Token + page)
}

// redirect sends the browser to a page about the invitation, which it opens with GET.
func (v *visit) redirect(page string) error { return v.Redirect(v.path(page)) }
