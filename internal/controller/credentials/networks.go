// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/credential"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/network/directory"
)

// networks finds the network of a profile, and sees to it that none is asked too often. Its limiters are not those of package limit, which
// refuse what is too much: here everything gets its turn, and who waits for it has taken a place.
type networks struct {
	directory.Directory
	clock clock.PassiveClock

	mu       sync.Mutex
	limiters map[string]*rate.Limiter
	resting  map[string]time.Time
}

func newNetworks(o Options) *networks {
	return &networks{Directory: o.Networks, clock: o.Clock, limiters: map[string]*rate.Limiter{}, resting: map[string]time.Time{}}
}

// venue is where the tokens of a profile are asked about.
type venue struct {
	network.Network
	key    string
	server string
	wanted []string
	limit  int
}

// of is the network of a profile, or why there is none.
func (n *networks) of(ctx context.Context, p *rosterv1alpha1.SocialProfile) (*venue, *credential.Obstacle, error) {
	c, err := n.Of(p)
	var at network.Network
	if err == nil {
		at, err = n.Open(ctx, c)
	}
	if missing, ok := errors.AsType[*directory.NotConfiguredError](err); ok {
		return nil, &credential.Obstacle{Reason: rosterv1alpha1.ReasonNetworkNotConfigured, Message: missing.Message}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return &venue{
		Network: at, key: string(c.Name) + " " + c.Host(), server: network.Server(c.Name, c.URL),
		wanted: directory.Scopes(c, at.Traits(), p.Spec.Type), limit: c.ChecksPerMinute,
	}, nil, nil
}

// turn is how long to wait before a network may be asked once more. The place is taken: a profile that waits that long need not ask again.
func (n *networks) turn(v *venue) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.clock.Now()
	limiter := n.limiters[v.key]
	if limiter == nil {
		perSecond := float64(v.limit) / 60
		limiter = rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
		n.limiters[v.key] = limiter
	}
	return limiter.ReserveN(now, 1).DelayFrom(now)
}

// rests is how long a network wants to be let alone by all profiles.
func (n *networks) rests(v *venue) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.resting[v.key].Sub(n.clock.Now())
}

// rest lets a network alone for as long as it asks, where its limit is one for all profiles.
func (n *networks) rest(v *venue, err error) {
	asked := credential.RestOf(err)
	if asked == 0 || !v.Traits().Shared {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if until := n.clock.Now().Add(asked); until.After(n.resting[v.key]) {
		n.resting[v.key] = until
	}
}
