// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TeamSpec says who works on what, and as what.
type TeamSpec struct {
	// displayName is the name that people know the team by.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	DisplayName string `json:"displayName,omitempty"`

	// members are the names of the Members who belong to the team.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=5000
	Members []ObjectName `json:"members,omitempty"`

	// profiles are the names of the SocialProfiles that the team works on, besides those that profileSelector finds.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=500
	Profiles []ObjectName `json:"profiles,omitempty"`

	// profileSelector finds SocialProfiles by their labels. An empty selector finds all; if it is left out, only profiles counts.
	// +optional
	ProfileSelector *metav1.LabelSelector `json:"profileSelector,omitempty"`

	// role that the members have on the profiles: Administrator, Editor, Moderator, Guest, or the name of a CustomRole.
	// +required
	Role ProfileRole `json:"role,omitempty"`
}

// TeamStatus is the state of the team.
type TeamStatus struct {
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

	// members is how many of the Members that the spec names are active.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Members *int32 `json:"members,omitempty"`

	// profiles is how many SocialProfiles the team works on.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Profiles *int32 `json:"profiles,omitempty"`
}

// Team gives each of its members the same role on each of its profiles. What a person holds from several sources adds up.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=roster
// +kubebuilder:printcolumn:name="Role",type=string,JSONPath=`.spec.role`
// +kubebuilder:printcolumn:name="Members",type=integer,JSONPath=`.status.members`
// +kubebuilder:printcolumn:name="Profiles",type=integer,JSONPath=`.status.profiles`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Team struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says who works on what, and as what.
	// +required
	Spec TeamSpec `json:"spec,omitzero"`

	// status is the state of the team.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"conditions":{{"type":"Ready","status":"Unknown","reason":"NotObserved","message":"The operator has not looked at the object yet.","lastTransitionTime":"1970-01-01T00:00:00Z"}}}
	Status TeamStatus `json:"status,omitzero"`
}

// TeamList is a list of Teams.
//
// +kubebuilder:object:root=true
type TeamList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Team `json:"items"`
}
