// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/network"
)

var _ = Describe("An operator that is killed while it renews tokens", Serial, func() {
	const connected = rosterv1alpha1.ConditionConnected
	var (
		s    Space
		old  *corev1.Secret
		p    *Process
		away bool
	)
	// restart runs an operator again, and takes away what was in the way of the first.
	restart := func() {
		GinkgoHelper()
		Social.InsteadOfRenewalWith("", nil)
		Social.AfterRenewal(nil)
		Running, away = StartOperator(Cluster.As("roster-manager")), false
	}
	BeforeEach(func(ctx SpecContext) {
		s = NewSpace(ctx)
		s.OpensSecrets(ctx)
		Running.Stop()
		token := Social.Connect(ctx, s.Name)
		old = s.Tokens(ctx, "tokens", &oauth2.Token{AccessToken: "gone-" + s.Name, RefreshToken: token.RefreshToken})
		s.OnX(ctx, "acme", "tokens", Renews)
		p, away = NewProcess(), true
		DeferCleanup(func() {
			if away {
				restart()
			}
		})
	})
	marked := func(ctx context.Context) {
		GinkgoHelper()
		secret := Get[corev1.Secret](ctx, s, "tokens")
		Expect(secret.Annotations).To(HaveKey(rosterv1alpha1.RenewingAnnotation))
		Expect(secret.Data).To(Equal(old.Data), "no token was lost")
	}

	It("before the network has the refresh token, renews them when it is back", func(ctx SpecContext) {
		Social.InsteadOfRenewalWith(string(old.Data[network.KeyRefresh]), p.Kill)
		p.Start()
		Eventually(p.Gone).Should(BeClosed(), "it was killed in the middle")
		marked(ctx)
		restart()
		s.ProfileSays(ctx, "acme", connected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		secret := Get[corev1.Secret](ctx, s, "tokens")
		Expect(secret.Annotations).NotTo(HaveKey(rosterv1alpha1.RenewingAnnotation))
		Expect(secret.Data[network.KeyRefresh]).NotTo(Equal(old.Data[network.KeyRefresh]))
	})

	It("before the new ones are stored, says that they are lost", func(ctx SpecContext) {
		Social.AfterRenewalWith(string(old.Data[network.KeyRefresh]), p.Kill)
		p.Start()
		Eventually(p.Gone).Should(BeClosed(), "it was killed in the middle")
		marked(ctx)
		restart()
		s.ProfileSays(ctx, "acme", connected, metav1.ConditionFalse, rosterv1alpha1.ReasonRenewalLost)
		Expect(Get[corev1.Secret](ctx, s, "tokens").Data).To(Equal(old.Data), "nothing is replaced by nothing")

		By("somebody connecting the profile again")
		renewed := Social.Connect(ctx, s.Name)
		Patch(ctx, Get[corev1.Secret](ctx, s, "tokens"), func(secret *corev1.Secret) {
			secret.Data[network.KeyAccess], secret.Data[network.KeyRefresh] = []byte(renewed.AccessToken), []byte(renewed.RefreshToken)
		})
		s.ProfileSays(ctx, "acme", connected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
	})

	It("as soon as the new ones are stored, does not renew them twice", func(ctx SpecContext) {
		changes, err := client.NewWithWatch(Cluster.Config, client.Options{Scheme: Cluster.Scheme})
		Expect(err).NotTo(HaveOccurred())
		seen, err := changes.Watch(ctx, &corev1.SecretList{}, client.InNamespace(s.Name))
		Expect(err).NotTo(HaveOccurred())
		defer seen.Stop()
		p.Start()
		Eventually(seen.ResultChan()).Should(Receive(Satisfy(func(e watch.Event) bool {
			secret, ok := e.Object.(*corev1.Secret)
			return ok && string(secret.Data[network.KeyRefresh]) != string(old.Data[network.KeyRefresh])
		})))
		p.Kill()
		stored := Get[corev1.Secret](ctx, s, "tokens")
		restart()
		s.ProfileSays(ctx, "acme", connected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		Consistently(func() map[string][]byte { return Get[corev1.Secret](ctx, s, "tokens").Data }).Should(Equal(stored.Data))
	})
})
