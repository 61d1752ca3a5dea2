// SPDX-License-Identifier: Apache-2.0

// Command versions adds v1beta1 to CustomResourceDefinitions that controller-gen has written: the same as v1alpha1, and not stored.
// make manifests runs it on config/crd/bases. See docs/decisions/0082-v1beta1-is-served-and-v1alpha1-stored.md.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: versions FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "versions:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no YAML files in %s: name the folder that controller-gen writes to", folder)
	}
	for _, file := range files {
		content, err := os.ReadFile(file) //nolint:gosec // the folder is that of the person who runs this
		if err != nil {
			return err
		}
		if content, err = add(content); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := os.WriteFile(file, content, 0o600); err != nil { //nolint:gosec // as above
			return err
		}
	}
	return nil
}

// add returns the manifest of a kind with both versions.
func add(content []byte) ([]byte, error) {
	var crd map[string]any
	if err := yaml.Unmarshal(content, &crd); err != nil {
		return nil, err
	}
	versions, _, err := unstructured.NestedSlice(crd, "spec", "versions")
	if err != nil {
		return nil, err
	}
	only, ok := map[string]any{}, false
	if len(versions) == 1 {
		only, ok = versions[0].(map[string]any)
	}
	if !ok || only["name"] != rosterv1alpha1.GroupVersion.Version {
		return nil, errors.New("it should have the one version " + rosterv1alpha1.GroupVersion.Version + ": let controller-gen write it first")
	}
	other := (&unstructured.Unstructured{Object: only}).DeepCopy().Object
	other["name"], other["storage"] = rosterv1alpha1.BetaGroupVersion.Version, false
	if err := unstructured.SetNestedSlice(crd, []any{only, other}, "spec", "versions"); err != nil {
		return nil, err
	}
	written, err := yaml.Marshal(crd)
	return append([]byte("---\n"), written...), err
}
