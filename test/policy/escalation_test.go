// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

const benMakesCoOwner = "ben@acme.example may not give the role CoOwner: it is above their own. Ask the owner or a CoOwner."

func patch(kind, name string, how types.PatchType, text string) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error {
		o := &unstructured.Unstructured{}
		o.SetGroupVersionKind(rosterv1alpha1.GroupVersion.WithKind(kind))
		o.SetNamespace(w.ns)
		o.SetName(name)
		return c.Patch(w.Context(), o, client.RawPatch(how, []byte(text)))
	}
}

func apply(kind, name string, spec map[string]any, options ...client.ApplyOption) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error {
		o := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": rosterv1alpha1.GroupVersion.String(), "kind": kind, "metadata": map[string]any{"namespace": w.ns, "name": name}, "spec": spec,
		}}
		return c.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(o), append(options, client.FieldOwner("kubectl"))...)
	}
}

// TestEveryWayToWriteIsTheSame: whatever the verb and the form, what comes out counts.
func TestEveryWayToWriteIsTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	generated := func(kind client.Object) func(w *world, c client.Client) error {
		return createOther(func(w *world) client.Object {
			kind.SetNamespace(w.ns)
			return kind
		})
	}
	aMember := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "zed-"}, Spec: rosterv1alpha1.MemberSpec{Email: "zed@acme.example", Role: coOwner},
	}
	anInvitation := &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "zed-"}, Spec: rosterv1alpha1.InvitationSpec{Email: "zed@acme.example", Role: coOwner},
	}
	replaces := func(w *world, c client.Client) error {
		o := read[rosterv1alpha1.Member](w, "ana")
		o.Spec = rosterv1alpha1.MemberSpec{Email: ana, Role: coOwner, AccountRef: o.Spec.AccountRef}
		return c.Update(w.Context(), o)
	}
	w.attempts(t, map[string]attempt{
		"a merge patch":               {ben, patch("Member", "ana", types.MergePatchType, `{"spec":{"role":"CoOwner"}}`), benMakesCoOwner},
		"a JSON patch":                {ben, patch("Member", "ana", types.JSONPatchType, `[{"op":"replace","path":"/spec/role","value":"CoOwner"}]`), benMakesCoOwner},
		"applied by the server":       {ben, apply("Member", "ana", map[string]any{"email": ana, "role": "CoOwner"}, client.ForceOwnership), benMakesCoOwner},
		"created by apply":            {ben, apply("Member", "zed", map[string]any{"email": "zed@acme.example", "role": "CoOwner"}), benMakesCoOwner},
		"invited by apply":            {ben, apply("Invitation", "zed", map[string]any{"email": "zed@acme.example", "role": "CoOwner"}), benMakesCoOwner},
		"raised by apply":             {ben, apply("Invitation", "zoe", map[string]any{"email": "zoe@acme.example", "role": "CoOwner"}, client.ForceOwnership), benMakesCoOwner},
		"replaced":                    {ben, replaces, benMakesCoOwner},
		"under a name to be made up":  {ben, generated(aMember), benMakesCoOwner},
		"invited under such a name":   {ben, generated(anInvitation), benMakesCoOwner},
		"the account by a patch":      {ben, patch("Member", "cora", types.MergePatchType, `{"spec":{"accountRef":{"name":"a-mallory"}}}`), "ben@acme.example may not set spec.accountRef to a-mallory: Roster sets it when the person accepts. Leave it as it is, and leave it out of what you apply."},
		"the account off by a patch":  {ben, patch("Member", "ana", types.MergePatchType, `{"spec":{"accountRef":null}}`), "ben@acme.example may not remove spec.accountRef, which says that the person has accepted. Use kubectl apply, which leaves it alone; to take access away, suspend the Member."},
		"the place in the queue":      {ben, patch("Member", "cora", types.MergePatchType, `{"metadata":{"annotations":{"roster.dev/place":"2020-01-01T00:00:00Z/x"}}}`), "ben@acme.example may not change the annotation roster.dev/place of the Member cora: Roster sets it when the person accepts. Leave it as it is, and leave it out of what you apply."},
		"another annotation":          {ben, patch("Member", "cora", types.MergePatchType, `{"metadata":{"annotations":{"note":"x"}}}`), ""},
		"the owner by a patch":        {carla, patch("Organization", "acme", types.JSONPatchType, `[{"op":"replace","path":"/spec/ownerRef/name","value":"carla"}]`), "carla@acme.example may not make the Member carla the owner of the Organization acme (spec.ownerRef). Ask the Member olivia, who owns it, or an administrator of the namespace."},
		"the owner suspended by one":  {flux, patch("Member", "olivia", types.MergePatchType, `{"spec":{"suspended":true}}`), ownerActive},
		"the plan by a patch":         {ben, patch("Organization", "acme", types.MergePatchType, `{"spec":{"planRef":{"name":"pro"}}}`), "ben@acme.example may not put the Organization acme on the Plan pro (spec.planRef). They lack the verb use on plans/pro, which the people who run the platform give."},
		"a Team by apply":             {lena, apply("Team", "x", map[string]any{"role": "Guest", "profileSelector": map[string]any{}}), refusedSelector("x")},
		"a CustomRole by a patch":     {lena, patch("CustomRole", "lead", types.MergePatchType, `{"spec":{"permissions":["AddProfiles"]}}`), refusedIntoRole(lena, "AddProfiles", "lead")},
		"labels by apply":             {adam, patch("SocialProfile", "acme-adam", types.MergePatchType, `{"metadata":{"labels":{"region":"west"}}}`), "adam@acme.example may not change the labels of the SocialProfile acme-adam: Teams and Workspaces find it by them, and only an Administrator of it may decide that. Ask one, or a Manager."},
		"the status, which says it":   {ben, patchStatus("Member", "cora", `{"status":{"state":"Active","role":"Owner"}}`), noRight},
		"the owner's status":          {ben, patchStatus("Organization", "acme", `{"status":{"ownerRef":{"name":"ben"}}}`), noRight},
		"what the policies go by":     {nina, patchStatus("Organization", "acme", `{"status":{"ownerRef":{"name":"nina"}}}`), noRight},
		"an invitation as accepted":   {nina, patchStatus("Invitation", "zoe", `{"status":{"state":"Accepted"}}`), noRight},
		"the rules themselves":        {nina, deletePolicy, noRight},
		"as much as theirs by apply":  {ben, apply("Invitation", "zed", map[string]any{"email": "zed@acme.example", "role": "Manager"}), ""},
		"more by a merge patch":       {ben, patch("Invitation", "zoe", types.MergePatchType, `{"spec":{"role":"Manager"}}`), ""},
		"more by a JSON patch":        {ben, patch("Invitation", "zoe", types.JSONPatchType, `[{"op":"add","path":"/spec/role","value":"Manager"}]`), ""},
		"a weaker role by a patch":    {ben, patch("Member", "carla", types.MergePatchType, `{"spec":{"role":"Member"}}`), ""},
		"a name that somebody leaves": {ben, patch("Member", "ana", types.MergePatchType, `{"spec":{"role":null}}`), ""},
	})
}

func patchStatus(kind, name, text string) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error {
		o := &unstructured.Unstructured{}
		o.SetGroupVersionKind(rosterv1alpha1.GroupVersion.WithKind(kind))
		o.SetNamespace(w.ns)
		o.SetName(name)
		return c.Status().Patch(w.Context(), o, client.RawPatch(types.MergePatchType, []byte(text)))
	}
}

func deletePolicy(w *world, c client.Client) error {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("admissionregistration.k8s.io/v1")
	o.SetKind("ValidatingAdmissionPolicyBinding")
	o.SetName("roster-grants")
	return c.Delete(w.Context(), o)
}

// TestTheStatusIsNoWayAround: writing the status of something changes nothing else, so no policy has to look at it.
func TestTheStatusIsNoWayAround(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bindRole("writes-status", dora, rosterRule([]string{"members/status", "socialprofiles/status"}, nil, "update", "patch"))
	c := w.as(dora)
	before := read[rosterv1alpha1.SocialProfile](w, "acme-x")
	text, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"region": "west"}, "annotations": map[string]any{"roster.dev/place": "x"}},
		"spec":     map[string]any{"role": "CoOwner", "connectedBy": dora},
		"status":   map[string]any{"observedGeneration": 1},
	})
	w.Expect(err).NotTo(HaveOccurred())
	w.Eventually(func() error { return patchStatus("Member", "ana", string(text))(w, c) }).Should(Succeed())
	w.Expect(patchStatus("SocialProfile", "acme-x", string(text))(w, c)).To(Succeed())
	m, p := read[rosterv1alpha1.Member](w, "ana"), read[rosterv1alpha1.SocialProfile](w, "acme-x")
	w.Expect(m.Status.ObservedGeneration).To(Equal(int64(1)), "it was written")
	w.Expect(m.Spec.Role).To(Equal(memberRole))
	w.Expect(m.Annotations).To(BeEmpty())
	w.Expect(p.Labels).To(BeEmpty())
	w.Expect(p.Spec.ConnectedBy).To(Equal(before.Spec.ConnectedBy))
}

// TestStepByStep: what cannot be done at once cannot be done in two steps either. These are stored, unlike the attempts in tables.
func TestStepByStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lead, connects := w.as(lena), w.as(adam)

	w.Expect(createMember("zed")(w, lead)).To(Succeed())
	w.expectRefused(updateMember("zed", role(managerRole))(w, lead),
		"lena@acme.example may not give the role Manager: it is above their own. Ask the owner, a CoOwner or a Manager.")
	w.Expect(invite("yan")(w, lead)).To(Succeed())
	w.expectRefused(updateInvitation("yan", offers("billing"))(w, lead),
		"lena@acme.example may not give the role billing: it allows more than their own, or is no CustomRole that can be used. Ask the owner, a CoOwner or a Manager.")

	w.Expect(createRole("helper", inOrganization, "ViewTeam")(w, lead)).To(Succeed(), "a role that everybody may be given")
	w.expectRefused(updateRole("helper", allows("AdministerProfiles"))(w, lead), refusedIntoRole(lena, "AdministerProfiles", "helper"))

	w.Expect(createTeam("pair", guest, people("lena"))(w, lead)).To(Succeed(), "a Team of nothing")
	w.expectRefused(updateTeam("pair", works("acme-x"))(w, lead), refusedTeam("Guest", "acme-x", "pair"))
	w.Expect(createWorkspace("mine")(w, lead)).To(Succeed(), "a Workspace of nothing")
	w.Expect(updateMember("zed", in("mine", administrator))(w, lead)).To(MatchError(ContainSubstring("may not give the workspaces mine (Administrator)")))

	w.Expect(createProfile("own", adam)(w, connects)).To(Succeed())
	w.bindRole("looks-after-own", adam, rosterRule([]string{"socialprofiles"}, []string{"own"}, "get", "configure", "connect", "update", "delete"))
	w.Eventually(func() error { return updateProfile("own", handled("x"))(w, connects) }).Should(Succeed())
	w.expectRefused(updateProfile("own", labelled("west"))(w, connects), "adam@acme.example may not change the labels of the SocialProfile own: "+
		"Teams and Workspaces find it by them, and only an Administrator of it may decide that. Ask one, or a Manager.")
	w.Expect(deleteProfile("own")(w, connects)).To(Succeed())
	w.expectRefused(createProfile("own", adam, labelled("west"))(w, connects), "adam@acme.example may not add labels to the SocialProfile own: "+
		"Teams and Workspaces find it by them, and only an Administrator of it may decide that. Leave them out, or ask a Manager.")

	w.Expect(deleteMember("ana")(w, lead)).To(Succeed())
	w.expectRefused(createMember("ana", joined)(w, lead),
		"lena@acme.example may not set spec.accountRef to a-ana: Roster sets it when the person accepts. Leave it as it is, and leave it out of what you apply.")
	w.expectRefused(createMember("ana", on("acme-x", editor))(w, lead),
		"lena@acme.example may not give Editor on acme-x: they do not hold all of that themselves. Ask a Manager.")
}

// TestNobodyAndNoGroup: who has not signed in is refused, and gives nothing even where somebody was careless enough to let them write.
func TestNobodyAndNoGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := w.client(rest.AnonymousClientConfig(cluster.Config))
	err := invite("zed")(w, nobody)
	w.Expect(apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)).To(BeTrue(), "%v", err)

	const anonymous, plain = "system:anonymous", "plain@acme.example"
	w.bindRole("careless", anonymous, rosterRule([]string{"members", "invitations", "teams", "customroles", "socialprofiles"}, nil, "get", "create", "update"))
	w.bindRole("careless-plain", plain, rosterRule([]string{"members", "invitations"}, nil, "get", "create", "update"))
	as := func(user string, groups ...string) client.Client {
		config := rest.CopyConfig(cluster.Config)
		config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
		return dry(w.client(config))
	}
	c := as(anonymous, "system:unauthenticated")
	w.Eventually(func() error { return invite("zed")(w, c) }).Should(MatchError(ContainSubstring("denied request")))
	for name, do := range map[string]func(w *world, c client.Client) error{
		"invites": invite("zed"), "creates": createMember("zed"), "raises": updateMember("ana", role(managerRole)), "on a profile": updateMember("ana", on("acme-x", moderator)),
		"by a Team": createTeam("x", moderator, works("acme-fb")), "by a CustomRole": createRole("x", inOrganization, "ViewTeam"),
		"adds a profile": createProfile("new", ""), "labels": updateProfile("acme-x", labelled("west")),
	} {
		w.Expect(do(w, c)).To(MatchError(ContainSubstring("denied request")), name)
	}
	// A user without any group, as impersonation allows, is nobody but themselves.
	w.Eventually(func() error { return invite("zed")(w, as(plain)) }).Should(MatchError(ContainSubstring("denied request: plain@acme.example may not give the role Member")))
	w.Expect(invite("zed")(w, as(ben))).To(Succeed(), "Roles are bound to the name, so a Manager stays one without a group")
	w.Expect(invite("zed", offers(coOwner))(w, as(ben))).To(MatchError(ContainSubstring(benMakesCoOwner)))

	// Rights that come by a group count like others.
	w.Expect(cluster.Client.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "group"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-admin"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "platform-" + w.ns}},
	})).To(Succeed())
	w.Eventually(func() error { return invite("zed", offers(coOwner))(w, as(plain, "platform-"+w.ns)) }).Should(Succeed())
	w.Expect(invite("zed", offers(coOwner))(w, as(plain, "platform"))).To(MatchError(ContainSubstring("denied request")))
}
