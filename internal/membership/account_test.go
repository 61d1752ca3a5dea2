// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// accountAt is the Account of an address that was made so many seconds after the others.
func accountAt(email string, seconds int, username string) *rosterv1alpha1.Account {
	return &rosterv1alpha1.Account{
		ObjectMeta: metav1.ObjectMeta{
			Name: address.Address(email).AccountName(), UID: types.UID(email),
			CreationTimestamp: metav1.NewTime(now.Add(time.Duration(seconds) * time.Second)),
		},
		Spec: rosterv1alpha1.AccountSpec{Email: email, Username: username},
	}
}

func TestUserNames(t *testing.T) {
	ana, eve, zoe := accountAt("ana@acme.example", 1, "ana"), accountAt("eve@acme.example", 1, "ana"), accountAt("zoe@acme.example", 0, "ana")
	all := []*rosterv1alpha1.Account{ana, eve, zoe}
	for name, c := range map[string]struct {
		of     *rosterv1alpha1.Account
		among  []*rosterv1alpha1.Account
		reason string
		says   string
	}{
		"alone":                          {ana, all[:1], rosterv1alpha1.ReasonUsernameUnique, `No other Account has the user name "ana".`},
		"the first of two by UID":        {ana, all[:2], rosterv1alpha1.ReasonUsernameUnique, "the oldest of 2"},
		"the second of two by UID":       {eve, all[:2], rosterv1alpha1.ReasonUsernameTaken, ana.Name},
		"the oldest":                     {zoe, all, rosterv1alpha1.ReasonUsernameUnique, "the oldest of 3"},
		"younger":                        {ana, all, rosterv1alpha1.ReasonUsernameTaken, `spec.username "ana" belongs to the older Account ` + zoe.Name},
		"not in the cache yet":           {zoe, all[:2], rosterv1alpha1.ReasonUsernameUnique, "the oldest of 3"},
		"of somebody who chose no other": {accountAt("ben@acme.example", 0, ""), nil, "", ""},
	} {
		s := decideAccount(AccountInput{Account: c.of, Namesakes: c.among}, now)
		got := meta.FindStatusCondition(s.Conditions, rosterv1alpha1.ConditionUsernameUnique)
		if (got == nil) != (c.reason == "") || got != nil && (got.Reason != c.reason || !strings.Contains(got.Message, c.says)) {
			t.Errorf("%s: %+v, want %s: %s", name, got, c.reason, c.says)
		}
		if got != nil && (got.Status == metav1.ConditionTrue) != (got.Reason == rosterv1alpha1.ReasonUsernameUnique) {
			t.Errorf("%s: %+v", name, got)
		}
		if !meta.IsStatusConditionTrue(s.Conditions, rosterv1alpha1.ConditionReady) {
			t.Errorf("%s: not ready, although the address does", name)
		}
	}
	ana.Status = decideAccount(AccountInput{Account: ana, Namesakes: all}, now)
	ana.Spec.Username = ""
	if s := decideAccount(AccountInput{Account: ana}, now); meta.FindStatusCondition(s.Conditions, rosterv1alpha1.ConditionUsernameUnique) != nil {
		t.Error("the condition stays without a user name")
	}
}

func TestAccountsThatCannotBeUsed(t *testing.T) {
	misnamed, odd, suspended := accountAt("ana@acme.example", 0, ""), accountAt("ana@acme.example", 0, ""), accountAt("ana@acme.example", 0, "")
	misnamed.Name, odd.Spec.Email, suspended.Spec.Suspended = "other", "nobody", ptr.To(true)
	for reason, a := range map[string]*rosterv1alpha1.Account{
		rosterv1alpha1.ReasonNameMismatch: misnamed, rosterv1alpha1.ReasonInvalidEmail: odd, rosterv1alpha1.ReasonSuspended: suspended,
	} {
		a.Status = decideAccount(AccountInput{Account: a}, now)
		ready := meta.FindStatusCondition(a.Status.Conditions, rosterv1alpha1.ConditionReady)
		meant := reason == rosterv1alpha1.ReasonSuspended // by somebody: nothing is wrong
		if meant != (ready.Status == metav1.ConditionTrue) || ready.Reason != reason {
			t.Errorf("%+v, want %s", ready, reason)
		}
	}
	later := decideAccount(AccountInput{Account: suspended}, now.Add(time.Hour))
	if suspended.Status.SuspendedTime == nil || !later.SuspendedTime.Equal(suspended.Status.SuspendedTime) {
		t.Errorf("suspended since %v, then %v", suspended.Status.SuspendedTime, later.SuspendedTime)
	}
}

func decideAccount(in AccountInput, now time.Time) rosterv1alpha1.AccountStatus {
	status, _ := DecideAccount(in, now)
	return status
}

// A reset removes what was there when it takes effect, and nothing that was set up after it.
func TestResetOfSecondFactors(t *testing.T) {
	yes, no, second := ptr.To(true), ptr.To(false), now.Truncate(time.Second)
	for name, c := range map[string]struct {
		known *bool
		since time.Duration // from the reset
		due   time.Duration // from now
		want  *bool
	}{
		"not known":                   {nil, 0, -time.Hour, nil},
		"none":                        {no, -time.Hour, -time.Minute, no},
		"set up before":               {yes, -time.Hour, -time.Minute, no},
		"set up in the second of it":  {yes, time.Second - 1, -time.Minute, no},
		"set up after":                {yes, time.Second, -time.Minute, yes},
		"set up, to be reset later":   {yes, -time.Hour, time.Minute, yes},
		"set up, to be reset at once": {yes, -time.Hour, 0, no},
	} {
		a, reset := accountAt("ana@acme.example", 0, ""), second.Add(c.due)
		a.Spec.FactorsResetRequestedAt = &metav1.Time{Time: reset}
		if c.known != nil {
			a.Status.SecondFactor = rosterv1alpha1.SecondFactor{Enrolled: c.known, Time: metav1.NewMicroTime(reset.Add(c.since))}
		}
		s, wake := DecideAccount(AccountInput{Account: a}, second)
		if !ptr.Equal(s.SecondFactor.Enrolled, c.want) {
			t.Errorf("%s: %v", name, s.SecondFactor)
		}
		if c.due > 0 != wake.Equal(reset) {
			t.Errorf("%s: looks again at %v", name, wake)
		}
		if again := decideAccount(AccountInput{Account: withStatus(a, s)}, second.Add(time.Second)); !equality.Semantic.DeepEqual(again.SecondFactor, s.SecondFactor) {
			t.Errorf("%s: the next look changes it again", name)
		}
	}
}

// Changes that the operator has not seen may hide a suspension: sessions from before must not come back to life.
func TestMissedChangesEndSessions(t *testing.T) {
	for name, c := range map[string]struct {
		observed, generation int64
		suspended, ends      bool
	}{
		"new":                             {0, 1, false, false},
		"new, completed":                  {0, 2, false, false},
		"new, changed twice":              {0, 3, false, true},
		"one change":                      {4, 5, false, false},
		"suspended and set free":          {4, 6, false, true},
		"set free and suspended again":    {4, 6, true, true},
		"nothing":                         {6, 6, false, false},
		"suspended, which is known since": {6, 6, true, false},
	} {
		a := accountAt("ana@acme.example", 0, "")
		a.Generation, a.Spec.Suspended = c.generation, ptr.To(c.suspended)
		a.Status.ObservedGeneration, a.Status.SuspendedTime = c.observed, &metav1.MicroTime{Time: now.Add(-time.Hour)}
		reason := rosterv1alpha1.ReasonReady
		if c.suspended {
			reason = rosterv1alpha1.ReasonSuspended
		}
		a.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionReady, Reason: reason}}
		s := decideAccount(AccountInput{Account: a}, now)
		if got := s.SuspendedTime.Equal(&metav1.MicroTime{Time: now}); got != c.ends {
			t.Errorf("%s: suspendedTime %v, want it to be now: %v", name, s.SuspendedTime, c.ends)
		}
		if again := decideAccount(AccountInput{Account: withStatus(a, s)}, now.Add(time.Minute)); !again.SuspendedTime.Equal(s.SuspendedTime) {
			t.Errorf("%s: the next look changes it again", name)
		}
	}
}

func withStatus(a *rosterv1alpha1.Account, s rosterv1alpha1.AccountStatus) *rosterv1alpha1.Account {
	a = a.DeepCopy()
	a.Status = s
	return a
}

// TestFirstSignInIsTakenOver: what an Account says from the start is in its first status, and a Member shows the same before and after, so
// that its status is not written a second time.
func TestFirstSignInIsTakenOver(t *testing.T) {
	a, first := accountAt("ana@acme.example", 0, ""), metav1.NewTime(now.Truncate(time.Second))
	a.Annotations = map[string]string{rosterv1alpha1.FirstSignInAnnotation: now.UTC().Format(time.RFC3339)}
	in := member(bound, func(in *MemberInput) { in.Account = a })
	before := DecideMember(in, now).Status
	s := decideAccount(AccountInput{Account: a}, now)
	if !s.LastSignInTime.Equal(&first) || ptr.Deref(s.SecondFactor.Enrolled, true) || !s.SecondFactor.Time.Time.Equal(first.Time) {
		t.Errorf("signed in at %v, second factor %+v", s.LastSignInTime, s.SecondFactor)
	}
	in.Account = withStatus(a, s)
	if after := DecideMember(in, now).Status; !equality.Semantic.DeepEqual(before, after) || !after.LastSignInTime.Equal(&first) {
		t.Errorf("the Member says\n%+v\nand when the Account's status is there\n%+v", before, after)
	}
	later := metav1.NewTime(now.Add(time.Hour))
	s.LastSignInTime = &later
	if s = decideAccount(AccountInput{Account: withStatus(a, s)}, later.Time); !s.LastSignInTime.Equal(&later) {
		t.Errorf("a later sign-in is forgotten: %v", s.LastSignInTime)
	}
}
