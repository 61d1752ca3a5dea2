// SPDX-License-Identifier: Apache-2.0

package invite

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// getInvitation answers GET /invitations/{token}. It changes nothing.
func (h *Handler) getInvitation(v *visit) error {
	who, err := h.invited(v)
	if err != nil {
		return err
	}
	verdict := v.verdict()
	if verdict == invitation.LinkAccepted && who != nil && v.link.AcceptedBy(who.Account.Name) {
		return v.redirect("/welcome")
	}
	if verdict != invitation.LinkOpen {
		return deadError(verdict)
	}
	_, hasPassword, err := h.Accounts.Find(v.R.Context(), v.link.Address)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return err
	}
	v.typed.DisplayName, v.typed.Company = v.link.Known()
	v.typed.Locale = v.Words.Locale
	return h.form(v, http.StatusOK, &formError{signIn: hasPassword, signedIn: who})
}

// postAccept: the Account, its password, then the claim. A crash between any two leaves something that the next try completes.
func (h *Handler) postAccept(v *visit) error {
	verdict := v.verdict()
	if verdict != invitation.LinkOpen && verdict != invitation.LinkAccepted {
		return deadError(verdict)
	}
	who, err := h.prove(v, verdict)
	if verdict == invitation.LinkAccepted && isNobody(err) {
		return deadError(verdict)
	}
	if err != nil {
		return err
	}
	if err := h.SignIn.AskForFactor(v.Visit, who, "/invitations/"+v.link.Token); err != nil {
		return err // They come back to the invitation.
	}
	wrote, err := h.claim(v, who)
	if err != nil {
		return err
	}
	if !v.link.AcceptedBy(who.Account.Name) {
		return deadError(v.verdict())
	}
	return h.accepted(v, who, wrote)
}

// isNobody says that the person who sent the form is not the person of the Account.
func isNobody(err error) bool {
	var wrong *formError
	return errors.As(err, &wrong) || errors.Is(err, account.ErrNotFound) || errors.Is(err, account.ErrNoCredentials)
}

// accepted signs the person in. If that cannot be done just now they have accepted all the same, and can sign in later.
func (h *Handler) accepted(v *visit, who session.Login, wrote bool) error {
	result := web.ClaimRepeated
	if wrote {
		result = web.ClaimAccepted
	}
	h.Metrics.CountClaim(result)
	v.Audit(web.EventAccept, web.ResultSuccess, who.Account.Name, "invitation", v.link.Offer.Invitation.Name,
		"namespace", v.link.Offer.Invitation.Namespace)
	if err := h.Sessions.Begin(v.Visit, who); err != nil {
		v.Log().Error(err, "Cannot sign in the person who has just accepted", "account", who.Account.Name)
	}
	return v.redirect("/welcome")
}

// maxRounds is how often an answer is decided again when somebody else was faster.
const maxRounds = 5

var errContention = errors.New("too many changes at the same moment")

// claim accepts the invitation for somebody who has shown who they are: to own the organisation, if it is that which is offered and the
// page told them so.
func (h *Handler) claim(v *visit, who session.Login) (wrote bool, err error) {
	if !who.Held {
		// A password was hashed meanwhile, which may have had to wait.
		if v.link, err = h.Links.LookAround(v.R.Context(), v.link); err != nil {
			return false, err
		}
	}
	toOwn := v.R.PostForm.Get(web.FieldAs) == string(rosterv1alpha1.RoleOwner)
	return h.settle(v, invitation.LinkOpen, func(inv *rosterv1alpha1.Invitation, now time.Time) {
		invitation.Accept(inv, who.Account.Name, v.link.Offer.Agreed(toOwn), now)
	})
}

// settle changes the status of an invitation whose link is good for that, in one write that carries the version that was read, last of all
// or before what took its time. If somebody else was faster it looks and decides again. Afterwards v.link is how the invitation stands,
// no matter who made it so.
func (h *Handler) settle(v *visit, from invitation.Verdict, change func(*rosterv1alpha1.Invitation, time.Time)) (wrote bool, err error) {
	ctx := v.R.Context()
	for round := range maxRounds {
		if round > 0 {
			if v.link, err = h.Links.Refresh(ctx, v.link); err != nil {
				return false, err
			}
		}
		now := v.Now()
		if v.link.Check(now) != from {
			return false, nil
		}
		inv := v.link.Offer.Invitation
		change(inv, now)
		err = h.Client.Status().Update(ctx, inv)
		switch {
		case err == nil:
			return true, nil
		case apierrors.IsConflict(err), apierrors.IsNotFound(err):
			continue
		}
		// The write may have arrived although its answer did not.
		var unread error
		if v.link, unread = h.Links.Refresh(ctx, v.link); unread == nil && v.link.Check(now) != from {
			return true, nil
		}
		return false, fmt.Errorf("answering the invitation: %w", err)
	}
	return false, errContention
}

// getDecline answers GET /invitations/{token}/decline: a page of its own, so that nobody declines by following links.
func (h *Handler) getDecline(v *visit) error {
	if verdict := v.verdict(); verdict != invitation.LinkOpen {
		return deadError(verdict)
	}
	return h.declineForm(v, nil)
}

func (h *Handler) declineForm(v *visit, problems []web.Problem) error {
	offer := h.describe(v)
	return v.Form(web.PageDecline, v.Words.T("decline.title", "Org", offer.Org), problems, formPage{
		Fields: web.Fields{Problems: problems}, Offer: offer, Action: v.path(""), Back: v.path(""),
	})
}

// postDecline declines if the box is ticked: a robot that presses every button does not decline.
func (h *Handler) postDecline(v *visit) error {
	if v.verdict() == invitation.LinkOpen && v.R.PostForm.Get(web.FieldConfirm) == "" {
		h.Metrics.CountClaim(web.ClaimInvalid)
		return h.declineForm(v, []web.Problem{{Field: web.FieldConfirm, Text: v.Words.T("error.decline.missing")}})
	}
	return h.answer(v, invitation.LinkOpen, invitation.LinkDeclined, web.ClaimDeclined, invitation.Decline)
}

// postRenew asks the operator for a new link.
func (h *Handler) postRenew(v *visit) error {
	return h.answer(v, invitation.LinkRenewable, invitation.LinkRenewing, web.ClaimRenewal, invitation.RequestRenewal)
}

// answer settles an invitation and sends the browser to the page that says how it stands.
func (h *Handler) answer(
	v *visit, from, to invitation.Verdict, result string, change func(*rosterv1alpha1.Invitation, time.Time),
) error {
	wrote, err := h.settle(v, from, change)
	if err != nil {
		return err
	}
	if verdict := v.verdict(); verdict != to {
		return deadError(verdict)
	}
	if !wrote {
		result = web.ClaimRepeated
	}
	h.Metrics.CountClaim(result)
	return v.redirect("")
}
