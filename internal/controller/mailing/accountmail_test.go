// SPDX-License-Identifier: Apache-2.0

package mailing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/controller/mailing"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/mailcode"
	"github.com/roster-dev/roster/internal/testenv"
)

// ask asks for a mail as the portal does.
func ask(ctx context.Context, a *rosterv1alpha1.Account, topic rosterv1alpha1.AccountMailTopic, at time.Time) metav1.MicroTime {
	GinkgoHelper()
	t := metav1.MicroTime{Time: at.Truncate(time.Microsecond)}
	Eventually(func(g Gomega) {
		var fresh rosterv1alpha1.Account
		g.Expect(API.Get(ctx, client.ObjectKeyFromObject(a), &fresh)).To(Succeed())
		fresh.Status.MailRequests = rosterv1alpha1.WithMail(fresh.Status.MailRequests, topic, t)
		g.Expect(API.Status().Update(ctx, &fresh)).To(Succeed())
	}).Should(Succeed(), "the request is written")
	return t
}

func answered(ctx context.Context, a *rosterv1alpha1.Account, topic rosterv1alpha1.AccountMailTopic, at metav1.MicroTime) *rosterv1alpha1.Account {
	GinkgoHelper()
	return AccountIs(ctx, a, "the request is answered", func(g Gomega, a *rosterv1alpha1.Account) {
		sent := a.Status.Answered(topic)
		g.Expect(sent.Equal(&at)).To(BeTrue(), "%+v", a.Status)
	})
}

// warned waits for an event about the Account of a person.
func warned(ctx context.Context, a *rosterv1alpha1.Account, reason string) {
	GinkgoHelper()
	Eventually(func() []string { return EventsOn(ctx, Space{Name: a.Namespace}, a.Name) }).Should(ContainElement(reason), "it is told of")
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
		s := EmptySpace(ctx)
		a := s.Account(ctx, "forgetful")
		asked := ask(ctx, a, rosterv1alpha1.MailPasswordReset, Now.Now())
		got := answered(ctx, a, rosterv1alpha1.MailPasswordReset, asked)
		Expect(Mails(s.Address("forgetful"))).To(HaveLen(1))
		Expect(MessageIDs(s.Address("forgetful"))).To(ConsistOf(account.MailID(got, got.Status.MailRequests[0], "mail.example")))
		var secret corev1.Secret
		Expect(API.Get(ctx, client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-link-keys"}, &secret)).To(Succeed())
		keys, err := keyring.FromSecret(&secret)
		Expect(err).NotTo(HaveOccurred())
		link := resetLink.FindStringSubmatch(plainText(Mails(s.Address("forgetful"))[0]))
		Expect(link).To(HaveLen(2))
		Expect(account.VerifyReset(keys, link[1], got, Now.Now())).To(Succeed())
	})

	It("are not sent when the link could hardly be used, or the account is suspended", func(ctx SpecContext) {
		s := EmptySpace(ctx)
		late, suspended := s.Account(ctx, "late"), s.Account(ctx, "suspended")
		asked := ask(ctx, late, rosterv1alpha1.MailPasswordReset, Now.Now().Add(-account.ResetLifetime))
		answered(ctx, late, rosterv1alpha1.MailPasswordReset, asked)
		Patch(ctx, suspended, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(true) })
		asked = ask(ctx, suspended, rosterv1alpha1.MailPasswordReset, Now.Now())
		answered(ctx, suspended, rosterv1alpha1.MailPasswordReset, asked)
		warned(ctx, late, rosterv1alpha1.ReasonMailLeftOut)
		warned(ctx, suspended, rosterv1alpha1.ReasonMailLeftOut)
		Expect(Mails(s.Address("late"))).To(BeEmpty())
		Expect(Mails(s.Address("suspended"))).To(BeEmpty())
	})

	It("tell that an administrator reset the second factors, once for each time", func(ctx SpecContext) {
		s := EmptySpace(ctx)
		a := s.Account(ctx, "reset")
		for n := range 2 {
			at := metav1.NewTime(Now.Now().Add(time.Duration(n) * time.Second).Truncate(time.Second))
			Now.SetTime(at.Time)
			Patch(ctx, a, func(a *rosterv1alpha1.Account) { a.Spec.FactorsResetRequestedAt = &at })
			answered(ctx, a, rosterv1alpha1.MailFactorsReset, metav1.MicroTime(at))
			Expect(Mails(s.Address("reset"))).To(HaveLen(n + 1))
		}
		Expect(plainText(Mails(s.Address("reset"))[0])).To(ContainSubstring("An administrator removed the second factors"))
	})

	// request asks for a code as the portal does, for the first link of an Invitation.
	request := func(ctx context.Context, a *rosterv1alpha1.Account, inv *rosterv1alpha1.Invitation, at time.Time) metav1.MicroTime {
		GinkgoHelper()
		asked := metav1.MicroTime{Time: at.Truncate(time.Microsecond)}
		Eventually(func(g Gomega) {
			var fresh rosterv1alpha1.Account
			g.Expect(API.Get(ctx, client.ObjectKeyFromObject(a), &fresh)).To(Succeed())
			fresh.Status.MailRequests = rosterv1alpha1.WithMail(fresh.Status.MailRequests, rosterv1alpha1.MailAddressCode, asked)
			fresh.Status.AddressCode = &rosterv1alpha1.AddressCode{
				Namespace: inv.Namespace, Invitation: inv.Name, UID: string(inv.UID),
				Attempt: 1, Session: "session", RequestedTime: asked,
			}
			g.Expect(API.Status().Update(ctx, &fresh)).To(Succeed())
		}).Should(Succeed(), "the request is written")
		return asked
	}

	It("bring a code to the invited address, which the portal takes, and to no other", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.Invite(ctx, "ana")
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		a := s.Account(ctx, "bob")
		got := answered(ctx, a, rosterv1alpha1.MailAddressCode, request(ctx, a, inv, Now.Now()))
		Expect(Mails(s.Address("bob"))).To(BeEmpty())
		mails := Mails(s.Address("ana"))
		Expect(mails).To(HaveLen(2), "the invitation and the code")
		code := regexp.MustCompile(`[0-9]{4} [0-9]{4}`).FindString(plainText(mails[1]))
		var secret corev1.Secret
		Expect(API.Get(ctx, client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-link-keys"}, &secret)).To(Succeed())
		keys, err := keyring.FromSecret(&secret)
		Expect(err).NotTo(HaveOccurred())
		Expect(mailcode.Verify(keys, account.CodeRequest(got, address.Address(s.Address("ana"))), code, Now.Now())).To(Succeed())
		status, err := json.Marshal(got.Status)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(status)).NotTo(Or(ContainSubstring(code), ContainSubstring(strings.ReplaceAll(code, " ", ""))), "the code stands nowhere")
	})

	It("bring no code for a link that is not good any more", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.Invite(ctx, "ana")
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(true) })
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationRevoked)
		a := s.Account(ctx, "bob")
		answered(ctx, a, rosterv1alpha1.MailAddressCode, request(ctx, a, inv, Now.Now()))
		warned(ctx, a, rosterv1alpha1.ReasonMailLeftOut)
		Expect(Mails(s.Address("ana"))).To(HaveLen(1), "the invitation")
	})

	It("bring few codes to one mailbox, from whatever accounts they are asked for", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.Invite(ctx, "ana")
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		for i := range mailing.Burst + 3 {
			a := s.Account(ctx, fmt.Sprintf("bob-%d", i))
			answered(ctx, a, rosterv1alpha1.MailAddressCode, request(ctx, a, inv, Now.Now()))
			if i >= mailing.Burst {
				warned(ctx, a, rosterv1alpha1.ReasonMailLeftOut)
			}
		}
		Expect(Mails(s.Address("ana"))).To(HaveLen(1 + mailing.Burst))
	})

	It("are limited in number", func(ctx SpecContext) {
		s := EmptySpace(ctx)
		a := s.Account(ctx, "flooded")
		for i := range mailing.Burst + 3 {
			asked := ask(ctx, a, rosterv1alpha1.MailPasswordReset, Now.Now().Add(time.Duration(i)*time.Second))
			answered(ctx, a, rosterv1alpha1.MailPasswordReset, asked)
		}
		Expect(Mails(s.Address("flooded"))).To(HaveLen(mailing.Burst))
		warned(ctx, a, rosterv1alpha1.ReasonMailLeftOut)
		changed := ask(ctx, a, rosterv1alpha1.MailPasswordChanged, Now.Now())
		answered(ctx, a, rosterv1alpha1.MailPasswordChanged, changed)
		Expect(Mails(s.Address("flooded"))).To(HaveLen(mailing.Burst+1), "notices about changes are not held back")
	})

	It("that the relay does not take are told of", func(ctx SpecContext) {
		s := EmptySpace(ctx)
		slow, gone := s.Account(ctx, "slow"), s.Account(ctx, "gone")
		Post.Script(
			smtptest.Fault{Step: smtptest.AtRcpt, To: s.Address("slow"), Code: 451, Enhanced: "4.7.1", Text: "Greylisted"},
			smtptest.Fault{Step: smtptest.AtRcpt, To: s.Address("gone"), Code: 550, Enhanced: "5.1.1", Text: "No such user", Times: -1},
		)
		asked := ask(ctx, slow, rosterv1alpha1.MailPasswordReset, Now.Now())
		warned(ctx, slow, rosterv1alpha1.ReasonDeliveryFailing)
		answered(ctx, slow, rosterv1alpha1.MailPasswordReset, asked)
		Expect(Mails(s.Address("slow"))).To(HaveLen(1), "it is tried again")
		answered(ctx, gone, rosterv1alpha1.MailPasswordReset, ask(ctx, gone, rosterv1alpha1.MailPasswordReset, Now.Now()))
		warned(ctx, gone, rosterv1alpha1.ReasonRejected)
	})
})
