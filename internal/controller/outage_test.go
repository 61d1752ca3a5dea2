// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"io"
	"net"
	"net/url"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/mail/smtptest"
)

// wire stands between the operator and the API server, and can be cut.
type wire struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func newWire(server string) *wire {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	w := &wire{listener: listener, server: server}
	go w.serve()
	DeferCleanup(func() {
		w.setCut(true)
		_ = listener.Close()
	})
	return w
}

func (w *wire) serve() {
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.join(conn)
	}
}

func (w *wire) join(operator net.Conn) {
	server, err := net.Dial("tcp", w.server)
	if err != nil || !w.keep(operator, server) {
		_ = operator.Close()
		return
	}
	go func() { _, _ = io.Copy(server, operator) }()
	_, _ = io.Copy(operator, server)
	_ = operator.Close()
	_ = server.Close()
}

// keep remembers connections so that they can be cut; false if the wire is cut already.
func (w *wire) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, conns...)
	return !w.cut
}

// setCut breaks every connection and refuses new ones, or lets them through again.
func (w *wire) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for _, c := range w.conns {
			_ = c.Close()
		}
		w.conns = nil
	}
}

var _ = Describe("An API server that goes away", Serial, func() {
	var (
		s space
		w *wire
	)
	BeforeEach(func(ctx SpecContext) {
		s = newSpace(ctx)
		Running.Stop()
		config := Cluster.As("roster-manager")
		host, err := url.Parse(config.Host)
		Expect(err).NotTo(HaveOccurred())
		if host.Host == "" {
			host, err = url.Parse("https://" + config.Host)
			Expect(err).NotTo(HaveOccurred())
		}
		w = newWire(host.Host)
		config.Host = "https://" + w.listener.Addr().String()
		Running = StartOperator(config)
		DeferCleanup(func() {
			w.setCut(false)
			Running.Stop()
			Running = StartOperator(Cluster.As("roster-manager"))
		})
	})

	It("delays what happens meanwhile and drops nothing", func(ctx SpecContext) {
		s.Invite(ctx, "before")
		inv := s.InvitationIs(ctx, "before", rosterv1alpha1.InvitationSent)
		w.setCut(true)
		s.Invite(ctx, "ana")
		Patch(ctx, inv, func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(true) })
		Consistently(func() int { return len(Mails(s.Address("ana"))) }).Should(BeZero(), "the operator is cut off")
		w.setCut(false)
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.InvitationIs(ctx, "before", rosterv1alpha1.InvitationRevoked)
		Expect(Mails(s.Address("ana"))).To(HaveLen(1))
	})

	It("between a mail and its status repeats the write, not the mail", func(ctx SpecContext) {
		gate := smtptest.NewGate()
		Post.Script(smtptest.Fault{Step: smtptest.AtRcpt, To: s.Address("ana"), Gate: gate})
		s.Invite(ctx, "ana")
		Eventually(gate.Reached()).Should(Receive(), "the mail is on its way")
		w.setCut(true)
		gate.Open()
		Eventually(func() int { return len(Mails(s.Address("ana"))) }).Should(Equal(1), "the relay has it")
		Consistently(func() rosterv1alpha1.InvitationState {
			return Get[rosterv1alpha1.Invitation](ctx, s, "ana").Status.State
		}).Should(BeEmpty(), "and nobody can write that down")
		w.setCut(false)
		inv := s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(inv.Status.Attempt).To(Equal(int32(1)))
		Consistently(func() int { return len(Mails(s.Address("ana"))) }).Should(Equal(1))
	})
})
