// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AccountSpec is what a person tells about themselves.
type AccountSpec struct {
	// email of the person: lower case, the domain in ASCII form. The name of the Account follows from it.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^@\\\\s<>]+@[^@\\\\s<>]+$') && self == self.lowerAscii()",message="must be a plain mail address in lower case such as ana@example.com"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cannot be changed"
	Email string `json:"email,omitempty"`

	// displayName is the name that others see.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')",message="must be one line without control characters"
	DisplayName string `json:"displayName,omitempty"`

	// company that the person works for.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	Company string `json:"company,omitempty"`

	// locale is the language that the person reads: en or fr.
	// +optional
	// +kubebuilder:default=en
	Locale Locale `json:"locale,omitempty"`
}

// AccountStatus is what the operator and the portal know about the account.
type AccountStatus struct {
	// conditions tell how it stands: Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// lastSignInTime is when the person last gave their password at the portal.
	// +optional
	LastSignInTime *metav1.Time `json:"lastSignInTime,omitempty"`
}

// Account is a person, across all organisations that they belong to. The portal creates it when somebody accepts their first
// invitation; the password's hash lies in the Secret of the same name.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=acct,categories=roster
// +kubebuilder:selectablefield:JSONPath=`.spec.email`
// +kubebuilder:printcolumn:name="Email",type=string,JSONPath=`.spec.email`
// +kubebuilder:printcolumn:name="Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Company",type=string,JSONPath=`.spec.company`
// +kubebuilder:printcolumn:name="Last-Sign-In",type=date,JSONPath=`.status.lastSignInTime`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Account struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the person tells about themselves.
	// +required
	Spec AccountSpec `json:"spec,omitzero"`

	// status is what the operator and the portal know about the account.
	// +optional
	Status AccountStatus `json:"status,omitzero"`
}

// AccountList is a list of Accounts.
//
// +kubebuilder:object:root=true
type AccountList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Account `json:"items"`
}
