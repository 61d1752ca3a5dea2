// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

var _ = Describe("A write that hangs in one organisation", Serial, func() {
	var here, there space
	BeforeEach(func(ctx SpecContext) {
		here, there = newSpace(ctx), newSpace(ctx)
		here.Join(ctx, "ana")
	})

	It("does not keep a suspension in another from coming into force", func(ctx SpecContext) {
		h := Hang(there.Name, "rolebindings")
		there.Declare(ctx, "bob", func(m *rosterv1alpha1.Member) { m.Spec.AccountRef = AccountOf(m.Spec.Email) })
		Eventually(h.Waiting).ShouldNot(BeZero(), "Bob is about to be bound")
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, here, "ana"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		Eventually(func() bool { return here.mayUser(ctx, "ana", "get", "organizations", "acme") }).Should(BeFalse(), "Ana is suspended")
		here.MemberIs(ctx, "ana", rosterv1alpha1.MemberSuspended)
		h.LetGo()
		there.MemberIs(ctx, "bob", rosterv1alpha1.MemberActive)
	})

	It("does not keep people of another from being invited, or suspended", func(ctx SpecContext) {
		h := Hang(there.Name, "invitations")
		there.Invite(ctx, "bob")
		Eventually(h.Waiting).ShouldNot(BeZero(), "Bob's Invitation is about to be written")
		here.Declare(ctx, "cleo")
		Eventually(func() []string { return Mails(here.Address("cleo")) }).Should(HaveLen(1), "Cleo is invited")
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, here, "ana"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		here.MemberIs(ctx, "ana", rosterv1alpha1.MemberSuspended)
		h.LetGo()
		there.InvitationIs(ctx, "bob", rosterv1alpha1.InvitationSent)
	})

	It("does not take all workers, however many hang", func(ctx SpecContext) {
		h := Hang(there.Name, "")
		for i := range 20 {
			there.Declare(ctx, fmt.Sprintf("declared-%d", i))
			there.Invite(ctx, fmt.Sprintf("invited-%d", i))
		}
		Eventually(h.Waiting).Should(BeNumerically(">=", 4), "two Members and two Invitations are about to be written: half of the workers")
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, here, "ana"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		here.MemberIs(ctx, "ana", rosterv1alpha1.MemberSuspended)
		here.Invite(ctx, "cleo")
		here.InvitationIs(ctx, "cleo", rosterv1alpha1.InvitationSent)
		h.LetGo()
		there.InvitationIs(ctx, "invited-19", rosterv1alpha1.InvitationSent)
		there.MemberIs(ctx, "declared-19", rosterv1alpha1.MemberPending)
	})
})

var _ = Describe("Somebody who is being bound", Serial, func() {
	It("keeps nothing of what was taken out of their Member before it said that they were active", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.Profile(ctx, "acme-fb")
		h := Hang(s.Name, "members")
		s.Declare(ctx, "ana", func(m *rosterv1alpha1.Member) {
			m.Spec.AccountRef = AccountOf(m.Spec.Email)
			m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: editor}}
		})
		publishes := func() bool { return s.mayUser(ctx, "ana", "publish", "socialprofiles", "acme-fb") }
		Eventually(publishes).Should(BeTrue(), "Ana is bound")
		Eventually(h.Waiting).ShouldNot(BeZero(), "and that she is active is about to be written")
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "ana"), func(m *rosterv1alpha1.Member) { m.Spec.Profiles = nil })
		h.LetGo()
		s.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive)
		Eventually(publishes).Should(BeFalse(), "Ana is no editor any more")
	})
})
