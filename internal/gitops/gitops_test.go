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
