// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/membership"
)

// consistent are the options of a look-up that waits until the cache shows what this process has written.
func consistent(namespace, field, value string) []client.ListOption {
	return []client.ListOption{client.InNamespace(namespace), client.UnsafeDisableDeepCopy, client.MatchingFields{field: value}}
}

// byIndex are the options of a look-up in an index of the cache. It does not wait for the cache to show this process's own last
// writes, which concern other objects, and it does not copy what it finds: the results are only read.
func byIndex(namespace, field, value string) []client.ListOption {
	return append(inNamespace(namespace), client.MatchingFields{field: value})
}

func inNamespace(namespace string) []client.ListOption {
	return []client.ListOption{
		client.InNamespace(namespace), client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency,
	}
}

// pointers gives the items of a list without copying them.
func pointers[T any](items []T) []*T {
	out := make([]*T, len(items))
	for i := range items {
		out[i] = &items[i]
	}
	return out
}

// optional reads an object that need not exist; nil where it does not.
func optional[T any, P interface {
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

// peek is optional for what is only read: it is not copied, and it may lag behind this process's own last writes.
func peek[T any, P interface {
	*T
	client.Object
}](ctx context.Context, c client.Reader, namespace, name string) (P, error) {
	return optional[T, P](ctx, c, namespace, name, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
}

// referenced is optional for an object of the same namespace that may not be named at all.
func referenced[T any, P interface {
	*T
	client.Object
}](ctx context.Context, c client.Reader, namespace string, ref *rosterv1alpha1.LocalReference) (P, error) {
	if ref == nil {
		return nil, nil
	}
	return optional[T, P](ctx, c, namespace, ref.Name)
}

// namesFor are the names that an object can have: that of its owner or, where somebody else's object has that, one with a part of the
// owner's UID, shortened to the 200 characters that a Member and an Invitation may have.
func namesFor(owner client.Object) []string {
	const most = 200
	name, suffix := owner.GetName(), "-"+string(owner.GetUID()[:8])
	return []string{name, strings.TrimRight(name[:min(len(name), most-len(suffix))], "-.") + suffix}
}

// isInvited reports whether a Member of that name comes to be when a person accepts: the Member of an Invitation has its name.
func isInvited(ctx context.Context, c client.Reader, namespace, name string) (bool, error) {
	inv, err := peek[rosterv1alpha1.Invitation](ctx, c, namespace, name)
	return inv != nil && invitation.IsOpen(inv), err
}

// countingOrganization is the Organization that counts in the namespace; nil where there is none.
func countingOrganization(ctx context.Context, c client.Reader, namespace string) (*rosterv1alpha1.Organization, error) {
	var list rosterv1alpha1.OrganizationList
	if err := c.List(ctx, &list, inNamespace(namespace)...); err != nil {
		return nil, err
	}
	return membership.Counting(pointers(list.Items)), nil
}

func membersBy(ctx context.Context, c client.Reader, namespace, field, value string) ([]*rosterv1alpha1.Member, error) {
	var list rosterv1alpha1.MemberList
	if err := c.List(ctx, &list, byIndex(namespace, field, value)...); err != nil {
		return nil, err
	}
	return pointers(list.Items), nil
}

func invitationsBy(ctx context.Context, c client.Reader, namespace, field, value string) ([]*rosterv1alpha1.Invitation, error) {
	return listInvitations(ctx, c, byIndex(namespace, field, value))
}

func listInvitations(ctx context.Context, c client.Reader, options []client.ListOption) ([]*rosterv1alpha1.Invitation, error) {
	var list rosterv1alpha1.InvitationList
	if err := c.List(ctx, &list, options...); err != nil {
		return nil, err
	}
	return pointers(list.Items), nil
}

func profilesBy(ctx context.Context, c client.Reader, namespace, field, value string) ([]*rosterv1alpha1.SocialProfile, error) {
	if value == "" {
		return nil, nil
	}
	var list rosterv1alpha1.SocialProfileList
	if err := c.List(ctx, &list, byIndex(namespace, field, value)...); err != nil {
		return nil, err
	}
	return pointers(list.Items), nil
}

func teamsBy(ctx context.Context, c client.Reader, namespace, field, value string) ([]*rosterv1alpha1.Team, error) {
	var list rosterv1alpha1.TeamList
	if err := c.List(ctx, &list, byIndex(namespace, field, value)...); err != nil {
		return nil, err
	}
	return pointers(list.Items), nil
}
