// SPDX-License-Identifier: Apache-2.0

package inviting

import (
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// linkPage shows a link that can be passed on.
type linkPage struct {
	Frame console.Frame
	Email string
	// Link is empty where none works.
	Link  string
	Until web.MomentView
	Back  string
}

// getLink shows a link to an invitation that can be copied. It is not the one that was mailed, which nobody but the invited person sees: it
// opens the invitation only to somebody who shows that they are that person.
func (h *Handler) getLink(v *visit) error {
	inv := &rosterv1alpha1.Invitation{}
	if err := v.Find(inv); err != nil {
		return err
	}
	offer := invitation.Offer{Invitation: inv, Organization: v.Organization}
	if inv.Spec.MemberRef != nil {
		offer.Member = &rosterv1alpha1.Member{}
		if err := v.Get(inv.Spec.MemberRef.Name, offer.Member); apierrors.IsNotFound(err) {
			offer.Member = nil
		} else if err != nil {
			return err
		}
	}
	page := linkPage{Frame: v.Frame(), Email: offer.Email(), Back: v.To("/team/people/invitations/" + inv.Name)}
	if to := offer.Address(); to != "" && offer.Check(inv.Status.Attempt, v.Now()) == invitation.LinkOpen {
		keys, err := h.LinkKeys.Refresh(v.R.Context())
		if err != nil {
			return err
		}
		token, err := invitation.Token(invitation.CopiedKeys(keys), invitation.LinkID(inv), inv.Status.Attempt, to)
		if err != nil {
			return err
		}
		page.Link, page.Until = v.URL("/copied/"+token), v.Words.Time(inv.Status.ExpiryTime.Time)
		v.Audit(web.EventConsole, web.ResultSuccess, v.Person.Account.Name,
			"verb", "copy link", "kind", "Invitation", "namespace", inv.Namespace, "name", inv.Name)
	}
	return v.Show(http.StatusOK, pageLink, v.Words.T("inviting.link.title", "Email", page.Email), page)
}
