// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RoleScope says what a CustomRole is a role in.
// +kubebuilder:validation:Enum=Organization;Profile
type RoleScope string

// The scopes of a CustomRole.
const (
	// ScopeOrganization: the role is used in role of a Member or an Invitation.
	ScopeOrganization RoleScope = "Organization"
	// ScopeProfile: the role is used where a role on profiles is given.
	ScopeProfile RoleScope = "Profile"
)

// RolePermission is something that a CustomRole allows. Those of the scope Profile are the verbs on socialprofiles, in lower case.
// +kubebuilder:validation:Enum=ViewTeam;ManageMembers;ManageTeams;ManageRoles;ManageSettings;ViewSubscription;BuyAddOns;ManageSubscription;ManageContacts;AdministerProfiles;AddProfiles;get;schedule;publish;moderate;report;configure;connect
type RolePermission string

// The permissions in an organisation.
const (
	// PermissionViewTeam: look at Members, Invitations, Teams, Workspaces and CustomRoles.
	PermissionViewTeam RolePermission = "ViewTeam"
	// PermissionManageMembers: invite, change, suspend and remove people, and give them roles that allow no more than the holder's own.
	PermissionManageMembers RolePermission = "ManageMembers"
	// PermissionManageTeams: write Teams and Workspaces.
	PermissionManageTeams RolePermission = "ManageTeams"
	// PermissionManageRoles: write CustomRoles that allow no more than the holder's own role.
	PermissionManageRoles RolePermission = "ManageRoles"
	// PermissionManageSettings: change the Organization.
	PermissionManageSettings RolePermission = "ManageSettings"
	// PermissionViewSubscription: see what the organisation pays for.
	PermissionViewSubscription RolePermission = "ViewSubscription"
	// PermissionBuyAddOns: buy more of what the subscription has.
	PermissionBuyAddOns RolePermission = "BuyAddOns"
	// PermissionManageSubscription: change and end the subscription.
	PermissionManageSubscription RolePermission = "ManageSubscription"
	// PermissionManageContacts: work with the audience: contacts and lists of the tool.
	PermissionManageContacts RolePermission = "ManageContacts"
	// PermissionAdministerProfiles: Administrator of every profile.
	PermissionAdministerProfiles RolePermission = "AdministerProfiles"
	// PermissionAddProfiles: add profiles, and look after those that the holder connected.
	PermissionAddProfiles RolePermission = "AddProfiles"
)

// CustomRoleSpec is what the role allows.
//
// +kubebuilder:validation:XValidation:rule="self.scope != 'Profile' || self.permissions.all(p, p.matches('^[a-z]'))",message="a role of the scope Profile can hold get, schedule, publish, moderate, report, configure and connect",fieldPath=".permissions"
// +kubebuilder:validation:XValidation:rule="self.scope != 'Organization' || self.permissions.all(p, p.matches('^[A-Z]'))",message="a role of the scope Organization can hold ViewTeam, ManageMembers, ManageTeams, ManageRoles, ManageSettings, ViewSubscription, BuyAddOns, ManageSubscription, ManageContacts, AdministerProfiles and AddProfiles",fieldPath=".permissions"
type CustomRoleSpec struct {
	// scope is what it is a role in: Organization or Profile. It cannot be changed.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cannot be changed: delete the CustomRole and create another"
	Scope RoleScope `json:"scope,omitempty"`

	// displayName is the name of the role in mails and pages. If left out, it is the name of the object.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=60
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')",message="must be one line without control characters"
	DisplayName string `json:"displayName,omitempty"`

	// description says what the role is for, in a sentence that mails and pages show.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=300
	Description string `json:"description,omitempty"`

	// permissions that the role allows. With the scope Profile: get, schedule, publish, moderate, report, configure, connect. With the
	// scope Organization: ViewTeam, ManageMembers, ManageTeams, ManageRoles, ManageSettings, ViewSubscription, BuyAddOns,
	// ManageSubscription, ManageContacts, AdministerProfiles, AddProfiles.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	Permissions []RolePermission `json:"permissions,omitempty"`
}

// CustomRoleStatus is the state of the role.
type CustomRoleStatus struct {
	// conditions report the state of the object: Ready, and Stalled if something must be changed.
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
}

// CustomRole is a role that an organisation defines for itself, from a closed list of permissions. It is used by its name wherever a
// built-in role can be: names of CustomRoles are in lower case, those of built-in roles begin with a capital.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=crole,categories=roster
// +kubebuilder:selectablefield:JSONPath=`.spec.scope`
// +kubebuilder:printcolumn:name="Scope",type=string,JSONPath=`.spec.scope`
// +kubebuilder:printcolumn:name="Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Permissions",type=string,JSONPath=`.spec.permissions`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 63",message="metadata.name must be lower case letters, digits and hyphens, begin with a letter, and have at most 63 characters: it is what other objects write as role"
type CustomRole struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the role allows.
	// +required
	Spec CustomRoleSpec `json:"spec,omitzero"`

	// status is the state of the role.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"conditions":{{"type":"Ready","status":"Unknown","reason":"NotObserved","message":"The operator has not looked at the object yet.","lastTransitionTime":"1970-01-01T00:00:00Z"}}}
	Status CustomRoleStatus `json:"status,omitzero"`
}

// CustomRoleList is a list of CustomRoles.
//
// +kubebuilder:object:root=true
type CustomRoleList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []CustomRole `json:"items"`
}
