// SPDX-License-Identifier: Apache-2.0

package organization

import (
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
func (h *Handler) ownership(v *session.MemberVisit) (offer *web.Action, giveUp string) {
	w, name := v.Words, v.Organization.Spec.DisplayName
	href := v.OrganizationPath(v.Member.Namespace, "/ownership")
	owner, _ := membershiprules.Owns(v.Organization, v.Member)
	offered, declined := membershiprules.Offered(v.Organization, v.Member)
	said, answered := answered(v.Person.Account, v.Member)
	switch {
	case answered && said:
		return &web.Action{Text: w.T("ownership.taking", "Org", name)}, ""
	case answered:
		return &web.Action{Text: w.T("ownership.givingUp", "Org", name)}, ""
	case offered && declined:
		return &web.Action{Text: w.T("ownership.declined", "Org", name), Href: href}, ""
	case offered && v.Member.Status.State == rosterv1alpha1.MemberActive:
		return &web.Action{Text: w.T("ownership.offered", "Org", name), Href: href}, ""
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

func (h *Handler) getOwnership(v *session.MemberVisit) error { return h.ownershipForm(v, nil) }

func (h *Handler) ownershipForm(v *session.MemberVisit, problems []web.Problem) error {
	w, name := v.Words, v.Organization.Spec.DisplayName
	action, back := v.OrganizationPath(v.Member.Namespace, "/ownership"), v.OrganizationPath(v.Member.Namespace, "")
	offered, declined := membershiprules.Offered(v.Organization, v.Member)
	if offered {
		return v.Form(web.PageOwnership, w.T("ownership.title", "Org", name), problems, ownershipPage{
			Fields: web.Fields{Problems: problems}, Heading: w.T("ownership.heading", "Org", name), Text: w.T("ownership.offered", "Org", name),
			Next: w.T("ownership.next", "Org", name), Declines: !declined, Action: action, Back: back,
		})
	}
	if owner, _ := membershiprules.Owns(v.Organization, v.Member); !owner {
		return v.NotFound()
	}
	return v.Form(web.PageSure, w.T("ownership.giveUp.title", "Org", name), problems, web.Sure{
		Fields: web.Fields{Problems: problems}, Heading: w.T("ownership.giveUp.heading", "Org", name),
		Text:    w.T("ownership.giveUp.text", "Org", name),
		Confirm: w.T("ownership.giveUp.confirm", "Org", name), Submit: w.T("ownership.giveUp.submit"), Action: action, Back: back,
	})
}

// postOwnership answers POST /organizations/{namespace}/ownership. The portal asks the operator to note the answer.
func (h *Handler) postOwnership(v *session.MemberVisit) error {
	offered, _ := membershiprules.Offered(v.Organization, v.Member)
	owner, _ := membershiprules.Owns(v.Organization, v.Member)
	answer := v.R.PostForm.Get(fieldOwn)
	switch {
	case !offered && !owner:
		return v.NotFound()
	case offered && answer != takeOver && answer != doNotOwn:
		return h.ownershipForm(v, []web.Problem{{Text: v.Words.T("error.ownership.missing")}})
	case owner && v.R.PostForm.Get(web.FieldConfirm) == "":
		return h.ownershipForm(v, []web.Problem{{Field: web.FieldConfirm, Text: v.Words.T("error.ownership.confirm")}})
	}
	agrees := offered && answer == takeOver
	err := h.Accounts.AnswerOwnership(v.R.Context(), v.Person.Account, rosterv1alpha1.OwnershipAnswer{
		UID: string(v.Member.UID), Namespace: v.Member.Namespace, Member: v.Member.Name, Agrees: &agrees,
	})
	if err != nil {
		return err
	}
	v.Audit(web.EventOwnership, web.ResultSuccess, v.Person.Account.Name, "namespace", v.Member.Namespace, "member", v.Member.Name,
		"agrees", agrees)
	return v.Redirect(v.OrganizationPath(v.Member.Namespace, ""))
}
