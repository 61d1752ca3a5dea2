// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// adoptAtOnce is how many Accounts are read at once.
const adoptAtOnce = 500

// Adopt writes down what the credentials of Accounts are bound to that were made by an older portal or by hand, so that they survive a
// backup and a restore. It can be cut short and done again, and several replicas may do it at once.
func (s *Store) Adopt(ctx context.Context) error {
	var failed error
	list := &rosterv1alpha1.AccountList{}
	for more := true; more; more = list.Continue != "" {
		options := []client.ListOption{
			client.InNamespace(rosterv1alpha1.AccountNamespace), client.Limit(adoptAtOnce), client.Continue(list.Continue),
		}
		list = &rosterv1alpha1.AccountList{}
		if err := s.client.List(ctx, list, options...); err != nil {
			return errors.Join(failed, fmt.Errorf("looking for accounts of an older portal: %w", err))
		}
		for i := range list.Items {
			if err := s.adopt(ctx, &list.Items[i]); err != nil {
				failed = errors.Join(failed, fmt.Errorf("account %s: %w", list.Items[i].Name, err))
			}
		}
	}
	return failed
}

// adopt writes the Secret first: the Account alone says the same by its UID.
func (s *Store) adopt(ctx context.Context, of *rosterv1alpha1.Account) error {
	if of.Spec.CredentialsID != "" || of.DeletionTimestamp != nil {
		return nil
	}
	_, err := s.secrets.Update(ctx, of, func(*Credentials) error { return nil })
	if err != nil && !errors.Is(err, ErrNoCredentials) {
		return err
	}
	adopted := of.DeepCopy()
	adopted.Spec.CredentialsID = ID(of)
	return client.IgnoreNotFound(s.client.Update(ctx, adopted))
}
