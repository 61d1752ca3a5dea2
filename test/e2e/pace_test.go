// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"sync"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/mail/smtptest"
)

// perSecond is a relay that takes so many mails in any second, as Amazon SES does, and nothing before it opens.
type perSecond struct {
	most int

	mu    sync.Mutex
	taken []time.Time
	// refused is how many mails came too early.
	refused int
	// first and last are when it took them.
	first, last time.Time
}

func (p *perSecond) judge() *smtptest.Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.taken = slices.DeleteFunc(p.taken, func(at time.Time) bool { return now.Sub(at) >= time.Second })
	if len(p.taken) >= p.most {
		p.refused++
		return &smtptest.Fault{Code: 454, Text: "Throttling failure: Maximum sending rate exceeded."}
	}
	if p.first.IsZero() {
		p.first = now
	}
	p.last = now
	p.taken = append(p.taken, now)
	return nil
}

// relayAllowsFourteenASecond has an import of many people go out through a relay that most clouds offer. A slow machine only makes it easier
// for the relay, so that no limit here depends on how fast the test runs.
func relayAllowsFourteenASecond(b *bureau) {
	const people = 500
	limit := &perSecond{most: 14}
	b.post.Judge(limit.judge)
	b.invite(people, "person")
	b.start()
	b.awaitSent()
	b.noMailTwice(people)
	limit.mu.Lock()
	defer limit.mu.Unlock()
	b.t.Logf("the relay took %d mails in %s and refused %d", people, limit.last.Sub(limit.first).Round(time.Second), limit.refused)
	if most := people / 5; limit.refused > most { // It takes longer on a busy machine, and is tried again and again whether more will do.
		b.t.Errorf("the relay refused %d times, want at most %d", limit.refused, most)
	}
	var events eventsv1.EventList
	b.must(b.cluster.Client.List(b.t.Context(), &events, client.InNamespace(b.space)))
	for _, e := range events.Items {
		if e.Type == "Warning" && e.Regarding.Kind != "Organization" {
			b.t.Errorf("the relay's limit is told of %s %s, and not once for all: %s", e.Regarding.Kind, e.Regarding.Name, e.Note)
		}
	}
}
