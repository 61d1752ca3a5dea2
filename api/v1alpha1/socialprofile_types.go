// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Network is a social network.
// +kubebuilder:validation:Enum=Facebook;Instagram;Threads;X;LinkedIn;YouTube;TikTok;Pinterest;Mastodon;Bluesky
type Network string

// ProfileType is what kind of account on the network a SocialProfile is.
// +kubebuilder:validation:Enum=Profile;AdAccount
type ProfileType string

// The types of a SocialProfile.
const (
	// TypeProfile is a page, channel or account that publishes.
	TypeProfile ProfileType = "Profile"
	// TypeAdAccount is an account that advertises.
	TypeAdAccount ProfileType = "AdAccount"
)

// SocialProfileSpec is which account on which network it is, and who looks after it.
type SocialProfileSpec struct {
	// network that the account is on, such as Facebook or Mastodon. It cannot be changed.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cannot be changed: delete the SocialProfile and create another"
	Network Network `json:"network,omitempty"`

	// handle of the account on the network, such as acme or @acme@mastodon.example.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Handle string `json:"handle,omitempty"`

	// type of the account: Profile or AdAccount.
	// +optional
	// +kubebuilder:default=Profile
	Type ProfileType `json:"type,omitempty"`

	// credentialsSecretRef names the Secret in the same namespace that holds the network's tokens.
	// +optional
	CredentialsSecretRef *LocalReference `json:"credentialsSecretRef,omitempty"`

	// responsibleRef names the Member who looks after the profile.
	// +optional
	ResponsibleRef *LocalReference `json:"responsibleRef,omitempty"`

	// connectedBy is the address of the person who connects the profile. ProfileConnectors, and others who may add profiles, look after
	// those that bear their address: they may connect and delete them. Where the API server fills it in, it can be left out.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')",message="must be one line without control characters"
	ConnectedBy string `json:"connectedBy,omitempty"`

	// notifications are the mails that the responsible person gets.
	// +optional
	Notifications *ProfileNotifications `json:"notifications,omitempty"`
}

// ProfileNotifications are the mails that the responsible person of a profile gets.
type ProfileNotifications struct {
	// tokenExpiry mails before the access token expires and when it has.
	// +optional
	// +kubebuilder:default=true
	TokenExpiry *bool `json:"tokenExpiry,omitempty"`

	// engagement mails when new items arrive in the inbox.
	// +optional
	// +kubebuilder:default=false
	Engagement *bool `json:"engagement,omitempty"`
}

// RoleHolders counts the active members that hold each role on a profile, each member by their strongest role. A CustomRole counts as the
// strongest built-in role that it has all permissions of.
type RoleHolders struct {
	// administrators is how many are Administrators, CoOwners and Managers included.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Administrators *int32 `json:"administrators,omitempty"`

	// editors is how many are Editors.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Editors *int32 `json:"editors,omitempty"`

	// moderators is how many are Moderators.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Moderators *int32 `json:"moderators,omitempty"`

	// guests is how many are Guests.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Guests *int32 `json:"guests,omitempty"`
}

// SocialProfileStatus is what the operator knows about the profile.
type SocialProfileStatus struct {
	// conditions tell how it stands: Ready, ResponsibleResolved, TeamAssigned, Administered where a guardrail asks for it, and Stalled
	// when something must be changed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// holders counts the active members that hold each role.
	// +optional
	Holders RoleHolders `json:"holders,omitzero"`

	// teams is how many Teams work on the profile.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Teams *int32 `json:"teams,omitempty"`

	// soleAdministrator is the Member who alone is named Administrator of the profile, where the Organization's
	// spec.guardrails.warnOnOrphanedProfiles asks to know.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SoleAdministrator string `json:"soleAdministrator,omitempty"`

	// responsible is the address of the Member who looks after the profile.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	Responsible string `json:"responsible,omitempty"`
}

// SocialProfile is an account on a social network that the organisation runs. Members hold roles on it; any program can ask the
// API server whether somebody may publish on it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=sp,categories=roster
// +kubebuilder:selectablefield:JSONPath=`.spec.network`
// +kubebuilder:printcolumn:name="Network",type=string,JSONPath=`.spec.network`
// +kubebuilder:printcolumn:name="Handle",type=string,JSONPath=`.spec.handle`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Responsible",type=string,JSONPath=`.status.responsible`
// +kubebuilder:printcolumn:name="Admins",type=integer,JSONPath=`.status.holders.administrators`
// +kubebuilder:printcolumn:name="Editors",type=integer,JSONPath=`.status.holders.editors`
// +kubebuilder:printcolumn:name="Moderators",type=integer,JSONPath=`.status.holders.moderators`
// +kubebuilder:printcolumn:name="Guests",type=integer,JSONPath=`.status.holders.guests`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type SocialProfile struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is which account on which network it is, and who looks after it.
	// +required
	Spec SocialProfileSpec `json:"spec,omitzero"`

	// status is what the operator knows about the profile.
	// +optional
	Status SocialProfileStatus `json:"status,omitzero"`
}

// SocialProfileList is a list of SocialProfiles.
//
// +kubebuilder:object:root=true
type SocialProfileList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []SocialProfile `json:"items"`
}
