// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestConstantContact(t *testing.T) {
	p := apply(t, "constant-contact")
	p.join("opal", "amir", "cindy")
	cafe := *p
	cafe.ns = "constant-contact-cafe"
	cafe.join("omar")
	p.eventually("Opal owns the bakery", func(g Gomega) {
		g.Expect(get[rosterv1alpha1.Member](p, "opal").Status.Role).To(Equal("Owner"))
	})
	sites(p, &cafe)
	roles(p)
	users(p)
	ownership(p)
	invitations(p)
	signIns(p)
}

func inNamespace(p *preset) client.InNamespace { return client.InNamespace(p.ns) }

func sites(p, cafe *preset) {
	p.row("CC-01", "several accounts for sites or departments", func(p *preset) {
		p.can("opal", "update members", "transfer organizations/bakery")
		cafe.can("omar", "update members", "transfer organizations/cafe")
		cafe.cannot("opal", "get organizations/cafe", "list members", "get members/omar")
		p.cannot("omar", "get organizations/bakery", "list members")
	})
	p.row("CC-02", "own name and password for each, nothing shared", func(p *preset) {
		seen := map[string]bool{}
		for _, name := range []string{"opal", "amir", "cindy", "omar"} {
			a := p.account(name)
			secret := &corev1.Secret{}
			p.Expect(p.api.Get(p.Context(), client.ObjectKeyFromObject(a), secret)).To(Succeed())
			for _, value := range secret.Data {
				p.Expect(seen[string(value)]).To(BeFalse(), "two people have the same hash of the same password")
				seen[string(value)] = true
			}
			p.Expect(a.Spec.DisplayName).NotTo(BeEmpty())
		}
	})
	p.row("CC-05", "who the owner is can be looked up, by those who belong to it", func(p *preset) {
		p.Expect(p.table("organizations")["bakery"]).To(HaveKeyWithValue("Owner", "opal@bakery.example"))
		p.can("cindy", "get organizations/bakery")
		p.cannot("pia", "get organizations/bakery")
		p.cannot("omar", "get organizations/bakery")
	})
}

func roles(p *preset) {
	p.row("CC-06", "an Account Manager creates, sends, works with contacts and sees reports; no billing", func(p *preset) {
		p.can("amir", append(onProfile("bakery-fb", "schedule", "publish", "report"), "publish socialprofiles/bakery-ig", "manage contacts/bakery")...)
		p.cannot("amir", "get subscriptions/bakery", "manage subscriptions/bakery", "list members", "patch organizations/bakery",
			"configure socialprofiles/bakery-fb")
	})
	p.row("CC-07", "whose actions can still raise the bill, and the mail says so", func(p *preset) {
		p.Expect(oneLine(p.mail("amir", 1).Text)).To(And(ContainSubstring("Your role: Account Manager"),
			ContainSubstring("Adding contacts can raise the bill."), ContainSubstring("Sending can raise the bill.")))
	})
	p.row("CC-08", "a Campaign Creator creates and edits, never sends; no contacts, settings, billing", func(p *preset) {
		p.can("cindy", onProfile("bakery-fb", "get", "schedule")...)
		p.cannot("cindy", append(onProfile("bakery-fb", "publish", "report", "configure"), "manage contacts/bakery", "patch organizations/bakery",
			"get subscriptions/bakery")...)
	})
	p.row("CC-17", "roles change both ways at any time", func(p *preset) {
		to := func(role rosterv1alpha1.ProfileRole) {
			p.Expect(patch(p.Context(), p.as("opal"), get[rosterv1alpha1.Member](p, "cindy"), func(m *rosterv1alpha1.Member) {
				m.Spec.Profiles[0].Role = role
			})).To(Succeed())
		}
		to("campaign-manager")
		p.can("cindy", "publish socialprofiles/bakery-fb")
		to("campaign-creator")
		p.cannot("cindy", "publish socialprofiles/bakery-fb")
		p.can("cindy", "schedule socialprofiles/bakery-fb")
	})
	p.row("CC-16", "of two editors the second is told of the conflict", func(p *preset) {
		apply := func(owner string, role string) error {
			o := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": rosterv1alpha1.GroupVersion.String(), "kind": "Member",
				"metadata": map[string]any{"name": "cindy", "namespace": p.ns}, "spec": map[string]any{"role": role},
			}}
			return p.api.Apply(p.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner(owner))
		}
		err := apply("another-editor", "AdvancedMember")
		p.Expect(apierrors.IsConflict(err)).To(BeTrue(), "%v", err)
		p.Expect(err.Error()).To(And(ContainSubstring(`conflict with "kubectl"`), ContainSubstring(".spec.role")))
		p.Expect(get[rosterv1alpha1.Member](p, "cindy").Spec.Role).To(Equal(rosterv1alpha1.RoleMember))
	})
}

func users(p *preset) {
	p.row("CC-03", "only the owner adds users", func(p *preset) {
		manager := func(role rosterv1alpha1.OrganizationRole) {
			p.Expect(patch(p.Context(), p.as("opal"), get[rosterv1alpha1.Member](p, "amir"), func(m *rosterv1alpha1.Member) {
				m.Spec.Role = role
			})).To(Succeed())
		}
		manager(rosterv1alpha1.RoleManager)
		p.can("amir", "create invitations", "create members", "grant orgroles/Member")
		p.refused(p.as("amir").Create(p.Context(), &rosterv1alpha1.Invitation{
			ObjectMeta: p.named("friend"), Spec: rosterv1alpha1.InvitationSpec{Email: "friend@bakery.example"},
		}), "amir@bakery.example may not invite", "leaves that to its owner", "Ask opal@bakery.example")
		p.refused(p.as("amir").Create(p.Context(), &rosterv1alpha1.Member{
			ObjectMeta: p.named("friend"), Spec: rosterv1alpha1.MemberSpec{Email: "friend@bakery.example"},
		}), "may not invite")
		p.address["draft"] = "draft@bakery.example"
		draft := &rosterv1alpha1.Member{
			ObjectMeta: p.named("draft"), Spec: rosterv1alpha1.MemberSpec{Email: p.address["draft"], Suspended: ptr.To(true)},
		}
		p.Expect(p.as("opal").Create(p.Context(), draft)).To(Succeed())
		p.memberIs("draft", rosterv1alpha1.MemberPending)
		p.refused(patch(p.Context(), p.as("amir"), get[rosterv1alpha1.Member](p, "draft"), func(m *rosterv1alpha1.Member) {
			m.Spec.Suspended = nil
		}), "may not lift the suspension", "Ask opal@bakery.example")
		p.Expect(p.as("opal").Delete(p.Context(), draft)).To(Succeed())
		p.Expect(p.mails("draft")).To(BeEmpty())
		manager("account-manager")
		p.cannot("amir", "create invitations")
	})
	p.row("CC-09", "the number of users depends on the plan", func(p *preset) {
		p.nextSecond()
		p.address["fifth"] = "fifth@bakery.example"
		p.Expect(p.as("opal").Create(p.Context(), &rosterv1alpha1.Invitation{
			ObjectMeta: p.named("fifth"), Spec: rosterv1alpha1.InvitationSpec{Email: p.address["fifth"]},
		})).To(Succeed())
		message := says(p, "fifth", rosterv1alpha1.ConditionReady, rosterv1alpha1.ReasonNoSeat, ofInvitation)
		p.Expect(message).To(And(ContainSubstring("no seat left"), ContainSubstring("ask billing@cc-partner.example")))
		p.Expect(p.mails("fifth")).To(BeEmpty())
	})
	suspend := func(p *preset, suspended bool) {
		p.Helper()
		p.Expect(patch(p.Context(), p.as("opal"), get[rosterv1alpha1.Member](p, "cindy"), func(m *rosterv1alpha1.Member) {
			m.Spec.Suspended = ptr.To(suspended)
		})).To(Succeed())
	}
	p.row("CC-18", "deactivate and reactivate", func(p *preset) {
		suspend(p, true)
		p.memberIs("cindy", rosterv1alpha1.MemberSuspended)
		p.cannot("cindy", "get socialprofiles/bakery-fb", "get organizations/bakery")
		suspend(p, false)
		p.memberIs("cindy", rosterv1alpha1.MemberActive)
		p.can("cindy", "schedule socialprofiles/bakery-fb")
	})
	p.row("CC-19", "deleting frees the seat and cannot be undone; the person can be invited again", func(p *preset) {
		p.refused(p.as("opal").Delete(p.Context(), get[rosterv1alpha1.Member](p, "cindy")), "is not suspended", "kubectl patch member cindy")
		suspend(p, true)
		p.memberIs("cindy", rosterv1alpha1.MemberSuspended)
		says(p, "fifth", rosterv1alpha1.ConditionReady, rosterv1alpha1.ReasonNoSeat, ofInvitation)
		p.Expect(p.as("opal").Delete(p.Context(), get[rosterv1alpha1.Member](p, "cindy"))).To(Succeed())
		p.mail("fifth", 1)
		p.Expect(p.as("opal").Delete(p.Context(), get[rosterv1alpha1.Invitation](p, "fifth"))).To(Succeed())
		p.Expect(p.as("opal").Create(p.Context(), &rosterv1alpha1.Invitation{
			ObjectMeta: p.named("cindy-again"), Spec: rosterv1alpha1.InvitationSpec{Email: p.address["cindy"]},
		})).To(Succeed())
		m := p.mail("cindy", 2)
		status, page := p.browser("cindy").get(p.link(m))
		p.Expect(status).To(Equal(http.StatusOK), page)
		p.cannot("cindy", "schedule socialprofiles/bakery-fb")
	})
}

func ownership(p *preset) {
	p.row("CC-04", "one owner at a time, who can be changed", func(p *preset) {
		to := func(as, owner string) error {
			return patch(p.Context(), p.as(as), get[rosterv1alpha1.Organization](p, "bakery"), func(o *rosterv1alpha1.Organization) {
				o.Spec.OwnerRef.Name = owner
			})
		}
		p.refused(to("amir", "amir"))
		p.Expect(to("opal", "amir")).To(Succeed())
		says(p, "bakery", rosterv1alpha1.ConditionOwnerResolved, rosterv1alpha1.ReasonOwnerNotAgreed, ofOrganization)
		p.can("opal", "transfer organizations/bakery") // Until Amir agrees.
		p.cannot("amir", "transfer organizations/bakery")
		p.agrees("amir")
		p.can("amir", "transfer organizations/bakery", "manage subscriptions/bakery")
		p.cannot("opal", "transfer organizations/bakery")
		p.can("opal", "manage subscriptions/bakery") // The role in her spec: CoOwner.
		p.eventually("the status names the new owner", func(g Gomega) {
			g.Expect(get[rosterv1alpha1.Organization](p, "bakery").Status.Owner).To(Equal("amir@bakery.example"))
			g.Expect(get[rosterv1alpha1.Member](p, "opal").Status.Role).To(Equal("CoOwner"))
		})
		p.refused(to("opal", "opal"), "may not make the Member opal the owner")
		p.Expect(to("amir", "opal")).To(Succeed())
		p.agrees("opal")
		p.can("opal", "transfer organizations/bakery")
		p.cannot("amir", "transfer organizations/bakery", "manage subscriptions/bakery")
	})
}

func invitations(p *preset) {
	p.row("CC-11", "pending until the sign-in is set up", func(p *preset) {
		p.Expect(p.table("invitations")["pia"]).To(And(HaveKeyWithValue("State", "Sent"), HaveKeyWithValue("Email", "pia@bakery.example")))
		says(p, "pia", rosterv1alpha1.ConditionAccepted, rosterv1alpha1.ReasonWaiting, ofInvitation)
		p.cannot("pia", "schedule socialprofiles/bakery-ig")
	})
	p.row("CC-12", "resend or revoke", func(p *preset) {
		first := p.link(p.mail("pia", 1))
		change := func(change func(*rosterv1alpha1.InvitationSpec)) {
			p.Expect(patch(p.Context(), p.as("opal"), get[rosterv1alpha1.Invitation](p, "pia"), func(inv *rosterv1alpha1.Invitation) {
				change(&inv.Spec)
			})).To(Succeed())
		}
		resend := func(s *rosterv1alpha1.InvitationSpec) {
			roster.clock.SetTime(roster.clock.Now().Add(time.Second))
			s.ResendRequestedAt = &metav1.Time{Time: roster.clock.Now()}
		}
		change(resend)
		second := p.link(p.mail("pia", 2))
		b := p.browser("pia")
		_, page := b.get(first)
		p.Expect(page).To(ContainSubstring("There is a newer link"))
		change(func(s *rosterv1alpha1.InvitationSpec) { s.Revoked = ptr.To(true) })
		p.invitationIs("pia", rosterv1alpha1.InvitationRevoked)
		_, page = b.get(second)
		p.Expect(page).To(ContainSubstring("Withdrawn"))
		change(func(s *rosterv1alpha1.InvitationSpec) {
			s.Revoked = ptr.To(false)
			resend(s)
		})
		p.mail("pia", 3)
	})
	p.row("CC-13", "72 hours to create the password, else expired", func(p *preset) {
		link := p.link(p.mail("pia", 3))
		inv := p.invitationIs("pia", rosterv1alpha1.InvitationSent)
		p.Expect(inv.Status.ExpiryTime.Sub(inv.Status.SentTime.Time)).To(BeNumerically("~", 72*time.Hour, time.Hour)) // it counts from the creation
		roster.clock.SetTime(inv.Status.ExpiryTime.Add(-time.Second))
		b := p.browser("pia")
		status, page := b.get(link)
		p.Expect(status).To(Equal(http.StatusOK), page)
		roster.clock.SetTime(inv.Status.ExpiryTime.Time)
		status, page = b.post(link, registration("Pia Novak"))
		p.Expect(status).To(Equal(http.StatusGone))
		p.Expect(page).To(ContainSubstring("The link has expired"))
	})
}

func signIns(p *preset) {
	amir := p.browser("amir")
	p.row("CC-10", "the email is the user name until changed", func(p *preset) {
		amir.in(p).signsIn()
		status, page := amir.in(p).post(roster.portal+"/account/username", url.Values{"username": {"amir.bakes"}})
		p.Expect(status).To(Equal(http.StatusOK), page)
		p.Expect(p.browser("amir").signsInAs("amir.bakes")).To(ContainSubstring("Amir Haddad"))
		p.Expect(p.browser("amir").signsIn()).To(ContainSubstring("Amir Haddad"), "the address goes on to work")
	})
	p.row("CC-14", "each user has own second factor, chosen at sign-in", func(p *preset) {
		amir.in(p).sees(roster.portal+"/account/factors", "/account/factors/app")
		app := amir.in(p).addsApp()
		again := p.browser("amir")
		p.Expect(again.signsIn()).To(ContainSubstring(`autocomplete="one-time-code"`))
		status, page := again.post(roster.portal+"/sign-in/second", url.Values{"code": {app.code(0)}})
		p.Expect(status).To(Equal(http.StatusOK), page)
		p.Expect(p.browser("opal").signsIn()).To(ContainSubstring("Opal Baker"), "that of one is asked of nobody else")
	})
	p.row("CC-15", "mandatory for new users even where the owner is not yet obliged", func(p *preset) {
		p.Expect(patch(p.Context(), p.as("opal"), get[rosterv1alpha1.Organization](p, "bakery"), func(o *rosterv1alpha1.Organization) {
			o.Spec.Security.MultiFactor = rosterv1alpha1.MultiFactorNewMembers
		})).To(Succeed())
		p.eventually("the operator has seen it", func(g Gomega) {
			g.Expect(get[rosterv1alpha1.Organization](p, "bakery").Status.MultiFactorSince).NotTo(BeNil())
		})
		roster.clock.SetTime(roster.clock.Now().Add(time.Minute))
		p.Expect(p.as("opal").Delete(p.Context(), get[rosterv1alpha1.Invitation](p, "pia"))).To(Succeed()) // Which has the last seat.
		p.address["nina"] = "nina@bakery.example"
		p.Expect(p.as("opal").Create(p.Context(), &rosterv1alpha1.Invitation{
			ObjectMeta: p.named("nina"), Spec: rosterv1alpha1.InvitationSpec{Email: p.address["nina"]},
		})).To(Succeed())
		p.invitationIs("nina", rosterv1alpha1.InvitationSent)
		p.accept("nina", "Nina Moss")
		nina := p.browser("nina")
		nina.signsIn()
		nina.sees(roster.portal+"/account", "These organisations require a second factor", "Corner Bakery")
		p.Expect(p.browser("opal").signsIn()).To(ContainSubstring("Opal Baker"))
	})
}
