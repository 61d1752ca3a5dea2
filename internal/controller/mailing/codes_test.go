// SPDX-License-Identifier: Apache-2.0

package mailing_test

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/controller/mailing"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mailcode"
	"github.com/roster-dev/roster/internal/testenv"
)

var _ = Describe("Codes for copied links", func() {
	// asked is the Invitation once the operator has dealt with a request that the portal wrote.
	asked := func(ctx context.Context, inv *rosterv1alpha1.Invitation, at time.Time) *rosterv1alpha1.Invitation {
		GinkgoHelper()
		fresh := &rosterv1alpha1.Invitation{}
		Eventually(func(g Gomega) {
			g.Expect(API.Get(ctx, client.ObjectKeyFromObject(inv), fresh)).To(Succeed())
			invitation.RequestCode(fresh, 1, "browser", at)
			g.Expect(API.Status().Update(ctx, fresh)).To(Succeed())
		}).Should(Succeed(), "the request is written")
		Eventually(func(g Gomega) {
			g.Expect(API.Get(ctx, client.ObjectKeyFromObject(inv), fresh)).To(Succeed())
			g.Expect(invitation.CodeDue(fresh)).To(BeFalse())
		}).Should(Succeed(), "the operator deals with the request")
		return fresh
	}

	It("go to the invited address, and the portal takes them", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.Invite(ctx, "ana")
		got := asked(ctx, s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent), Now.Now())
		mails := Mails(s.Address("ana"))
		Expect(mails).To(HaveLen(2), "the invitation and the code")
		code := regexp.MustCompile(`[0-9]{4} [0-9]{4}`).FindString(plainText(mails[1]))
		var secret corev1.Secret
		Expect(API.Get(ctx, client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-link-keys"}, &secret)).To(Succeed())
		keys, err := keyring.FromSecret(&secret)
		Expect(err).NotTo(HaveOccurred())
		status, err := json.Marshal(got.Status)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(status)).NotTo(ContainSubstring(strings.ReplaceAll(code, " ", "")), "the code stands nowhere")
		Expect(invitation.TakeCode(got, 1, "browser", address.Address(s.Address("ana")), keys, code, Now.Now())).To(Succeed())
		Expect(mailcode.Verify(keys, invitation.CodeRequest(got, ""), code, Now.Now())).NotTo(Succeed(), "it is used up")
	})

	It("are not mailed for a link that is not good any more", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.Invite(ctx, "ana")
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(true) })
		inv = s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationRevoked)
		asked(ctx, inv, Now.Now())
		Expect(Mails(s.Address("ana"))).To(HaveLen(1), "the invitation")
	})

	It("are few for one mailbox", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.Invite(ctx, "ana")
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		for i := range mailing.Burst + 3 {
			inv = asked(ctx, inv, Now.Now().Add(time.Duration(i)*time.Microsecond))
		}
		Expect(Mails(s.Address("ana"))).To(HaveLen(1 + mailing.Burst))
	})
})
