// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/network"
)

var _ = Describe("The tokens of a SocialProfile and what they are for:", func() {
	const (
		connected = rosterv1alpha1.ConditionConnected
		yes       = metav1.ConditionTrue
		no        = metav1.ConditionFalse
		unknown   = metav1.ConditionUnknown
	)

	It("are used for nothing else than they were made for", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		By("naming another account than the one that they opened first")
		s.Tokens(ctx, "on-x", Social.Connect(ctx, s.Name))
		p := s.OnX(ctx, "acme", "on-x")
		p = s.ProfileSays(ctx, p.Name, connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(p.Status.Credential.BoundTo.AccountID).To(Equal("id-of-" + s.Name))
		checks := Social.ChecksOf(s.Name)
		Patch(ctx, p, func(p *rosterv1alpha1.SocialProfile) { p.Spec.AccountID = "id-of-another" })
		s.ProfileSays(ctx, p.Name, connected, no, rosterv1alpha1.ReasonReconnectRequired)
		Eventually(func() []string { return EventsOn(ctx, s, p.Name) }).Should(ContainElement(rosterv1alpha1.ReasonReconnectRequired))
		Expect(Social.ChecksOf(s.Name)).To(Equal(checks), "nobody is asked")
		Patch(ctx, p, func(p *rosterv1alpha1.SocialProfile) { p.Spec.AccountID = "id-of-" + s.Name })
		s.ProfileSays(ctx, p.Name, connected, yes, rosterv1alpha1.ReasonConnected)

		By("a profile on another server of Mastodon than the one that gave them")
		token := s.Name + "-on-one"
		secret := s.Tokens(ctx, "on-one", &oauth2.Token{AccessToken: token})
		Patch(ctx, secret, func(secret *corev1.Secret) { secret.Data[network.KeyForServer] = []byte("one.example") })
		s.Profile(ctx, "two", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: "on-one"}
		})
		two := s.ProfileSays(ctx, "two", connected, no, rosterv1alpha1.ReasonReconnectRequired)
		Expect(meta.FindStatusCondition(two.Status.Conditions, connected).Message).To(ContainSubstring("one.example"))
		Expect(Social.ChecksOf(token)).To(BeZero(), "the token is not sent there")
		Patch(ctx, secret, func(secret *corev1.Secret) { secret.Data[network.KeyForServer] = []byte(Social.URL) })
		two = s.ProfileSays(ctx, "two", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(Social.URL).To(HaveSuffix(two.Status.Credential.BoundTo.Server))

		By("another network")
		Patch(ctx, secret, func(secret *corev1.Secret) { secret.Data[network.KeyForNetwork] = []byte("X") })
		s.ProfileSays(ctx, "two", connected, no, rosterv1alpha1.ReasonReconnectRequired)
	})

	It("are renewed by the expiry that is known while the network limits how often it is asked", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		token := Social.Connect(ctx, s.Name)
		s.Tokens(ctx, "tokens", token)
		s.OnX(ctx, "acme", "tokens", Renews)
		s.ProfileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		Social.Limit(s.Name)
		s.Later(ctx, "acme", 100*time.Minute)
		Eventually(func() string { return RefreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(token.RefreshToken), "the tokens are renewed")
		renewed, checks := RefreshTokenIn(ctx, s, "tokens"), Social.ChecksOf(s.Name)
		Eventually(func(g Gomega) {
			p := Get[rosterv1alpha1.SocialProfile](ctx, s, "acme")
			tokens, err := network.ParseTokens(Get[corev1.Secret](ctx, s, "tokens").Data)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(p.Status.Credential.BoundTo.Fingerprint).To(Equal(tokens.Fingerprint(string(p.UID))))
			g.Expect(meta.IsStatusConditionTrue(p.Status.Conditions, connected)).To(BeTrue(), "the network has just given these")
		}).Should(Succeed(), "the status speaks of the new tokens")

		By("once more, while it still wants to be let alone")
		s.Later(ctx, "acme", 100*time.Minute)
		Eventually(func() string { return RefreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(renewed), "the tokens are renewed again")
		Expect(Social.ChecksOf(s.Name)).To(Equal(checks), "it is let alone")
	})

	It("go back to the Secret that those before came from, and to no other", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		elsewhere := func(name string, meanwhile func()) {
			GinkgoHelper()
			token := Social.Connect(ctx, s.Name+"-"+name)
			s.Tokens(ctx, name, token)
			s.OnX(ctx, name, name, Renews)
			s.ProfileSays(ctx, name, connected, yes, rosterv1alpha1.ReasonConnected)
			renewed := make(chan struct{})
			Social.AfterRenewalWith(token.RefreshToken, func() { meanwhile(); close(renewed) })
			s.Later(ctx, name, 100*time.Minute)
			Eventually(renewed).Should(BeClosed(), "they are renewed")
			Social.AfterRenewal(nil)
		}
		others := func(name string) *corev1.Secret {
			return &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name}, Data: map[string][]byte{"mine": []byte("of chloe")},
			}
		}
		By("another Secret of that name, without tokens")
		elsewhere("tokens", func() {
			Expect(API.Delete(ctx, Get[corev1.Secret](ctx, s, "tokens"))).To(Succeed())
			Expect(API.Create(ctx, others("tokens"))).To(Succeed())
		})
		s.ProfileSays(ctx, "tokens", connected, unknown, rosterv1alpha1.ReasonSecretInvalid)
		Expect(Get[corev1.Secret](ctx, s, "tokens").Data).To(Equal(others("").Data))

		By("another Secret that the profile names meanwhile")
		before := ""
		elsewhere("first", func() {
			before = RefreshTokenIn(ctx, s, "first")
			Expect(API.Create(ctx, others("chloes"))).To(Succeed())
			Patch(ctx, Get[rosterv1alpha1.SocialProfile](ctx, s, "first"), func(p *rosterv1alpha1.SocialProfile) {
				p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: "chloes"}
			})
		})
		s.ProfileSays(ctx, "first", connected, unknown, rosterv1alpha1.ReasonSecretInvalid)
		Expect(Get[corev1.Secret](ctx, s, "chloes").Data).To(Equal(others("").Data))
		Eventually(func() string { return RefreshTokenIn(ctx, s, "first") }).ShouldNot(Equal(before), "none is lost")
	})
})
