// SPDX-License-Identifier: Apache-2.0

package whocan

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/kube"
)

// other is a subject that may do it by RBAC that Roster has not written.
type other struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	By   string `json:"by"`
}

// question is what is asked about.
type question struct{ verb, resource, name string }

// allows is how Kubernetes reads a rule: nothing in resourceNames is every name.
func (q question) allows(rules []rbacv1.PolicyRule) bool {
	has := func(list []string, value string) bool {
		return slices.Contains(list, value) || slices.Contains(list, "*")
	}
	return slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
		return has(r.APIGroups, rosterv1alpha1.GroupVersion.Group) && has(r.Resources, q.resource) && has(r.Verbs, q.verb) &&
			(len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, q.name))
	})
}

// others finds whom roles of the cluster let do it. What may not be listed is said.
func others(ctx context.Context, f *kube.Factory, namespace string, q question) (found []other, unseen string, err error) {
	c, err := f.Client()
	if err != nil {
		return nil, "", err
	}
	var roles rbacv1.RoleList
	var bindings rbacv1.RoleBindingList
	var clusterRoles rbacv1.ClusterRoleList
	var clusterBindings rbacv1.ClusterRoleBindingList
	for _, list := range []client.ObjectList{&roles, &bindings, &clusterRoles, &clusterBindings} {
		var options []client.ListOption
		switch list.(type) {
		case *rbacv1.RoleList, *rbacv1.RoleBindingList:
			options = append(options, client.InNamespace(namespace))
		}
		if err := c.List(ctx, list, options...); apierrors.IsForbidden(err) {
			return nil, "You may not list the Roles and bindings of the cluster: who else may do it by those is not shown.", nil
		} else if err != nil {
			return nil, "", err
		}
	}
	allowing := map[string]bool{}
	for _, r := range roles.Items {
		allowing["Role/"+r.Name] = q.allows(r.Rules)
	}
	for _, r := range clusterRoles.Items {
		allowing["ClusterRole/"+r.Name] = q.allows(r.Rules)
	}
	add := func(ref rbacv1.RoleRef, subjects []rbacv1.Subject, binding string) {
		if !allowing[ref.Kind+"/"+ref.Name] {
			return
		}
		for _, s := range subjects {
			name := s.Name
			if s.Kind == rbacv1.ServiceAccountKind {
				name = cmp.Or(s.Namespace, namespace) + "/" + s.Name
			}
			found = append(found, other{s.Kind, name, fmt.Sprintf("%s %s by %s", ref.Kind, ref.Name, binding)})
		}
	}
	for _, b := range bindings.Items {
		if b.Labels["app.kubernetes.io/managed-by"] != "roster" {
			add(b.RoleRef, b.Subjects, "RoleBinding "+b.Name)
		}
	}
	for _, b := range clusterBindings.Items {
		add(b.RoleRef, b.Subjects, "ClusterRoleBinding "+b.Name)
	}
	slices.SortFunc(found, func(a, b other) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.By, b.By))
	})
	return found, "", nil
}
