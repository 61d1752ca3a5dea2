// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/membership"
)

// accepts declares a Member who has an Account and accepts the mail, and waits until their Account says that they have joined.
func (s space) accepts(ctx context.Context, name string, change ...func(m *rosterv1alpha1.Member)) *rosterv1alpha1.Member {
	GinkgoHelper()
	a := s.Account(ctx, name)
	s.Declare(ctx, name, change...)
	s.InvitationIs(ctx, name, rosterv1alpha1.InvitationSent)
	s.Claim(ctx, name)
	m := s.MemberIs(ctx, name, rosterv1alpha1.MemberActive)
	s.belongs(ctx, a)
	return m
}

// belongs waits until an Account says that its person has joined the organisation.
func (s space) belongs(ctx context.Context, a *rosterv1alpha1.Account) {
	GinkgoHelper()
	AccountIs(ctx, a, "the membership is recorded", func(g Gomega, a *rosterv1alpha1.Account) {
		g.Expect(a.Status.Memberships).To(ConsistOf(HaveField("Namespace", s.Name)))
		g.Expect(a.Status.Memberships[0].EndedTime).To(BeNil())
	})
}

// removed waits until a Member is gone.
func (s space) removed(ctx context.Context, name string) {
	GinkgoHelper()
	Eventually(func() bool {
		return apierrors.IsNotFound(API.Get(ctx, client.ObjectKey{Namespace: s.Name, Name: name}, &rosterv1alpha1.Member{}))
	}).Should(BeTrue(), "%s is gone", name)
}

func (s space) remove(ctx context.Context, name string) {
	GinkgoHelper()
	Expect(API.Delete(ctx, Get[rosterv1alpha1.Member](ctx, s, name))).To(Succeed())
}

// of has a Member have the address of somebody.
func (s space) of(local string) func(m *rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) { m.Spec.Email = s.Address(local) }
}

// goesOn waits until a Member is that of a person who was one before, and had those mails.
func (s space) goesOn(ctx context.Context, name, person string, joined *metav1.Time, mailed ...string) {
	GinkgoHelper()
	m := s.MemberIs(ctx, name, rosterv1alpha1.MemberActive)
	s.MemberSays(ctx, name, rosterv1alpha1.ReasonActive)
	Expect(m.Spec.AccountRef).To(Equal(AccountOf(s.Address(person))))
	Expect(m.Status.JoinedTime).To(HaveField("Time", BeTemporally("==", joined.Time)), "the history is kept")
	Eventually(func() bool { return s.mayUser(ctx, person, "get", "organizations", "acme") }).Should(BeTrue())
	if mailed == nil {
		Expect(Mails(s.Address(person))).To(HaveLen(1), "nobody is mailed again")
	} else {
		Expect(Mails(s.Address(person))).To(Equal(mailed), "nobody is mailed again")
	}
}

// people outlive the objects that name them.
var _ = Describe("Somebody who has joined", func() {
	var (
		s   space
		zoe *rosterv1alpha1.Member
	)
	guarded := func(o *rosterv1alpha1.Organization) {
		o.Spec.Guardrails = &rosterv1alpha1.Guardrails{DeleteOnlySuspended: ptr.To(true)}
	}
	BeforeEach(func(ctx SpecContext) {
		s = newSpace(ctx)
		zoe = s.accepts(ctx, "zoe")
	})

	It("stays when their Member is renamed in Git, applied and then pruned", func(ctx SpecContext) {
		NextSecond(ctx)
		s.Declare(ctx, "zoe-park", s.of("zoe"))
		s.MemberSays(ctx, "zoe-park", rosterv1alpha1.ReasonDuplicateEmail)
		Expect(s.mayUser(ctx, "zoe", "get", "organizations", "acme")).To(BeTrue())
		s.remove(ctx, "zoe")
		s.goesOn(ctx, "zoe-park", "zoe", zoe.Status.JoinedTime)
	})

	It("stays when it is pruned and then applied, or replaced by force", func(ctx SpecContext) {
		s.remove(ctx, "zoe")
		s.removed(ctx, "zoe")
		Eventually(func() bool { return s.mayUser(ctx, "zoe", "get", "organizations", "acme") }).Should(BeFalse(), "who has no Member holds nothing")
		s.Declare(ctx, "zoe-park", s.of("zoe"))
		s.goesOn(ctx, "zoe-park", "zoe", zoe.Status.JoinedTime)
		s.remove(ctx, "zoe-park")
		s.Declare(ctx, "zoe-park", s.of("zoe"))
		s.goesOn(ctx, "zoe-park", "zoe", zoe.Status.JoinedTime)
	})

	It("stays when the Member is replaced by what stands in the file", func(ctx SpecContext) {
		Eventually(func() error { // The operator may be writing it still.
			m := Get[rosterv1alpha1.Member](ctx, s, "zoe")
			m.Spec = rosterv1alpha1.MemberSpec{Email: s.Address("zoe")}
			return API.Update(ctx, m)
		}).Should(Succeed())
		s.goesOn(ctx, "zoe", "zoe", zoe.Status.JoinedTime)
	})

	It("can be renamed where only suspended Members are deleted, and not removed", func(ctx SpecContext) {
		Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), guarded)
		remove := func(name string) func() error {
			return func() error {
				return API.Delete(ctx, &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name}}, client.DryRunAll)
			}
		}
		Eventually(remove("zoe")).Should(MatchError(ContainSubstring("deleteOnlySuspended")))
		NextSecond(ctx)
		s.Declare(ctx, "zoe-park", s.of("zoe"))
		Eventually(remove("zoe")).Should(Succeed())
		s.MemberSays(ctx, "zoe", rosterv1alpha1.ReasonActive)
		s.remove(ctx, "zoe")
		s.goesOn(ctx, "zoe-park", "zoe", zoe.Status.JoinedTime)
		Eventually(remove("zoe-park")).Should(MatchError(ContainSubstring("deleteOnlySuspended")))
		s.Declare(ctx, "mistyped")
		s.MemberIs(ctx, "mistyped", rosterv1alpha1.MemberPending)
		Expect(remove("mistyped")()).To(Succeed(), "nobody is there who could lose anything")
	})

	It("stays the owner under another name", func(ctx SpecContext) {
		own := func(name string) {
			Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), func(o *rosterv1alpha1.Organization) {
				o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: name}
			})
		}
		owns := func(name string) *metav1.Time {
			var o *rosterv1alpha1.Organization
			Eventually(func(g Gomega) {
				o = Get[rosterv1alpha1.Organization](ctx, s, "acme")
				g.Expect(o.Status.OwnerRef).To(Equal(&rosterv1alpha1.LocalReference{Name: name}))
				g.Expect(o.Status.OwnerSince).NotTo(BeNil())
			}).Should(Succeed(), "%s owns", name)
			return o.Status.OwnerSince
		}
		s.Owner(ctx, "zoe")
		since := owns("zoe")
		var mailed []string
		Eventually(func() []string {
			mailed = Mails(s.Address("zoe"))
			return mailed
		}).Should(HaveLen(2), "they were invited, and asked whether they want to own it")
		NextSecond(ctx)
		own("zoe-park")
		s.Declare(ctx, "zoe-park", s.of("zoe"))
		Expect(owns("zoe-park")).To(Equal(since))
		Eventually(func() error { return API.Delete(ctx, zoe.DeepCopy()) }).Should(Succeed(), "it protects the other now")
		s.goesOn(ctx, "zoe-park", "zoe", zoe.Status.JoinedTime, mailed...)
		Eventually(func() bool { return s.mayUser(ctx, "zoe", "transfer", "organizations", "acme") }).Should(BeTrue())
	})

	It("and is removed on purpose, suspended first, is invited like anybody else", func(ctx SpecContext) {
		Patch(ctx, zoe, func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		AccountIs(ctx, &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{
			Namespace: rosterv1alpha1.AccountNamespace, Name: address.Address(s.Address("zoe")).AccountName(),
		}}, "it is recorded", func(g Gomega, a *rosterv1alpha1.Account) {
			g.Expect(a.Status.Memberships[0].Suspended).To(HaveValue(BeTrue()))
		})
		s.remove(ctx, "zoe")
		s.removed(ctx, "zoe")
		s.Declare(ctx, "zoe-park", s.of("zoe"))
		s.MemberIs(ctx, "zoe-park", rosterv1alpha1.MemberPending)
		Eventually(func() int { return len(Mails(s.Address("zoe"))) }).Should(Equal(2))
	})

	It("and recreates the Invitation that they came by is left alone", func(ctx SpecContext) {
		s.Invite(ctx, "again", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = s.Address("zoe") })
		inv := s.InvitationIs(ctx, "again", rosterv1alpha1.InvitationRevoked)
		Expect(meta.IsStatusConditionTrue(inv.Status.Conditions, rosterv1alpha1.ConditionReady)).To(BeTrue(), "it is no fault")
		s.InvitationSays(ctx, "again", rosterv1alpha1.ReasonAlreadyMember)
		s.remove(ctx, "zoe")
		s.removed(ctx, "zoe")
		Consistently(func() int { return len(Mails(s.Address("zoe"))) }).Should(Equal(1), "nor does it bring back who is removed")
	})
})

var _ = Describe("Somebody whose Member was deleted ten minutes ago", Serial, func() {
	It("is invited like anybody else", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.accepts(ctx, "zoe")
		s.remove(ctx, "zoe")
		AccountIs(ctx, &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{
			Namespace: rosterv1alpha1.AccountNamespace, Name: address.Address(s.Address("zoe")).AccountName(),
		}}, "it is noticed", func(g Gomega, a *rosterv1alpha1.Account) { g.Expect(a.Status.Memberships[0].EndedTime).NotTo(BeNil()) })
		Now.SetTime(Now.Now().Add(membership.ReturnGrace + time.Second))
		s.Declare(ctx, "zoe-park", s.of("zoe"))
		s.MemberIs(ctx, "zoe-park", rosterv1alpha1.MemberPending)
		Eventually(func() int { return len(Mails(s.Address("zoe"))) }).Should(Equal(2))
	})
})

var _ = Describe("An operator that was away", Serial, func() {
	var s space
	away := false
	stop := func() { Running.Stop(); away = true }
	start := func() { Running, away = StartOperator(Cluster.As("roster-manager")), false }
	BeforeEach(func(ctx SpecContext) {
		s = newSpace(ctx)
		DeferCleanup(func() {
			if away {
				start()
			}
		})
	})

	It("makes a member of the person who accepted meanwhile, whatever becomes of the Invitation", func(ctx SpecContext) {
		inv := s.Invite(ctx, "ana")
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		stop()
		s.Claim(ctx, "ana")
		Expect(API.Delete(ctx, inv)).To(MatchError(ContainSubstring("has accepted the Invitation ana and is not a Member yet")))
		start()
		s.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive)
		Eventually(func() error { return API.Delete(ctx, inv.DeepCopy()) }).Should(Succeed(), "then it can go")
		Eventually(func() []string { return Get[rosterv1alpha1.Member](ctx, s, "ana").Finalizers }).Should(BeEmpty())
	})

	It("makes a member of the person who accepted for a Member that was replaced since", func(ctx SpecContext) {
		s.Account(ctx, "ana")
		s.Declare(ctx, "ana")
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		stop()
		s.Claim(ctx, "ana")
		s.remove(ctx, "ana")
		s.Declare(ctx, "ana")
		start()
		s.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive)
		Expect(Mails(s.Address("ana"))).To(HaveLen(1))
	})

	It("brings nobody back who was removed before the Invitation noted them", func(ctx SpecContext) {
		s.Invite(ctx, "ana")
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		stop()
		s.Claim(ctx, "ana")
		inv := Get[rosterv1alpha1.Invitation](ctx, s, "ana")
		By("dying between making the Member and noting it")
		s.Declare(ctx, "ana", func(m *rosterv1alpha1.Member) {
			m.Spec.AccountRef, m.Finalizers = inv.Status.AccountRef, []string{membership.JoiningFinalizer(inv)}
		})
		s.remove(ctx, "ana")
		start()
		s.removed(ctx, "ana")
		Eventually(func() any { return Get[rosterv1alpha1.Invitation](ctx, s, "ana").Status.MemberRef }).ShouldNot(BeNil())
		Consistently(func() bool {
			return apierrors.IsNotFound(API.Get(ctx, client.ObjectKeyFromObject(inv), &rosterv1alpha1.Member{}))
		}).Should(BeTrue(), "they stay removed")
		Expect(Mails(s.Address("ana"))).To(HaveLen(1))
	})

	It("and was killed while it made members loses no acceptance and brings nobody back", func(ctx SpecContext) {
		people := []string{"ana", "ben", "cleo", "dora", "emil", "fay", "gil", "hana"}
		for _, name := range people {
			s.Invite(ctx, name)
		}
		for _, name := range people {
			s.InvitationIs(ctx, name, rosterv1alpha1.InvitationSent)
		}
		stop()
		changes, err := client.NewWithWatch(Cluster.Config, client.Options{Scheme: Cluster.Scheme})
		Expect(err).NotTo(HaveOccurred())
		seen, err := changes.Watch(ctx, &rosterv1alpha1.MemberList{}, client.InNamespace(s.Name))
		Expect(err).NotTo(HaveOccurred())
		defer seen.Stop()
		for _, name := range people {
			s.Claim(ctx, name)
		}
		p := NewProcess()
		p.Start()
		Eventually(seen.ResultChan()).Should(Receive(), "the first is made")
		p.Kill()
		var made rosterv1alpha1.MemberList
		Expect(API.List(ctx, &made, client.InNamespace(s.Name))).To(Succeed())
		removed := map[string]bool{}
		for _, m := range made.Items {
			removed[m.Name] = true
			Expect(API.Delete(ctx, &m)).To(Succeed())
		}
		start()
		for _, name := range people {
			if removed[name] {
				s.removed(ctx, name)
			} else {
				s.MemberIs(ctx, name, rosterv1alpha1.MemberActive)
			}
			Eventually(func() any { return Get[rosterv1alpha1.Invitation](ctx, s, name).Status.MemberRef }).ShouldNot(BeNil())
			Expect(Mails(s.Address(name))).To(HaveLen(1))
		}
		Consistently(func() int {
			Expect(API.List(ctx, &made, client.InNamespace(s.Name))).To(Succeed())
			return len(made.Items)
		}).Should(Equal(len(people) - len(removed)))
	})

	It("reports an Invitation that was revoked before it knew the Organization", func(ctx SpecContext) {
		stop()
		s = emptySpace(ctx)
		s.Invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(true) })
		s.Invite(ctx, "ben")
		Expect(API.Create(ctx, &rosterv1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "acme"}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Acme"},
		})).To(Succeed())
		start()
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationRevoked)
		s.InvitationIs(ctx, "ben", rosterv1alpha1.InvitationSent)
	})
})

var _ = Describe("An Invitation and a Member of one address", func() {
	var s space
	BeforeEach(func(ctx SpecContext) { s = newSpace(ctx) })
	sameAddress := func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = s.Address("ana") }
	// while has the relay be away for the mails to the address until what is done has been seen.
	while := func(do func()) {
		GinkgoHelper()
		gate := smtptest.NewGate()
		Post.Script(
			smtptest.Fault{Step: smtptest.AtRcpt, To: s.Address("ana"), Code: 451, Enhanced: "4.3.0", Text: "later"},
			smtptest.Fault{Step: smtptest.AtRcpt, To: s.Address("ana"), Gate: gate},
		)
		do()
		gate.Open()
		Eventually(func() int { return len(Mails(s.Address("ana"))) }).Should(Equal(1), "the person is mailed")
		Consistently(func() int { return len(Mails(s.Address("ana"))) }).Should(Equal(1), "once")
	}

	It("do not block each other, the Invitation first", func(ctx SpecContext) {
		while(func() {
			s.Invite(ctx, "mail", sameAddress)
			s.InvitationSays(ctx, "mail", rosterv1alpha1.ReasonDeliveryFailing)
			s.Declare(ctx, "ana")
			Eventually(func() string { return Get[rosterv1alpha1.Member](ctx, s, "ana").Status.Invitation }).Should(Equal("mail"))
		})
		s.Claim(ctx, "mail")
		s.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive)
	})

	It("do not block each other, the Member first", func(ctx SpecContext) {
		while(func() {
			s.Declare(ctx, "ana")
			s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonDeliveryFailing)
			s.Invite(ctx, "mail", sameAddress)
			s.InvitationSays(ctx, "mail", rosterv1alpha1.ReasonAlreadyMember)
		})
		s.Claim(ctx, "ana")
		s.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive)
		s.InvitationIs(ctx, "mail", rosterv1alpha1.InvitationRevoked)
	})

	It("are answered once: who declines is left alone", func(ctx SpecContext) {
		s.Invite(ctx, "mail", sameAddress)
		inv := s.InvitationIs(ctx, "mail", rosterv1alpha1.InvitationSent)
		s.Declare(ctx, "ana")
		Eventually(func() string { return Get[rosterv1alpha1.Member](ctx, s, "ana").Status.Invitation }).Should(Equal("mail"))
		invitation.Decline(inv, Now.Now())
		Expect(API.Status().Update(ctx, inv)).To(Succeed())
		s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonNotInvited)
		Consistently(func() int { return len(Mails(s.Address("ana"))) }).Should(Equal(1))
	})
})
