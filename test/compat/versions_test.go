// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testenv"
)

// both are the versions that are served.
func both() []schema.GroupVersion {
	return []schema.GroupVersion{rosterv1alpha1.GroupVersion, rosterv1alpha1.BetaGroupVersion}
}

// versions is an API server with everything installed, and an organisation whose pipeline gives no role but Member.
type versions struct {
	*testing.T
	cluster  *testenv.Cluster
	admin    client.Client
	pipeline client.Client
}

func newVersions(t *testing.T) *versions {
	t.Helper()
	cluster, err := testenv.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	v := &versions{T: t, cluster: cluster, admin: cluster.Client}
	v.must(cluster.Namespace(t.Context(), "acme"))
	meta := metav1.ObjectMeta{Namespace: "acme", Name: "pipeline"}
	for _, o := range []client.Object{
		&rosterv1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme"}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Acme"},
		},
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"roster.dev"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "create", "update", "patch", "delete"}},
			{APIGroups: []string{"roster.dev"}, Resources: []string{"orgroles"}, ResourceNames: []string{"Member"}, Verbs: []string{"grant"}},
		}},
		&rbacv1.RoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "pipeline"},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "pipeline"}},
		},
	} {
		v.must(v.admin.Create(t.Context(), o))
	}
	v.pipeline, err = client.New(cluster.AsUser("pipeline"), client.Options{Scheme: cluster.Scheme})
	v.must(err)
	return v
}

func (v *versions) must(err error) {
	v.Helper()
	if err != nil {
		v.Fatal(err)
	}
}

func object(gv schema.GroupVersion, kind, name string, spec map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	o.SetGroupVersionKind(gv.WithKind(kind))
	o.SetNamespace("acme")
	o.SetName(name)
	return o
}

// get reads an object in a version.
func (v *versions) get(gv schema.GroupVersion, kind, name string) map[string]any {
	v.Helper()
	o := object(gv, kind, name, nil)
	v.must(v.admin.Get(v.Context(), client.ObjectKeyFromObject(o), o))
	return o.Object
}

func (v *versions) apply(gv schema.GroupVersion, manager string, spec map[string]any) error {
	o := object(gv, "Member", "ana", spec)
	return v.admin.Apply(v.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner(manager))
}

// TestBothVersions has people and programs use both versions of the kinds.
func TestBothVersions(t *testing.T) {
	v := newVersions(t)
	for name, test := range map[string]func(*versions){
		"kubectl prefers v1beta1":                         preferred,
		"an object is the same in both":                   sameObject,
		"what one applies, the other goes on applying":    applied,
		"policies refuse in both what they refuse":        refused,
		"statuses and field selectors work in both alike": selected,
	} {
		t.Run(name, func(t *testing.T) {
			w := *v
			w.T = t
			test(&w)
		})
	}
}

func preferred(v *versions) {
	groups, err := discovery.NewDiscoveryClientForConfigOrDie(v.cluster.Config).ServerGroups()
	v.must(err)
	for _, g := range groups.Groups {
		if g.Name == rosterv1alpha1.GroupVersion.Group {
			if g.PreferredVersion.Version != "v1beta1" || len(g.Versions) != 2 {
				v.Errorf("served: %+v", g)
			}
			return
		}
	}
	v.Error("the group is not served")
}

func sameObject(v *versions) {
	for i, gv := range both() {
		other := both()[1-i]
		name := "same-" + gv.Version
		o := object(gv, "Member", name, map[string]any{"email": name + "@acme.example", "company": "Acme"})
		v.must(v.admin.Create(v.Context(), o))
		o.Object["status"] = map[string]any{"state": "Pending", "observedGeneration": int64(1)}
		v.must(v.admin.Status().Update(v.Context(), o))
		one, two := v.get(gv, "Member", name), v.get(other, "Member", name)
		if two["apiVersion"] != other.String() {
			v.Errorf("read as %s, it is %v", other, two["apiVersion"])
		}
		for _, o := range []map[string]any{one, two} {
			delete(o, "apiVersion")
		}
		if diff := cmp.Diff(one, two); diff != "" {
			v.Errorf("written as %s:\n%s", gv, diff)
		}
	}
}

func applied(v *versions) {
	alpha, beta := both()[0], both()[1]
	v.must(v.apply(alpha, "git", map[string]any{"email": "ana@acme.example", "company": "Acme", "displayName": "Ana"}))
	// The same pipeline, whose manifests say v1beta1 now, and no company any more.
	v.must(v.apply(beta, "git", map[string]any{"email": "ana@acme.example", "displayName": "Ana Silva"}))
	spec, _ := v.get(alpha, "Member", "ana")["spec"].(map[string]any)
	if spec["displayName"] != "Ana Silva" || spec["company"] != nil {
		v.Errorf("after v1beta1: %v", spec)
	}
	if err := v.apply(beta, "other", map[string]any{"displayName": "Anna"}); !apierrors.IsConflict(err) {
		v.Errorf("another applier of the same field: %v, want a conflict", err)
	}
	v.must(v.apply(beta, "other", map[string]any{"company": "Acme Ltd"}))
	// And back.
	v.must(v.apply(alpha, "git", map[string]any{"email": "ana@acme.example"}))
	spec, _ = v.get(beta, "Member", "ana")["spec"].(map[string]any)
	if spec["displayName"] != nil || spec["company"] != "Acme Ltd" {
		v.Errorf("after v1alpha1: %v", spec)
	}
}

func refused(v *versions) {
	for _, c := range []struct {
		kind string
		spec map[string]any
		says string
	}{
		{"Member", map[string]any{"email": "max@acme.example", "role": "Manager"}, "grant"},
		{"Invitation", map[string]any{"email": "max@acme.example", "role": "Manager"}, "grant"},
		{"Member", map[string]any{"email": "max@acme.example", "role": "Owner"}, "Owner is not given by a role"},
		{"Organization", map[string]any{"displayName": "Acme", "planRef": map[string]any{"name": "gold"}}, "use"},
		{"CustomRole", map[string]any{"scope": "Organization", "permissions": []any{"ManageMembers"}}, "ManageMembers"},
		{"Member", map[string]any{"email": "max@acme.example", "accountRef": map[string]any{"name": "a-x"}}, "accountRef"},
	} {
		var said []string
		for _, gv := range both() {
			err := v.pipeline.Create(v.Context(), object(gv, c.kind, "refused", c.spec))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				v.Errorf("%s %v as %s: %v, want %q", c.kind, c.spec, gv, err, c.says)
				continue
			}
			said = append(said, err.Error())
		}
		if len(said) == 2 && said[0] != said[1] {
			v.Errorf("%s %v: refused with\n%s", c.kind, c.spec, strings.Join(said, "\n"))
		}
	}
	for _, gv := range both() {
		v.must(v.pipeline.Create(v.Context(), object(gv, "Member", "let-"+gv.Version, map[string]any{"email": gv.Version + "@acme.example"})))
	}
}

func selected(v *versions) {
	v.must(v.admin.Create(v.Context(), object(both()[1], "Member", "sel", map[string]any{"email": "sel@acme.example"})))
	for _, gv := range both() {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gv.WithKind("MemberList"))
		v.must(v.admin.List(v.Context(), list, client.InNamespace("acme"), client.MatchingFields{"spec.email": "sel@acme.example"}))
		if len(list.Items) != 1 || list.Items[0].GetAPIVersion() != gv.String() {
			v.Errorf("as %s: %v", gv, list.Items)
		}
	}
}
