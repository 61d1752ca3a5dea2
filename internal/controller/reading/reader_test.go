// SPDX-License-Identifier: Apache-2.0

package reading

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// What no controller asks for takes no memory; what identifies an object, and its annotations, which hold facts, stay.
func TestTheCacheKeepsNoLabels(t *testing.T) {
	m := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{
		Name: "ana", Labels: map[string]string{"roster.dev/author": "Manager"},
		Annotations: map[string]string{rosterv1alpha1.PlaceAnnotation: "1", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
		Finalizers:  []string{"roster.dev/joining-1"}, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
	}}
	kept, err := Unlabelled(m)
	if err != nil {
		t.Fatal(err)
	}
	got := kept.(*rosterv1alpha1.Member)
	if got.Labels != nil || got.ManagedFields != nil {
		t.Errorf("%v and %v are kept", got.Labels, got.ManagedFields)
	}
	if got.Name != "ana" || got.Annotations[rosterv1alpha1.PlaceAnnotation] != "1" || len(got.Finalizers) != 1 {
		t.Errorf("%v is lost", got.ObjectMeta)
	}
	if len(got.Annotations) != 1 {
		t.Errorf("the annotations %v are kept", got.Annotations)
	}
	if note, err := Unlabelled(toolscache.DeletedFinalStateUnknown{Key: "acme/ana"}); err != nil ||
		note != (toolscache.DeletedFinalStateUnknown{Key: "acme/ana"}) {
		t.Errorf("the note that an object is gone is %v, %v", note, err)
	}
}
