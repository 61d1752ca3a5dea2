// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
)

// An Invitation is written by somebody who may give what it offers, and accepted days later. What follows says what to find out about
// that person in between.

// InviterAddress is the address of the person whom spec.invitedBy names; false where it names none. Before the address there may be
// what stands before it in the user names of the cluster.
func InviterAddress(inv *rosterv1alpha1.Invitation, userPrefix string) (address.Address, bool) {
	address, err := address.Parse(strings.TrimPrefix(inv.Spec.InvitedBy, userPrefix))
	return address, err == nil
}

// JoinedMember is the name of the first of some Members who has accepted; empty where none has. Whoever has not is no Member yet and has
// no rights by that.
func JoinedMember(members []*rosterv1alpha1.Member) string {
	for _, m := range members {
		if m.Spec.AccountRef != nil {
			return m.Name
		}
	}
	return ""
}

// RecordedInviter is the name of the Member who invited, as the operator recorded it; empty where whoever invites was none then. A record
// of somebody else than spec.invitedBy names now does not count.
func RecordedInviter(inv *rosterv1alpha1.Invitation) string {
	if ref := inv.Status.InviterRef; ref != nil && ref.InvitedBy == inv.Spec.InvitedBy {
		return ref.Name
	}
	return ""
}

// Standing is what is known about whoever invites.
type Standing string

// The standings.
const (
	// InviterUnknown: not a Member, neither now nor when the mail was sent. Nothing is known about their rights, which may come from
	// groups of the cluster.
	InviterUnknown Standing = "Unknown"
	// InviterGone: was a Member, and has been removed or suspended since.
	InviterGone Standing = "Gone"
	// InviterMember: a Member, whose rights the API server knows.
	InviterMember Standing = "Member"
)

// InviterStanding says where whoever invites stands. The Member is the one of RecordedInviter or, where there is none, one who has the
// address now; nil where it does not exist.
func InviterStanding(inv *rosterv1alpha1.Invitation, address address.Address, m *rosterv1alpha1.Member) Standing {
	recorded := RecordedInviter(inv) != ""
	switch {
	case m == nil || m.Spec.AccountRef == nil || m.DeletionTimestamp != nil || !hasAddress(m, address):
		if recorded {
			return InviterGone
		}
		return InviterUnknown
	case ptr.Deref(m.Spec.Suspended, false):
		return InviterGone
	case recorded || m.Status.State == rosterv1alpha1.MemberActive:
		return InviterMember
	}
	// Whoever has just joined did not invite as a Member, and the operator is still giving them their rights.
	return InviterUnknown
}

func hasAddress(m *rosterv1alpha1.Member, a address.Address) bool {
	own, err := address.OfMember(m)
	return err == nil && own == a
}

// Review is a question to the API server about whoever invites: may they use this verb on this object of the group roster.dev in the
// namespace of the Invitation?
type Review struct{ Verb, Resource, Name string }

// maxReviews is how many permissions on profiles are asked about at most. An offer of more takes somebody who may give every role.
const maxReviews = 100

// Reviews are the ways in which whoever invites may give what is offered: it is enough if the answer to every question of one of them is
// yes. They ask what the admission policies roster-grants and roster-inviters ask of whoever writes the Invitation. The invitation of a
// declared Member offers nothing by itself: whoever wrote the Member was asked then.
func (o Offer) Reviews() [][]Review {
	var first []Review
	if o.Organization != nil && o.Organization.Spec.Invitations.AllowedFor == rosterv1alpha1.InvitersOwner {
		first = append(first, Review{"transfer", "organizations", o.Organization.Name})
	}
	if o.Invitation.Spec.MemberRef != nil {
		return [][]Review{first}
	}
	var ways [][]Review
	for _, way := range o.ways() {
		ways = append(ways, slices.Concat(first, way))
	}
	return ways
}

// ways to be allowed to give the roles. Whoever may make Managers comes first: most who invite are, and one answer settles it.
func (o Offer) ways() [][]Review {
	role, everything := grant(o.Role()), grant(rosterv1alpha1.RoleManager)
	single, possible := o.singly()
	switch {
	case o.Role() == rosterv1alpha1.RoleManager || o.Role() == rosterv1alpha1.RoleCoOwner:
		return [][]Review{{role}} // With every profile.
	case !possible && !isBuiltIn(o.Role()):
		return [][]Review{{role, everything}}
	case !possible:
		return [][]Review{{everything}}
	case isBuiltIn(o.Role()):
		return [][]Review{{everything}, append([]Review{role}, single...)}
	case len(single) == 0:
		return [][]Review{{role}}
	}
	return [][]Review{{role, everything}, append([]Review{role}, single...)}
}

// singly are the questions to somebody who may not give every role; false where only somebody who may can give what is offered.
func (o Offer) singly() ([]Review, bool) {
	var single []Review
	if o.CanManageProfiles() {
		single = append(single, grant(rosterv1alpha1.RoleAdvancedMember))
	}
	if len(o.WorkspaceGrants()) > 0 {
		return nil, false
	}
	for _, g := range o.Profiles() {
		permissions := access.ProfilePermissions(g.Role).Permissions()
		if len(permissions) == 0 || len(single)+len(permissions) > maxReviews {
			return nil, false
		}
		for _, p := range permissions {
			single = append(single, Review{string(p), "socialprofiles", g.Name})
		}
	}
	return single, true
}

func grant(role rosterv1alpha1.OrganizationRole) Review {
	return Review{"grant", "orgroles", string(role)}
}

// isBuiltIn tells built-in roles, of which nobody below Manager allows anything that a Manager may not give, from CustomRoles.
func isBuiltIn(role rosterv1alpha1.OrganizationRole) bool {
	return role != "" && role[0] >= 'A' && role[0] <= 'Z'
}

// recordInviter notes that whoever invites is a Member.
func (c *decide) recordInviter(member string) {
	by := c.Invitation.Spec.InvitedBy
	switch ref := c.status.InviterRef; {
	case member != "":
		c.status.InviterRef = &rosterv1alpha1.InviterReference{Name: member, InvitedBy: by}
	case ref != nil && ref.InvitedBy != by:
		c.status.InviterRef = nil
	}
}
