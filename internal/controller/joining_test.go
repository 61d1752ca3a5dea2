// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// looks collects the names of the Roles that are to be looked at, until it is asked what they are.
func looks(c chan event.GenericEvent) func() []string {
	all := make(chan []string)
	go func() {
		var names []string
		for e := range c {
			names = append(names, e.Object.GetName())
		}
		all <- names
	}()
	return func() []string {
		close(c)
		return <-all
	}
}

func joiningMember(name string, generation int64) *rosterv1alpha1.Member {
	return &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{
		Namespace: "acme", Name: name, UID: types.UID(name), Generation: generation,
	}}
}

// TestWhoIsNotToBeActiveAfterAllIsTakenOutAgain: somebody who is suspended, deleted or ended while they are being bound may be bound to some
// Roles already. Their status never said that they were active, so no change of it tells.
func TestWhoIsNotToBeActiveAfterAllIsTakenOutAgain(t *testing.T) {
	j := newJoining()
	m, role := joiningMember("ana", 1), client.ObjectKey{Namespace: "acme", Name: "roster:role:Member"}
	joined, left := looks(j.roles), looks(j.leaving)
	if bound, _ := j.await(t.Context(), m, []client.ObjectKey{role}); bound {
		t.Fatal("bound before anybody looked")
	}
	j.giveUp(t.Context(), client.ObjectKeyFromObject(m))
	if got, want := [][]string{joined(), left()}, [][]string{{role.Name}, {role.Name}}; !reflect.DeepEqual(got, want) {
		t.Errorf("looked at %v when they join and when they do not, want %v", got, want)
	}
	if all, _ := j.among(role); len(all) > 0 {
		t.Errorf("still to be bound: %v", all)
	}
}

// TestWhoIsToHaveSomethingElseIsTakenOut of what they were being bound to, and are not to have any more.
func TestWhoIsToHaveSomethingElseIsTakenOut(t *testing.T) {
	j := newJoining()
	former := client.ObjectKey{Namespace: "acme", Name: "roster:team:writers"}
	kept := client.ObjectKey{Namespace: "acme", Name: "roster:role:Member"}
	joined, left := looks(j.roles), looks(j.leaving)
	j.await(t.Context(), joiningMember("ana", 1), []client.ObjectKey{former, kept})
	j.await(t.Context(), joiningMember("ana", 2), []client.ObjectKey{kept})
	got, want := [][]string{joined(), left()}, [][]string{{former.Name, kept.Name, kept.Name}, {former.Name}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("looked at %v, want %v", got, want)
	}
}

// TestManyWaitForEachOther: who comes alone is bound as soon as ever, and who comes with thousands is bound together with others. That makes
// no difference in other organisations, nor once they have joined.
func TestManyWaitForEachOther(t *testing.T) {
	j := newJoining()
	defer looks(j.roles)()
	of := func(people int) time.Duration {
		for i := range people {
			j.await(t.Context(), joiningMember(fmt.Sprint(i), 1), []client.ObjectKey{{Namespace: "acme", Name: "roster:role:Member"}})
		}
		return j.pause("acme")
	}
	got := []time.Duration{of(1), of(30), of(2000), j.pause("bolt")}
	for i := range 2000 {
		j.forget(client.ObjectKey{Namespace: "acme", Name: fmt.Sprint(i)})
	}
	got = append(got, j.pause("acme"))
	want := []time.Duration{grantDelay, 4 * grantDelay, longestGrantDelay, grantDelay, grantDelay}
	if !slices.Equal(got, want) {
		t.Errorf("giving waits %v, want %v", got, want)
	}
}
