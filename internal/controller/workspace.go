// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/controller/reporting"
	"github.com/roster-dev/roster/internal/membership"
)

// workspaces reports on Workspaces: what they name that does not exist, what is in them, and how many have them.
type workspaces struct {
	client client.Client
	clock  clock.PassiveClock
	events Events
	// unwritten tells of Roles that Kubernetes refuses.
	unwritten *unwritten
}

// Reconcile brings the status of a Workspace to what it should be.
func (r *workspaces) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	w, err := reading.Optional[rosterv1alpha1.Workspace](ctx, r.client, req.Namespace, req.Name)
	if w == nil || err != nil || w.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	group, selectorError := membership.NewGroup(w.Spec.Profiles, w.Spec.ProfileSelector)
	in, err := gatherGroup(ctx, r.client, w.Namespace, group)
	if err != nil {
		return ctrl.Result{}, err
	}
	in.SelectorError = selectorError
	members, err := reading.MembersBy(ctx, r.client, w.Namespace, reading.IndexWorkspace, w.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	for _, m := range members {
		if membership.IsActive(m) {
			in.ActiveMembers++
		}
	}
	in.Refused = r.unwritten.of(kindWorkspace, w)
	decided := membership.DecideWorkspace(w, *in, r.clock.Now())
	return ctrl.Result{}, reporting.Status(ctx, r.client, w, &w.Status, decided, r.events.workspace)
}
