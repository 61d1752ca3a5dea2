// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

var spring, summer = metav1.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC), metav1.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC)

func ends(at metav1.Time) func(m *rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) { m.Spec.EndTime = &at }
}

func endless(m *rosterv1alpha1.Member) { m.Spec.EndTime = nil }

func offersUntil(at metav1.Time) func(inv *rosterv1alpha1.Invitation) {
	return func(inv *rosterv1alpha1.Invitation) { inv.Spec.EndTime = &at }
}

// TestToPutOffAnEndIsToGive: who may change a Member may let it end; who lets it go on gives all that it gives.
func TestToPutOffAnEndIsToGive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, o := range []client.Object{
		w.member("eve", role(coOwner), ends(spring), joined), w.member("mia", ends(spring), joined), w.member("max", ends(spring)),
		w.invitation("gil", offers(coOwner), offersUntil(spring)),
	} {
		w.Expect(cluster.Client.Create(t.Context(), o)).To(Succeed())
	}
	const coOwners = "ben@acme.example may not give the role CoOwner: it is above their own. Ask the owner or a CoOwner."
	refused := "ben@acme.example may not change their own end of membership. Ask somebody else who may: the owner, a CoOwner or another Manager."
	w.attempts(t, map[string]attempt{
		"a Manager lets a CoOwner end":              {ben, updateMember("carla", ends(spring)), ""},
		"a Manager lets one end earlier":            {ben, updateMember("eve", ends(metav1.NewTime(spring.Add(-time.Hour)))), ""},
		"a Manager puts off the end of a CoOwner":   {ben, updateMember("eve", ends(summer)), coOwners},
		"a Manager takes it out":                    {ben, updateMember("eve", endless), coOwners},
		"a Manager offers a CoOwner more time":      {ben, updateInvitation("gil", offersUntil(summer)), coOwners},
		"a Manager puts off that of a Member":       {ben, updateMember("mia", ends(summer)), ""},
		"a Manager invites until then":              {ben, invite("zed", offersUntil(summer)), ""},
		"a CoOwner puts off the end of a CoOwner":   {carla, updateMember("eve", ends(summer)), ""},
		"a GitOps controller does":                  {flux, updateMember("eve", endless), ""},
		"a Manager lets themself end":               {ben, updateMember("ben", ends(spring)), refused},
		"a team lead puts off what they may give":   {dora, updateMember("mia", endless), ""},
		"the owner is given an end":                 {flux, updateMember("olivia", ends(spring)), "The Member olivia (olivia@acme.example) owns the Organization acme, so that membership cannot end (spec.endTime). Name another owner in its spec.ownerRef first."},
		"the operator changes an end":               {manager, updateMember("mia", ends(summer)), "the manager of Roster may not update the Member mia but for spec.accountRef: the rest of the spec belongs to its author."},
		"the operator makes a Member who is to end": {manager, createMember("zed", joined, ends(spring)), ""},
	})
}

func TestToPutOffAnEndInvites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ownerInvites)
	for _, o := range []client.Object{w.member("max", ends(spring)), w.member("mia", ends(spring), joined), w.invitation("gil", offersUntil(spring))} {
		w.Expect(cluster.Client.Create(t.Context(), o)).To(Succeed())
	}
	const leaves = "the Organization acme leaves that to its owner (spec.invitations.allowedFor). Ask the owner."
	w.Eventually(func() error { return invite("zed")(w, dry(w.as(ben))) }).Should(MatchError(ContainSubstring("Ask the owner.")))
	w.attempts(t, map[string]attempt{
		"of somebody who never joined": {ben, updateMember("max", ends(summer)),
			"ben@acme.example may not put off the end (spec.endTime) of the Member max, who has not joined and would be invited: " + leaves},
		"of an Invitation": {ben, updateInvitation("gil", offersUntil(summer)), "ben@acme.example may not invite: " + leaves},
		"of a member":      {ben, updateMember("mia", ends(summer)), ""},
		"by the owner":     {olivia, updateMember("max", ends(summer)), ""},
	})
}

func TestWhoHasEndedMayBeDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deleteOnlySuspended)
	w.Expect(cluster.Client.Create(t.Context(), w.member("mia", ends(spring), joined))).To(Succeed())
	w.Eventually(func() error { return deleteMember("mia")(w, dry(w.as(ben))) }).Should(MatchError(ContainSubstring("is not suspended")))
	m := read[rosterv1alpha1.Member](w, "mia")
	m.Status.State = rosterv1alpha1.MemberEnded // as the operator writes it
	w.Expect(cluster.Client.Status().Update(t.Context(), m)).To(Succeed())
	w.attempts(t, map[string]attempt{"a Manager": {ben, deleteMember("mia"), ""}})
}
