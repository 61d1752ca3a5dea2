// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MemberSpec says who the person is and what they may do.
//
// +kubebuilder:validation:XValidation:rule="!has(self.role) || self.role != 'ProfileConnector' || (!has(self.profiles) || self.profiles.size() == 0) && (!has(self.workspaces) || self.workspaces.size() == 0)",message="a ProfileConnector, who takes no seat, only looks after what they connect: take profiles and workspaces out, or choose another role"
type MemberSpec struct {
	// email is the address of the person, and with it their user name in the cluster. Upper and lower case of A to Z do not matter, nor
	// whether the domain is in its own script or in ASCII (xn--); +tags and dots do. Letters of other scripts before the @ are lower case.
	// It cannot be changed, but for its case, or to the form in status.email: delete the Member and create another.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[-a-zA-Z0-9!#$%&\x27*+/=?^_\x60{|}~\p{Ll}\p{Lo}\p{Lm}\p{Nd}][-a-zA-Z0-9!#$%&\x27*+/=?^_\x60{|}~\p{Ll}\p{Lo}\p{Lm}\p{Nd}\p{Mn}\p{Mc}]*(?:\.[-a-zA-Z0-9!#$%&\x27*+/=?^_\x60{|}~\p{Ll}\p{Lo}\p{Lm}\p{Nd}][-a-zA-Z0-9!#$%&\x27*+/=?^_\x60{|}~\p{Ll}\p{Lo}\p{Lm}\p{Nd}\p{Mn}\p{Mc}]*)*@(?i:localhost|(?:[-a-zA-Z0-9]|[^\x00-\x7F\p{C}\p{Z}\x{3002}\x{FF0E}\x{FF61}])+(?:[.\x{3002}\x{FF0E}\x{FF61}](?:[-a-zA-Z0-9]|[^\x00-\x7F\p{C}\p{Z}\x{3002}\x{FF0E}\x{FF61}])+)+)$')`,message="must be a plain mail address such as ana@example.com: before the @ letters (those outside ASCII in lower case), digits, single dots and !#$%&'*+/=?^_{|}~-, without quotation marks, spaces or characters that cannot be seen; then a full domain"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^[^@]*[\x{AA}-\x{BA}\x{133}\x{140}\x{149}\x{17F}\x{1C6}-\x{1CC}\x{1F3}\x{2B0}-\x{2B8}\x{2E0}-\x{2E4}\x{340}-\x{341}\x{343}\x{34F}\x{374}\x{37A}\x{3D0}-\x{3D6}\x{3F0}-\x{3F2}\x{3F5}\x{587}\x{675}-\x{678}\x{E33}\x{EB3}\x{EDC}-\x{EDD}\x{F77}\x{F79}\x{10FC}\x{115F}-\x{1160}\x{17B4}-\x{17B5}\x{180B}-\x{180F}\x{1D2C}-\x{1D2E}\x{1D30}-\x{1D3A}\x{1D3C}-\x{1D4D}\x{1D4F}-\x{1D6A}\x{1D78}\x{1D9B}-\x{1DBF}\x{1E9A}-\x{1E9B}\x{1F71}\x{1F73}\x{1F75}\x{1F77}\x{1F79}\x{1F7B}\x{1F7D}\x{1FBE}\x{1FD3}\x{1FE3}\x{2071}-\x{209C}\x{210A}-\x{2149}\x{2C7C}-\x{2C7D}\x{2D6F}\x{309F}\x{30FF}\x{3131}-\x{318E}\x{A69C}-\x{A69D}\x{A770}\x{A7F2}-\x{A7F4}\x{A7F8}-\x{A7F9}\x{AB5C}-\x{AB5F}\x{AB69}\x{F900}-\x{FA0D}\x{FA10}\x{FA12}\x{FA15}-\x{FA1E}\x{FA20}\x{FA22}\x{FA25}-\x{FA26}\x{FA2A}-\x{FB17}\x{FB20}-\x{FB28}\x{FB4F}-\x{FE0F}\x{FE70}-\x{FE72}\x{FE74}-\x{FFDC}\x{10781}-\x{107BA}\x{1D41A}-\x{1D7FF}\x{1E030}-\x{1E06D}\x{1EE00}-\x{1FBF9}\x{2F800}-\x{2FA1D}\x{E0100}-\x{E01EF}]|[\x{34F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{E0100}-\x{E01EF}]')`,message="must be a plain mail address such as ana@example.com: it has a character that cannot be seen, or that is another form of a plain one, such as a full-width letter; type it again"
	Email string `json:"email,omitempty"`

	// displayName is the name that others see until the person has chosen their own.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	DisplayName string `json:"displayName,omitempty"`

	// company that the person works for, if it is not the organisation itself.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	Company string `json:"company,omitempty"`

	// role in the organisation: CoOwner, Manager, AdvancedMember, Member, ProfileConnector, or the name of a CustomRole.
	// +optional
	// +kubebuilder:default=Member
	Role OrganizationRole `json:"role,omitempty"`

	// profiles are the social profiles that the person works on, each with a role. CoOwners and Managers are
	// Administrators of every profile without being listed.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=500
	Profiles []ProfileGrant `json:"profiles,omitempty"`

	// workspaces that the person works in, each with a role on its profiles. CoOwners and Managers have every workspace without being
	// listed.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Workspaces []WorkspaceGrant `json:"workspaces,omitempty"`

	// canManageProfiles lets a Member add profiles and ad accounts, and look after those that they connected, as AdvancedMembers may.
	// +optional
	// +kubebuilder:default=false
	CanManageProfiles *bool `json:"canManageProfiles,omitempty"`

	// suspended takes every permission away until it is false again. The Member keeps its place and its spec.
	// +optional
	// +kubebuilder:default=false
	Suspended *bool `json:"suspended,omitempty"`

	// endTime is when the membership ends: from then on the person holds nothing, as if they were suspended, until it is later or removed
	// again. The person and the one who invited them are told 14 and 3 days before. If left out, the membership does not end. It has no
	// effect on the owner of the organisation.
	// +optional
	EndTime *metav1.Time `json:"endTime,omitempty"`

	// invitedBy is who answers for what the Member is offered: the user name or the email address of a person, or the user name of a
	// service account. When the person accepts, the one who is named must still be allowed to give it. The person who adds to the offer
	// before that writes their own name here. It means nothing once the person has joined.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')",message="must be one line without control characters"
	InvitedBy string `json:"invitedBy,omitempty"`

	// accountRef names the Account of the person who accepted, in the namespace roster-accounts. The operator sets it
	// on acceptance, as a scheduler binds a Pod to a node; leave it out of what you apply.
	// +optional
	AccountRef *LocalReference `json:"accountRef,omitempty"`
}

// MemberState says where a Member stands.
// +kubebuilder:validation:Enum=Pending;Active;Suspended;Ended
type MemberState string

// The states of a Member.
const (
	// MemberPending: the person has not accepted yet.
	MemberPending MemberState = "Pending"
	// MemberActive: the person has accepted and holds the roles in status.
	MemberActive MemberState = "Active"
	// MemberSuspended: the person has accepted and holds nothing while spec.suspended is true.
	MemberSuspended MemberState = "Suspended"
	// MemberEnded: spec.endTime has passed, and the person holds nothing.
	MemberEnded MemberState = "Ended"
)

// MemberStatus is where the Member stands and where its rights come from. What they add up to, `kubectl auth can-i --list --as` and
// `kubectl roster explain` tell.
type MemberStatus struct {
	// conditions report the state of the object: Ready, Joined, RolesGranted, and Stalled if something must be changed.
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

	// state is Pending, Active, Suspended or Ended.
	// +optional
	State MemberState `json:"state,omitempty"`

	// role in the organisation that counts: the one in the spec; Owner for the Member who owns the organisation, and CoOwner if that person
	// has owned another one for longer.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Role string `json:"role,omitempty"`

	// email is the address as it is compared, and the person's user name in the cluster: ASCII letters in lower case, the domain in ASCII
	// form.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	Email string `json:"email,omitempty"`

	// profiles are the roles that the member holds by name, as far as there are such profiles and the plan has a place for them. Roles by
	// the role in the organisation, by teams and by workspaces come on top. Empty for a member who is not active. While RolesGranted is
	// False with the reason WriteRefused, some are not in force.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=500
	Profiles []ProfileGrant `json:"profiles,omitempty"`

	// teams that the member works in, by name. What a Team gives, it says itself.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	Teams []ObjectName `json:"teams,omitempty"`

	// workspaces that the member works in, by name; * for all of them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Workspaces []string `json:"workspaces,omitempty"`

	// soleAdministratorOf are the profiles that nobody else is named Administrator of, if the Organization sets
	// spec.guardrails.warnOnOrphanedProfiles.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	SoleAdministratorOf []ObjectName `json:"soleAdministratorOf,omitempty"`

	// soleRenewerOf are the profiles that nobody else may reconnect, though their tokens have ended, or end unless somebody does.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	SoleRenewerOf []ObjectName `json:"soleRenewerOf,omitempty"`

	// displayName is the name that the person chose, else the one in the spec.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	DisplayName string `json:"displayName,omitempty"`

	// avatarURL is the picture that belongs to the address at Gravatar.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2000
	AvatarURL string `json:"avatarURL,omitempty"`

	// joinedTime is when the person accepted.
	// +optional
	JoinedTime *metav1.Time `json:"joinedTime,omitempty"`

	// lastSignInTime is when the person last signed in at the portal.
	// +optional
	LastSignInTime *metav1.Time `json:"lastSignInTime,omitempty"`

	// secondFactor reports whether the person has set up a second factor at the portal: an authenticator app or a passkey. One that a company
	// asks for at its sign-in is none. It is absent for somebody who has not joined, and where it is not known yet.
	// +optional
	SecondFactor *bool `json:"secondFactor,omitempty"`

	// endNotice is the last mail that tells that the membership ends soon.
	// +optional
	EndNotice *EndNotice `json:"endNotice,omitempty"`

	// invitation is the name of the Invitation by which the person is joining, or has joined.
	// +optional
	Invitation ObjectName `json:"invitation,omitempty"`

	// successor is the name of another Member of the same address, which takes this one's place when it is deleted: nobody loses access. It is
	// present while a Member is renamed.
	// +optional
	Successor ObjectName `json:"successor,omitempty"`
}

// EndNotice is a mail that tells that a membership ends soon.
type EndNotice struct {
	// endTime that the mail told of. Another end is told of again.
	// +optional
	EndTime *metav1.Time `json:"endTime,omitempty"`

	// days before the end that the mail was due: 14 or 3.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Days int32 `json:"days,omitempty"`

	// to are the addresses that it went to: the member's, and that of the person who invited them, or else the owner's.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=320
	To []string `json:"to,omitempty"`

	// time when the mail was due, or when the end was set if that was later.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}

// Member is a person in the organisation of the namespace. An applied Member is invited by mail and becomes Active when the
// person accepts; its roles then are Kubernetes RBAC for the user named by its address.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=mem,categories=roster
// +kubebuilder:selectablefield:JSONPath=`.spec.email`
// +kubebuilder:selectablefield:JSONPath=`.spec.role`
// +kubebuilder:printcolumn:name="Email",type=string,JSONPath=`.spec.email`
// +kubebuilder:printcolumn:name="Name",type=string,JSONPath=`.status.displayName`
// +kubebuilder:printcolumn:name="Role",type=string,JSONPath=`.status.role`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Joined",type=date,JSONPath=`.status.joinedTime`
// +kubebuilder:printcolumn:name="Last-Sign-In",type=date,JSONPath=`.status.lastSignInTime`
// +kubebuilder:printcolumn:name="Second-Factor",type=boolean,JSONPath=`.status.secondFactor`,priority=1
// +kubebuilder:printcolumn:name="Ends",type=string,JSONPath=`.spec.endTime`,priority=1
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,priority=1
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 200",message="metadata.name must not be longer than 200 characters"
// +kubebuilder:validation:XValidation:rule="self.spec.email.lowerAscii() == oldSelf.spec.email.lowerAscii() || has(oldSelf.status) && has(oldSelf.status.email) && self.spec.email.lowerAscii() == oldSelf.status.email",fieldPath=".spec.email",message="cannot be changed, but for its case or to the form in status.email: delete the Member and create one with the new address"
type Member struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says who the person is and what they may do.
	// +required
	Spec MemberSpec `json:"spec,omitzero"`

	// status is the state of the Member and what it holds.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"conditions":{{"type":"Ready","status":"Unknown","reason":"NotObserved","message":"The operator has not looked at the object yet.","lastTransitionTime":"1970-01-01T00:00:00Z"}}}
	Status MemberStatus `json:"status,omitzero"`
}

// MemberList is a list of Members.
//
// +kubebuilder:object:root=true
type MemberList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Member `json:"items"`
}
