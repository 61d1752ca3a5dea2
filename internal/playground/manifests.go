// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// readManifests reads the objects in the YAML files of a folder, by name of the file. The folder's kustomization.yaml is none.
func readManifests(folder string) ([]*unstructured.Unstructured, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	var objects []*unstructured.Unstructured
	for _, path := range paths {
		if filepath.Base(path) == "kustomization.yaml" {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		found, err := parseManifests(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		objects = append(objects, found...)
	}
	if len(objects) == 0 {
		return nil, fmt.Errorf("%s holds no YAML files with objects", folder)
	}
	return objects, nil
}

// parseManifests reads the objects of one file.
func parseManifests(content []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) == 0 {
			continue
		}
		if object.GetKind() == "" || object.GetAPIVersion() == "" || object.GetName() == "" {
			return nil, errors.New("an object lacks apiVersion, kind or metadata.name")
		}
		objects = append(objects, object)
	}
}

// installation is what a cluster is given before manager and portal start.
type installation struct {
	// kinds come first: the policies speak of them.
	kinds []*unstructured.Unstructured
	// permissions and admission policies.
	rules []*unstructured.Unstructured
	// mutating policies, which not every API server serves.
	mutating []*unstructured.Unstructured
}

func readInstallation(configDir string) (i installation, err error) {
	if i.kinds, err = readManifests(filepath.Join(configDir, "crd/bases")); err != nil {
		return i, err
	}
	for _, folder := range []string{"rbac", "policy", "components/console"} {
		found, err := readManifests(filepath.Join(configDir, folder))
		if err != nil {
			return i, err
		}
		i.rules = append(i.rules, found...)
	}
	i.mutating, err = readManifests(filepath.Join(configDir, "policy/mutating"))
	return i, err
}
