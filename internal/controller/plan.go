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

// plans counts the organisations of each Plan.
type plans struct {
	client client.Client
	clock  clock.PassiveClock
}

// Reconcile brings the status of a Plan to what it should be.
func (r *plans) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p, err := reading.Optional[rosterv1alpha1.Plan](ctx, r.client, "", req.Name)
	if p == nil || err != nil || p.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	var list rosterv1alpha1.OrganizationList
	if err := r.client.List(ctx, &list, reading.ByIndex("", reading.IndexPlan, p.Name)...); err != nil {
		return ctrl.Result{}, err
	}
	decided := membership.DecidePlan(p, int32(len(list.Items)), r.clock.Now())
	return ctrl.Result{}, reporting.Status(ctx, r.client, p, &p.Status, decided, func(_, _ *rosterv1alpha1.Plan) {})
}
