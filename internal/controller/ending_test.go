// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// inAWhile is an end so near that the operator's timer is due in this test. Its clock stands still until the test moves it.
func inAWhile() *metav1.Time { return &metav1.Time{Time: Now.Now().Add(time.Second)} }

// pass moves the operator's clock. Nothing else happens.
func pass(d time.Duration) { Now.SetTime(Now.Now().Add(d)) }

// by the clock, and announced.
var _ = Describe("A membership that ends", func() {
	var s space
	BeforeEach(func(ctx SpecContext) { s = newSpace(ctx) })
	publishes := func(ctx context.Context) func() bool {
		return func() bool { return s.mayUser(ctx, "ana", "publish", "socialprofiles", "acme-fb") }
	}

	It("takes everything away at that time and brings it back when it is put off, without a mail", func(ctx SpecContext) {
		s.Profile(ctx, "acme-fb")
		s.Join(ctx, "ana", func(m *rosterv1alpha1.Member) {
			m.Spec.EndTime = inAWhile()
			m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}}
		})
		Eventually(func() *rosterv1alpha1.EndNotice { return Get[rosterv1alpha1.Member](ctx, s, "ana").Status.EndNotice }).
			ShouldNot(BeNil(), "nothing else is left to write")
		Consistently(publishes(ctx)).Should(BeTrue(), "until then she has what her spec says")

		pass(time.Hour)
		m := s.MemberIs(ctx, "ana", rosterv1alpha1.MemberEnded)
		Expect(s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonEnded).Status).To(Equal(metav1.ConditionTrue), "as it was meant to")
		Expect(meta.FindStatusCondition(m.Status.Conditions, rosterv1alpha1.ConditionRolesGranted)).To(HaveField("Reason", rosterv1alpha1.ReasonEnded))
		Expect(m.Status.Profiles).To(BeEmpty())
		Eventually(publishes(ctx)).Should(BeFalse())
		Expect(s.mayUser(ctx, "ana", "get", "organizations", "acme")).To(BeFalse())
		Eventually(func() []string { return EventsOn(ctx, s, "ana") }).Should(ContainElement(ContainSubstring("Ended")))
		Eventually(func() *int32 { return Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.ActiveMembers }).Should(HaveValue(BeZero()))

		Patch(ctx, m, func(m *rosterv1alpha1.Member) { m.Spec.EndTime = &metav1.Time{Time: Now.Now().Add(time.Hour)} })
		m = s.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive)
		Expect(publishes(ctx)()).To(BeTrue(), "active means bound")
		Expect(m.Status.Profiles).To(HaveLen(1))
		var invitations rosterv1alpha1.InvitationList
		Expect(API.List(ctx, &invitations, client.InNamespace(s.Name))).To(Succeed())
		Expect(invitations.Items).To(BeEmpty(), "nothing to accept again")
	})

	It("is not offered once it is over", func(ctx SpecContext) {
		s.Invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) { inv.Spec.EndTime = &metav1.Time{Time: Now.Now().Add(-time.Hour)} })
		Expect(s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonMembershipEnded).Message).To(ContainSubstring("set a later one"))
		Expect(MessageIDs(s.Address("ana"))).To(BeEmpty())
		end := inAWhile()
		Patch(ctx, Get[rosterv1alpha1.Invitation](ctx, s, "ana"), func(inv *rosterv1alpha1.Invitation) { inv.Spec.EndTime = end })
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		pass(time.Hour)
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationExpired)
		s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonMembershipEnded)
	})

	It("is what the person who accepts gets", func(ctx SpecContext) {
		end := metav1.NewTime(Now.Now().Add(24 * time.Hour)).Rfc3339Copy() // times in the API have seconds
		s.Invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) { inv.Spec.EndTime = &end })
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.Claim(ctx, "ana")
		Expect(s.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive).Spec.EndTime.Equal(&end)).To(BeTrue())
	})

	It("keeps a declared Member from being invited, until it is put off", func(ctx SpecContext) {
		m := s.Declare(ctx, "ana", func(m *rosterv1alpha1.Member) { m.Spec.EndTime = &metav1.Time{Time: Now.Now().Add(-time.Hour)} })
		s.MemberIs(ctx, "ana", rosterv1alpha1.MemberEnded)
		Consistently(func() []string { return MessageIDs(s.Address("ana")) }).Should(BeEmpty())
		Patch(ctx, m, func(m *rosterv1alpha1.Member) { m.Spec.EndTime = nil })
		s.MemberIs(ctx, "ana", rosterv1alpha1.MemberPending)
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
	})

	It("is none of the owner's", func(ctx SpecContext) {
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "olivia"} })
		s.Join(ctx, "olivia")
		Eventually(func() string { return Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Owner }).Should(Equal(s.Address("olivia")))
		s.Join(ctx, "omar", func(m *rosterv1alpha1.Member) { m.Spec.EndTime = &metav1.Time{Time: Now.Now().Add(time.Hour)} })
		Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), func(o *rosterv1alpha1.Organization) {
			o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "omar"}
		})
		Eventually(func() *metav1.Condition {
			return meta.FindStatusCondition(Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Conditions, rosterv1alpha1.ConditionOwnerResolved)
		}).Should(And(HaveField("Reason", rosterv1alpha1.ReasonOwnerDoesNotEnd), HaveField("Message", ContainSubstring("Remove spec.endTime of the Member omar"))))
		Expect(s.mayUser(ctx, "olivia", "transfer", "organizations", "acme")).To(BeTrue(), "the former owner stays it")
	})
})
