// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// lookouts is a cache that tells when it is asked for one Invitation by name, as only a page that waits does.
type lookouts struct {
	client.Reader
	seen chan struct{}
}

func (l lookouts) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if _, ok := o.(*rosterv1alpha1.Invitation); ok {
		select {
		case l.seen <- struct{}{}:
		default:
		}
	}
	return l.Reader.Get(ctx, key, o, opts...)
}

// A mail may be faster than the status: its link waits for it, and nothing else does.
func TestMailFasterThanTheStatus(t *testing.T) {
	w := newWorld(t)
	cache := lookouts{Reader: w.cache, seen: make(chan struct{}, 1)}
	s := w.site(unlimited, func(c *configure) { c.Cache = cache })
	s.handler.links.Patience = time.Hour
	forget := func() {
		for len(cache.seen) > 0 {
			<-cache.seen
		}
	}
	for _, page := range []string{"", "/decline"} {
		forget()
		inv := w.invite("late")
		early := w.linkFor(inv, 2, inv.Spec.Email)
		go func() {
			<-cache.seen
			w.sent(inv, 2, now().Add(time.Hour))
		}()
		s.browser().get(early+page).expect(t, http.StatusOK, "Acme Social")
	}

	forget()
	inv := w.invite("never")
	early := w.linkFor(inv, 2, inv.Spec.Email)
	s.browser().get(w.linkFor(inv, 2, "somebody@else.example")).expect(t, http.StatusNotFound)
	s.browser().post(early, accepting()).expect(t, http.StatusServiceUnavailable, "One moment, please")
	if len(cache.seen) > 0 {
		t.Error("a forged link waits, or a form that is sent")
	}
	s.handler.links.Patience = time.Millisecond
	s.browser().get(early).expect(t, http.StatusServiceUnavailable, "One moment, please")
	if len(cache.seen) == 0 {
		t.Error("the link did not wait")
	}
}

// behind is a cache that does not know any Invitation until it has been asked a few times.
type behind struct {
	client.Reader
	left *atomic.Int32
}

func (b behind) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if _, ok := list.(*rosterv1alpha1.InvitationList); ok && b.left.Add(-1) >= 0 {
		return nil
	}
	return b.Reader.List(ctx, list, opts...)
}

// A mail may be faster than the cache, whose watch ends when the kinds change: the page waits instead of saying that the link does not work.
func TestMailFasterThanTheCache(t *testing.T) {
	w := newWorld(t)
	cache := behind{Reader: w.cache, left: &atomic.Int32{}}
	s := w.site(unlimited, func(c *configure) { c.Cache = cache })
	s.handler.links.Patience = time.Hour
	inv := w.invite("new")
	cache.left.Store(3)
	s.browser().get(w.link(inv)).expect(t, http.StatusOK, "Acme Social")
	cache.left.Store(1000)
	s.browser().post(w.link(inv), accepting()).expect(t, http.StatusNotFound)
	cache.left.Store(0)
	s.browser().get(w.linkFor(inv, 1, "somebody@else.example")).expect(t, http.StatusNotFound, "This link does not work")
}
