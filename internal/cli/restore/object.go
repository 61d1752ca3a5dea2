// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/archive"
)

type object = unstructured.Unstructured

// uids are the UIDs that objects have now, by those that they had.
type uids map[types.UID]types.UID

// item is an object of the file.
type item struct {
	step  archive.Step
	saved *object
	// live is the one in the cluster; nil where there is none.
	live *object
	// stays: the one in the cluster is left alone.
	stays bool
	// turn is when it is made. Of several that exclude each other the older counts, so that they are made one after the other.
	turn int
}

func (i *item) String() string { return i.saved.GetKind() + " " + archive.Key(i.saved) }

// lasting is an object with what older versions did not write down and took from the UID or the time of creation, neither of which comes
// back.
func lasting(o *object) *object {
	o = o.DeepCopy()
	uid := string(o.GetUID())
	born := o.GetCreationTimestamp().UTC().Format(time.RFC3339)
	switch o.GetKind() {
	case "Account":
		fill(o, uid, "spec", "credentialsID")
	case "Member":
		fill(o, born+"/"+uid, "metadata", "annotations", rosterv1alpha1.PlaceAnnotation)
	case "Invitation":
		if has(o, "status") {
			fill(o, born, "status", "openTime")
		}
		if has(o, "status", "attempt") {
			fill(o, uid, "status", "linkID")
		}
	case "SocialProfile":
		if has(o, "status", "credential", "fingerprint") {
			fill(o, uid, "status", "credential", "fingerprintSalt")
		}
	}
	return o
}

func has(o *object, path ...string) bool {
	_, found, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
	return found
}

func fill(o *object, value string, path ...string) {
	if !has(o, path...) {
		_ = unstructured.SetNestedField(o.Object, value, path...) // fails only where the parent is no map, which the API server refuses
	}
}

func text(o *object, path ...string) string {
	value, _, _ := unstructured.NestedString(o.Object, path...)
	return value
}

// fresh is an object as it is made. What it belongs to has another UID now; garbage collection would remove what belongs to the former one.
func fresh(o *object, now uids) *object {
	o = o.DeepCopy()
	var owners []metav1.OwnerReference
	for _, owner := range o.GetOwnerReferences() {
		if uid := now[owner.UID]; uid != "" {
			owner.UID = uid
			owners = append(owners, owner)
		}
	}
	for _, name := range []string{
		"uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "managedFields", "ownerReferences",
	} {
		unstructured.RemoveNestedField(o.Object, "metadata", name)
	}
	if len(owners) > 0 {
		o.SetOwnerReferences(owners)
	}
	delete(o.Object, "status")
	return o
}

// status is that of the file as it is written to the object in the cluster: it speaks of the generation there, and of others by the UIDs
// that they have now. What is signed, sealed or queued under a former UID goes on under that one.
func (i *item) status(now uids) map[string]any {
	status, _, _ := unstructured.NestedMap(i.saved.Object, "status")
	observe(status, i.live.GetGeneration())
	for path, field := range map[string]string{"leaving": "uid", "ownership": "uid", "addressCode": "uid", "": "memberUID"} {
		value := any(status)
		if path != "" {
			value = status[path]
		}
		rename(value, field, now)
	}
	return status
}

// observe writes a generation wherever one stands.
func observe(value any, generation int64) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if name == "observedGeneration" {
				v[name] = generation
			} else {
				observe(inner, generation)
			}
		}
	case []any:
		for _, inner := range v {
			observe(inner, generation)
		}
	}
}

// rename replaces the UID in a field of an object or of each in a list.
func rename(value any, field string, now uids) {
	switch v := value.(type) {
	case map[string]any:
		if was, ok := v[field].(string); ok && now[types.UID(was)] != "" {
			v[field] = string(now[types.UID(was)])
		}
	case []any:
		for _, inner := range v {
			rename(inner, field, now)
		}
	}
}

// same reports whether the object in the cluster is as the file says, apart from its status.
func (i *item) same(now uids) bool {
	live := lasting(i.live)
	return equality.Semantic.DeepEqual(fresh(i.saved, now).Object, fresh(live, identity(live)).Object)
}

func identity(o *object) uids {
	same := uids{}
	for _, owner := range o.GetOwnerReferences() {
		same[owner.UID] = owner.UID
	}
	return same
}

// statusWritten reports whether the object in the cluster has the status of the file.
func (i *item) statusWritten(now uids) bool {
	is, _, _ := unstructured.NestedMap(lasting(i.live).Object, "status")
	return !has(i.saved, "status") || equality.Semantic.DeepEqual(i.status(now), is)
}

// untouched reports whether the operator has not looked at the object in the cluster, so that its status is worth nothing.
func (i *item) untouched() bool {
	observed, found, _ := unstructured.NestedInt64(i.live.Object, "status", "observedGeneration")
	return !found || observed < 0
}

// rival is what several objects of a step claim, of which the older counts; empty where nothing is claimed.
func rival(o *object) string {
	switch o.GetKind() {
	case "Organization":
		return o.GetNamespace()
	case "Account":
		return text(o, "spec", "username")
	case "Member":
		return o.GetNamespace() + " " + strings.ToLower(text(o, "spec", "email"))
	case "Invitation":
		if email := text(o, "status", "email"); email != "" {
			return o.GetNamespace() + " " + email
		}
	}
	return ""
}

// placeless reports whether the plan has no place for a profile. Such profiles are made after the others.
func placeless(o *object) bool {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	return o.GetKind() == "SocialProfile" && slices.ContainsFunc(conditions, func(c any) bool {
		condition, _ := c.(map[string]any)
		return condition["reason"] == rosterv1alpha1.ReasonProfileLimit
	})
}

// takeTurns says which object is made in which turn.
func takeTurns(items []*item) {
	older := slices.Clone(items)
	slices.SortStableFunc(older, func(a, b *item) int {
		return cmp.Or(
			a.saved.GetCreationTimestamp().Compare(b.saved.GetCreationTimestamp().Time),
			cmp.Compare(a.saved.GetUID(), b.saved.GetUID()),
		)
	})
	claims := map[string]int{}
	for _, i := range older {
		if placeless(i.saved) {
			i.turn = 1
		} else if claim := rival(i.saved); claim != "" {
			i.turn = claims[claim]
			claims[claim]++
		}
	}
}
