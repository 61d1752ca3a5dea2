// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/config"
)

func installation(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	return read(t, filepath.Join(root, "dist/install.yaml"))
}

// TestManifests shares one API server, since starting one takes seconds.
func TestManifests(t *testing.T) {
	c := newCluster(t)
	namespaces, others := of(installation(t), "Namespace")
	c.mustApply(t, namespaces...)
	t.Run("install.yaml is accepted", func(t *testing.T) { c.dryRun(t, others...) })
	t.Run("an unknown field is refused", func(t *testing.T) { unknownFieldIsRefused(t, c, others) })

	t.Run("an upgrade leaves what is yours", func(t *testing.T) { upgradeLeavesWhatIsYours(t, c, others) })

	t.Run("samples are accepted", func(t *testing.T) { samplesAreAccepted(t, c) })

	permissions, _ := of(others, "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
	c.mustApply(t, permissions...)
	t.Run("permissions", func(t *testing.T) { permissionsAreEnoughAndNoMore(t, c) })
	t.Run("a member's Role", func(t *testing.T) { managerWritesRolesWithinLimits(t, c) })
	t.Run("the portal writes no Role", func(t *testing.T) { portalWritesNoRole(t, c) })
}

// unknownFieldIsRefused shows that the other checks would notice a slip of the pen.
func unknownFieldIsRefused(t *testing.T, c *cluster, objects []*unstructured.Unstructured) {
	deployments, _ := of(objects, "Deployment")
	slip := deployments[0].DeepCopy()
	if err := unstructured.SetNestedField(slip.Object, "1", "spec", "replica"); err != nil {
		t.Fatal(err)
	}
	if err := c.apply(t.Context(), slip, true); err == nil || !strings.Contains(err.Error(), "replica") {
		t.Errorf("spec.replica was not refused: %v", err)
	}
}

func samplesAreAccepted(t *testing.T, c *cluster) {
	var objects []*unstructured.Unstructured
	err := filepath.WalkDir(filepath.Join(root, "config/samples"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".yaml" && filepath.Base(path) != "kustomization.yaml" {
			objects = append(objects, read(t, path)...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	namespaces, others := of(objects, "Namespace")
	for _, o := range others {
		if o.GetKind() == "Plan" { // of the cluster
			continue
		}
		// A sample may leave its namespace to the person who applies it, or expect one that is there.
		if o.GetNamespace() == "" {
			o.SetNamespace("default")
		}
		if !slices.ContainsFunc(namespaces, func(ns *unstructured.Unstructured) bool { return ns.GetName() == o.GetNamespace() }) {
			ns := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
			ns.SetName(o.GetNamespace())
			namespaces = append(namespaces, ns)
		}
	}
	c.mustApply(t, namespaces...)
	c.dryRun(t, others...)
}

// TestConfigurationIsValid: the file that people start from is one that manager and portal read.
func TestConfigurationIsValid(t *testing.T) {
	if _, err := config.Load(filepath.Join(root, "docs/examples/install/roster.yaml")); err != nil {
		t.Error(err)
	}
}

// TestNoWebhookAndNoDatabase: X-02. What is installed needs nothing but the API server: no certificate to renew, no disk to back up.
func TestNoWebhookAndNoDatabase(t *testing.T) {
	objects := installation(t)
	for _, o := range objects {
		switch o.GetKind() {
		case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "APIService", "StatefulSet", "PersistentVolumeClaim":
			t.Errorf("dist/install.yaml brings the %s %s", o.GetKind(), o.GetName())
		case "CustomResourceDefinition":
			if how, _, _ := unstructured.NestedString(o.Object, "spec", "conversion", "strategy"); how != "" && how != "None" {
				t.Errorf("%s is converted by a %s", o.GetName(), how)
			}
		}
	}
	if policies, _ := of(objects, "ValidatingAdmissionPolicy"); len(policies) == 0 {
		t.Error("no policy takes their place")
	}
}

// TestNothingOfTheUserIsInstalled: what people write themselves is in no manifest, since applying it again would overwrite it.
func TestNothingOfTheUserIsInstalled(t *testing.T) {
	objects := installation(t)
	if theirs, _ := of(objects, "ConfigMap", "Secret"); len(theirs) > 0 {
		t.Errorf("dist/install.yaml brings the %s %s", theirs[0].GetKind(), theirs[0].GetName())
	}
	deployments, _ := of(objects, "Deployment")
	for _, d := range deployments {
		if _, found, _ := unstructured.NestedInt64(d.Object, "spec", "replicas"); found {
			t.Errorf("Deployment %s says how many replicas there are", d.GetName())
		}
	}
}

// upgradeLeavesWhatIsYours installs as the README says, scales as people do, and installs the next version.
func upgradeLeavesWhatIsYours(t *testing.T, c *cluster, objects []*unstructured.Unstructured) {
	deployments, _ := of(objects, "Deployment")
	for _, d := range deployments {
		if err := c.applyWith(t.Context(), d, metav1.PatchOptions{FieldManager: "kubectl"}); err != nil {
			t.Fatal(err)
		}
	}
	admin := c.client(t, c.config)
	portal := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "roster-system", Name: "roster-portal"}}
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 3}}
	err := admin.SubResource("scale").Update(t.Context(), portal, client.WithSubResourceBody(scale), client.FieldOwner("kubectl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range deployments {
		next := d.DeepCopy()
		next.SetAnnotations(map[string]string{"version": "next"})
		if err := c.applyWith(t.Context(), next, metav1.PatchOptions{FieldManager: "kubectl"}); err != nil {
			t.Errorf("upgrading %s: %v", d.GetName(), err)
		}
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(portal), portal); err != nil || *portal.Spec.Replicas != 3 {
		t.Errorf("there are %d replicas of the portal (%v), want the 3 that somebody asked for", *portal.Spec.Replicas, err)
	}
}

// TestNoRuleIsOpen: no role of the operator holds a wildcard, nor a verb that gets around the others.
func TestNoRuleIsOpen(t *testing.T) {
	roles, _ := of(installation(t), "Role", "ClusterRole")
	if len(roles) == 0 {
		t.Fatal("no roles")
	}
	for _, o := range roles {
		var role rbacv1.ClusterRole
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &role); err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for _, word := range slices.Concat(rule.Verbs, rule.Resources, rule.APIGroups, rule.NonResourceURLs) {
				if word == "bind" && slices.Equal(rule.Resources, []string{"members"}) && slices.Equal(rule.APIGroups, []string{roster}) {
					continue // Kubernetes gives it no meaning there; an admission policy does.
				}
				if slices.Contains([]string{"*", "escalate", "bind", "impersonate"}, word) {
					t.Errorf("%s %s holds %q: %v", o.GetKind(), o.GetName(), word, rule)
				}
			}
		}
	}
}

// TestUndeployKeepsData: what `make undeploy` spares is what holds data and what guards it, and every Pod goes.
func TestUndeployKeepsData(t *testing.T) {
	stays := []string{"CustomResourceDefinition", "Namespace", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
	for _, o := range installation(t) {
		want := slices.Contains(stays, o.GetKind())
		if kept := metav1.HasLabel(metav1.ObjectMeta{Labels: o.GetLabels()}, "roster.dev/keep"); kept != want {
			t.Errorf("%s %s: kept by make undeploy: %v, want %v", o.GetKind(), o.GetName(), kept, want)
		}
	}
}

// TestEveryPolicyRefuses: a policy without a binding, or with one that only warns, would be a rule on paper. Two are meant to warn.
func TestEveryPolicyRefuses(t *testing.T) {
	policies, others := of(installation(t), "ValidatingAdmissionPolicy")
	bindings, _ := of(others, "ValidatingAdmissionPolicyBinding")
	var want, got []string
	for _, o := range policies {
		if slices.Contains([]string{"roster-orphaned-profiles", "roster-last-renewer"}, o.GetName()) {
			want = append(want, o.GetName()+" Ignore [Warn]")
		} else {
			want = append(want, o.GetName()+" Fail [Deny]")
		}
	}
	for _, o := range bindings {
		name, _, _ := unstructured.NestedString(o.Object, "spec", "policyName")
		actions, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "validationActions")
		failure := ""
		for _, p := range policies {
			if p.GetName() == name {
				failure, _, _ = unstructured.NestedString(p.Object, "spec", "failurePolicy")
			}
		}
		got = append(got, fmt.Sprint(name, " ", failure, " ", actions))
	}
	got = slices.Compact(got) // One may have two, of which each is for some writes.
	if len(policies) == 0 || !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
