// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

var _ = Describe("Accounts", func() {
	It("says of two of one user name whose it is, and when that changes", func(ctx context.Context) {
		s := newSpace(ctx)
		name := "ana." + s.name
		first, second := s.account(ctx, "ana"), s.account(ctx, "eve")
		// Of two of the same second the UID decides.
		if first.CreationTimestamp.Equal(&second.CreationTimestamp) && second.UID < first.UID {
			first, second = second, first
		}
		says := func(a *rosterv1alpha1.Account, status metav1.ConditionStatus, reason, text string) {
			GinkgoHelper()
			accountIs(ctx, a, "it says so", func(g Gomega, a *rosterv1alpha1.Account) {
				c := meta.FindStatusCondition(a.Status.Conditions, rosterv1alpha1.ConditionUsernameUnique)
				g.Expect(c).NotTo(BeNil())
				g.Expect(c.Status).To(Equal(status))
				g.Expect(c.Reason).To(Equal(reason))
				g.Expect(c.Message).To(ContainSubstring(text))
			})
		}
		choose := func(a *rosterv1alpha1.Account, name string) {
			GinkgoHelper()
			patch(ctx, a, func(a *rosterv1alpha1.Account) { a.Spec.Username = name })
		}
		choose(second, name)
		says(second, metav1.ConditionTrue, rosterv1alpha1.ReasonUsernameUnique, "No other Account")
		choose(first, name)
		says(second, metav1.ConditionFalse, rosterv1alpha1.ReasonUsernameTaken, first.Name)
		says(first, metav1.ConditionTrue, rosterv1alpha1.ReasonUsernameUnique, "the oldest of 2")
		choose(first, "another."+s.name)
		says(second, metav1.ConditionTrue, rosterv1alpha1.ReasonUsernameUnique, "No other Account")
	})

	It("says that an Organization names an issuer that nobody has set up", func(ctx context.Context) {
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.Security.SSO.Issuer = "nobody" })
		Eventually(func(g Gomega) {
			var list rosterv1alpha1.OrganizationList
			g.Expect(api.List(ctx, &list, inNamespace(s.name)...)).To(Succeed())
			g.Expect(list.Items).To(HaveLen(1))
			c := meta.FindStatusCondition(list.Items[0].Status.Conditions, rosterv1alpha1.ConditionIssuerResolved)
			g.Expect(c).NotTo(BeNil())
			g.Expect(c.Reason).To(Equal(rosterv1alpha1.ReasonIssuerNotFound))
		}).Should(Succeed())
	})
})
