// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/network"
)

// asOperator is the environment variable that makes this program an operator instead of a test.
const asOperator = "ROSTER_TEST_OPERATOR"

func TestMain(m *testing.M) {
	if order := os.Getenv(asOperator); order != "" {
		if err := runOperator(order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// operatorOrder is what an operator in a process of its own has to know.
type operatorOrder struct {
	Host     string           `json:"host"`
	CA       []byte           `json:"ca"`
	Cert     []byte           `json:"cert"`
	Key      []byte           `json:"key"`
	UserName string           `json:"userName"`
	Groups   []string         `json:"groups"`
	SMTP     string           `json:"smtp"`
	Networks []config.Network `json:"networks"`
	Now      time.Time        `json:"now"`
}

func runOperator(text string) error {
	var order operatorOrder
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		return err
	}
	as := Unthrottled(&rest.Config{
		Host: order.Host, Impersonate: rest.ImpersonationConfig{UserName: order.UserName, Groups: order.Groups},
		TLSClientConfig: rest.TLSClientConfig{CAData: order.CA, CertData: order.Cert, KeyData: order.Key},
	})
	ctx := context.Background()
	mgr, _, err := newOperator(ctx, as, order.SMTP, order.Networks, clocktesting.NewFakePassiveClock(order.Now))
	if err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// process is an operator that can be killed.
type process struct {
	cmd  *exec.Cmd
	gone chan struct{}
	// mu is held until the process has begun.
	mu sync.Mutex
}

func newProcess() *process {
	GinkgoHelper()
	as := cluster.As("roster-manager")
	order, err := json.Marshal(operatorOrder{
		Host: as.Host, CA: as.CAData, Cert: as.CertData, Key: as.KeyData, UserName: as.Impersonate.UserName, Groups: as.Impersonate.Groups,
		SMTP: post.Addr(), Networks: socialNetworks(social), Now: now.Now(),
	})
	Expect(err).NotTo(HaveOccurred())
	p := &process{cmd: exec.Command(os.Args[0]), gone: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asOperator+"="+string(order))
	p.cmd.Stdout, p.cmd.Stderr = GinkgoWriter, GinkgoWriter
	return p
}

func (p *process) start() {
	GinkgoHelper()
	p.mu.Lock()
	defer p.mu.Unlock()
	Expect(p.cmd.Start()).To(Succeed())
	go func() {
		_ = p.cmd.Wait()
		close(p.gone)
	}()
	DeferCleanup(p.kill)
}

// kill ends the process as a node that fails does: it gets to do nothing more.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.gone
}

var _ = Describe("An operator that is killed while it renews tokens", Serial, func() {
	const connected = rosterv1alpha1.ConditionConnected
	var (
		s    space
		old  *corev1.Secret
		p    *process
		away bool
	)
	// restart runs an operator again, and takes away what was in the way of the first.
	restart := func() {
		GinkgoHelper()
		social.insteadOfRenewalWith("", nil)
		social.afterRenewal(nil)
		running, away = startOperator(cluster.As("roster-manager")), false
	}
	BeforeEach(func(ctx SpecContext) {
		s = newSpace(ctx)
		s.opensSecrets(ctx)
		running.stop()
		token := social.connect(ctx, s.name)
		old = s.tokens(ctx, "tokens", &oauth2.Token{AccessToken: "gone-" + s.name, RefreshToken: token.RefreshToken})
		s.onX(ctx, "acme", "tokens", renews)
		p, away = newProcess(), true
		DeferCleanup(func() {
			if away {
				restart()
			}
		})
	})
	marked := func(ctx context.Context) {
		GinkgoHelper()
		secret := get[corev1.Secret](ctx, s, "tokens")
		Expect(secret.Annotations).To(HaveKey(rosterv1alpha1.RenewingAnnotation))
		Expect(secret.Data).To(Equal(old.Data), "no token was lost")
	}

	It("before the network has the refresh token, renews them when it is back", func(ctx SpecContext) {
		social.insteadOfRenewalWith(string(old.Data[network.KeyRefresh]), p.kill)
		p.start()
		Eventually(p.gone).Should(BeClosed(), "it was killed in the middle")
		marked(ctx)
		restart()
		s.profileSays(ctx, "acme", connected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		secret := get[corev1.Secret](ctx, s, "tokens")
		Expect(secret.Annotations).NotTo(HaveKey(rosterv1alpha1.RenewingAnnotation))
		Expect(secret.Data[network.KeyRefresh]).NotTo(Equal(old.Data[network.KeyRefresh]))
	})

	It("before the new ones are stored, says that they are lost", func(ctx SpecContext) {
		social.afterRenewalWith(string(old.Data[network.KeyRefresh]), p.kill)
		p.start()
		Eventually(p.gone).Should(BeClosed(), "it was killed in the middle")
		marked(ctx)
		restart()
		s.profileSays(ctx, "acme", connected, metav1.ConditionFalse, rosterv1alpha1.ReasonRenewalLost)
		Expect(get[corev1.Secret](ctx, s, "tokens").Data).To(Equal(old.Data), "nothing is replaced by nothing")

		By("somebody connecting the profile anew")
		anew := social.connect(ctx, s.name)
		patch(ctx, get[corev1.Secret](ctx, s, "tokens"), func(secret *corev1.Secret) {
			secret.Data[network.KeyAccess], secret.Data[network.KeyRefresh] = []byte(anew.AccessToken), []byte(anew.RefreshToken)
		})
		s.profileSays(ctx, "acme", connected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
	})

	It("as soon as the new ones are stored, does not renew them twice", func(ctx SpecContext) {
		changes, err := client.NewWithWatch(cluster.Config, client.Options{Scheme: cluster.Scheme})
		Expect(err).NotTo(HaveOccurred())
		seen, err := changes.Watch(ctx, &corev1.SecretList{}, client.InNamespace(s.name))
		Expect(err).NotTo(HaveOccurred())
		defer seen.Stop()
		p.start()
		Eventually(seen.ResultChan()).Should(Receive(Satisfy(func(e watch.Event) bool {
			secret, ok := e.Object.(*corev1.Secret)
			return ok && string(secret.Data[network.KeyRefresh]) != string(old.Data[network.KeyRefresh])
		})))
		p.kill()
		stored := get[corev1.Secret](ctx, s, "tokens")
		restart()
		s.profileSays(ctx, "acme", connected, metav1.ConditionTrue, rosterv1alpha1.ReasonConnected)
		Consistently(func() map[string][]byte { return get[corev1.Secret](ctx, s, "tokens").Data }).Should(Equal(stored.Data))
	})
})
