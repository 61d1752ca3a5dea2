// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestWhereOnlyTheOwnerInvites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ownerInvites)
	w.Expect(createMember("wanda")(w, cluster.Client)).To(Succeed())
	w.Expect(createMember("sue", suspended)(w, cluster.Client)).To(Succeed())
	w.Expect(createMember("sam", suspended, joined)(w, cluster.Client)).To(Succeed())
	own := func(inv *rosterv1alpha1.Invitation) {
		forMember("wanda")(inv)
		inv.OwnerReferences = []metav1.OwnerReference{{APIVersion: "roster.dev/v1alpha1", Kind: "Member", Name: "wanda",
			UID: read[rosterv1alpha1.Member](w, "wanda").UID, Controller: ptr.To(true)}}
	}
	for _, inv := range []*rosterv1alpha1.Invitation{w.invitation("wanda", own), w.invitation("applied", forMember("wanda")), w.invitation("done", forMember("ana")),
		w.invitation("gus", revoked)} {
		w.Expect(cluster.Client.Create(t.Context(), inv)).To(Succeed())
	}
	done := read[rosterv1alpha1.Invitation](w, "done")
	done.Status.State, done.Status.MemberRef = rosterv1alpha1.InvitationAccepted, &rosterv1alpha1.LocalReference{Name: "ana"}
	w.Expect(cluster.Client.Status().Update(t.Context(), done)).To(Succeed())
	o := read[rosterv1alpha1.Organization](w, "acme")
	o.Status.Owner = olivia
	w.Expect(cluster.Client.Status().Update(t.Context(), o)).To(Succeed())
	refused := func(who string) string {
		return who + " may not invite: the Organization acme leaves that to its owner (spec.invitations.allowedFor). Ask olivia@acme.example."
	}
	w.Eventually(func() error { return invite("zed")(w, dry(w.as(ben))) }).Should(MatchError(ContainSubstring("Ask olivia@acme.example.")))
	const leaves = "the Organization acme leaves that to its owner (spec.invitations.allowedFor). "
	takes := func(who, what, name string) string {
		return who + " may not " + what + " the Invitation " + name + " of the Member wanda, who would be sent another: " + leaves +
			"To withdraw it, suspend or delete the Member; else ask olivia@acme.example."
	}
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
		"a Manager lifts a revocation":               {ben, updateInvitation("gus", offeredAgain), refused(ben)},
		"a Manager lifts the suspension of somebody who never joined": {ben, updateMember("sue", reactivated),
			"ben@acme.example may not lift the suspension (spec.suspended) of the Member sue, who has not joined and would be invited: " + leaves + "Ask olivia@acme.example."},
		"by leaving it out": {ben, updateMember("sue", func(m *rosterv1alpha1.Member) { m.Spec.Suspended = nil }),
			"ben@acme.example may not lift the suspension (spec.suspended) of the Member sue, who has not joined and would be invited: " + leaves + "Ask olivia@acme.example."},
		"a Manager deletes the Invitation of a Member": {ben, deleteInvitation("wanda"), takes(ben, "delete", "wanda")},
		"a CoOwner deletes one that was applied":       {carla, deleteInvitation("applied"), takes(carla, "delete", "applied")},
		"a Manager has it deleted":                     {ben, updateInvitation("wanda", func(inv *rosterv1alpha1.Invitation) { inv.OwnerReferences[0].UID = "gone" }), takes(ben, "change metadata.ownerReferences of", "wanda")},
		"a Manager takes it from its Member":           {ben, updateInvitation("wanda", func(inv *rosterv1alpha1.Invitation) { inv.OwnerReferences = nil }), takes(ben, "change metadata.ownerReferences of", "wanda")},
		"a Manager revokes one that was applied":       {ben, updateInvitation("applied", revoked), takes(ben, "revoke", "applied")},
		"a Manager revokes that of a Member":           {ben, updateInvitation("wanda", revoked), ""},
		"a Manager deletes one that ended in a Member": {ben, deleteInvitation("done"), ""},
		"a Manager deletes one of its own":             {ben, deleteInvitation("zoe"), ""},
		"a Manager lifts the suspension of a member":   {ben, updateMember("sam", reactivated), ""},
		"a Manager suspends who has not joined":        {ben, updateMember("wanda", suspended), ""},
		"a Manager deletes who has not joined":         {ben, deleteMember("wanda"), ""},
		"the owner lifts the suspension":               {olivia, updateMember("sue", reactivated), ""},
		"the owner deletes the Invitation":             {olivia, deleteInvitation("wanda"), ""},
		"the operator deletes the Invitation":          {manager, deleteInvitation("wanda"), ""},
		"the garbage collector does":                   {garbageCollector, deleteInvitation("wanda"), ""},
		"a Manager revokes":                            {ben, updateInvitation("zoe", revoked), ""},
		"a Manager renames the organisation":           {ben, updateOrganization(func(o *rosterv1alpha1.Organization) { o.Spec.DisplayName = "Acme" }), ""},
		"a Manager changes a Member":                   {ben, updateMember("ana", role(advanced)), ""},
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

// TestAMistakenPruneFails: X-08. All of it, not half.
func TestAMistakenPruneFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deleteOnlySuspended)
	refused := func(name string) string {
		return "The Member " + name + " (" + name + "@acme.example) is not suspended, and the Organization acme lets only suspended Members be deleted " +
			"(spec.guardrails.deleteOnlySuspended). If this is intended, suspend the Member first: kubectl patch member " + name + " -n " + w.ns +
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

// status writes the status of an object as the operator does.
func (w *world) status(o client.Object) {
	w.Helper()
	w.Expect(cluster.Client.Status().Update(w.Context(), o)).To(Succeed())
}

func TestTheGuardrailLetsGoWhoLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deleteOnlySuspended)
	w.Expect(cluster.Client.Create(t.Context(), w.member("typo"))).To(Succeed())
	w.Expect(cluster.Client.Create(t.Context(), w.member("ana-lima", email(ana), joined))).To(Succeed())
	renamed, waits := read[rosterv1alpha1.Member](w, "ana"), read[rosterv1alpha1.Member](w, "ana-lima")
	renamed.Status.Successor = "ana-lima"
	w.status(renamed)
	waits.Status.Conditions = []metav1.Condition{{
		Type: rosterv1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: rosterv1alpha1.ReasonDuplicateEmail, LastTransitionTime: metav1.Now(),
	}}
	w.status(waits)
	w.Eventually(func() error { return deleteMember("dora")(w, dry(w.as(flux))) }).Should(HaveOccurred())
	w.attempts(t, map[string]attempt{
		"a mistyped address, which nobody accepted":        {flux, deleteMember("typo"), ""},
		"a Member whose person goes on under another name": {flux, deleteMember("ana"), ""},
		"one that waits, and may have been a slip":         {flux, deleteMember("ana-lima"), ""},
	})
}

func TestAMistakenPruneOfTheOrganizationFailsAsAWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deleteOnlySuspended)
	for _, team := range []*rosterv1alpha1.Team{
		w.team("writers", editor, people("dora", "ana"), works("acme-fb")), w.team("solo", editor, people("dora"), works("acme-fb")), w.team("empty", editor),
	} {
		w.Expect(cluster.Client.Create(t.Context(), team)).To(Succeed())
	}
	o := read[rosterv1alpha1.Organization](w, "acme")
	o.Status.ActiveMembers = ptr.To[int32](9)
	w.status(o)
	refused := "The Organization acme has 9 active Members, who would lose their roles with it (spec.guardrails.deleteOnlySuspended). " +
		"If this is intended, switch that off first: kubectl patch organization acme -n " + w.ns + ` --type merge -p '{"spec":{"guardrails":{"deleteOnlySuspended":false}}}'`
	remove := deleteOther(func(w *world) client.Object { return w.organization("acme") })
	without := func(name string) func(w *world, c client.Client) error {
		return deleteOther(func(w *world) client.Object { return w.team(name, editor) })
	}
	leaves := func(name string, names ...string) func(w *world, c client.Client) error {
		return update(name, []func(*rosterv1alpha1.Team){func(t *rosterv1alpha1.Team) { t.Spec.Members = names }})
	}
	const allAtOnce = " (spec.members), and the Organization acme lets nobody take all of them away in one step (spec.guardrails.deleteOnlySuspended). If this is intended, "
	w.Eventually(func() error { return leaves("writers")(w, dry(w.as(flux))) }).Should(HaveOccurred())
	w.attempts(t, map[string]attempt{
		"the Organization is pruned":            {flux, remove, refused},
		"an administrator deletes it":           {nina, remove, refused},
		"a Team is emptied":                     {flux, leaves("writers"), "The Team writers has 2 members" + allAtOnce + "leave one of them in it, then delete the Team."},
		"a Manager empties a Team of one":       {ben, leaves("solo"), "The Team solo has 1 member" + allAtOnce + "delete the Team."},
		"a Team of several is pruned":           {flux, without("writers"), "The Team writers has 2 members" + allAtOnce + "leave one of them in it, then delete the Team."},
		"a Team of one is":                      {flux, without("solo"), ""},
		"a Team of nobody is":                   {flux, without("empty"), ""},
		"somebody is taken out":                 {ben, leaves("writers", "ana"), ""},
		"all are replaced, as in a renaming":    {flux, leaves("writers", "ana-lima", "dora-b"), ""},
		"the guardrail is switched off":         {flux, updateOrganization(func(o *rosterv1alpha1.Organization) { o.Spec.Guardrails = nil }), ""},
		"the Organization is renamed by people": {ben, updateOrganization(func(o *rosterv1alpha1.Organization) { o.Spec.DisplayName = "Acme" }), ""},
	})

	w.Expect(updateOrganization(func(o *rosterv1alpha1.Organization) { o.Spec.Guardrails.DeleteOnlySuspended = ptr.To(false) })(w, w.as(ben))).To(Succeed())
	w.Expect(remove(w, w.as(flux))).To(Succeed(), "the way that the message shows")
}

func TestAnAcceptanceCannotBeDeletedBeforeItsPersonIsAMember(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	accept := func(inv *rosterv1alpha1.Invitation) {
		inv.Status.State, inv.Status.Email = rosterv1alpha1.InvitationAccepted, inv.Name+"@acme.example"
		inv.Status.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-" + inv.Name}
	}
	zoe, removed, gina := read[rosterv1alpha1.Invitation](w, "zoe"), w.invitation("removed", forMember("gone")), read[rosterv1alpha1.Invitation](w, "gina")
	w.Expect(cluster.Client.Create(t.Context(), removed)).To(Succeed())
	noted := w.invitation("noted")
	w.Expect(cluster.Client.Create(t.Context(), noted)).To(Succeed())
	for _, inv := range []*rosterv1alpha1.Invitation{zoe, removed, gina, noted} {
		accept(inv)
	}
	noted.Status.MemberRef = &rosterv1alpha1.LocalReference{Name: "noted"}
	removed.Status.Conditions = []metav1.Condition{{
		Type: rosterv1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: rosterv1alpha1.ReasonMemberRemoved, LastTransitionTime: metav1.Now(),
	}}
	for _, inv := range []*rosterv1alpha1.Invitation{zoe, removed, gina, noted} {
		w.status(inv)
	}
	without := func(name string) func(w *world, c client.Client) error {
		return deleteOther(func(w *world) client.Object { return w.invitation(name) })
	}
	w.attempts(t, map[string]attempt{
		"one that was accepted": {flux, without("zoe"), "zoe@acme.example has accepted the Invitation zoe and is not a Member yet. Wait until its status.memberRef names " +
			"the Member, in a moment or when the operator runs again. If they are not to join after all, first: kubectl patch invitation zoe -n " + w.ns +
			` --type merge -p '{"spec":{"revoked":true}}'`},
		"one that was revoked, too":    {ben, without("gina"), ""},
		"one whose person is a Member": {ben, without("noted"), ""},
		"one whose Member was deleted": {flux, without("removed"), ""},
	})
}

// TestASuspensionOfItsOwnOutlastsGit: what Git does not say belongs to its writer, under a name that Flux does not take over. That it
// does take over what kubectl writes under its usual names is Flux's own.
func TestASuspensionOfItsOwnOutlastsGit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sync := func(spec map[string]any) {
		spec["email"] = ana
		git := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": rosterv1alpha1.GroupVersion.String(), "kind": "Member", "metadata": map[string]any{"namespace": w.ns, "name": "ana"}, "spec": spec,
		}}
		w.Expect(w.as(flux).Apply(t.Context(), client.ApplyConfigurationFromUnstructured(git), client.FieldOwner("kustomize-controller"), client.ForceOwnership)).To(Succeed())
	}
	sync(map[string]any{"company": "Lima Studio"})
	suspend := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"suspended":true}}`))
	w.Expect(w.as(ben).Patch(t.Context(), w.member("ana"), suspend, client.FieldOwner("emergency"))).To(Succeed())
	sync(map[string]any{"company": "Lima Studios"})
	w.Expect(read[rosterv1alpha1.Member](w, "ana").Spec).To(And(HaveField("Company", "Lima Studios"), HaveField("Suspended", HaveValue(BeTrue()))))
	sync(map[string]any{"suspended": false})
	w.Expect(read[rosterv1alpha1.Member](w, "ana").Spec.Suspended).To(HaveValue(BeFalse()), "what Git says, it has")
}
