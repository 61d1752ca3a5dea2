// SPDX-License-Identifier: Apache-2.0

package logout_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/net/dns/dnsmessage"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/portal/openid/logout"
	"github.com/roster-dev/roster/internal/testenv"
)

// count is what a counter of messages shows.
func (r *replica) count(w *world, result string) float64 {
	families, err := r.registry.Gather()
	w.Expect(err).NotTo(HaveOccurred())
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "roster_portal_logout_messages_total" && m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

func (p *person) suspend() {
	p.w.t.Helper()
	p.changeAccount(func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(true) })
}

// passes lets time go by until the next try is due, and has the account looked at then.
func (w *world) passes(d time.Duration, r *replica, p *person) {
	w.clock.SetTime(w.clock.Now().Add(d))
	r.Ask(p.of.Name)
}

// TestATroubledTool: a tool that cannot be told does not keep the sign-in from ending, and is told later.
func TestATroubledTool(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"fails": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "it answers with status 502"},
		"redirects": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "it answers with status 307"},
		"is down":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"says nothing": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "it does not answer within 5s"},
		"never stops talking": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat("x", 1<<16))); err != nil {
					return
				}
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ana := w.person("ana")
			session := ana.signIn("tool", "laptop")
			w.tool.answers(tc.answer)
			r := w.replica()
			ana.suspend()
			if tc.says == "" { // it said yes before it began to talk
				w.Eventually(ana.grants).Should(BeEmpty())
				return
			}
			w.Eventually(ana.sessions).Should(BeEmpty(), "the sign-in is over, whatever the tool does")
			w.Eventually(r.log.String).Should(And(ContainSubstring(tc.says), ContainSubstring(w.ns+".tool")))
			w.Eventually(func() float64 { return r.count(w, "failed") }).Should(Equal(1.0))
			w.Expect(r.log.String()).NotTo(ContainSubstring("127.0.0.1"), "addresses are the organisation's")
			w.Eventually(ana.grants).Should(ConsistOf(HaveField("Ending.Next", BeTemporally(">", w.clock.Now()))))
			w.tool.answers(nil)
			w.Eventually(func() []string { w.passes(10*time.Second, r, ana); return w.tool.ended() }).Should(ContainElement(session))
			w.Eventually(ana.grants).Should(BeEmpty())
			w.Expect(strings.Count(r.log.String(), "it is tried again")).To(Equal(1))
		})
	}
}

// TestASlowToolHoldsUpNoOther: places are counted by organisation.
func TestASlowToolHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	slow, other := newWorld(t), newWorld(t)
	release := make(chan struct{})
	slow.tool.answers(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	ben := other.person("ben")
	bens := ben.signIn("tool", "laptop")
	change(other, &corev1.Secret{}, ben.key(), func(s *corev1.Secret) { s.Labels["test"] = slow.ns })
	var people []*person
	for _, name := range []string{"a1", "a2", "a3", "a4", "a5", "a6"} {
		p := slow.person(name)
		p.signIn("tool", "laptop")
		people = append(people, p)
	}
	slow.replica()
	for _, p := range people {
		p.suspend()
	}
	slow.Eventually(slow.tool.requests).Should(Equal(4), "no more than four wait for it at once")
	ben.suspend()
	other.Eventually(other.tool.ended).Should(ConsistOf(bens))
	for _, p := range people {
		slow.Eventually(p.sessions).Should(BeEmpty())
	}
}

// TestPrivateAddresses: what an organisation writes into an Application leads the portal nowhere inside.
func TestPrivateAddresses(t *testing.T) {
	names := newNames(t, map[string][4]byte{"rebound.tool.example.": {127, 0, 0, 1}})
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(secure.Close)
	_, port, err := net.SplitHostPort(secure.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var reached atomic.Int32
	secure.Config.ConnState = func(net.Conn, http.ConnState) { reached.Add(1) }
	for name, address := range map[string]string{
		"loopback":           "https://127.0.0.1:" + port + "/",
		"a name of loopback": "https://localhost:" + port + "/",
		"a name that leads there, of somebody else's zone": "https://rebound.tool.example:" + port + "/",
		"IPv6":     "https://[::1]:" + port + "/",
		"mapped":   "https://[::ffff:127.0.0.1]:" + port + "/",
		"metadata": "https://169.254.169.254/latest",
		"private":  "https://10.0.0.1/",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.networks = nil
			w.application("inside", address)
			ana := w.person("ana")
			ana.signIn("inside", "laptop")
			r := w.replica()
			ana.suspend()
			w.Eventually(r.log.String).Should(ContainSubstring("the address is neither public nor in portal.openID.backChannelNetworks"))
			w.Eventually(ana.sessions).Should(BeEmpty())
		})
	}
	if reached.Load() > 0 {
		t.Error("the server inside was connected to")
	}
	if names.Load() == 0 {
		t.Error("no name was looked up")
	}
}

// newNames is a name server, which the process asks from now on, and which counts the questions.
func newNames(t *testing.T, known map[string][4]byte) *atomic.Int32 {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if address, ok := known[m.Questions[0].Name.String()]; ok && m.Questions[0].Type == dnsmessage.TypeA {
				asked.Add(1)
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 1},
					Body:   &dnsmessage.AResource{A: address},
				}}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(answer, from)
			}
		}
	}()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = before; _ = server.Close() })
	return &asked
}

// TestReplicasSendOnce: several see the same, and one tells.
func TestReplicasSendOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var people []*person
	var over []string
	for _, name := range []string{"ana", "ben", "carla", "dora", "emil"} {
		p := w.person(name)
		over = append(over, p.signIn("tool", "laptop"), p.signIn("tool", "phone"))
		people = append(people, p)
	}
	for range 3 {
		w.replica()
	}
	w.changeOrganization(func(o *rosterv1alpha1.Organization) { o.Spec.Security.MultiFactor = rosterv1alpha1.MultiFactorRequired })
	w.Eventually(w.tool.ended).Should(ConsistOf(over))
	for _, p := range people {
		w.Eventually(p.grants).Should(BeEmpty())
	}
	w.Consistently(w.tool.ended).Should(ConsistOf(over), "each is told of once")
}

// errCut is what a replica meets that dies.
var errCut = errors.New("the replica is cut off")

// TestAReplicaThatDies: whatever it was about to do, another does.
func TestAReplicaThatDies(t *testing.T) {
	for name, tc := range map[string]struct {
		// cut is the write of the Secret from which on nothing gets through.
		cut  int32
		told int
	}{
		"before it has written down the end":               {1, 1},
		"before it has written down that it told the tool": {2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ana := w.person("ana")
			session := ana.signIn("tool", "laptop")
			var writes atomic.Int32
			dying := w.replica(func(o *logout.Options) {
				c, err := client.NewWithWatch(cluster.As("roster-portal"), client.Options{Scheme: cluster.Scheme})
				w.Expect(err).NotTo(HaveOccurred())
				o.Secrets = account.ClusterSecrets{Client: interceptor.NewClient(c, interceptor.Funcs{
					Update: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.UpdateOption) error {
						if writes.Add(1) >= tc.cut {
							return errCut
						}
						return c.Update(ctx, o, options...)
					},
				})}
			})
			ana.suspend()
			w.Eventually(writes.Load).Should(BeNumerically(">=", tc.cut))
			dying.stop()
			w.Expect(ana.grants()).To(HaveLen(1))

			next := w.replica() // sees at its start what is left
			if tc.told > 1 {
				w.Eventually(w.tool.ended).Should(ConsistOf(session))
				w.Consistently(w.tool.ended).Should(HaveLen(1), "the time is not up that the first has given itself")
				w.passes(31*time.Second, next, ana)
			}
			w.Eventually(w.tool.ended).Should(And(HaveLen(tc.told), HaveEach(session)))
			w.Eventually(ana.grants).Should(BeEmpty())
		})
	}
}

// TestWhatNobodySaw: an end that came while no replica ran is found at the start, and where a deleted Application wanted to be told is
// known from the moment that its end was written down.
func TestWhatNobodySaw(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.person("ana")
	session := ana.signIn("tool", "laptop")
	ana.suspend()
	w.tool.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	first := w.replica()
	w.Eventually(ana.grants).Should(ConsistOf(HaveField("Ending.To", w.tool.url("/logout"))))
	first.stop()
	w.Expect(w.api.Delete(t.Context(), &rosterv1alpha1.Application{ObjectMeta: objectMeta(w.ns, "tool")})).To(Succeed())
	w.tool.answers(nil)
	w.clock.SetTime(w.clock.Now().Add(time.Minute))
	w.replica()
	w.Eventually(w.tool.ended).Should(ConsistOf(session))
}

// TestWhatDoesNotCount is not looked at: a Secret without grants costs nothing, and writes are made only where something ends.
func TestWhatDoesNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, ben := w.person("ana"), w.person("ben")
	session := ana.signIn("tool", "laptop")
	var reads atomic.Int32
	as := cluster.As("roster-portal")
	writes := testenv.CountWrites(as)
	r := w.replica(func(o *logout.Options) {
		c, err := client.NewWithWatch(as, client.Options{Scheme: cluster.Scheme})
		w.Expect(err).NotTo(HaveOccurred())
		counted := interceptor.NewClient(c, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
				if key.Name == ben.of.Name {
					reads.Add(1)
				}
				return c.Get(ctx, key, o, options...)
			},
		})
		o.Client, o.Secrets = counted, account.ClusterSecrets{Client: counted}
	})
	ben.changeMember(func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "Ben" })
	ben.suspend()
	ana.changeMember(func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "Ana" })
	w.changeOrganization(func(o *rosterv1alpha1.Organization) { o.Spec.DisplayName = "Acme" })
	r.Ask(ana.of.Name)
	w.Consistently(func(g Gomega) {
		g.Expect(reads.Load()).To(BeZero(), "ben has signed in to nothing")
		g.Expect(writes.Of("secrets")).To(BeZero(), "%v %v %+v", writes, r.log, ana.grants())
		g.Expect(ana.sessions()).To(ConsistOf(session), r.log.String())
	}).Should(Succeed())
}

// TestTheLabelFollowsTheGrants: by it, Accounts with grants are found.
func TestTheLabelFollowsTheGrants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.person("ana")
	ana.signIn("tool", "laptop")
	labelled := func() string { return w.secret(ana).Labels[grant.Label] }
	w.Expect(labelled()).To(Equal("true"))
	w.replica()
	ana.suspend()
	w.Eventually(labelled).Should(BeEmpty())
	w.Expect(w.secret(ana).Labels).To(HaveKeyWithValue("app.kubernetes.io/managed-by", "roster"))
}
