// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// SessionKeys is the Secret in the system namespace that is never saved: with its keys, sessions that have ended would begin again.
const SessionKeys = "roster-portal-keys"

// Place is where objects are.
type Place string

// The places.
const (
	Cluster       Place = "Cluster"
	System        Place = "System"
	Accounts      Place = "Accounts"
	Organizations Place = "Organizations"
)

// Step is a kind of objects in a place, which are read together and made together.
type Step struct {
	Name     string // what people call them
	Kind     schema.GroupVersionKind
	Resource string
	Place    Place
}

// Roster reports whether the kind is one of Roster's.
func (s Step) Roster() bool { return s.Kind.Group == rosterv1alpha1.GroupVersion.Group }

// Steps are in the order in which objects are made: what is referred to comes before what refers to it.
func Steps() []Step {
	core, rbac, roster := corev1.SchemeGroupVersion.WithKind, rbacv1.SchemeGroupVersion.WithKind, rosterv1alpha1.GroupVersion.WithKind
	return []Step{
		{"keys", core("Secret"), "secrets", System},
		{"configuration", core("ConfigMap"), "configmaps", System},
		{"namespaces", core("Namespace"), "namespaces", Cluster},
		{"cluster roles", rbac("ClusterRole"), "clusterroles", Cluster},
		{"cluster role bindings", rbac("ClusterRoleBinding"), "clusterrolebindings", Cluster},
		{"roles", rbac("Role"), "roles", Organizations},
		{"role bindings", rbac("RoleBinding"), "rolebindings", Organizations},
		{"plans", roster("Plan"), "plans", Cluster},
		{"accounts", roster("Account"), "accounts", Accounts},
		{"credentials", core("Secret"), "secrets", Accounts},
		{"organizations", roster("Organization"), "organizations", Organizations},
		{"custom roles", roster("CustomRole"), "customroles", Organizations},
		{"social profiles", roster("SocialProfile"), "socialprofiles", Organizations},
		{"applications", roster("Application"), "applications", Organizations},
		{"tokens", core("Secret"), "secrets", Organizations},
		{"workspaces", roster("Workspace"), "workspaces", Organizations},
		{"members", roster("Member"), "members", Organizations},
		{"teams", roster("Team"), "teams", Organizations},
		{"invitations", roster("Invitation"), "invitations", Organizations},
	}
}

// StepOf is the step of an object.
func (h Header) StepOf(o *unstructured.Unstructured) (Step, error) {
	place := h.placeOf(o.GetNamespace())
	for _, s := range Steps() {
		if s.Kind == o.GroupVersionKind() && s.Place == place {
			return s, nil
		}
	}
	return Step{}, fmt.Errorf("%s %s: a backup has no %[1]s of %[3]s here. Take it out of the file, or apply it with kubectl",
		o.GetKind(), Key(o), o.GetAPIVersion())
}

func (h Header) placeOf(namespace string) Place {
	switch namespace {
	case "":
		return Cluster
	case h.SystemNamespace:
		return System
	case rosterv1alpha1.AccountNamespace:
		return Accounts
	}
	return Organizations
}

// Key names an object among those of its kind.
func Key(o *unstructured.Unstructured) string {
	if o.GetNamespace() == "" {
		return o.GetName()
	}
	return o.GetNamespace() + "/" + o.GetName()
}
