// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/membership"
)

// teams reports on Teams: what they name that does not exist, and how many work on how many profiles. What a Team gives is compiled with
// the rights of its members.
type teams struct {
	client client.Client
	clock  clock.PassiveClock
	events Events
	// unwritten tells of Roles that Kubernetes refuses.
	unwritten *unwritten
}

// Reconcile brings the status of a Team to what it should be.
func (r *teams) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	t, err := reading.Optional[rosterv1alpha1.Team](ctx, r.client, req.Namespace, req.Name)
	if t == nil || err != nil || t.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	group, selectorError := membership.NewGroup(t.Spec.Profiles, t.Spec.ProfileSelector)
	in, err := gatherGroup(ctx, r.client, t.Namespace, group)
	if err != nil {
		return ctrl.Result{}, err
	}
	in.SelectorError = selectorError
	if in.Roles, err = customRoles(ctx, r.client, t.Namespace); err != nil {
		return ctrl.Result{}, err
	}
	for _, name := range t.Spec.Members {
		m, err := reading.Peek[rosterv1alpha1.Member](ctx, r.client, t.Namespace, name)
		if err != nil {
			return ctrl.Result{}, err
		}
		switch {
		case m == nil || m.DeletionTimestamp != nil:
			invited, err := isInvited(ctx, r.client, t.Namespace, name)
			if err != nil {
				return ctrl.Result{}, err
			}
			if invited {
				in.InvitedMembers = append(in.InvitedMembers, name)
			} else {
				in.MissingMembers = append(in.MissingMembers, name)
			}
		case membership.IsActive(m):
			in.ActiveMembers++
		}
	}
	slices.Sort(in.MissingMembers)
	in.Refused = r.unwritten.of(kindTeam, t)
	decided := membership.DecideTeam(t, *in, r.clock.Now())
	return ctrl.Result{}, reporting.Status(ctx, r.client, t, &t.Status, decided, r.events.team)
}

// gatherGroup reads what Teams and Workspaces have in common.
func gatherGroup(ctx context.Context, c client.Reader, namespace string, group membership.Group) (*membership.GroupInput, error) {
	in := &membership.GroupInput{}
	var err error
	if in.Organization, err = reading.CountingOrganization(ctx, c, namespace); err != nil {
		return nil, err
	}
	l := newLookup(c, namespace, in.Organization)
	profiles, err := l.profilesOf(ctx, group)
	in.Profiles = int32(len(profiles))
	for _, name := range group.Names {
		if l.seen[name] == nil {
			in.MissingProfiles = append(in.MissingProfiles, name)
		}
	}
	slices.Sort(in.MissingProfiles)
	return in, err
}
