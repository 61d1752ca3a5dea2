// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/mailcode"
)

const (
	// codeLeft is how much of its time a code must have left to be mailed once more; a newer one takes its place then.
	codeLeft = 2 * time.Minute
	// codeEvery is how often the mail of a code can be asked for. With the tries at each it bounds the guesses, at all replicas together.
	codeEvery = time.Minute
	// maxAddresses is how many confirmed addresses an Account keeps.
	maxAddresses = 50
)

// Confirmed reports whether the person has shown that they read the mail of that address, too.
func Confirmed(of *rosterv1alpha1.Account, a address.Address) bool {
	return slices.ContainsFunc(of.Status.ConfirmedAddresses, func(c rosterv1alpha1.ConfirmedAddress) bool { return c.Email == string(a) })
}

// CodeRequest is what the code that an Account asked for is bound to, if it goes to that address: the Account with its credentials, the
// session, the invitation and its link.
func CodeRequest(of *rosterv1alpha1.Account, to address.Address) mailcode.Request {
	c := of.Status.AddressCode
	if c == nil {
		return mailcode.Request{}
	}
	return mailcode.Request{
		To: to, For: "accept " + c.UID + " " + strconv.Itoa(int(c.Attempt)), Holder: ID(of) + " " + c.Session,
		Asked: c.RequestedTime.Time, Tries: c.Tries,
	}
}

// AwaitsCode reports whether the code that was last asked for is the one of that invitation, link and session, and can still be used.
func AwaitsCode(of *rosterv1alpha1.Account, want rosterv1alpha1.AddressCode, now time.Time) bool {
	return isCodeOf(of.Status.AddressCode, want) && CodeRequest(of, "").Live(now)
}

func isCodeOf(c *rosterv1alpha1.AddressCode, want rosterv1alpha1.AddressCode) bool {
	return c != nil && c.UID == want.UID && c.Attempt == want.Attempt && c.Session == want.Session
}

// RequestCode asks the operator to mail a code to the address of an invitation, unless that was asked for just now. A code that can still
// be used is mailed again, and stays the same; otherwise there is a new one, and an older one of another invitation or session is void.
func (s *Store) RequestCode(ctx context.Context, of *rosterv1alpha1.Account, want rosterv1alpha1.AddressCode, now time.Time) error {
	if ptr.Deref(of.Spec.Suspended, false) {
		return ErrSuspended
	}
	return s.patch(ctx, of, func(status *rosterv1alpha1.AccountStatus) bool { return requestCode(status, want, now) })
}

// UntilCode is how long it takes until an Account can ask for a code again; 0 if it can now.
func UntilCode(of *rosterv1alpha1.Account, now time.Time) time.Duration {
	return untilCode(&of.Status, now)
}

func untilCode(status *rosterv1alpha1.AccountStatus, now time.Time) time.Duration {
	last := status.Requested(rosterv1alpha1.MailAddressCode)
	if last.IsZero() {
		return 0
	}
	return max(0, last.Add(codeEvery).Sub(now))
}

func requestCode(status *rosterv1alpha1.AccountStatus, want rosterv1alpha1.AddressCode, now time.Time) bool {
	if untilCode(status, now) > 0 || !request(status, rosterv1alpha1.MailAddressCode, now) {
		return false
	}
	asked := status.AddressCode
	again := isCodeOf(asked, want) && asked.Tries < mailcode.MaxTries && now.Before(asked.RequestedTime.Add(mailcode.Lifetime-codeLeft))
	if !again {
		want.RequestedTime, want.Tries = status.Requested(rosterv1alpha1.MailAddressCode), 0
		status.AddressCode = &want
	}
	return true
}

// ConfirmAddress takes the code that was mailed to an address, once: then the address is one of the person's. What was typed is counted in
// the write that decides, so that no number of requests at once gets more tries. The error is mailcode.ErrWrong, mailcode.ErrVoid, or that
// of the API server.
func (s *Store) ConfirmAddress(
	ctx context.Context, of *rosterv1alpha1.Account, want rosterv1alpha1.AddressCode, to address.Address, keys keyring.Keys, typed string,
	now time.Time,
) error {
	var refused error
	err := s.patchAccount(ctx, of, func(a *rosterv1alpha1.Account) bool {
		refused = confirmAddress(a, want, to, keys, typed, now)
		return !errors.Is(refused, mailcode.ErrVoid)
	})
	if err != nil {
		return fmt.Errorf("confirming an address: %w", err)
	}
	return refused
}

// ForgetAddress makes an address one that the person has not confirmed: the next invitation to it asks for a code again. What they have
// joined by it stays.
func (s *Store) ForgetAddress(ctx context.Context, of *rosterv1alpha1.Account, email string) error {
	err := s.patch(ctx, of, func(status *rosterv1alpha1.AccountStatus) bool {
		before := len(status.ConfirmedAddresses)
		status.ConfirmedAddresses = slices.DeleteFunc(status.ConfirmedAddresses, func(c rosterv1alpha1.ConfirmedAddress) bool {
			return c.Email == email
		})
		return len(status.ConfirmedAddresses) < before
	})
	if err != nil {
		return fmt.Errorf("forgetting an address: %w", err)
	}
	return nil
}

func confirmAddress(
	a *rosterv1alpha1.Account, want rosterv1alpha1.AddressCode, to address.Address, keys keyring.Keys, typed string, now time.Time,
) error {
	status := &a.Status
	if !isCodeOf(status.AddressCode, want) || ptr.Deref(a.Spec.Suspended, false) {
		return mailcode.ErrVoid
	}
	if err := mailcode.Verify(keys, CodeRequest(a, to), typed, now); err != nil {
		if errors.Is(err, mailcode.ErrWrong) {
			status.AddressCode.Tries++
		}
		return err
	}
	status.AddressCode = nil
	kept := slices.DeleteFunc(slices.Clone(status.ConfirmedAddresses), func(c rosterv1alpha1.ConfirmedAddress) bool {
		return c.Email == string(to)
	})
	if n := len(kept); n >= maxAddresses {
		kept = kept[n-maxAddresses+1:] // the oldest goes: its next invitation asks for a code again
	}
	kept = append(kept, rosterv1alpha1.ConfirmedAddress{Email: string(to), ConfirmedTime: metav1.Time{Time: now.Truncate(time.Second)}})
	status.ConfirmedAddresses = kept
	return nil
}
