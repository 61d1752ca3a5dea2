// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/controller/connections"
	"github.com/roster-dev/roster/internal/controller/reading"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/snapshot"
)

// Standings gives what the person of a Member holds, by the rules that their Roles are compiled by.
func Standings(
	c client.Client, clk clock.PassiveClock, userPrefix string,
) func(ctx context.Context, m *rosterv1alpha1.Member) (connections.Standing, error) {
	r := &members{client: c, clock: clk}
	return func(ctx context.Context, m *rosterv1alpha1.Member) (connections.Standing, error) {
		in, err := r.standing(ctx, m)
		if err != nil {
			return connections.Standing{}, err
		}
		d := membership.DecideMember(*in, clk.Now())
		found := connections.Standing{Organization: in.Organization, Account: in.Account, Address: d.Address}
		if !d.Holds {
			return found, nil
		}
		all, err := snapshot.Read(ctx, c, in.Organization, m.Namespace, userPrefix, reading.InNamespace(m.Namespace)...)
		if err != nil {
			return connections.Standing{}, err
		}
		found.Holds = ptr.To(all.Sums().Of(m))
		return found, nil
	}
}
