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

var _ = Describe("The tokens of a SocialProfile", func() {
	const (
		connected = rosterv1alpha1.ConditionConnected
		yes       = metav1.ConditionTrue
		no        = metav1.ConditionFalse
		unknown   = metav1.ConditionUnknown
	)

	It("are checked as soon as the operator may read them, and whenever the Secret changes", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OnX(ctx, "acme", "tokens")
		p := s.ProfileSays(ctx, "acme", connected, unknown, rosterv1alpha1.ReasonSecretForbidden)
		Expect(p.Status.Credential.Fingerprint).To(BeEmpty())

		By("binding the ClusterRole")
		s.OpensSecrets(ctx)
		s.Later(ctx, "acme", 2*time.Hour)
		s.ProfileSays(ctx, "acme", connected, unknown, rosterv1alpha1.ReasonSecretNotFound)

		By("creating the Secret")
		first := Social.Connect(ctx, s.Name+"-acme")
		secret := s.Tokens(ctx, "tokens", first)
		p = s.ProfileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(p.Status.Credential.AccountID).To(Equal("id-of-" + s.Name + "-acme"))
		Expect(p.Status.Credential.Handle).To(Equal(s.Name + "-acme"))
		Expect(p.Status.Credential.Scopes).To(Equal([]string{"openid"}))
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionScopesSufficient, yes, rosterv1alpha1.ReasonScopesSufficient)
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionTokenExpiring, no, rosterv1alpha1.ReasonNotExpiring)

		By("breaking the Secret")
		Patch(ctx, secret, func(secret *corev1.Secret) { secret.Data[network.KeyAccessExpiry] = []byte("soon") })
		s.ProfileSays(ctx, "acme", connected, unknown, rosterv1alpha1.ReasonSecretInvalid)

		By("putting the tokens of another account into it")
		other := Social.Connect(ctx, s.Name+"-other")
		Patch(ctx, secret, func(secret *corev1.Secret) {
			secret.Data = map[string][]byte{network.KeyAccess: []byte(other.AccessToken)}
		})
		p = s.ProfileSays(ctx, "acme", connected, no, rosterv1alpha1.ReasonAccountChanged)
		Expect(p.Status.Credential.AccountID).To(Equal("id-of-" + s.Name + "-acme"))
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionRenewerAvailable, no, rosterv1alpha1.ReasonNobodyCanRenew)

		By("saying that this is meant")
		Patch(ctx, p, func(p *rosterv1alpha1.SocialProfile) { p.Spec.AccountID = "id-of-" + s.Name + "-other" })
		p = s.ProfileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(meta.FindStatusCondition(p.Status.Conditions, rosterv1alpha1.ConditionRenewerAvailable)).To(BeNil())

		By("taking the reference away")
		Patch(ctx, p, func(p *rosterv1alpha1.SocialProfile) { p.Spec.CredentialsSecretRef = nil })
		Eventually(func(g Gomega) {
			p := Get[rosterv1alpha1.SocialProfile](ctx, s, "acme")
			g.Expect(p.Status.Credential).To(BeNil())
			g.Expect(meta.FindStatusCondition(p.Status.Conditions, connected)).To(BeNil())
		}).Should(Succeed(), "nothing is said about tokens any more")
	})

	It("cost no write and no request while nothing changes", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		Patch(ctx, s.Tokens(ctx, "tokens", Social.Connect(ctx, s.Name)), func(secret *corev1.Secret) { delete(secret.Data, network.KeyAccessExpiry) })
		s.OnX(ctx, "acme", "tokens")
		s.ProfileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		profiles := "namespaces/" + s.Name + "/socialprofiles"
		checks, wrote := Social.ChecksOf(s.Name), Writes.Of(profiles)
		for range 3 {
			s.Later(ctx, "acme", time.Second)
		}
		Consistently(func() int { return Social.ChecksOf(s.Name) }).Should(Equal(checks), "it is not time yet")
		s.Later(ctx, "acme", 7*time.Hour)
		Eventually(func() int { return Social.ChecksOf(s.Name) }).Should(Equal(checks+1), "it has its turn")
		Consistently(func() int { return Writes.Of(profiles) }).Should(Equal(wrote), "nothing is new: %s", Writes)
	})

	It("that the network refuses are said to be dead, and those that it says nothing about are not", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		token := Social.Connect(ctx, s.Name)
		s.Tokens(ctx, "tokens", token)
		s.OnX(ctx, "acme", "tokens")
		s.ProfileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)

		By("X being down for a while")
		Social.SetDown(true)
		defer Social.SetDown(false)
		for range 3 {
			s.Later(ctx, "acme", 7*time.Hour)
			Consistently(func(g Gomega) {
				g.Expect(meta.IsStatusConditionFalse(Get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Status.Conditions, connected)).To(BeFalse())
			}, "200ms").Should(Succeed(), "nobody said that the tokens are dead")
		}
		s.ProfileSays(ctx, "acme", connected, unknown, rosterv1alpha1.ReasonNoAnswer)

		By("the person taking them back")
		Social.SetDown(false)
		Social.Revoke(token.AccessToken)
		s.Later(ctx, "acme", 7*time.Hour)
		s.ProfileSays(ctx, "acme", connected, no, rosterv1alpha1.ReasonTokenInvalid)
		Eventually(func() []string { return EventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonTokenInvalid))
	})

	It("are renewed in good time, and no token is in anything that people see", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		token := Social.Connect(ctx, s.Name)
		secret := s.Tokens(ctx, "tokens", token)
		Patch(ctx, secret, func(secret *corev1.Secret) { secret.Data["mine"] = []byte("kept") })
		s.OnX(ctx, "acme", "tokens", Renews)
		before := s.ProfileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(RefreshTokenIn(ctx, s, "tokens")).To(Equal(token.RefreshToken), "it is too early")

		s.Later(ctx, "acme", 100*time.Minute)
		Eventually(func() string { return RefreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(token.RefreshToken), "the tokens are renewed")
		after := Get[corev1.Secret](ctx, s, "tokens")
		Expect(after.Data).To(HaveKeyWithValue("mine", []byte("kept")))
		Expect(after.Annotations).NotTo(HaveKey(rosterv1alpha1.RenewingAnnotation))
		var p *rosterv1alpha1.SocialProfile
		Eventually(func(g Gomega) {
			p = Get[rosterv1alpha1.SocialProfile](ctx, s, "acme")
			g.Expect(p.Status.Credential.Fingerprint).NotTo(Equal(before.Status.Credential.Fingerprint))
			g.Expect(meta.IsStatusConditionTrue(p.Status.Conditions, connected)).To(BeTrue())
		}).Should(Succeed(), "the status speaks of the new tokens")
		ExpectNothingSecret(p, after, secret)

		By("once more, with what the first renewal brought")
		renewed := RefreshTokenIn(ctx, s, "tokens")
		s.Later(ctx, "acme", 100*time.Minute)
		Eventually(func() string { return RefreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(renewed), "the tokens are renewed again")
	})

	It("that died are revived where there is what that takes", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		token := Social.Connect(ctx, s.Name)
		secret := s.Tokens(ctx, "tokens", &oauth2.Token{AccessToken: "long-gone", RefreshToken: token.RefreshToken})
		s.OnX(ctx, "acme", "tokens", Renews)
		s.ProfileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(RefreshTokenIn(ctx, s, "tokens")).NotTo(Equal(string(secret.Data[network.KeyRefresh])))
	})

	It("survive a change of the Secret during a renewal", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		token := Social.Connect(ctx, s.Name)
		s.Tokens(ctx, "tokens", token)
		s.OnX(ctx, "acme", "tokens", Renews)
		s.ProfileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		Social.AfterRenewal(func() {
			Patch(ctx, Get[corev1.Secret](ctx, s, "tokens"), func(secret *corev1.Secret) { secret.Data["note"] = []byte("by hand") })
		})
		defer Social.AfterRenewal(nil)
		s.Later(ctx, "acme", 100*time.Minute)
		Eventually(func() string { return RefreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(token.RefreshToken), "the new tokens are stored")
		Expect(Get[corev1.Secret](ctx, s, "tokens").Data).To(HaveKeyWithValue("note", []byte("by hand")))
		s.ProfileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
	})

	It("give way to those that somebody puts in during a renewal", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		s.Tokens(ctx, "tokens", Social.Connect(ctx, s.Name))
		s.OnX(ctx, "acme", "tokens", Renews)
		s.ProfileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		renewed := Social.Connect(ctx, s.Name)
		Social.AfterRenewal(func() {
			Patch(ctx, Get[corev1.Secret](ctx, s, "tokens"), func(secret *corev1.Secret) {
				secret.Data[network.KeyAccess], secret.Data[network.KeyRefresh] = []byte(renewed.AccessToken), []byte(renewed.RefreshToken)
				delete(secret.Data, network.KeyAccessExpiry)
			})
		})
		defer Social.AfterRenewal(nil)
		s.Later(ctx, "acme", 100*time.Minute)
		Eventually(func(g Gomega) {
			g.Expect(RefreshTokenIn(ctx, s, "tokens")).To(Equal(renewed.RefreshToken))
			g.Expect(Get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Status.Credential.Fingerprint).To(
				Equal(network.Tokens{Access: renewed.AccessToken, Refresh: renewed.RefreshToken}.Fingerprint(string(Get[rosterv1alpha1.SocialProfile](ctx, s, "acme").UID))))
		}).Should(Succeed(), "the tokens of the person who connected the profile again count")
		s.ProfileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
	})

	It("whose renewal was cut off are renewed, or said to be lost", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		cutOff := func(name string, used bool) {
			token := Social.Connect(ctx, s.Name+"-"+name)
			if used {
				app := Social.Client()
				_, err := app.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
				Expect(err).NotTo(HaveOccurred())
			}
			secret := s.Tokens(ctx, name, &oauth2.Token{AccessToken: "gone-" + name, RefreshToken: token.RefreshToken})
			s.Profile(ctx, name, func(p *rosterv1alpha1.SocialProfile) { p.Spec.Network = rosterv1alpha1.NetworkX })
			tokens, err := network.ParseTokens(secret.Data)
			Expect(err).NotTo(HaveOccurred())
			Patch(ctx, secret, func(secret *corev1.Secret) {
				metav1.SetMetaDataAnnotation(&secret.ObjectMeta, rosterv1alpha1.RenewingAnnotation, tokens.Fingerprint(string(secret.UID)))
			})
			Patch(ctx, Get[rosterv1alpha1.SocialProfile](ctx, s, name), func(p *rosterv1alpha1.SocialProfile) {
				p.Spec.CredentialsSecretRef, p.Spec.Refresh = &rosterv1alpha1.LocalReference{Name: name}, rosterv1alpha1.RefreshBeforeExpiry
			})
		}
		By("before X had the old refresh token")
		cutOff("before", false)
		s.ProfileSays(ctx, "before", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(Get[corev1.Secret](ctx, s, "before").Annotations).NotTo(HaveKey(rosterv1alpha1.RenewingAnnotation))
		By("after X had it, and before the new one was stored")
		cutOff("after", true)
		s.ProfileSays(ctx, "after", connected, no, rosterv1alpha1.ReasonRenewalLost)
	})

	It("are renewed once where several profiles share them", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		token := Social.Connect(ctx, s.Name)
		s.Tokens(ctx, "tokens", token)
		names := []string{"one", "two", "three"}
		for _, name := range names {
			s.OnX(ctx, name, "tokens", Renews)
		}
		for _, name := range names {
			s.ProfileSays(ctx, name, connected, yes, rosterv1alpha1.ReasonConnected)
		}
		Now.SetTime(Now.Now().Add(100 * time.Minute))
		for _, name := range names {
			s.Later(ctx, name, 0)
		}
		Eventually(func() string { return RefreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(token.RefreshToken), "the tokens are renewed")
		for _, name := range names {
			Eventually(func(g Gomega) {
				p := Get[rosterv1alpha1.SocialProfile](ctx, s, name)
				tokens, err := network.ParseTokens(Get[corev1.Secret](ctx, s, "tokens").Data)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(p.Status.Credential.Fingerprint).To(Equal(tokens.Fingerprint(string(p.UID))))
				g.Expect(meta.IsStatusConditionTrue(p.Status.Conditions, connected)).To(BeTrue())
			}).Should(Succeed(), "%s lives on with the new tokens", name)
		}
	})

	It("are not renewed where the Secret cannot be written", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		token := Social.Connect(ctx, s.Name)
		secret := s.Tokens(ctx, "tokens", token)
		Patch(ctx, secret, func(secret *corev1.Secret) { secret.Immutable = new(bool); *secret.Immutable = true })
		s.OnX(ctx, "acme", "tokens", Renews)
		s.ProfileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		s.Later(ctx, "acme", 100*time.Minute)
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionTokenExpiring, yes, rosterv1alpha1.ReasonExpiring)
		app := Social.Client()
		_, err := app.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		Expect(err).NotTo(HaveOccurred(), "the refresh token was not used")
	})

	It("are asked about the ad account that the profile is about, not about the person", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		secret := s.Tokens(ctx, "tokens", &oauth2.Token{AccessToken: "of-ana-77"})
		s.Profile(ctx, "ads", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.Network, p.Spec.Type, p.Spec.AccountID = rosterv1alpha1.NetworkFacebook, rosterv1alpha1.TypeAdAccount, "act_77"
			p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: "tokens"}
		})
		p := s.ProfileSays(ctx, "ads", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(p.Status.Credential.AccountID).To(Equal("act_77"))
		Patch(ctx, secret, func(secret *corev1.Secret) { secret.Data[network.KeyAccess] = []byte("of-bo-who-has-no-role") })
		p = s.ProfileSays(ctx, "ads", connected, unknown, rosterv1alpha1.ReasonAccountForbidden)
		Expect(meta.FindStatusCondition(p.Status.Conditions, connected).Message).To(ContainSubstring("give no access to act_77"))
	})

	It("that end have the last person who can reconnect the profile known", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		for _, name := range []string{"ana", "ben"} {
			s.Join(ctx, name, func(m *rosterv1alpha1.Member) {
				m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme", Role: rosterv1alpha1.ProfileAdministrator}}
			})
		}
		s.Tokens(ctx, "tokens", &oauth2.Token{AccessToken: Social.Connect(ctx, s.Name).AccessToken}) // which ends, and no refresh token
		s.OnX(ctx, "acme", "tokens")
		s.ProfileSays(ctx, "acme", rosterv1alpha1.ConditionTokenExpiring, yes, rosterv1alpha1.ReasonExpiring)
		renewer := func() string { return Get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Status.SoleRenewer }
		renews := func(name string) func() []string {
			return func() []string { return Get[rosterv1alpha1.Member](ctx, s, name).Status.SoleRenewerOf }
		}
		Eventually(func() *int32 { return Get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Status.Holders.Administrators }).Should(HaveValue(BeEquivalentTo(2)))
		Expect(renewer()).To(BeEmpty(), "there are two")
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "ben"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = new(true) })
		Eventually(renewer).Should(Equal("ana"))
		Eventually(renews("ana")).Should(Equal([]string{"acme"}))
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "ben"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = nil })
		Eventually(renews("ana")).Should(BeEmpty())
	})

	It("are left alone where the network is not set up", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		s.Tokens(ctx, "tokens", &oauth2.Token{AccessToken: "a"})
		ref := &rosterv1alpha1.LocalReference{Name: "tokens"}
		s.Profile(ctx, "elsewhere", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.Handle, p.Spec.CredentialsSecretRef = "@acme@169.254.169.254", ref
		})
		s.ProfileSays(ctx, "elsewhere", connected, unknown, rosterv1alpha1.ReasonNetworkNotConfigured)
		s.Profile(ctx, "no-app", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.Network, p.Spec.CredentialsSecretRef = rosterv1alpha1.NetworkYouTube, ref
		})
		s.ProfileSays(ctx, "no-app", connected, unknown, rosterv1alpha1.ReasonNetworkNotConfigured)
	})
})
