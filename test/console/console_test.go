// SPDX-License-Identifier: Apache-2.0

// Package console_test puts config/components/console before a real API server: that it can be applied again, what it lets nobody write,
// and what becomes of it where the API server does not know constrained impersonation.
package console_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testenv"
)

const (
	ben  = "ben@acme.example"
	list = "roster-console-people"
)

func start(t *testing.T, flags ...testenv.Flag) *testenv.Cluster {
	t.Helper()
	c, err := testenv.Start(t.Context(), flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func expect(t *testing.T) *WithT {
	g := NewWithT(t)
	g.SetDefaultEventuallyTimeout(testenv.Patience)
	return g
}

// as is the portal that speaks for somebody.
func as(t *testing.T, c *testenv.Cluster, name string) client.Client {
	t.Helper()
	config, err := c.SignedIn(t.Context(), "roster-portal")
	if err != nil {
		t.Fatal(err)
	}
	config.Impersonate = rest.ImpersonationConfig{UserName: name}
	speaking, err := client.New(config, client.Options{Scheme: c.Scheme, Mapper: c.Client.RESTMapper()})
	if err != nil {
		t.Fatal(err)
	}
	return speaking
}

func people(names ...string) []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{{
		APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"users"}, ResourceNames: names, Verbs: []string{"impersonate:user-info"},
	}}
}

// keep writes the list as the operator does.
func keep(ctx context.Context, c client.Client, rules []rbacv1.PolicyRule) error {
	before := &rbacv1.ClusterRole{}
	if err := c.Get(ctx, client.ObjectKey{Name: list}, before); err != nil {
		return err
	}
	after := before.DeepCopy()
	after.Rules = rules
	return c.Patch(ctx, after, client.MergeFrom(before), client.FieldOwner("roster"))
}

func TestConsole(t *testing.T) {
	c := start(t)
	t.Run("who applies it does not own the list", func(t *testing.T) { applyingKeepsTheList(t, c) })
	t.Run("a fence for everybody", func(t *testing.T) { fenceForEverybody(t, c) })
}

// applyingKeepsTheList: however the component is applied, and applied again, the operator's list stays, and nothing conflicts.
func applyingKeepsTheList(t *testing.T, c *testenv.Cluster) {
	g := expect(t)
	overlay := t.TempDir()
	component, err := filepath.Rel(overlay, filepath.Join(testenv.Root(), "config/components/console"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(
		"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\ncomponents: ["+component+"]\n"), 0o600)).To(Succeed())
	files := []string{"-f", filepath.Join(testenv.Root(), "config/components/console/roles.yaml"),
		"-f", filepath.Join(testenv.Root(), "config/components/console/policy.yaml")}
	for name, apply := range map[string][]string{
		"an overlay": {"apply", "--server-side", "-k", overlay}, "files": append([]string{"apply", "--server-side"}, files...),
		"files, by the client": append([]string{"apply"}, files...), "an overlay, by the client": {"apply", "-k", overlay},
	} {
		t.Run(name, func(t *testing.T) {
			g := expect(t)
			t.Cleanup(func() { NewWithT(t).Expect(c.RemoveConsole(context.Background())).To(Succeed()) })
			g.Expect(c.Kubectl(apply...)).To(Succeed())
			manager, err := client.New(c.As("roster-manager"), client.Options{Scheme: c.Scheme})
			g.Expect(err).NotTo(HaveOccurred())
			g.Eventually(func() error { return keep(t.Context(), manager, people(ben)) }).Should(Succeed())
			g.Expect(c.Kubectl(apply...)).To(Succeed())
			r := &rbacv1.ClusterRole{}
			g.Expect(c.Client.Get(t.Context(), client.ObjectKey{Name: list}, r)).To(Succeed())
			g.Expect(r.Rules).To(Equal(people(ben)))
		})
	}
}

// fenceForEverybody: not even a cluster administrator lets the portal act as others, everywhere, or somebody else act as people.
func fenceForEverybody(t *testing.T, c *testenv.Cluster) {
	g := expect(t)
	g.Expect(c.InstallConsole(t.Context())).To(Succeed())
	g.Expect(c.Namespace(t.Context(), "acme")).To(Succeed())
	dry := client.NewDryRunClient(c.Client)
	groups := people(ben)
	groups[0].Resources = []string{"groups"}
	for name, rules := range map[string][]rbacv1.PolicyRule{
		"everybody": people(), "a user of Kubernetes": people(ben, "system:admin@acme.example"), "no address": people("kubernetes-admin"), "groups": groups,
		"more than that": append(people(ben), rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"users"}, Verbs: []string{"impersonate"}}),
	} {
		g.Expect(keep(t.Context(), dry, rules)).To(MatchError(And(ContainSubstring("'roster-console'"), ContainSubstring("leave rules out"))), name)
	}
	g.Expect(keep(t.Context(), c.Client, people(ben, "oidc:"+ben))).To(Succeed())

	portal := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: "roster-system", Name: "roster-portal"}
	person := rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: ben}
	bind := func(role string, subject rbacv1.Subject) client.Object {
		return &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "try"}, Subjects: []rbacv1.Subject{subject},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		}
	}
	everywhere := func(role string, subject rbacv1.Subject) client.Object {
		return &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "try"}, Subjects: []rbacv1.Subject{subject},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		}
	}
	const one, only = "is bound in one namespace at a time", "its only subject may be"
	for name, a := range map[string]struct {
		o    client.Object
		says string
	}{
		"all namespaces": {everywhere("roster-console", portal), one}, "the list in a namespace": {bind(list, portal), one},
		"a person acts": {bind("roster-console", person), only}, "a person acts as all": {everywhere(list, person), only},
	} {
		g.Expect(dry.Create(t.Context(), a.o)).To(MatchError(And(ContainSubstring("'roster-console'"), ContainSubstring(a.says))), name)
	}
	g.Expect(c.Client.Create(t.Context(), bind("roster-console", portal))).To(Succeed())
	g.Eventually(func() error { // as docs/operations.md says
		return c.Kubectl("auth", "can-i", "impersonate-on:user-info:list", "members.roster.dev", "-n", "acme",
			"--as", "system:serviceaccount:roster-system:roster-portal")
	}).Should(Succeed())
	g.Expect(dry.Create(t.Context(), everywhere("view", person))).To(Succeed(), "others are free")
}

// TestAnAPIServerWithoutConstrainedImpersonation: the console opens nothing there, and breaks nothing.
func TestAnAPIServerWithoutConstrainedImpersonation(t *testing.T) {
	g := expect(t)
	c := start(t)
	if serves, err := testenv.ServesConsole(c.Config); err != nil {
		t.Fatal(err)
	} else if serves {
		g.Expect(c.RestartAPIServer(testenv.Flag{Name: "feature-gates", Value: "ConstrainedImpersonation=false"})).To(Succeed())
	}
	g.Expect(c.InstallConsole(t.Context())).To(Succeed())
	g.Expect(c.Namespace(t.Context(), "acme")).To(Succeed())
	g.Expect(keep(t.Context(), c.Client, people(ben))).To(Succeed())
	g.Expect(c.Client.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "roster:console"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-console"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "roster-system", Name: "roster-portal"}},
	})).To(Succeed())
	err := as(t, c, ben).List(t.Context(), &rosterv1alpha1.MemberList{}, client.InNamespace("acme"))
	t.Log(err)
	g.Expect(err).To(MatchError(apierrors.IsForbidden, "forbidden"))
	g.Expect(err).To(MatchError(ContainSubstring(`cannot impersonate resource "users" in API group ""`)))
}
