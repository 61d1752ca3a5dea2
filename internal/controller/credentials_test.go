// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
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
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/testenv"
	"github.com/roster-dev/roster/internal/testpeer"
)

// The app that the operator is registered as.
const (
	clientID     = "roster-app"
	clientSecret = "roster-app-secret"
)

// xcom is X as the operator sees it. Its tokens are those of a real provider, whose refresh tokens are good for one use, and who is asked
// whether an access token lives; what is shaped after the documentation of X is the rest.
type xcom struct {
	*httptest.Server
	provider *testpeer.OIDC
	forward  *httputil.ReverseProxy

	mu      sync.Mutex
	checks  map[string]int
	down    bool
	renewed func()
}

func startX(ctx context.Context) *xcom {
	GinkgoHelper()
	provider, err := testpeer.StartOIDC(ctx, testpeer.OIDCOptions{
		Clients:   []testpeer.OIDCClient{{ID: clientID, Secret: clientSecret, RedirectURIs: []string{"http://127.0.0.1/back"}}},
		TokenPath: "/2/oauth2/token",
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(provider.Stop)
	issuer, err := url.Parse(provider.URL)
	Expect(err).NotTo(HaveOccurred())
	x := &xcom{provider: provider, checks: map[string]int{}}
	x.forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(issuer) },
		ModifyResponse: func(*http.Response) error {
			x.mu.Lock()
			then := x.renewed
			x.mu.Unlock()
			if then != nil {
				then()
			}
			return nil
		},
	}
	x.Server = httptest.NewServer(http.HandlerFunc(x.serve))
	DeferCleanup(x.Close)
	return x
}

func (x *xcom) serve(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	down := x.down
	x.mu.Unlock()
	switch {
	case down:
		w.WriteHeader(http.StatusBadGateway)
	case r.URL.Path == "/2/oauth2/token":
		x.forward.ServeHTTP(w, r)
	case r.URL.Path == "/2/users/me":
		x.me(w, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (x *xcom) me(w http.ResponseWriter, token string) {
	info := x.introspect(token)
	x.mu.Lock()
	x.checks[info.Sub]++
	x.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if !info.Active {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"}`)
		return
	}
	_, _ = fmt.Fprintf(w, `{"data":{"id":"id-of-%s","name":"Acme","username":%q}}`, info.Sub, info.Sub)
}

func (x *xcom) introspect(token string) (info struct {
	Active bool
	Sub    string
}) {
	r, err := http.NewRequest(http.MethodPost, x.provider.URL+"/token/introspection", strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		return info
	}
	r.SetBasicAuth(clientID, clientSecret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return info
	}
	defer func() { _ = response.Body.Close() }()
	_ = json.NewDecoder(response.Body).Decode(&info)
	return info
}

// revoke is what a person does in the settings of X.
func (x *xcom) revoke(token string) {
	GinkgoHelper()
	r, err := http.NewRequest(http.MethodPost, x.provider.URL+"/token/revocation", strings.NewReader(url.Values{"token": {token}}.Encode()))
	Expect(err).NotTo(HaveOccurred())
	r.SetBasicAuth(clientID, clientSecret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	Expect(err).NotTo(HaveOccurred())
	Expect(response.StatusCode).To(Equal(http.StatusOK))
}

func (x *xcom) checksOf(account string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.checks[account]
}

func (x *xcom) setDown(down bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down = down
}

// afterRenewal runs when the provider has given new tokens and the operator does not have them yet.
func (x *xcom) afterRenewal(then func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.renewed = then
}

func (x *xcom) client() oauth2.Config {
	return oauth2.Config{
		ClientID: clientID, ClientSecret: clientSecret, RedirectURL: "http://127.0.0.1/back", Scopes: []string{"openid", "offline_access"},
		Endpoint: oauth2.Endpoint{AuthURL: x.provider.URL + "/auth", TokenURL: x.provider.URL + "/2/oauth2/token", AuthStyle: oauth2.AuthStyleInHeader},
	}
}

// connect gets tokens as a person does: by the code flow.
func (x *xcom) connect(ctx context.Context, account string) *oauth2.Token {
	GinkgoHelper()
	app, verifier := x.client(), oauth2.GenerateVerifier()
	back, err := x.provider.SignIn(ctx, app.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "consent")), account)
	Expect(err).NotTo(HaveOccurred())
	token, err := app.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	Expect(err).NotTo(HaveOccurred())
	return token
}

// socialNetworks is what the operator's configuration says about networks.
func socialNetworks(x *xcom) []config.Network {
	return []config.Network{
		{Name: rosterv1alpha1.NetworkX, URL: x.URL, Secret: "roster-x", Scopes: []string{"openid"}, ChecksPerMinute: 60_000},
		{Name: rosterv1alpha1.NetworkYouTube, Secret: "roster-youtube", ChecksPerMinute: 60_000},
	}
}

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
			p := s.profile(ctx, name, func(p *rosterv1alpha1.SocialProfile) { p.Spec.Network = rosterv1alpha1.NetworkX })
			tokens, err := network.ParseTokens(secret.Data)
			Expect(err).NotTo(HaveOccurred())
			patch(ctx, secret, func(secret *corev1.Secret) {
				metav1.SetMetaDataAnnotation(&secret.ObjectMeta, rosterv1alpha1.RenewingAnnotation, tokens.Fingerprint(string(p.UID)))
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

func keyIn(s space, name string) client.ObjectKey { return client.ObjectKey{Namespace: s.name, Name: name} }

func clientAs(as *rest.Config) client.Client {
	GinkgoHelper()
	c, err := client.New(as, client.Options{Scheme: cluster.Scheme})
	Expect(err).NotTo(HaveOccurred())
	return c
}
