// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/admission"
	"github.com/roster-dev/roster/internal/testenv"
)

// cluster is an API server that knows nothing of Roster, with Helm beside it.
type cluster struct {
	client.Client
	helm
	server *envtest.Environment
	// console: the API server can do what the console needs. Those that cannot serve no MutatingAdmissionPolicies either.
	console bool
}

// all are flags that install all that the API server can do. Helm asks it for its version, but not what it emulates.
func (c *cluster) all() []string {
	return []string{"--set", fmt.Sprintf("console.enabled=%v,policies.mutating=%s", c.console, map[bool]string{true: "Auto", false: "Never"}[c.console])}
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{helm: newHelm(t), server: &envtest.Environment{}}
	restConfig := testenv.Environment(t, c.server)
	var err error
	if c.Client, err = client.New(restConfig, client.Options{Scheme: testenv.NewScheme()}); err != nil {
		t.Fatal(err)
	}
	if c.console, err = testenv.ServesConsole(restConfig); err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, c.server.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	c.env = append(c.env, "KUBECONFIG="+kubeconfig)
	return c
}

// The commands in docs/helm.md and docs/versions.md.
const (
	install   = "helm install roster charts/roster --namespace roster-system --values docs/examples/helm/values.yaml"
	upgrade   = "helm upgrade roster charts/roster --namespace roster-system --values docs/examples/helm/values.yaml"
	rollback  = "helm rollback roster --namespace roster-system"
	uninstall = "helm uninstall roster --namespace roster-system"
	takeOver  = install + " --take-ownership --force-conflicts"
	push      = "helm push bin/chart/roster-VERSION.tgz oci://registry.acme.example/charts" // TestRegistry pushes to another one.
)

// do runs a command of the documentation. Nothing runs the Pods, and nothing waits for them.
func (c *cluster) do(t *testing.T, command string, more ...string) {
	t.Helper()
	c.run(t, "", append(strings.Fields(command)[1:], more...)...)
}

// contents of objects, apart from what the API server notes about them; "" for one that is not there.
func (c *cluster) contents(t *testing.T, all objects) map[string]string {
	t.Helper()
	found := map[string]string{}
	for name, o := range all {
		is := &unstructured.Unstructured{}
		is.SetGroupVersionKind(o.GroupVersionKind())
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), is); apierrors.IsNotFound(err) {
			found[name] = ""
			continue
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		is.SetManagedFields(nil)
		is.SetResourceVersion("")
		unstructured.RemoveNestedField(is.Object, "status")
		found[name] = marshal(t, is.Object)
	}
	return found
}

// apply an object on the server's side, refusing fields that it does not know.
func (c *cluster) apply(t *testing.T, o *unstructured.Unstructured, owner string, options ...client.PatchOption) {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	options = append([]client.PatchOption{client.FieldOwner(owner)}, options...)
	strict := client.WithFieldValidation(c, metav1.FieldValidationStrict)
	if err := strict.Patch(t.Context(), o.DeepCopy(), client.RawPatch("application/apply-patch+yaml", data), options...); err != nil {
		t.Errorf("%s: %v", called(o), err)
	}
}

// TestInstall goes through the life of a release on a real API server.
func TestInstall(t *testing.T) {
	c := newCluster(t)
	all := c.render(t, read(t, example), c.all()...)
	c.namespace(t)
	c.do(t, install, c.all()...)
	t.Run("everything is there", func(t *testing.T) {
		for name, content := range c.contents(t, all) {
			if content == "" {
				t.Errorf("%s is not there", name)
			}
		}
		if err := admission.Await(t.Context(), c.Client, c.console); err != nil {
			t.Error(err)
		}
		c.organization(t)
	})
	t.Run("Kubernetes knows every field that the values lead to", func(t *testing.T) {
		for _, o := range c.render(t, read(t, every)) {
			if !slices.Contains([]string{"HTTPRoute", "PodMonitor", "PrometheusRule"}, o.GetKind()) { // not kinds of Kubernetes
				c.apply(t, o, "helm", client.DryRunAll)
			}
		}
	})
	t.Run("an upgrade to the same changes nothing", func(t *testing.T) {
		before := c.contents(t, all)
		c.do(t, upgrade, c.all()...)
		if diff := gocmp.Diff(before, c.contents(t, all)); diff != "" {
			t.Errorf("before (-) and after (+):\n%s", diff)
		}
	})
	t.Run("an upgrade leaves what others have written, and kinds that the chart no longer brings", c.changed)
	t.Run("a rollback brings back what was, and leaves what others have written", c.rolledBack)
	t.Run("uninstalling leaves the people's objects and what guards them", func(t *testing.T) {
		c.do(t, uninstall)
		for name, content := range c.contents(t, all) {
			if kept := all[name].GetAnnotations()[keep] == "keep"; kept != (content != "") {
				t.Errorf("%s: to be kept: %v, is there: %v", name, kept, content != "")
			}
		}
		c.hasOrganization(t)
	})
	t.Run("what stayed is taken up by the next installation", func(t *testing.T) {
		c.do(t, install, c.all()...)
		c.hasOrganization(t)
		c.do(t, uninstall)
	})
	t.Run("what kubectl installed is taken over", c.takenOver)
}

// changed by people between two upgrades.
func (c *cluster) changed(t *testing.T) {
	if !c.console {
		t.Skip("this API server cannot do what the console needs: it is older than Kubernetes 1.36")
	}
	manager := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "roster-manager"}}
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 2}}
	if err := c.SubResource("scale").Update(t.Context(), manager, client.WithSubResourceBody(scale)); err != nil {
		t.Fatal(err)
	}
	// The manager keeps the list of whom the portal may act as.
	people := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "roster-console-people"}}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(people), people); err != nil {
		t.Fatal(err)
	}
	people.Rules = []rbacv1.PolicyRule{{
		APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"users"}, Verbs: []string{"impersonate:user-info"},
		ResourceNames: []string{"olivia@acme.example"},
	}}
	if err := c.Update(t.Context(), people, client.FieldOwner("manager")); err != nil {
		t.Fatal(err)
	}
	c.do(t, upgrade, "--set", "console.enabled=true,crds.enabled=false,commonLabels.team=social")
	for _, o := range []client.Object{manager, people} {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil || o.GetLabels()["team"] != "social" {
			t.Fatalf("%s: labels %v, %v", o.GetName(), o.GetLabels(), err)
		}
	}
	if *manager.Spec.Replicas != 2 || len(people.Rules) != 1 {
		t.Errorf("%d managers, want the 2 that somebody asked for; people: %v", *manager.Spec.Replicas, people.Rules)
	}
	c.hasOrganization(t)
}

// rolledBack to what was before an upgrade, such as to a version that works.
func (c *cluster) rolledBack(t *testing.T) {
	c.do(t, upgrade, append(c.all(), "--set", "commonLabels.upgraded=yes")...)
	portal := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "roster-portal"}}
	for _, upgraded := range []string{"yes", ""} {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(portal), portal); err != nil || portal.Labels["upgraded"] != upgraded {
			t.Fatalf("labels %v, %v; want upgraded=%q", portal.Labels, err, upgraded)
		}
		if upgraded != "" {
			c.do(t, rollback)
		}
	}
	c.hasOrganization(t)
}

// namespace that admits only Pods without privileges, as the documentation creates it.
func (c *cluster) namespace(t *testing.T) {
	t.Helper()
	level := map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: testenv.SystemNamespace, Labels: level}}
	if err := c.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
}

var organization = &rosterv1alpha1.Organization{
	ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme"},
	Spec:       rosterv1alpha1.OrganizationSpec{DisplayName: "Acme"},
}

// organization of somebody who uses what is installed.
func (c *cluster) organization(t *testing.T) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: organization.Namespace}}
	for _, o := range []client.Object{namespace, organization.DeepCopy()} {
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *cluster) hasOrganization(t *testing.T) {
	t.Helper()
	is := organization.DeepCopy()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(is), is); err != nil || is.DeletionTimestamp != nil {
		t.Errorf("the organisation: %v, deleted at %v", err, is.DeletionTimestamp)
	}
}

// takenOver has Helm go on with what kubectl installed.
func (c *cluster) takenOver(t *testing.T) {
	manifests := parse(t, read(t, "dist/install.yaml"))
	for _, o := range manifests.of("Namespace") {
		c.apply(t, o, "kubectl")
	}
	for _, o := range manifests {
		c.apply(t, o, "kubectl", client.ForceOwnership)
	}
	if _, err := c.try(t, "", strings.Fields(install)[1:]...); err == nil || !strings.Contains(err.Error(), "ownership") {
		t.Errorf("without --take-ownership: %v", err)
	}
	c.do(t, takeOver, c.all()...)
	for name, o := range c.render(t, read(t, example), c.all()...) {
		is := &unstructured.Unstructured{}
		is.SetGroupVersionKind(o.GroupVersionKind())
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), is); err != nil || is.GetLabels()[chartLabel] == "" {
			t.Errorf("%s: labels %v, %v", name, is.GetLabels(), err)
		}
	}
	c.hasOrganization(t)
}
