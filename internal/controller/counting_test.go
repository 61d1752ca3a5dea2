// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

var _ = Describe("The numbers of an organisation in metrics", func() {
	It("follow what is there", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.Invite(ctx, "ana")
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		m := s.Join(ctx, "ben")
		s.Profile(ctx, "acme-fb")
		counted := func(name string) func() map[string]float64 {
			return func() map[string]float64 { return Counted(name, s.Space) }
		}
		Eventually(counted("roster_invitations")).Should(Equal(map[string]float64{"Sent": 1}))
		Eventually(counted("roster_members")).Should(Equal(map[string]float64{"Active": 1}))
		Eventually(counted("roster_profiles")).Should(Equal(map[string]float64{"None": 1}))
		Expect(API.Delete(ctx, m)).To(Succeed())
		Eventually(counted("roster_members")).Should(BeEmpty(), "nothing remains of a Member who is gone")
	})
})
