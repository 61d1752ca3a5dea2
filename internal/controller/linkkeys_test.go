// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/testenv"
)

var linkInMail = regexp.MustCompile(`/invitations/([A-Za-z0-9_-]{40,})`)

// tokenOf invites somebody and returns what opens the link in their mail.
func tokenOf(ctx context.Context, s Space, name string) string {
	GinkgoHelper()
	s.Invite(ctx, name)
	s.InvitationIs(ctx, name, rosterv1alpha1.InvitationSent)
	mails := Mails(s.Address(name))
	Expect(mails).To(HaveLen(1))
	found := linkInMail.FindStringSubmatch(strings.ReplaceAll(mails[0], "=\r\n", ""))
	Expect(found).To(HaveLen(2))
	return found[1]
}

var _ = Describe("The link keys", Serial, func() {
	key := client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-link-keys"}
	now := func(ctx context.Context) *corev1.Secret {
		GinkgoHelper()
		secret := &corev1.Secret{}
		Expect(API.Get(ctx, key, secret)).To(Succeed())
		return secret
	}

	It("sign within a minute after they were replaced, and are created again when they were deleted", func(ctx SpecContext) {
		s := NewSpace(ctx)
		before := now(ctx).Data
		DeferCleanup(func(ctx SpecContext) {
			Patch(ctx, now(ctx), func(secret *corev1.Secret) { secret.Data = before })
			Now.SetTime(Now.Now().Add(reading.KeysAge))
		})
		verify := func(keys keyring.Keys, token, name string) error {
			return invitation.Verify(keys, token, address.Address(s.Address(name)))
		}
		replaced := keyring.Keys{bytes.Repeat([]byte{7}, 32)}
		Patch(ctx, now(ctx), func(secret *corev1.Secret) {
			secret.Data = map[string][]byte{keyring.Current: replaced[0], "previous": before[keyring.Current]}
		})
		Now.SetTime(Now.Now().Add(reading.KeysAge))
		token := tokenOf(ctx, s, "ana")
		Expect(verify(replaced, token, "ana")).To(Succeed())

		Expect(API.Delete(ctx, now(ctx))).To(Succeed())
		Now.SetTime(Now.Now().Add(reading.KeysAge))
		later := tokenOf(ctx, s, "ben")
		created, err := keyring.FromSecret(now(ctx))
		Expect(err).NotTo(HaveOccurred())
		Expect(verify(created, later, "ben")).To(Succeed())
		Expect(verify(created, token, "ana")).NotTo(Succeed(), "links of the key that was deleted do not work")
	})

	It("make links that are in the mail, and nowhere else", func(ctx SpecContext) {
		s := NewSpace(ctx)
		token := tokenOf(ctx, s, "ana")
		var events corev1.EventList
		Expect(API.List(ctx, &events, client.InNamespace(s.Name))).To(Succeed())
		for _, o := range []any{Get[rosterv1alpha1.Invitation](ctx, s, "ana"), events} {
			shown, err := json.Marshal(o)
			Expect(err).NotTo(HaveOccurred())
			Expect(string(shown)).NotTo(ContainSubstring(token))
		}
	})
})
