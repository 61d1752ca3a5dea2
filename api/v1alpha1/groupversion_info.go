// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the kinds of Roster: what an organisation is, who belongs to it, who is invited,
// and which social profiles it runs.
//
// +kubebuilder:object:generate=true
// +groupName=roster.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "roster.dev", Version: "v1alpha1"}

// BetaGroupVersion has the same kinds in the same shape. Objects are stored as GroupVersion, and read and written as either. It is the one
// that people are shown.
var BetaGroupVersion = schema.GroupVersion{Group: GroupVersion.Group, Version: "v1beta1"}

// AddToScheme makes the kinds of this package known to a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&Account{}, &AccountList{},
		&Application{}, &ApplicationList{},
		&CustomRole{}, &CustomRoleList{},
		&Invitation{}, &InvitationList{},
		&Member{}, &MemberList{},
		&Organization{}, &OrganizationList{},
		&Plan{}, &PlanList{},
		&SocialProfile{}, &SocialProfileList{},
		&Team{}, &TeamList{},
		&Workspace{}, &WorkspaceList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
