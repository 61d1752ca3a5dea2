// SPDX-License-Identifier: Apache-2.0

package account

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestProofs(t *testing.T) {
	var s Session
	s.Prove(MethodPassword, today())
	s.Prove("totp", today().Add(time.Minute))
	s.Prove(MethodPassword, today().Add(2*time.Minute))
	if len(s.Proofs) != 2 || s.Proved() != today().Add(2*time.Minute) || s.Proved("totp") != today().Add(time.Minute) || !s.Proved("oidc").IsZero() {
		t.Errorf("proofs %v", s.Proofs)
	}
	if !s.Fresh(today().Add(11*time.Minute)) || s.Fresh(today().Add(12*time.Minute)) {
		t.Error("a proof is fresh for ten minutes, not more")
	}
}

func TestSessionEndsInTime(t *testing.T) {
	full, pending := Session{Began: today(), Seen: today()}, Session{Began: today(), Seen: today(), Pending: true}
	busy := full
	busy.Seen = today().Add(SessionLifetime)
	for name, tc := range map[string]struct {
		session Session
		ends    time.Duration
	}{
		"idle": {full, SessionIdle}, "busy": {busy, SessionLifetime}, "pending": {pending, PendingLifetime},
	} {
		if end := today().Add(tc.ends); tc.session.over(end.Add(-time.Second)) || !tc.session.over(end) {
			t.Errorf("%s: does not end after %s", name, tc.ends)
		}
	}
}

func TestDevices(t *testing.T) {
	var s Sessions
	for i := range maxDevices {
		s.note(fmt.Sprint(i), "", today().Add(time.Duration(i)*time.Second))
	}
	s.note("0", "", today().Add(2*time.Hour))
	s.note("more", "Firefox, Linux", today().Add(2*time.Hour))
	if len(s.Devices) != maxDevices || s.device("1") != nil || s.device("0") == nil || s.device("more").Label != "Firefox, Linux" {
		t.Errorf("devices %+v", s.Devices)
	}
	var rounds []int64
	for _, d := range s.Devices {
		rounds = append(rounds, d.Round)
	}
	s.remove("0")
	s.note("0", "", today())
	rounds = append(rounds, s.device("0").Round)
	s.renew("0")
	rounds = append(rounds, s.device("0").Round)
	slices.Sort(rounds)
	if len(slices.Compact(slices.Clone(rounds))) != len(rounds) {
		t.Errorf("a round was given out twice: %v", rounds)
	}
	if s.remove("never") {
		t.Error("removed what is not there")
	}
}

// A suspension that ended before anybody noticed it is two changes of the spec.
func TestUnseenSuspensionEndsSessions(t *testing.T) {
	noon := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		begun, observed, now int64
		counts               bool
	}{
		"nothing changed":                         {3, 3, 3, true},
		"one change, which was not seen":          {3, 3, 4, true},
		"suspended and set free":                  {3, 3, 5, false},
		"the same, seen by the operator":          {3, 5, 5, true}, // which says so in suspendedTime
		"the same, before the session began":      {5, 3, 5, true},
		"the operator saw the suspension alone":   {3, 4, 5, true}, // as above
		"a session from before this was recorded": {0, 3, 3, true},
	} {
		a := &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Name: "ana", UID: "1", Generation: c.begun}}
		s := NewSession(a, Credentials{}, MethodPassword, noon)
		creds := Credentials{}
		creds.Sessions.note("device", "", noon)
		s = s.on(creds, Browser{ID: "device"})
		a.Generation, a.Status.ObservedGeneration = c.now, c.observed
		if got := s.Counts(a, creds, noon); got != c.counts {
			t.Errorf("%s: counts %v, want %v", name, got, c.counts)
		}
	}
}

// Who has found somebody's second factor is not left with the session that it opened when an administrator takes it away.
func TestLostFactorsEndSessions(t *testing.T) {
	at := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: today().Add(d)} }
	for name, c := range map[string]struct {
		reset  *metav1.Time
		proofs []Method
		counts bool
	}{
		"no reset":                             {nil, []Method{MethodPassword, MethodApp}, true},
		"a code of an app":                     {at(time.Minute), []Method{MethodPassword, MethodApp}, false},
		"in the same second":                   {at(0), []Method{MethodPassword, MethodApp}, false},
		"a recovery code":                      {at(time.Minute), []Method{MethodPassword, MethodRecovery}, false},
		"a passkey after the password":         {at(time.Minute), []Method{MethodPassword, MethodPasskey}, false},
		"a passkey alone":                      {at(time.Minute), []Method{MethodPasskeyAlone}, false},
		"the password alone":                   {at(time.Minute), []Method{MethodPassword}, true},
		"what a company has asked for":         {at(time.Minute), []Method{MethodCompany("acme"), MethodCompanyFactor("acme")}, true},
		"set up since":                         {at(-time.Second), []Method{MethodPassword, MethodApp}, true},
		"a reset that is still to come":        {at(time.Hour), []Method{MethodPassword, MethodApp}, true},
		"another factor that was set up since": {at(time.Minute), []Method{MethodPassword, MethodApp, MethodPasskey}, true},
	} {
		a := &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Name: "ana", UID: "1"}}
		creds := Credentials{}
		creds.Sessions.note("device", "", today())
		s := NewSession(a, creds, c.proofs[0], today()).on(creds, Browser{ID: "device"})
		for i, m := range c.proofs[1:] {
			s.Prove(m, today().Add(time.Duration(i)*2*time.Minute))
		}
		a.Spec.FactorsResetRequestedAt = c.reset
		if got := s.Counts(a, creds, today().Add(5*time.Minute)); got != c.counts {
			t.Errorf("%s: counts %v, want %v", name, got, c.counts)
		}
	}
}
