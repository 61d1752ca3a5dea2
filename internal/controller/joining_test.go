// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestWhoIsNotToBeActiveAfterAllIsTakenOutAgain: somebody who is suspended, deleted or ended while they are being bound may be bound to some
// Roles already. Their status never said that they were active, so no change of it tells.
func TestWhoIsNotToBeActiveAfterAllIsTakenOutAgain(t *testing.T) {
	j := newJoining()
	m := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ana", UID: "1", Generation: 1}}
	key, role := client.ObjectKeyFromObject(m), client.ObjectKey{Namespace: "acme", Name: "roster:role:Member"}
	looked := make(chan []string)
	go func() {
		var names []string
		for e := range j.roles {
			names = append(names, e.Object.GetName())
		}
		looked <- names
	}()
	if bound, _ := j.await(t.Context(), m, []client.ObjectKey{role}); bound {
		t.Fatal("bound before anybody looked")
	}
	j.giveUp(t.Context(), key)
	close(j.roles)
	if got := <-looked; !slices.Equal(got, []string{role.Name, role.Name}) {
		t.Errorf("looked at %v, want %s when they join and when they do not", got, role.Name)
	}
	if all, _ := j.among(role); len(all) > 0 {
		t.Errorf("still to be bound: %v", all)
	}
}
