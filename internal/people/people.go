// SPDX-License-Identifier: Apache-2.0

// Package people finds the Members of a person in a cache: by their address, and by the Account that they are bound to.
package people

import (
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/compact"
	"github.com/roster-dev/roster/internal/pointers"
)

// Index is the index of a cache that finds Members by the Account of their address and by the one that they are bound to. For nearly all of
// them it is the same: one index with one entry answers both questions, and takes half the memory of two.
const Index = "roster.person"

// AddIndex gives a cache the index. It is asked everywhere: a person has few Members, and those of other namespaces are passed over.
func AddIndex(ctx context.Context, c cache.Informers) error {
	return compact.AddIndex(ctx, c, &rosterv1alpha1.Member{}, Index, compact.Everywhere, accounts)
}

func accounts(o client.Object) []string {
	m, ok := o.(*rosterv1alpha1.Member)
	if !ok {
		return nil
	}
	var names []string
	if of, err := address.OfMember(m); err == nil {
		names = append(names, of.AccountName())
	}
	if ref := m.Spec.AccountRef; ref != nil && !slices.Contains(names, ref.Name) {
		names = append(names, ref.Name)
	}
	return names
}

// WithAddress are the Members with a normalised address in a namespace, or in all if it is empty.
func WithAddress(
	ctx context.Context, c client.Reader, namespace string, of address.Address, options ...client.ListOption,
) ([]*rosterv1alpha1.Member, error) {
	return find(ctx, c, namespace, of.AccountName(), options, func(m *rosterv1alpha1.Member) bool {
		own, err := address.OfMember(m)
		return err == nil && own == of
	})
}

// BoundTo are the Members in a namespace, or in all if it is empty, that are bound to the Account of that name, whatever their address is.
func BoundTo(
	ctx context.Context, c client.Reader, namespace, account string, options ...client.ListOption,
) ([]*rosterv1alpha1.Member, error) {
	return find(ctx, c, namespace, account, options, func(m *rosterv1alpha1.Member) bool {
		return m.Spec.AccountRef != nil && m.Spec.AccountRef.Name == account
	})
}

func find(
	ctx context.Context, c client.Reader, namespace, account string, options []client.ListOption, fits func(m *rosterv1alpha1.Member) bool,
) ([]*rosterv1alpha1.Member, error) {
	var list rosterv1alpha1.MemberList
	if err := c.List(ctx, &list, append(options, client.InNamespace(""), client.MatchingFields{Index: account})...); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(pointers.To(list.Items), func(m *rosterv1alpha1.Member) bool {
		return namespace != "" && m.Namespace != namespace || !fits(m)
	}), nil
}
