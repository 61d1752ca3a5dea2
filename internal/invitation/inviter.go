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

// InvitedBy is who answers for what is offered: the person whom the spec of a declared Member names, else the Invitation. It is
// empty where nobody does, since the platform or its Git offers it.
func (o Offer) InvitedBy() string {
	if o.answeredInMember() {
		return o.Member.Spec.InvitedBy
	}
	return o.Invitation.Spec.InvitedBy
}

func (o Offer) answeredInMember() bool {
	return o.Invitation.Spec.MemberRef != nil && o.Member != nil && o.Member.Spec.InvitedBy != ""
}

// Inviter is whom the API server is asked about.
type Inviter struct {
	// User name, as RBAC compares it.
	User string
	// Groups that a user of that name is in, for certain.
	Groups []string
	// Address of a person, and how it was written; empty for programs.
	Address address.Address
	Written string
	// Misnamed: what stands before the address is the prefix of user names, except for upper and lower case. To RBAC that is somebody else.
	Misnamed bool
}

// The groups that Kubernetes puts users into (https://kubernetes.io/docs/reference/access-authn-authz/rbac/). Which others a person is in
// is known only while they are signed in.
const (
	everybody       = "system:authenticated"
	serviceAccounts = "system:serviceaccounts"
)

// ParseInviter reads what invitedBy says; false where it names neither an address nor a service account. The prefix is what stands before
// addresses in the user names of the cluster.
func ParseInviter(invitedBy, userPrefix string) (Inviter, bool) {
	if parts := strings.Split(invitedBy, ":"); len(parts) == 4 && strings.HasPrefix(invitedBy, "system:serviceaccount:") {
		return Inviter{User: invitedBy, Groups: []string{serviceAccounts, serviceAccounts + ":" + parts[2], everybody}}, true
	}
	written, exact := strings.CutPrefix(invitedBy, userPrefix)
	misnamed := !exact && len(invitedBy) > len(userPrefix) && strings.EqualFold(invitedBy[:len(userPrefix)], userPrefix)
	if misnamed {
		written = invitedBy[len(userPrefix):]
	}
	own, err := address.Parse(written)
	who := Person(userPrefix, own)
	who.Written, who.Misnamed = written, misnamed
	return who, err == nil
}

// Person is who has an address: the subject of the RoleBindings that Roster makes for it.
func Person(userPrefix string, own address.Address) Inviter {
	return Inviter{User: userPrefix + string(own), Groups: []string{everybody}, Address: own}
}

// JoinedMember is the name of the first of some Members who has accepted; empty where none has. The others are no Members yet and have
// no rights by that.
func JoinedMember(members []*rosterv1alpha1.Member) string {
	for _, m := range members {
		if m.Spec.AccountRef != nil {
			return m.Name
		}
	}
	return ""
}

// RecordedInviter is the name of the Member who invited, as the operator recorded it; empty where the inviter was none then. A record
// of somebody else than is named now does not count.
func (o Offer) RecordedInviter() string {
	if ref := o.Invitation.Status.InviterRef; ref != nil && ref.InvitedBy == o.InvitedBy() {
		return ref.Name
	}
	return ""
}

// Standing is what is known about the inviter.
type Standing string

// The standings.
const (
	// InviterUnknown: not a Member, neither now nor when the mail was sent. Nothing is known about their rights, which may come from
	// groups of the cluster.
	InviterUnknown Standing = "Unknown"
	// InviterGone: was a Member, and has been removed or suspended since, or their membership has ended.
	InviterGone Standing = "Gone"
	// InviterMember: a Member or a service account, whose rights the API server knows.
	InviterMember Standing = "Member"
)

// InviterStanding is what is known about the inviter. Among the Members are the one of RecordedInviter and one who has the address now,
// where there are such; the first who has joined with the address counts.
func (o Offer) InviterStanding(who Inviter, members []*rosterv1alpha1.Member) Standing {
	recorded := o.RecordedInviter() != ""
	if who.Address == "" {
		return InviterMember
	}
	i := slices.IndexFunc(members, func(m *rosterv1alpha1.Member) bool { return joined(m, who.Address) })
	if i < 0 {
		if recorded {
			return InviterGone
		}
		return InviterUnknown
	}
	switch m := members[i]; {
	case who.Misnamed, ptr.Deref(m.Spec.Suspended, false), m.Status.State == rosterv1alpha1.MemberEnded:
		return InviterGone
	case recorded || m.Status.State == rosterv1alpha1.MemberActive:
		return InviterMember
	}
	// Somebody who has just joined did not invite as a Member, and the operator is still giving them their rights.
	return InviterUnknown
}

// joined reports whether a Member is a person of that address who has accepted.
func joined(m *rosterv1alpha1.Member, a address.Address) bool {
	own, err := address.OfMember(m)
	return m.Spec.AccountRef != nil && m.DeletionTimestamp == nil && err == nil && own == a
}

// Review is a question to the API server about the inviter: may they use this verb on this object of the group roster.dev in the
// namespace of the Invitation?
type Review struct{ Verb, Resource, Name string }

// maxReviews is how many permissions on profiles are asked about at most. An offer of more takes somebody who may give every role; the
// policy roster-invited-by says so to anyone who writes one.
const maxReviews = 100

// Reviews are the ways in which the inviter may give what is offered: it is enough if the answer to every question of one of them is
// yes. They ask what the admission policies roster-grants and roster-inviters ask of the person who writes the Invitation or the Member.
// Where a Member was declared without a name, the invitation alone has an inviter, who offers nothing by it. The ownership is not the
// inviter's to give: people who may transfer the organisation name its owner.
func (o Offer) Reviews() [][]Review {
	var first []Review
	if o.Organization != nil && o.Organization.Spec.Invitations.AllowedFor == rosterv1alpha1.InvitersOwner {
		first = append(first, Review{"transfer", "organizations", o.Organization.Name})
	}
	if o.Invitation.Spec.MemberRef != nil && !o.answeredInMember() {
		return [][]Review{first}
	}
	var ways [][]Review
	for _, way := range o.ways() {
		ways = append(ways, slices.Concat(first, way))
	}
	return ways
}

// ways to be allowed to give the roles. To make Managers comes first: most inviters may, and one answer settles it.
func (o Offer) ways() [][]Review {
	offered := o.OwnRole()
	role, everything := grant(offered), grant(rosterv1alpha1.RoleManager)
	single, possible := o.singly()
	switch {
	case offered == rosterv1alpha1.RoleManager || offered == rosterv1alpha1.RoleCoOwner:
		return [][]Review{{role}} // With every profile.
	case !possible && !isBuiltIn(offered):
		return [][]Review{{role, everything}}
	case !possible:
		return [][]Review{{everything}}
	case isBuiltIn(offered):
		return [][]Review{{everything}, append([]Review{role}, single...)}
	case len(single) == 0:
		return [][]Review{{role}}
	}
	return [][]Review{{role, everything}, append([]Review{role}, single...)}
}

// singly are the questions to somebody who may not give every role; false where only somebody who may can give what is offered.
func (o Offer) singly() ([]Review, bool) {
	var single []Review
	if o.addsProfiles() && o.OwnRole() == rosterv1alpha1.RoleMember {
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

// recordInviter notes that the inviter is a Member.
func (c *decide) recordInviter(member string) {
	by := c.InvitedBy()
	switch ref := c.status.InviterRef; {
	case member != "":
		c.status.InviterRef = &rosterv1alpha1.InviterReference{Name: member, InvitedBy: by}
	case ref != nil && ref.InvitedBy != by:
		c.status.InviterRef = nil
	}
}
