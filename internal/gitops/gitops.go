// SPDX-License-Identifier: Apache-2.0

// Package gitops finds out whether an object is kept in Git, by who has written it.
package gitops

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// controllers are the field managers by which the GitOps controllers write, and what people call those.
func controllers() map[string]string {
	return map[string]string{
		"kustomize-controller":          "Flux",
		"helm-controller":               "Flux",
		"argocd-controller":             "Argo CD",
		"argocd-application-controller": "Argo CD",
	}
}

// Keeper is the GitOps controller that has written an object.
type Keeper struct {
	// Name that people call it by, such as Flux; empty where there is none.
	Name string
	// Manager is the field manager that it writes by.
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
		return fmt.Sprintf("%s (%s) keeps it in Git, and its next sync undoes this: change spec.%s there", k.Name, k.Manager, field)
	}
	return fmt.Sprintf("%s (%s) keeps it in Git: change spec.%s there too, so that Git says what is in force", k.Name, k.Manager, field)
}

// Removal says what becomes of an object that is kept in Git when it is deleted; empty where it is not.
func (k Keeper) Removal() string {
	if k.Name == "" {
		return ""
	}
	return fmt.Sprintf("%s (%s) keeps it in Git, and its next sync creates it again: remove it there", k.Name, k.Manager)
}
