// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestWhatARemovedManagerOfferedIsNotGiven, by whatever way they offered it and without a word about who invites: the whole of policies,
// operator and portal.
func TestWhatARemovedManagerOfferedIsNotGiven(t *testing.T) {
	p := &preset{T: t, WithT: NewWithT(t), ns: "inviters", api: roster.cluster.Client, address: map[string]string{}}
	p.Expect(roster.cluster.Namespace(t.Context(), p.ns)).To(Succeed())
	p.Expect(p.api.Create(t.Context(), &rosterv1alpha1.Organization{
		ObjectMeta: p.named("inviters"),
		Spec:       rosterv1alpha1.OrganizationSpec{DisplayName: "Inviters", OwnerRef: &rosterv1alpha1.LocalReference{Name: "olivia"}},
	})).To(Succeed())
	member := func(name string, role rosterv1alpha1.OrganizationRole) *rosterv1alpha1.Member {
		p.address[name] = name + "@inviters.example"
		return &rosterv1alpha1.Member{ObjectMeta: p.named(name), Spec: rosterv1alpha1.MemberSpec{Email: p.address[name], Role: role}}
	}
	for _, m := range []*rosterv1alpha1.Member{member("olivia", "CoOwner"), member("ben", "Manager")} {
		p.Expect(p.api.Create(t.Context(), m)).To(Succeed())
	}
	p.join("olivia", "ben")
	p.can("ben", "create members", "create invitations", "grant orgroles/Manager")
	p.can("olivia", "transfer organizations/inviters")
	olivia, ben := p.as("olivia"), p.as("ben")

	p.address["invited"] = "invited@inviters.example"
	p.Expect(ben.Create(t.Context(), &rosterv1alpha1.Invitation{
		ObjectMeta: p.named("invited"), Spec: rosterv1alpha1.InvitationSpec{Email: p.address["invited"], Role: "Manager"},
	})).To(Succeed())
	p.Expect(ben.Create(t.Context(), member("declared", "Manager"))).To(Succeed())
	p.Expect(olivia.Create(t.Context(), member("raised", "Member"))).To(Succeed())
	p.Expect(olivia.Create(t.Context(), member("hers", "Manager"))).To(Succeed())
	all := []string{"invited", "declared", "raised", "hers"}
	for _, name := range all {
		p.mail(name, 1)
	}
	p.Expect(patch(t.Context(), ben, get[rosterv1alpha1.Member](p, "raised"), func(m *rosterv1alpha1.Member) { m.Spec.Role = "Manager" })).To(Succeed())
	p.eventually("who raised it is noted", func(g Gomega) {
		g.Expect(get[rosterv1alpha1.Invitation](p, "raised").Status.InviterRef).To(HaveValue(HaveField("Name", "ben")))
	})
	p.Expect(olivia.Delete(t.Context(), get[rosterv1alpha1.Member](p, "ben"))).To(Succeed())
	p.cannot("ben", "grant orgroles/Manager")
	for _, name := range all[:3] {
		b := p.browser(name)
		status, page := b.get(p.link(p.mails(name)[0]))
		p.Expect(status).To(Equal(http.StatusForbidden), "%s: %s", name, page)
		status, page = b.post(p.link(p.mails(name)[0]), registration(name))
		p.Expect(status).To(Equal(http.StatusForbidden), "%s: %s", name, page)
	}
	p.join("hers")
}
