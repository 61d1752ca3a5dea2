// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

var _ = Describe("The log", func() {
	It("has no error about a namespace that is going away", func(ctx SpecContext) {
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.DisplayName = "Going" })
		m := s.Join(ctx, "ana")
		s.Profile(ctx, "acme-fb")
		// What empties a namespace is not part of these tests: it stays as it is, and nothing new can be created there.
		Expect(API.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Name}})).To(Succeed())
		Patch(ctx, m, func(m *rosterv1alpha1.Member) {
			m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}}
		})
		Eventually(func() []string { return Logged(s.Space) }).Should(ContainElement(ContainSubstring("being terminated")),
			"the Role of the profile cannot be created")
		Expect(Logged(s.Space)).NotTo(ContainElement(HavePrefix("error")))
	})
})
