// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/network"
)

// mastodon is a server of Mastodon that takes every token, and keeps what it was sent: as one would that is after the tokens of others.
type mastodon struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
}

func startMastodon() *mastodon {
	GinkgoHelper()
	m := &mastodon{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.seen = append(m.seen, r.Header.Get("Authorization"))
		_, _ = fmt.Fprint(w, `{"id":"4711","acct":"acme","count":3}`)
	}))
	DeferCleanup(m.Close)
	return m
}

// host is how handles and the configuration name the server.
func (m *mastodon) host() string {
	GinkgoHelper()
	u, err := url.Parse(m.URL)
	Expect(err).NotTo(HaveOccurred())
	return u.Host
}

// sent are the Authorization headers of the requests that came.
func (m *mastodon) sent() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.seen)
}

var _ = Describe("A profile on one of two servers of Mastodon", Serial, func() {
	var one, two *mastodon
	restart := func() {
		GinkgoHelper()
		Running.Stop()
		Running = StartOperator(Cluster.As("roster-manager"),
			config.Network{Name: rosterv1alpha1.NetworkMastodon, URL: one.URL, ChecksPerMinute: 60_000},
			config.Network{Name: rosterv1alpha1.NetworkMastodon, URL: two.URL, ChecksPerMinute: 60_000})
	}
	BeforeEach(func() {
		one, two = startMastodon(), startMastodon()
		restart()
		DeferCleanup(func() {
			Running.Stop()
			Running = StartOperator(Cluster.As("roster-manager"))
		})
	})

	DescribeTable("keeps its token from the other one when its handle is moved there", func(ctx SpecContext, says bool) {
		const connected, reconnect = rosterv1alpha1.ConditionConnected, rosterv1alpha1.ReasonReconnectRequired
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		secret := s.Tokens(ctx, "tokens", &oauth2.Token{AccessToken: s.Name + "-of-one"})
		if says {
			Patch(ctx, secret, func(secret *corev1.Secret) { secret.Data[network.KeyForServer] = []byte(one.host()) })
		}
		p := s.Profile(ctx, "acme", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.Handle = "@acme@" + one.host()
			p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: "tokens"}
		})
		s.ProfileSays(ctx, p.Name, connected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		Expect(one.sent()).To(ContainElement("Bearer " + s.Name + "-of-one"))

		By("moving the handle")
		move := func(to *mastodon) {
			GinkgoHelper()
			Patch(ctx, Get[rosterv1alpha1.SocialProfile](ctx, s, p.Name), func(p *rosterv1alpha1.SocialProfile) { p.Spec.Handle = "@acme@" + to.host() })
		}
		move(two)
		p = s.ProfileSays(ctx, p.Name, connected, metav1.ConditionFalse, reconnect)
		Expect(meta.FindStatusCondition(p.Status.Conditions, connected).Message).To(And(ContainSubstring(one.host()), ContainSubstring(two.host())))
		Eventually(func() []string { return EventsOn(ctx, s, p.Name) }).Should(ContainElement(reconnect))

		By("letting days pass, and restarting the operator, which remembers nothing then")
		s.Later(ctx, p.Name, 72*time.Hour)
		restart()
		s.Later(ctx, p.Name, time.Hour)
		Consistently(two.sent).Should(BeEmpty(), "the second server is asked nothing")
		s.ProfileSays(ctx, p.Name, connected, metav1.ConditionFalse, reconnect)

		By("moving it back")
		move(one)
		s.ProfileSays(ctx, p.Name, connected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)

		By("moving it and connecting it there")
		move(two)
		s.ProfileSays(ctx, p.Name, connected, metav1.ConditionFalse, reconnect)
		Patch(ctx, Get[corev1.Secret](ctx, s, "tokens"), func(secret *corev1.Secret) {
			secret.Data = network.Tokens{Access: s.Name + "-of-two"}.Store(nil)
			secret.Data[network.KeyForServer] = []byte(two.host())
		})
		s.ProfileSays(ctx, p.Name, connected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		Expect(two.sent()).To(HaveEach("Bearer " + s.Name + "-of-two"))
	},
		Entry("where the Secret says which server gave the token", true),
		Entry("where only the status knows which server took it first", false),
	)
})
