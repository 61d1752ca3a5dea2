// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func entry(manager, subresource, fields string) metav1.ManagedFieldsEntry {
	f := &metav1.FieldsV1{}
	f.SetRawBytes([]byte(fields))
	return metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, FieldsV1: f}
}

func TestKeepers(t *testing.T) {
	writes, other := `{"f:spec":{"f:suspended":{},"f:email":{}}}`, `{"f:spec":{"f:email":{}}}`
	for name, c := range map[string]struct {
		managed []metav1.ManagedFieldsEntry
		keeper  string
		owns    bool
		warning string
	}{
		"nobody":                   {nil, "", false, ""},
		"a person":                 {[]metav1.ManagedFieldsEntry{entry("kubectl", "", writes)}, "", false, ""},
		"Flux":                     {[]metav1.ManagedFieldsEntry{entry("kustomize-controller", "", writes)}, "Flux", true, "its next sync undoes this"},
		"Argo CD":                  {[]metav1.ManagedFieldsEntry{entry("kubectl", "", writes), entry("argocd-controller", "", writes)}, "Argo CD", true, "its next sync undoes this"},
		"another field":            {[]metav1.ManagedFieldsEntry{entry("argocd-application-controller", "", other)}, "Argo CD", false, "change spec.suspended there too"},
		"the status":               {[]metav1.ManagedFieldsEntry{entry("kustomize-controller", "status", writes)}, "", false, ""},
		"two, one of which writes": {[]metav1.ManagedFieldsEntry{entry("helm-controller", "", writes), entry("kustomize-controller", "", other)}, "Flux", true, "undoes"},
		"nonsense":                 {[]metav1.ManagedFieldsEntry{entry("kustomize-controller", "", "[")}, "Flux", false, "too"},
	} {
		k := KeeperOf(c.managed, "suspended")
		if k.Name != c.keeper || k.Owns != c.owns || !strings.Contains(k.Warning("suspended"), c.warning) || (k.Warning("suspended") == "") != (c.keeper == "") {
			t.Errorf("%s: %+v, %q", name, k, k.Warning("suspended"))
		}
		if (k.Removal() == "") != (c.keeper == "") {
			t.Errorf("%s: %q", name, k.Removal())
		}
	}
}

// TestMarks: controllers also label and annotate what they keep. What people write by hand marks nothing.
func TestMarks(t *testing.T) {
	type pairs = map[string]string
	for name, c := range map[string]struct {
		labels, annotations pairs
		keeper              string
	}{
		"nothing":               {},
		"Flux, kustomize":       {labels: pairs{"kustomize.toolkit.fluxcd.io/name": "team"}, keeper: "Flux"},
		"Flux, helm":            {labels: pairs{"helm.toolkit.fluxcd.io/name": "team"}, keeper: "Flux"},
		"Argo CD":               {annotations: pairs{"argocd.argoproj.io/tracking-id": "team:roster.dev/Member:acme/ana"}, keeper: "Argo CD"},
		"Argo CD, a label":      {labels: pairs{"argocd.argoproj.io/instance": "team"}, keeper: "Argo CD"},
		"kapp":                  {labels: pairs{"kapp.k14s.io/app": "1"}, keeper: "kapp"},
		"Config Sync":           {annotations: pairs{"configmanagement.gke.io/managed": "enabled"}, keeper: "Config Sync"},
		"kubectl apply":         {annotations: pairs{"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
		"a label that many use": {labels: pairs{"app.kubernetes.io/instance": "team", "app.kubernetes.io/managed-by": "Helm"}},
		"Flux leaves it":        {labels: pairs{"kustomize.toolkit.fluxcd.io/name": "team"}, annotations: pairs{"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}},
		"Flux only creates it":  {labels: pairs{"kustomize.toolkit.fluxcd.io/name": "team"}, annotations: pairs{"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}},
		"Config Sync left it":   {annotations: pairs{"configmanagement.gke.io/managed": "disabled"}},
	} {
		o := &metav1.ObjectMeta{Labels: c.labels, Annotations: c.annotations}
		if k := Of(o, "role"); k.Name != c.keeper || k.Owns || (k.Warning("role") == "") != (c.keeper == "") {
			t.Errorf("%s: %+v", name, k)
		}
	}
	o := &metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{entry("kustomize-controller", "", `{"f:spec":{"f:role":{}}}`)}}
	if k := Of(o, "role"); k.Name != "Flux" || !k.Owns {
		t.Errorf("by its writes: %+v", k)
	}
}

func TestIsMark(t *testing.T) {
	for key, want := range map[string]bool{
		"kustomize.toolkit.fluxcd.io/namespace": true, "argocd.argoproj.io/tracking-id": true, "configsync.gke.io/declared-fields": true,
		"team": false, "app.kubernetes.io/instance": false, "argocd.argoproj.io/sync-wave": false, "kustomize.toolkit.fluxcd.io/prune": false,
	} {
		if IsMark(key) != want {
			t.Errorf("%s: %t", key, !want)
		}
	}
}
