// SPDX-License-Identifier: Apache-2.0

package organization

import (
	"net/http"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	membershiprules "github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The answers of a person to owning an organisation.
const (
	fieldOwn = "own"
	takeOver = "yes"
	doNotOwn = "no"
)

// ownershipPage asks whether the person takes an organisation over.
type ownershipPage struct {
	web.Fields
	Heading, Text, Next string
	// Declines says that saying no is still open.
	Declines     bool
	Action, Back string
}

// ownership is what the person is asked about owning an organisation or, for the owner, where they give it up.
func (h *Handler) ownership(v *session.Visit, b session.Membership) (offer *offerOfOwnership, giveUp string) {
	w, name := v.Words, b.Organization.Spec.DisplayName
	href := v.OrganizationPath(b.Member.Namespace, "/ownership")
	owner, _ := membershiprules.Owns(b.Organization, b.Member)
	offered, declined := membershiprules.Offered(b.Organization, b.Member)
	said, answered := answered(v.Person.Account, b.Member)
	switch {
	case answered && said:
		return &offerOfOwnership{Text: w.T("ownership.taking", "Org", name)}, ""
	case answered:
		return &offerOfOwnership{Text: w.T("ownership.givingUp", "Org", name)}, ""
	case offered && declined:
		return &offerOfOwnership{Text: w.T("ownership.declined", "Org", name), Href: href}, ""
	case offered && b.Member.Status.State == rosterv1alpha1.MemberActive:
		return &offerOfOwnership{Text: w.T("ownership.offered", "Org", name), Href: href}, ""
	case owner:
		return nil, href
	}
	return nil, ""
}

// answered is what the person has said to owning the organisation, as long as the operator has not acted on it.
func answered(acct *rosterv1alpha1.Account, m *rosterv1alpha1.Member) (agrees, answered bool) {
	for _, a := range acct.Status.Ownership {
		if a.UID == string(m.UID) {
			return ptr.Deref(a.Agrees, false), true
		}
	}
	return false, false
}

// getOwnership answers GET /organizations/{namespace}/ownership.
func (h *Handler) getOwnership(v *session.Visit) { h.ownershipForm(v, http.StatusOK, nil) }

func (h *Handler) ownershipForm(v *session.Visit, status int, problems []web.Problem) {
	b, ok := v.Membership()
	if !ok {
		return
	}
	w, name := v.Words, b.Organization.Spec.DisplayName
	action, back := v.OrganizationPath(b.Member.Namespace, "/ownership"), v.OrganizationPath(b.Member.Namespace, "")
	offered, declined := membershiprules.Offered(b.Organization, b.Member)
	if offered {
		v.Show(status, web.PageOwnership, w.ErrorTitle(w.T("ownership.title", "Org", name), problems), ownershipPage{
			Fields: web.Fields{Problems: problems}, Heading: w.T("ownership.heading", "Org", name), Text: w.T("ownership.offered", "Org", name),
			Next: w.T("ownership.next", "Org", name), Declines: !declined, Action: action, Back: back,
		})
		return
	}
	if owner, _ := membershiprules.Owns(b.Organization, b.Member); !owner {
		v.NotFound()
		return
	}
	v.Show(status, web.PageSure, w.ErrorTitle(w.T("ownership.giveUp.title", "Org", name), problems), web.Sure{
		Fields: web.Fields{Problems: problems}, Heading: w.T("ownership.giveUp.heading", "Org", name),
		Text:    w.T("ownership.giveUp.text", "Org", name),
		Confirm: w.T("ownership.giveUp.confirm", "Org", name), Submit: w.T("ownership.giveUp.submit"), Action: action, Back: back,
	})
}

// postOwnership answers POST /organizations/{namespace}/ownership. The portal asks the operator to note the answer.
func (h *Handler) postOwnership(v *session.Visit) {
	b, ok := v.Membership()
	if !ok {
		return
	}
	offered, _ := membershiprules.Offered(b.Organization, b.Member)
	owner, _ := membershiprules.Owns(b.Organization, b.Member)
	answer := v.R.PostForm.Get(fieldOwn)
	switch {
	case !offered && !owner:
		v.NotFound()
		return
	case offered && answer != takeOver && answer != doNotOwn:
		h.ownershipForm(v, http.StatusUnprocessableEntity, []web.Problem{{Text: v.Words.T("error.ownership.missing")}})
		return
	case owner && v.R.PostForm.Get(web.FieldConfirm) == "":
		h.ownershipForm(v, http.StatusUnprocessableEntity, []web.Problem{{Field: web.FieldConfirm, Text: v.Words.T("error.ownership.confirm")}})
		return
	}
	agrees := offered && answer == takeOver
	err := h.Accounts.AnswerOwnership(v.R.Context(), v.Person.Account, rosterv1alpha1.OwnershipAnswer{
		UID: string(b.Member.UID), Namespace: b.Member.Namespace, Member: b.Member.Name, Agrees: &agrees,
	})
	if err != nil {
		v.Fault(err)
		return
	}
	v.Audit(web.EventOwnership, web.ResultSuccess, v.Person.Account.Name, "namespace", b.Member.Namespace, "member", b.Member.Name,
		"agrees", agrees)
	v.Redirect(v.OrganizationPath(b.Member.Namespace, ""))
}
