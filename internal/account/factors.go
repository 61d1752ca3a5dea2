// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/keyring"
)

// The ways to prove oneself by a second factor. A passkey counts as one after a password, and as two by itself: then the authenticator has
// verified the person.
const (
	MethodApp      Method = "app"
	MethodRecovery Method = "recovery code"
	MethodPasskey  Method = "passkey"
	// MethodPasskeyAlone: a passkey with which somebody signed in without a password.
	MethodPasskeyAlone Method = "passkey alone"
)

// factorsKey is the entry of the Secret that holds second factors.
const factorsKey = "factors"

// ErrFactorsExist means that the account has what was to be added.
var ErrFactorsExist = errors.New("the account has that factor already")

// Factors are the second factors of an Account that count: those that were added before an administrator asked for a reset do not.
func Factors(of *rosterv1alpha1.Account, c Credentials, now time.Time) (factor.Factors, error) {
	f, err := factor.Parse(c.Entry(factorsKey))
	if reset := of.Spec.FactorsResetRequestedAt; err == nil && reset != nil && !reset.After(now) {
		f = f.Since(reset.Time)
	}
	return f, err
}

// changeFactors is one write under the version that was read. Of two changes that do not go together, such as two uses of one code, one is
// decided again, and refused.
func (s *Store) changeFactors(
	ctx context.Context, of *rosterv1alpha1.Account, now time.Time, change func(*factor.Factors) error,
) (Credentials, error) {
	return s.secrets.Update(ctx, of, func(c *Credentials) error {
		f, err := Factors(of, *c, now)
		if err != nil {
			return err
		}
		if err := change(&f); err != nil {
			return err
		}
		data, err := f.Marshal()
		if err == nil {
			c.SetEntry(factorsKey, data)
		}
		return err
	})
}

// UseCode accepts a code of the authenticator app. The error is factor.ErrCode, factor.ErrNoApp, or that of the API server.
func (s *Store) UseCode(ctx context.Context, of *rosterv1alpha1.Account, keys keyring.Keys, code string, now time.Time) error {
	_, err := s.changeFactors(ctx, of, now, func(f *factor.Factors) error { return f.UseCode(keys, ID(of), code, now) })
	return err
}

// UseRecoveryCode accepts a recovery code and says how many are left. The error is factor.ErrCode, or that of the API server.
func (s *Store) UseRecoveryCode(ctx context.Context, of *rosterv1alpha1.Account, code string, now time.Time) (left int, _ error) {
	_, err := s.changeFactors(ctx, of, now, func(f *factor.Factors) error {
		if f.Recovery == nil {
			return factor.ErrCode
		}
		i, err := s.hasher.MatchCode(ctx, code, f.Recovery.Hashes)
		switch {
		case err != nil:
			return err
		case i < 0:
			return factor.ErrCode
		}
		kept := append(append([]string{}, f.Recovery.Hashes[:i]...), f.Recovery.Hashes[i+1:]...)
		f.Recovery = &factor.Recovery{Hashes: kept, Made: f.Recovery.Made}
		left = len(kept)
		return nil
	})
	return left, err
}

// SetApp adds an authenticator app whose first code has been typed. The error is ErrFactorsExist if there is one, or that of the API
// server.
func (s *Store) SetApp(
	ctx context.Context, of *rosterv1alpha1.Account, keys keyring.Keys, seed []byte, step int64, now time.Time,
) (Credentials, error) {
	return s.changeFactors(ctx, of, now, func(f *factor.Factors) error {
		if f.App != nil {
			return ErrFactorsExist
		}
		f.SetApp(keys, ID(of), seed, step, now)
		return nil
	})
}

// RemoveApp removes the authenticator app, and the recovery codes with the last factor.
func (s *Store) RemoveApp(ctx context.Context, of *rosterv1alpha1.Account, now time.Time) error {
	_, err := s.changeFactors(ctx, of, now, func(f *factor.Factors) error {
		if !f.RemoveApp() {
			return ErrUnchanged
		}
		return nil
	})
	return err
}

// AddPasskey adds what a ceremony of that Account brought. The handle is the one that the ceremony was held under.
func (s *Store) AddPasskey(
	ctx context.Context, of *rosterv1alpha1.Account, handle []byte, k factor.Passkey, now time.Time,
) (Credentials, error) {
	return s.changeFactors(ctx, of, now, func(f *factor.Factors) error {
		if len(f.Passkeys) >= factor.MaxPasskeys {
			return factor.ErrPasskeyLimit
		}
		if len(f.Handle) == 0 {
			f.Handle = handle
		}
		if string(f.Handle) != string(handle) {
			return factor.ErrCeremony
		}
		f.Passkeys = append(f.Passkeys, k)
		return nil
	})
}

// RemovePasskey removes a passkey, and the recovery codes with the last factor.
func (s *Store) RemovePasskey(ctx context.Context, of *rosterv1alpha1.Account, id []byte, now time.Time) error {
	_, err := s.changeFactors(ctx, of, now, func(f *factor.Factors) error {
		if !f.RemovePasskey(id) {
			return ErrUnchanged
		}
		return nil
	})
	return err
}

// UsePasskey lets finish check an answer against the passkeys that the Account has, and stores what it returns.
func (s *Store) UsePasskey(
	ctx context.Context, of *rosterv1alpha1.Account, now time.Time, finish func(factor.Person) (factor.Use, error),
) (use factor.Use, c Credentials, err error) {
	c, err = s.changeFactors(ctx, of, now, func(f *factor.Factors) error {
		if use, err = finish(PersonOf(of, *f)); err != nil {
			return err
		}
		f.Passkeys = append([]factor.Passkey{}, f.Passkeys...)
		f.Passkeys[use.Index] = use.Passkey
		return nil
	})
	return use, c, err
}

// PersonOf is an Account as ceremonies know it.
func PersonOf(of *rosterv1alpha1.Account, f factor.Factors) factor.Person {
	return factor.Person{Handle: f.Handle, Name: of.Spec.Email, DisplayName: of.Spec.DisplayName, Passkeys: f.Passkeys}
}

// MakeRecoveryCodes gives an Account a new set of recovery codes; those of the old one do not count any more. They are told once: only
// their hashes are kept.
func (s *Store) MakeRecoveryCodes(ctx context.Context, of *rosterv1alpha1.Account, now time.Time) ([]string, error) {
	codes := NewRecoveryCodes()
	hashes, err := s.hasher.HashCodes(ctx, codes)
	if err != nil {
		return nil, err
	}
	_, err = s.changeFactors(ctx, of, now, func(f *factor.Factors) error {
		f.Recovery = &factor.Recovery{Hashes: hashes, Made: now}
		return nil
	})
	return codes, err
}

// NoteFactors asks the operator to tell the person that their second factors have changed, and keeps the handle by which passkeys find the
// Account, and whether there is a second factor.
func (s *Store) NoteFactors(ctx context.Context, of *rosterv1alpha1.Account, now time.Time) error {
	c, err := s.secrets.Get(ctx, of)
	if err != nil {
		return err
	}
	if _, err := Factors(of, c, now); err != nil {
		return err
	}
	return s.patchAccount(ctx, of, func(a *rosterv1alpha1.Account) bool {
		changed := request(&a.Status, rosterv1alpha1.MailFactorsChanged, now)
		return noteFactors(a, c, now) || changed
	})
}

func setHandle(status *rosterv1alpha1.AccountStatus, f factor.Factors) bool {
	handle := base64.RawURLEncoding.EncodeToString(f.Handle)
	if handle == "" || handle == status.UserHandle {
		return false
	}
	status.UserHandle = handle
	return true
}

// setEnrolled notes whether there is a second factor, unless that is known.
func setEnrolled(of *rosterv1alpha1.Account, f factor.Factors, now time.Time) bool {
	is, known := f.Enrolled(), of.HasSecondFactor(now)
	if known != nil && *known == is {
		return false
	}
	of.Status.SecondFactor = rosterv1alpha1.SecondFactor{Enrolled: &is, Time: metav1.MicroTime{Time: now}}
	return true
}

// noteFactors notes in the status of an Account what its factors show. Factors that cannot be read are told of where they are used.
func noteFactors(of *rosterv1alpha1.Account, c Credentials, now time.Time) bool {
	f, err := Factors(of, c, now)
	if err != nil {
		return false
	}
	changed := setHandle(&of.Status, f)
	return setEnrolled(of, f, now) || changed
}

// ByHandle finds the Account that passkeys know by that handle, in base64url. The error is ErrNotFound, ErrTerminating, ErrMismatch, or
// that of the API server.
func (s *Store) ByHandle(ctx context.Context, handle string) (*rosterv1alpha1.Account, error) {
	return s.oldest(ctx, client.MatchingFields{"status.userHandle": handle})
}
