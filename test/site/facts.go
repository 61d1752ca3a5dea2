// SPDX-License-Identifier: Apache-2.0

package site

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/application"
	"github.com/roster-dev/roster/internal/cli/archive"
)

// Facts are what must not be lost, as one text: every object of Roster's kinds with its spec, its status and the reasons of its conditions,
// and the rights that Roster gives. What differs from cluster to cluster is left out: UIDs, generations, and what is bound to those.
func (s *Site) Facts() string {
	s.Helper()
	var lines []string
	for _, step := range archive.Steps() {
		if !step.Roster() {
			continue
		}
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(step.Kind)
		err := s.Client.List(s.Context(), list)
		if meta.IsNoMatchError(err) {
			continue // an older release does not have it
		}
		s.Must(err)
		for _, o := range list.Items {
			at := step.Kind.Kind + " " + archive.Key(&o)
			lines = append(lines, tell(at+" spec", o.Object["spec"])...)
			lines = append(lines, tell(at+" status", o.Object["status"])...)
		}
	}
	written := client.MatchingLabels{"app.kubernetes.io/managed-by": "roster"}
	var roles rbacv1.RoleList
	s.Must(s.Client.List(s.Context(), &roles, written))
	for _, r := range roles.Items {
		for _, rule := range r.Rules {
			lines = append(lines, rights(fmt.Sprintf("Role %s/%s may", r.Namespace, r.Name), rule)...)
		}
	}
	var bindings rbacv1.RoleBindingList
	s.Must(s.Client.List(s.Context(), &bindings, written))
	for _, r := range bindings.Items {
		lines = append(lines, fmt.Sprintf("RoleBinding %s/%s: %s to %s", r.Namespace, r.Name, asJSON(r.RoleRef), asJSON(r.Subjects)))
	}
	lines = append(lines, s.clientSecrets()...)
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// clientSecrets tells which client secret each application is given: the one that counts.
func (s *Site) clientSecrets() []string {
	s.Helper()
	var applications rosterv1alpha1.ApplicationList
	if err := s.Client.List(s.Context(), &applications); !meta.IsNoMatchError(err) {
		s.Must(err)
	}
	var lines []string
	for _, a := range applications.Items {
		if a.Status.SecretRef == nil {
			continue
		}
		secret := &corev1.Secret{}
		s.Must(s.Client.Get(s.Context(), client.ObjectKey{Namespace: a.Namespace, Name: a.Status.SecretRef.Name}, secret))
		lines = append(lines, fmt.Sprintf("Application %s/%s: its secret has the hash %v", a.Namespace, a.Name,
			application.HashOf(string(secret.Data[application.KeyClientSecret]))))
	}
	return lines
}

// rights has a line for each thing that a rule lets somebody do: a release may give more.
func rights(who string, r rbacv1.PolicyRule) []string {
	names := r.ResourceNames
	if len(names) == 0 {
		names = []string{"any"}
	}
	var lines []string
	for _, group := range r.APIGroups {
		for _, resource := range r.Resources {
			for _, verb := range r.Verbs {
				for _, name := range names {
					lines = append(lines, fmt.Sprintf("%s %s %s.%s: %s", who, verb, resource, group, name))
				}
			}
		}
	}
	return lines
}

// tell has a line for each value.
func tell(at string, value any) []string {
	switch v := value.(type) {
	case nil:
		return nil
	case map[string]any:
		if kind, ok := v["type"]; ok && v["reason"] != nil {
			return []string{fmt.Sprintf("%s: %v is %v, %v", at, kind, v["status"], v["reason"])}
		}
		var all []string
		for name, inner := range v {
			if !ofTheCluster(name) {
				all = append(all, tell(at+"."+name, inner)...)
			}
		}
		return all
	case []any:
		var all []string
		for _, inner := range v {
			all = append(all, tell(at, inner)...)
		}
		return all
	default:
		return []string{fmt.Sprintf("%s: %v", at, v)}
	}
}

// ofTheCluster reports whether a field is bound to UIDs and times of creation, or counts generations.
func ofTheCluster(field string) bool {
	return slices.Contains([]string{
		"uid", "memberUID", "observedGeneration", "linkID", "credentialsID", "fingerprintSalt", "openTime", "last", "checkedTime",
	}, field)
}

func asJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // never: they are objects of Kubernetes
	}
	return string(text)
}

// stable is how many looks in a row have to see the same.
const stable = 20

// Settle waits until the operator has looked at every object as it is, and nothing changes any more.
func (s *Site) Settle() {
	s.Helper()
	var last string
	same := 0
	s.Eventually("everything has settled", func() error {
		if err := s.observed(); err != nil {
			return err
		}
		facts := s.Facts()
		if same++; facts != last {
			last, same = facts, 0
		}
		if same < stable {
			return fmt.Errorf("it has been the same for %d looks", same)
		}
		return nil
	})
}

// observed reports whether the operator has seen the generation that each object has, and said so.
func (s *Site) observed() error {
	for _, step := range archive.Steps() {
		if !step.Roster() {
			continue
		}
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(step.Kind)
		if err := s.Client.List(s.Context(), list); meta.IsNoMatchError(err) {
			continue // an older release does not have it
		} else if err != nil {
			return err
		}
		for _, o := range list.Items {
			seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
			if seen != o.GetGeneration() {
				return fmt.Errorf("%s %s: generation %d, seen %d", step.Kind.Kind, archive.Key(&o), o.GetGeneration(), seen)
			}
		}
	}
	return nil
}
