// SPDX-License-Identifier: Apache-2.0

package activity

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/portal/console"
)

// owners are, of each object that a page shows, the entries of managedFields with the fields in them: the cache has only who and when.
type owners map[types.UID][]metav1.ManagedFieldsEntry

// readAtOnce is how many objects are read at once.
const readAtOnce = 8

// readOwners asks the API server, as the person. Where it does not answer, the page says a little less.
func readOwners(v *console.Visit, shown []happening) owners {
	objects := map[types.UID]client.Object{}
	for _, h := range shown {
		if h.field != "" || h.writer != nil {
			objects[h.object.GetUID()] = h.object
		}
	}
	var mu sync.Mutex
	found := owners{}
	var reads errgroup.Group
	reads.SetLimit(readAtOnce)
	for uid, o := range objects {
		reads.Go(func() error {
			now, ok := o.DeepCopyObject().(client.Object)
			if !ok || v.API.Get(v.R.Context(), client.ObjectKeyFromObject(o), now) != nil || now.GetUID() != uid {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			found[uid] = now.GetManagedFields()
			return nil
		})
	}
	_ = reads.Wait() // none of them fails
	return found
}

// writerOf is who holds a field of the spec: who gave it the value that it has.
func (o owners) writerOf(uid types.UID, field string) *console.Writer {
	for _, entry := range o[uid] {
		if entry.Subresource == "" && slices.Contains(specFields(entry), field) {
			if all := console.Writers([]metav1.ManagedFieldsEntry{entry}); len(all) > 0 {
				return &all[0]
			}
		}
	}
	return nil
}

// fieldsOf are the fields of the spec that somebody has given the values that they have.
func (o owners) fieldsOf(uid types.UID, w console.Writer) []string {
	var fields []string
	for _, entry := range o[uid] {
		if all := console.Writers([]metav1.ManagedFieldsEntry{entry}); len(all) > 0 && all[0].Same(w) {
			fields = append(fields, specFields(entry)...)
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// specFields are the fields of the spec in an entry.
func specFields(entry metav1.ManagedFieldsEntry) []string {
	var owned struct {
		Spec map[string]json.RawMessage `json:"f:spec"`
	}
	if entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &owned) != nil {
		return nil
	}
	var fields []string
	for name := range owned.Spec {
		if field, ok := strings.CutPrefix(name, "f:"); ok {
			fields = append(fields, field)
		}
	}
	return fields
}
