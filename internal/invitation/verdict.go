// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"

	"github.com/roster-dev/roster/internal/address"
)

// Verdict reports whether a link can be used now, and if not, why.
type Verdict string

// The verdicts on a link whose signature is right.
const (
	// LinkOpen: the invitation can be accepted or declined.
	LinkOpen Verdict = "Open"
	// LinkNotReady: the mail was faster than the cluster; the same link works in a moment.
	LinkNotReady Verdict = "NotReady"
	// LinkSuperseded: a newer mail brought a newer link.
	LinkSuperseded Verdict = "Superseded"
	// LinkAccepted: the invitation was accepted already.
	LinkAccepted Verdict = "Accepted"
	// LinkDeclined: the invitation was declined.
	LinkDeclined Verdict = "Declined"
	// LinkRevoked: the invitation was withdrawn, or the Member or the Organization it is for is gone.
	LinkRevoked Verdict = "Revoked"
	// LinkExpired: the time is over and the holder cannot ask for another link.
	LinkExpired Verdict = "Expired"
	// LinkRenewable: the time is over, and the holder may ask for another link.
	LinkRenewable Verdict = "Renewable"
	// LinkRenewing: the time is over, and another link has been asked for and is on its way.
	LinkRenewing Verdict = "Renewing"
	// LinkSuspended: the Member is suspended; an administrator has to lift that first.
	LinkSuspended Verdict = "Suspended"
	// LinkEnded: the membership that is offered has ended already; an administrator has to set a later end first.
	LinkEnded Verdict = "Ended"
	// LinkNotAllowed: the organisation no longer invites to this mail domain.
	LinkNotAllowed Verdict = "NotAllowed"
	// LinkInviterLostRight: the inviter may no longer give what is offered. It can still be declined.
	LinkInviterLostRight Verdict = "InviterLostRight"
)

// Offer is an Invitation with the objects it speaks of, read at the same time.
type Offer struct {
	Invitation *rosterv1alpha1.Invitation
	// Organization of the namespace; nil where there is none.
	Organization *rosterv1alpha1.Organization
	// Member that spec.memberRef names; nil where there is none.
	Member *rosterv1alpha1.Member
	// InviterLostRight: the API server was asked, and the inviter may no longer give what is offered.
	InviterLostRight bool
}

// Email is the address that is invited, as it was written; empty when the Member that is named does not exist.
func (o Offer) Email() string {
	switch {
	case o.Invitation.Spec.MemberRef == nil:
		return o.Invitation.Spec.Email
	case o.Member != nil:
		return o.Member.Spec.Email
	}
	return ""
}

// Address is the one that is invited now; empty where Email is none.
func (o Offer) Address() address.Address {
	a, err := address.Parse(o.Email())
	if err != nil {
		return ""
	}
	return a
}

// Role is what the person becomes in the organisation; for the Member that owns it, Owner.
func (o Offer) Role() rosterv1alpha1.OrganizationRole {
	if ref := o.Invitation.Spec.MemberRef; ref != nil && o.Organization != nil && o.Organization.Spec.OwnerRef != nil &&
		o.Organization.Spec.OwnerRef.Name == ref.Name {
		return rosterv1alpha1.RoleOwner
	}
	return o.OwnRole()
}

// Agreed is what somebody agrees to who accepts: to owning the organisation only if the page that they answer said so.
func (o Offer) Agreed(toOwn bool) rosterv1alpha1.OrganizationRole {
	if toOwn {
		return o.Role()
	}
	return o.OwnRole()
}

// OwnRole is what the person becomes in the organisation if they do not own it.
func (o Offer) OwnRole() rosterv1alpha1.OrganizationRole {
	role := o.Invitation.Spec.Role
	if o.Invitation.Spec.MemberRef != nil && o.Member != nil {
		role = o.Member.Spec.Role
	}
	if role == "" {
		return rosterv1alpha1.RoleMember
	}
	return role
}

// Profiles are what the person gets on social profiles.
func (o Offer) Profiles() []rosterv1alpha1.ProfileGrant {
	if o.Invitation.Spec.MemberRef != nil && o.Member != nil {
		return o.Member.Spec.Profiles
	}
	return o.Invitation.Spec.Profiles
}

// WorkspaceGrants are the workspaces that the person gets, by the names of their objects.
func (o Offer) WorkspaceGrants() []rosterv1alpha1.WorkspaceGrant {
	if o.Invitation.Spec.MemberRef != nil && o.Member != nil {
		return o.Member.Spec.Workspaces
	}
	return o.Invitation.Spec.Workspaces
}

// CustomRoleNames are the CustomRoles among the roles that the person gets, sorted.
func (o Offer) CustomRoleNames() []string {
	names := []string{string(o.Role())}
	for _, g := range o.Profiles() {
		names = append(names, string(g.Role))
	}
	for _, g := range o.WorkspaceGrants() {
		names = append(names, string(g.Role))
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" || isBuiltIn(rosterv1alpha1.OrganizationRole(name)) })
	slices.Sort(names)
	return slices.Compact(names)
}

// CanManageProfiles reports whether the person, as a Member, may add profiles. It means nothing with any other role.
func (o Offer) CanManageProfiles() bool {
	return o.addsProfiles() && o.Role() == rosterv1alpha1.RoleMember
}

func (o Offer) addsProfiles() bool {
	can := o.Invitation.Spec.CanManageProfiles
	if o.Invitation.Spec.MemberRef != nil && o.Member != nil {
		can = o.Member.Spec.CanManageProfiles
	}
	return ptr.Deref(can, false)
}

// EndTime is when the membership ends that the person gets; nil where it does not.
func (o Offer) EndTime() *metav1.Time {
	if o.Invitation.Spec.MemberRef != nil && o.Member != nil {
		return o.Member.Spec.EndTime
	}
	return o.Invitation.Spec.EndTime
}

// Ended reports whether the membership that is offered has ended already.
func (o Offer) Ended(now time.Time) bool {
	end := o.EndTime()
	return end != nil && !now.Before(end.Time)
}

// Locale is the language of the mail: the invitation's, else the organisation's, else English.
func (o Offer) Locale() rosterv1alpha1.Locale {
	if l := o.Invitation.Spec.Locale; l != "" {
		return l
	}
	if o.Organization != nil && o.Organization.Spec.Locale != "" {
		return o.Organization.Spec.Locale
	}
	return rosterv1alpha1.LocaleEnglish
}

// Check decides on a link of the given attempt whose signature has been verified. Everything that can have happened since the mail
// went out is looked at, whether or not a controller has noticed it yet.
func (o Offer) Check(attempt int32, now time.Time) Verdict {
	status := o.Invitation.Status
	switch {
	case status.State == rosterv1alpha1.InvitationAccepted:
		return LinkAccepted
	case o.gone():
		return LinkRevoked
	case attempt > status.Attempt:
		return LinkNotReady
	case attempt < status.Attempt, status.State == rosterv1alpha1.InvitationPending:
		return LinkSuperseded
	case status.State == rosterv1alpha1.InvitationDeclined:
		return LinkDeclined
	case status.State == rosterv1alpha1.InvitationRevoked, status.State == rosterv1alpha1.InvitationUndeliverable:
		return LinkRevoked
	case !o.domainAllowed():
		return LinkNotAllowed
	case o.Ended(now):
		return LinkEnded
	case o.InviterLostRight: // Before expiry: another link would be of no use.
		return LinkInviterLostRight
	case o.expired(now):
		return o.renewal()
	case o.Member != nil && ptr.Deref(o.Member.Spec.Suspended, false):
		return LinkSuspended
	}
	return LinkOpen
}

// gone reports whether what the invitation is for has been taken away since it was mailed.
func (o Offer) gone() bool {
	inv := o.Invitation
	if ptr.Deref(inv.Spec.Revoked, false) || inv.DeletionTimestamp != nil || o.Organization == nil {
		return true
	}
	if inv.Spec.MemberRef == nil {
		return false
	}
	return o.Member == nil || o.Member.DeletionTimestamp != nil ||
		inv.Status.MemberUID != "" && inv.Status.MemberUID != string(o.Member.UID)
}

func (o Offer) expired(now time.Time) bool {
	status := o.Invitation.Status
	return status.State == rosterv1alpha1.InvitationExpired || status.ExpiryTime == nil || !now.Before(status.ExpiryTime.Time)
}

func (o Offer) renewal() Verdict {
	switch {
	case !ptr.Deref(o.Organization.Spec.Invitations.SelfRenewal, false):
		return LinkExpired
	case renewalAsked(o.Invitation.Status):
		return LinkRenewing
	}
	return LinkRenewable
}

func (o Offer) domainAllowed() bool {
	a := o.Address()
	return a != "" && DomainAllowed(a, o.Organization.Spec.Invitations.AllowedDomains)
}

// DomainAllowed reports whether an organisation with that list invites to the address. An empty list allows every domain.
func DomainAllowed(a address.Address, allowed []string) bool {
	return len(allowed) == 0 || slices.ContainsFunc(allowed, func(d string) bool {
		ascii, err := address.Domain(d)
		return err == nil && ascii == a.Domain()
	})
}

// renewalAsked reports whether the holder of the newest link has asked for another one.
func renewalAsked(status rosterv1alpha1.InvitationStatus) bool {
	asked := status.RenewalRequestedTime
	return asked != nil && (status.SentTime == nil || !asked.Before(status.SentTime))
}
