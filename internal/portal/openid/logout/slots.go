// SPDX-License-Identifier: Apache-2.0

package logout

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

const (
	// mostOfOne is how many messages to the applications of one organisation are on their way at once, mostOfAll to all: a tool that is slow
	// to answer holds up no others.
	mostOfOne = 4
	mostOfAll = 64
)

// slots are the places for messages that are on their way, by organisation.
type slots struct {
	mu    sync.Mutex
	taken map[string]int
	all   int
}

func newSlots() *slots { return &slots{taken: map[string]int{}} }

// take takes a place. It returns false if there is none.
func (s *slots) take(of string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[of] >= mostOfOne || s.all >= mostOfAll {
		return false
	}
	s.taken[of]++
	s.all++
	return true
}

// give gives places back.
func (s *slots) give(places []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range places {
		s.all--
		if s.taken[of]--; s.taken[of] == 0 {
			delete(s.taken, of)
		}
	}
}

// goneFor is how long it is remembered where an Application that was deleted wanted to be told. Grants that end for that have it written
// down by then.
const goneFor = time.Hour

// gone are Applications that were deleted lately.
type gone struct {
	clock clock.PassiveClock

	mu  sync.Mutex
	all map[types.UID]goneApplication
}

type goneApplication struct {
	address string
	since   time.Time
}

func newGone(c clock.PassiveClock) *gone {
	return &gone{clock: c, all: map[types.UID]goneApplication{}}
}

// note remembers an Application that was deleted.
func (g *gone) note(a *rosterv1alpha1.Application) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	for uid, known := range g.all {
		if now.Sub(known.since) > goneFor {
			delete(g.all, uid)
		}
	}
	if a.Spec.BackChannelLogoutURI != "" {
		g.all[a.UID] = goneApplication{a.Spec.BackChannelLogoutURI, now}
	}
}

func (g *gone) address(uid types.UID) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all[uid].address
}
