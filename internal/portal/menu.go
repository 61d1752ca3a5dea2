// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"cmp"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/portal/web"
)

// menuOf is the menu of the person of the visit; nil while they still owe their second factor.
func (p *Portal) menuOf(v *visit) *web.MenuView {
	if v.person.session.Pending {
		return nil
	}
	query := v.words.Query()
	m := &web.MenuView{
		Name: v.person.account.Spec.DisplayName, Account: p.root + "/account" + query, SignOut: p.root + "/sign-out" + query,
	}
	for _, b := range v.memberships {
		if b.organization == nil {
			continue
		}
		m.Organizations = append(m.Organizations, web.OrganizationLink{
			Name: b.organization.Spec.DisplayName, Href: p.organizationPath(v, b.member.Namespace, ""),
			Current: v.r.PathValue("namespace") == b.member.Namespace,
		})
	}
	slices.SortFunc(m.Organizations, func(a, b web.OrganizationLink) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Href, b.Href))
	})
	return m
}

func (p *Portal) organizationPath(v *visit, namespace, page string) string {
	return p.root + "/organizations/" + namespace + page + v.words.Query()
}

// avatarHost is where the pictures of those come from who chose to show theirs.
const avatarHost = "https://gravatar.com"

// avatar is the address of the person's picture, if they chose to show one: then this page, and no other, may load pictures from there.
func (p *Portal) avatar(v *visit) string {
	spec := v.person.account.Spec
	if spec.Avatar != rosterv1alpha1.AvatarGravatar {
		return ""
	}
	v.w.Header().Set("Content-Security-Policy", contentSecurityPolicy(avatarHost))
	return address.Address(spec.Email).AvatarURL()
}
