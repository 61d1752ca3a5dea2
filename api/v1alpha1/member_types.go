// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MemberSpec says who the person is and what they may do.
//
// +kubebuilder:validation:XValidation:rule="!has(self.role) || self.role != 'ProfileConnector' || (!has(self.profiles) || self.profiles.size() == 0) && (!has(self.workspaces) || self.workspaces.size() == 0)",message="a ProfileConnector, who takes no seat, only looks after what they connect: take profiles and workspaces out, or choose another role"
type MemberSpec struct {
	// email is the address of the person, and with it their user name in the cluster. Upper and lower case do not matter;
	// +tags and dots do. It cannot be changed: delete the Member and create another.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^@\\\\s<>]+@[^@\\\\s<>]+$')",message="must be a plain mail address such as ana@example.com"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cannot be changed: delete the Member and create one with the new address"
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

	// invitedBy is who answers for what the Member is offered: the user name or the mail address of a person, or the user name of a service
	// account. When the person accepts, the one who is named must still be allowed to give it. Whoever adds to the offer before that writes
	// their own name here. It means nothing once the person has joined.
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
// +kubebuilder:validation:Enum=Pending;Active;Suspended
type MemberState string

// The states of a Member.
const (
	// MemberPending: the person has not accepted yet.
	MemberPending MemberState = "Pending"
	// MemberActive: the person has accepted and holds the roles in status.
	MemberActive MemberState = "Active"
	// MemberSuspended: the person has accepted and holds nothing while spec.suspended is true.
	MemberSuspended MemberState = "Suspended"
)

// EffectiveGrant is a role that a member holds on a profile, and why.
type EffectiveGrant struct {
	// profile is the name of the SocialProfile, or * for all of them.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Profile string `json:"profile,omitempty"`

	// role on the profile: the strongest of the sources, or several with + between where none has all that the others have.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=300
	Role string `json:"role,omitempty"`

	// sources of the role and what each gives, such as "Administrator by the role Manager", "Editor by spec.profiles" or "Guest by the
	// Team writers".
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=400
	Sources []string `json:"sources,omitempty"`
}

// MemberStatus is where the Member stands and what it holds.
type MemberStatus struct {
	// conditions tell how it stands: Ready, Joined, RolesGranted, and Stalled when something must be changed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// state is Pending, Active or Suspended.
	// +optional
	State MemberState `json:"state,omitempty"`

	// role in the organisation that counts: the one in the spec, or Owner.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Role string `json:"role,omitempty"`

	// grants are the roles that the member holds on profiles, and where each comes from. Empty for whoever is not active. Only the first
	// thousand are shown.
	// +optional
	// +listType=map
	// +listMapKey=profile
	// +kubebuilder:validation:MaxItems=1001
	Grants []EffectiveGrant `json:"grants,omitempty"`

	// workspaces that the member works in, by name; * for all of them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Workspaces []string `json:"workspaces,omitempty"`

	// soleAdministratorOf are the profiles that nobody else is named Administrator of, where the Organization's
	// spec.guardrails.warnOnOrphanedProfiles asks to know.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	SoleAdministratorOf []string `json:"soleAdministratorOf,omitempty"`

	// soleRenewerOf are the profiles that nobody else may connect anew, where their tokens end unless somebody does, or have ended.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	SoleRenewerOf []string `json:"soleRenewerOf,omitempty"`

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

	// invitation is the name of the Invitation by which the person comes or came in.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Invitation string `json:"invitation,omitempty"`
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
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,priority=1
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 200",message="metadata.name must not be longer than 200 characters"
type Member struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says who the person is and what they may do.
	// +required
	Spec MemberSpec `json:"spec,omitzero"`

	// status is where the Member stands and what it holds.
	// +optional
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
