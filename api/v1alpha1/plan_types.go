// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Feature is something that an organisation has only if its Plan includes it.
// +kubebuilder:validation:Enum=CustomRoles;Workspaces;ProfileConnectors
type Feature string

// The features.
const (
	// FeatureCustomRoles: CustomRoles can be used wherever a built-in role can.
	FeatureCustomRoles Feature = "CustomRoles"
	// FeatureWorkspaces: Workspaces give roles.
	FeatureWorkspaces Feature = "Workspaces"
	// FeatureProfileConnectors: people can be invited as ProfileConnectors.
	FeatureProfileConnectors Feature = "ProfileConnectors"
)

// PlanSpec is how much an organisation may have.
type PlanSpec struct {
	// displayName is the name that people know the plan by, such as Professional.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	DisplayName string `json:"displayName,omitempty"`

	// seats is how many people there may be: Members in every state and open Invitations. ProfileConnectors take none. If left
	// out, there is no limit.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	Seats *int32 `json:"seats,omitempty"`

	// socialProfiles is how many SocialProfiles there may be. If left out, there is no limit.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	SocialProfiles *int32 `json:"socialProfiles,omitempty"`

	// features that organisations of this plan have: CustomRoles, Workspaces, ProfileConnectors. Those that are not listed are off:
	// such objects can be applied, say FeatureNotInPlan, and give nothing.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	Features []Feature `json:"features,omitempty"`

	// contact is whom to ask for more, such as sales@example.com. Messages about limits end with it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')",message="must be one line without control characters"
	Contact string `json:"contact,omitempty"`
}

// PlanStatus is what the operator knows about the plan.
type PlanStatus struct {
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

	// organizations is how many Organizations have the plan.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Organizations *int32 `json:"organizations,omitempty"`
}

// Plan is how much an organisation may have and which features, as its platform sells or grants it. An Organization names its Plan in
// spec.planRef; for those that name none, the Plan called default counts, if there is one.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=roster
// +kubebuilder:printcolumn:name="Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Seats",type=integer,JSONPath=`.spec.seats`
// +kubebuilder:printcolumn:name="Profiles",type=integer,JSONPath=`.spec.socialProfiles`
// +kubebuilder:printcolumn:name="Features",type=string,JSONPath=`.spec.features`
// +kubebuilder:printcolumn:name="Organizations",type=integer,JSONPath=`.status.organizations`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Plan struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is how much an organisation may have.
	// +required
	Spec PlanSpec `json:"spec,omitzero"`

	// status is what the operator knows about the plan.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"conditions":{{"type":"Ready","status":"Unknown","reason":"NotObserved","message":"The operator has not looked at the object yet.","lastTransitionTime":"1970-01-01T00:00:00Z"}}}
	Status PlanStatus `json:"status,omitzero"`
}

// PlanList is a list of Plans.
//
// +kubebuilder:object:root=true
type PlanList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Plan `json:"items"`
}

// DefaultPlan is the name of the Plan of Organizations that name none.
const DefaultPlan = "default"
