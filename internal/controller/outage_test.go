// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/testenv"
)

var _ = Describe("An API server that goes away", Serial, func() {
	var (
		s space
		w *testenv.Wire
	)
	BeforeEach(func(ctx SpecContext) {
		s = newSpace(ctx)
		Running.Stop()
		config := Cluster.As("roster-manager")
		var err error
		w, err = testenv.NewWire(config.Host)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(w.Close)
		config.Host = "https://" + w.Addr()
		Running = StartOperator(config)
		DeferCleanup(func() {
			w.SetCut(false)
			Running.Stop()
			Running = StartOperator(Cluster.As("roster-manager"))
		})
	})

	It("delays what happens meanwhile and drops nothing", func(ctx SpecContext) {
		s.Invite(ctx, "before")
		inv := s.InvitationIs(ctx, "before", rosterv1alpha1.InvitationSent)
		w.SetCut(true)
		s.Invite(ctx, "ana")
		Patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(true) })
		Consistently(func() int { return len(Mails(s.Address("ana"))) }).Should(BeZero(), "the operator is cut off")
		w.SetCut(false)
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.InvitationIs(ctx, "before", rosterv1alpha1.InvitationRevoked)
		Expect(Mails(s.Address("ana"))).To(HaveLen(1))
	})

	It("between a mail and its status repeats the write, not the mail", func(ctx SpecContext) {
		gate := smtptest.NewGate()
		Post.Script(smtptest.Fault{Step: smtptest.AtRcpt, To: s.Address("ana"), Gate: gate})
		s.Invite(ctx, "ana")
		Eventually(gate.Reached()).Should(Receive(), "the mail is on its way")
		w.SetCut(true)
		gate.Open()
		Eventually(func() int { return len(Mails(s.Address("ana"))) }).Should(Equal(1), "the relay has it")
		Consistently(func() rosterv1alpha1.InvitationState {
			return Get[rosterv1alpha1.Invitation](ctx, s, "ana").Status.State
		}).Should(BeEmpty(), "and nobody can write that down")
		w.SetCut(false)
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(inv.Status.Attempt).To(Equal(int32(1)))
		Consistently(func() int { return len(Mails(s.Address("ana"))) }).Should(Equal(1))
	})
})
