// SPDX-License-Identifier: Apache-2.0

// Package chart_test has the real Helm render, install and publish the chart.
package chart_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	root = "../.."
	// Paths are from there, as in the documentation.
	folder = "charts/roster"
	// every has each value, with another one than its default.
	every = "test/chart/testdata/every.yaml"
	// example is what the documentation shows.
	example = "docs/examples/helm/values.yaml"
)

// program builds Helm, once, and finds it.
var program = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "tool", "-modfile=hack/tools/helm/go.mod", "-n", "helm")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("building helm: %w\n%s", err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
})

// helm is one installation of Helm, with settings and caches of its own.
type helm struct {
	path string
	env  []string
}

func newHelm(t *testing.T) helm {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	// Helm reads these, too. Go runs a test again only if a file has changed that the test itself has read.
	err = filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			_, err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	read(t, "hack/tools/helm/go.mod")
	home := t.TempDir()
	return helm{path: path, env: append(os.Environ(),
		"HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home, "KUBECONFIG="+filepath.Join(home, "none"), "HELM_QPS=1000", "HELM_BURST_LIMIT=1000")}
}

// try runs Helm with values on standard input, and returns what it prints.
func (h helm) try(t *testing.T, values string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), h.path, args...)
	cmd.Dir = root
	cmd.Env = h.env
	cmd.Stdin = strings.NewReader(values)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("helm %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return stdout.String(), nil
}

func (h helm) run(t *testing.T, values string, args ...string) string {
	t.Helper()
	out, err := h.try(t, values, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// template renders the chart with values.
func (h helm) template(t *testing.T, values string, args ...string) (string, error) {
	t.Helper()
	return h.try(t, values, append([]string{"template", "roster", folder, "--namespace", "roster-system", "--values", "-"}, args...)...)
}

func (h helm) render(t *testing.T, values string, args ...string) objects {
	t.Helper()
	text, err := h.template(t, values, args...)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

// objects by kind and name, such as "Service roster-system/roster-portal" and "Namespace roster-accounts".
type objects map[string]*unstructured.Unstructured

func called(o *unstructured.Unstructured) string {
	return o.GetKind() + " " + strings.TrimPrefix(o.GetNamespace()+"/"+o.GetName(), "/")
}

func parse(t *testing.T, text string) objects {
	t.Helper()
	all := objects{}
	for document := range strings.SplitSeq("\n"+text, "\n---\n") {
		o := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict([]byte(document), &o.Object); err != nil {
			t.Fatalf("%v:\n%s", err, document)
		}
		if len(o.Object) == 0 {
			continue
		}
		if all[called(o)] != nil {
			t.Errorf("%s is there twice", called(o))
		}
		all[called(o)] = o
	}
	return all
}

func (all objects) of(kind string) []*unstructured.Unstructured {
	var some []*unstructured.Unstructured
	for name, o := range all {
		if strings.HasPrefix(name, kind+" ") {
			some = append(some, o)
		}
	}
	return some
}

// read a file of the project.
func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
