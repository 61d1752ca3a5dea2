// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"net/http"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// hanging keeps the API server's answers from writes to a namespace until it is let go.
type hanging struct {
	in, what string
	reached  chan struct{}
	letGo    func()
	released chan struct{}
}

func newHanging(in, what string) *hanging {
	h := &hanging{in: in, what: what, reached: make(chan struct{}, 1), released: make(chan struct{})}
	h.letGo = sync.OnceFunc(func() { close(h.released) })
	return h
}

func (h *hanging) wrap(next http.RoundTripper) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/namespaces/"+h.in+"/"+h.what) {
			select {
			case h.reached <- struct{}{}:
			default:
			}
			select {
			case <-h.released:
			case <-r.Context().Done():
				return nil, context.Cause(r.Context())
			}
		}
		return next.RoundTrip(r)
	})
}

var _ = Describe("A write that hangs in one organisation", Serial, func() {
	var here, there space
	hangs := func(what string) *hanging {
		GinkgoHelper()
		Running.Stop()
		h := newHanging(there.Name, what)
		DeferCleanup(func() {
			h.letGo()
			Running.Stop()
			Running = StartOperator(Cluster.As("roster-manager"))
		})
		config := Cluster.As("roster-manager")
		config.Wrap(h.wrap)
		Running = StartOperator(config)
		return h
	}
	BeforeEach(func(ctx SpecContext) {
		here, there = newSpace(ctx), newSpace(ctx)
		here.Join(ctx, "ana")
	})

	It("does not keep a suspension in another from coming into force", func(ctx SpecContext) {
		h := hangs("rolebindings")
		there.Declare(ctx, "bob", func(m *rosterv1alpha1.Member) { m.Spec.AccountRef = AccountOf(m.Spec.Email) })
		Eventually(h.reached).Should(Receive(), "Bob is about to be bound")
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, here, "ana"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		Eventually(func() bool { return here.mayUser(ctx, "ana", "get", "organizations", "acme") }).Should(BeFalse(), "Ana is suspended")
		here.MemberIs(ctx, "ana", rosterv1alpha1.MemberSuspended)
		h.letGo()
		there.MemberIs(ctx, "bob", rosterv1alpha1.MemberActive)
	})

	It("does not keep people of another from being invited, or suspended", func(ctx SpecContext) {
		h := hangs("invitations")
		there.Invite(ctx, "bob")
		Eventually(h.reached).Should(Receive(), "Bob's Invitation is about to be written")
		here.Declare(ctx, "cleo")
		Eventually(func() []string { return Mails(here.Address("cleo")) }).Should(HaveLen(1), "Cleo is invited")
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, here, "ana"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		here.MemberIs(ctx, "ana", rosterv1alpha1.MemberSuspended)
		h.letGo()
		there.InvitationIs(ctx, "bob", rosterv1alpha1.InvitationSent)
	})
})

