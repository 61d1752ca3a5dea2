// SPDX-License-Identifier: Apache-2.0

// Package reading reads what controllers ask for: by name, by reference, and by the indexes of the cache, so that nothing is listed that an
// index gives. It has no rules and writes nothing but the keys that sign links.
package reading

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/compact"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/people"
	"github.com/roster-dev/roster/internal/pointers"
)

// ByIndex are the options of a look-up in an index of the cache. It does not wait for the cache to show this process's own last
// writes, which concern other objects, and it does not copy what it finds: the results are only read.
func ByIndex(namespace, field, value string) []client.ListOption {
	return append(InNamespace(namespace), client.MatchingFields{field: value})
}

// InNamespace are the options of a list of what is in a namespace, read as ByIndex reads.
func InNamespace(namespace string) []client.ListOption {
	return []client.ListOption{
		client.InNamespace(namespace), client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency,
	}
}

// Optional reads an object that need not exist; nil where it does not.
func Optional[T any, P interface {
	*T
	client.Object
}](ctx context.Context, c client.Reader, namespace, name string, options ...client.GetOption) (P, error) {
	o := P(new(T))
	err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, o, options...)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// Peek is optional for what is only read: it is not copied, and it may lag behind this process's own last writes.
func Peek[T any, P interface {
	*T
	client.Object
}](ctx context.Context, c client.Reader, namespace, name string) (P, error) {
	return Optional[T, P](ctx, c, namespace, name, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
}

// Latest is Peek for what this process may have written just now: it waits until the cache shows that.
func Latest[T any, P interface {
	*T
	client.Object
}](ctx context.Context, c client.Reader, namespace, name string) (P, error) {
	return Optional[T, P](ctx, c, namespace, name, client.UnsafeDisableDeepCopy)
}

// Referenced is optional for an object of the same namespace that may not be named at all.
func Referenced[T any, P interface {
	*T
	client.Object
}](ctx context.Context, c client.Reader, namespace string, ref *rosterv1alpha1.LocalReference) (P, error) {
	if ref == nil {
		return nil, nil
	}
	return Optional[T, P](ctx, c, namespace, ref.Name)
}

// AccountNamed is the Account of that name; nil where there is none.
func AccountNamed(ctx context.Context, c client.Reader, name string) (*rosterv1alpha1.Account, error) {
	return Optional[rosterv1alpha1.Account](ctx, c, rosterv1alpha1.AccountNamespace, name)
}

// AccountBehind is the Account that is referred to; nil where there is none.
func AccountBehind(ctx context.Context, c client.Reader, ref *rosterv1alpha1.LocalReference) (*rosterv1alpha1.Account, error) {
	return Referenced[rosterv1alpha1.Account](ctx, c, rosterv1alpha1.AccountNamespace, ref)
}

// CountingOrganization is the Organization that counts in the namespace; nil where there is none.
func CountingOrganization(ctx context.Context, c client.Reader, namespace string) (*rosterv1alpha1.Organization, error) {
	var list rosterv1alpha1.OrganizationList
	if err := c.List(ctx, &list, InNamespace(namespace)...); err != nil {
		return nil, err
	}
	return membership.Counting(pointers.To(list.Items)), nil
}

// MembersBy are the Members that an index gives. Of those, only IndexSource can be asked everywhere at once, by an empty namespace.
func MembersBy(ctx context.Context, c client.Reader, namespace, field, value string) ([]*rosterv1alpha1.Member, error) {
	if namespace == "" && field != IndexSource {
		return nil, fmt.Errorf("the index %s of Members has no entries without a namespace", field) // It would find nothing.
	}
	var list rosterv1alpha1.MemberList
	if err := c.List(ctx, &list, ByIndex(namespace, field, value)...); err != nil {
		return nil, err
	}
	return pointers.To(list.Items), nil
}

// MembersWithAddress are the Members with a normalised address in a namespace, or in all if it is empty, read as ByIndex reads.
func MembersWithAddress(ctx context.Context, c client.Reader, namespace, of string) ([]*rosterv1alpha1.Member, error) {
	return people.WithAddress(ctx, c, namespace, address.Address(of), InNamespace("")...)
}

// MembersBoundTo are the Members that are bound to an Account in a namespace, or in all if it is empty, read as ByIndex reads.
func MembersBoundTo(ctx context.Context, c client.Reader, namespace, account string) ([]*rosterv1alpha1.Member, error) {
	return people.BoundTo(ctx, c, namespace, account, InNamespace("")...)
}

// InvitationsBy are the Invitations that an index gives.
func InvitationsBy(ctx context.Context, c client.Reader, namespace, field, value string) ([]*rosterv1alpha1.Invitation, error) {
	var list rosterv1alpha1.InvitationList
	if err := c.List(ctx, &list, ByIndex(namespace, field, value)...); err != nil {
		return nil, err
	}
	return pointers.To(list.Items), nil
}

// LatestInvitations are those that an index gives, as this process has left them. Each is waited for by itself: a list would wait for
// whatever is being written to any Invitation of any organisation.
func LatestInvitations(ctx context.Context, c client.Reader, namespace, field, value string) ([]*rosterv1alpha1.Invitation, error) {
	found, err := InvitationsBy(ctx, c, namespace, field, value)
	if err != nil {
		return nil, err
	}
	var latest []*rosterv1alpha1.Invitation
	for _, inv := range found {
		switch inv, err := Latest[rosterv1alpha1.Invitation](ctx, c, namespace, inv.Name); {
		case err != nil:
			return nil, err
		case inv != nil:
			latest = append(latest, inv)
		}
	}
	return latest, nil
}

// ProfilesBy are the SocialProfiles that an index gives.
func ProfilesBy(ctx context.Context, c client.Reader, namespace, field, value string) ([]*rosterv1alpha1.SocialProfile, error) {
	if value == "" {
		return nil, nil
	}
	var list rosterv1alpha1.SocialProfileList
	if err := c.List(ctx, &list, ByIndex(namespace, field, value)...); err != nil {
		return nil, err
	}
	return pointers.To(list.Items), nil
}

// TeamsBy are the Teams that an index gives.
func TeamsBy(ctx context.Context, c client.Reader, namespace, field, value string) ([]*rosterv1alpha1.Team, error) {
	var list rosterv1alpha1.TeamList
	if err := c.List(ctx, &list, ByIndex(namespace, field, value)...); err != nil {
		return nil, err
	}
	return pointers.To(list.Items), nil
}

// Unlabelled takes from an object, on its way into the cache, what no controller asks for and no write of theirs sends: its labels and who
// manages which field. The labels of a Member, be there only one, would take as much memory as its conditions.
func Unlabelled(o any) (any, error) {
	if o, ok := o.(client.Object); ok { // and no note that one is gone
		o.SetLabels(nil)
	}
	return Compact(o)
}

// Compact takes from an object, on its way into the cache, who manages which field and the copy of it that `kubectl apply` keeps there.
// What stays takes as little memory as it can. Writes are patches and those of a status, so they leave alone what is not here.
func Compact(o any) (any, error) {
	if o, ok := o.(client.Object); ok {
		o.SetManagedFields(nil)
		if annotations := o.GetAnnotations(); annotations != nil {
			if delete(annotations, corev1.LastAppliedConfigAnnotation); len(annotations) == 0 {
				o.SetAnnotations(nil)
			}
		}
		compact.Object(o)
	}
	return o, nil
}

// The label of the Roles and RoleBindings that the operator made; its cache holds no others.
const (
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedBy      = "roster"
)

// Managed are the labels of objects that the operator makes.
func Managed() map[string]string { return map[string]string{ManagedByLabel: ManagedBy} }
