// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestWhereOnlyTheOwnerInvites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ownerInvites)
	o := read[rosterv1alpha1.Organization](w, "acme")
	o.Status.Owner = olivia
	w.Expect(cluster.Client.Status().Update(t.Context(), o)).To(Succeed())
	refused := func(who string) string {
		return who + " may not invite: the Organization acme leaves that to its owner (spec.invitations.allowedFor). Ask olivia@acme.example."
	}
	w.Eventually(func() error { return invite("zed")(w, dry(w.as(ben))) }).Should(MatchError(ContainSubstring("Ask olivia@acme.example.")))
	managersInvite := func(o *rosterv1alpha1.Organization) { o.Spec.Invitations.AllowedFor = rosterv1alpha1.InvitersManagers }
	w.attempts(t, map[string]attempt{
		"a Manager invites":                          {ben, invite("zed"), refused(ben)},
		"a CoOwner invites":                          {carla, invite("zed", offers(managerRole)), refused(carla)},
		"a Manager invites a declared Member":        {ben, invite("cora", forMember("cora")), refused(ben)},
		"a Manager declares a Member":                {ben, createMember("zed"), refused(ben)},
		"a Manager asks for another mail":            {ben, updateInvitation("zoe", resent), refused(ben)},
		"the owner invites":                          {olivia, invite("zed", offers(coOwner)), ""},
		"the owner declares a Member":                {olivia, createMember("zed"), ""},
		"the owner asks for another mail":            {olivia, updateInvitation("zoe", resent), ""},
		"a GitOps controller declares a Member":      {flux, createMember("zed"), ""},
		"the operator invites a declared Member":     {manager, invite("cora", forMember("cora")), ""},
		"the operator makes a Member of an accepted": {manager, createMember("zed", joined), ""},
		"a Manager revokes":                          {ben, updateInvitation("zoe", revoked), ""},
		"a Manager renames the organisation":         {ben, updateOrganization(func(o *rosterv1alpha1.Organization) { o.Spec.DisplayName = "Acme" }), ""},
		"a Manager changes a Member":                 {ben, updateMember("ana", role(advanced)), ""},
		"a Manager allows it to themself": {ben, updateOrganization(managersInvite),
			"ben@acme.example may not let others than the owner invite (spec.invitations.allowedFor). Ask olivia@acme.example, who owns it, or an administrator of the namespace."},
		"the owner allows it to Managers": {olivia, updateOrganization(managersInvite), ""},
	})
}

func TestWhereManagersInviteAnyManagerMayLeaveItToTheOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.attempts(t, map[string]attempt{"a Manager": {ben, updateOrganization(ownerInvites), ""}})
}

func TestAMistakenPruneFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deleteOnlySuspended)
	refused := func(name string) string {
		return "The Member " + name + " (" + name + "@acme.example) is not suspended, and the Organization acme lets only suspended Members be deleted " +
			"(spec.guardrails.deleteOnlySuspended). If it is meant, suspend the Member first: kubectl patch member " + name + " -n " + w.ns +
			` --type merge -p '{"spec":{"suspended":true}}'`
	}
	w.Eventually(func() error { return deleteMember("ana")(w, dry(w.as(flux))) }).Should(HaveOccurred())
	w.attempts(t, map[string]attempt{
		"a GitOps controller prunes an active Member": {flux, deleteMember("ana"), refused("ana")},
		"a Manager deletes one":                       {ben, deleteMember("dora"), refused("dora")},
		"a Manager deletes a suspended one":           {ben, deleteMember("cora"), ""},
	})
	w.Expect(cluster.Client.DeleteAllOf(t.Context(), &rosterv1alpha1.Member{}, client.InNamespace(w.ns))).To(HaveOccurred())
	for _, name := range []string{"olivia", "carla", "ben", "ana", "dora"} {
		read[rosterv1alpha1.Member](w, name)
	}

	w.Expect(updateMember("ana", suspended)(w, w.as(ben))).To(Succeed())
	w.Expect(deleteMember("ana")(w, w.as(flux))).To(Succeed(), "the way that the message shows")
}

func TestWithoutTheGuardrailMembersCanBeDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.attempts(t, map[string]attempt{"a GitOps controller prunes an active Member": {flux, deleteMember("ana"), ""}})
}
