// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Condition types shared by all kinds.
const (
	// ConditionReady reports whether the operator has done all that it can for the object as it is. An invitation that was mailed is Ready:
	// nothing in the cluster waits for a person.
	ConditionReady = "Ready"
	// ConditionStalled is present, and True, when the operator can go no further until somebody changes something.
	ConditionStalled = "Stalled"
)

// Condition types of an Invitation.
const (
	// ConditionDelivered reports whether the mail relay has taken the mail of the current attempt.
	ConditionDelivered = "Delivered"
	// ConditionAccepted reports whether the invited person has accepted.
	ConditionAccepted = "Accepted"
)

// Condition types of a Member.
const (
	// ConditionJoined reports whether the person has accepted and an Account is bound.
	ConditionJoined = "Joined"
	// ConditionRolesGranted reports whether the Role and RoleBinding of the member match what the spec asks for.
	ConditionRolesGranted = "RolesGranted"
)

// Condition types of an Organization and a SocialProfile.
const (
	// ConditionOwnerResolved reports whether spec.ownerRef names an active Member.
	ConditionOwnerResolved = "OwnerResolved"
	// ConditionOwnerUnique reports whether the owner owns no other Organization in the cluster. Of several, the one that they have owned
	// longest counts; in the others they are CoOwner.
	ConditionOwnerUnique = "OwnerUnique"
	// ConditionWithinPlan reports whether everybody and every profile has a place in the plan. It is present if there is a plan.
	ConditionWithinPlan = "WithinPlan"
	// ConditionTeamAssigned reports whether a Team works on the profile.
	ConditionTeamAssigned = "TeamAssigned"
	// ConditionAdministered reports whether an active Member is named Administrator of the profile. It is present if
	// spec.guardrails.warnOnOrphanedProfiles of the Organization is true.
	ConditionAdministered = "Administered"
	// ConditionResponsibleResolved reports whether spec.responsibleRef names an active Member.
	ConditionResponsibleResolved = "ResponsibleResolved"
)

// ConditionIssuerResolved reports whether the operator's configuration has the issuer in spec.security.sso of an Organization. It is
// present if one is named.
const ConditionIssuerResolved = "IssuerResolved"

// ConditionMailDelivered reports whether the mails of an Organization go out. It is present, and False, while some about Invitations are
// held because the mail relay takes none, or none from this installation.
const ConditionMailDelivered = "MailDelivered"

// ConditionUsernameUnique reports whether the user name of an Account is its own. It is present if the Account has one.
const ConditionUsernameUnique = "UsernameUnique"

// Condition types of a SocialProfile with credentials.
const (
	// ConditionConnected reports whether the network accepts the tokens. Only an answer of the network that says so makes it False.
	ConditionConnected = "Connected"
	// ConditionTokenExpiring reports whether somebody has to reconnect the profile within 14 days, since the tokens expire and are not renewed
	// by themselves.
	ConditionTokenExpiring = "TokenExpiring"
	// ConditionScopesSufficient reports whether the token reaches as far as publishing and answering need.
	ConditionScopesSufficient = "ScopesSufficient"
	// ConditionRenewerAvailable reports whether anybody active may reconnect the profile. It is present while somebody has to.
	ConditionRenewerAvailable = "RenewerAvailable"
)

// Reasons shared by several kinds.
const (
	// ReasonNotObserved: the operator has not looked at the object yet. It is in the default of every status, so that nobody takes an object
	// that was just created for one that is ready. If it stays, see whether the manager runs.
	ReasonNotObserved = "NotObserved"
	// ReasonReady: nothing to do.
	ReasonReady = "Ready"
	// ReasonOrganizationMissing: the namespace has no Organization; apply one.
	ReasonOrganizationMissing = "OrganizationMissing"
	// ReasonNamespaceTaken: an older Organization holds the namespace; delete one of the two.
	ReasonNamespaceTaken = "NamespaceTaken"
	// ReasonDuplicateEmail: an older object has the same address; delete one of the two.
	ReasonDuplicateEmail = "DuplicateEmail"
	// ReasonInvalidEmail: the address cannot be parsed; create the object again with a right one.
	ReasonInvalidEmail = "InvalidEmail"
	// ReasonMemberNotFound: the referenced Member does not exist; create it or correct the reference.
	ReasonMemberNotFound = "MemberNotFound"
	// ReasonMemberNotActive: the referenced Member is pending or suspended.
	ReasonMemberNotActive = "MemberNotActive"
	// ReasonProfileNotFound: a grant names a SocialProfile that does not exist; create it or remove the grant.
	ReasonProfileNotFound = "ProfileNotFound"
	// ReasonRoleNotFound: a CustomRole that is used does not exist or has another scope; create it or use another role.
	ReasonRoleNotFound = "RoleNotFound"
	// ReasonWorkspaceNotFound: a Workspace that is given does not exist; create it or take it out.
	ReasonWorkspaceNotFound = "WorkspaceNotFound"
	// ReasonFeatureNotInPlan: the plan of the organisation does not have what the object is or uses; ask the contact of the plan.
	ReasonFeatureNotInPlan = "FeatureNotInPlan"
	// ReasonNoSeat: the plan has no seat left; the object gets one when one frees up. Ask the contact of the plan, or remove somebody.
	ReasonNoSeat = "NoSeat"
	// ReasonProfileLimit: the plan has no place left for the profile; it gets one when one frees up.
	ReasonProfileLimit = "ProfileLimit"
	// ReasonInvalidSelector: a label selector cannot be read; correct it.
	ReasonInvalidSelector = "InvalidSelector"
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
	// ReasonExpired: the link was not used in time; ask for a resend. Of a profile: the tokens have ended; connect it again.
	ReasonExpired = "Expired"
	// ReasonRevoked: somebody withdrew the invitation.
	ReasonRevoked = "Revoked"
	// ReasonMemberRemoved: the Member that was invited is gone, and its invitation with it.
	ReasonMemberRemoved = "MemberRemoved"
	// ReasonMemberSuspended: the Member is suspended; the mail goes out when it no longer is.
	ReasonMemberSuspended = "MemberSuspended"
	// ReasonMembershipEnded: spec.endTime, of the Invitation or of the declared Member, has passed; set a later one.
	ReasonMembershipEnded = "MembershipEnded"
	// ReasonAlreadyMember: the address belongs to a Member already; delete the invitation.
	ReasonAlreadyMember = "AlreadyMember"
	// ReasonDomainNotAllowed: the organisation does not invite to this domain; see spec.invitations.allowedDomains.
	ReasonDomainNotAllowed = "DomainNotAllowed"
	// ReasonDeliveryFailing: the relay does not take this mail for now; the operator tries again.
	ReasonDeliveryFailing = "DeliveryFailing"
	// ReasonMailHeld: the relay takes no mail, or none from this installation; the condition MailDelivered of the Organization says why. The
	// mail goes out by itself when that is fixed.
	ReasonMailHeld = "MailHeld"
	// ReasonRejected: the relay refused the address or the mail for good; correct it, then ask for a resend.
	ReasonRejected = "Rejected"
	// ReasonThrottled: this address has had several mails in a short time; the next one waits.
	ReasonThrottled = "Throttled"
)

// Reasons of the condition MailDelivered.
const (
	// ReasonRelayUnavailable: the relay cannot be reached, or takes no mail at present; the operator tries again.
	ReasonRelayUnavailable = "RelayUnavailable"
	// ReasonRelayRefuses: the relay does not take mail from this installation; the people who run the operator have to correct its settings,
	// or the relay's.
	ReasonRelayRefuses = "RelayRefuses"
	// ReasonRelayThrottles: the relay takes fewer mails than there are; the operator sends them one after the other.
	ReasonRelayThrottles = "RelayThrottles"
)

// Reasons of a Member.
const (
	// ReasonPending: the person has not accepted yet.
	ReasonPending = "Pending"
	// ReasonJoined: the person accepted.
	ReasonJoined = "Joined"
	// ReasonActive: the member holds its roles.
	ReasonActive = "Active"
	// ReasonSuspended: the member is suspended and holds nothing; an account that is suspended cannot be signed in to.
	ReasonSuspended = "Suspended"
	// ReasonEnded: the membership has ended, and the person holds nothing; it goes on with a later spec.endTime.
	ReasonEnded = "Ended"
	// ReasonOwnerDoesNotEnd: spec.endTime has no effect on the owner of the organisation; remove it, or name another owner.
	ReasonOwnerDoesNotEnd = "OwnerDoesNotEnd"
	// ReasonNotInvited: no invitation is open; see the Invitation's conditions for how the last one ended.
	ReasonNotInvited = "NotInvited"
	// ReasonNotCounted: something about the Member has to be changed first; the Ready condition says what.
	ReasonNotCounted = "NotCounted"
	// ReasonWriteRefused: Kubernetes refuses an object that the operator has to write: a quota, a policy of the cluster, the operator's
	// rights. The message says which object and why. Change what refuses it.
	ReasonWriteRefused = "WriteRefused"
	// ReasonAccountMissing: the Account of a person who has joined was deleted. Delete the Member, and create it again to invite again.
	ReasonAccountMissing = "AccountMissing"
	// ReasonAccountMismatch: spec.accountRef names an Account of another address; remove it.
	ReasonAccountMismatch = "AccountMismatch"
)

// Reasons of an Organization, a SocialProfile and an Account.
const (
	// ReasonNoOwner: spec.ownerRef is not set; name a Member.
	ReasonNoOwner = "NoOwner"
	// ReasonOwnerNotAgreed: the Member that spec.ownerRef names has not agreed yet to own the organisation; wait, or name another.
	ReasonOwnerNotAgreed = "OwnerNotAgreed"
	// ReasonOwnerDeclined: the Member that spec.ownerRef names does not want to own the organisation; name another.
	ReasonOwnerDeclined = "OwnerDeclined"
	// ReasonOwnerElsewhere: the owner has owned another Organization for longer; name another owner, or give up the other.
	ReasonOwnerElsewhere = "OwnerElsewhere"
	// ReasonOwnerUnique: the owner owns no other Organization.
	ReasonOwnerUnique = "OwnerUnique"
	// ReasonPlanNotFound: spec.planRef names a Plan that does not exist; create it or name another.
	ReasonPlanNotFound = "PlanNotFound"
	// ReasonWithinPlan: everybody and every profile has a place.
	ReasonWithinPlan = "WithinPlan"
	// ReasonPlanExceeded: there are more people or profiles than the plan has places for; ask its contact, or remove some.
	ReasonPlanExceeded = "PlanExceeded"
	// ReasonConnectionExpired: what somebody asked for at the portal about profiles could not be done within an hour: the person has to ask
	// again.
	ReasonConnectionExpired = "ConnectionExpired"
	// ReasonTeamAssigned: a Team works on the profile.
	ReasonTeamAssigned = "TeamAssigned"
	// ReasonNoTeam: no Team works on the profile; add it to one.
	ReasonNoTeam = "NoTeam"
	// ReasonAdministered: an active Member is named Administrator of the profile.
	ReasonAdministered = "Administered"
	// ReasonNoAdministrator: no active Member is named Administrator of the profile; give somebody that role.
	ReasonNoAdministrator = "NoAdministrator"
	// ReasonNoResponsible: spec.responsibleRef is not set; name a Member.
	ReasonNoResponsible = "NoResponsible"
	// ReasonResolved: what is named exists; a Member is active, too.
	ReasonResolved = "Resolved"
	// ReasonIssuerNotFound: spec.security.sso.issuer names what portal.issuers of the configuration does not have; correct or add it.
	ReasonIssuerNotFound = "IssuerNotFound"
	// ReasonUsernameUnique: the user name belongs to the Account.
	ReasonUsernameUnique = "UsernameUnique"
	// ReasonUsernameTaken: an older Account has the same user name; choose another, or remove it.
	ReasonUsernameTaken = "UsernameTaken"
	// ReasonNameMismatch: the name of the Account is not the one that belongs to its address.
	ReasonNameMismatch = "NameMismatch"
	// ReasonMailLeftOut: a mail about the Account was not sent, since it would have been of no use or one too many; an event only.
	ReasonMailLeftOut = "MailLeftOut"
)

// Reasons of a SocialProfile with credentials.
const (
	// ReasonConnected: the network accepts the tokens.
	ReasonConnected = "Connected"
	// ReasonTokenInvalid: the network no longer accepts the tokens; reconnect the profile.
	ReasonTokenInvalid = "TokenInvalid"
	// ReasonRenewalLost: new tokens came and could not be stored, or the operator stopped meanwhile; reconnect the profile.
	ReasonRenewalLost = "RenewalLost"
	// ReasonAccountChanged: the tokens open another account; put the right ones in, or name the new account in spec.accountID.
	ReasonAccountChanged = "AccountChanged"
	// ReasonReconnectRequired: the tokens were made for another network, server or account than the profile is now, and are not used; connect
	// the profile again, or change it back.
	ReasonReconnectRequired = "ReconnectRequired"
	// ReasonAccountDisabled: the network has disabled the account or the person's sign-in for now; sign in there and put it right.
	ReasonAccountDisabled = "AccountDisabled"
	// ReasonAccountSuspended: the network has suspended or closed the account; ask the network.
	ReasonAccountSuspended = "AccountSuspended"
	// ReasonAccountMoved: the account has moved to another; connect that one.
	ReasonAccountMoved = "AccountMoved"
	// ReasonSecretNotFound: spec.credentialsSecretRef names a Secret that does not exist; create it or name another.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonSecretForbidden: the operator may not read Secrets of the namespace, or not write those of profiles that somebody connects at the
	// portal; bind the ClusterRole roster-credentials there.
	ReasonSecretForbidden = "SecretForbidden"
	// ReasonSecretInvalid: the Secret has no token, or an entry that cannot be read; correct it.
	ReasonSecretInvalid = "SecretInvalid"
	// ReasonNetworkNotConfigured: the configuration of the operator lacks the server, or what it needs to ask it; see networks there.
	ReasonNetworkNotConfigured = "NetworkNotConfigured"
	// ReasonNoAnswer: the network could not be asked, or its answer says nothing about the tokens; the operator asks again.
	ReasonNoAnswer = "NoAnswer"
	// ReasonAccountForbidden: the network accepts the tokens, but they give no access to the account: connect the profile as someone who
	// has a role on it, and agree to what is asked.
	ReasonAccountForbidden = "AccountForbidden"
	// ReasonRateLimited: the network wants the operator to wait; it asks again then.
	ReasonRateLimited = "RateLimited"
	// ReasonNotExpiring: the tokens last for more than 14 days, or are renewed in time.
	ReasonNotExpiring = "NotExpiring"
	// ReasonExpiryUnknown: neither the network nor the Secret specifies when the tokens expire.
	ReasonExpiryUnknown = "ExpiryUnknown"
	// ReasonExpiring: the tokens expire soon; reconnect the profile.
	ReasonExpiring = "Expiring"
	// ReasonScopesSufficient: the token reaches far enough.
	ReasonScopesSufficient = "ScopesSufficient"
	// ReasonScopesMissing: the token lacks scopes; reconnect the profile and agree to them.
	ReasonScopesMissing = "ScopesMissing"
	// ReasonScopesUnknown: neither the network nor the Secret tells which scopes the token has.
	ReasonScopesUnknown = "ScopesUnknown"
	// ReasonRenewerAvailable: somebody active may reconnect the profile.
	ReasonRenewerAvailable = "RenewerAvailable"
	// ReasonNobodyCanRenew: nobody active may reconnect the profile; make somebody its Administrator.
	ReasonNobodyCanRenew = "NobodyCanRenew"
)

// Reasons of an Application.
const (
	// ReasonOpenIDOff: the portal is no OpenID provider; portal.openID.issuer in the configuration of Roster has to be set.
	ReasonOpenIDOff = "OpenIDOff"
	// ReasonTeamNotFound: a Team that is named does not exist; create it or take it out.
	ReasonTeamNotFound = "TeamNotFound"
	// ReasonSecretTaken: a Secret of that name exists that the operator did not make, or somebody has changed the client secret in it; remove
	// it, or name another in spec.secretName.
	ReasonSecretTaken = "SecretTaken"
	// ReasonSecretReplaced: there is a new client secret; an event only.
	ReasonSecretReplaced = "SecretReplaced"
)
