// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/gitops/gitopstest"
)

// healths are what Argo CD shows where kstatus says something.
var healths = map[status.Status]string{
	status.InProgressStatus: "Progressing", status.CurrentStatus: "Healthy", status.FailedStatus: "Degraded",
}

// look looks at an object as Flux and Argo CD do, which agree.
func look(g Gomega, o *unstructured.Unstructured) gitopstest.Seen {
	GinkgoHelper()
	seen, err := gitopstest.Look(o)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(seen.Health.Status).To(Equal(healths[seen.KStatus]), "%s: %v", o.GetName(), o.Object["status"])
	return seen
}

// raw is an object without what Go knows of its kind.
func raw(o client.Object) *unstructured.Unstructured {
	GinkgoHelper()
	kind, err := apiutil.GVKForObject(o, Cluster.Scheme)
	Expect(err).NotTo(HaveOccurred())
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(kind)
	u.SetNamespace(o.GetNamespace())
	u.SetName(o.GetName())
	return u
}

// isSeen waits until GitOps tools see an object as it should be.
func isSeen(ctx context.Context, o client.Object, want status.Status) {
	GinkgoHelper()
	u := raw(o)
	Eventually(func(g Gomega) {
		g.Expect(API.Get(ctx, client.ObjectKeyFromObject(o), u)).To(Succeed())
		g.Expect(look(g, u).KStatus).To(Equal(want), "%v", u.Object["status"])
	}).Should(Succeed(), "%T %s comes to be %s", o, o.GetName(), want)
}

// comesToBe creates an object and follows it: to GitOps tools, it is under way until it is what it should be, and nothing else in between.
// It returns what they say then.
func comesToBe(ctx context.Context, o client.Object, want status.Status) string {
	GinkgoHelper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(raw(o).GroupVersionKind())
	changes, err := Cluster.Client.Watch(ctx, list, client.InNamespace(o.GetNamespace()))
	Expect(err).NotTo(HaveOccurred())
	defer changes.Stop()
	Expect(API.Create(ctx, o)).To(Succeed())
	var seen gitopstest.Seen
	Eventually(func(g Gomega) {
		var e watch.Event
		g.Expect(changes.ResultChan()).To(Receive(&e))
		u, ok := e.Object.(*unstructured.Unstructured)
		if !ok || u.GetName() != o.GetName() {
			g.Expect(ok).To(BeTrue(), "%v", e.Object)
			g.Expect(u.GetName()).To(Equal(o.GetName()))
		}
		if seen = look(Default, u); seen.KStatus != status.InProgressStatus {
			Expect(seen.KStatus).To(Equal(want), "%v", u.Object["status"])
		}
		g.Expect(seen.KStatus).To(Equal(want))
	}).Should(Succeed(), "%T %s comes to be %s", o, o.GetName(), want)
	if want == status.FailedStatus {
		Expect(seen.Health.Message).To(Equal(seen.Says))
	}
	return seen.Says
}

func (s space) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.Name, Name: name}
}

// ofEveryKind are objects of every kind that can be kept in Git, and what changes the spec of each. Their people have not answered.
func (s space) ofEveryKind() map[client.Object]func() {
	account := &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{
		Namespace: rosterv1alpha1.AccountNamespace, Name: AccountOf(s.Address("cleo")).Name,
	}, Spec: rosterv1alpha1.AccountSpec{Email: s.Address("cleo"), DisplayName: "Cleo"}}
	organization := &rosterv1alpha1.Organization{ObjectMeta: s.meta("acme"), Spec: rosterv1alpha1.OrganizationSpec{
		DisplayName: "Acme", OwnerRef: &rosterv1alpha1.LocalReference{Name: "ana"}, PlanRef: &rosterv1alpha1.LocalReference{Name: s.Name},
	}}
	plan := &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: s.Name}, Spec: rosterv1alpha1.PlanSpec{
		Contact: "sales@roster.example", Features: []rosterv1alpha1.Feature{rosterv1alpha1.FeatureCustomRoles, rosterv1alpha1.FeatureWorkspaces},
	}}
	member := &rosterv1alpha1.Member{ObjectMeta: s.meta("ana"), Spec: rosterv1alpha1.MemberSpec{Email: s.Address("ana")}}
	invitation := &rosterv1alpha1.Invitation{ObjectMeta: s.meta("ben"), Spec: rosterv1alpha1.InvitationSpec{Email: s.Address("ben")}}
	profile := &rosterv1alpha1.SocialProfile{ObjectMeta: s.meta("fb"), Spec: rosterv1alpha1.SocialProfileSpec{
		Network: "Mastodon", Handle: "@fb", ResponsibleRef: &rosterv1alpha1.LocalReference{Name: "ana"},
	}}
	team := &rosterv1alpha1.Team{ObjectMeta: s.meta("care"), Spec: rosterv1alpha1.TeamSpec{
		Members: []string{"ana"}, Profiles: []string{"fb"}, Role: rosterv1alpha1.ProfileEditor,
	}}
	workspace := &rosterv1alpha1.Workspace{ObjectMeta: s.meta("north"), Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"fb"}}}
	role := &rosterv1alpha1.CustomRole{ObjectMeta: s.meta("writer"), Spec: rosterv1alpha1.CustomRoleSpec{
		Scope: rosterv1alpha1.ScopeProfile, Permissions: []rosterv1alpha1.RolePermission{"get"},
	}}
	return map[client.Object]func(){
		account:      func() { account.Spec.DisplayName = "Cléo" },
		organization: func() { organization.Spec.DisplayName = "Acme Social" },
		plan:         func() { plan.Spec.Contact = "help@roster.example" },
		member:       func() { member.Spec.DisplayName = "Ana" },
		invitation:   func() { invitation.Spec.Role = rosterv1alpha1.RoleAdvancedMember },
		profile:      func() { profile.Spec.Handle = "@acme" },
		team:         func() { team.Spec.Role = rosterv1alpha1.ProfileModerator },
		workspace:    func() { workspace.Spec.DisplayName = "North" },
		role:         func() { role.Spec.DisplayName = "Writer" },
	}
}

// what Git says stays as it is, and nothing that waits for a person holds up a sync.
var _ = Describe("To Flux and Argo CD", func() {
	It("an object is under way until the operator has seen it as it is now", Serial, func(ctx SpecContext) {
		Running.Stop()
		running := false
		start := func() { Running, running = StartOperator(Cluster.As("roster-manager")), true }
		DeferCleanup(func() {
			if !running {
				start()
			}
		})
		s := emptySpace(ctx)
		objects := s.ofEveryKind()
		Expect(objects).To(HaveLen(9), "every kind")
		for o := range objects {
			Expect(API.Create(ctx, o)).To(Succeed())
			isSeen(ctx, o, status.InProgressStatus)
			u := raw(o)
			Expect(API.Get(ctx, client.ObjectKeyFromObject(o), u)).To(Succeed())
			observed, _, err := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
			Expect(err).NotTo(HaveOccurred())
			Expect(observed).To(Equal(int64(-1)))
			conditions, _, err := unstructured.NestedSlice(u.Object, "status", "conditions")
			Expect(err).NotTo(HaveOccurred())
			Expect(conditions).To(ConsistOf(And(HaveKeyWithValue("type", rosterv1alpha1.ConditionReady), HaveKeyWithValue("status", "Unknown"),
				HaveKeyWithValue("reason", rosterv1alpha1.ReasonNotObserved))), "%T", o)
		}
		start()
		for o := range objects {
			isSeen(ctx, o, status.CurrentStatus)
		}
		Running.Stop()
		running = false
		for o, change := range objects {
			Expect(API.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
			change()
			Expect(API.Update(ctx, o)).To(Succeed())
			isSeen(ctx, o, status.InProgressStatus)
		}
		start()
		for o := range objects {
			isSeen(ctx, o, status.CurrentStatus)
			u := raw(o)
			Expect(API.Get(ctx, client.ObjectKeyFromObject(o), u)).To(Succeed())
			conditions, _, err := unstructured.NestedSlice(u.Object, "status", "conditions")
			Expect(err).NotTo(HaveOccurred())
			Expect(conditions).To(HaveEach(HaveKeyWithValue("observedGeneration", u.GetGeneration())), "%T", o)
		}
	})

	It("who waits for a person, is suspended or has been removed on purpose is as it should be", func(ctx SpecContext) {
		s := newSpace(ctx)
		Expect(comesToBe(ctx, &rosterv1alpha1.Member{ObjectMeta: s.meta("ana"), Spec: rosterv1alpha1.MemberSpec{Email: s.Address("ana")}},
			status.CurrentStatus)).NotTo(BeEmpty())
		s.MemberIs(ctx, "ana", rosterv1alpha1.MemberPending)
		Expect(comesToBe(ctx, &rosterv1alpha1.Invitation{ObjectMeta: s.meta("ben"), Spec: rosterv1alpha1.InvitationSpec{Email: s.Address("ben")}},
			status.CurrentStatus)).NotTo(BeEmpty())
		s.InvitationIs(ctx, "ben", rosterv1alpha1.InvitationSent)
		Patch(ctx, Get[rosterv1alpha1.Invitation](ctx, s, "ben"), func(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(true) })
		isSeen(ctx, &rosterv1alpha1.Invitation{ObjectMeta: s.meta("ben")}, status.CurrentStatus)
		s.Join(ctx, "cleo")
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "cleo"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		s.MemberIs(ctx, "cleo", rosterv1alpha1.MemberSuspended)
		isSeen(ctx, &rosterv1alpha1.Member{ObjectMeta: s.meta("cleo")}, status.CurrentStatus)
		a := s.Account(ctx, "dora")
		Patch(ctx, a, func(a *rosterv1alpha1.Account) { a.Spec.Suspended = ptr.To(true) })
		isSeen(ctx, a, status.CurrentStatus)
	})

	It("what cannot work has failed at once, and says why", func(ctx SpecContext) {
		s := newSpace(ctx)
		fails := func(o client.Object, says string) {
			GinkgoHelper()
			Expect(comesToBe(ctx, o, status.FailedStatus)).To(ContainSubstring(says))
		}
		member := func(name string, spec rosterv1alpha1.MemberSpec) *rosterv1alpha1.Member {
			if spec.Email == "" {
				spec.Email = s.Address(name)
			}
			return &rosterv1alpha1.Member{ObjectMeta: s.meta(name), Spec: spec}
		}
		missing := &rosterv1alpha1.LocalReference{Name: "missing"}
		fails(member("role", rosterv1alpha1.MemberSpec{Role: "missing"}), "no CustomRole missing")
		fails(member("profile", rosterv1alpha1.MemberSpec{Profiles: []rosterv1alpha1.ProfileGrant{{Name: "missing", Role: "Editor"}}}), "missing")
		fails(member("workspace", rosterv1alpha1.MemberSpec{Workspaces: []rosterv1alpha1.WorkspaceGrant{{Name: "missing", Role: "Editor"}}}), "missing")
		s.Declare(ctx, "ana")
		NextSecond(ctx)
		fails(member("twin", rosterv1alpha1.MemberSpec{Email: s.Address("ana")}), `already belongs to the Member "ana"`)
		fails(&rosterv1alpha1.Invitation{ObjectMeta: s.meta("ben"), Spec: rosterv1alpha1.InvitationSpec{Email: s.Address("ben"), Role: "missing"}},
			"no CustomRole missing")
		fails(&rosterv1alpha1.SocialProfile{ObjectMeta: s.meta("fb"), Spec: rosterv1alpha1.SocialProfileSpec{
			Network: "Mastodon", Handle: "@fb", ResponsibleRef: missing,
		}}, "spec.responsibleRef names")
		fails(&rosterv1alpha1.Team{ObjectMeta: s.meta("care"), Spec: rosterv1alpha1.TeamSpec{
			Members: []string{"missing"}, Role: rosterv1alpha1.ProfileEditor,
		}}, "missing")
		fails(&rosterv1alpha1.Workspace{ObjectMeta: s.meta("north"), Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"missing"}}}, "missing")
		fails(&rosterv1alpha1.Organization{ObjectMeta: s.meta("second"), Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Second"}}, "acme")
		fails(&rosterv1alpha1.Account{
			ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: s.Name + "-ana"},
			Spec:       rosterv1alpha1.AccountSpec{Email: s.Address("ana"), DisplayName: "Ana"},
		}, "has to be named")
		none := emptySpace(ctx)
		fails(&rosterv1alpha1.Organization{ObjectMeta: none.meta("acme"), Spec: rosterv1alpha1.OrganizationSpec{
			DisplayName: "Acme", PlanRef: missing,
		}}, "missing")
		plan := &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: none.Name}, Spec: rosterv1alpha1.PlanSpec{Contact: "sales@roster.example"}}
		Expect(comesToBe(ctx, plan, status.CurrentStatus)).NotTo(BeEmpty())
		planned := newSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.PlanRef = &rosterv1alpha1.LocalReference{Name: plan.Name} })
		isSeen(ctx, &rosterv1alpha1.Organization{ObjectMeta: planned.meta("acme")}, status.CurrentStatus)
		fails(&rosterv1alpha1.CustomRole{ObjectMeta: planned.meta("writer"), Spec: rosterv1alpha1.CustomRoleSpec{
			Scope: rosterv1alpha1.ScopeProfile, Permissions: []rosterv1alpha1.RolePermission{"get"},
		}}, "sales@roster.example")
	})
})
