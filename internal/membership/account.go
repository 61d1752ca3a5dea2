// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/conditions"
)

// AccountInput is everything that decides what the conditions of an Account say.
type AccountInput struct {
	Account *rosterv1alpha1.Account
	// Namesakes are the Accounts of the same user name, this one among them or not.
	Namesakes []*rosterv1alpha1.Account
	// Members that are bound to the Account, in all namespaces.
	Members []*rosterv1alpha1.Member
	// Organizations are the names of those that count, by namespace.
	Organizations map[string]string
}

// DecideAccount decides what the status of an Account should be, except for mails and all sign-ins but the first, and when to ask again
// although nothing else happens; zero for never.
func DecideAccount(in AccountInput, now time.Time) (rosterv1alpha1.AccountStatus, time.Time) {
	a := in.Account
	s := *a.Status.DeepCopy()
	s.ObservedGeneration = a.Generation
	conds := conditions.In(&s.Conditions, a.Generation, now)
	if in.mayHaveBeenSuspended() {
		s.SuspendedTime = &metav1.MicroTime{Time: now}
	}
	s.LastSignInTime, s.SecondFactor = a.LastSignIn(), a.KnownSecondFactor()
	in.ready(&s, conds, now)
	in.username(conds)
	wake := in.memberships(&s, now)
	if reset := in.secondFactor(&s, now); !reset.IsZero() && (wake.IsZero() || reset.Before(wake)) {
		wake = reset
	}
	return s, wake
}

// secondFactor forgets a second factor when its reset is due, and says when that will be. The portal notes all else.
func (in AccountInput) secondFactor(s *rosterv1alpha1.AccountStatus, now time.Time) time.Time {
	if has := in.Account.HasSecondFactor(now); has != nil && !*has && ptr.Deref(s.SecondFactor.Enrolled, false) {
		s.SecondFactor = rosterv1alpha1.SecondFactor{Enrolled: has, Time: metav1.MicroTime{Time: now}}
	}
	if reset := in.Account.Spec.FactorsResetRequestedAt; reset != nil && reset.After(now) {
		return reset.Time
	}
	return time.Time{}
}

func (in AccountInput) ready(s *rosterv1alpha1.AccountStatus, conds conditions.Setter, now time.Time) {
	a := in.Account
	switch of, err := address.Joined(a.Spec.Email, a.Name); {
	case err != nil:
		conds.Stall(rosterv1alpha1.ReasonInvalidEmail, fmt.Sprintf("The address %s. Delete the Account.", err))
	case !address.IsOf(a):
		conds.Stall(rosterv1alpha1.ReasonNameMismatch, fmt.Sprintf(
			"The Account of %s has to be named %s. Delete this one.", of, of.AccountName()))
	case ptr.Deref(a.Spec.Suspended, false):
		if !in.wasSuspended() {
			s.SuspendedTime = &metav1.MicroTime{Time: now}
		}
		conds.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonSuspended, // as it is meant to be: nothing is under way
			"The account is suspended: nobody can sign in with it until spec.suspended is false again.")
	default:
		conds.Ready(metav1.ConditionTrue, rosterv1alpha1.ReasonReady, "The account can be used.")
	}
}

// mayHaveBeenSuspended reports whether so many changes were missed, while the operator was away or busy, that a suspension and its end may
// be among them. A new Account has been seen as it was made: nobody can sign in to one that is suspended from the start.
func (in AccountInput) mayHaveBeenSuspended() bool {
	const suspendedAndSetFree = 2
	return in.Account.Generation-max(in.Account.Status.ObservedGeneration, 1) >= suspendedAndSetFree
}

// wasSuspended reports whether the status shows that already.
func (in AccountInput) wasSuspended() bool {
	s := in.Account.Status
	ready := meta.FindStatusCondition(s.Conditions, rosterv1alpha1.ConditionReady)
	return ready != nil && ready.Reason == rosterv1alpha1.ReasonSuspended && s.SuspendedTime != nil
}

// username says who signs in by a user name that several people chose at the same moment: the holder of the oldest Account.
func (in AccountInput) username(conds conditions.Setter) {
	a := in.Account
	name := a.Spec.Username
	if name == "" {
		conds.Remove(rosterv1alpha1.ConditionUsernameUnique)
		return
	}
	others := slices.DeleteFunc(slices.Clone(in.Namesakes), func(other *rosterv1alpha1.Account) bool { return other.UID == a.UID })
	first := a
	for _, other := range others {
		if Older(other, first) {
			first = other
		}
	}
	switch {
	case first != a:
		conds.Set(rosterv1alpha1.ConditionUsernameUnique, metav1.ConditionFalse, rosterv1alpha1.ReasonUsernameTaken, fmt.Sprintf(
			"spec.username %q belongs to the older Account %s. Choose another, or remove it; until then this person signs in by the address only.",
			name, first.Name))
	case len(others) > 0:
		conds.Set(rosterv1alpha1.ConditionUsernameUnique, metav1.ConditionTrue, rosterv1alpha1.ReasonUsernameUnique, fmt.Sprintf(
			"spec.username %q belongs to this Account, the oldest of %d that name it. The others have to choose another.", name, len(others)+1))
	default:
		conds.Set(rosterv1alpha1.ConditionUsernameUnique, metav1.ConditionTrue, rosterv1alpha1.ReasonUsernameUnique,
			fmt.Sprintf("No other Account has the user name %q.", name))
	}
}
