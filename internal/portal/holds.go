// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/snapshot"
)

// holds is what a person holds in an organisation, by the rules that the operator compiles their Roles by. It is for showing: before
// anything is done, the API server is asked.
func (p *Portal) holds(ctx context.Context, b membership) access.Effective {
	all, err := snapshot.Read(ctx, p.cache, b.organization, b.member.Namespace, p.userPrefix, client.UnsafeDisableDeepCopy)
	if err != nil {
		p.log.Error(err, "Cannot read what a member holds", "member", client.ObjectKeyFromObject(b.member))
		return access.Effective{}
	}
	return all.Sums().Holds(b.member)
}
