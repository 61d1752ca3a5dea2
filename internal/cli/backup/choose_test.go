// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/cli/archive"
)

func read(t *testing.T, text string) *object {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o := &object{}
	if err := o.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return o
}

func names(objects []*object) string {
	var all []string
	for _, o := range objects {
		all = append(all, o.GetName())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestOpens: the password of an Account that was deleted is not saved with the next one of that name.
func TestOpens(t *testing.T) {
	secret := func(id, owner, born string) *object {
		text := "{kind: Secret, metadata: {creationTimestamp: \"" + born + "\""
		if owner != "" {
			text += ", ownerReferences: [{kind: Account, uid: " + owner + "}]"
		}
		text += "}"
		if id != "" {
			text += ", data: {credentialsID: " + base64.StdEncoding.EncodeToString([]byte(id)) + "}"
		}
		return read(t, text+"}")
	}
	const then, later = "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"
	account := read(t, `{kind: Account, metadata: {uid: u, creationTimestamp: "`+then+`"}, spec: {credentialsID: c}}`)
	older := read(t, `{kind: Account, metadata: {uid: u, creationTimestamp: "`+later+`"}, spec: {}}`)
	for name, c := range map[string]struct {
		secret, account *object
		want            bool
	}{
		"of it":                                    {secret("c", "", then), account, true},
		"of another":                               {secret("d", "u", then), account, false},
		"of none":                                  {secret("c", "", then), nil, false},
		"of its UID":                               {secret("u", "", then), older, true},
		"an older one that it owns":                {secret("", "u", then), account, true},
		"an older one that another owns":           {secret("", "other", later), older, false},
		"an older one that nobody owns":            {secret("", "", later), older, true},
		"an older one from before it":              {secret("", "", then), older, false},
		"an older one of a newer Account's number": {secret("", "", later), account, false},
	} {
		if opens(c.secret, c.account) != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}

// TestOneOrganization: nothing about other organisations is in the file of one.
func TestOneOrganization(t *testing.T) {
	r := &reader{header: archive.Header{Namespace: "acme"}, found: map[string][]*object{
		"members":     {read(t, "{kind: Member, metadata: {namespace: acme, name: ana}, spec: {accountRef: {name: a}}}")},
		"invitations": {read(t, "{kind: Invitation, metadata: {namespace: acme, name: ben}, status: {accountRef: {name: b}}}")},
		"accounts": {
			read(t, `{kind: Account, metadata: {name: a, uid: u}, status: {memberships: [{namespace: acme}, {namespace: other}],
			  leaving: [{namespace: other}], addressCode: {namespace: other}, mailsSent: [{topic: X}]}}`),
			read(t, "{kind: Account, metadata: {name: b, uid: v}, status: {addressCode: {namespace: acme}}}"),
			read(t, "{kind: Account, metadata: {name: stranger, uid: w}}"),
		},
		"credentials": {
			read(t, "{kind: Secret, type: roster.dev/credentials, metadata: {name: a, ownerReferences: [{kind: Account, uid: u}]}, data: {sessions: cw==, passwordHash: cA==}}"),
			read(t, "{kind: Secret, type: roster.dev/credentials, metadata: {name: stranger, ownerReferences: [{kind: Account, uid: w}]}}"),
			read(t, "{kind: Secret, type: Opaque, metadata: {name: b}}"),
		},
	}}
	r.choose()
	if got := names(r.found["accounts"]) + ", " + names(r.found["credentials"]); got != "a b, a" {
		t.Errorf("saved: %s", got)
	}
	want := map[string]any{
		"memberships": []any{map[string]any{"namespace": "acme"}}, "leaving": []any{}, "mailsSent": []any{map[string]any{"topic": "X"}},
	}
	if diff := cmp.Diff(want, r.found["accounts"][0].Object["status"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"passwordHash": "cA=="}, r.found["credentials"][0].Object["data"]); diff != "" {
		t.Error(diff)
	}
}

// TestRights: what people have made to give rights in Roster is saved, and what comes with Kubernetes, the installation or the operator is not.
func TestRights(t *testing.T) {
	role := func(kind, namespace, name, more string) *object {
		return read(t, "{kind: "+kind+", metadata: {namespace: "+namespace+", name: "+name+", "+more+"}")
	}
	const about, other = "labels: {}}, rules: [{apiGroups: [roster.dev]}]", "labels: {}}, rules: [{apiGroups: [apps]}]"
	binding := func(kind, namespace, name, roleKind, of string) *object {
		return read(t, "{kind: "+kind+", metadata: {namespace: "+namespace+", name: "+name+"}, roleRef: {kind: "+roleKind+", name: "+of+"}}")
	}
	r := &reader{found: map[string][]*object{
		"members":    {read(t, "{kind: Member, metadata: {namespace: acme, name: ana}}")},
		"namespaces": {read(t, "{kind: Namespace, metadata: {name: acme}, spec: {finalizers: [x]}}"), read(t, "{kind: Namespace, metadata: {name: other}}")},
		"cluster roles": {
			role("ClusterRole", "''", "own", about), role("ClusterRole", "''", "apps", other),
			role("ClusterRole", "''", "shipped", "labels: {app.kubernetes.io/part-of: roster}}, rules: [{apiGroups: [roster.dev]}]"),
			role("ClusterRole", "''", "admin", "labels: {kubernetes.io/bootstrapping: x}}, rules: [{apiGroups: [roster.dev]}]"),
		},
		"cluster role bindings": {
			binding("ClusterRoleBinding", "''", "to-own", "ClusterRole", "own"), binding("ClusterRoleBinding", "''", "to-viewer", "ClusterRole", "roster-viewer"),
			binding("ClusterRoleBinding", "''", "to-apps", "ClusterRole", "apps"),
		},
		"roles": {role("Role", "acme", "local", about), role("Role", "other", "elsewhere", about), role("Role", "acme", "apps", other)},
		"role bindings": {
			binding("RoleBinding", "acme", "to-local", "Role", "local"), binding("RoleBinding", "acme", "to-own", "ClusterRole", "own"),
			binding("RoleBinding", "acme", "to-apps", "Role", "apps"), binding("RoleBinding", "other", "elsewhere", "ClusterRole", "own"),
		},
	}}
	r.choose()
	for step, want := range map[string]string{
		"namespaces": "acme", "cluster roles": "own", "cluster role bindings": "to-own to-viewer", "roles": "local", "role bindings": "to-local to-own",
	} {
		if got := names(r.found[step]); got != want {
			t.Errorf("%s: %s, want %s", step, got, want)
		}
	}
	if _, there := r.found["namespaces"][0].Object["spec"]; there {
		t.Error("the spec of a namespace is saved, which the API server writes itself")
	}
}
