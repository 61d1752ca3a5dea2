// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// ErrUsed means that a link to choose a new password has been used, or that the password was changed since it was asked for.
var ErrUsed = errors.New("the link has been used")

// resetEvery is how often a mail with a link to choose a new password can be asked for.
const resetEvery = 5 * time.Minute

// RequestReset asks the operator to mail a link to choose a new password, unless one was asked for just now. It returns false if there was
// nothing to write.
func (s *Store) RequestReset(ctx context.Context, account *rosterv1alpha1.Account, now time.Time) (bool, error) {
	if ptr.Deref(account.Spec.Suspended, false) {
		return false, nil
	}
	asked := false
	err := s.patch(ctx, account, func(status *rosterv1alpha1.AccountStatus) bool {
		last := status.Requested(rosterv1alpha1.MailPasswordReset)
		asked = last.IsZero() || !now.Before(last.Add(resetEvery))
		return asked && request(status, rosterv1alpha1.MailPasswordReset, now)
	})
	return asked && err == nil, err
}

// Resettable reports whether the password can still be replaced by a link that was asked for at that time. The error is ErrUsed, or that of
// the API server.
func (s *Store) Resettable(ctx context.Context, account *rosterv1alpha1.Account, asked time.Time) error {
	c, err := s.secrets.Get(ctx, account)
	if errors.Is(err, ErrNoCredentials) {
		return nil
	}
	if err == nil && !asked.After(c.Sessions.PasswordSet) {
		return ErrUsed
	}
	return err
}

// ResetPassword replaces the password by a link that was asked for at that time: in the one write that voids the link, and every other that
// is on its way, and ends every session. The error is ErrUsed, ErrPassword, or that of the API server.
func (s *Store) ResetPassword(ctx context.Context, account *rosterv1alpha1.Account, asked time.Time, password string, now time.Time) error {
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	// The clock of another replica may be ahead.
	set := latest(latest(now, asked), account.Status.Requested(rosterv1alpha1.MailPasswordReset).Time)
	change := func(c *Credentials) error {
		if !asked.After(c.Sessions.PasswordSet) {
			return ErrUsed
		}
		c.PasswordHash, c.Sessions.PasswordSet = hash, set
		c.Sessions.clear()
		return nil
	}
	_, err = s.secrets.Update(ctx, account, change)
	if errors.Is(err, ErrNoCredentials) {
		// An administrator took the credentials away.
		var c Credentials
		err = errors.Join(change(&c), s.secrets.Create(ctx, account, c))
		if errors.Is(err, ErrCredentialsExist) {
			return ErrUsed // somebody else was faster
		}
	}
	return err
}

// ChangePassword replaces the password of somebody who has signed in, and ends every session but a new one on their device. The error is
// ErrSignedOut, ErrPassword, or that of the API server.
func (s *Store) ChangePassword(
	ctx context.Context, account *rosterv1alpha1.Account, session Session, password string, now time.Time,
) (Session, error) {
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return Session{}, err
	}
	c, err := s.secrets.Update(ctx, account, func(c *Credentials) error {
		d := c.Sessions.device(session.Device)
		if c.Sessions.Epoch != session.Epoch || d == nil || d.Round != session.Round {
			return ErrSignedOut
		}
		label := d.Label
		c.PasswordHash, c.Sessions.PasswordSet = hash, now
		c.Sessions.clear()
		c.Sessions.note(session.Device, label, now)
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	changed := NewSession(account, c, MethodPassword, now)
	changed.Proofs, changed.Began = session.Proofs, session.Began
	changed.Prove(MethodPassword, now)
	return changed.on(c, Browser{ID: session.Device}), nil
}

// NotePassword asks the operator to tell the person that the password was changed. If it fails, the next sign-in makes up for it.
func (s *Store) NotePassword(ctx context.Context, account *rosterv1alpha1.Account) error {
	c, err := s.secrets.Get(ctx, account)
	if err != nil {
		return err
	}
	return s.patch(ctx, account, func(status *rosterv1alpha1.AccountStatus) bool { return notePassword(status, c) })
}

func notePassword(status *rosterv1alpha1.AccountStatus, c Credentials) bool {
	return request(status, rosterv1alpha1.MailPasswordChanged, c.Sessions.PasswordSet)
}

// request asks for a mail, unless one of that time or a later one has been asked for.
func request(status *rosterv1alpha1.AccountStatus, topic rosterv1alpha1.AccountMailTopic, at time.Time) bool {
	at = at.Truncate(time.Microsecond) // the API keeps no more
	if at.IsZero() || !at.After(status.Requested(topic).Time) {
		return false
	}
	status.MailRequests = rosterv1alpha1.WithMail(status.MailRequests, topic, metav1.MicroTime{Time: at})
	return true
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
