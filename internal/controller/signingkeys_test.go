// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"os"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/roster-dev/roster/internal/controller"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/testenv"
)

// keyChain is a Secret with keys of its own, and a keeper with a clock of its own.
type keyChain struct {
	key      client.ObjectKey
	now      *clocktesting.FakePassiveClock
	told     *events.FakeRecorder
	registry *prometheus.Registry
	keeper   reconcile.Reconciler
}

// quickKey makes a key that is quickly made.
func quickKey(t signing.Turn) (signing.Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return signing.Key{}, err
	}
	return signing.Of(t, private)
}

var keyChains int

func newKeyChain() *keyChain {
	keyChains++
	k := &keyChain{
		key: client.ObjectKey{Namespace: testenv.SystemNamespace, Name: fmt.Sprintf("keys-%d", keyChains)},
		now: clocktesting.NewFakePassiveClock(time.Now()), told: events.NewFakeRecorder(10), registry: prometheus.NewRegistry(),
	}
	k.keeper = controller.SigningKeys(API, k.key, k.now, k.told, k.registry, quickKey)
	return k
}

// look has the keeper look.
func (k *keyChain) look(ctx context.Context) ctrl.Result {
	GinkgoHelper()
	result, err := k.keeper.Reconcile(ctx, ctrl.Request{})
	Expect(err).NotTo(HaveOccurred())
	return result
}

// pass lets so much time go by, in which the keeper looks whenever it wants to.
func (k *keyChain) pass(ctx context.Context, d time.Duration) {
	GinkgoHelper()
	k.now.SetTime(k.now.Now().Add(d))
	k.look(ctx)
}

func (k *keyChain) read(ctx context.Context) (*corev1.Secret, signing.Set) {
	GinkgoHelper()
	secret := &corev1.Secret{}
	Expect(API.Get(ctx, k.key, secret)).To(Succeed())
	set, err := signing.FromSecret(secret)
	Expect(err).NotTo(HaveOccurred())
	return secret, set
}

func (k *keyChain) signs(ctx context.Context) string {
	GinkgoHelper()
	_, set := k.read(ctx)
	key, ok := set.Signing(k.now.Now())
	Expect(ok).To(BeTrue())
	return key.ID
}

// withdraw takes a key away by the command that the documentation gives.
func (k *keyChain) withdraw(id string) {
	GinkgoHelper()
	page, err := os.ReadFile("../../docs/operations.md")
	Expect(err).NotTo(HaveOccurred())
	const command = `kubectl patch secret roster-openid-keys -n roster-system --type json -p "[{\"op\":\"remove\",\"path\":\"/data/$key\"}]"`
	Expect(string(page)).To(ContainSubstring(command))
	Expect(Cluster.Kubectl("patch", "secret", k.key.Name, "-n", k.key.Namespace, "--type", "json", "-p",
		`[{"op":"remove","path":"/data/`+id+`"}]`)).To(Succeed())
}

// age is how long the key that signs has done so, as the alert counts.
func (k *keyChain) age() time.Duration {
	GinkgoHelper()
	return k.now.Now().Sub(time.Unix(int64(k.metric("roster_openid_signing_key_since_timestamp_seconds")), 0))
}

func (k *keyChain) metric(name string) float64 {
	GinkgoHelper()
	families, err := k.registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue() + f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	Fail("no metric " + name)
	return 0
}

const day = 24 * time.Hour

var _ = Describe("The keys that sign tokens", func() {
	It("come into being with the first start, by the operator's own rights, and not again", func(ctx SpecContext) {
		key := client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-openid-keys"}
		var secret corev1.Secret
		Eventually(func() error { return API.Get(ctx, key, &secret) }).Should(Succeed(), "the operator makes the first key")
		set, err := signing.FromSecret(&secret)
		Expect(err).NotTo(HaveOccurred())
		Expect(set).To(HaveLen(1))
		Expect(set[0].Private.N.BitLen()).To(Equal(signing.Bits))
		asManager, err := client.New(Cluster.As("roster-manager"), client.Options{Scheme: testenv.NewScheme()})
		Expect(err).NotTo(HaveOccurred())
		later := clocktesting.NewFakePassiveClock(Now.Now().Add(28 * day))
		keeper := controller.SigningKeys(asManager, key, later, events.NewFakeRecorder(1), prometheus.NewRegistry(), quickKey)
		Eventually(func(g Gomega) { // the operator may look at the same moment
			_, err := keeper.Reconcile(ctx, ctrl.Request{})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(API.Get(ctx, key, &secret)).To(Succeed())
			set, err = signing.FromSecret(&secret)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(set).To(HaveLen(2))
		}).Should(Succeed(), "the operator may put the next one beside the first")
	})

	It("take turns: the next is known two days before it signs, and the former for a day after", func(ctx SpecContext) {
		k := newKeyChain()
		Expect(k.look(ctx).RequeueAfter).To(Equal(time.Minute))
		first := k.signs(ctx)
		before, _ := k.read(ctx)
		k.pass(ctx, 27*day)
		after, _ := k.read(ctx)
		Expect(after.ResourceVersion).To(Equal(before.ResourceVersion), "nothing is written where nothing is due")
		Expect(k.age()).To(BeNumerically("~", 27*day, time.Second))

		k.pass(ctx, day)
		_, set := k.read(ctx)
		Expect(set.Published(k.now.Now())).To(HaveLen(2))
		Expect(k.signs(ctx)).To(Equal(first))
		k.pass(ctx, 2*day)
		next := k.signs(ctx)
		Expect(next).NotTo(Equal(first))
		Expect(k.age()).To(BeNumerically("<", time.Second))
		Expect(next).To(Equal(set[1].ID))
		k.pass(ctx, day+signing.TokenLifetime-time.Second)
		_, set = k.read(ctx)
		Expect(set).To(HaveLen(2))
		k.pass(ctx, 2*time.Second)
		_, set = k.read(ctx)
		Expect(set).To(HaveLen(1))
		Expect(set[0].ID).To(Equal(next))
	})

	It("fail at once when they are withdrawn, and another takes over", func(ctx SpecContext) {
		k := newKeyChain()
		k.look(ctx)
		k.pass(ctx, 28*day)
		_, set := k.read(ctx)
		k.withdraw(set[0].ID)
		_, left := k.read(ctx)
		Expect(k.signs(ctx)).To(Equal(set[1].ID), "without the operator's doing")
		Expect(left.Published(k.now.Now())).NotTo(ContainElement(HaveField("ID", set[0].ID)))

		k.withdraw(set[1].ID)
		k.look(ctx)
		_, left = k.read(ctx)
		Expect(left).To(HaveLen(1), "one is made at once when none is left")
		Expect(set).NotTo(ContainElement(HaveField("ID", k.signs(ctx))))
		Expect(k.age()).To(BeNumerically("<", time.Second))

		Expect(API.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: k.key.Namespace, Name: k.key.Name}})).To(Succeed())
		k.look(ctx)
		Expect(k.signs(ctx)).NotTo(Equal(left[0].ID))
	})

	It("are left alone when one cannot be read, which is told once, counted each time, and over when the entry is gone", func(ctx SpecContext) {
		k := newKeyChain()
		k.look(ctx)
		secret, _ := k.read(ctx)
		Patch(ctx, secret, func(s *corev1.Secret) { s.Data["mine"] = []byte("a secret of somebody") })
		k.pass(ctx, 40*day)
		k.pass(ctx, time.Minute)
		Expect(k.metric("roster_openid_signing_key_failures_total")).To(Equal(2.0))
		Expect(k.told.Events).To(Receive(And(ContainSubstring("KeysUnreadable"), ContainSubstring(`the entry "mine"`), ContainSubstring("remove the entry"),
			Not(ContainSubstring("somebody")))))
		Expect(k.told.Events).NotTo(Receive())
		Expect(API.Get(ctx, k.key, secret)).To(Succeed())
		Expect(secret.Data).To(HaveLen(2))
		k.withdraw("mine")
		k.look(ctx)
		_, set := k.read(ctx)
		Expect(set).To(HaveLen(2))
	})

	It("are looked at once a minute while they may not be read, so that the alert lasts as long as the fault", func(ctx SpecContext) {
		k := newKeyChain()
		stranger, err := client.New(Cluster.As("roster-portal"), client.Options{Scheme: testenv.NewScheme()})
		Expect(err).NotTo(HaveOccurred())
		k.registry = prometheus.NewRegistry()
		k.keeper = controller.SigningKeys(stranger, k.key, k.now, k.told, k.registry, quickKey)
		var passed time.Duration
		looks := 0
		for ; passed < 3*time.Hour; looks++ {
			passed += k.look(ctx).RequeueAfter
		}
		Expect(k.metric("roster_openid_signing_key_failures_total")).To(BeNumerically("==", looks))
		Expect(looks).To(BeNumerically("~", 180, 10), "more than five times in each half hour, and no crowd at the beginning")
	})

	It("are rotated once by managers that look at the same moment", func(ctx SpecContext) {
		k := newKeyChain()
		var all sync.WaitGroup
		for range 4 {
			keeper := controller.SigningKeys(API, k.key, k.now, k.told, prometheus.NewRegistry(), quickKey)
			all.Go(func() {
				defer GinkgoRecover()
				_, err := keeper.Reconcile(ctx, ctrl.Request{})
				Expect(err).NotTo(HaveOccurred())
			})
		}
		all.Wait()
		_, set := k.read(ctx)
		Expect(set).To(HaveLen(1))
	})

	It("are nowhere but in their Secret: not in the log, and not in events", func(ctx SpecContext) {
		k := newKeyChain()
		var printed bytes.Buffer
		logged := zap.New(zap.WriteTo(&printed), zap.UseDevMode(true))
		_, err := k.keeper.Reconcile(log.IntoContext(ctx, logged), ctrl.Request{})
		Expect(err).NotTo(HaveOccurred())
		_, set := k.read(ctx)
		Expect(printed.String()).To(ContainSubstring(set[0].ID))
		entry, err := set[0].Entry()
		Expect(err).NotTo(HaveOccurred())
		Expect(printed.String()).NotTo(ContainSubstring("PRIVATE"))
		Expect(printed.String()).NotTo(ContainSubstring(string(entry[80:120])))
	})
})
