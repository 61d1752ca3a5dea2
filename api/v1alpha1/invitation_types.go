// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// InvitationSpec says who is invited to what.
//
// +kubebuilder:validation:XValidation:rule="has(self.memberRef) != has(self.email)",message="name either email (an Invitation of its own) or memberRef (the invitation of a declared Member), not both and not neither"
// +kubebuilder:validation:XValidation:rule="!has(self.memberRef) || (!has(self.role) && !has(self.profiles) && !has(self.workspaces) && !has(self.canManageProfiles) && !has(self.endTime))",message="role, profiles, workspaces, canManageProfiles and endTime belong in the Member that memberRef names"
// +kubebuilder:validation:XValidation:rule="!has(self.role) || self.role != 'ProfileConnector' || (!has(self.profiles) || self.profiles.size() == 0) && (!has(self.workspaces) || self.workspaces.size() == 0)",message="a ProfileConnector, who takes no seat, only looks after what they connect: take profiles and workspaces out, or choose another role"
// +kubebuilder:validation:XValidation:rule="has(self.memberRef) == has(oldSelf.memberRef) && (!has(self.memberRef) || self.memberRef == oldSelf.memberRef)",message="memberRef cannot be changed: delete the Invitation and create another"
type InvitationSpec struct {
	// memberRef names the declared Member that this invitation is for. The operator creates such invitations by itself.
	// +optional
	MemberRef *LocalReference `json:"memberRef,omitempty"`

	// email is the address that is invited. Upper and lower case of A to Z do not matter, nor whether the domain is in its own script or in
	// ASCII (xn--); +tags and dots do. Letters of other scripts before the @ are lower case. It cannot be changed, but for its case, or to
	// the form in status.email.
	// +optional
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[-a-zA-Z0-9!#$%&\x27*+/=?^_\x60{|}~\p{Ll}\p{Lo}\p{Lm}\p{Nd}][-a-zA-Z0-9!#$%&\x27*+/=?^_\x60{|}~\p{Ll}\p{Lo}\p{Lm}\p{Nd}\p{Mn}\p{Mc}]*(?:\.[-a-zA-Z0-9!#$%&\x27*+/=?^_\x60{|}~\p{Ll}\p{Lo}\p{Lm}\p{Nd}][-a-zA-Z0-9!#$%&\x27*+/=?^_\x60{|}~\p{Ll}\p{Lo}\p{Lm}\p{Nd}\p{Mn}\p{Mc}]*)*@(?i:localhost|(?:[-a-zA-Z0-9]|[^\x00-\x7F\p{C}\p{Z}\x{3002}\x{FF0E}\x{FF61}])+(?:[.\x{3002}\x{FF0E}\x{FF61}](?:[-a-zA-Z0-9]|[^\x00-\x7F\p{C}\p{Z}\x{3002}\x{FF0E}\x{FF61}])+)+)$')`,message="must be a plain mail address such as ana@example.com: before the @ letters (those outside ASCII in lower case), digits, single dots and !#$%&'*+/=?^_{|}~-, without quotation marks, spaces or characters that cannot be seen; then a full domain"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^[^@]*[\x{AA}-\x{BA}\x{133}\x{140}\x{149}\x{17F}\x{1C6}-\x{1CC}\x{1F3}\x{2B0}-\x{2B8}\x{2E0}-\x{2E4}\x{340}-\x{341}\x{343}\x{34F}\x{374}\x{37A}\x{3D0}-\x{3D6}\x{3F0}-\x{3F2}\x{3F5}\x{587}\x{675}-\x{678}\x{E33}\x{EB3}\x{EDC}-\x{EDD}\x{F77}\x{F79}\x{10FC}\x{115F}-\x{1160}\x{17B4}-\x{17B5}\x{180B}-\x{180F}\x{1D2C}-\x{1D2E}\x{1D30}-\x{1D3A}\x{1D3C}-\x{1D4D}\x{1D4F}-\x{1D6A}\x{1D78}\x{1D9B}-\x{1DBF}\x{1E9A}-\x{1E9B}\x{1F71}\x{1F73}\x{1F75}\x{1F77}\x{1F79}\x{1F7B}\x{1F7D}\x{1FBE}\x{1FD3}\x{1FE3}\x{2071}-\x{209C}\x{210A}-\x{2149}\x{2C7C}-\x{2C7D}\x{2D6F}\x{309F}\x{30FF}\x{3131}-\x{318E}\x{A69C}-\x{A69D}\x{A770}\x{A7F2}-\x{A7F4}\x{A7F8}-\x{A7F9}\x{AB5C}-\x{AB5F}\x{AB69}\x{F900}-\x{FA0D}\x{FA10}\x{FA12}\x{FA15}-\x{FA1E}\x{FA20}\x{FA22}\x{FA25}-\x{FA26}\x{FA2A}-\x{FB17}\x{FB20}-\x{FB28}\x{FB4F}-\x{FE0F}\x{FE70}-\x{FE72}\x{FE74}-\x{FFDC}\x{10781}-\x{107BA}\x{1D41A}-\x{1D7FF}\x{1E030}-\x{1E06D}\x{1EE00}-\x{1FBF9}\x{2F800}-\x{2FA1D}\x{E0100}-\x{E01EF}]|[\x{34F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{E0100}-\x{E01EF}]')`,message="must be a plain mail address such as ana@example.com: it has a character that cannot be seen, or that is another form of a plain one, such as a full-width letter; type it again"
	Email string `json:"email,omitempty"`

	// role that the person gets in the organisation: CoOwner, Manager, AdvancedMember, Member (if left out), ProfileConnector, or the name of
	// a CustomRole.
	// +optional
	Role OrganizationRole `json:"role,omitempty"`

	// profiles that the person gets, each with a role.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=500
	Profiles []ProfileGrant `json:"profiles,omitempty"`

	// workspaces that the person gets, each with a role on its profiles.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Workspaces []WorkspaceGrant `json:"workspaces,omitempty"`

	// canManageProfiles lets the person, as a Member, add profiles and ad accounts. If left out, false.
	// +optional
	CanManageProfiles *bool `json:"canManageProfiles,omitempty"`

	// endTime is when the membership ends that the person gets. Once it has passed, the invitation is neither mailed nor accepted. If left
	// out, the membership does not end.
	// +optional
	EndTime *metav1.Time `json:"endTime,omitempty"`

	// validity is how long a link can be used, between 1h and 720h. If left out, the Organization's counts. It applies
	// from the next mail on.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+[hms])+$') && duration(self) >= duration('1h') && duration(self) <= duration('720h')",message="must be between 1h and 720h (30 days), written in hours, minutes and seconds, such as 72h"
	Validity *metav1.Duration `json:"validity,omitempty"`

	// locale is the language of the mail: en or fr. If left out, the Organization's counts.
	// +optional
	Locale Locale `json:"locale,omitempty"`

	// message is a personal note that the mail quotes.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2000
	Message string `json:"message,omitempty"`

	// invitedBy is who invites: the user name or the email address of a person, or the user name of a service account. A Member of that
	// address is shown by name, and answers to the mail go to them. When the person accepts, that Member or service account must still be
	// allowed to give what is offered. For a declared Member, its own invitedBy counts where it is set.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')",message="must be one line without control characters"
	InvitedBy string `json:"invitedBy,omitempty"`

	// revoked withdraws the invitation: its link no longer works. Set it back to false and ask for a resend to invite again.
	// +optional
	// +kubebuilder:default=false
	Revoked *bool `json:"revoked,omitempty"`

	// resendRequestedAt asks for a new mail with a new link when it is newer than the last one. The older link stops working. If the time is
	// in the future, the operator waits for it.
	// +optional
	ResendRequestedAt *metav1.Time `json:"resendRequestedAt,omitempty"`
}

// InvitationState says where an Invitation stands.
// +kubebuilder:validation:Enum=Pending;Sent;Accepted;Declined;Expired;Revoked;Undeliverable
type InvitationState string

// The states of an Invitation.
const (
	// InvitationPending: the mail has not been taken by the relay yet.
	InvitationPending InvitationState = "Pending"
	// InvitationSent: the relay took the mail; the link can be used until expiryTime.
	InvitationSent InvitationState = "Sent"
	// InvitationAccepted: the person accepted. Final.
	InvitationAccepted InvitationState = "Accepted"
	// InvitationDeclined: the person said no.
	InvitationDeclined InvitationState = "Declined"
	// InvitationExpired: the link was not used in time.
	InvitationExpired InvitationState = "Expired"
	// InvitationRevoked: somebody withdrew it, or its Member is gone.
	InvitationRevoked InvitationState = "Revoked"
	// InvitationUndeliverable: the relay refused the address or the mail for good.
	InvitationUndeliverable InvitationState = "Undeliverable"
)

// InvitationStatus is how the invitation fared.
type InvitationStatus struct {
	// conditions report the state of the object: Ready, Delivered, Accepted, and Stalled if something must be changed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the status describes; -1 until the operator has looked at the object.
	// +optional
	// +kubebuilder:default=-1
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// state is Pending, Sent, Accepted, Declined, Expired, Revoked or Undeliverable.
	// +optional
	State InvitationState `json:"state,omitempty"`

	// email is the address as it is compared and mailed: lower case, the domain in ASCII form.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	Email string `json:"email,omitempty"`

	// role that is offered.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Role string `json:"role,omitempty"`

	// attempt counts the links: each resend raises it, and only the newest link works.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Attempt int32 `json:"attempt,omitempty"`

	// openTime is when the Invitation was last opened. Earlier ones get their seats first. If absent, the time of creation counts.
	// +optional
	OpenTime *metav1.Time `json:"openTime,omitempty"`

	// sentTime is when the relay took the newest mail with a new link.
	// +optional
	SentTime *metav1.Time `json:"sentTime,omitempty"`

	// expiryTime is when the newest link stops working.
	// +optional
	ExpiryTime *metav1.Time `json:"expiryTime,omitempty"`

	// remindersSent counts the reminders of the current attempt.
	// +optional
	// +kubebuilder:validation:Minimum=1
	RemindersSent int32 `json:"remindersSent,omitempty"`

	// messageID is the Message-ID of the newest mail, to be found in the logs of the relay.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	MessageID string `json:"messageID,omitempty"`

	// linkID identifies the Invitation in the links that were mailed: it is the UID that the Invitation had with the first of them. A restored
	// Invitation keeps it, and its links keep working.
	// +optional
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	LinkID string `json:"linkID,omitempty"`

	// acceptedTime is when the person accepted.
	// +optional
	AcceptedTime *metav1.Time `json:"acceptedTime,omitempty"`

	// declinedTime is when the person declined.
	// +optional
	DeclinedTime *metav1.Time `json:"declinedTime,omitempty"`

	// renewalRequestedTime is when the holder of an expired link asked for a new one.
	// +optional
	RenewalRequestedTime *metav1.Time `json:"renewalRequestedTime,omitempty"`

	// code is the one that the portal last asked the operator to mail to the invited address, for somebody who has a copied link.
	// +optional
	Code *InvitationCode `json:"code,omitempty"`

	// handledResendTime is the newest spec.resendRequestedAt that has been acted on.
	// +optional
	HandledResendTime *metav1.Time `json:"handledResendTime,omitempty"`

	// accountRef names the Account of the person who accepted, in the namespace roster-accounts.
	// +optional
	AccountRef *LocalReference `json:"accountRef,omitempty"`

	// memberRef names the Member that the acceptance led to.
	// +optional
	MemberRef *LocalReference `json:"memberRef,omitempty"`

	// memberUID is the identity of the declared Member that the mail was sent for. A Member that was deleted and created again counts as
	// another one.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=36
	MemberUID string `json:"memberUID,omitempty"`

	// inviterRef names the Member who invites. It is recorded before the mail goes out, and absent if the inviter is not a Member. Once that
	// Member is removed, suspended or may no longer give what is offered, the invitation cannot be accepted.
	// +optional
	InviterRef *InviterReference `json:"inviterRef,omitempty"`
}

// InvitationCode is a code that is mailed to the invited address, so that somebody who was handed a copied link shows that they read its
// mail. The code itself stands nowhere.
type InvitationCode struct {
	// attempt is the number of the mail that the copied link goes with. The code is void once there is a newer one.
	// +required
	// +kubebuilder:validation:Minimum=1
	Attempt int32 `json:"attempt,omitempty"`

	// browser that asked for the code, and alone can use it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Browser string `json:"browser,omitempty"`

	// requestedTime is when the code was first asked for. Its lifetime starts then, however often it is mailed.
	// +required
	RequestedTime metav1.MicroTime `json:"requestedTime,omitempty,omitzero"`

	// mailRequestedTime is when its mail was last asked for.
	// +required
	MailRequestedTime metav1.MicroTime `json:"mailRequestedTime,omitempty,omitzero"`

	// mailHandledTime is the newest mailRequestedTime that the operator has acted on.
	// +optional
	MailHandledTime *metav1.MicroTime `json:"mailHandledTime,omitempty"`

	// tries is how often a wrong code was typed in; absent for never. After the fifth, no code is accepted.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=5
	Tries int32 `json:"tries,omitempty"`
}

// InviterReference names the Member who invites.
type InviterReference struct {
	// name of the Member.
	// +required
	Name ObjectName `json:"name,omitempty"`

	// invitedBy is the spec.invitedBy, of the Invitation or of the declared Member, by which the Member was found. If somebody else is named
	// now, the reference has no effect.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	InvitedBy string `json:"invitedBy,omitempty"`
}

// Invitation is an offer of membership to one address, and how it fared. The operator mails a link; the person accepts or declines on
// the portal. On acceptance the operator creates the Member, or activates the declared one.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=inv,categories=roster
// +kubebuilder:selectablefield:JSONPath=`.spec.email`
// +kubebuilder:selectablefield:JSONPath=`.spec.role`
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Email",type=string,JSONPath=`.status.email`
// +kubebuilder:printcolumn:name="Role",type=string,JSONPath=`.status.role`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Sent",type=date,JSONPath=`.status.sentTime`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.status.expiryTime`
// +kubebuilder:printcolumn:name="Invited-By",type=string,JSONPath=`.spec.invitedBy`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,priority=1
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 200",message="metadata.name must not be longer than 200 characters"
// +kubebuilder:validation:XValidation:rule="has(self.spec.email) == has(oldSelf.spec.email) && (!has(self.spec.email) || self.spec.email.lowerAscii() == oldSelf.spec.email.lowerAscii() || has(oldSelf.status) && has(oldSelf.status.email) && self.spec.email.lowerAscii() == oldSelf.status.email)",fieldPath=".spec.email",message="cannot be changed, but for its case or to the form in status.email: delete the Invitation and create another"
type Invitation struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says who is invited to what.
	// +required
	Spec InvitationSpec `json:"spec,omitzero"`

	// status is what became of the invitation.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"conditions":{{"type":"Ready","status":"Unknown","reason":"NotObserved","message":"The operator has not looked at the object yet.","lastTransitionTime":"1970-01-01T00:00:00Z"}}}
	Status InvitationStatus `json:"status,omitzero"`
}

// InvitationList is a list of Invitations.
//
// +kubebuilder:object:root=true
type InvitationList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Invitation `json:"items"`
}
