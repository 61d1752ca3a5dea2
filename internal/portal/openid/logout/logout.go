// SPDX-License-Identifier: Apache-2.0

// Package logout ends the grants that people have given applications, as soon as something that they rest on is gone, and tells the
// applications (OpenID Connect Back-Channel Logout 1.0).
//
// Every replica of the portal looks. Of those that find the same end, one writes it down, under the version that was read, and sends the
// message; then it forgets the grant. A replica that dies in between leaves a grant that is marked as ending, and another takes over when
// the time has run out that the first one had given itself.
package logout

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/portal/openid/standing"
	"github.com/roster-dev/roster/internal/portal/web"
)

const (
	// lookers is how many Accounts are looked at side by side.
	lookers = 4
	// lookFor bounds a look, so that an API server that does not answer holds up no other.
	lookFor = 30 * time.Second
	// every is how often all Accounts with grants are looked at, whatever has been noticed.
	every = 10 * time.Minute
)

// Options are what an Ender works with.
type Options struct {
	// Standing is what grants rest on.
	Standing *standing.Reader
	// Client reads and writes without a cache.
	Client client.Client
	// Secrets hold the grants. They must not be those that Watch made: an Ender does not tell itself what it has done.
	Secrets account.Secrets
	// Keys sign the messages.
	Keys *web.Source[signing.Set]
	// Issuer is what the messages name as theirs.
	Issuer string
	// Networks that messages may go to besides public addresses.
	Networks []netip.Prefix
	// Clock says what time it is.
	Clock clock.PassiveClock
	// Log gets a line for each grant that ends and each application that cannot be told, with no token and no address.
	Log logr.Logger
	// Metrics to count in.
	Metrics *Metrics
}

// Ender ends grants.
type Ender struct {
	Options
	queue workqueue.TypedRateLimitingInterface[string]
	http  *http.Client
	slots *slots
	// withGrants are the Accounts whose Secrets have grants, as far as this replica knows.
	withGrants func(name string) bool
	gone       *gone
	// sending are the messages on their way.
	sending sync.WaitGroup
}

// New returns an Ender, which does nothing until it is started.
func New(o Options) *Ender {
	return &Ender{
		Options: o,
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[string](100*time.Millisecond, time.Minute)),
		http: newHTTPClient(o.Networks), slots: newSlots(), gone: newGone(o.Clock),
		withGrants: func(string) bool { return false },
	}
}

// Ask has an Account looked at soon. It can be called at any time.
func (e *Ender) Ask(name string) { e.queue.Add(name) }

// ask is Ask for an Account that a change concerns, which need not have any grants.
func (e *Ender) ask(name string) {
	if e.withGrants(name) {
		e.queue.Add(name)
	}
}

// Start looks at Accounts until the context ends, and then waits for the messages that are on their way. It is part of [manager.Runnable].
func (e *Ender) Start(ctx context.Context) error {
	var all sync.WaitGroup
	for range lookers {
		all.Go(func() {
			for e.next(ctx) {
			}
		})
	}
	<-ctx.Done()
	e.queue.ShutDown()
	all.Wait()
	e.sending.Wait()
	return nil
}

// NeedLeaderElection is part of [manager.LeaderElectionRunnable]: each replica looks.
func (e *Ender) NeedLeaderElection() bool { return false }

// next looks at one Account. It returns false when there will be no more.
func (e *Ender) next(ctx context.Context) bool {
	name, over := e.queue.Get()
	if over {
		return false
	}
	defer e.queue.Done(name)
	looking, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	again, err := e.look(looking, name)
	switch {
	case err != nil && ctx.Err() == nil:
		if e.queue.NumRequeues(name) == 0 || !errors.Is(err, context.DeadlineExceeded) {
			e.Log.Error(err, "Cannot look at the grants of an account; trying again", "account", name)
		}
		e.queue.AddRateLimited(name)
	default:
		e.queue.Forget(name)
		if again > 0 {
			e.queue.AddAfter(name, again)
		}
	}
	return true
}

// all has every Account with grants looked at, spread over the time until the next round.
func (e *Ender) all(names []string) {
	for _, name := range names {
		e.queue.AddAfter(name, rand.N(every)) //nolint:gosec // so that they do not all come at once
	}
}

// accountKey is where an Account and its Secret are.
func accountKey(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: name}
}
