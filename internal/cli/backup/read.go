// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/archive"
)

type object = unstructured.Unstructured

// reader reads what a backup saves. What refers to an object is read before the object itself, so that no object is missing that others
// refer to, whatever happens meanwhile.
type reader struct {
	client client.Reader
	header archive.Header
	found  map[string][]*object
}

func (r *reader) read(ctx context.Context) ([]*object, error) {
	// Somebody who accepts is first in an Invitation, then in a Member, which names an Account, which has credentials, which a key opens.
	order := []string{
		"invitations", "teams", "members", "workspaces", "social profiles", "applications", "tokens", "custom roles", "organizations", "plans", "accounts",
		"credentials", "keys", "configuration", "role bindings", "roles", "cluster role bindings", "cluster roles", "namespaces",
	}
	steps := map[string]archive.Step{}
	for _, s := range archive.Steps() {
		steps[s.Name] = s
	}
	for _, name := range order {
		found, err := r.list(ctx, steps[name])
		if err != nil {
			return nil, err
		}
		r.found[name] = found
	}
	r.choose()
	var all []*object
	for _, s := range archive.Steps() {
		all = append(all, r.found[s.Name]...)
	}
	return all, nil
}

// list reads the objects of a step, as far as they belong to what is saved.
func (r *reader) list(ctx context.Context, s archive.Step) ([]*object, error) {
	var options []client.ListOption
	switch {
	case s.Name == "tokens":
		return r.tokens(ctx, s)
	case s.Name == "namespaces" && r.header.Namespace != "":
		return r.get(ctx, s, client.ObjectKey{Name: r.header.Namespace})
	case s.Place == archive.Organizations:
		options = append(options, client.InNamespace(r.header.Namespace))
	case s.Place == archive.Accounts:
		options = append(options, client.InNamespace(rosterv1alpha1.AccountNamespace))
	case r.header.Namespace != "":
		return nil, nil
	case s.Place == archive.System:
		options = append(options, client.InNamespace(r.header.SystemNamespace))
	}
	if s.Resource == "roles" || s.Resource == "rolebindings" { // Roster writes its own again.
		written, err := labels.Parse("app.kubernetes.io/managed-by!=roster")
		if err != nil {
			return nil, err
		}
		options = append(options, client.MatchingLabelsSelector{Selector: written})
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(s.Kind)
	if err := r.client.List(ctx, list, options...); err != nil {
		return nil, err
	}
	var found []*object
	for i := range list.Items {
		found = append(found, kept(&list.Items[i])...)
	}
	return found, nil
}

// tokens are the Secrets that profiles name, and those with the client secrets of Applications. No others in the namespaces of
// organisations are looked at.
func (r *reader) tokens(ctx context.Context, s archive.Step) ([]*object, error) {
	var keys []client.ObjectKey
	for _, p := range r.found["social profiles"] {
		if name := field(p, "spec", "credentialsSecretRef", "name"); name != "" {
			keys = append(keys, client.ObjectKey{Namespace: p.GetNamespace(), Name: name})
		}
	}
	for _, a := range r.found["applications"] {
		if name := field(a, "status", "secretRef", "name"); name != "" {
			keys = append(keys, client.ObjectKey{Namespace: a.GetNamespace(), Name: name})
		}
	}
	slices.SortFunc(keys, func(a, b client.ObjectKey) int { return strings.Compare(a.String(), b.String()) })
	var all []*object
	for _, key := range slices.Compact(keys) {
		found, err := r.get(ctx, s, key)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// get reads one object, if it is there.
func (r *reader) get(ctx context.Context, s archive.Step, key client.ObjectKey) ([]*object, error) {
	o := &object{}
	o.SetGroupVersionKind(s.Kind)
	if err := r.client.Get(ctx, key, o); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return kept(o), nil
}

// kept is the object without what means nothing in a file; none if it is being deleted.
func kept(o *object) []*object {
	if o.GetDeletionTimestamp() != nil {
		return nil
	}
	o.SetManagedFields(nil)
	o.SetResourceVersion("")
	return []*object{o}
}

// field is a text in an object; empty where there is none.
func field(o *object, path ...string) string {
	text, _, _ := unstructured.NestedString(o.Object, path...)
	return text
}
