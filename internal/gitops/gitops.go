// SPDX-License-Identifier: Apache-2.0

// Package gitops finds out whether an object is kept in Git, by who has written it and by how it is marked.
package gitops

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// controllers are the field managers by which the GitOps controllers write, and what people call those.
func controllers() map[string]string {
	return map[string]string{
		"kustomize-controller":          "Flux",
		"helm-controller":               "Flux",
		"argocd-controller":             "Argo CD",
		"argocd-application-controller": "Argo CD",
		"kapp":                          "kapp",
		"kapp-controller":               "kapp",
		"configsync":                    "Config Sync",
	}
}

const (
	fluxKustomize = "kustomize.toolkit.fluxcd.io/"
	fluxHelm      = "helm.toolkit.fluxcd.io/"
	argoCD        = "argocd.argoproj.io/"
	kapp          = "kapp.k14s.io/"
	configSync    = "configsync.gke.io/"
	configManager = "configmanagement.gke.io/"
)

// marks are the labels and annotations by which the controllers know what they keep. app.kubernetes.io/instance, which Argo CD may be told
// to use, is not among them: charts and people write it, too. Nor is kubectl's last-applied-configuration: a person who applies a file by
// hand puts nothing back by themselves.
func marks() []struct{ key, name string } {
	return []struct{ key, name string }{
		{fluxKustomize + "name", "Flux"},
		{fluxHelm + "name", "Flux"},
		{argoCD + "tracking-id", "Argo CD"},
		{argoCD + "instance", "Argo CD"},
		{kapp + "app", "kapp"},
		{kapp + "identity", "kapp"},
		{configManager + "managed", "Config Sync"},
		{configSync + "resource-id", "Config Sync"},
	}
}

// IsMark reports whether a label or an annotation is one that a controller writes for itself. Those by which authors tell it what to do,
// such as the order of a sync, begin alike.
func IsMark(key string) bool {
	if strings.HasPrefix(key, configSync) || strings.HasPrefix(key, configManager) && key != configManager+"managed" {
		return true
	}
	return slices.Contains([]string{
		fluxKustomize + "name", fluxKustomize + "namespace", fluxKustomize + "checksum", fluxHelm + "name", fluxHelm + "namespace",
		argoCD + "tracking-id", argoCD + "instance", argoCD + "installation-id",
		kapp + "app", kapp + "association", kapp + "identity", kapp + "original", kapp + "original-diff-md5",
	}, key)
}

// leaves are the annotations by which an author tells a controller to leave what others change.
func leaves() map[string]string {
	return map[string]string{
		fluxKustomize + "reconcile": "disabled",
		fluxKustomize + "ssa":       "IfNotPresent",
		configManager + "managed":   "disabled",
	}
}

// Of finds the controller that keeps an object, and reports whether it has written spec.<field>. An object that is told to be left alone is
// kept by nobody.
func Of(o metav1.Object, field string) Keeper {
	for key, value := range leaves() {
		if o.GetAnnotations()[key] == value {
			return Keeper{}
		}
	}
	if k := KeeperOf(o.GetManagedFields(), field); k.Name != "" {
		return k
	}
	for _, mark := range marks() {
		if o.GetLabels()[mark.key] != "" || o.GetAnnotations()[mark.key] != "" {
			return Keeper{Name: mark.name}
		}
	}
	return Keeper{}
}

// Controller is what people call the GitOps controller that writes by a field manager; empty where it is none.
func Controller(manager string) string { return controllers()[manager] }

// Keeper is the GitOps controller that has written an object.
type Keeper struct {
	// Name that people call it by, such as Flux; empty where there is none.
	Name string
	// Manager is the field manager that it writes by; empty where only its marks are known.
	Manager string
	// Owns: it has written the field that was asked about, so that its next sync writes it again.
	Owns bool
}

// KeeperOf finds the controller that keeps an object, and reports whether it has written spec.<field>.
func KeeperOf(managed []metav1.ManagedFieldsEntry, field string) Keeper {
	var found Keeper
	known := controllers()
	for _, entry := range managed {
		name, ok := known[entry.Manager]
		if !ok || entry.Subresource != "" {
			continue
		}
		owns := ownsField(entry.FieldsV1, field)
		if found.Name == "" || owns {
			found = Keeper{Name: name, Manager: entry.Manager, Owns: owns}
		}
	}
	return found
}

func ownsField(fields *metav1.FieldsV1, field string) bool {
	if fields == nil {
		return false
	}
	var owned struct {
		Spec map[string]json.RawMessage `json:"f:spec"`
	}
	if err := json.Unmarshal(fields.GetRawBytes(), &owned); err != nil {
		return false
	}
	_, ok := owned.Spec["f:"+field]
	return ok
}

// Warning says what becomes of a change of spec.<field> of an object that is kept in Git; empty where it is not.
func (k Keeper) Warning(field string) string {
	switch {
	case k.Name == "":
		return ""
	case k.Owns:
		return fmt.Sprintf("%s keeps it in Git, and its next sync undoes this: change spec.%s there", k, field)
	}
	return fmt.Sprintf("%s keeps it in Git: change spec.%s there too, so that Git says what is in force", k, field)
}

// String names the controller, and the manager as far as it is known.
func (k Keeper) String() string {
	if k.Manager == "" {
		return k.Name
	}
	return fmt.Sprintf("%s (%s)", k.Name, k.Manager)
}

// Removal says what becomes of an object that is kept in Git when it is deleted; empty where it is not.
func (k Keeper) Removal() string {
	if k.Name == "" {
		return ""
	}
	return fmt.Sprintf("%s keeps it in Git, and its next sync creates it again: remove it there", k)
}
