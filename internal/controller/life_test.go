// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/invitation"
)

var update = flag.Bool("update", false, "write the golden files again")

// life records a person's way through an organisation as text that a reader can follow.
type life struct {
	space
	begin time.Time
	text  strings.Builder
}

var _ = Describe("A life", Serial, func() {
	It("goes as the trace says", func(ctx SpecContext) {
		Now.SetTime(Now.Now().Truncate(time.Second).Add(time.Second)) // times in the API have seconds
		l := &life{space: newSpace(ctx), begin: Now.Now()}
		l.Profile(ctx, "acme-fb")

		l.Invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}}
		})
		l.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		l.record(ctx, "invited")

		l.PassTime(ctx, "ana", 48*time.Hour)
		Eventually(func() int32 { return Get[rosterv1alpha1.Invitation](ctx, l.space, "ana").Status.RemindersSent }).Should(Equal(int32(1)))
		l.record(ctx, "reminded")

		l.PassTime(ctx, "ana", 24*time.Hour)
		l.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationExpired)
		l.record(ctx, "expired")

		Now.SetTime(Now.Now().Add(time.Hour))
		Patch(ctx, Get[rosterv1alpha1.Invitation](ctx, l.space, "ana"), func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.ResendRequestedAt = ptr.To(metav1.NewTime(Now.Now()))
		})
		l.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		l.record(ctx, "resent")

		Now.SetTime(Now.Now().Add(time.Hour))
		l.Claim(ctx, "ana")
		l.MemberIs(ctx, "ana", rosterv1alpha1.MemberActive)
		Eventually(func() any { return Get[rosterv1alpha1.Invitation](ctx, l.space, "ana").Status.MemberRef }).ShouldNot(BeNil())
		Eventually(func() string { return Get[rosterv1alpha1.Member](ctx, l.space, "ana").Status.Invitation }).Should(Equal("ana"))
		l.record(ctx, "accepted")

		l.change(ctx, func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager }, rosterv1alpha1.MemberActive)
		l.record(ctx, "made a manager")
		l.change(ctx, func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) }, rosterv1alpha1.MemberSuspended)
		l.record(ctx, "suspended")
		l.change(ctx, func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(false) }, rosterv1alpha1.MemberActive)
		l.record(ctx, "reactivated")

		Expect(API.Delete(ctx, Get[rosterv1alpha1.Member](ctx, l.space, "ana"))).To(Succeed())
		Eventually(func() bool { return l.mayUser(ctx, "ana", "get", "organizations", "acme") }).Should(BeFalse())
		l.record(ctx, "removed")

		const golden = "testdata/life.txt"
		if *update {
			Expect(os.WriteFile(golden, []byte(l.text.String()), 0o600)).To(Succeed())
		}
		want, err := os.ReadFile(golden)
		Expect(err).NotTo(HaveOccurred())
		Expect(l.text.String()).To(Equal(string(want)), "run with -update and read what changed")
	})
})

func (l *life) change(ctx context.Context, change func(m *rosterv1alpha1.Member), want rosterv1alpha1.MemberState) {
	GinkgoHelper()
	Patch(ctx, Get[rosterv1alpha1.Member](ctx, l.space, "ana"), change)
	l.MemberIs(ctx, "ana", want)
}

// record writes down how things stand. Names of the test are replaced, times are counted from the beginning.
func (l *life) record(ctx context.Context, step string) {
	GinkgoHelper()
	l.printf("%s, after %s", step, Now.Now().Sub(l.begin))
	l.printf("  mails to ana: %d", len(Mails(l.Address("ana"))))
	l.recordInvitation(ctx)
	l.recordMember(ctx)
	for _, q := range [][3]string{{"get", "organizations", "acme"}, {"create", "invitations", ""}} {
		l.printf("  may %s %s: %s", q[0], q[1], yesNo(l.mayUser(ctx, "ana", q[0], q[1], q[2])))
	}
	held := make([]string, 0, len(access.Permissions()))
	for _, p := range l.profileVerbs(ctx, "ana", "acme-fb") {
		held = append(held, string(p))
	}
	l.printf("  on acme-fb: %s\n", strings.Join(held, " "))
}

func (l *life) recordInvitation(ctx context.Context) {
	GinkgoHelper()
	inv := Get[rosterv1alpha1.Invitation](ctx, l.space, "ana")
	s := inv.Status
	l.printf("  invitation: %s, role %s, attempt %d, reminders %d, sent %s, expires %s, accepted %s", s.State, s.Role, s.Attempt, s.RemindersSent,
		l.when(s.SentTime), l.whenOver(s.ExpiryTime), l.when(s.AcceptedTime))
	l.conditions(s.Conditions)
	Expect(s.MessageID).To(Equal(invitation.MessageID(string(inv.UID), s.Attempt, s.RemindersSent, "mail.example")))
}

func (l *life) recordMember(ctx context.Context) {
	GinkgoHelper()
	var m rosterv1alpha1.Member
	err := API.Get(ctx, client.ObjectKey{Namespace: l.Name, Name: "ana"}, &m)
	if apierrors.IsNotFound(err) {
		l.printf("  no member")
		return
	}
	Expect(err).NotTo(HaveOccurred())
	s := m.Status
	l.printf("  member: %s, role %s, joined %s, by invitation %s", s.State, s.Role, l.when(s.JoinedTime), s.Invitation)
	for _, g := range s.Profiles {
		l.printf("    %s on %s", g.Role, g.Name)
	}
	l.conditions(s.Conditions)
}

func (l *life) conditions(conditions []metav1.Condition) {
	for _, c := range conditions {
		l.printf("    %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
}

func (l *life) when(t *metav1.Time) string {
	if t == nil {
		return "never"
	}
	return t.Sub(l.begin).Round(time.Second).String()
}

// whenOver is the whole hour in which a time is over: that of a link counts from the creation, by the API server's clock.
func (l *life) whenOver(t *metav1.Time) string {
	if t == nil {
		return "never"
	}
	return (t.Sub(l.begin) + time.Hour - time.Second).Truncate(time.Hour).String()
}

func (l *life) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(&l.text, format+"\n", args...)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
