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
	connect := access.NewSet(access.Connect)
	for _, h := range in.Holders {
		switch {
		case h.Named.Contains(connect):
			named = append(named, h.Member.Name)
		case h.Everywhere.Contains(connect):
			everywhere = append(everywhere, h.Member.Name)
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
