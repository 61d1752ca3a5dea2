// SPDX-License-Identifier: Apache-2.0

package organization

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/snapshot"
)

// Holds is what a person holds in an organisation, by the rules that the operator compiles their Roles by. It is for showing: before
// anything is done, the API server is asked.
func (h *Handler) Holds(ctx context.Context, b session.Membership) access.Effective {
	all, err := snapshot.Read(ctx, h.Cache, b.Organization, b.Member.Namespace, h.UserPrefix, client.UnsafeDisableDeepCopy)
	if err != nil {
		h.Cache.Log.Error(err, "Cannot read what a member holds", "member", client.ObjectKeyFromObject(b.Member))
		return access.Effective{}
	}
	return all.Sums().Holds(b.Member)
}
