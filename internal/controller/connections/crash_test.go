// SPDX-License-Identifier: Apache-2.0

package connections_test

import (
	"context"
	"errors"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/connection"
	"github.com/roster-dev/roster/internal/controller"
	"github.com/roster-dev/roster/internal/controller/connections"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/network"
)

// mortal is a client that dies with a write: before or after the API server has it.
type mortal struct {
	client.Client
	// left is how many writes it survives.
	left  int
	after bool
	dead  bool
}

var errDead = errors.New("the process died")

func (m *mortal) write(do func() error) error {
	if m.dead {
		return errDead
	}
	if m.left > 0 {
		m.left--
		return do()
	}
	m.dead = true
	if m.after {
		if err := do(); err != nil {
			return err
		}
	}
	return errDead
}

func (m *mortal) Create(ctx context.Context, o client.Object, options ...client.CreateOption) error {
	return m.write(func() error { return m.Client.Create(ctx, o, options...) })
}

func (m *mortal) Update(ctx context.Context, o client.Object, options ...client.UpdateOption) error {
	return m.write(func() error { return m.Client.Update(ctx, o, options...) })
}

func (m *mortal) Patch(ctx context.Context, o client.Object, p client.Patch, options ...client.PatchOption) error {
	return m.write(func() error { return m.Client.Patch(ctx, o, p, options...) })
}

func (m *mortal) Delete(ctx context.Context, o client.Object, options ...client.DeleteOption) error {
	return m.write(func() error { return m.Client.Delete(ctx, o, options...) })
}

// The Orders are in the namespace of the organisation here, where the operator of the other tests does not see them.
var _ = Describe("An order of the portal", Ordered, func() {
	var as client.Client
	var live client.Reader
	BeforeAll(func() {
		options := controller.ManagerOptions(1)
		options.Scheme, options.Metrics = Cluster.Scheme, metricsserver.Options{BindAddress: "0"}
		mgr, err := ctrl.NewManager(controller.Unthrottled(Cluster.As("roster-manager")), options)
		Expect(err).NotTo(HaveOccurred())
		ctx, cancel := context.WithCancel(context.Background())
		DeferCleanup(cancel)
		Expect(reading.AddIndexes(ctx, mgr.GetCache(), "")).To(Succeed())
		go func() {
			defer GinkgoRecover()
			Expect(mgr.Start(ctx)).To(Succeed())
		}()
		Expect(mgr.GetCache().WaitForCacheSync(ctx)).To(BeTrue())
		as, live = mgr.GetClient(), mgr.GetAPIReader()
	})

	// process is one that carries out orders, as if it had just started.
	process := func(c client.Client) *connections.Reconciler {
		return connections.New(connections.Options{
			Client: c, Live: live, Clock: Now, Metrics: connections.NewMetrics(prometheus.NewRegistry()),
			Keys: linkKeys(), Holds: controller.Standings(c, Now, ""),
		})
	}

	type trial struct {
		Space
		order *connection.Order
	}
	// carryOut has a process die at each write of an order in turn, and another one carry it out from the start. The end is the same each
	// time.
	carryOut := func(
		ctx context.Context, prepare func(t *trial), between func(t *trial), check func(t *trial, outcomes []connection.Outcome),
		given ...func(t *trial, order *corev1.Secret),
	) {
		GinkgoHelper()
		for _, after := range []bool{false, true} {
			for survives, died := 0, true; died; survives++ {
				By(fmt.Sprintf("dying with write %d, done: %v", survives+1, after))
				Expect(survives).To(BeNumerically("<", 20))
				s := NewSpace(ctx)
				s.OpensSecrets(ctx)
				t := &trial{Space: s, order: signedIn(ctx, s, "ana", rosterv1alpha1.RoleAdvancedMember)}
				Eventually(func(g Gomega) {
					var m rosterv1alpha1.Member
					g.Expect(as.Get(ctx, client.ObjectKey{Namespace: t.Name, Name: "ana"}, &m)).To(Succeed())
					g.Expect(m.Status.State).To(Equal(rosterv1alpha1.MemberActive))
				}).Should(Succeed(), "the process has seen the Member")
				prepare(t)
				secret, err := t.order.Secret()
				Expect(err).NotTo(HaveOccurred())
				secret.Namespace = s.Name
				Expect(API.Create(ctx, secret)).To(Succeed())
				for _, then := range given {
					then(t, secret)
				}
				request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(secret)}

				dying := &mortal{Client: as, left: survives, after: after}
				err = apierrors.NewConflict(schema.GroupResource{}, "", nil)
				for apierrors.IsConflict(err) { // A status that was written meanwhile is tried again, as by the queue.
					_, err = process(dying).Reconcile(ctx, request)
				}
				if died = dying.dead; died {
					Expect(err).To(MatchError(errDead))
				} else {
					Expect(err).NotTo(HaveOccurred())
				}
				if between != nil {
					between(t)
				}
				Eventually(func() error { _, err := process(as).Reconcile(ctx, request); return err }).Should(Succeed())
				Expect(API.Get(ctx, request.NamespacedName, secret)).To(Succeed())
				answer, err := connection.AnswerOf(secret)
				Expect(err).NotTo(HaveOccurred())
				Expect(answer).NotTo(BeNil())
				Expect(API.Delete(ctx, secret)).To(Succeed())
				check(t, answer.Outcomes)
			}
		}
	}

	state := func(ctx context.Context, s Space) ([]rosterv1alpha1.SocialProfile, []corev1.Secret) {
		GinkgoHelper()
		var profiles rosterv1alpha1.SocialProfileList
		Expect(API.List(ctx, &profiles, client.InNamespace(s.Name))).To(Succeed())
		var secrets corev1.SecretList
		Expect(API.List(ctx, &secrets, client.InNamespace(s.Name))).To(Succeed())
		return profiles.Items, secrets.Items
	}

	It("to connect leads to the same end, wherever the process dies", func(ctx SpecContext) {
		carryOut(ctx, func(t *trial) {
			one, two, own := accountOnX("one", &oauth2.Token{AccessToken: "shared"}), accountOnX("two", &oauth2.Token{}), accountOnX("own", &oauth2.Token{AccessToken: "own"})
			two.Entries = one.Entries
			t.order.Accounts = []connection.Account{one, own, two}
		}, nil, func(t *trial, outcomes []connection.Outcome) {
			Expect(results(outcomes)).To(Equal([]connection.Result{connection.Added, connection.Added, connection.Added}))
			profiles, secrets := state(ctx, t.Space)
			Expect(profiles).To(HaveLen(3))
			Expect(secrets).To(HaveLen(2))
			named := map[string][]string{}
			for _, p := range profiles {
				named[p.Spec.CredentialsSecretRef.Name] = append(named[p.Spec.CredentialsSecretRef.Name], asOwner(&p))
			}
			for _, secret := range secrets {
				Expect(owners(&secret)).To(ConsistOf(named[secret.Name]))
			}
		})
	})

	It("to repair leads to the same end, and never back to tokens that were renewed since", func(ctx SpecContext) {
		renewed := map[string]bool{}
		carryOut(ctx, func(t *trial) {
			connectedByAna := func(p *rosterv1alpha1.SocialProfile) {
				p.Spec.ConnectedBy, p.Spec.Network = t.Address("ana"), rosterv1alpha1.NetworkX
			}
			p := t.Profile(ctx, "acme", connectedByAna, func(p *rosterv1alpha1.SocialProfile) {
				p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: "tokens"}
			})
			operatorsSecret(ctx, t.Space, "tokens", p)
			bare := t.Profile(ctx, "bare", connectedByAna)
			t.order.Accounts = []connection.Account{
				repairs(p, accountOnX("acme", &oauth2.Token{AccessToken: "new", RefreshToken: "single-use"})),
				repairs(bare, accountOnX("bare", &oauth2.Token{AccessToken: "bare"})),
			}
			for _, name := range []string{"third", "fourth"} { // with a Secret each, and the same tokens from now on
				t.Tokens(ctx, name, &oauth2.Token{AccessToken: "old"})
				p := t.Profile(ctx, name, connectedByAna, func(p *rosterv1alpha1.SocialProfile) {
					p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: name}
				})
				a := repairs(p, accountOnX(name, &oauth2.Token{AccessToken: "shared"}))
				a.Entries = map[string][]byte{network.KeyAccess: []byte("shared")}
				t.order.Accounts = append(t.order.Accounts, a)
			}
			Eventually(func(g Gomega) {
				var cached rosterv1alpha1.SocialProfileList
				g.Expect(as.List(ctx, &cached, client.InNamespace(t.Name))).To(Succeed())
				g.Expect(cached.Items).To(HaveLen(4))
			}).Should(Succeed(), "the process has seen them")
		}, func(t *trial) {
			secret := Get[corev1.Secret](ctx, t.Space, "tokens")
			if renewed[t.Name] = string(secret.Data[network.KeyAccess]) == "new"; renewed[t.Name] {
				Patch(ctx, secret, func(secret *corev1.Secret) {
					secret.Data[network.KeyAccess], secret.Data[network.KeyRefresh] = []byte("renewed"), []byte("next")
				})
			}
		}, func(t *trial, outcomes []connection.Outcome) {
			Expect(results(outcomes)).To(HaveEach(connection.Repaired))
			profiles, secrets := state(ctx, t.Space)
			Expect(profiles).To(HaveLen(4))
			Expect(secrets).To(HaveLen(5))
			third, fourth := Get[rosterv1alpha1.SocialProfile](ctx, t.Space, "third"), Get[rosterv1alpha1.SocialProfile](ctx, t.Space, "fourth")
			Expect(third.Spec.CredentialsSecretRef).To(Equal(fourth.Spec.CredentialsSecretRef))
			one := Get[corev1.Secret](ctx, t.Space, third.Spec.CredentialsSecretRef.Name)
			Expect(owners(one)).To(ConsistOf(asOwner(third), asOwner(fourth)))
			Expect(string(Get[corev1.Secret](ctx, t.Space, "third").Data[network.KeyAccess])).To(Equal("old"))
			want := "new"
			if renewed[t.Name] {
				want = "renewed"
			}
			Expect(string(Get[corev1.Secret](ctx, t.Space, "tokens").Data[network.KeyAccess])).To(Equal(want))
			Expect(Get[rosterv1alpha1.SocialProfile](ctx, t.Space, "acme").Spec.CredentialsSecretRef.Name).To(Equal("tokens"))
			bare := Get[rosterv1alpha1.SocialProfile](ctx, t.Space, "bare")
			Expect(string(Get[corev1.Secret](ctx, t.Space, bare.Spec.CredentialsSecretRef.Name).Data[network.KeyAccess])).To(Equal("bare"))
		})
		Expect(renewed).To(ContainElement(true), "some process died after it had written the tokens")
		Expect(renewed).To(ContainElement(false), "and some before")
	})

	It("to connect finds a name of its own where Secrets of others wait, wherever the process dies", func(ctx SpecContext) {
		keys, err := linkKeys().Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		carryOut(ctx, func(t *trial) {
			t.order.Accounts = []connection.Account{accountOnX("one", &oauth2.Token{AccessToken: "new"})}
		}, nil, func(t *trial, outcomes []connection.Outcome) {
			Expect(results(outcomes)).To(Equal([]connection.Result{connection.Added}))
			profiles, secrets := state(ctx, t.Space)
			Expect(profiles).To(HaveLen(1))
			Expect(secrets).To(HaveLen(2))
			named := Get[corev1.Secret](ctx, t.Space, profiles[0].Spec.CredentialsSecretRef.Name)
			Expect(string(named.Data[network.KeyAccess])).To(Equal("new"))
			Expect(owners(named)).To(Equal([]string{asOwner(&profiles[0])}))
		}, func(t *trial, order *corev1.Secret) {
			// Nobody knows the name before. A Secret that waits there all the same is its maker's, whatever it says about itself.
			in := connection.Input{Order: t.order, UID: order.UID}
			waiting := &corev1.Secret{Data: map[string][]byte{network.KeyAccess: []byte("of somebody else")}}
			waiting.Namespace, waiting.Name = t.Name, connection.Groups(in, []*connection.Step{{}})[0].NewNames(connection.NewMaker(keys))[0]
			waiting.Labels, waiting.Annotations = reading.Managed(), map[string]string{rosterv1alpha1.ConnectionAnnotation: string(order.UID)}
			Expect(API.Create(ctx, waiting)).To(Succeed())
		})
	})

	It("to remove leads to the same end", func(ctx SpecContext) {
		carryOut(ctx, func(t *trial) {
			p := t.Profile(ctx, "acme", func(p *rosterv1alpha1.SocialProfile) { p.Spec.ConnectedBy = t.Address("ana") })
			t.order.Remove = &connection.Profile{Name: p.Name, UID: string(p.UID)}
			Eventually(func() error { return as.Get(ctx, client.ObjectKeyFromObject(p), &rosterv1alpha1.SocialProfile{}) }).Should(Succeed())
		}, nil, func(t *trial, outcomes []connection.Outcome) {
			// Once it has gone, its handle is not known any more.
			Expect(outcomes).To(ConsistOf(And(HaveField("Profile", "acme"), HaveField("Result", connection.Removed), HaveField("Handle", ContainSubstring("acme")))))
			profiles, _ := state(ctx, t.Space)
			Expect(profiles).To(BeEmpty())
		})
	})
})
