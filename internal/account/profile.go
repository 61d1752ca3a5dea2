// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// ErrTaken means that another Account has the user name.
var ErrTaken = errors.New("another account has the user name")

// IsUsername reports whether a text can be a user name.
func IsUsername(s string) bool {
	return isUsername(s) && isAlphanumeric(s[0]) && isAlphanumeric(s[len(s)-1])
}

func isAlphanumeric(b byte) bool { return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' }

// UpdateSpec changes what a person says about themselves, in one write that carries the version that was read. If somebody else was
// faster, it reads and changes again. It returns the Account as it stands afterwards.
func (s *Store) UpdateSpec(
	ctx context.Context, account *rosterv1alpha1.Account, change func(*rosterv1alpha1.AccountSpec),
) (*rosterv1alpha1.Account, error) {
	for range maxRounds {
		changed := account.DeepCopy()
		change(&changed.Spec)
		if equality.Semantic.DeepEqual(account.Spec, changed.Spec) {
			return account, nil
		}
		err := s.client.Update(ctx, changed)
		if err == nil {
			return changed, nil
		}
		if !apierrors.IsConflict(err) {
			return nil, fmt.Errorf("changing the account: %w", err)
		}
		if account, err = s.Named(ctx, account.Name); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("changing the account: too many changes at the same moment")
}

// SetUsername gives an Account a user name, or takes it away with an empty one. The error is ErrTaken, or that of the API server. Of two
// Accounts that take one at the same moment, the older one has it; the other gives it back.
func (s *Store) SetUsername(ctx context.Context, account *rosterv1alpha1.Account, username string, now time.Time) error {
	if holder, err := s.holder(ctx, username); err != nil {
		return err
	} else if holder != "" && holder != account.Name {
		return ErrTaken
	}
	before := account.Spec.Username
	changed, err := s.UpdateSpec(ctx, account, func(spec *rosterv1alpha1.AccountSpec) { spec.Username = username })
	if err != nil {
		return err
	}
	holder, err := s.holder(ctx, username)
	if err == nil && holder != "" && holder != account.Name {
		_, err = s.UpdateSpec(ctx, changed, func(spec *rosterv1alpha1.AccountSpec) { spec.Username = before })
		return errors.Join(err, ErrTaken)
	}
	if err != nil || before == username {
		return err
	}
	return s.patch(ctx, changed, func(status *rosterv1alpha1.AccountStatus) bool {
		return request(status, rosterv1alpha1.MailUsernameChanged, now)
	})
}

// holder is the name of the Account that has a user name; empty if none has.
func (s *Store) holder(ctx context.Context, username string) (string, error) {
	holder, err := s.byUsername(ctx, username)
	if unusable(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return holder.Name, nil
}

// Leave asks the operator to end a membership of the person.
func (s *Store) Leave(ctx context.Context, account *rosterv1alpha1.Account, l rosterv1alpha1.Leaving) error {
	return s.patch(ctx, account, func(status *rosterv1alpha1.AccountStatus) bool {
		for _, known := range status.Leaving {
			if known.UID == l.UID {
				return false
			}
		}
		status.Leaving = append(status.Leaving, l)
		return true
	})
}

// AnswerOwnership tells the operator what the person says to owning an organisation, in the place of what they said before.
func (s *Store) AnswerOwnership(ctx context.Context, account *rosterv1alpha1.Account, answer rosterv1alpha1.OwnershipAnswer) error {
	return s.patch(ctx, account, func(status *rosterv1alpha1.AccountStatus) bool {
		status.Ownership = append(slices.DeleteFunc(status.Ownership, func(known rosterv1alpha1.OwnershipAnswer) bool {
			return known.UID == answer.UID
		}), answer)
		return true
	})
}
