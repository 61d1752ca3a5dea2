// SPDX-License-Identifier: Apache-2.0

// Package manifests_test puts what users apply before a real API server: dist/install.yaml, the samples and the permissions.
package manifests_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testenv"
)

const root = "../.."

// cluster is an API server that knows the kinds of Roster, and nothing else of it.
type cluster struct {
	config    *rest.Config
	warnings  *warnings
	mapper    meta.RESTMapper
	resources dynamic.Interface
}

// newCluster installs the CustomResourceDefinitions, which the API server refuses if a rule in them does not compile or costs
// too much.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	env := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join(root, "config/crd/bases")},
		ErrorIfCRDPathMissing: true,
	}
	config := testenv.Environment(t, env)
	c := &cluster{config: config, warnings: &warnings{}}
	config.WarningHandler = c.warnings
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	if c.mapper, err = apiutil.NewDynamicRESTMapper(config, httpClient); err != nil {
		t.Fatal(err)
	}
	if c.resources, err = dynamic.NewForConfigAndClient(config, httpClient); err != nil {
		t.Fatal(err)
	}
	return c
}

// warnings collects what the API server warns of, such as a Pod that the namespace's security level would refuse.
type warnings struct {
	mu   sync.Mutex
	seen []string
}

func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, text)
}

func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

// apply is a server-side apply that refuses fields which do not exist.
func (c *cluster) apply(ctx context.Context, o *unstructured.Unstructured, dryRun bool) error {
	force := true
	options := metav1.PatchOptions{FieldManager: "test", Force: &force, FieldValidation: metav1.FieldValidationStrict}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return c.applyWith(ctx, o, options)
}

func (c *cluster) applyWith(ctx context.Context, o *unstructured.Unstructured, options metav1.PatchOptions) error {
	gvk := o.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return err
	}
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = c.resources.Resource(mapping.Resource).Namespace(o.GetNamespace()).
		Patch(ctx, o.GetName(), types.ApplyPatchType, data, options)
	return err
}

// mustApply applies for real and wants neither error nor warning.
func (c *cluster) mustApply(t *testing.T, objects ...*unstructured.Unstructured) {
	t.Helper()
	c.check(t, false, objects)
}

// dryRun has the API server check the objects without keeping them.
func (c *cluster) dryRun(t *testing.T, objects ...*unstructured.Unstructured) {
	t.Helper()
	c.check(t, true, objects)
}

func (c *cluster) check(t *testing.T, dryRun bool, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, o := range objects {
		name := o.GetKind() + " " + strings.TrimPrefix(o.GetNamespace()+"/"+o.GetName(), "/")
		if err := c.apply(t.Context(), o, dryRun); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, w := range c.warnings.take() {
			t.Errorf("%s: warning: %s", name, w)
		}
	}
}

// as is a client with the rights of a ServiceAccount of the operator.
func (c *cluster) as(t *testing.T, serviceAccount string) client.Client {
	t.Helper()
	config := rest.CopyConfig(c.config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:roster-system:" + serviceAccount,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:roster-system", "system:authenticated"},
	}
	return c.client(t, config)
}

func (c *cluster) client(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), rosterv1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	cl, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

// read gives the objects in a file, and refuses a key that stands twice.
func read(t *testing.T, path string) []*unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	for document := range bytes.SplitSeq(data, []byte("\n---\n")) {
		o := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict(document, &o.Object); err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("%s: %v", path, err)
		}
		if len(o.Object) > 0 && o.GetKind() != "Kustomization" {
			objects = append(objects, o)
		}
	}
	return objects
}

// of are the objects of these kinds.
func of(objects []*unstructured.Unstructured, kinds ...string) (some, others []*unstructured.Unstructured) {
	for _, o := range objects {
		if strings.Contains(" "+strings.Join(kinds, " ")+" ", " "+o.GetKind()+" ") {
			some = append(some, o)
		} else {
			others = append(others, o)
		}
	}
	return some, others
}
