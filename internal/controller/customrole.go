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

// roles reports on CustomRoles.
type roles struct {
	client client.Client
	clock  clock.PassiveClock
	events Events
	// unwritten tells of Roles that Kubernetes refuses.
	unwritten *unwritten
}

// Reconcile brings the status of a CustomRole to what it should be.
func (r *roles) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	c, err := reading.Optional[rosterv1alpha1.CustomRole](ctx, r.client, req.Namespace, req.Name)
	if c == nil || err != nil || c.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	o, err := reading.CountingOrganization(ctx, r.client, c.Namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	decided := membership.DecideCustomRole(c, o, r.unwritten.of(kindCustomRole, c), r.clock.Now())
	return ctrl.Result{}, reporting.Status(ctx, r.client, c, &c.Status, decided, r.events.customRole)
}
