// SPDX-License-Identifier: Apache-2.0

package connections_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/connection"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

var _ = Describe("What people ask for at the portal while profiles are slow to write", Serial, func() {
	It("fits the plan when many ask at once", func(ctx SpecContext) {
		plan := &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("at-once-%d", GinkgoParallelProcess())}}
		plan.Spec.Contact, plan.Spec.SocialProfiles = "sales@roster.example", ptr.To[int32](2)
		Expect(API.Create(ctx, plan)).To(Succeed())
		s := NewSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.PlanRef = &rosterv1alpha1.LocalReference{Name: plan.Name} })
		s.OpensSecrets(ctx)
		o := signedIn(ctx, s, "dora", rosterv1alpha1.RoleManager)
		Eventually(func() *int32 {
			return Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Plan.SocialProfiles.Limit
		}).ShouldNot(BeNil())
		h, orders := Hang(s.Name, "socialprofiles"), []*corev1.Secret{}
		for i := range 6 {
			handle := fmt.Sprintf("%s-%d", s.Name, i)
			orders = append(orders, give(ctx, o, accountOnX(handle, Social.Connect(ctx, handle))))
		}
		Eventually(h.Waiting).Should(Equal(1), "one takes a place")
		Consistently(h.Waiting, "1s").Should(Equal(1), "the others wait for it, and then count the places that are left")
		h.LetGo()
		var all []connection.Result
		for _, order := range orders {
			all = append(all, results(answerTo(ctx, order))...)
		}
		Expect(all).To(ConsistOf(connection.Added, connection.Added, connection.ProfileLimit, connection.ProfileLimit, connection.ProfileLimit, connection.ProfileLimit))
	})

	It("does not wait for what hangs in another organisation", func(ctx SpecContext) {
		here, there := NewSpace(ctx), NewSpace(ctx)
		here.OpensSecrets(ctx)
		there.OpensSecrets(ctx)
		ana, bob := signedIn(ctx, here, "ana", rosterv1alpha1.RoleManager), signedIn(ctx, there, "bob", rosterv1alpha1.RoleManager)
		h := Hang(there.Name, "socialprofiles")
		waits := give(ctx, bob, accountOnX(there.Name, Social.Connect(ctx, there.Name)))
		Eventually(h.Waiting).ShouldNot(BeZero(), "Bob's profile is about to be written")
		Expect(results(answerTo(ctx, give(ctx, ana, accountOnX(here.Name, Social.Connect(ctx, here.Name)))))).To(ConsistOf(connection.Added))
		h.LetGo()
		Expect(results(answerTo(ctx, waits))).To(ConsistOf(connection.Added))
	})
})
