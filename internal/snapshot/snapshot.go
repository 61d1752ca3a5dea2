// SPDX-License-Identifier: Apache-2.0

// Package snapshot reads everything in a namespace that rights come from, for those who ask what somebody holds in sum.
package snapshot

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/pointers"
)

// Read lists each kind once. The Organization may be nil.
func Read(
	ctx context.Context, c client.Reader, o *rosterv1alpha1.Organization, namespace, userPrefix string, options ...client.ListOption,
) (*membership.Snapshot, error) {
	var profiles rosterv1alpha1.SocialProfileList
	var teams rosterv1alpha1.TeamList
	var workspaces rosterv1alpha1.WorkspaceList
	var roles rosterv1alpha1.CustomRoleList
	for _, list := range []client.ObjectList{&profiles, &teams, &workspaces, &roles} {
		if err := c.List(ctx, list, append([]client.ListOption{client.InNamespace(namespace)}, options...)...); err != nil {
			return nil, err
		}
	}
	return &membership.Snapshot{
		Organization: o, UserPrefix: userPrefix, Profiles: pointers.To(profiles.Items), Teams: pointers.To(teams.Items),
		Workspaces: pointers.To(workspaces.Items), Roles: pointers.To(roles.Items),
	}, nil
}
