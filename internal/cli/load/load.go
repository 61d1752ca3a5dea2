// SPDX-License-Identifier: Apache-2.0

// Package load reads an organisation from a cluster, with one list of each kind.
package load

import (
	"context"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/people"
	"github.com/roster-dev/roster/internal/pointers"
	"github.com/roster-dev/roster/internal/rights"
	"github.com/roster-dev/roster/internal/snapshot"
)

// pageSize is how many objects one answer of the API server holds.
const pageSize = 500

// Current reads the organisation that the flags choose.
func Current(ctx context.Context, f *kube.Factory) (*rights.Organization, error) {
	c, namespace, err := f.InNamespace()
	if err != nil {
		return nil, err
	}
	o, err := Organization(ctx, c, namespace)
	if err == nil {
		o.Now = f.Now()
	}
	return o, err
}

// Organization reads the objects of a namespace.
func Organization(ctx context.Context, c client.Reader, namespace string) (*rights.Organization, error) {
	o := &rights.Organization{Namespace: namespace}
	var err error
	if o.Organization, err = kube.OrganizationIn(ctx, c, namespace); err != nil {
		return nil, err
	}
	var members rosterv1alpha1.MemberList
	var invitations rosterv1alpha1.InvitationList
	for _, list := range []client.ObjectList{&members, &invitations} {
		if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
	}
	from, err := snapshot.Read(ctx, c, o.Organization, namespace, "")
	if err != nil {
		return nil, err
	}
	o.Members, o.Invitations = pointers.To(members.Items), pointers.To(invitations.Items)
	o.Profiles, o.Teams, o.Workspaces, o.Roles = from.Profiles, from.Teams, from.Workspaces, from.Roles
	o.UserPrefix = userPrefix(ctx, c, o)
	return o, nil
}

// userPrefix finds out what stands before addresses in user names, from a RoleBinding that the operator has made for somebody.
func userPrefix(ctx context.Context, c client.Reader, o *rights.Organization) string {
	addresses := map[string]bool{}
	for _, m := range o.Members {
		addresses[people.MemberAddress(m)] = true
	}
	var bindings rbacv1.RoleBindingList
	err := c.List(ctx, &bindings, client.InNamespace(o.Namespace), client.MatchingLabels{"app.kubernetes.io/managed-by": "roster"},
		client.Limit(pageSize))
	if err != nil {
		return ""
	}
	for _, b := range bindings.Items {
		for _, s := range b.Subjects {
			for at := range s.Name {
				if s.Kind == rbacv1.UserKind && addresses[s.Name[at:]] && !strings.Contains(s.Name[:at], "@") {
					return s.Name[:at]
				}
			}
		}
	}
	return ""
}
