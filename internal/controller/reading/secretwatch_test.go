// SPDX-License-Identifier: Apache-2.0

package reading

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata/fake"
)

// TestSecretsThatWentBeforeTheWatchBegan: garbage collection may take a Secret after an object has read it and before its namespace is
// watched. Nothing else would tell of that.
func TestSecretsThatWentBeforeTheWatchBegan(t *testing.T) {
	scheme := fake.NewTestScheme()
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	there := &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: corev1.SchemeGroupVersion.String(), Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "there"},
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w := NewSecretWatch(ctx, fake.NewSimpleMetadataClient(scheme, there))
	w.Want("acme", "one", "gone")
	w.Want("acme", "other", "there")
	told := map[string]int{}
	for len(told) < 2 {
		select {
		case e := <-w.Changes:
			told[e.Object.GetNamespace()+"/"+e.Object.GetName()]++
		case <-ctx.Done():
			t.Fatalf("told of %v, want both", told)
		}
	}
	if told["acme/there"] == 0 || told["acme/gone"] == 0 {
		t.Errorf("told of %v", told)
	}
}
