// SPDX-License-Identifier: Apache-2.0

package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

// Browser is where somebody signs in.
type Browser struct {
	// ID is random and kept by the browser.
	ID string
	// Label is which browser it is.
	Label string
}

// signInEvery is how often it is noted that somebody signed in.
const signInEvery = time.Hour

// SignIn returns the Account that somebody names by its address or user name, and its credentials, if the password is right. Where there
// is no such Account, or none that can be used, it takes as long and the error is ErrWrongPassword, too. Otherwise it is ErrSuspended or
// that of the API server.
func (s *Store) SignIn(ctx context.Context, login, password string) (*rosterv1alpha1.Account, Credentials, error) {
	account, err := s.Lookup(ctx, login)
	if unusable(err) {
		account = &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: "nobody"}}
	} else if err != nil {
		return nil, Credentials{}, err
	}
	c, err := s.verify(ctx, account, password)
	if errors.Is(err, ErrNoCredentials) {
		if _, err := s.hasher.Hash(ctx, password); err != nil && !errors.Is(err, ErrPassword) {
			return nil, Credentials{}, err
		}
		return nil, Credentials{}, ErrWrongPassword
	}
	if err != nil {
		return nil, Credentials{}, err
	}
	return account, c, nil
}

func unusable(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrTerminating) || errors.Is(err, ErrMismatch)
}

// Lookup finds the Account that somebody names by its address or user name. The error is ErrNotFound, ErrTerminating, ErrMismatch, or that
// of the API server.
func (s *Store) Lookup(ctx context.Context, login string) (*rosterv1alpha1.Account, error) {
	login = strings.TrimSpace(login)
	if !strings.Contains(login, "@") {
		return s.byUsername(ctx, strings.ToLower(login))
	}
	a, err := address.Parse(login)
	if err == nil {
		if account, err := s.get(ctx, a); !errors.Is(err, ErrNotFound) {
			return account, err
		}
	}
	if former := address.Former(login); former != "" && former != a {
		return s.get(ctx, former)
	}
	return nil, ErrNotFound
}

// byUsername finds the oldest Account of a user name: of several that took it at the same moment, that one has it.
func (s *Store) byUsername(ctx context.Context, username string) (*rosterv1alpha1.Account, error) {
	if !isUsername(username) {
		return nil, ErrNotFound
	}
	return s.oldest(ctx, client.MatchingFields{"spec.username": username})
}

// oldest of the Accounts that a field selects.
func (s *Store) oldest(ctx context.Context, by client.MatchingFields) (*rosterv1alpha1.Account, error) {
	var list rosterv1alpha1.AccountList
	if err := s.client.List(ctx, &list, client.InNamespace(rosterv1alpha1.AccountNamespace), by); err != nil {
		return nil, fmt.Errorf("looking for the account: %w", err)
	}
	if len(list.Items) == 0 {
		return nil, ErrNotFound
	}
	oldest := slices.MinFunc(list.Items, func(a, b rosterv1alpha1.Account) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.UID, b.UID))
	})
	return usable(&oldest)
}

// usable refuses an Account that is being deleted, or whose name is not the one of its address.
func usable(account *rosterv1alpha1.Account) (*rosterv1alpha1.Account, error) {
	if account.DeletionTimestamp != nil {
		return nil, ErrTerminating
	}
	if !address.IsOf(account) {
		return nil, ErrMismatch
	}
	return account, nil
}

// isUsername keeps what cannot be a user name away from the API server.
func isUsername(s string) bool {
	return between(len(s), 3, 60) && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
}

// Begin puts a session on a device, and notes the sign-in. From a device that is in use it writes nothing; otherwise once, and once more
// for the time of the last sign-in, an hour apart at least. It begins with the credentials that the proof was checked against, or reads
// them if these are empty. If everything was signed out since then, either the error is ErrSignedOut, or what is returned is a session that
// does not count.
func (s *Store) Begin(
	ctx context.Context, account *rosterv1alpha1.Account, known Credentials, session Session, on Browser, now time.Time,
) (Session, error) {
	c, err := s.secrets.UpdateFrom(ctx, account, known, func(c *Credentials) error {
		if c.Sessions.Epoch != session.Epoch {
			return ErrSignedOut // the password was changed, or everything signed out, since it was given
		}
		if !c.Sessions.note(on.ID, on.Label, now) {
			return ErrUnchanged
		}
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	session.Pending = false
	session.Began, session.Seen = now, now
	return session.on(c, on), s.record(ctx, account, c, now)
}

// on is the session on a device that is listed.
func (s Session) on(c Credentials, b Browser) Session {
	s.Device = b.ID
	if d := c.Sessions.device(b.ID); d != nil {
		s.Round = d.Round
	}
	return s
}

// Check reads the Account of a session and its credentials. The error is ErrSignedOut if the session does not count, or that of the API
// server.
func (s *Store) Check(ctx context.Context, session Session, now time.Time) (*rosterv1alpha1.Account, Credentials, error) {
	if session.over(now) {
		return nil, Credentials{}, ErrSignedOut
	}
	account, err := s.Named(ctx, session.Account)
	if unusable(err) {
		return nil, Credentials{}, ErrSignedOut
	}
	if err != nil {
		return nil, Credentials{}, err
	}
	c, err := s.secrets.Get(ctx, account)
	switch {
	case errors.Is(err, ErrNoCredentials):
		return nil, Credentials{}, ErrSignedOut
	case err != nil:
		return nil, Credentials{}, err
	case !session.Counts(account, c, now):
		return nil, Credentials{}, ErrSignedOut
	}
	return account, c, nil
}

// Touch notes that the device of a session is in use, an hour apart at least.
func (s *Store) Touch(
	ctx context.Context, account *rosterv1alpha1.Account, known Credentials, session Session, label string, now time.Time,
) error {
	d := known.Sessions.device(session.Device)
	if d == nil || now.Before(d.Seen.Add(seenEvery)) {
		return nil
	}
	_, err := s.secrets.Update(ctx, account, func(c *Credentials) error {
		if c.Sessions.device(session.Device) == nil || !c.Sessions.note(session.Device, label, now) {
			return ErrUnchanged
		}
		return nil
	})
	return err
}

// Confirm checks the password of somebody who has signed in, and gives their device a new session: the old one ends. The error is
// ErrWrongPassword, ErrSuspended, ErrSignedOut, or that of the API server.
func (s *Store) Confirm(
	ctx context.Context, account *rosterv1alpha1.Account, session Session, password string, now time.Time,
) (Session, error) {
	if _, err := s.verify(ctx, account, password); err != nil {
		return Session{}, err
	}
	session.Prove(MethodPassword, now)
	return s.Renew(ctx, account, session, now)
}

// Renew gives the device of a session a new one, because the person has proved something more: the old one ends. The error is ErrSignedOut
// or that of the API server.
func (s *Store) Renew(ctx context.Context, account *rosterv1alpha1.Account, session Session, now time.Time) (Session, error) {
	c, err := s.secrets.Update(ctx, account, func(c *Credentials) error {
		d := c.Sessions.device(session.Device)
		if c.Sessions.Epoch != session.Epoch || d == nil || d.Round != session.Round {
			return ErrSignedOut
		}
		c.Sessions.renew(session.Device)
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	renewed := NewSession(account, c, MethodPassword, now)
	renewed.Proofs, renewed.Began, renewed.Also = session.Proofs, session.Began, session.Also
	return renewed.on(c, Browser{ID: session.Device}), nil
}

// SignOut signs one device out: every session on it ends.
func (s *Store) SignOut(ctx context.Context, account *rosterv1alpha1.Account, device string) error {
	_, err := s.secrets.Update(ctx, account, func(c *Credentials) error {
		if !c.Sessions.remove(device) {
			return ErrUnchanged
		}
		return nil
	})
	return err
}

// SignOutEverywhere ends every session of an Account.
func (s *Store) SignOutEverywhere(ctx context.Context, account *rosterv1alpha1.Account) error {
	_, err := s.secrets.Update(ctx, account, func(c *Credentials) error {
		c.Sessions.clear()
		return nil
	})
	return err
}

// Credentials reads those of an Account.
func (s *Store) Credentials(ctx context.Context, account *rosterv1alpha1.Account) (Credentials, error) {
	return s.secrets.Get(ctx, account)
}

// UpdateCredentials is Secrets.Update.
func (s *Store) UpdateCredentials(
	ctx context.Context, account *rosterv1alpha1.Account, change func(*Credentials) error,
) (Credentials, error) {
	return s.secrets.Update(ctx, account, change)
}

// UpdateCredentialsFrom is Secrets.UpdateFrom.
func (s *Store) UpdateCredentialsFrom(
	ctx context.Context, account *rosterv1alpha1.Account, known Credentials, change func(*Credentials) error,
) (Credentials, error) {
	return s.secrets.UpdateFrom(ctx, account, known, change)
}

// Named reads the Account of that name. The error is ErrNotFound, ErrTerminating, ErrMismatch, or that of the API server.
func (s *Store) Named(ctx context.Context, name string) (*rosterv1alpha1.Account, error) {
	account := &rosterv1alpha1.Account{}
	err := s.client.Get(ctx, client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: name}, account)
	if err != nil {
		return nil, notFound(err)
	}
	return usable(account)
}

// RecordSignIn notes in the status of an Account whose person has just registered that they signed in, and have no second factor; nothing
// where the Account says so since it was made.
func (s *Store) RecordSignIn(ctx context.Context, account *rosterv1alpha1.Account, at time.Time) error {
	return s.record(ctx, account, Credentials{}, at)
}

// record notes a sign-in, an hour apart at least, and what could not be noted when it happened or has been lost since: that the password
// was changed, the handle by which passkeys find the Account, and whether there is a second factor.
func (s *Store) record(ctx context.Context, account *rosterv1alpha1.Account, c Credentials, at time.Time) error {
	return s.patchAccount(ctx, account, func(a *rosterv1alpha1.Account) bool {
		status := &a.Status
		last := a.LastSignIn()
		signedIn := last == nil || !at.Before(last.Add(signInEvery))
		if signedIn {
			status.LastSignInTime = &metav1.Time{Time: at}
		}
		changed := noteFactors(a, c, at)
		return notePassword(status, c) || changed || signedIn
	})
}

// patch changes the status of an Account in one write that carries the version that was read. If somebody else was faster, it reads and
// changes again.
func (s *Store) patch(
	ctx context.Context, account *rosterv1alpha1.Account, change func(*rosterv1alpha1.AccountStatus) bool,
) error {
	return s.patchAccount(ctx, account, func(a *rosterv1alpha1.Account) bool { return change(&a.Status) })
}

// patchAccount is patch for changes to the status that depend on the rest of the Account.
func (s *Store) patchAccount(ctx context.Context, account *rosterv1alpha1.Account, change func(*rosterv1alpha1.Account) bool) error {
	for range maxRounds {
		changed := account.DeepCopy()
		if !change(changed) {
			return nil
		}
		err := s.client.Status().Patch(ctx, changed, client.MergeFromWithOptions(account, client.MergeFromWithOptimisticLock{}))
		if !apierrors.IsConflict(err) {
			return err
		}
		if account, err = s.Named(ctx, account.Name); err != nil {
			return err
		}
	}
	return errors.New("changing the account: too many changes at the same moment")
}
