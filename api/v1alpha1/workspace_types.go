// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// WorkspaceSpec is which profiles belong together.
type WorkspaceSpec struct {
	// displayName is the name that people know the workspace by.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	DisplayName string `json:"displayName,omitempty"`

	// profiles are the names of the SocialProfiles in the workspace, besides those that profileSelector finds.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=500
	Profiles []ObjectName `json:"profiles,omitempty"`

	// profileSelector finds SocialProfiles by their labels. An empty selector finds all; if it is left out, only profiles counts.
	// +optional
	ProfileSelector *metav1.LabelSelector `json:"profileSelector,omitempty"`
}

// WorkspaceStatus is the state of the workspace.
type WorkspaceStatus struct {
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

	// profiles is how many SocialProfiles are in the workspace.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Profiles *int32 `json:"profiles,omitempty"`

	// members is how many active Members have been given the workspace. CoOwners and Managers, who have every one, are not counted.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Members *int32 `json:"members,omitempty"`
}

// Workspace is a group of profiles that is given to people as one, by spec.workspaces of their Member or Invitation. To everybody else it
// is hidden, but for CoOwners and Managers, who have every workspace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ws,categories=roster
// +kubebuilder:printcolumn:name="Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Profiles",type=integer,JSONPath=`.status.profiles`
// +kubebuilder:printcolumn:name="Members",type=integer,JSONPath=`.status.members`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Workspace struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is which profiles belong together.
	// +required
	Spec WorkspaceSpec `json:"spec,omitzero"`

	// status is the state of the workspace.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"conditions":{{"type":"Ready","status":"Unknown","reason":"NotObserved","message":"The operator has not looked at the object yet.","lastTransitionTime":"1970-01-01T00:00:00Z"}}}
	Status WorkspaceStatus `json:"status,omitzero"`
}

// WorkspaceList is a list of Workspaces.
//
// +kubebuilder:object:root=true
type WorkspaceList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Workspace `json:"items"`
}
