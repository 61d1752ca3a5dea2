// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestQemotion(t *testing.T) {
	p := apply(t, "qemotion")
	p.row("QE-04", "the account exists from the moment of inviting", func(p *preset) {
		p.eventually("the columns are filled", func(g Gomega) {
			g.Expect(p.table("members")["theo"]).To(And(HaveKeyWithValue("Email", "theo@lumiere.example"), HaveKeyWithValue("State", "Pending")))
			g.Expect(p.table("invitations")["zelie"]).To(HaveKeyWithValue("State", "Sent"))
		})
	})
	p.join("odile", "manon")

	p.row("QE-01", "there is always an administrator: the owner can be neither deleted nor suspended", func(p *preset) {
		odile := p.memberIs("odile", rosterv1alpha1.MemberActive)
		p.eventually("Odile owns the organisation", func(g Gomega) {
			g.Expect(get[rosterv1alpha1.Organization](p, "lumiere").Status.Owner).To(Equal("odile@lumiere.example"))
		})
		suspend := func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) }
		p.refused(p.api.Delete(p.Context(), odile), "owns the Organization lumiere and cannot be deleted")
		p.refused(patch(p.Context(), p.api, odile, suspend), "owns the Organization lumiere and cannot be suspended")
		p.can("manon", "delete members")
		p.refused(p.as("manon").Delete(p.Context(), odile), "cannot be deleted", "Name another owner")
	})
	p.row("QE-02", "an admin may invite at any time", func(p *preset) {
		for _, name := range []string{"odile", "manon"} {
			p.can(name, "create invitations", "grant orgroles/Member")
			p.address["by-"+name] = "by-" + name + "@lumiere.example"
			p.Expect(p.as(name).Create(p.Context(), &rosterv1alpha1.Invitation{
				ObjectMeta: p.named("by-" + name), Spec: rosterv1alpha1.InvitationSpec{Email: p.address["by-"+name]},
			})).To(Succeed())
			p.mail("by-"+name, 1)
		}
		p.cannot("theo", "create invitations")
	})
	p.row("QE-03", "only the address is needed", func(p *preset) {
		inv := p.invitationIs("zelie", rosterv1alpha1.InvitationSent)
		p.Expect(inv.Spec.Role).To(BeEmpty())
		p.Expect(inv.Status.Role).To(Equal("Member"))
		p.Expect(p.mail("zelie", 1).Text).To(ContainSubstring("Votre rôle\u00a0: Membre"))
	})
	p.row("QE-07", "an admin sees whether a person really came", func(p *preset) {
		p.eventually("Manon has come, Theo has not", func(g Gomega) {
			rows := p.table("members")
			g.Expect(rows["manon"]["Joined"]).NotTo(BeNil())
			g.Expect(rows["manon"]["Last-Sign-In"]).NotTo(BeNil())
			g.Expect(rows["theo"]["Joined"]).To(BeNil())
			g.Expect(rows["theo"]["Last-Sign-In"]).To(BeNil())
			for name, joined := range map[string]bool{"manon": true, "theo": false} {
				conditions := get[rosterv1alpha1.Member](p, name).Status.Conditions
				g.Expect(meta.IsStatusConditionTrue(conditions, rosterv1alpha1.ConditionJoined)).To(Equal(joined))
			}
		})
		p.can("manon", "list members")
	})
	link := p.link(p.mail("zelie", 1))
	p.row("QE-05", "the link is valid for 48 hours", func(p *preset) {
		inv := p.invitationIs("zelie", rosterv1alpha1.InvitationSent)
		p.Expect(inv.Status.ExpiryTime.Sub(inv.Status.SentTime.Time)).To(BeNumerically("~", 48*time.Hour, time.Hour)) // it counts from the creation
		p.Expect(p.mail("zelie", 1).Text).To(ContainSubstring("2\u00a0jours"))
		roster.clock.SetTime(inv.Status.ExpiryTime.Add(-time.Second))
		status, _ := p.browser("zelie").get(link)
		p.Expect(status).To(Equal(http.StatusOK))
		roster.clock.SetTime(inv.Status.ExpiryTime.Time)
		status, page := p.browser("zelie").post(link, registration("Zélie Blanc"))
		p.Expect(status).To(Equal(http.StatusGone))
		p.Expect(page).To(ContainSubstring("expiré"))
	})
	p.row("QE-06", "after that the invitee gets a new mail by themselves", func(p *preset) {
		b := p.browser("zelie")
		status, page := b.get(link)
		p.Expect(status).To(Equal(http.StatusGone))
		p.Expect(page).To(ContainSubstring(`value="renew"`))
		_, page = b.post(link, url.Values{"action": {"renew"}})
		p.Expect(page).To(ContainSubstring("zelie@lumiere.example"))
		newer := p.link(p.mail("zelie", 2))
		p.Expect(newer).NotTo(Equal(link))
		p.accept("zelie", "Zélie Blanc")
		p.memberIs("zelie", rosterv1alpha1.MemberActive)
		status, _ = b.get(link)
		p.Expect(status).To(Equal(http.StatusGone))
	})
}
