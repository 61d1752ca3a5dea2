// SPDX-License-Identifier: Apache-2.0

package gitopstest

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/testenv"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.Root(), path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestHealth runs health_test.yaml as the tests of Argo CD do.
func TestHealth(t *testing.T) {
	var tests struct {
		Tests []struct {
			InputPath    string `json:"inputPath"`
			HealthStatus Health `json:"healthStatus"`
		} `json:"tests"`
	}
	if err := yaml.UnmarshalStrict(read(t, Customizations+"/health_test.yaml"), &tests); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, test := range tests.Tests {
		used[filepath.Base(test.InputPath)] = true
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(read(t, filepath.Join(Customizations, test.InputPath)), &o.Object); err != nil {
			t.Fatal(err)
		}
		got, err := ArgoCD(o)
		if err != nil {
			t.Errorf("%s: %v", test.InputPath, err)
		}
		if got != test.HealthStatus {
			t.Errorf("%s: %+v, want %+v", test.InputPath, got, test.HealthStatus)
		}
	}
	files, err := os.ReadDir(filepath.Join(testenv.Root(), Customizations, "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !used[file.Name()] {
			t.Errorf("no test uses %s", file.Name())
		}
	}
}

// TestConfigMap: what people put into the ConfigMap of Argo CD is the script.
func TestConfigMap(t *testing.T) {
	var cm struct {
		Data map[string]string `json:"data"`
	}
	if err := yaml.Unmarshal(read(t, "docs/examples/gitops/argo-cd/argocd-cm.yaml"), &cm); err != nil {
		t.Fatal(err)
	}
	var entries map[string]map[string]string
	if err := yaml.UnmarshalStrict([]byte(cm.Data["resource.customizations"]), &entries); err != nil {
		t.Fatal(err)
	}
	if script := string(read(t, Customizations+"/health.lua")); entries["roster.dev/*"]["health.lua"] != script {
		t.Errorf("the ConfigMap has another script than %s/health.lua", Customizations)
	}
}

// TestWaves: nothing is in an earlier wave than what it needs to be healthy.
func TestWaves(t *testing.T) {
	folder := filepath.Join(testenv.Root(), "docs/examples/gitops/argo-cd")
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	waves := map[string]int{}
	for _, o := range built.Resources() {
		annotations := o.GetAnnotations()
		wave := 0
		if written := annotations["argocd.argoproj.io/sync-wave"]; written != "" {
			var err error
			if wave, err = strconv.Atoi(written); err != nil {
				t.Fatal(err)
			}
		}
		waves[o.GetKind()+"/"+o.GetName()] = wave
		if guarded := annotations["argocd.argoproj.io/sync-options"] == "Prune=confirm,Delete=confirm"; guarded != (o.GetKind() == "Organization") {
			t.Errorf("%s %s: a confirmation is asked for: %v", o.GetKind(), o.GetName(), guarded)
		}
	}
	for object, needed := range map[string]string{
		"Member/zoe": "SocialProfile/acme-x", "Team/editors": "Member/zoe", "Organization/acme": "Member/olivia", "Member/olivia": "Organization/acme",
		"Member/ana": "Organization/acme",
	} {
		own, ok := waves[object]
		other, there := waves[needed]
		if !ok || !there || other > own {
			t.Errorf("%s (wave %d) needs %s (wave %d): %v", object, own, needed, other, waves)
		}
	}
}
