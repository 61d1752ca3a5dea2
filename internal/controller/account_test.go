// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/controller/reading"
)

var _ = Describe("Accounts", func() {
	It("says of two of one user name whose it is, and when that changes", func(ctx context.Context) {
		s := newSpace(ctx)
		name := "ana." + s.Name
		first, second := s.Account(ctx, "ana"), s.Account(ctx, "eve")
		// Of two of the same second the UID decides.
		if first.CreationTimestamp.Equal(&second.CreationTimestamp) && second.UID < first.UID {
			first, second = second, first
		}
		says := func(a *rosterv1alpha1.Account, status metav1.ConditionStatus, reason, text string) {
			GinkgoHelper()
			AccountIs(ctx, a, "it says so", func(g Gomega, a *rosterv1alpha1.Account) {
				c := meta.FindStatusCondition(a.Status.Conditions, rosterv1alpha1.ConditionUsernameUnique)
				g.Expect(c).NotTo(BeNil())
				g.Expect(c.Status).To(Equal(status))
				g.Expect(c.Reason).To(Equal(reason))
				g.Expect(c.Message).To(ContainSubstring(text))
			})
		}
		choose := func(a *rosterv1alpha1.Account, name string) {
			GinkgoHelper()
			Patch(ctx, a, func(a *rosterv1alpha1.Account) { a.Spec.Username = name })
		}
		choose(second, name)
		says(second, metav1.ConditionTrue, rosterv1alpha1.ReasonUsernameUnique, "No other Account")
		choose(first, name)
		says(second, metav1.ConditionFalse, rosterv1alpha1.ReasonUsernameTaken, first.Name)
		says(first, metav1.ConditionTrue, rosterv1alpha1.ReasonUsernameUnique, "the oldest of 2")
		choose(first, "another."+s.Name)
		says(second, metav1.ConditionTrue, rosterv1alpha1.ReasonUsernameUnique, "No other Account")
	})

	It("says that an Organization names an issuer that nobody has set up", func(ctx context.Context) {
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.Security.SSO.Issuer = "nobody" })
		Eventually(func(g Gomega) {
			var list rosterv1alpha1.OrganizationList
			g.Expect(API.List(ctx, &list, reading.InNamespace(s.Name)...)).To(Succeed())
			g.Expect(list.Items).To(HaveLen(1))
			c := meta.FindStatusCondition(list.Items[0].Status.Conditions, rosterv1alpha1.ConditionIssuerResolved)
			g.Expect(c).NotTo(BeNil())
			g.Expect(c.Reason).To(Equal(rosterv1alpha1.ReasonIssuerNotFound))
		}).Should(Succeed())
	})
})

var _ = Describe("A suspended account", func() {
	It("says so, and since when", func(ctx SpecContext) {
		s := emptySpace(ctx)
		a := s.Account(ctx, "suspended")
		Patch(ctx, a, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(true) })
		got := AccountIs(ctx, a, "it is reported", func(g Gomega, a *rosterv1alpha1.Account) { g.Expect(a.Status.SuspendedTime).NotTo(BeNil()) })
		first := got.Status.SuspendedTime.Time
		ExpectSound(got.Status.Conditions, got.Generation, got.Status.ObservedGeneration)
		Expect(got.Status.Conditions[0].Reason).To(Equal(rosterv1alpha1.ReasonSuspended))
		Patch(ctx, got, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(false) })
		got = AccountIs(ctx, a, "it is reported", func(g Gomega, a *rosterv1alpha1.Account) {
			g.Expect(a.Status.Conditions[0].Reason).To(Equal(rosterv1alpha1.ReasonReady))
		})
		Expect(got.Status.SuspendedTime.Time).To(Equal(first), "it stays, so that older sessions stay ended")
		Now.SetTime(Now.Now().Add(time.Minute))
		Patch(ctx, got, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(true) })
		AccountIs(ctx, a, "it is reported", func(g Gomega, a *rosterv1alpha1.Account) {
			g.Expect(a.Status.SuspendedTime.Time).To(BeTemporally(">", first))
		})
	})
})
