// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/archive"
	"github.com/roster-dev/roster/internal/openid/grant"
)

// choose leaves out what a restore must not bring back, and what belongs to others than the organisation.
func (r *reader) choose() {
	if r.header.Namespace != "" {
		r.keepOwnAccounts()
	}
	accounts := map[string]*object{}
	for _, a := range r.found["accounts"] {
		accounts[a.GetName()] = a
	}
	r.keep("credentials", func(s *object) bool {
		return field(s, "type") == "roster.dev/credentials" && opens(s, accounts[s.GetName()])
	})
	for _, s := range r.found["credentials"] {
		forgetGrants(s)
	}
	r.keep("keys", func(s *object) bool {
		t := corev1.SecretType(field(s, "type"))
		// Keys that sign tokens have a type of their own, and are left out: one that was withdrawn must not come back.
		return (t == corev1.SecretTypeOpaque || t == corev1.SecretTypeBasicAuth) && s.GetName() != archive.SessionKeys
	})
	r.keep("configuration", func(c *object) bool { return strings.HasPrefix(c.GetName(), "roster-config") })
	namespaces := r.namespaces()
	r.keep("namespaces", func(n *object) bool {
		unstructured.RemoveNestedField(n.Object, "spec")
		unstructured.RemoveNestedField(n.Object, "status")
		return namespaces[n.GetName()]
	})
	r.chooseRights(namespaces)
}

func (r *reader) keep(step string, wanted func(*object) bool) {
	r.found[step] = slices.DeleteFunc(r.found[step], func(o *object) bool { return !wanted(o) })
}

// namespaces are those of organisations.
func (r *reader) namespaces() map[string]bool {
	all := map[string]bool{}
	for _, s := range archive.Steps() {
		if s.Place == archive.Organizations && s.Roster() {
			for _, o := range r.found[s.Name] {
				all[o.GetNamespace()] = true
			}
		}
	}
	return all
}

// chooseRights keeps the roles that people wrote about Roster, and who has them or those of the installation. What comes with Kubernetes
// and with the installation is there anyhow.
func (r *reader) chooseRights(namespaces map[string]bool) {
	given := map[string]bool{"roster-admin": true, "roster-viewer": true, "roster-platform": true, "roster-credentials": true}
	r.keep("cluster roles", func(o *object) bool {
		_, aggregated := o.Object["aggregationRule"]
		return made(o) && about(o) && !aggregated
	})
	for _, o := range r.found["cluster roles"] {
		given[o.GetName()] = true
	}
	r.keep("cluster role bindings", func(o *object) bool { return made(o) && given[field(o, "roleRef", "name")] })
	local := map[string]bool{}
	r.keep("roles", func(o *object) bool { return namespaces[o.GetNamespace()] && made(o) && about(o) })
	for _, o := range r.found["roles"] {
		local[archive.Key(o)] = true
	}
	r.keep("role bindings", func(o *object) bool {
		name := field(o, "roleRef", "name")
		if field(o, "roleRef", "kind") == "Role" {
			return made(o) && local[o.GetNamespace()+"/"+name]
		}
		return namespaces[o.GetNamespace()] && made(o) && given[name]
	})
}

// made reports whether somebody made it, and not Kubernetes or the installation.
func made(o *object) bool {
	_, bootstrap := o.GetLabels()["kubernetes.io/bootstrapping"]
	return !bootstrap && o.GetLabels()["app.kubernetes.io/part-of"] != "roster"
}

// about reports whether a role has a rule about Roster's kinds.
func about(role *object) bool {
	rules, _, _ := unstructured.NestedSlice(role.Object, "rules")
	return slices.ContainsFunc(rules, func(rule any) bool {
		fields, _ := rule.(map[string]any)
		groups, _, _ := unstructured.NestedStringSlice(fields, "apiGroups")
		return slices.Contains(groups, rosterv1alpha1.GroupVersion.Group)
	})
}

// opens reports whether credentials are those of an Account, and not of a deleted one of the same name.
func opens(secret, account *object) bool {
	if account == nil {
		return false
	}
	id := field(account, "spec", "credentialsID")
	if encoded := field(secret, "data", "credentialsID"); encoded != "" {
		of, err := base64.StdEncoding.DecodeString(encoded)
		return err == nil && string(of) == cmp.Or(id, string(account.GetUID()))
	}
	owned := false
	for _, owner := range secret.GetOwnerReferences() {
		if owner.Kind == "Account" {
			if owner.UID == account.GetUID() {
				return true
			}
			owned = true
		}
	}
	born, since := secret.GetCreationTimestamp(), account.GetCreationTimestamp()
	return !owned && id == "" && !born.Before(&since)
}

// keepOwnAccounts leaves out other people, and what the Accounts say about other organisations. Sessions are left out, too: those that have
// ended since must not begin again, and the keys of sessions stay as they are when an organisation is restored.
func (r *reader) keepOwnAccounts() {
	own := map[string]bool{}
	for _, m := range r.found["members"] {
		own[field(m, "spec", "accountRef", "name")] = true
	}
	for _, inv := range r.found["invitations"] {
		own[field(inv, "status", "accountRef", "name")] = true
	}
	r.keep("accounts", func(a *object) bool { return own[a.GetName()] })
	for _, a := range r.found["accounts"] {
		if status, ok := a.Object["status"].(map[string]any); ok {
			forgetOthers(status, r.header.Namespace)
		}
	}
	for _, s := range r.found["credentials"] {
		unstructured.RemoveNestedField(s.Object, "data", "sessions")
	}
}

// forgetGrants leaves out the sign-ins to applications. Those that have ended since must not begin again, and unlike sessions they hang on
// no key that a restore replaces.
func forgetGrants(secret *object) {
	unstructured.RemoveNestedField(secret.Object, "data", grant.Entry)
	unstructured.RemoveNestedField(secret.Object, "metadata", "labels", grant.Label)
}

func forgetOthers(status map[string]any, namespace string) {
	other := func(item any) bool {
		fields, _ := item.(map[string]any)
		of, ok := fields["namespace"].(string)
		return ok && of != namespace
	}
	for name, value := range status {
		if items, ok := value.([]any); ok {
			status[name] = slices.DeleteFunc(items, other)
		} else if other(value) {
			delete(status, name)
		}
	}
}
