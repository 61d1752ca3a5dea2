// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"cmp"
	"slices"

	"github.com/roster-dev/roster/internal/portal/web"
)

// menu of the person; nil while they still owe their second factor.
func (v *sessionVisit) menu() *web.MenuView {
	if v.person.session.Pending {
		return nil
	}
	m := &web.MenuView{
		Name: v.person.account.Spec.DisplayName, Account: v.Path("/account"), SignOut: v.Path("/sign-out"),
	}
	for _, b := range v.memberships {
		if b.organization == nil {
			continue
		}
		m.Organizations = append(m.Organizations, web.OrganizationLink{
			Name: b.organization.Spec.DisplayName, Href: v.OrganizationPath(b.member.Namespace, ""),
			Current: v.R.PathValue("namespace") == b.member.Namespace,
		})
	}
	slices.SortFunc(m.Organizations, func(a, b web.OrganizationLink) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Href, b.Href))
	})
	return m
}
