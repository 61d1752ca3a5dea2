// SPDX-License-Identifier: Apache-2.0

package controller_test

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
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/controller/mailing"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/testenv"
)

var _ = Describe("An applied Invitation", func() {
	var s space
	BeforeEach(func(ctx SpecContext) { s = newSpace(ctx) })

	It("is mailed with one write, and says so", func(ctx SpecContext) {
		Writes.Reset()
		s.Invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.Email = "Ana@" + s.Name + ".Example"
			inv.Spec.Role = rosterv1alpha1.RoleManager
		})
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(inv.Status.Email).To(Equal(s.Address("ana")))
		Expect(inv.Status.Role).To(Equal("Manager"))
		Expect(inv.Status.Attempt).To(Equal(int32(1)))
		Expect(inv.Status.ExpiryTime.Sub(inv.Status.SentTime.Time)).To(BeNumerically("~", 72*time.Hour, time.Hour), "it counts from the creation")
		Expect(meta.IsStatusConditionTrue(inv.Status.Conditions, rosterv1alpha1.ConditionReady)).To(BeTrue(), "nothing waits for a person")
		Expect(MessageIDs(s.Address("ana"))).To(Equal([]string{inv.Status.MessageID}))
		Expect(Mails(s.Address("ana"))[0]).To(ContainSubstring("https://portal.example/invitations/"))
		Consistently(func() int { return Writes.Of("/namespaces/" + s.Name + "/invitations/") }).Should(Equal(1), Writes.String())
	})

	It("calls who invites by name or address, and by no other user name", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.Declare(ctx, "olivia", func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "Olivia Martin" })
		for name, c := range map[string]struct{ by, subject string }{
			"a-member":    {s.Address("olivia"), "Olivia Martin invites you to join Acme Social"},
			"an-address":  {"nina@platform.example", "nina@platform.example invites you to join Acme Social"},
			"a-user-name": {"kubernetes-admin", "You are invited to join Acme Social"},
		} {
			s.Invite(ctx, name, func(inv *rosterv1alpha1.Invitation) { inv.Spec.InvitedBy = c.by })
			s.InvitationIs(ctx, name, rosterv1alpha1.InvitationSent)
			Expect(Mails(s.Address(name))).To(ConsistOf(ContainSubstring("Subject: " + c.subject)))
		}
	})

	It("becomes a Member bound to the Account when it is accepted", func(ctx SpecContext) {
		s.Profile(ctx, "acme-fb")
		s.Invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}}
		})
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.Claim(ctx, "ana")
		m := s.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive)
		Expect(m.Spec.Role).To(Equal(rosterv1alpha1.RoleMember), "an address alone is invited as a Member")
		Expect(m.Spec.AccountRef.Name).To(Equal(address.Address(s.Address("ana")).AccountName()))
		Expect(m.Status.JoinedTime.Time).To(BeTemporally("~", Now.Now(), time.Second))
		Expect(m.Status.Invitation).To(Equal("ana"))
		Expect(m.Status.Profiles).To(HaveLen(1))
		Eventually(func() *rosterv1alpha1.LocalReference {
			return Get[rosterv1alpha1.Invitation](ctx, s, "ana").Status.MemberRef
		}).Should(Equal(&rosterv1alpha1.LocalReference{Name: "ana"}))
		Eventually(func() []string { return EventsOn(ctx, s, "ana") }).Should(ContainElement("Joined"))
	})

	It("gives the Member another name when somebody else has it", func(ctx SpecContext) {
		s.Invite(ctx, "ana")
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.Join(ctx, "ana", func(m *rosterv1alpha1.Member) { m.Spec.Email = s.Address("another-ana") })
		s.Claim(ctx, "ana")
		m := s.MemberIs(ctx, "ana-"+string(inv.UID[:8]), rosterv1alpha1.MemberActive)
		Expect(m.Spec.Email).To(Equal(s.Address("ana")))
	})

	It("binds the Member that was declared meanwhile, and keeps its roles", func(ctx SpecContext) {
		s.Invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Role = rosterv1alpha1.RoleManager })
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.Declare(ctx, "anna", func(m *rosterv1alpha1.Member) { m.Spec.Email = s.Address("ana") })
		Expect(s.MemberIs(ctx, "anna", rosterv1alpha1.MemberPending).Status.Invitation).To(Equal("ana"), "no second mail")
		s.Claim(ctx, "ana")
		m := s.MemberIs(ctx, "anna", rosterv1alpha1.MemberActive)
		Expect(m.Spec.Role).To(Equal(rosterv1alpha1.RoleMember), "the Member's writer decides")
		Expect(Mails(s.Address("ana"))).To(HaveLen(1))
	})

	It("is not mailed to a Member", func(ctx SpecContext) {
		s.Join(ctx, "ana")
		s.Invite(ctx, "again", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = "ANA@" + s.Name + ".example" })
		Expect(s.InvitationSays(ctx, "again", rosterv1alpha1.ReasonAlreadyMember).Message).To(ContainSubstring(`Member "ana"`))
		Expect(Mails(s.Address("ana"))).To(BeEmpty())
	})

	It("that somebody accepted with the Account of another address of theirs makes that one a Member", func(ctx SpecContext) {
		s.Invite(ctx, "park", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = s.Address("zoe.park") })
		inv := s.InvitationIs(ctx, "park", rosterv1alpha1.InvitationSent)
		zoe := address.Address(s.Address("zoe"))
		invitation.Accept(inv, zoe.AccountName(), rosterv1alpha1.OrganizationRole(inv.Status.Role), Now.Now())
		Expect(API.Status().Update(ctx, inv)).To(Succeed())
		Consistently(func() []rosterv1alpha1.Member {
			var members rosterv1alpha1.MemberList
			Expect(API.List(ctx, &members, client.InNamespace(s.Name))).To(Succeed())
			return members.Items
		}, "1s").Should(BeEmpty(), "nobody knows yet whose Account that is")
		Expect(API.Create(ctx, &rosterv1alpha1.Account{
			ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: zoe.AccountName()},
			Spec:       rosterv1alpha1.AccountSpec{Email: string(zoe), DisplayName: "Zoe"},
		})).To(Succeed())
		m := s.MemberIs(ctx, "park", rosterv1alpha1.MemberActive)
		Expect(m.Spec.Email).To(Equal(string(zoe)))
		Expect(m.Spec.AccountRef.Name).To(Equal(zoe.AccountName()))
		Expect(s.mayUser(ctx, "zoe", "get", "organizations", "acme")).To(BeTrue())
	})

	It("is mailed once when only the case of its address changes", func(ctx SpecContext) {
		inv := s.Invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = "Ana@" + s.Name + ".example" })
		before := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = s.Address("ANA") })
		Eventually(func() bool {
			inv = Get[rosterv1alpha1.Invitation](ctx, s, "ana")
			return inv.Status.ObservedGeneration == inv.Generation
		}).Should(BeTrue(), "the change has been seen")
		Expect(inv.Status.MessageID).To(Equal(before.Status.MessageID))
		Expect(inv.Status.Email).To(Equal(s.Address("ana")))
		Expect(Mails(s.Address("ana"))).To(HaveLen(1))
	})

	It("is not mailed twice to one address; the second takes over when the first is gone", func(ctx SpecContext) {
		first := s.Invite(ctx, "first", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = s.Address("ana") })
		s.InvitationIs(ctx, "first", rosterv1alpha1.InvitationSent)
		s.Invite(ctx, "second", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = "Ana@" + s.Name + ".example" })
		Expect(s.InvitationSays(ctx, "second", rosterv1alpha1.ReasonDuplicateEmail).Message).To(ContainSubstring(`"first"`))
		Expect(Mails(s.Address("ana"))).To(HaveLen(1))
		Expect(API.Delete(ctx, first)).To(Succeed())
		s.InvitationIs(ctx, "second", rosterv1alpha1.InvitationSent)
		Expect(Mails(s.Address("ana"))).To(HaveLen(2))
	})

	It("keeps to the allowed domains, and goes out when they are widened", func(ctx SpecContext) {
		o := Get[rosterv1alpha1.Organization](ctx, s, "acme")
		Patch(ctx, o, func(o *rosterv1alpha1.Organization) { o.Spec.Invitations.AllowedDomains = []string{"acme.example"} })
		s.Invite(ctx, "ana")
		Expect(s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonDomainNotAllowed).Message).To(ContainSubstring(s.Name + ".example, only to acme.example"))
		s.Declare(ctx, "ben")
		Expect(s.MemberSays(ctx, "ben", rosterv1alpha1.ReasonDomainNotAllowed).Message).To(ContainSubstring("or delete the Member ben"))
		Patch(ctx, o, func(o *rosterv1alpha1.Organization) {
			o.Spec.Invitations.AllowedDomains = append(o.Spec.Invitations.AllowedDomains, s.Name+".example")
		})
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.InvitationIs(ctx, "ben", rosterv1alpha1.InvitationSent)
		s.MemberSays(ctx, "ben", rosterv1alpha1.ReasonPending)
	})

	It("says that a profile it offers does not exist, until it does", func(ctx SpecContext) {
		s.Invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "later", Role: rosterv1alpha1.ProfileEditor}}
		})
		Expect(s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonProfileNotFound).Message).To(ContainSubstring("no SocialProfile later"))
		Expect(Mails(s.Address("ana"))).To(HaveLen(1))
		s.Profile(ctx, "later", func(p *rosterv1alpha1.SocialProfile) { p.Spec.Handle = "acme" })
		s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonSent)
		s.Declare(ctx, "ben", func(m *rosterv1alpha1.Member) {
			m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "later", Role: rosterv1alpha1.ProfileEditor}}
		})
		s.InvitationIs(ctx, "ben", rosterv1alpha1.InvitationSent)
		Expect(Mails(s.Address("ben"))[0]).To(ContainSubstring("Mastodon acme"), "called as people know it")
	})

	It("waits for its Organization", func(ctx SpecContext) {
		s := emptySpace(ctx)
		s.Invite(ctx, "ana")
		s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonOrganizationMissing)
		Expect(API.Create(ctx, &rosterv1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "late"}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Late"},
		})).To(Succeed())
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
	})
})

var _ = Describe("The time of an Invitation", func() {
	var s space
	BeforeEach(func(ctx SpecContext) {
		s = newSpace(ctx)
		s.Invite(ctx, "ana")
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
	})

	It("ends when it is over, and a resend starts another", func(ctx SpecContext) {
		s.PassTime(ctx, "ana", 72*time.Hour)
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationExpired)
		Patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) { inv.Spec.ResendRequestedAt = ptr.To(metav1.NewTime(Now.Now())) })
		inv = s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(inv.Status.Attempt).To(Equal(int32(2)))
		Expect(MessageIDs(s.Address("ana"))).To(HaveLen(2))
		Expect(MessageIDs(s.Address("ana"))[1]).To(Equal(inv.Status.MessageID))
		Expect(Mails(s.Address("ana"))).To(HaveExactElements(Not(ContainSubstring("no longer work")), ContainSubstring("no longer work")),
			"the second one says that the link of the first has ended")
		s.Nudge(ctx, "ana")
		Consistently(func() int { return len(Mails(s.Address("ana"))) }).Should(Equal(2), "one request is one mail")
	})

	It("ends by the operator's own timer", func(ctx SpecContext) {
		left := Get[rosterv1alpha1.Invitation](ctx, s, "ana").Status.ExpiryTime.Sub(Now.Now())
		s.PassTime(ctx, "ana", left-1500*time.Millisecond) // the timer now runs for real
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Now.SetTime(Now.Now().Add(2 * time.Second))
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationExpired)
	})

	It("brings one reminder a day before it ends", func(ctx SpecContext) {
		s.PassTime(ctx, "ana", 48*time.Hour)
		Eventually(func() int { return len(Mails(s.Address("ana"))) }).Should(Equal(2), "the reminder goes out")
		Eventually(func() int32 { return Get[rosterv1alpha1.Invitation](ctx, s, "ana").Status.RemindersSent }).Should(Equal(int32(1)))
		s.PassTime(ctx, "ana", time.Hour)
		Consistently(func() int { return len(Mails(s.Address("ana"))) }).Should(Equal(2), "once")
	})

	It("can be renewed by the holder of the link where the organisation allows it", func(ctx SpecContext) {
		Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), func(o *rosterv1alpha1.Organization) {
			o.Spec.Invitations.SelfRenewal = ptr.To(true)
		})
		s.PassTime(ctx, "ana", 73*time.Hour)
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationExpired)
		invitation.RequestRenewal(inv, Now.Now())
		Expect(API.Status().Update(ctx, inv)).To(Succeed())
		Expect(s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent).Status.Attempt).To(Equal(int32(2)))
	})
})

var _ = Describe("The end of an Invitation", func() {
	var s space
	BeforeEach(func(ctx SpecContext) { s = newSpace(ctx) })

	It("is a revocation, which a resend undoes only when it is taken back", func(ctx SpecContext) {
		s.Invite(ctx, "ana")
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.Revoked = ptr.To(true)
			inv.Spec.ResendRequestedAt = ptr.To(metav1.NewTime(Now.Now()))
		})
		inv = s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationRevoked)
		Expect(Mails(s.Address("ana"))).To(HaveLen(1))
		Patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(false) })
		Expect(s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent).Status.Attempt).To(Equal(int32(2)))
	})

	It("is a refusal, which stays", func(ctx SpecContext) {
		s.Invite(ctx, "ana")
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		invitation.Decline(inv, Now.Now())
		Expect(API.Status().Update(ctx, inv)).To(Succeed())
		s.Nudge(ctx, "ana")
		Consistently(func() rosterv1alpha1.InvitationState {
			return Get[rosterv1alpha1.Invitation](ctx, s, "ana").Status.State
		}).Should(Equal(rosterv1alpha1.InvitationDeclined))
		var declined rosterv1alpha1.InvitationList
		Expect(API.List(ctx, &declined, client.InNamespace(s.Name), client.MatchingFields{"status.state": "Declined"})).To(Succeed())
		Expect(declined.Items).To(HaveLen(1), "it is found by its state, to be tidied up")
	})

	It("can be its deletion at any moment", func(ctx SpecContext) {
		inv := s.Invite(ctx, "ana")
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(API.Delete(ctx, inv)).To(Succeed())
		s.Invite(ctx, "ana")
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(MessageIDs(s.Address("ana"))).To(HaveLen(2))
		Expect(MessageIDs(s.Address("ana"))[0]).NotTo(Equal(MessageIDs(s.Address("ana"))[1]), "another object, another link")
	})

	It("does not come round and round: an address gets so many mails and no more", func(ctx SpecContext) {
		for range mailing.Burst {
			inv := s.Invite(ctx, "ana")
			s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
			Expect(API.Delete(ctx, inv)).To(Succeed())
		}
		s.Invite(ctx, "ana")
		s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonThrottled)
		Expect(Mails(s.Address("ana"))).To(HaveLen(mailing.Burst))
		s.PassTime(ctx, "ana", mailing.Interval+time.Minute)
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
	})
})

var _ = Describe("A mail relay", func() {
	var s space
	BeforeEach(func(ctx SpecContext) { s = newSpace(ctx) })

	It("that refuses an address for good is believed", func(ctx SpecContext) {
		Post.Script(smtptest.Fault{Step: smtptest.AtRcpt, To: s.Address("ana"), Code: 550, Enhanced: "5.1.1", Text: "no such user"})
		s.Invite(ctx, "ana")
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationUndeliverable)
		ready := meta.FindStatusCondition(inv.Status.Conditions, rosterv1alpha1.ConditionReady)
		Expect(ready.Message).To(ContainSubstring("no such user"))
		Expect(meta.IsStatusConditionTrue(inv.Status.Conditions, rosterv1alpha1.ConditionStalled)).To(BeTrue())
		Eventually(func() []string { return EventsOn(ctx, s, "ana") }).Should(ContainElement(rosterv1alpha1.ReasonRejected))
		s.Nudge(ctx, "ana")
		Consistently(func() int { return len(Mails(s.Address("ana"))) }).Should(BeZero())
		Patch(ctx, Get[rosterv1alpha1.Invitation](ctx, s, "ana"), func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.ResendRequestedAt = ptr.To(metav1.NewTime(Now.Now().Add(time.Second)))
		})
		s.PassTime(ctx, "ana", 2*time.Second)
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
	})

	It("that refuses for now is tried again, with one write for each change", func(ctx SpecContext) {
		again := smtptest.NewGate() // so that the state does not pass before it is seen
		refusal := smtptest.Fault{Step: smtptest.AtRcpt, To: s.Address("ana"), Code: 450, Enhanced: "4.2.1", Text: "try later"}
		Post.Script(refusal)
		refusal.Gate = again
		Post.Script(refusal)
		Writes.Reset()
		s.Invite(ctx, "ana")
		s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonDeliveryFailing)
		Eventually(func() []string { return EventsOn(ctx, s, "ana") }).Should(ContainElement(rosterv1alpha1.ReasonDeliveryFailing))
		again.Open()
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(inv.Status.Attempt).To(Equal(int32(1)), "the same link and Message-ID")
		Expect(meta.IsStatusConditionTrue(inv.Status.Conditions, rosterv1alpha1.ConditionReady)).To(BeTrue())
		Expect(Mails(s.Address("ana"))).To(HaveLen(1))
		Expect(Writes.Of("/namespaces/"+s.Name+"/invitations/")).To(Equal(2), Writes.String())
	})

	It("that takes no mail from here condemns nobody, is told of once, and gets all mails when that is mended", func(ctx SpecContext) {
		const people = 12
		DeferCleanup(Post.Mend)
		for i := range people {
			Post.Script(smtptest.Fault{
				Step: smtptest.AtRcpt, To: s.Address(fmt.Sprint("p", i)), Code: 554, Enhanced: "5.7.1", Times: -1,
				Text: "<" + s.Address(fmt.Sprint("p", i)) + ">: Relay access denied",
			})
		}
		for i := range people {
			s.Invite(ctx, fmt.Sprint("p", i))
		}
		mailOf := func() *metav1.Condition {
			return meta.FindStatusCondition(Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Conditions, rosterv1alpha1.ConditionMailDelivered)
		}
		for i := range people {
			Expect(s.InvitationSays(ctx, fmt.Sprint("p", i), rosterv1alpha1.ReasonMailHeld).Message).To(ContainSubstring("MailDelivered"))
		}
		Eventually(mailOf).Should(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", rosterv1alpha1.ReasonRelayRefuses),
			HaveField("Message", And(ContainSubstring("<…>: Relay access denied"), Not(ContainSubstring("@"+s.Name))))))
		Eventually(func() []string { return EventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonRelayRefuses))
		Post.Mend()
		for i := range people {
			s.InvitationIs(ctx, fmt.Sprint("p", i), rosterv1alpha1.InvitationSent)
			Expect(EventsOn(ctx, s, fmt.Sprint("p", i))).To(BeEmpty())
			Expect(Mails(s.Address(fmt.Sprint("p", i)))).To(HaveLen(1))
		}
		Eventually(mailOf).Should(BeNil(), "no mail is held any more")
		Expect(EventsOn(ctx, s, "acme")).To(Equal([]string{rosterv1alpha1.ReasonRelayRefuses}))
	})

	It("that breaks off when it has the mail may get it again, with the same Message-ID", func(ctx SpecContext) {
		Post.Script(smtptest.Fault{Step: smtptest.AtAccept, Cut: true})
		s.Invite(ctx, "ana")
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		ids := MessageIDs(s.Address("ana"))
		Expect(ids).To(HaveLen(2))
		Expect(ids[0]).To(Equal(ids[1]))
	})

	It("is not to blame for a missing key: the status says what is wrong", func(ctx SpecContext) {
		secret := &corev1.Secret{}
		key := client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-link-keys"}
		Expect(API.Get(ctx, key, secret)).To(Succeed())
		good := secret.DeepCopy().Data
		Patch(ctx, secret, func(s *corev1.Secret) { s.Data = map[string][]byte{"current": []byte("short")} })
		Now.SetTime(Now.Now().Add(2 * reading.KeysAge)) // the keys are read again
		s.Invite(ctx, "ana")
		Expect(s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonDeliveryFailing).Message).To(ContainSubstring("5 bytes, needs at least 32"))
		Patch(ctx, secret, func(s *corev1.Secret) { s.Data = good })
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
	})

	It("that is slow does not hold up what needs no mail", func(ctx SpecContext) {
		s.Invite(ctx, "old")
		inv := s.InvitationIs(ctx, "old", rosterv1alpha1.InvitationSent)
		gate := smtptest.NewGate()
		Post.Script(smtptest.Fault{Step: smtptest.AtRcpt, Gate: gate, Times: 4})
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			s.Invite(ctx, name)
		}
		Eventually(gate.Reached()).Should(Receive())
		Patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(true) })
		s.InvitationIs(ctx, "old", rosterv1alpha1.InvitationRevoked)
		gate.Open()
		s.InvitationIs(ctx, "f", rosterv1alpha1.InvitationSent)
	})
})

var _ = Describe("A restart", Serial, func() {
	It("writes nothing and mails nothing", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.Profile(ctx, "acme-fb")
		s.Invite(ctx, "ana")
		s.Declare(ctx, "ben")
		s.Join(ctx, "cleo", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.InvitationIs(ctx, "ben", rosterv1alpha1.InvitationSent)
		Eventually(func() *int32 {
			return Get[rosterv1alpha1.SocialProfile](ctx, s, "acme-fb").Status.Holders.Administrators
		}).Should(HaveValue(Equal(int32(1))))
		Eventually(func() *int32 { return Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.OpenInvitations }).Should(HaveValue(Equal(int32(2))))
		Running.Stop()
		before := len(s.Mails())
		Running = StartOperator(Cluster.As("roster-manager"))
		s.Invite(ctx, "dora") // when this one is mailed, the others have been looked at
		s.InvitationIs(ctx, "dora", rosterv1alpha1.InvitationSent)
		Expect(s.Mails()).To(HaveLen(before + 1))
		Expect(Writes.Of("/namespaces/"+s.Name+"/members")).To(BeZero(), Writes.String())
		Expect(Writes.Of("/namespaces/"+s.Name+"/invitations")).To(Equal(1), Writes.String())
		Expect(Writes.Of("/namespaces/"+s.Name+"/role")).To(BeZero(), Writes.String())
	})

	It("sweeps the roles of Members that vanished meanwhile", func(ctx SpecContext) {
		s := newSpace(ctx)
		m := s.Join(ctx, "ana")
		Running.Stop()
		Expect(API.Delete(ctx, m)).To(Succeed())
		Expect(s.mayUser(ctx, "ana", "get", "organizations", "acme")).To(BeTrue(), "the operator is down")
		Running = StartOperator(Cluster.As("roster-manager"))
		Eventually(func() bool { return s.mayUser(ctx, "ana", "get", "organizations", "acme") }).Should(BeFalse(), "swept at the start")
	})
})
