// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"time"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
)

// reason is why somebody is left out.
type reason string

// The reasons.
const (
	leftOwner     reason = "owner"
	leftSelf      reason = "self"
	leftPending   reason = "pending"
	leftGit       reason = "git"
	leftSuspended reason = "suspendFirst"
	leftFull      reason = "full"
)

// The most that a Member can be given.
const (
	mostProfiles   = 500
	mostWorkspaces = 100
)

// circumstances are what decides who is left out, besides the Members.
type circumstances struct {
	Organization *rosterv1alpha1.Organization
	// Self is the Member who does it.
	Self string
	// Kept are the names of the Members that are kept in Git, and by whom.
	Kept map[string]string
	Now  time.Time
}

// leftOut is why a change is not for somebody; empty where it is. What the API server refuses besides, it says when it is asked.
func (c change) leftOut(m *rosterv1alpha1.Member, in circumstances) reason {
	switch {
	case !c.aboutMembers():
		return ""
	case membership.IsOwner(in.Organization, m.Name):
		return leftOwner
	case m.Name == in.Self:
		return leftSelf
	case c.Action != actionRemove && m.Spec.AccountRef == nil:
		return leftPending
	case c.Action == actionRemove && in.suspendFirst(m):
		return leftSuspended
	case in.Kept[m.Name] != "":
		return leftGit
	}
	after := m.Spec.DeepCopy()
	if c.apply(after); len(after.Profiles) > mostProfiles || len(after.Workspaces) > mostWorkspaces {
		return leftFull
	}
	return ""
}

// suspendFirst reports whether the organisation lets somebody be removed only after they were suspended.
func (in circumstances) suspendFirst(m *rosterv1alpha1.Member) bool {
	g := in.Organization.Spec.Guardrails
	return g != nil && ptr.Deref(g.DeleteOnlySuspended, false) && m.Spec.AccountRef != nil && !membership.IsSuspended(m) &&
		!membership.HasEnded(in.Organization, m, in.Now)
}
