// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"net/http"
	"slices"
	"strings"

	rules "github.com/roster-dev/roster/internal/openid"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/web"
)

// An application of the platform serves many organisations. If its tokens are to speak of one, it says of which, or the person chooses.

// parameterOrganization is how an application says of which organisation tokens are to speak: by its namespace.
const parameterOrganization = "organization"

// elsewhere is what is wrong with the organisation that an application asks for; nil if nothing is, or it asks for none.
func (a *application) elsewhere(organization string, scopes []string) *problem {
	switch {
	case organization == "" || organization == a.namespace:
		return nil
	case a.object != nil:
		return &problem{"invalid_request", "organization is another than that of the application: leave it out"}
	case !slices.Contains(scopes, rules.ScopeOrganization):
		return &problem{"invalid_request", "organization goes with the scope organization, which is not asked for"}
	}
	return nil
}

// in is the application in the organisation that its tokens are to speak of, as far as that is known.
func (a *application) in(v *session.Visit, asked ask) *application {
	if a.object != nil || !slices.Contains(asked.Scopes, rules.ScopeOrganization) {
		return a
	}
	there := *a
	there.namespace, there.undecided = asked.Organization, false
	if open := choices(v, a); there.namespace == "" && len(open) == 1 && len(v.Closed) == 0 && !asked.wants(promptSelect) {
		there.namespace = open[0].Member.Namespace
	} else if there.namespace == "" {
		there.undecided = len(open) > 0 || len(v.Closed) > 0
	}
	return &there
}

// choices are the organisations of a person that the application can be used in, with the role that the person has there: those that the
// session opens, and those that ask for a second factor, which is given on the way.
func choices(v *session.Visit, a *application) []grant.Membership {
	f := standingOf(v, a)
	open := slices.DeleteFunc(slices.Clone(f.Memberships), func(m grant.Membership) bool {
		why := grant.Opens(f, m.Member.Namespace, v.Person.Session, v.Now())
		return why != "" && why != grant.ReasonSecondFactor
	})
	slices.SortStableFunc(open, func(a, b grant.Membership) int {
		return strings.Compare(a.Organization.Spec.DisplayName, b.Organization.Spec.DisplayName)
	})
	return open
}

// chooseOrganization has the person choose, and says what askYes would: to choose is to say yes.
func (h *Handler) chooseOrganization(v *session.Visit, a ask, app *application) error {
	w := v.Words
	page := h.page(v, a, w.T("openid.choose.title"), w.T("openid.choose.text", "Application", app.name, "Email", v.Person.Account.Spec.Email))
	page.Points = learns(w, app, a.Scopes, w.T("openid.choose.chosen"))
	for _, m := range choices(v, app) {
		chosen := a
		chosen.Organization = m.Member.Namespace
		to, err := h.goOn(v, chosen)
		if err != nil {
			return err
		}
		page.Choices = append(page.Choices, web.Action{Text: m.Organization.Spec.DisplayName, Href: to})
	}
	if len(v.Closed) > 0 {
		page.More, page.Others = w.T("openid.choose.more"), h.otherWays(v)
	}
	if app.native {
		page.Note = w.T("openid.ask.device", "Application", app.name)
	}
	return v.Show(http.StatusOK, pageContinue, page.Heading, page)
}
