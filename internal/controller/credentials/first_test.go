// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"
	"k8s.io/apimachinery/pkg/api/meta"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// onMastodon adds a profile with the Secret of its name; accounts there are called after their token.
func onMastodon(ctx context.Context, s Space, name string) {
	GinkgoHelper()
	s.Tokens(ctx, name, &oauth2.Token{AccessToken: s.Name + "-" + name})
	s.OnX(ctx, name, name, func(p *rosterv1alpha1.SocialProfile) {
		p.Spec.Network, p.Spec.Handle = rosterv1alpha1.NetworkMastodon, s.Name+"-"+name
	})
}

// seen and checked are what the two parts of the status say.
func seen(ctx context.Context, s Space, name string) bool {
	ready := meta.FindStatusCondition(Get[rosterv1alpha1.SocialProfile](ctx, s, name).Status.Conditions, rosterv1alpha1.ConditionReady)
	return ready.Reason != rosterv1alpha1.ReasonNotObserved
}

func checked(ctx context.Context, s Space, name string) bool {
	return meta.IsStatusConditionTrue(Get[rosterv1alpha1.SocialProfile](ctx, s, name).Status.Conditions, rosterv1alpha1.ConditionConnected)
}

var _ = Describe("The first status of a SocialProfile", func() {
	statusOf := func(s Space, name string) int {
		return Writes.Of("/namespaces/" + s.Name + "/socialprofiles/" + name + "/status")
	}

	It("is one write, with what the network says", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		onMastodon(ctx, s, "acme")
		Eventually(func() bool { return checked(ctx, s, "acme") && seen(ctx, s, "acme") }).Should(BeTrue(), "the status has both parts")
		Consistently(func() int { return statusOf(s, "acme") }).Should(Equal(1), "%s", Writes)
	})

	It("is one write for a profile without tokens, and for one whose Secret is missing", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		s.Profile(ctx, "bare")
		s.OnX(ctx, "lost", "nowhere")
		for _, name := range []string{"bare", "lost"} {
			Eventually(func() bool { return seen(ctx, s, name) }).Should(BeTrue(), "%s has a status", name)
			Consistently(func() int { return statusOf(s, name) }).Should(Equal(1), "%s", Writes)
		}
	})

	It("does not wait for a network that does not answer", func(ctx SpecContext) {
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		letGo := Social.Hold(s.Name + "-acme")
		DeferCleanup(letGo)
		onMastodon(ctx, s, "acme")
		Eventually(func() int { return Social.ChecksOf(s.Name + "-acme") }).Should(Equal(1), "the network is asked")
		Consistently(func() bool { return seen(ctx, s, "acme") }).Should(BeFalse(), "it may answer yet")
		s.Later(ctx, "acme", 6*time.Minute)
		Eventually(func() bool { return seen(ctx, s, "acme") }).Should(BeTrue(), "the rest of the status is there")
		letGo()
		Eventually(func() bool { return checked(ctx, s, "acme") }).Should(BeTrue(), "and the check in the end")
	})

	It("does not wait for a check whose turn is far off", func(ctx SpecContext) {
		Running.Stop()
		Running = StartOperator(Cluster.As("roster-manager"), config.Network{Name: rosterv1alpha1.NetworkMastodon, URL: Social.URL, ChecksPerMinute: 1})
		DeferCleanup(func() {
			Running.Stop()
			Running = StartOperator(Cluster.As("roster-manager"))
		})
		s := NewSpace(ctx)
		s.OpensSecrets(ctx)
		names := []string{"one", "two", "three"}
		for _, name := range names {
			onMastodon(ctx, s, name)
		}
		for _, name := range names {
			Eventually(func() bool { return seen(ctx, s, name) }).Should(BeTrue(), "%s has a status", name)
		}
		Expect(checked(ctx, s, "one") && checked(ctx, s, "two") && checked(ctx, s, "three")).To(BeFalse(), "one check a minute")
	})
})
