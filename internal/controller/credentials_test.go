// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/testenv"
)

// opensSecrets lets the operator read and write the Secrets of the namespace, as whoever sets up the organisation does.
func (s space) opensSecrets(ctx context.Context) {
	GinkgoHelper()
	Expect(api.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: "roster-credentials"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-credentials"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: testenv.SystemNamespace, Name: "roster-manager"}},
	})).To(Succeed())
}

func (s space) tokens(ctx context.Context, name string, t *oauth2.Token) *corev1.Secret {
	GinkgoHelper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: name},
		Data:       network.Tokens{Access: t.AccessToken, Refresh: t.RefreshToken, Scopes: []string{"openid"}, AccessExpiry: now.Now().Add(2 * time.Hour)}.Store(nil),
	}
	Expect(api.Create(ctx, secret)).To(Succeed())
	return secret
}

// onX declares a profile on X whose tokens are in a Secret.
func (s space) onX(ctx context.Context, name, secret string, change ...func(p *rosterv1alpha1.SocialProfile)) *rosterv1alpha1.SocialProfile {
	GinkgoHelper()
	return s.profile(ctx, name, append([]func(p *rosterv1alpha1.SocialProfile){func(p *rosterv1alpha1.SocialProfile) {
		p.Spec.Network, p.Spec.CredentialsSecretRef = rosterv1alpha1.NetworkX, &rosterv1alpha1.LocalReference{Name: secret}
	}}, change...)...)
}

func renews(p *rosterv1alpha1.SocialProfile) { p.Spec.Refresh = rosterv1alpha1.RefreshBeforeExpiry }

// profileSays waits until a condition of a profile has a reason.
func (s space) profileSays(ctx context.Context, name, kind string, status metav1.ConditionStatus, reason string) *rosterv1alpha1.SocialProfile {
	GinkgoHelper()
	var p rosterv1alpha1.SocialProfile
	Eventually(func(g Gomega) {
		g.Expect(api.Get(ctx, client.ObjectKey{Namespace: s.name, Name: name}, &p)).To(Succeed())
		c := meta.FindStatusCondition(p.Status.Conditions, kind)
		g.Expect(c).NotTo(BeNil(), "%+v", p.Status)
		g.Expect(string(c.Status)+" "+c.Reason).To(Equal(string(status)+" "+reason), "%+v", c)
		g.Expect(meta.FindStatusCondition(p.Status.Conditions, rosterv1alpha1.ConditionReady)).NotTo(BeNil())
	}).Should(Succeed(), "the condition %s of %s comes to be %s, %s", kind, name, status, reason)
	expectSound(p.Status.Conditions, p.Generation, p.Status.ObservedGeneration)
	return &p
}

// later moves the clock and has the operator look at a profile again, as its timer would.
func (s space) later(ctx context.Context, name string, d time.Duration) {
	GinkgoHelper()
	now.SetTime(now.Now().Add(d))
	patch(ctx, get[rosterv1alpha1.SocialProfile](ctx, s, name), func(p *rosterv1alpha1.SocialProfile) {
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, "nudge", now.Now().String())
	})
}

func refreshTokenIn(ctx context.Context, s space, name string) string {
	GinkgoHelper()
	return string(get[corev1.Secret](ctx, s, name).Data[network.KeyRefresh])
}

var _ = Describe("The tokens of a SocialProfile", func() {
	const (
		connected = rosterv1alpha1.ConditionConnected
		yes       = metav1.ConditionTrue
		no        = metav1.ConditionFalse
		unknown   = metav1.ConditionUnknown
	)

	It("are checked as soon as the operator may read them, and whenever the Secret changes", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.onX(ctx, "acme", "tokens")
		p := s.profileSays(ctx, "acme", connected, unknown, rosterv1alpha1.ReasonSecretForbidden)
		Expect(p.Status.Credential.Fingerprint).To(BeEmpty())

		By("binding the ClusterRole")
		s.opensSecrets(ctx)
		s.later(ctx, "acme", 2*time.Hour)
		s.profileSays(ctx, "acme", connected, unknown, rosterv1alpha1.ReasonSecretNotFound)

		By("creating the Secret")
		first := social.connect(ctx, s.name+"-acme")
		secret := s.tokens(ctx, "tokens", first)
		p = s.profileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(p.Status.Credential.AccountID).To(Equal("id-of-" + s.name + "-acme"))
		Expect(p.Status.Credential.Handle).To(Equal(s.name + "-acme"))
		Expect(p.Status.Credential.Scopes).To(Equal([]string{"openid"}))
		s.profileSays(ctx, "acme", rosterv1alpha1.ConditionScopesSufficient, yes, rosterv1alpha1.ReasonScopesSufficient)
		s.profileSays(ctx, "acme", rosterv1alpha1.ConditionTokenExpiring, no, rosterv1alpha1.ReasonNotExpiring)

		By("breaking the Secret")
		patch(ctx, secret, func(secret *corev1.Secret) { secret.Data[network.KeyAccessExpiry] = []byte("soon") })
		s.profileSays(ctx, "acme", connected, unknown, rosterv1alpha1.ReasonSecretInvalid)

		By("putting the tokens of another account into it")
		other := social.connect(ctx, s.name+"-other")
		patch(ctx, secret, func(secret *corev1.Secret) {
			secret.Data = map[string][]byte{network.KeyAccess: []byte(other.AccessToken)}
		})
		p = s.profileSays(ctx, "acme", connected, no, rosterv1alpha1.ReasonAccountChanged)
		Expect(p.Status.Credential.AccountID).To(Equal("id-of-" + s.name + "-acme"))
		s.profileSays(ctx, "acme", rosterv1alpha1.ConditionRenewerAvailable, no, rosterv1alpha1.ReasonNobodyCanRenew)

		By("saying that this is meant")
		patch(ctx, p, func(p *rosterv1alpha1.SocialProfile) { p.Spec.AccountID = "id-of-" + s.name + "-other" })
		p = s.profileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(meta.FindStatusCondition(p.Status.Conditions, rosterv1alpha1.ConditionRenewerAvailable)).To(BeNil())

		By("taking the reference away")
		patch(ctx, p, func(p *rosterv1alpha1.SocialProfile) { p.Spec.CredentialsSecretRef = nil })
		Eventually(func(g Gomega) {
			p := get[rosterv1alpha1.SocialProfile](ctx, s, "acme")
			g.Expect(p.Status.Credential).To(BeNil())
			g.Expect(meta.FindStatusCondition(p.Status.Conditions, connected)).To(BeNil())
		}).Should(Succeed(), "nothing is said about tokens any more")
	})

	It("cost no write and no request while nothing changes", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		patch(ctx, s.tokens(ctx, "tokens", social.connect(ctx, s.name)), func(secret *corev1.Secret) { delete(secret.Data, network.KeyAccessExpiry) })
		s.onX(ctx, "acme", "tokens")
		s.profileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		profiles := "namespaces/" + s.name + "/socialprofiles"
		checks, wrote := social.checksOf(s.name), writes.Of(profiles)
		for range 3 {
			s.later(ctx, "acme", time.Second)
		}
		Consistently(func() int { return social.checksOf(s.name) }).Should(Equal(checks), "it is not time yet")
		s.later(ctx, "acme", 7*time.Hour)
		Eventually(func() int { return social.checksOf(s.name) }).Should(Equal(checks+1), "it has its turn")
		Consistently(func() int { return writes.Of(profiles) }).Should(Equal(wrote), "nothing is new: %s", writes)
	})

	It("that the network refuses are said to be dead, and those that it says nothing about are not", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		token := social.connect(ctx, s.name)
		s.tokens(ctx, "tokens", token)
		s.onX(ctx, "acme", "tokens")
		s.profileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)

		By("X being down for a while")
		social.setDown(true)
		defer social.setDown(false)
		for range 3 {
			s.later(ctx, "acme", 7*time.Hour)
			Consistently(func(g Gomega) {
				g.Expect(meta.IsStatusConditionFalse(get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Status.Conditions, connected)).To(BeFalse())
			}, "200ms").Should(Succeed(), "nobody said that the tokens are dead")
		}
		s.profileSays(ctx, "acme", connected, unknown, rosterv1alpha1.ReasonNoAnswer)

		By("the person taking them back")
		social.setDown(false)
		social.revoke(token.AccessToken)
		s.later(ctx, "acme", 7*time.Hour)
		s.profileSays(ctx, "acme", connected, no, rosterv1alpha1.ReasonTokenInvalid)
		Eventually(func() []string { return eventsOn(ctx, s, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonTokenInvalid))
	})

	It("are renewed in good time, and no token is in anything that people see", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		token := social.connect(ctx, s.name)
		secret := s.tokens(ctx, "tokens", token)
		patch(ctx, secret, func(secret *corev1.Secret) { secret.Data["mine"] = []byte("kept") })
		s.onX(ctx, "acme", "tokens", renews)
		before := s.profileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(refreshTokenIn(ctx, s, "tokens")).To(Equal(token.RefreshToken), "it is too early")

		s.later(ctx, "acme", 100*time.Minute)
		Eventually(func() string { return refreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(token.RefreshToken), "the tokens are renewed")
		after := get[corev1.Secret](ctx, s, "tokens")
		Expect(after.Data).To(HaveKeyWithValue("mine", []byte("kept")))
		Expect(after.Annotations).NotTo(HaveKey(rosterv1alpha1.RenewingAnnotation))
		var p *rosterv1alpha1.SocialProfile
		Eventually(func(g Gomega) {
			p = get[rosterv1alpha1.SocialProfile](ctx, s, "acme")
			g.Expect(p.Status.Credential.Fingerprint).NotTo(Equal(before.Status.Credential.Fingerprint))
			g.Expect(meta.IsStatusConditionTrue(p.Status.Conditions, connected)).To(BeTrue())
		}).Should(Succeed(), "the status speaks of the new tokens")
		expectNothingSecret(p, after, secret)

		By("once more, with what the first renewal brought")
		renewed := refreshTokenIn(ctx, s, "tokens")
		s.later(ctx, "acme", 100*time.Minute)
		Eventually(func() string { return refreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(renewed), "the tokens are renewed again")
	})

	It("that died are revived where there is what that takes", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		token := social.connect(ctx, s.name)
		secret := s.tokens(ctx, "tokens", &oauth2.Token{AccessToken: "long-gone", RefreshToken: token.RefreshToken})
		s.onX(ctx, "acme", "tokens", renews)
		s.profileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(refreshTokenIn(ctx, s, "tokens")).NotTo(Equal(string(secret.Data[network.KeyRefresh])))
	})

	It("survive a change of the Secret during a renewal", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		token := social.connect(ctx, s.name)
		s.tokens(ctx, "tokens", token)
		s.onX(ctx, "acme", "tokens", renews)
		s.profileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		social.afterRenewal(func() {
			patch(ctx, get[corev1.Secret](ctx, s, "tokens"), func(secret *corev1.Secret) { secret.Data["note"] = []byte("by hand") })
		})
		defer social.afterRenewal(nil)
		s.later(ctx, "acme", 100*time.Minute)
		Eventually(func() string { return refreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(token.RefreshToken), "the new tokens are stored")
		Expect(get[corev1.Secret](ctx, s, "tokens").Data).To(HaveKeyWithValue("note", []byte("by hand")))
		s.profileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
	})

	It("give way to those that somebody puts in during a renewal", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		s.tokens(ctx, "tokens", social.connect(ctx, s.name))
		s.onX(ctx, "acme", "tokens", renews)
		s.profileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		anew := social.connect(ctx, s.name)
		social.afterRenewal(func() {
			patch(ctx, get[corev1.Secret](ctx, s, "tokens"), func(secret *corev1.Secret) {
				secret.Data[network.KeyAccess], secret.Data[network.KeyRefresh] = []byte(anew.AccessToken), []byte(anew.RefreshToken)
				delete(secret.Data, network.KeyAccessExpiry)
			})
		})
		defer social.afterRenewal(nil)
		s.later(ctx, "acme", 100*time.Minute)
		Eventually(func(g Gomega) {
			g.Expect(refreshTokenIn(ctx, s, "tokens")).To(Equal(anew.RefreshToken))
			g.Expect(get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Status.Credential.Fingerprint).To(
				Equal(network.Tokens{Access: anew.AccessToken, Refresh: anew.RefreshToken}.Fingerprint(string(get[rosterv1alpha1.SocialProfile](ctx, s, "acme").UID))))
		}).Should(Succeed(), "the tokens of whoever connected the profile anew count")
		s.profileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
	})

	It("whose renewal was cut off are renewed, or said to be lost", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		cutOff := func(name string, used bool) {
			token := social.connect(ctx, s.name+"-"+name)
			if used {
				app := social.client()
				_, err := app.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
				Expect(err).NotTo(HaveOccurred())
			}
			secret := s.tokens(ctx, name, &oauth2.Token{AccessToken: "gone-" + name, RefreshToken: token.RefreshToken})
			s.profile(ctx, name, func(p *rosterv1alpha1.SocialProfile) { p.Spec.Network = rosterv1alpha1.NetworkX })
			tokens, err := network.ParseTokens(secret.Data)
			Expect(err).NotTo(HaveOccurred())
			patch(ctx, secret, func(secret *corev1.Secret) {
				metav1.SetMetaDataAnnotation(&secret.ObjectMeta, rosterv1alpha1.RenewingAnnotation, tokens.Fingerprint(string(secret.UID)))
			})
			patch(ctx, get[rosterv1alpha1.SocialProfile](ctx, s, name), func(p *rosterv1alpha1.SocialProfile) {
				p.Spec.CredentialsSecretRef, p.Spec.Refresh = &rosterv1alpha1.LocalReference{Name: name}, rosterv1alpha1.RefreshBeforeExpiry
			})
		}
		By("before X had the old refresh token")
		cutOff("before", false)
		s.profileSays(ctx, "before", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(get[corev1.Secret](ctx, s, "before").Annotations).NotTo(HaveKey(rosterv1alpha1.RenewingAnnotation))
		By("after X had it, and before the new one was stored")
		cutOff("after", true)
		s.profileSays(ctx, "after", connected, no, rosterv1alpha1.ReasonRenewalLost)
	})

	It("are renewed once where several profiles share them", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		token := social.connect(ctx, s.name)
		s.tokens(ctx, "tokens", token)
		names := []string{"one", "two", "three"}
		for _, name := range names {
			s.onX(ctx, name, "tokens", renews)
		}
		for _, name := range names {
			s.profileSays(ctx, name, connected, yes, rosterv1alpha1.ReasonConnected)
		}
		now.SetTime(now.Now().Add(100 * time.Minute))
		for _, name := range names {
			s.later(ctx, name, 0)
		}
		Eventually(func() string { return refreshTokenIn(ctx, s, "tokens") }).ShouldNot(Equal(token.RefreshToken), "the tokens are renewed")
		for _, name := range names {
			Eventually(func(g Gomega) {
				p := get[rosterv1alpha1.SocialProfile](ctx, s, name)
				tokens, err := network.ParseTokens(get[corev1.Secret](ctx, s, "tokens").Data)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(p.Status.Credential.Fingerprint).To(Equal(tokens.Fingerprint(string(p.UID))))
				g.Expect(meta.IsStatusConditionTrue(p.Status.Conditions, connected)).To(BeTrue())
			}).Should(Succeed(), "%s lives on with the new tokens", name)
		}
	})

	It("are not renewed where the Secret cannot be written", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		token := social.connect(ctx, s.name)
		secret := s.tokens(ctx, "tokens", token)
		patch(ctx, secret, func(secret *corev1.Secret) { secret.Immutable = new(bool); *secret.Immutable = true })
		s.onX(ctx, "acme", "tokens", renews)
		s.profileSays(ctx, "acme", connected, yes, rosterv1alpha1.ReasonConnected)
		s.later(ctx, "acme", 100*time.Minute)
		s.profileSays(ctx, "acme", rosterv1alpha1.ConditionTokenExpiring, yes, rosterv1alpha1.ReasonExpiring)
		app := social.client()
		_, err := app.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		Expect(err).NotTo(HaveOccurred(), "the refresh token was not used")
	})

	It("are asked about the ad account that the profile is about, not about the person", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		secret := s.tokens(ctx, "tokens", &oauth2.Token{AccessToken: "of-ana-77"})
		s.profile(ctx, "ads", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.Network, p.Spec.Type, p.Spec.AccountID = rosterv1alpha1.NetworkFacebook, rosterv1alpha1.TypeAdAccount, "act_77"
			p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: "tokens"}
		})
		p := s.profileSays(ctx, "ads", connected, yes, rosterv1alpha1.ReasonConnected)
		Expect(p.Status.Credential.AccountID).To(Equal("act_77"))
		patch(ctx, secret, func(secret *corev1.Secret) { secret.Data[network.KeyAccess] = []byte("of-bo-who-has-no-role") })
		p = s.profileSays(ctx, "ads", connected, unknown, rosterv1alpha1.ReasonAccountForbidden)
		Expect(meta.FindStatusCondition(p.Status.Conditions, connected).Message).To(ContainSubstring("give no access to act_77"))
	})

	It("that end have the last person who can connect the profile anew known", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		for _, name := range []string{"ana", "ben"} {
			s.declareJoined(ctx, name, rosterv1alpha1.ProfileGrant{Name: "acme", Role: rosterv1alpha1.ProfileAdministrator})
		}
		s.tokens(ctx, "tokens", &oauth2.Token{AccessToken: social.connect(ctx, s.name).AccessToken}) // which ends, and no refresh token
		s.onX(ctx, "acme", "tokens")
		s.profileSays(ctx, "acme", rosterv1alpha1.ConditionTokenExpiring, yes, rosterv1alpha1.ReasonExpiring)
		renewer := func() string { return get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Status.SoleRenewer }
		renews := func(name string) func() []string {
			return func() []string { return get[rosterv1alpha1.Member](ctx, s, name).Status.SoleRenewerOf }
		}
		Eventually(func() *int32 { return get[rosterv1alpha1.SocialProfile](ctx, s, "acme").Status.Holders.Administrators }).Should(HaveValue(BeEquivalentTo(2)))
		Expect(renewer()).To(BeEmpty(), "there are two")
		patch(ctx, get[rosterv1alpha1.Member](ctx, s, "ben"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = new(true) })
		Eventually(renewer).Should(Equal("ana"))
		Eventually(renews("ana")).Should(Equal([]string{"acme"}))
		patch(ctx, get[rosterv1alpha1.Member](ctx, s, "ben"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = nil })
		Eventually(renews("ana")).Should(BeEmpty())
	})

	It("are left alone where the network is not set up", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.opensSecrets(ctx)
		s.tokens(ctx, "tokens", &oauth2.Token{AccessToken: "a"})
		ref := &rosterv1alpha1.LocalReference{Name: "tokens"}
		s.profile(ctx, "elsewhere", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.Handle, p.Spec.CredentialsSecretRef = "@acme@169.254.169.254", ref
		})
		s.profileSays(ctx, "elsewhere", connected, unknown, rosterv1alpha1.ReasonNetworkNotConfigured)
		s.profile(ctx, "no-app", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.Network, p.Spec.CredentialsSecretRef = rosterv1alpha1.NetworkYouTube, ref
		})
		s.profileSays(ctx, "no-app", connected, unknown, rosterv1alpha1.ReasonNetworkNotConfigured)
	})
})

// expectNothingSecret looks for what Secrets hold in an object.
func expectNothingSecret(o client.Object, secrets ...*corev1.Secret) {
	GinkgoHelper()
	shown, err := json.Marshal(o)
	Expect(err).NotTo(HaveOccurred())
	for _, secret := range secrets {
		for _, key := range []string{network.KeyAccess, network.KeyRefresh} {
			Expect(bytes.Contains(shown, secret.Data[key])).To(BeFalse(), "%s is in %s", key, shown)
		}
	}
}

func keyIn(s space, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: s.name, Name: name}
}

func clientAs(as *rest.Config) client.Client {
	GinkgoHelper()
	c, err := client.New(as, client.Options{Scheme: cluster.Scheme})
	Expect(err).NotTo(HaveOccurred())
	return c
}
