// SPDX-License-Identifier: Apache-2.0

package mailing_test

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/mail/smtptest"
)

// endingsTold are the subjects of the mails about memberships that end which an address got.
func endingsTold(address string) []string {
	var subjects []string
	for _, raw := range Mails(address) {
		_, rest, _ := strings.Cut(raw, "Subject: ")
		subject, _, _ := strings.Cut(rest, "\r\n")
		if strings.Contains(subject, "ends in") {
			subjects = append(subjects, subject)
		}
	}
	return subjects
}

// afterDays moves the operator's clock and has it look at a Member again, as its timer would.
func afterDays(ctx context.Context, s Space, name string, days int) {
	GinkgoHelper()
	Now.SetTime(Now.Now().Add(time.Duration(days) * 24 * time.Hour))
	Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, name), func(m *rosterv1alpha1.Member) {
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, "nudge", Now.Now().String())
	})
}

var _ = Describe("Mails about a membership that ends", func() {
	It("go out 14 and 3 days before, once each, to the member and the owner", func(ctx SpecContext) {
		s := NewSpace(ctx)
		owned(ctx, s, "olivia")
		s.Join(ctx, "ana", func(m *rosterv1alpha1.Member) {
			m.Spec.EndTime = &metav1.Time{Time: Now.Now().Add(20 * 24 * time.Hour)}
		})
		Consistently(func() []string { return endingsTold(s.Address("ana")) }).Should(BeEmpty(), "20 days before, it is too early")

		own := func(in string) string {
			return "Your access to " + Get[rosterv1alpha1.Organization](ctx, s, "acme").Spec.DisplayName + " ends in " + in
		}
		afterDays(ctx, s, "ana", 7)
		Eventually(func() []string { return endingsTold(s.Address("ana")) }).Should(ConsistOf(own("13 days")))
		Eventually(func() []string { return endingsTold(s.Address("olivia")) }).Should(ConsistOf(ContainSubstring("ends in 13 days")))
		Eventually(func() []string {
			if n := Get[rosterv1alpha1.Member](ctx, s, "ana").Status.EndNotice; n != nil {
				return n.To
			}
			return nil
		}).Should(ConsistOf(s.Address("ana"), s.Address("olivia")), "the status says who was told")

		afterDays(ctx, s, "ana", 2)
		Consistently(func() []string { return endingsTold(s.Address("ana")) }).Should(HaveLen(1), "nothing new to say")
		afterDays(ctx, s, "ana", 9)
		Eventually(func() []string { return endingsTold(s.Address("ana")) }).Should(ConsistOf(own("13 days"), own("2 days")))
		Eventually(func() []string { return endingsTold(s.Address("olivia")) }).Should(HaveLen(2))

		By("the end being put off, which is another end")
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "ana"), func(m *rosterv1alpha1.Member) {
			m.Spec.EndTime = &metav1.Time{Time: Now.Now().Add(10 * 24 * time.Hour)}
		})
		Eventually(func() []string { return endingsTold(s.Address("ana")) }).Should(ContainElement(own("10 days")))
	})

	It("reach the owner where the relay does not take that to the member", func(ctx SpecContext) {
		s := NewSpace(ctx)
		owned(ctx, s, "olivia")
		Post.Script(smtptest.Fault{
			Step: smtptest.AtRcpt, To: s.Address("ana"), Code: 452, Enhanced: "4.2.2", Text: "Mailbox full", Times: -1,
		})
		s.Join(ctx, "ana", func(m *rosterv1alpha1.Member) { m.Spec.EndTime = &metav1.Time{Time: Now.Now().Add(2 * 24 * time.Hour)} })
		Eventually(func() []string { return endingsTold(s.Address("olivia")) }).Should(ConsistOf(ContainSubstring("ends in 2 days")))
		Eventually(func() []string { return EventsOn(ctx, s, "ana") }).Should(ContainElement(rosterv1alpha1.ReasonDeliveryFailing))
	})

	It("go to the person who invited the member, rather than the owner", func(ctx SpecContext) {
		s := NewSpace(ctx)
		owned(ctx, s, "olivia")
		s.Join(ctx, "ben")
		s.Invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.InvitedBy, inv.Spec.EndTime = s.Address("ben"), &metav1.Time{Time: Now.Now().Add(5 * 24 * time.Hour)}
		})
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.Claim(ctx, "ana")
		s.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive)
		Eventually(func() []string { return endingsTold(s.Address("ben")) }).Should(ConsistOf(ContainSubstring("ends in 5 days")), "he invited her")
		Eventually(func() []string { return endingsTold(s.Address("ana")) }).Should(HaveLen(1))
		Expect(endingsTold(s.Address("olivia"))).To(BeEmpty())
	})
})
