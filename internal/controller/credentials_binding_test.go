// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
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
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		By("naming another account than the one that they opened first")
		s.tokens(ctx, "on-x", social.connect(ctx, s.name))
		p := s.onX(ctx, "acme", "on-x")
		p = s.profileSays(ctx, p.Name, connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(p.Status.Credential.BoundTo.AccountID).To(Equal("id-of-" + s.name))
		checks := social.checksOf(s.name)
		patch(ctx, p, func(p *rosterv1alpha1.SocialProfile) { p.Spec.AccountID = "id-of-another" })
		s.profileSays(ctx, p.Name, connected, no, rosterv1alpha1.ReasonReconnectRequired)
		Eventually(func() []string { return eventsOn(ctx, s, p.Name) }).Should(ContainElement(rosterv1alpha1.ReasonReconnectRequired))
		Expect(social.checksOf(s.name)).To(Equal(checks), "nobody is asked")
		patch(ctx, p, func(p *rosterv1alpha1.SocialProfile) { p.Spec.AccountID = "id-of-" + s.name })
		s.profileSays(ctx, p.Name, connected, yes, rosterv1alpha1.ReasonConnected)

		By("a profile on another server of Mastodon than the one that gave them")
		token := s.name + "-on-one"
		secret := s.tokens(ctx, "on-one", &oauth2.Token{AccessToken: token})
		patch(ctx, secret, func(secret *corev1.Secret) { secret.Data[network.KeyForServer] = []byte("one.example") })
		s.profile(ctx, "two", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: "on-one"}
		})
		two := s.profileSays(ctx, "two", connected, no, rosterv1alpha1.ReasonReconnectRequired)
		Expect(meta.FindStatusCondition(two.Status.Conditions, connected).Message).To(ContainSubstring("one.example"))
		Expect(social.checksOf(token)).To(BeZero(), "the token is not sent there")
		patch(ctx, secret, func(secret *corev1.Secret) { secret.Data[network.KeyForServer] = []byte(social.URL) })
		two = s.profileSays(ctx, "two", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(social.URL).To(HaveSuffix(two.Status.Credential.BoundTo.Server))

		By("another network")
		patch(ctx, secret, func(secret *corev1.Secret) { secret.Data[network.KeyForNetwork] = []byte("X") })
		s.profileSays(ctx, "two", connected, no, rosterv1alpha1.ReasonReconnectRequired)
	})

	It("are renewed by the expiry that is known while the network limits how often it is asked", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		token := social.connect(ctx, s.name)
		s.tokens(ctx, "tokens", token)
		s.onX(ctx, "acme", "tokens", renews)
		s.profileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		social.limit(s.name)
		s.later(ctx, "acme", 100*time.Minute)
		Eventually(func() string { return refreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(token.RefreshToken), "the tokens are renewed")
		renewed, checks := refreshTokenIn(ctx, s, "tokens"), social.checksOf(s.name)
		Eventually(func(g Gomega) {
			p := get[rosterv1alpha1.SocialProfile](ctx, s, "acme")
			tokens, err := network.ParseTokens(get[corev1.Secret](ctx, s, "tokens").Data)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(p.Status.Credential.BoundTo.Fingerprint).To(Equal(tokens.Fingerprint(string(p.UID))))
			g.Expect(meta.IsStatusConditionTrue(p.Status.Conditions, connected)).To(BeTrue(), "the network has just given these")
		}).Should(Succeed(), "the status speaks of the new tokens")

		By("once more, while it still wants to be let alone")
		s.later(ctx, "acme", 100*time.Minute)
		Eventually(func() string { return refreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(renewed), "the tokens are renewed again")
		Expect(social.checksOf(s.name)).To(Equal(checks), "it is let alone")
	})

	It("go back to the Secret that those before came from, and to no other", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		elsewhere := func(name string, meanwhile func()) {
			GinkgoHelper()
			token := social.connect(ctx, s.name+"-"+name)
			s.tokens(ctx, name, token)
			s.onX(ctx, name, name, renews)
			s.profileSays(ctx, name, connected, yes, rosterv1alpha1.ReasonConnected)
			renewed := make(chan struct{})
			social.afterRenewalWith(token.RefreshToken, func() { meanwhile(); close(renewed) })
			s.later(ctx, name, 100*time.Minute)
			Eventually(renewed).Should(BeClosed(), "they are renewed")
			social.afterRenewal(nil)
		}
		others := func(name string) *corev1.Secret {
			return &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: name}, Data: map[string][]byte{"mine": []byte("of chloe")},
			}
		}
		By("another Secret of that name, without tokens")
		elsewhere("tokens", func() {
			Expect(api.Delete(ctx, get[corev1.Secret](ctx, s, "tokens"))).To(Succeed())
			Expect(api.Create(ctx, others("tokens"))).To(Succeed())
		})
		s.profileSays(ctx, "tokens", connected, unknown, rosterv1alpha1.ReasonSecretInvalid)
		Expect(get[corev1.Secret](ctx, s, "tokens").Data).To(Equal(others("").Data))

		By("another Secret that the profile names meanwhile")
		before := ""
		elsewhere("first", func() {
			before = refreshTokenIn(ctx, s, "first")
			Expect(api.Create(ctx, others("chloes"))).To(Succeed())
			patch(ctx, get[rosterv1alpha1.SocialProfile](ctx, s, "first"), func(p *rosterv1alpha1.SocialProfile) {
				p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: "chloes"}
			})
		})
		s.profileSays(ctx, "first", connected, unknown, rosterv1alpha1.ReasonSecretInvalid)
		Expect(get[corev1.Secret](ctx, s, "chloes").Data).To(Equal(others("").Data))
		Eventually(func() string { return refreshTokenIn(ctx, s, "first") }).ShouldNot(Equal(before), "none is lost")
	})

	It("of an account that the network has disabled are said to be that", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		s.tokens(ctx, "tokens", &oauth2.Token{AccessToken: s.name + "-disabled"})
		s.profile(ctx, "acme", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: "tokens"}
		})
		p := s.profileSays(ctx, "acme", connected, no, rosterv1alpha1.ReasonAccountDisabled)
		Expect(meta.FindStatusCondition(p.Status.Conditions, connected).Message).To(ContainSubstring("Your login is currently disabled"))
		Eventually(func() []string { return eventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonAccountDisabled))
	})

	It("open the account of Bluesky that they opened before, whatever its handle is now", func() {
		const did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
		p := &rosterv1alpha1.SocialProfile{Spec: rosterv1alpha1.SocialProfileSpec{Network: rosterv1alpha1.NetworkBluesky, Handle: "acme.bsky.social"}}
		t := network.Tokens{AppPassword: "a-b-c-d"}
		Expect(ofProfile(p, t).AccountID).To(BeEmpty())
		t.For.Accounts = []string{did}
		Expect(ofProfile(p, t).AccountID).To(Equal(did), "the Secret tells")
		p.Status.Credential = &rosterv1alpha1.CredentialStatus{AccountID: did}
		Expect(ofProfile(p, network.Tokens{}).AccountID).To(Equal(did), "the server told")
	})
})
