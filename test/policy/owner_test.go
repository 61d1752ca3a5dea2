// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

const (
	ownerStays   = "The Member olivia (olivia@acme.example) owns the Organization acme and cannot be deleted. Name another owner in its spec.ownerRef first, or delete the Organization."
	ownerActive  = "The Member olivia (olivia@acme.example) owns the Organization acme and cannot be suspended. Name another owner in its spec.ownerRef first."
	clusterAdmin = "admin@platform.example"
	// garbageCollector deletes what belongs to an object that is gone.
	garbageCollector = "system:serviceaccount:kube-system:generic-garbage-collector"
)

func TestTheOwnerIsSafe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bindClusterRole("cluster-admin", "cluster-admin", clusterAdmin)
	w.Eventually(func() error { return createMember("zed", joined)(w, dry(w.as(clusterAdmin))) }).Should(Succeed())
	hands := func(who string) string {
		return who + " may not change the Member olivia, who owns the Organization acme. Ask olivia@acme.example."
	}
	w.attempts(t, map[string]attempt{
		"a Manager deletes":                {ben, deleteMember("olivia"), ownerStays},
		"a CoOwner deletes":                {carla, deleteMember("olivia"), ownerStays},
		"the owner deletes":                {olivia, deleteMember("olivia"), ownerStays},
		"a GitOps controller prunes":       {flux, deleteMember("olivia"), ownerStays},
		"a cluster administrator deletes":  {clusterAdmin, deleteMember("olivia"), ownerStays},
		"a GitOps controller suspends":     {flux, updateMember("olivia", suspended), ownerActive},
		"a cluster administrator suspends": {clusterAdmin, updateMember("olivia", suspended), ownerActive},
		"a CoOwner renames":                {carla, updateMember("olivia", called("Liv")), hands(carla)},
		"a Manager lowers the role":        {ben, updateMember("olivia", role(memberRole)), hands(ben)},
		"a team lead renames":              {dora, updateMember("olivia", called("Liv")), hands(dora)},
		"the owner renames":                {olivia, updateMember("olivia", called("Liv")), ""},
		"a GitOps controller renames":      {flux, updateMember("olivia", called("Liv")), ""},
		"the operator binds":               {manager, updateMember("olivia", joined), ""},
		"a CoOwner labels":                 {carla, updateMember("olivia", func(m *rosterv1alpha1.Member) { m.Labels = map[string]string{"team": "one"} }), ""},
		"others are not protected":         {ben, deleteMember("carla"), ""},
		"a Manager invites under the owner's name": {ben, invite("olivia", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = "mallory@acme.example" }),
			"ben@acme.example may not create the Invitation olivia: the Member of that name owns the Organization acme. Choose another name."},
		"a Manager invites the owner again": {ben, invite("olivia", forMember("olivia")), ""},
	})
}

// TestTheOwnersNameIsTaken: where ownerRef names a Member that does not exist, the person who creates one of that name would own the
// organisation.
func TestTheOwnersNameIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Expect(updateOrganization(owner("paul"))(w, cluster.Client)).To(Succeed())
	w.Eventually(func() error {
		return createMember("paul", email("mallory@acme.example"))(w, dry(w.as(ben)))
	}).Should(MatchError(apierrors.IsForbidden, "forbidden"))
	w.attempts(t, map[string]attempt{
		"a Manager creates it": {ben, createMember("paul", email("mallory@acme.example")),
			"ben@acme.example may not create the Member paul: the Member of that name owns the Organization acme. Choose another name."},
		"suspended from the start": {flux, createMember("paul", suspended),
			"The Member paul owns the Organization acme and cannot be suspended. Name another owner in its spec.ownerRef first."},
		"an administrator creates it":            {nina, createMember("paul"), ""},
		"the one who was named before is free":   {ben, deleteMember("olivia"), ""},
		"and may be changed like everybody else": {ben, updateMember("olivia", role(memberRole)), ""},
	})
}

func TestOnlyWhoMayTransferNamesTheOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused := func(who, member string) string {
		return who + " may not make the Member " + member + " the owner of the Organization acme (spec.ownerRef). " +
			"Ask the Member olivia, who owns it, or an administrator of the namespace."
	}
	w.attempts(t, map[string]attempt{
		"a CoOwner":                          {carla, updateOrganization(owner("carla")), refused(carla, "carla")},
		"a Manager":                          {ben, updateOrganization(owner("ben")), refused(ben, "ben")},
		"a CoOwner takes it off":             {carla, updateOrganization(noOwner), "carla@acme.example may not leave the Organization acme without an owner (spec.ownerRef). Ask the Member olivia, who owns it, or an administrator of the namespace."},
		"the owner":                          {olivia, updateOrganization(owner("carla")), ""},
		"an administrator":                   {nina, updateOrganization(owner("carla")), ""},
		"a GitOps controller":                {flux, updateOrganization(owner("carla")), ""},
		"a CoOwner renames the organisation": {carla, updateOrganization(func(o *rosterv1alpha1.Organization) { o.Spec.DisplayName = "Acme" }), ""},
		"an administrator creates one with an owner": {nina, createOrganization("two", owner("olivia")), ""},
	})

	setUp := "setup@platform.example"
	w.bindRole("setup", setUp, rosterRule([]string{"organizations"}, nil, "create", "update"))
	w.Eventually(func() error { return createOrganization("two")(w, dry(w.as(setUp))) }).Should(Succeed())
	w.attempts(t, map[string]attempt{
		"creating one with an owner takes it too": {setUp, createOrganization("two", owner("zed")),
			"setup@platform.example may not make the Member zed the owner of the Organization two (spec.ownerRef). Ask an administrator of the namespace."},
	})

	// The status says the owner's address once the operator runs.
	o := read[rosterv1alpha1.Organization](w, "acme")
	o.Status.Owner = olivia
	w.Expect(cluster.Client.Status().Update(t.Context(), o)).To(Succeed())
	w.attempts(t, map[string]attempt{
		"the message names the owner": {ben, updateOrganization(owner("ben")),
			"ben@acme.example may not make the Member ben the owner of the Organization acme (spec.ownerRef). Ask olivia@acme.example, who owns it, or an administrator of the namespace."},
	})
}

// TestOwnershipChangesHands is the way around the protection that is meant to be gone.
func TestOwnershipChangesHands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Expect(updateOrganization(owner("carla"))(w, w.as(olivia))).To(Succeed())
	w.Eventually(func() error { return updateMember("olivia", suspended)(w, w.as(ben)) }).Should(Succeed())
	w.expectRefused(updateMember("carla", suspended)(w, w.as(ben)),
		"The Member carla (carla@acme.example) owns the Organization acme and cannot be suspended. Name another owner in its spec.ownerRef first.")
	w.Expect(deleteMember("olivia")(w, w.as(ben))).To(Succeed())
}

func TestAnOrganizationAndItsOwnerCanBeDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deleteOnlySuspended)
	w.Eventually(func() error { return deleteMember("ana")(w, dry(cluster.Client)) }).Should(HaveOccurred())
	w.Expect(cluster.Client.Delete(t.Context(), w.organization("acme"))).To(Succeed())
	w.Eventually(func() error {
		return cluster.Client.DeleteAllOf(t.Context(), &rosterv1alpha1.Member{}, client.InNamespace(w.ns))
	}).Should(Succeed())
	var left rosterv1alpha1.MemberList
	w.Expect(cluster.Client.List(t.Context(), &left, client.InNamespace(w.ns))).To(Succeed())
	w.Expect(left.Items).To(BeEmpty())
}

// TestAnOrganizationThatIsBeingDeletedProtectsNobody: it stays for as long as a finalizer holds it.
func TestAnOrganizationThatIsBeingDeletedProtectsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deleteOnlySuspended, held)
	w.Expect(cluster.Client.Delete(t.Context(), w.organization("acme"))).To(Succeed())
	w.Eventually(func() error { return deleteMember("olivia")(w, w.as(flux)) }).Should(Succeed())
	w.Expect(deleteMember("ben")(w, w.as(flux))).To(Succeed())
	w.Expect(updateOrganization(func(o *rosterv1alpha1.Organization) { o.Finalizers = nil })(w, cluster.Client)).To(Succeed())
}

// TestBothOwnersAreSafeWhileTheOwnershipPasses: the one who is named has not joined yet, and the former stays in charge until then.
func TestBothOwnersAreSafeWhileTheOwnershipPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Expect(updateOrganization(owner("cora"))(w, w.as(olivia))).To(Succeed())
	o := read[rosterv1alpha1.Organization](w, "acme")
	o.Status.OwnerRef, o.Status.Owner = &rosterv1alpha1.LocalReference{Name: "olivia"}, olivia
	w.Expect(cluster.Client.Status().Update(t.Context(), o)).To(Succeed())
	const former = "The Member olivia (olivia@acme.example) owns the Organization acme until the Member cora is active and has agreed and cannot be "
	const named = "The Member cora (cora@acme.example) is named the owner of the Organization acme and cannot be "
	const wait, rename = "Wait until the Member cora has joined, is not suspended and has agreed", "Name another owner in its spec.ownerRef first"
	w.Eventually(func() error { return deleteMember("olivia")(w, dry(w.as(ben))) }).Should(MatchError(ContainSubstring("until")))
	w.attempts(t, map[string]attempt{
		"the former is deleted":                     {ben, deleteMember("olivia"), former + "deleted. " + wait + ", or delete the Organization."},
		"the former is pruned":                      {flux, deleteMember("olivia"), former + "deleted. " + wait + ", or delete the Organization."},
		"the former is suspended":                   {flux, updateMember("olivia", suspended), former + "suspended. " + wait + "."},
		"the former is changed":                     {carla, updateMember("olivia", role(memberRole)), "carla@acme.example may not change the Member olivia, who owns the Organization acme until the Member cora is active and has agreed. Ask olivia@acme.example."},
		"an invitation in the former's name":        {ben, invite("olivia", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = "mallory@acme.example" }), "ben@acme.example may not create the Invitation olivia: the Member of that name owns the Organization acme until the Member cora is active and has agreed. Choose another name."},
		"the named one is deleted":                  {ben, deleteMember("cora"), named + "deleted. " + rename + ", or delete the Organization."},
		"the named one is changed":                  {carla, updateMember("cora", called("Cora")), "carla@acme.example may not change the Member cora, who is named the owner of the Organization acme. Ask olivia@acme.example."},
		"an invitation in the name that is named":   {ben, invite("cora"), "ben@acme.example may not create the Invitation cora: the Member of that name is named the owner of the Organization acme. Choose another name."},
		"the named one is suspended again after":    {flux, updateMember("cora", suspended), ""}, // as it was
		"the suspension of the named one is lifted": {olivia, updateMember("cora", reactivated), ""},
		"the operator binds the named one":          {manager, updateMember("cora", joined), ""},
		"the former takes it back":                  {olivia, updateOrganization(owner("olivia")), ""},
		"the one who is named takes it further":     {carla, updateOrganization(owner("carla")), "carla@acme.example may not make the Member carla the owner of the Organization acme (spec.ownerRef). Ask olivia@acme.example, who owns it, or an administrator of the namespace."},
		"a third one is not protected":              {ben, deleteMember("carla"), ""},
	})
}

// TestNobodyDeletesByBelonging: the garbage collector deletes what belongs to nothing, no matter who said so. It would delete the
// Organization for a Manager who may only change it, and with it what protects the owner.
func TestNobodyDeletesByBelonging(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const changes = "changes@acme.example"
	w.bindRole("changes", changes, rosterRule([]string{"members", "socialprofiles"}, nil, "get", "update"))
	organization := updateOrganization(func(o *rosterv1alpha1.Organization) { belongsToNothing(o) })
	member := updateMember("ana", func(m *rosterv1alpha1.Member) { belongsToNothing(m) })
	profile := updateProfile("acme-x", func(p *rosterv1alpha1.SocialProfile) { belongsToNothing(p) })
	w.Eventually(func() error { return profile(w, dry(w.as(changes))) }).Should(MatchError(ContainSubstring("denied request")))
	refused := func(who, what string) string {
		return who + " may not change metadata.ownerReferences of the " + what +
			": Kubernetes deletes what belongs to an object that is gone, and they may not delete it. Leave them as they are."
	}
	w.attempts(t, map[string]attempt{
		"a Manager, the Organization":         {ben, organization, refused(ben, "Organization acme")},
		"the owner, the Organization":         {olivia, organization, refused(olivia, "Organization acme")},
		"an administrator, the Organization":  {nina, organization, ""},
		"who may only change, a Member":       {changes, member, refused(changes, "Member ana")},
		"who may only change, a profile":      {changes, profile, refused(changes, "SocialProfile acme-x")},
		"a Manager, a Member":                 {ben, member, ""},
		"a Manager, a profile":                {ben, profile, ""},
		"who may only change, something else": {changes, updateMember("ana", called("Ana Lima")), ""},
	})
}

func owns(says string) func(m *rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) {
		if m.Annotations = nil; says != "" {
			m.Annotations = map[string]string{rosterv1alpha1.OwnershipAnnotation: says}
		}
	}
}

// TestNobodySaysForAnotherThatTheyOwn: what a person has said about owning the organisation is written by the operator alone; and who does
// not want to is protected, and held, no longer.
func TestNobodySaysForAnotherThatTheyOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused := func(who, member string) string {
		return who + " may not change the annotation roster.dev/ownership of the Member " + member +
			": it holds what the person has said about owning the organisation. Leave it as it is, and leave it out of what you apply."
	}
	w.Expect(updateMember("carla", owns(rosterv1alpha1.OwnershipDeclined))(w, w.as(manager))).To(Succeed())
	w.attempts(t, map[string]attempt{
		"the owner makes another agree":           {olivia, updateMember("ben", owns("Agreed")), refused(olivia, "ben")},
		"a namespace administrator does":          {nina, updateMember("ben", owns("Agreed")), refused(nina, "ben")},
		"a GitOps controller does":                {flux, createMember("zed", owns("Agreed")), refused(flux, "zed")},
		"a Manager frees the owner's Member":      {carla, updateMember("olivia", owns("Declined")), refused(carla, "olivia")},
		"a Manager takes an answer away":          {ben, updateMember("carla", owns("")), refused(ben, "carla")},
		"the operator, for who has answered":      {manager, updateMember("ben", owns("Agreed")), ""},
		"the owner is protected until they leave": {manager, deleteMember("olivia"), ownerStays},
	})
	w.Expect(updateMember("olivia", owns(rosterv1alpha1.OwnershipDeclined))(w, w.as(manager))).To(Succeed())
	w.attempts(t, map[string]attempt{
		"the operator, once they have given it up": {manager, deleteMember("olivia"), ""},
		"a Manager, once they have":                {ben, updateMember("olivia", suspended), ""},
	})
}
