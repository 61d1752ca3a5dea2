// SPDX-License-Identifier: Apache-2.0

package logout_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
)

// TestEnds: whatever a sign-in rests on, when it goes, the sign-in is over, the tool hears of it, and nobody else is signed out.
func TestEnds(t *testing.T) {
	const everybody = true
	for name, tc := range map[string]struct {
		end func(p *person, r *replica)
		// all: everybody in the organisation is concerned.
		all bool
		// phone: what began on the other browser stays.
		phone bool
	}{
		"the account is suspended": {end: func(p *person, _ *replica) {
			p.changeAccount(func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(true) })
		}},
		"the account is deleted": {end: func(p *person, _ *replica) {
			p.keepSecret() // Garbage collection may be faster than a look.
			p.w.Expect(p.w.api.Delete(p.w.t.Context(), p.of)).To(Succeed())
		}},
		"the second factors are reset": {end: func(p *person, _ *replica) {
			p.changeAccount(func(a *rosterv1alpha1.Account) {
				a.Spec.FactorsResetRequestedAt = ptr.To(metav1.NewTime(p.w.clock.Now()))
			})
		}},
		"the member is suspended": {end: func(p *person, _ *replica) {
			p.changeMember(func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		}},
		"the member is removed": {end: func(p *person, _ *replica) {
			p.w.Expect(p.w.api.Delete(p.w.t.Context(), p.member)).To(Succeed())
		}},
		"the membership ends at its time": {end: func(p *person, _ *replica) {
			end := p.w.clock.Now().Add(time.Hour).Truncate(time.Second)
			p.changeMember(func(m *rosterv1alpha1.Member) { m.Spec.EndTime = ptr.To(metav1.NewTime(end)) })
			p.w.Consistently(p.w.tool.ended).Should(BeEmpty(), "it has not ended yet")
			p.w.clock.SetTime(end)
			p.changeMember(func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "x" }) // as a timer would have it looked at
		}},
		"the member leaves the team that the application is for": {end: func(p *person, _ *replica) {
			p.w.changeApplication("tool", func(a *rosterv1alpha1.Application) {
				a.Spec.Members = &rosterv1alpha1.ApplicationMembers{Teams: []string{"writers"}}
			})
			p.w.Consistently(p.w.tool.ended).Should(BeEmpty())
			changeStatus(p.w, &rosterv1alpha1.Member{}, p.w.key(p.name), func(m *rosterv1alpha1.Member) { m.Status.Teams = nil })
		}},
		"the person signs out": {phone: true, end: func(p *person, r *replica) {
			p.w.Expect(r.store.SignOut(p.w.t.Context(), p.of, "laptop")).To(Succeed())
		}},
		"the person signs out everywhere": {end: func(p *person, r *replica) {
			p.w.Expect(r.store.SignOutEverywhere(p.w.t.Context(), p.of)).To(Succeed())
		}},
		"another device takes the place": {phone: true, end: func(p *person, r *replica) {
			_, err := r.store.UpdateCredentials(p.w.t.Context(), p.of, func(c *account.Credentials) error {
				c.Sessions.Devices = append(c.Sessions.Devices[1:], account.Device{ID: "tablet"})
				return nil
			})
			p.w.Expect(err).NotTo(HaveOccurred())
		}},
		"the application is deleted": {all: everybody, end: func(p *person, _ *replica) {
			p.w.Expect(p.w.api.Delete(p.w.t.Context(), &rosterv1alpha1.Application{
				ObjectMeta: metav1.ObjectMeta{Namespace: p.w.ns, Name: "tool"},
			})).To(Succeed())
		}},
		"the application is for others now": {all: everybody, end: func(p *person, _ *replica) {
			p.w.changeApplication("tool", func(a *rosterv1alpha1.Application) {
				a.Spec.Members = &rosterv1alpha1.ApplicationMembers{Roles: []string{"Manager"}}
			})
		}},
		"the application asks for a passkey": {all: everybody, end: func(p *person, _ *replica) {
			p.w.changeApplication("tool", func(a *rosterv1alpha1.Application) {
				a.Spec.MultiFactor = rosterv1alpha1.ApplicationFactorPhishingResistant
			})
		}},
		"the organisation asks for the sign-in of a company": {all: everybody, end: func(p *person, _ *replica) {
			p.w.changeOrganization(func(o *rosterv1alpha1.Organization) {
				o.Spec.Security.SignIn = []rosterv1alpha1.SignInMethod{rosterv1alpha1.SignInSSO}
				o.Spec.Security.SSO.Issuer = "example"
			})
		}},
		"the organisation asks for a second factor": {all: everybody, end: func(p *person, _ *replica) {
			p.w.changeOrganization(func(o *rosterv1alpha1.Organization) { o.Spec.Security.MultiFactor = rosterv1alpha1.MultiFactorRequired })
		}},
		"the organisation is deleted": {all: everybody, end: func(p *person, _ *replica) {
			p.w.Expect(p.w.api.Delete(p.w.t.Context(), &rosterv1alpha1.Organization{
				ObjectMeta: metav1.ObjectMeta{Namespace: p.w.ns, Name: "acme"},
			})).To(Succeed())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ana, ben := w.person("ana"), w.person("ben")
			laptop, phone := ana.signIn("tool", "laptop"), ana.signIn("tool", "phone")
			bens := ben.signIn("tool", "laptop")
			r := w.replica()
			w.Consistently(w.tool.ended).Should(BeEmpty(), "nothing has ended yet")
			tc.end(ana, r)
			over, left, bensLeft := []string{laptop, phone}, []string(nil), []string{bens}
			if tc.phone {
				over, left = []string{laptop}, []string{phone}
			}
			if tc.all {
				over, bensLeft = append(over, bens), nil
			}
			w.Eventually(w.tool.ended).Should(ConsistOf(over), "the tool hears of each")
			w.Eventually(ana.grants).Should(HaveLen(len(left)), "what the tool has heard of is forgotten")
			w.Expect(ana.sessions()).To(Equal(left))
			w.Consistently(func(g Gomega) {
				g.Expect(w.tool.ended()).To(ConsistOf(over), "and nobody else's is over")
				g.Expect(ben.sessions()).To(Equal(bensLeft))
			}).Should(Succeed())
			for _, token := range w.tool.heard {
				w.Expect(token.Subject).To(HavePrefix("subject of "))
				w.Expect(token.Audience).To(ConsistOf(w.ns + ".tool"))
			}
		})
	}
}

// TestToolsOfThePlatformHear: one that serves many organisations hears that somebody is out of the one that they signed in to it for.
func TestToolsOfThePlatformHear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	studio, entry := w.studio()
	ana, ben := w.person("ana"), w.person("ben")
	anas, bens := ana.signInAt(entry), ben.signInAt(entry)
	w.replica(configured(entry))
	w.Consistently(studio.ended).Should(BeEmpty(), "nothing has ended yet")
	ana.changeMember(func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
	w.Eventually(studio.ended).Should(ConsistOf(anas), "the tool hears of Ana")
	w.Consistently(ben.sessions).Should(ConsistOf(bens), "Ben goes on")
}
