// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// TestVersions: both versions are served and alike in everything, and the one that the former release reads is stored.
func TestVersions(t *testing.T) {
	files, err := filepath.Glob("../../config/crd/bases/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no kinds: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(content, &crd); err != nil {
			t.Fatal(err)
		}
		if crd.Spec.Conversion != nil {
			t.Errorf("%s: %+v converts versions that are alike", crd.Name, crd.Spec.Conversion)
		}
		versions := crd.Spec.Versions
		if len(versions) != 2 || versions[0].Name != "v1alpha1" || versions[1].Name != "v1beta1" {
			t.Errorf("%s: the versions are not v1alpha1 and v1beta1: run make manifests", crd.Name)
			continue
		}
		alpha, beta := versions[0], versions[1]
		if !alpha.Storage || beta.Storage {
			t.Errorf("%s: v1beta1 is stored, which v0.1.0 does not know", crd.Name)
		}
		beta.Name, beta.Storage = alpha.Name, alpha.Storage
		if diff := cmp.Diff(alpha, beta); diff != "" {
			t.Errorf("%s: the versions differ:\n%s", crd.Name, diff)
		}
	}
}

func TestAddRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"what has both":          "spec: {versions: [{name: v1alpha1}, {name: v1beta1}]}",
		"another version":        "spec: {versions: [{name: v1}]}",
		"what has none":          "spec: {}",
		"something else":         "spec: {versions: [1]}",
		"what is not a manifest": "[",
	} {
		if written, err := add([]byte(content)); err == nil {
			t.Errorf("%s: %s", name, written)
		}
	}
	if _, err := add([]byte("spec: {versions: [{name: v1}]}")); !strings.Contains(err.Error(), "let controller-gen write it first") {
		t.Errorf("it says %v", err)
	}
}
