// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

var _ = Describe("The log", func() {
	It("has no error about a namespace that is going away", func(ctx SpecContext) {
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.DisplayName = "Going" })
		m := s.Join(ctx, "ana")
		s.Profile(ctx, "acme-fb")
		// Members that something keeps for a while: nothing new can be created beside them.
		let := s.forbid(ctx, rosterv1alpha1.GroupVersion.Group, "members", admissionv1.Delete)
		inForce(ctx, func(ctx context.Context) error { return API.Delete(ctx, m.DeepCopy(), client.DryRunAll) })
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Name}}
		Expect(API.Delete(ctx, namespace)).To(Succeed())
		Patch(ctx, m, func(m *rosterv1alpha1.Member) {
			m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}}
		})
		Eventually(func() []string { return Logged(s.Space) }).Should(ContainElement(ContainSubstring("being terminated")),
			"the Role of the profile cannot be created")
		let(ctx)
		Eventually(func() error { return API.Get(ctx, client.ObjectKeyFromObject(namespace), namespace) }).Should(
			MatchError(apierrors.IsNotFound, "not found"), "Kubernetes empties and removes the namespace")
		Expect(Logged(s.Space)).NotTo(ContainElement(HavePrefix("error")))
	})
})
