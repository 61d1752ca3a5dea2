// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// needsSomebody reports whether a profile works on only if somebody connects it again: its tokens end and the operator cannot renew them,
// or the network does not take them any more.
func needsSomebody(p *rosterv1alpha1.SocialProfile) bool {
	return p.Status.Credential != nil && (p.Status.Credential.ReconnectByTime != nil ||
		meta.IsStatusConditionFalse(p.Status.Conditions, rosterv1alpha1.ConditionConnected))
}

// renewers is how many active Members may reconnect the profile, and the only one of them, where that matters. Of those who may connect
// every profile, one can be the only one where nobody else may: they may be many, and none of them may know the account. The owner is
// never left out, and so is not told apart.
func (in ProfileInput) renewers() (count *int32, sole string) {
	var named, everywhere []string
	for _, m := range in.Members {
		switch {
		case !IsActive(m):
		case in.mayConnect(m, in.Profile.Name):
			named = append(named, m.Name)
		case in.mayConnect(m, access.AllProfiles):
			everywhere = append(everywhere, m.Name)
		}
	}
	count = ptr.To(int32(len(named) + len(everywhere)))
	all := named
	if len(named) == 0 {
		all = everywhere
	}
	if !needsSomebody(in.Profile) || len(all) != 1 || in.Organization != nil && IsOwner(in.Organization, all[0]) {
		return count, ""
	}
	return count, all[0]
}

// mayConnect reports whether a Member's status shows that they may connect what a grant is about.
func (in ProfileInput) mayConnect(m *rosterv1alpha1.Member, profile string) bool {
	for _, g := range m.Status.Grants {
		if g.Profile == profile {
			return in.Roles.Shown(g.Role, "").Contains(access.NewSet(access.Connect))
		}
	}
	return false
}
