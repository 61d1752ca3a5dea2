// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Condition types shared by all kinds.
const (
	// ConditionReady says that the operator has done all it can for the object as it stands. An invitation that was
	// mailed is Ready: nothing in the cluster waits for a person.
	ConditionReady = "Ready"
	// ConditionStalled is present, and True, when the operator can go no further until somebody changes something.
	ConditionStalled = "Stalled"
)

// Condition types of an Invitation.
const (
	// ConditionDelivered says whether the mail relay has taken the mail of the current attempt.
	ConditionDelivered = "Delivered"
	// ConditionAccepted says whether the invited person has accepted.
	ConditionAccepted = "Accepted"
)

// Condition types of a Member.
const (
	// ConditionJoined says whether the person has accepted and an Account is bound.
	ConditionJoined = "Joined"
	// ConditionRolesGranted says whether the Role and RoleBinding of the member match what the spec asks for.
	ConditionRolesGranted = "RolesGranted"
)

// Condition types of an Organization and a SocialProfile.
const (
	// ConditionOwnerResolved says whether spec.ownerRef names an active Member.
	ConditionOwnerResolved = "OwnerResolved"
	// ConditionResponsibleResolved says whether spec.responsibleRef names an active Member.
	ConditionResponsibleResolved = "ResponsibleResolved"
)

// Reasons shared by several kinds.
const (
	// ReasonReady: nothing to do.
	ReasonReady = "Ready"
	// ReasonOrganizationMissing: the namespace has no Organization; apply one.
	ReasonOrganizationMissing = "OrganizationMissing"
	// ReasonNamespaceTaken: an older Organization holds the namespace; delete one of the two.
	ReasonNamespaceTaken = "NamespaceTaken"
	// ReasonDuplicateEmail: an older object has the same address; delete one of the two.
	ReasonDuplicateEmail = "DuplicateEmail"
	// ReasonInvalidEmail: the address cannot be parsed; create the object anew with a right one.
	ReasonInvalidEmail = "InvalidEmail"
	// ReasonMemberNotFound: the referenced Member does not exist; create it or correct the reference.
	ReasonMemberNotFound = "MemberNotFound"
	// ReasonMemberNotActive: the referenced Member is pending or suspended.
	ReasonMemberNotActive = "MemberNotActive"
	// ReasonProfileNotFound: a grant names a SocialProfile that does not exist; create it or remove the grant.
	ReasonProfileNotFound = "ProfileNotFound"
)

// Reasons of an Invitation.
const (
	// ReasonWaiting: the mail is about to be sent, or the person has not answered yet.
	ReasonWaiting = "Waiting"
	// ReasonSent: the relay took the mail.
	ReasonSent = "Sent"
	// ReasonAccepted: the person accepted.
	ReasonAccepted = "Accepted"
	// ReasonDeclined: the person declined; ask for a resend after talking to them.
	ReasonDeclined = "Declined"
	// ReasonExpired: the link was not used in time; ask for a resend.
	ReasonExpired = "Expired"
	// ReasonRevoked: somebody withdrew the invitation.
	ReasonRevoked = "Revoked"
	// ReasonMemberRemoved: the Member that was invited is gone, and its invitation with it.
	ReasonMemberRemoved = "MemberRemoved"
	// ReasonMemberSuspended: the Member is suspended; the mail goes out when it no longer is.
	ReasonMemberSuspended = "MemberSuspended"
	// ReasonAlreadyMember: the address belongs to a Member already; delete the invitation.
	ReasonAlreadyMember = "AlreadyMember"
	// ReasonDomainNotAllowed: the organisation does not invite to this domain; see spec.invitations.allowedDomains.
	ReasonDomainNotAllowed = "DomainNotAllowed"
	// ReasonDeliveryFailing: the relay could not be reached or refused for now; the operator tries again.
	ReasonDeliveryFailing = "DeliveryFailing"
	// ReasonRejected: the relay refused the address or the mail for good; correct it, then ask for a resend.
	ReasonRejected = "Rejected"
	// ReasonThrottled: this address has had several mails in a short time; the next one waits.
	ReasonThrottled = "Throttled"
)

// Reasons of a Member.
const (
	// ReasonPending: the person has not accepted yet.
	ReasonPending = "Pending"
	// ReasonJoined: the person accepted.
	ReasonJoined = "Joined"
	// ReasonActive: the member holds its roles.
	ReasonActive = "Active"
	// ReasonSuspended: the member is suspended and holds nothing.
	ReasonSuspended = "Suspended"
	// ReasonNotInvited: no invitation is open; see the Invitation's conditions for how the last one ended.
	ReasonNotInvited = "NotInvited"
	// ReasonNotCounted: something about the Member has to be changed first; the Ready condition says what.
	ReasonNotCounted = "NotCounted"
	// ReasonAccountMismatch: spec.accountRef names an Account of another address; remove it.
	ReasonAccountMismatch = "AccountMismatch"
)

// Reasons of an Organization, a SocialProfile and an Account.
const (
	// ReasonNoOwner: spec.ownerRef is not set; name a Member.
	ReasonNoOwner = "NoOwner"
	// ReasonNoResponsible: spec.responsibleRef is not set; name a Member.
	ReasonNoResponsible = "NoResponsible"
	// ReasonResolved: the referenced Member exists and is active.
	ReasonResolved = "Resolved"
	// ReasonNameMismatch: the name of the Account is not the one that belongs to its address.
	ReasonNameMismatch = "NameMismatch"
)
