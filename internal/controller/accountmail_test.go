// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"io"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/testenv"
)

// account makes the Account of a person.
func (s space) account(ctx context.Context, name string) *rosterv1alpha1.Account {
	GinkgoHelper()
	a := &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: accountOf(s.address(name)).Name},
		Spec:       rosterv1alpha1.AccountSpec{Email: s.address(name), DisplayName: "Ana Silva"},
	}
	Expect(api.Create(ctx, a)).To(Succeed())
	return a
}

// accountIs waits until an Account is as it should be, and returns it.
func accountIs(ctx context.Context, a *rosterv1alpha1.Account, why string, check func(g Gomega, a *rosterv1alpha1.Account)) *rosterv1alpha1.Account {
	GinkgoHelper()
	var got rosterv1alpha1.Account
	Eventually(func(g Gomega) {
		g.Expect(api.Get(ctx, client.ObjectKeyFromObject(a), &got)).To(Succeed())
		check(g, &got)
	}).Should(Succeed(), why)
	return &got
}

// ask asks for a mail as the portal does.
func ask(ctx context.Context, a *rosterv1alpha1.Account, topic rosterv1alpha1.AccountMailTopic, at time.Time) metav1.MicroTime {
	GinkgoHelper()
	t := metav1.MicroTime{Time: at.Truncate(time.Microsecond)}
	Eventually(func(g Gomega) {
		var fresh rosterv1alpha1.Account
		g.Expect(api.Get(ctx, client.ObjectKeyFromObject(a), &fresh)).To(Succeed())
		fresh.Status.MailRequests = rosterv1alpha1.WithMail(fresh.Status.MailRequests, topic, t)
		g.Expect(api.Status().Update(ctx, &fresh)).To(Succeed())
	}).Should(Succeed(), "the request is written")
	return t
}

func answered(ctx context.Context, a *rosterv1alpha1.Account, topic rosterv1alpha1.AccountMailTopic, at metav1.MicroTime) *rosterv1alpha1.Account {
	GinkgoHelper()
	return accountIs(ctx, a, "the request is answered", func(g Gomega, a *rosterv1alpha1.Account) {
		sent := a.Status.Answered(topic)
		g.Expect(sent.Equal(&at)).To(BeTrue(), "%+v", a.Status)
	})
}

var resetLink = regexp.MustCompile(`https://portal\.example/reset/([A-Za-z0-9_-]+)`)

// plainText is a mail without the encoding of its parts (RFC 2045, 6.7).
func plainText(raw string) string {
	GinkgoHelper()
	decoded, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(raw)))
	Expect(err).NotTo(HaveOccurred())
	return string(decoded)
}

var _ = Describe("Mails about an account", func() {
	It("bring the link to choose a new password, which the portal takes", func(ctx SpecContext) {
		s := emptySpace(ctx)
		a := s.account(ctx, "forgetful")
		asked := ask(ctx, a, rosterv1alpha1.MailPasswordReset, now.Now())
		got := answered(ctx, a, rosterv1alpha1.MailPasswordReset, asked)
		Expect(mails(s.address("forgetful"))).To(HaveLen(1))
		Expect(messageIDs(s.address("forgetful"))).To(ConsistOf(account.MailID(got, got.Status.MailRequests[0], "mail.example")))
		var secret corev1.Secret
		Expect(api.Get(ctx, client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-link-keys"}, &secret)).To(Succeed())
		keys, err := keyring.FromSecret(&secret)
		Expect(err).NotTo(HaveOccurred())
		link := resetLink.FindStringSubmatch(plainText(mails(s.address("forgetful"))[0]))
		Expect(link).To(HaveLen(2))
		Expect(account.VerifyReset(keys, link[1], got, now.Now())).To(Succeed())
	})

	It("are not sent when the link could hardly be used, or the account is suspended", func(ctx SpecContext) {
		s := emptySpace(ctx)
		late, suspended := s.account(ctx, "late"), s.account(ctx, "suspended")
		asked := ask(ctx, late, rosterv1alpha1.MailPasswordReset, now.Now().Add(-account.ResetLifetime))
		answered(ctx, late, rosterv1alpha1.MailPasswordReset, asked)
		patch(ctx, suspended, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(true) })
		asked = ask(ctx, suspended, rosterv1alpha1.MailPasswordReset, now.Now())
		answered(ctx, suspended, rosterv1alpha1.MailPasswordReset, asked)
		Expect(mails(s.address("late"))).To(BeEmpty())
		Expect(mails(s.address("suspended"))).To(BeEmpty())
	})

	It("tell that an administrator reset the second factors, once for each time", func(ctx SpecContext) {
		s := emptySpace(ctx)
		a := s.account(ctx, "reset")
		for n := range 2 {
			at := metav1.NewTime(now.Now().Add(time.Duration(n) * time.Second).Truncate(time.Second))
			now.SetTime(at.Time)
			patch(ctx, a, func(a *rosterv1alpha1.Account) { a.Spec.FactorsResetRequestedAt = &at })
			answered(ctx, a, rosterv1alpha1.MailFactorsReset, metav1.MicroTime(at))
			Expect(mails(s.address("reset"))).To(HaveLen(n + 1))
		}
		Expect(plainText(mails(s.address("reset"))[0])).To(ContainSubstring("An administrator removed the second factors"))
	})

	It("are limited in number", func(ctx SpecContext) {
		s := emptySpace(ctx)
		a := s.account(ctx, "flooded")
		for i := range mailBurst + 3 {
			asked := ask(ctx, a, rosterv1alpha1.MailPasswordReset, now.Now().Add(time.Duration(i)*time.Second))
			answered(ctx, a, rosterv1alpha1.MailPasswordReset, asked)
		}
		Expect(mails(s.address("flooded"))).To(HaveLen(mailBurst))
		changed := ask(ctx, a, rosterv1alpha1.MailPasswordChanged, now.Now())
		answered(ctx, a, rosterv1alpha1.MailPasswordChanged, changed)
		Expect(mails(s.address("flooded"))).To(HaveLen(mailBurst+1), "notices about changes are not held back")
	})
})

var _ = Describe("A suspended account", func() {
	It("says so, and since when", func(ctx SpecContext) {
		s := emptySpace(ctx)
		a := s.account(ctx, "suspended")
		patch(ctx, a, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(true) })
		got := accountIs(ctx, a, "it is reported", func(g Gomega, a *rosterv1alpha1.Account) { g.Expect(a.Status.SuspendedTime).NotTo(BeNil()) })
		first := got.Status.SuspendedTime.Time
		expectSound(got.Status.Conditions, got.Generation, got.Status.ObservedGeneration)
		Expect(got.Status.Conditions[0].Reason).To(Equal(rosterv1alpha1.ReasonSuspended))
		patch(ctx, got, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(false) })
		got = accountIs(ctx, a, "it is reported", func(g Gomega, a *rosterv1alpha1.Account) {
			g.Expect(a.Status.Conditions[0].Reason).To(Equal(rosterv1alpha1.ReasonReady))
		})
		Expect(got.Status.SuspendedTime.Time).To(Equal(first), "it stays, so that older sessions stay ended")
		now.SetTime(now.Now().Add(time.Minute))
		patch(ctx, got, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(true) })
		accountIs(ctx, a, "it is reported", func(g Gomega, a *rosterv1alpha1.Account) {
			g.Expect(a.Status.SuspendedTime.Time).To(BeTemporally(">", first))
		})
	})
})

var _ = Describe("Leaving an organisation", func() {
	leave := func(ctx context.Context, a *rosterv1alpha1.Account, m *rosterv1alpha1.Member) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			var fresh rosterv1alpha1.Account
			g.Expect(api.Get(ctx, client.ObjectKeyFromObject(a), &fresh)).To(Succeed())
			fresh.Status.Leaving = append(fresh.Status.Leaving, rosterv1alpha1.Leaving{
				UID: string(m.UID), Namespace: m.Namespace, Member: m.Name, RequestedTime: metav1.NewTime(now.Now()),
			})
			g.Expect(api.Status().Update(ctx, &fresh)).To(Succeed())
		}).Should(Succeed(), "the request is written")
		accountIs(ctx, a, "the request is dealt with", func(g Gomega, a *rosterv1alpha1.Account) { g.Expect(a.Status.Leaving).To(BeEmpty()) })
	}
	gone := func(ctx context.Context, m *rosterv1alpha1.Member) bool {
		GinkgoHelper()
		err := api.Get(ctx, client.ObjectKeyFromObject(m), &rosterv1alpha1.Member{})
		if err != nil {
			Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)
		}
		return err != nil
	}

	It("ends the membership, even where only suspended members can be deleted", func(ctx SpecContext) {
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) {
			o.Spec.Guardrails = &rosterv1alpha1.Guardrails{DeleteOnlySuspended: ptr.To(true)}
		})
		a, m := s.account(ctx, "ana"), s.join(ctx, "ana")
		Eventually(func() error {
			return client.IgnoreNotFound(api.Delete(ctx, m.DeepCopy(), client.DryRunAll))
		}).Should(MatchError(ContainSubstring("deleteOnlySuspended")), "the guardrail stands")
		leave(ctx, a, m)
		Expect(gone(ctx, m)).To(BeTrue())
	})

	It("ends it for good, whatever name the Member got meanwhile", func(ctx SpecContext) {
		s := newSpace(ctx)
		a, m := s.account(ctx, "ana"), s.join(ctx, "ana")
		s.belongs(ctx, a)
		now.SetTime(now.Now().Add(time.Minute))
		Expect(api.Delete(ctx, m)).To(Succeed())
		s.removed(ctx, "ana")
		renamed := s.declare(ctx, "ana-lima", s.of("ana"))
		s.memberIs(ctx, "ana-lima", rosterv1alpha1.MemberActive)
		leave(ctx, a, m)
		Eventually(func() bool { return gone(ctx, renamed) }).Should(BeTrue())
		accountIs(ctx, a, "nothing is left of it", func(g Gomega, a *rosterv1alpha1.Account) { g.Expect(a.Status.Memberships).To(BeEmpty()) })
		s.declare(ctx, "ana-lima", s.of("ana"))
		s.memberIs(ctx, "ana-lima", rosterv1alpha1.MemberPending)
	})

	It("is for the owner, too: nobody has to go on owning an organisation", func(ctx SpecContext) {
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "olivia"} })
		olivia, owner := s.account(ctx, "olivia"), s.join(ctx, "olivia")
		Eventually(func() error { return client.IgnoreNotFound(api.Delete(ctx, owner.DeepCopy(), client.DryRunAll)) }).Should(
			MatchError(ContainSubstring("owns the Organization")), "nobody else can remove them")
		leave(ctx, olivia, owner)
		Expect(gone(ctx, owner)).To(BeTrue())
		Eventually(func() string {
			ready := meta.FindStatusCondition(get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Conditions, rosterv1alpha1.ConditionReady)
			return ready.Reason
		}).Should(Equal(rosterv1alpha1.ReasonMemberNotFound))
		Eventually(func() []string { return eventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonMemberNotFound))
	})

	It("is not for somebody else's membership or a later one of the same name", func(ctx SpecContext) {
		s := newSpace(ctx)
		eve, bob := s.account(ctx, "eve"), s.join(ctx, "bob")
		leave(ctx, eve, bob)
		Expect(gone(ctx, bob)).To(BeFalse())
		earlier := bob.DeepCopy()
		earlier.UID = "earlier"
		var his rosterv1alpha1.Account
		key := client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: bob.Spec.AccountRef.Name}
		Expect(api.Get(ctx, key, &his)).To(Succeed())
		leave(ctx, &his, earlier)
		Expect(gone(ctx, bob)).To(BeFalse())
	})
})

var _ = Describe("The portal's keys", func() {
	It("are created once, and not replaced", func(ctx SpecContext) {
		key := client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-portal-keys"}
		var before, after corev1.Secret
		Eventually(func() error { return api.Get(ctx, key, &before) }).Should(Succeed(), "the keys come into being with the first start")
		Expect(before.Data[keyring.Current]).To(HaveLen(keyring.MinLen))
		Expect(createKey(ctx, api, key)).To(Succeed())
		Expect(api.Get(ctx, key, &after)).To(Succeed())
		Expect(after.ResourceVersion).To(Equal(before.ResourceVersion))
	})
})
