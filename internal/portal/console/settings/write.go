// SPDX-License-Identifier: Apache-2.0

package settings

import (
	stdjson "encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// whole is an Organization as it is written. An empty list of reminders is a choice, and would be left out of the Go type's JSON: the API
// server would then fill in the default, whatever else was changed.
func whole(o *rosterv1alpha1.Organization) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	data, err := stdjson.Marshal(o)
	if err == nil {
		err = json.Unmarshal(data, &u.Object)
	}
	if err != nil {
		return nil, err
	}
	u.SetGroupVersionKind(rosterv1alpha1.GroupVersion.WithKind("Organization"))
	reminders := []any{}
	for _, d := range o.Spec.Invitations.RemindBefore {
		reminders = append(reminders, d.Duration.String())
	}
	return u, unstructured.SetNestedSlice(u.Object, reminders, "spec", "invitations", "remindBefore")
}
