// SPDX-License-Identifier: Apache-2.0

package logout

import (
	"slices"
	"time"

	"github.com/roster-dev/roster/internal/backoff"
	"github.com/roster-dev/roster/internal/openid/grant"
)

const (
	// settle is how long after a sign-in what is looked up in the cache does not end it: the cache of another replica may not know yet what
	// the sign-in rested on.
	settle = 5 * time.Second
	// unseen is how soon it is looked again if nothing can be said yet.
	unseen = 5 * time.Second
	// elsewhere is how long after its last tokens a sign-in is left alone that only the configuration of this portal is against: a portal with
	// an older or a newer one may give it tokens. No rollout takes longer.
	elsewhere = 24 * time.Hour
	// lease is how long the replica that sends has to say what came of it. Then another sends.
	lease = 30 * time.Second
	// crowded is how soon it is tried again where too many messages are on their way.
	crowded = time.Second
	// firstPause and lastPause bound the pauses between tries, which double. With maxTries they make a day and a half.
	firstPause = 5 * time.Second
	lastPause  = 6 * time.Hour
	maxTries   = 18
)

// pause is how long after so many tries the next one comes.
func pause(tries int) time.Duration { return backoff.Pause(tries-1, firstPause, lastPause) }

// message is what has to be sent about a grant.
type message struct {
	grant grant.Grant
	to    string
}

// step is what a look at the grants of an Account comes to.
type step struct {
	// changed: the document has to be written before anything is sent.
	changed bool
	// ended are the grants that were found to be at their end, dropped those whose application could not be told for too long.
	ended, dropped []grant.Grant
	// send are the messages that are this replica's to send once the document is written.
	send []message
	// next is when there is something to do again; zero if only a change can bring that.
	next time.Time
}

func (s *step) at(t time.Time) {
	if s.next.IsZero() || t.Before(s.next) {
		s.next = t
	}
}

// facts are what the grants of an Account rest on.
type facts struct {
	// of is what one of them does.
	of func(*grant.Grant) grant.Facts
	// to is where its application is told; empty if it does not want to be, or is not known any more.
	to func(*grant.Grant) string
	// free takes one of the places for messages to the organisation of a grant, and returns false if there is none.
	free func(*grant.Grant) bool
}

// advance brings the grants of an Account as far as they go now.
func advance(d *grant.Document, f facts, now time.Time) step {
	var s step
	for i := range d.Grants {
		s.judge(&d.Grants[i], f.of(&d.Grants[i]), now)
	}
	d.Grants = slices.DeleteFunc(d.Grants, func(g grant.Grant) bool {
		if g.Ending == nil || !silent(&g, d.Grants) && (g.Ending.To != "" || f.to(&g) != "") {
			return false
		}
		s.changed = true
		return true
	})
	for i := range d.Grants {
		if g := &d.Grants[i]; g.Ending != nil {
			s.claim(g, f, now)
		}
	}
	d.Grants = slices.DeleteFunc(d.Grants, func(g grant.Grant) bool {
		return slices.ContainsFunc(s.dropped, func(dropped grant.Grant) bool { return dropped.ID == g.ID })
	})
	return s
}

// judge ends a grant that does not count any more.
func (s *step) judge(g *grant.Grant, f grant.Facts, now time.Time) {
	if g.Ending != nil {
		return
	}
	why := grant.Counts(g, f, now)
	switch unused := g.Used.Add(elsewhere); {
	case why == "":
		s.laterOn(g, f, now)
	case why == grant.ReasonNotConfigured && now.Before(unused):
		s.at(unused)
		s.laterOn(g, f, now)
	case !why.Lasting():
		s.at(now.Add(unseen))
	case cached(why) && now.Before(g.Began.Add(settle)):
		s.at(g.Began.Add(settle))
	default:
		s.changed = true
		g.End(why, now)
		s.ended = append(s.ended, *g)
	}
}

// laterOn has a grant looked at again when its time is over, or that of a membership.
func (s *step) laterOn(g *grant.Grant, f grant.Facts, now time.Time) {
	s.at(g.Until())
	for _, m := range f.Memberships { // tokens that name no organisation rest on all
		end := m.Member.Spec.EndTime
		if (g.Namespace == "" || g.Namespace == m.Member.Namespace) && end != nil && end.After(now) {
			s.at(end.Time)
		}
	}
}

// cached reports whether a reason follows from what is looked up in the cache.
func cached(why grant.Reason) bool {
	switch why {
	case grant.ReasonNoMember, grant.ReasonNotAdmitted, grant.ReasonSignInMethod, grant.ReasonSecondFactor,
		grant.ReasonPasskey:
		return true
	}
	return false
}

// silent reports whether the application has nothing to be told: it ended the grant itself, or the grant was over by time, as its tokens
// are, or the same session goes on with another grant.
func silent(g *grant.Grant, all []grant.Grant) bool {
	switch g.Ending.Reason {
	case grant.ReasonOver, grant.ReasonRevoked, grant.ReasonLoggedOut:
		return true
	}
	return slices.ContainsFunc(all, func(other grant.Grant) bool {
		return other.Ending == nil && other.SID == g.SID && other.Client == g.Client && other.ID != g.ID
	})
}

// claim makes the message about a grant this replica's to send, if it is due.
func (s *step) claim(g *grant.Grant, f facts, now time.Time) {
	e := *g.Ending
	if to := f.to(g); to != "" && to != e.To {
		e.To = to
		s.changed = true
		g.Ending = &e
	}
	switch {
	case now.Before(e.Next):
		s.at(e.Next)
		return
	case e.Tries >= maxTries:
		s.changed = true
		s.dropped = append(s.dropped, *g)
		return
	case !f.free(g):
		s.at(now.Add(crowded))
		return
	}
	e.Tries++
	e.Next = now.Add(lease)
	s.changed = true
	g.Ending = &e
	s.at(e.Next)
	s.send = append(s.send, message{grant: *g, to: e.To})
}

// settled notes in the document what came of a message. It returns false if there is nothing to note: somebody else has taken over.
func settled(d *grant.Document, m message, delivered bool, now time.Time) bool {
	g := d.Find(m.grant.ID)
	if g == nil || g.Ending == nil || g.Ending.Tries != m.grant.Ending.Tries {
		return false
	}
	if delivered {
		d.Remove(g.ID)
		return true
	}
	e := *g.Ending
	e.Next = now.Add(backoff.Spread(pause(e.Tries)))
	g.Ending = &e
	return true
}
