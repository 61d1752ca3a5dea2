// SPDX-License-Identifier: Apache-2.0

package session

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/snapshot"
)

// Rights are what rights come from in the organisation, but for the people, and what the person holds by it: by the rules that the operator
// compiles their Roles by. It is for showing: before anything is done, the API server is asked. The objects belong to the cache and are not
// changed.
func (v *MemberVisit) Rights() (*membership.Snapshot, access.Effective, error) {
	all, err := snapshot.Read(
		v.R.Context(), v.sessions.Cache, v.Organization, v.Member.Namespace, v.sessions.Links.UserPrefix, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, access.Effective{}, err
	}
	return all, all.Sums().Holds(v.Member), nil
}

// Holds is what the person holds in the organisation; nothing where that cannot be read.
func (v *MemberVisit) Holds() access.Effective {
	_, held, err := v.Rights()
	if err != nil {
		v.Log().Error(err, "Cannot read what a member holds", "member", client.ObjectKeyFromObject(v.Member))
	}
	return held
}
