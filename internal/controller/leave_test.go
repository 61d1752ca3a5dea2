// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

var _ = Describe("Leaving an organisation", func() {
	leave := func(ctx context.Context, a *rosterv1alpha1.Account, m *rosterv1alpha1.Member) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			var fresh rosterv1alpha1.Account
			g.Expect(API.Get(ctx, client.ObjectKeyFromObject(a), &fresh)).To(Succeed())
			fresh.Status.Leaving = append(fresh.Status.Leaving, rosterv1alpha1.Leaving{
				UID: string(m.UID), Namespace: m.Namespace, Member: m.Name, RequestedTime: metav1.NewTime(Now.Now()),
			})
			g.Expect(API.Status().Update(ctx, &fresh)).To(Succeed())
		}).Should(Succeed(), "the request is written")
		AccountIs(ctx, a, "the request is dealt with", func(g Gomega, a *rosterv1alpha1.Account) { g.Expect(a.Status.Leaving).To(BeEmpty()) })
	}
	gone := func(ctx context.Context, m *rosterv1alpha1.Member) bool {
		GinkgoHelper()
		err := API.Get(ctx, client.ObjectKeyFromObject(m), &rosterv1alpha1.Member{})
		if err != nil {
			Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)
		}
		return err != nil
	}

	It("ends the membership, even where only suspended members can be deleted", func(ctx SpecContext) {
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) {
			o.Spec.Guardrails = &rosterv1alpha1.Guardrails{DeleteOnlySuspended: ptr.To(true)}
		})
		a, m := s.Account(ctx, "ana"), s.Join(ctx, "ana")
		Eventually(func() error {
			return client.IgnoreNotFound(API.Delete(ctx, m.DeepCopy(), client.DryRunAll))
		}).Should(MatchError(ContainSubstring("deleteOnlySuspended")), "the guardrail stands")
		leave(ctx, a, m)
		Expect(gone(ctx, m)).To(BeTrue())
	})

	It("ends it for good, whatever name the Member got meanwhile", func(ctx SpecContext) {
		s := newSpace(ctx)
		a, m := s.Account(ctx, "ana"), s.Join(ctx, "ana")
		s.belongs(ctx, a)
		Now.SetTime(Now.Now().Add(time.Minute))
		Expect(API.Delete(ctx, m)).To(Succeed())
		s.removed(ctx, "ana")
		renamed := s.Declare(ctx, "ana-lima", s.of("ana"))
		s.MemberIs(ctx, "ana-lima", rosterv1alpha1.MemberActive)
		leave(ctx, a, m)
		Eventually(func() bool { return gone(ctx, renamed) }).Should(BeTrue())
		AccountIs(ctx, a, "nothing is left of it", func(g Gomega, a *rosterv1alpha1.Account) { g.Expect(a.Status.Memberships).To(BeEmpty()) })
		s.Declare(ctx, "ana-lima", s.of("ana"))
		s.MemberIs(ctx, "ana-lima", rosterv1alpha1.MemberPending)
	})

	It("is for the owner, too: nobody has to go on owning an organisation", func(ctx SpecContext) {
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "olivia"} })
		olivia, owner := s.Account(ctx, "olivia"), s.Join(ctx, "olivia")
		Eventually(func() error { return client.IgnoreNotFound(API.Delete(ctx, owner.DeepCopy(), client.DryRunAll)) }).Should(
			MatchError(ContainSubstring("owns the Organization")), "nobody else can remove them")
		leave(ctx, olivia, owner)
		Expect(gone(ctx, owner)).To(BeTrue())
		Eventually(func() string {
			ready := meta.FindStatusCondition(Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Conditions, rosterv1alpha1.ConditionReady)
			return ready.Reason
		}).Should(Equal(rosterv1alpha1.ReasonMemberNotFound))
		Eventually(func() []string { return EventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonMemberNotFound))
	})

	It("goes on in one organisation while another refuses it", func(ctx SpecContext) {
		stays, goes := newSpace(ctx), newSpace(ctx)
		a, stuck := stays.Account(ctx, "ana"), stays.Join(ctx, "ana")
		left := goes.Join(ctx, "ana", func(m *rosterv1alpha1.Member) {
			m.Spec.Email, m.Spec.AccountRef = a.Spec.Email, AccountOf(a.Spec.Email)
		})
		end := stays.forbid(ctx, "roster.dev", "members", admissionv1.Update)
		inForce(ctx, func(ctx context.Context) error {
			m := stuck.DeepCopy()
			metav1.SetMetaDataAnnotation(&m.ObjectMeta, "try", "1")
			return API.Patch(ctx, m, client.MergeFrom(stuck), client.DryRunAll)
		})
		Eventually(func(g Gomega) {
			var fresh rosterv1alpha1.Account
			g.Expect(API.Get(ctx, client.ObjectKeyFromObject(a), &fresh)).To(Succeed())
			for _, m := range []*rosterv1alpha1.Member{stuck, left} {
				fresh.Status.Leaving = append(fresh.Status.Leaving, rosterv1alpha1.Leaving{
					UID: string(m.UID), Namespace: m.Namespace, Member: m.Name, RequestedTime: metav1.NewTime(Now.Now()),
				})
			}
			g.Expect(API.Status().Update(ctx, &fresh)).To(Succeed())
		}).Should(Succeed(), "the requests are written")
		Eventually(func() bool { return gone(ctx, left) }).Should(BeTrue(), "nothing keeps them here")
		AccountIs(ctx, a, "the other request stays", func(g Gomega, a *rosterv1alpha1.Account) {
			g.Expect(a.Status.Leaving).To(ConsistOf(HaveField("Namespace", stays.Name)))
		})
		Eventually(func() []string { return EventsOn(ctx, stays, "ana") }).Should(ContainElement(rosterv1alpha1.ReasonWriteRefused))
		end(ctx)
		Patch(ctx, Get[rosterv1alpha1.Account](ctx, Space{Name: a.Namespace}, a.Name), func(a *rosterv1alpha1.Account) {
			metav1.SetMetaDataAnnotation(&a.ObjectMeta, "nudge", "1") // as the timer would
		})
		Eventually(func() bool { return gone(ctx, stuck) }).Should(BeTrue(), "it is tried again")
	})

	It("is not for somebody else's membership or a later one of the same name", func(ctx SpecContext) {
		s := newSpace(ctx)
		eve, bob := s.Account(ctx, "eve"), s.Join(ctx, "bob")
		leave(ctx, eve, bob)
		Expect(gone(ctx, bob)).To(BeFalse())
		earlier := bob.DeepCopy()
		earlier.UID = "earlier"
		var his rosterv1alpha1.Account
		key := client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: bob.Spec.AccountRef.Name}
		Expect(API.Get(ctx, key, &his)).To(Succeed())
		leave(ctx, &his, earlier)
		Expect(gone(ctx, bob)).To(BeFalse())
	})
})
