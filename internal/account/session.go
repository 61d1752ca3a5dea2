// SPDX-License-Identifier: Apache-2.0

package account

import (
	"crypto/rand"
	"slices"
	"time"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// How long sessions last: the reauthentication of NIST SP 800-63B-4, AAL2 (2.2.3).
const (
	// SessionLifetime is the longest that a session lasts, however busy it is.
	SessionLifetime = 24 * time.Hour
	// SessionIdle is how long a session lasts without a request.
	SessionIdle = time.Hour
	// PendingLifetime is how long somebody whose password was right may take for the second factor.
	PendingLifetime = 10 * time.Minute
	// ProofLifetime is how long after a proof what is sensitive can be done without another.
	ProofLifetime = 10 * time.Minute
)

// Method is a way in which people prove who they are.
type Method string

// MethodPassword is the password of the Account.
const MethodPassword Method = "password"

// Proof is that a person proved who they are.
type Proof struct {
	Method Method    `json:"method"`
	Time   time.Time `json:"time"`
}

// Session is what a browser holds, sealed, of somebody who has signed in. By itself it says who signed in how and when; whether it still
// counts is decided with the Account and its Credentials.
type Session struct {
	// ID is random; it tells sessions apart in the log.
	ID string `json:"id"`
	// Account is the name of the Account, CredentialsID the ID of its credentials: a session does not outlive its Account.
	Account       string `json:"account"`
	CredentialsID string `json:"uid"`
	// Epoch, Device and Round are those of the Credentials' Sessions when the session began.
	Epoch  int64  `json:"epoch"`
	Device string `json:"device"`
	Round  int64  `json:"round"`
	// Began is when the session began, Seen when it was last used, give or take a minute.
	Began time.Time `json:"began"`
	Seen  time.Time `json:"seen"`
	// Proofs, each method once, oldest first.
	Proofs []Proof `json:"proofs"`
	// Also is another address of the person, by the word of the company that they last signed in with.
	Also address.Address `json:"also,omitempty"`
	// Generation of the Account when the session was last used.
	Generation int64 `json:"generation,omitempty"`
	// Pending means that the password was right and something more is needed: the session lets its holder give that, and do nothing else.
	Pending bool `json:"pending,omitempty"`
}

// NewSession begins a session of a person who has just proved who they are. It counts once Begin has put it on a device, or, while it is
// pending, without one.
func NewSession(of *rosterv1alpha1.Account, c Credentials, m Method, now time.Time) Session {
	return Session{
		ID: rand.Text(), Account: of.Name, CredentialsID: ID(of), Epoch: c.Sessions.Epoch, Generation: of.Generation,
		Began: now, Seen: now, Proofs: []Proof{{Method: m, Time: now}},
	}
}

// Prove notes a proof that the person has just given.
func (s *Session) Prove(m Method, now time.Time) {
	s.Proofs = append(slices.DeleteFunc(slices.Clone(s.Proofs), func(p Proof) bool { return p.Method == m }), Proof{Method: m, Time: now})
}

// Proved is when the person last gave a proof by one of the methods, or by any if none is named; zero if they did not.
func (s Session) Proved(methods ...Method) time.Time {
	var last time.Time
	for _, p := range s.Proofs {
		if (len(methods) == 0 || slices.Contains(methods, p.Method)) && p.Time.After(last) {
			last = p.Time
		}
	}
	return last
}

// over reports whether the time of the session has run out.
func (s Session) over(now time.Time) bool {
	if s.Pending {
		return !now.Before(s.Began.Add(PendingLifetime))
	}
	return !now.Before(s.Began.Add(SessionLifetime)) || !now.Before(s.Seen.Add(SessionIdle))
}

// unseenSuspension is how many changes of the spec can hide a suspension that has ended.
const unseenSuspension = 2

// SuspendedSince reports whether an Account is suspended, or has been since that time.
func SuspendedSince(of *rosterv1alpha1.Account, began time.Time) bool {
	t := of.Status.SuspendedTime
	return ptr.Deref(of.Spec.Suspended, false) || t != nil && !began.After(t.Time)
}

// MayHaveBeenSuspended reports whether an Account may have been suspended and set free while nobody looked: that takes two changes which
// the operator has not seen, nor what saw that generation of it.
func MayHaveBeenSuspended(of *rosterv1alpha1.Account, seen int64) bool {
	return of.Generation-max(of.Status.ObservedGeneration, seen) >= unseenSuspension
}

// restsOnLostFactor reports whether the person last proved themselves by a second factor before an administrator took all of them away.
// Somebody who found one could add another in the session that it opened. What was given before is what factor.Factors.Since leaves out.
func (s Session) restsOnLostFactor(of *rosterv1alpha1.Account, now time.Time) bool {
	reset, given := of.Spec.FactorsResetRequestedAt, s.Proved(MethodApp, MethodRecovery, MethodPasskey, MethodPasskeyAlone)
	if reset == nil || reset.After(now) || given.IsZero() {
		return false
	}
	return given.Before(reset.Truncate(time.Second).Add(time.Second))
}

// Counts reports whether the session is in force for that Account and its Credentials, which the caller has just read.
func (s Session) Counts(of *rosterv1alpha1.Account, c Credentials, now time.Time) bool {
	if s.over(now) || s.CredentialsID != ID(of) || s.Account != of.Name || s.Epoch != c.Sessions.Epoch {
		return false
	}
	if SuspendedSince(of, s.Began) || MayHaveBeenSuspended(of, s.Generation) || s.restsOnLostFactor(of, now) {
		return false
	}
	if s.Pending {
		return true
	}
	d := c.Sessions.device(s.Device)
	return d != nil && d.Round == s.Round
}
