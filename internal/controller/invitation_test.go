// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/testenv"
)

var _ = Describe("An applied Invitation", func() {
	var s space
	BeforeEach(func(ctx SpecContext) { s = newSpace(ctx) })

	It("is mailed with one write, and says so", func(ctx SpecContext) {
		writes.Reset()
		s.invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.Email = "Ana@" + s.name + ".Example"
			inv.Spec.Role = rosterv1alpha1.RoleManager
		})
		inv := s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(inv.Status.Email).To(Equal(s.address("ana")))
		Expect(inv.Status.Role).To(Equal("Manager"))
		Expect(inv.Status.Attempt).To(Equal(int32(1)))
		Expect(inv.Status.ExpiryTime.Sub(inv.Status.SentTime.Time)).To(BeNumerically("~", 72*time.Hour, time.Hour), "it counts from the creation")
		Expect(meta.IsStatusConditionTrue(inv.Status.Conditions, rosterv1alpha1.ConditionReady)).To(BeTrue(), "nothing waits for a person")
		Expect(messageIDs(s.address("ana"))).To(Equal([]string{inv.Status.MessageID}))
		Expect(mails(s.address("ana"))[0]).To(ContainSubstring("https://portal.example/invitations/"))
		Consistently(func() int { return writes.Of("/namespaces/" + s.name + "/invitations/") }).Should(Equal(1), writes.String())
	})

	It("calls who invites by name or address, and by no other user name", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.declare(ctx, "olivia", func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "Olivia Martin" })
		for name, c := range map[string]struct{ by, subject string }{
			"a-member":    {s.address("olivia"), "Olivia Martin invites you to join Acme Social"},
			"an-address":  {"nina@platform.example", "nina@platform.example invites you to join Acme Social"},
			"a-user-name": {"kubernetes-admin", "You are invited to join Acme Social"},
		} {
			s.invite(ctx, name, func(inv *rosterv1alpha1.Invitation) { inv.Spec.InvitedBy = c.by })
			s.invitationIs(ctx, name, rosterv1alpha1.InvitationSent)
			Expect(mails(s.address(name))).To(ConsistOf(ContainSubstring("Subject: " + c.subject)))
		}
	})

	It("becomes a Member bound to the Account when it is accepted", func(ctx SpecContext) {
		s.profile(ctx, "acme-fb")
		s.invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}}
		})
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.claim(ctx, "ana")
		m := s.memberIs(ctx, "ana", rosterv1alpha1.MemberActive)
		Expect(m.Spec.Role).To(Equal(rosterv1alpha1.RoleMember), "an address alone is invited as a Member")
		Expect(m.Spec.AccountRef.Name).To(Equal(address.Address(s.address("ana")).AccountName()))
		Expect(m.Status.JoinedTime.Time).To(BeTemporally("~", now.Now(), time.Second))
		Expect(m.Status.Invitation).To(Equal("ana"))
		Expect(m.Status.Grants).To(HaveLen(1))
		Eventually(func() *rosterv1alpha1.LocalReference {
			return get[rosterv1alpha1.Invitation](ctx, s, "ana").Status.MemberRef
		}).Should(Equal(&rosterv1alpha1.LocalReference{Name: "ana"}))
		Eventually(func() []string { return eventsOn(ctx, s, "ana") }).Should(ContainElement("Joined"))
	})

	It("gives the Member another name when somebody else has it", func(ctx SpecContext) {
		s.invite(ctx, "ana")
		inv := s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.join(ctx, "ana", func(m *rosterv1alpha1.Member) { m.Spec.Email = s.address("another-ana") })
		s.claim(ctx, "ana")
		m := s.memberIs(ctx, "ana-"+string(inv.UID[:8]), rosterv1alpha1.MemberActive)
		Expect(m.Spec.Email).To(Equal(s.address("ana")))
	})

	It("binds the Member that was declared meanwhile, and keeps its roles", func(ctx SpecContext) {
		s.invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Role = rosterv1alpha1.RoleManager })
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.declare(ctx, "anna", func(m *rosterv1alpha1.Member) { m.Spec.Email = s.address("ana") })
		Expect(s.memberIs(ctx, "anna", rosterv1alpha1.MemberPending).Status.Invitation).To(Equal("ana"), "no second mail")
		s.claim(ctx, "ana")
		m := s.memberIs(ctx, "anna", rosterv1alpha1.MemberActive)
		Expect(m.Spec.Role).To(Equal(rosterv1alpha1.RoleMember), "the Member's writer decides")
		Expect(mails(s.address("ana"))).To(HaveLen(1))
	})

	It("is not mailed to a Member", func(ctx SpecContext) {
		s.join(ctx, "ana")
		s.invite(ctx, "again", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = "ANA@" + s.name + ".example" })
		Expect(s.invitationSays(ctx, "again", rosterv1alpha1.ReasonAlreadyMember).Message).To(ContainSubstring(`Member "ana"`))
		Expect(mails(s.address("ana"))).To(BeEmpty())
	})

	It("that somebody accepted with the Account of another address of theirs makes that one a Member", func(ctx SpecContext) {
		s.invite(ctx, "park", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = s.address("zoe.park") })
		inv := s.invitationIs(ctx, "park", rosterv1alpha1.InvitationSent)
		zoe := address.Address(s.address("zoe"))
		invitation.Accept(inv, zoe.AccountName(), rosterv1alpha1.OrganizationRole(inv.Status.Role), now.Now())
		Expect(api.Status().Update(ctx, inv)).To(Succeed())
		Consistently(func() []rosterv1alpha1.Member {
			var members rosterv1alpha1.MemberList
			Expect(api.List(ctx, &members, client.InNamespace(s.name))).To(Succeed())
			return members.Items
		}, "1s").Should(BeEmpty(), "nobody knows yet whose Account that is")
		Expect(api.Create(ctx, &rosterv1alpha1.Account{
			ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: zoe.AccountName()},
			Spec:       rosterv1alpha1.AccountSpec{Email: string(zoe), DisplayName: "Zoe"},
		})).To(Succeed())
		m := s.memberIs(ctx, "park", rosterv1alpha1.MemberActive)
		Expect(m.Spec.Email).To(Equal(string(zoe)))
		Expect(m.Spec.AccountRef.Name).To(Equal(zoe.AccountName()))
		Expect(s.mayUser(ctx, "zoe", "get", "organizations", "acme")).To(BeTrue())
	})

	It("is mailed once when only the case of its address changes", func(ctx SpecContext) {
		inv := s.invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = "Ana@" + s.name + ".example" })
		before := s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = s.address("ANA") })
		Eventually(func() bool {
			inv = get[rosterv1alpha1.Invitation](ctx, s, "ana")
			return inv.Status.ObservedGeneration == inv.Generation
		}).Should(BeTrue(), "the change has been seen")
		Expect(inv.Status.MessageID).To(Equal(before.Status.MessageID))
		Expect(inv.Status.Email).To(Equal(s.address("ana")))
		Expect(mails(s.address("ana"))).To(HaveLen(1))
	})

	It("is not mailed twice to one address; the second takes over when the first is gone", func(ctx SpecContext) {
		first := s.invite(ctx, "first", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = s.address("ana") })
		s.invitationIs(ctx, "first", rosterv1alpha1.InvitationSent)
		s.invite(ctx, "second", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = "Ana@" + s.name + ".example" })
		Expect(s.invitationSays(ctx, "second", rosterv1alpha1.ReasonDuplicateEmail).Message).To(ContainSubstring(`"first"`))
		Expect(mails(s.address("ana"))).To(HaveLen(1))
		Expect(api.Delete(ctx, first)).To(Succeed())
		s.invitationIs(ctx, "second", rosterv1alpha1.InvitationSent)
		Expect(mails(s.address("ana"))).To(HaveLen(2))
	})

	It("keeps to the allowed domains, and goes out when they are widened", func(ctx SpecContext) {
		o := get[rosterv1alpha1.Organization](ctx, s, "acme")
		patch(ctx, o, func(o *rosterv1alpha1.Organization) { o.Spec.Invitations.AllowedDomains = []string{"acme.example"} })
		s.invite(ctx, "ana")
		Expect(s.invitationSays(ctx, "ana", rosterv1alpha1.ReasonDomainNotAllowed).Message).To(ContainSubstring(s.name + ".example, only to acme.example"))
		patch(ctx, o, func(o *rosterv1alpha1.Organization) {
			o.Spec.Invitations.AllowedDomains = append(o.Spec.Invitations.AllowedDomains, s.name+".example")
		})
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
	})

	It("says that a profile it offers does not exist, until it does", func(ctx SpecContext) {
		s.invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "later", Role: rosterv1alpha1.ProfileEditor}}
		})
		Expect(s.invitationSays(ctx, "ana", rosterv1alpha1.ReasonProfileNotFound).Message).To(ContainSubstring("no SocialProfile later"))
		Expect(mails(s.address("ana"))).To(HaveLen(1))
		s.profile(ctx, "later", func(p *rosterv1alpha1.SocialProfile) { p.Spec.Handle = "acme" })
		s.invitationSays(ctx, "ana", rosterv1alpha1.ReasonSent)
		s.declare(ctx, "ben", func(m *rosterv1alpha1.Member) {
			m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "later", Role: rosterv1alpha1.ProfileEditor}}
		})
		s.invitationIs(ctx, "ben", rosterv1alpha1.InvitationSent)
		Expect(mails(s.address("ben"))[0]).To(ContainSubstring("Mastodon acme"), "called as people know it")
	})

	It("waits for its Organization", func(ctx SpecContext) {
		s := emptySpace(ctx)
		s.invite(ctx, "ana")
		s.invitationSays(ctx, "ana", rosterv1alpha1.ReasonOrganizationMissing)
		Expect(api.Create(ctx, &rosterv1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: "late"}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Late"},
		})).To(Succeed())
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
	})
})

var _ = Describe("The time of an Invitation", func() {
	var s space
	BeforeEach(func(ctx SpecContext) {
		s = newSpace(ctx)
		s.invite(ctx, "ana")
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
	})

	It("ends when it is over, and a resend starts another", func(ctx SpecContext) {
		s.passTime(ctx, "ana", 72*time.Hour)
		inv := s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationExpired)
		patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) { inv.Spec.ResendRequestedAt = ptr.To(metav1.NewTime(now.Now())) })
		inv = s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(inv.Status.Attempt).To(Equal(int32(2)))
		Expect(messageIDs(s.address("ana"))).To(HaveLen(2))
		Expect(messageIDs(s.address("ana"))[1]).To(Equal(inv.Status.MessageID))
		s.nudge(ctx, "ana")
		Consistently(func() int { return len(mails(s.address("ana"))) }).Should(Equal(2), "one request is one mail")
	})

	It("ends by the operator's own timer", func(ctx SpecContext) {
		left := get[rosterv1alpha1.Invitation](ctx, s, "ana").Status.ExpiryTime.Sub(now.Now())
		s.passTime(ctx, "ana", left-1500*time.Millisecond) // the timer now runs for real
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		now.SetTime(now.Now().Add(2 * time.Second))
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationExpired)
	})

	It("brings one reminder a day before it ends", func(ctx SpecContext) {
		s.passTime(ctx, "ana", 48*time.Hour)
		Eventually(func() int { return len(mails(s.address("ana"))) }).Should(Equal(2), "the reminder goes out")
		Eventually(func() int32 { return get[rosterv1alpha1.Invitation](ctx, s, "ana").Status.RemindersSent }).Should(Equal(int32(1)))
		s.passTime(ctx, "ana", time.Hour)
		Consistently(func() int { return len(mails(s.address("ana"))) }).Should(Equal(2), "once")
	})

	It("can be renewed by the holder of the link where the organisation allows it", func(ctx SpecContext) {
		patch(ctx, get[rosterv1alpha1.Organization](ctx, s, "acme"), func(o *rosterv1alpha1.Organization) {
			o.Spec.Invitations.SelfRenewal = ptr.To(true)
		})
		s.passTime(ctx, "ana", 73*time.Hour)
		inv := s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationExpired)
		invitation.RequestRenewal(inv, now.Now())
		Expect(api.Status().Update(ctx, inv)).To(Succeed())
		Expect(s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent).Status.Attempt).To(Equal(int32(2)))
	})
})

var _ = Describe("The end of an Invitation", func() {
	var s space
	BeforeEach(func(ctx SpecContext) { s = newSpace(ctx) })

	It("is a revocation, which a resend undoes only when it is taken back", func(ctx SpecContext) {
		s.invite(ctx, "ana")
		inv := s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.Revoked = ptr.To(true)
			inv.Spec.ResendRequestedAt = ptr.To(metav1.NewTime(now.Now()))
		})
		inv = s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationRevoked)
		Expect(mails(s.address("ana"))).To(HaveLen(1))
		patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(false) })
		Expect(s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent).Status.Attempt).To(Equal(int32(2)))
	})

	It("is a refusal, which stays", func(ctx SpecContext) {
		s.invite(ctx, "ana")
		inv := s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		invitation.Decline(inv, now.Now())
		Expect(api.Status().Update(ctx, inv)).To(Succeed())
		s.nudge(ctx, "ana")
		Consistently(func() rosterv1alpha1.InvitationState {
			return get[rosterv1alpha1.Invitation](ctx, s, "ana").Status.State
		}).Should(Equal(rosterv1alpha1.InvitationDeclined))
	})

	It("can be its deletion at any moment", func(ctx SpecContext) {
		inv := s.invite(ctx, "ana")
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(api.Delete(ctx, inv)).To(Succeed())
		s.invite(ctx, "ana")
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(messageIDs(s.address("ana"))).To(HaveLen(2))
		Expect(messageIDs(s.address("ana"))[0]).NotTo(Equal(messageIDs(s.address("ana"))[1]), "another object, another link")
	})

	It("does not come round and round: an address gets so many mails and no more", func(ctx SpecContext) {
		for range mailBurst {
			inv := s.invite(ctx, "ana")
			s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
			Expect(api.Delete(ctx, inv)).To(Succeed())
		}
		s.invite(ctx, "ana")
		s.invitationSays(ctx, "ana", rosterv1alpha1.ReasonThrottled)
		Expect(mails(s.address("ana"))).To(HaveLen(mailBurst))
		s.passTime(ctx, "ana", mailInterval+time.Minute)
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
	})
})

var _ = Describe("A mail relay", func() {
	var s space
	BeforeEach(func(ctx SpecContext) { s = newSpace(ctx) })

	It("that refuses an address for good is believed", func(ctx SpecContext) {
		post.Script(smtptest.Fault{Step: smtptest.AtRcpt, To: s.address("ana"), Code: 550, Enhanced: "5.1.1", Text: "no such user"})
		s.invite(ctx, "ana")
		inv := s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationUndeliverable)
		ready := meta.FindStatusCondition(inv.Status.Conditions, rosterv1alpha1.ConditionReady)
		Expect(ready.Message).To(ContainSubstring("no such user"))
		Expect(meta.IsStatusConditionTrue(inv.Status.Conditions, rosterv1alpha1.ConditionStalled)).To(BeTrue())
		Eventually(func() []string { return eventsOn(ctx, s, "ana") }).Should(ContainElement(rosterv1alpha1.ReasonRejected))
		s.nudge(ctx, "ana")
		Consistently(func() int { return len(mails(s.address("ana"))) }).Should(BeZero())
		patch(ctx, get[rosterv1alpha1.Invitation](ctx, s, "ana"), func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.ResendRequestedAt = ptr.To(metav1.NewTime(now.Now().Add(time.Second)))
		})
		s.passTime(ctx, "ana", 2*time.Second)
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
	})

	It("that refuses for now is tried again, with one write for each change", func(ctx SpecContext) {
		again := smtptest.NewGate() // so that the state does not pass before it is seen
		refusal := smtptest.Fault{Step: smtptest.AtRcpt, To: s.address("ana"), Code: 450, Enhanced: "4.2.1", Text: "try later"}
		post.Script(refusal)
		refusal.Gate = again
		post.Script(refusal)
		writes.Reset()
		s.invite(ctx, "ana")
		s.invitationSays(ctx, "ana", rosterv1alpha1.ReasonDeliveryFailing)
		Eventually(func() []string { return eventsOn(ctx, s, "ana") }).Should(ContainElement(rosterv1alpha1.ReasonDeliveryFailing))
		again.Open()
		inv := s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(inv.Status.Attempt).To(Equal(int32(1)), "the same link and Message-ID")
		Expect(meta.IsStatusConditionTrue(inv.Status.Conditions, rosterv1alpha1.ConditionReady)).To(BeTrue())
		Expect(mails(s.address("ana"))).To(HaveLen(1))
		Expect(writes.Of("/namespaces/"+s.name+"/invitations/")).To(Equal(2), writes.String())
	})

	It("that takes no mail from here condemns nobody, is told of once, and gets all mails when that is mended", func(ctx SpecContext) {
		const people = 12
		DeferCleanup(post.Mend)
		for i := range people {
			post.Script(smtptest.Fault{
				Step: smtptest.AtRcpt, To: s.address(fmt.Sprint("p", i)), Code: 554, Enhanced: "5.7.1", Times: -1,
				Text: "<" + s.address(fmt.Sprint("p", i)) + ">: Relay access denied",
			})
		}
		for i := range people {
			s.invite(ctx, fmt.Sprint("p", i))
		}
		mailOf := func() *metav1.Condition {
			return meta.FindStatusCondition(get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Conditions, rosterv1alpha1.ConditionMailDelivered)
		}
		for i := range people {
			Expect(s.invitationSays(ctx, fmt.Sprint("p", i), rosterv1alpha1.ReasonMailHeld).Message).To(ContainSubstring("MailDelivered"))
		}
		Eventually(mailOf).Should(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", rosterv1alpha1.ReasonRelayRefuses),
			HaveField("Message", And(ContainSubstring("<…>: Relay access denied"), Not(ContainSubstring("@"+s.name))))))
		Eventually(func() []string { return eventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonRelayRefuses))
		post.Mend()
		for i := range people {
			s.invitationIs(ctx, fmt.Sprint("p", i), rosterv1alpha1.InvitationSent)
			Expect(eventsOn(ctx, s, fmt.Sprint("p", i))).To(BeEmpty())
			Expect(mails(s.address(fmt.Sprint("p", i)))).To(HaveLen(1))
		}
		Eventually(mailOf).Should(BeNil(), "no mail is held any more")
		Expect(eventsOn(ctx, s, "acme")).To(Equal([]string{rosterv1alpha1.ReasonRelayRefuses}))
	})

	It("that breaks off when it has the mail may get it again, with the same Message-ID", func(ctx SpecContext) {
		post.Script(smtptest.Fault{Step: smtptest.AtAccept, Cut: true})
		s.invite(ctx, "ana")
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		ids := messageIDs(s.address("ana"))
		Expect(ids).To(HaveLen(2))
		Expect(ids[0]).To(Equal(ids[1]))
	})

	It("is not to blame for a missing key: the status says what is wrong", func(ctx SpecContext) {
		secret := &corev1.Secret{}
		key := client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-link-keys"}
		Expect(api.Get(ctx, key, secret)).To(Succeed())
		good := secret.DeepCopy().Data
		patch(ctx, secret, func(s *corev1.Secret) { s.Data = map[string][]byte{"current": []byte("short")} })
		now.SetTime(now.Now().Add(2 * keysAge)) // the keys are read again
		s.invite(ctx, "ana")
		Expect(s.invitationSays(ctx, "ana", rosterv1alpha1.ReasonDeliveryFailing).Message).To(ContainSubstring("5 bytes, needs at least 32"))
		patch(ctx, secret, func(s *corev1.Secret) { s.Data = good })
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
	})

	It("that is slow does not hold up what needs no mail", func(ctx SpecContext) {
		s.invite(ctx, "old")
		inv := s.invitationIs(ctx, "old", rosterv1alpha1.InvitationSent)
		gate := smtptest.NewGate()
		post.Script(smtptest.Fault{Step: smtptest.AtRcpt, Gate: gate, Times: 4})
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			s.invite(ctx, name)
		}
		Eventually(gate.Reached()).Should(Receive())
		patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(true) })
		s.invitationIs(ctx, "old", rosterv1alpha1.InvitationRevoked)
		gate.Open()
		s.invitationIs(ctx, "f", rosterv1alpha1.InvitationSent)
	})
})

var _ = Describe("A restart", Serial, func() {
	It("writes nothing and mails nothing", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.profile(ctx, "acme-fb")
		s.invite(ctx, "ana")
		s.declare(ctx, "ben")
		s.join(ctx, "cleo", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
		s.invitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.invitationIs(ctx, "ben", rosterv1alpha1.InvitationSent)
		Eventually(func() *int32 {
			return get[rosterv1alpha1.SocialProfile](ctx, s, "acme-fb").Status.Holders.Administrators
		}).Should(HaveValue(Equal(int32(1))))
		Eventually(func() *int32 { return get[rosterv1alpha1.Organization](ctx, s, "acme").Status.OpenInvitations }).Should(HaveValue(Equal(int32(2))))
		running.stop()
		before := len(s.mails())
		running = startOperator(cluster.As("roster-manager"))
		s.invite(ctx, "dora") // when this one is mailed, the others have been looked at
		s.invitationIs(ctx, "dora", rosterv1alpha1.InvitationSent)
		Expect(s.mails()).To(HaveLen(before + 1))
		Expect(writes.Of("/namespaces/"+s.name+"/members")).To(BeZero(), writes.String())
		Expect(writes.Of("/namespaces/"+s.name+"/invitations")).To(Equal(1), writes.String())
		Expect(writes.Of("/namespaces/"+s.name+"/role")).To(BeZero(), writes.String())
	})

	It("sweeps the roles of Members that vanished meanwhile", func(ctx SpecContext) {
		s := newSpace(ctx)
		m := s.join(ctx, "ana")
		running.stop()
		Expect(api.Delete(ctx, m)).To(Succeed())
		Expect(s.mayUser(ctx, "ana", "get", "organizations", "acme")).To(BeTrue(), "the operator is down")
		running = startOperator(cluster.As("roster-manager"))
		Eventually(func() bool { return s.mayUser(ctx, "ana", "get", "organizations", "acme") }).Should(BeFalse(), "swept at the start")
	})
})
