// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/invitation"
)

var _ = Describe("The ownership", func() {
	owned := func(name string) func(o *rosterv1alpha1.Organization) {
		return func(o *rosterv1alpha1.Organization) { o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: name} }
	}
	condition := func(ctx context.Context, s space, kind string) func() *metav1.Condition {
		return func() *metav1.Condition {
			return meta.FindStatusCondition(Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Conditions, kind)
		}
	}

	It("passes when the next owner is active, and not before", func(ctx SpecContext) {
		s := newSpace(ctx, owned("olivia"))
		s.Join(ctx, "olivia")
		owns := func(name string) func() bool {
			return func() bool { return s.mayUser(ctx, name, "transfer", "organizations", "acme") }
		}
		Eventually(owns("olivia")).Should(BeTrue())
		s.Declare(ctx, "omar")
		Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), owned("omar"))
		Eventually(condition(ctx, s, rosterv1alpha1.ConditionOwnerResolved)).Should(And(
			HaveField("Reason", rosterv1alpha1.ReasonMemberNotActive), HaveField("Message", ContainSubstring("stays the owner"))))
		Consistently(owns("olivia")).Should(BeTrue(), "nobody is locked out")
		s.InvitationIs(ctx, "omar", rosterv1alpha1.InvitationSent)
		s.Claim(ctx, "omar")
		Eventually(owns("omar")).Should(BeTrue())
		Eventually(owns("olivia")).Should(BeFalse())
		Eventually(func() string { return Get[rosterv1alpha1.Member](ctx, s, "omar").Status.Role }).Should(Equal("Owner"))
	})

	answer := func(ctx context.Context, a *rosterv1alpha1.Account, m *rosterv1alpha1.Member, agrees bool) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			var fresh rosterv1alpha1.Account
			g.Expect(API.Get(ctx, client.ObjectKeyFromObject(a), &fresh)).To(Succeed())
			fresh.Status.Ownership = []rosterv1alpha1.OwnershipAnswer{{UID: string(m.UID), Namespace: m.Namespace, Member: m.Name, Agrees: &agrees}}
			g.Expect(API.Status().Update(ctx, &fresh)).To(Succeed())
		}).Should(Succeed(), "the answer is written")
		AccountIs(ctx, a, "the answer is dealt with", func(g Gomega, a *rosterv1alpha1.Account) { g.Expect(a.Status.Ownership).To(BeEmpty()) })
	}
	role := func(ctx context.Context, s space, name string) func() string {
		return func() string { return Get[rosterv1alpha1.Member](ctx, s, name).Status.Role }
	}

	It("passes to a member only when they agree, who are told by mail", func(ctx SpecContext) {
		s := newSpace(ctx, owned("olivia"))
		s.Join(ctx, "olivia")
		account, zoe := s.Account(ctx, "zoe"), s.Join(ctx, "zoe")
		Eventually(role(ctx, s, "olivia")).Should(Equal("Owner"))
		Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), owned("zoe"))
		Eventually(func() []string { return Mails(s.Address("zoe")) }).Should(ConsistOf(ContainSubstring("You are asked to take over an organisation")))
		Eventually(condition(ctx, s, rosterv1alpha1.ConditionOwnerResolved)).Should(And(HaveField("Reason", rosterv1alpha1.ReasonOwnerNotAgreed),
			HaveField("Message", ContainSubstring(s.Address("olivia")+" stays the owner"))))
		Expect(condition(ctx, s, rosterv1alpha1.ConditionReady)()).To(HaveField("Status", metav1.ConditionTrue), "nothing waits for a person")
		Consistently(role(ctx, s, "zoe")).ShouldNot(Equal("Owner"))

		By("declining")
		answer(ctx, account, zoe, false)
		Eventually(condition(ctx, s, rosterv1alpha1.ConditionStalled)).Should(HaveField("Reason", rosterv1alpha1.ReasonOwnerDeclined))
		Expect(role(ctx, s, "olivia")()).To(Equal("Owner"))

		By("changing their mind")
		answer(ctx, account, zoe, true)
		Eventually(role(ctx, s, "zoe")).Should(Equal("Owner"))
		Eventually(role(ctx, s, "olivia")).ShouldNot(Equal("Owner"))
		Eventually(func() map[string]string { return Get[rosterv1alpha1.Member](ctx, s, "olivia").Annotations }).Should(BeEmpty(),
			"olivia is asked when she is named again")
		Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), owned("olivia"))
		Eventually(condition(ctx, s, rosterv1alpha1.ConditionOwnerResolved)).Should(HaveField("Reason", rosterv1alpha1.ReasonOwnerNotAgreed))
		Expect(Mails(s.Address("zoe"))).To(HaveLen(1))
	})

	It("is given up by who no longer wants it", func(ctx SpecContext) {
		s := newSpace(ctx, owned("olivia"))
		account, olivia := s.Account(ctx, "olivia"), s.Join(ctx, "olivia")
		Eventually(role(ctx, s, "olivia")).Should(Equal("Owner"))
		answer(ctx, account, olivia, false)
		Eventually(role(ctx, s, "olivia")).Should(Equal("Member"))
		Eventually(condition(ctx, s, rosterv1alpha1.ConditionReady)).Should(HaveField("Reason", rosterv1alpha1.ReasonOwnerDeclined))
		Eventually(func() []string { return EventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonOwnerDeclined))
		Eventually(func() error { return API.Delete(ctx, olivia.DeepCopy(), client.DryRunAll) }).Should(Succeed(), "they are a member like others")
	})

	It("is missed by an event where the owner goes before the next has agreed", func(ctx SpecContext) {
		s := newSpace(ctx, owned("olivia"))
		account, olivia := s.Account(ctx, "olivia"), s.Join(ctx, "olivia")
		s.Join(ctx, "zoe")
		Eventually(role(ctx, s, "olivia")).Should(Equal("Owner"))
		Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), owned("zoe"))
		Eventually(condition(ctx, s, rosterv1alpha1.ConditionOwnerResolved)).Should(HaveField("Reason", rosterv1alpha1.ReasonOwnerNotAgreed))
		Expect(EventsOn(ctx, s, "acme")).NotTo(ContainElement(rosterv1alpha1.ReasonOwnerNotAgreed), "olivia is the owner still")
		answer(ctx, account, olivia, false)
		Eventually(condition(ctx, s, rosterv1alpha1.ConditionOwnerResolved)).Should(HaveField("Message", ContainSubstring("nobody in the organisation")))
		Eventually(func() []string { return EventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonOwnerNotAgreed))
	})

	It("is agreed to by accepting an invitation that says so, and by no other", func(ctx SpecContext) {
		s := newSpace(ctx, owned("olivia"))
		s.Declare(ctx, "olivia")
		s.Declare(ctx, "zoe")
		s.InvitationIs(ctx, "olivia", rosterv1alpha1.InvitationSent)
		s.InvitationIs(ctx, "zoe", rosterv1alpha1.InvitationSent)
		Expect(Mails(s.Address("olivia"))).To(ConsistOf(ContainSubstring("Your role: Owner")))
		Expect(role(ctx, s, "olivia")()).To(Equal("Owner"), "as the invitation says")
		s.Claim(ctx, "olivia")
		Eventually(condition(ctx, s, rosterv1alpha1.ConditionOwnerResolved)).Should(HaveField("Reason", rosterv1alpha1.ReasonResolved))
		Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), owned("zoe"))
		Eventually(func() string { return Get[rosterv1alpha1.Invitation](ctx, s, "zoe").Status.Role }).Should(Equal("Owner"))
		inv := Get[rosterv1alpha1.Invitation](ctx, s, "zoe")
		invitation.Accept(inv, AccountOf(s.Address("zoe")).Name, rosterv1alpha1.RoleMember, Now.Now()) // The page was from before.
		Expect(API.Status().Update(ctx, inv)).To(Succeed())
		Eventually(condition(ctx, s, rosterv1alpha1.ConditionOwnerResolved)).Should(HaveField("Reason", rosterv1alpha1.ReasonOwnerNotAgreed))
		Expect(role(ctx, s, "olivia")()).To(Equal("Owner"))
		Expect(role(ctx, s, "zoe")()).To(Equal("Member"))
	})

	It("of two organisations by one person counts in the older", func(ctx SpecContext) {
		first := newSpace(ctx, owned("olivia"))
		NextSecond(ctx)
		second := newSpace(ctx, owned("olivia"))
		same := func(m *rosterv1alpha1.Member) { m.Spec.Email = first.Address("olivia") }
		first.Join(ctx, "olivia", same)
		Eventually(condition(ctx, first, rosterv1alpha1.ConditionOwnerUnique)).Should(HaveField("Status", metav1.ConditionTrue))
		second.Join(ctx, "olivia", same)
		Eventually(condition(ctx, second, rosterv1alpha1.ConditionOwnerUnique)).Should(And(HaveField("Reason", rosterv1alpha1.ReasonOwnerElsewhere),
			HaveField("Message", Not(ContainSubstring(first.Name+"/"))), HaveField("Message", ContainSubstring("rights of a CoOwner"))))
		Eventually(func() string { return Get[rosterv1alpha1.Member](ctx, second, "olivia").Status.Role }).Should(Equal("CoOwner"))
		Consistently(condition(ctx, first, rosterv1alpha1.ConditionOwnerUnique)).Should(HaveField("Status", metav1.ConditionTrue))

		By("giving up the first")
		first.Join(ctx, "omar")
		first.Owner(ctx, "omar")
		Eventually(condition(ctx, second, rosterv1alpha1.ConditionOwnerUnique)).Should(HaveField("Status", metav1.ConditionTrue))
		Eventually(func() string { return Get[rosterv1alpha1.Member](ctx, second, "olivia").Status.Role }).Should(Equal("Owner"))
	})
})
