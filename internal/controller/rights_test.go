// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// create applies an object of the space.
func (s space) create(ctx context.Context, name string, o client.Object) {
	GinkgoHelper()
	o.SetNamespace(s.Name)
	o.SetName(name)
	Expect(API.Create(ctx, o)).To(Succeed())
}

func (s space) team(ctx context.Context, name string, spec rosterv1alpha1.TeamSpec) *rosterv1alpha1.Team {
	GinkgoHelper()
	t := &rosterv1alpha1.Team{Spec: spec}
	s.create(ctx, name, t)
	return t
}

func (s space) role(ctx context.Context, name string, scope rosterv1alpha1.RoleScope, permissions ...rosterv1alpha1.RolePermission) *rosterv1alpha1.CustomRole {
	GinkgoHelper()
	r := &rosterv1alpha1.CustomRole{Spec: rosterv1alpha1.CustomRoleSpec{Scope: scope, Permissions: permissions}}
	s.create(ctx, name, r)
	return r
}

// holds waits until the API server says that a person has exactly these permissions on a profile.
func (s space) holds(ctx context.Context, person, profile string, want ...access.Permission) {
	GinkgoHelper()
	Eventually(func() []access.Permission { return s.profileVerbs(ctx, person, profile) }).Should(Equal(want), "what %s may do on %s", person, profile)
}

// groupSays waits until the Ready condition of an object has a reason, and returns its message.
func groupSays[T any, P interface {
	*T
	client.Object
}](ctx context.Context, s space, name, reason string, conditions func(P) []metav1.Condition) string {
	GinkgoHelper()
	return Says(ctx, client.ObjectKey{Namespace: s.Name, Name: name}, P(new(T)), reason, conditions).Message
}

func teamConditions(t *rosterv1alpha1.Team) []metav1.Condition           { return t.Status.Conditions }
func workspaceConditions(w *rosterv1alpha1.Workspace) []metav1.Condition { return w.Status.Conditions }
func profileConditions(p *rosterv1alpha1.SocialProfile) []metav1.Condition {
	return p.Status.Conditions
}

const (
	editor        = rosterv1alpha1.ProfileEditor
	administrator = rosterv1alpha1.ProfileAdministrator
)

var (
	guestMay  = []access.Permission{access.Get}
	editorMay = []access.Permission{access.Get, access.Schedule, access.Publish, access.Moderate, access.Report}
)

var _ = Describe("A Team", func() {
	var s space
	BeforeEach(func(ctx SpecContext) {
		s = newSpace(ctx)
		s.Profile(ctx, "acme-fb", func(p *rosterv1alpha1.SocialProfile) { p.Labels = map[string]string{"brand": "acme"} })
		s.Profile(ctx, "acme-x")
		s.Join(ctx, "ana", func(m *rosterv1alpha1.Member) {
			m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileGuest}}
		})
		s.Join(ctx, "ben")
	})

	It("adds to what its members hold, and takes it away again", func(ctx SpecContext) {
		s.holds(ctx, "ana", "acme-fb", guestMay...)
		t := s.team(ctx, "writers", rosterv1alpha1.TeamSpec{Members: []string{"ana", "ben"}, Profiles: []string{"acme-fb"}, Role: editor})
		s.holds(ctx, "ana", "acme-fb", editorMay...)
		s.holds(ctx, "ben", "acme-fb", editorMay...)
		Expect(Get[rosterv1alpha1.Member](ctx, s, "ana").Status.Profiles).To(ConsistOf(HaveField("Role", rosterv1alpha1.ProfileGuest)))
		Eventually(func() []string { return Get[rosterv1alpha1.Member](ctx, s, "ana").Status.Teams }).Should(Equal([]string{"writers"}))
		Expect(s.profileVerbs(ctx, "ana", "acme-x")).To(BeEmpty())
		Eventually(func() []*int32 {
			t := Get[rosterv1alpha1.Team](ctx, s, "writers")
			return []*int32{t.Status.Members, t.Status.Profiles}
		}).Should(Equal([]*int32{ptr.To[int32](2), ptr.To[int32](1)}))
		Eventually(func() *int32 { return Get[rosterv1alpha1.SocialProfile](ctx, s, "acme-fb").Status.Teams }).Should(Equal(ptr.To[int32](1)))

		By("a member who leaves the team")
		Patch(ctx, t, func(t *rosterv1alpha1.Team) { t.Spec.Members = []string{"ana"} })
		s.holds(ctx, "ben", "acme-fb")
		s.holds(ctx, "ana", "acme-fb", editorMay...)

		By("another role")
		Patch(ctx, t, func(t *rosterv1alpha1.Team) { t.Spec.Role = rosterv1alpha1.ProfileModerator })
		s.holds(ctx, "ana", "acme-fb", access.Get, access.Schedule, access.Moderate)

		By("the end of the team")
		Expect(API.Delete(ctx, t)).To(Succeed())
		s.holds(ctx, "ana", "acme-fb", guestMay...)
	})

	It("finds profiles by their labels, as they come and change", func(ctx SpecContext) {
		s.team(ctx, "acme", rosterv1alpha1.TeamSpec{
			Members: []string{"ben"}, Role: editor, ProfileSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"brand": "acme"}},
		})
		s.holds(ctx, "ben", "acme-fb", editorMay...)
		s.Profile(ctx, "acme-new", func(p *rosterv1alpha1.SocialProfile) { p.Labels = map[string]string{"brand": "acme"} })
		s.holds(ctx, "ben", "acme-new", editorMay...)
		Patch(ctx, Get[rosterv1alpha1.SocialProfile](ctx, s, "acme-fb"), func(p *rosterv1alpha1.SocialProfile) { p.Labels["brand"] = "other" })
		s.holds(ctx, "ben", "acme-fb")
		Expect(API.Delete(ctx, Get[rosterv1alpha1.SocialProfile](ctx, s, "acme-new"))).To(Succeed())
		s.holds(ctx, "ben", "acme-new")
	})

	It("costs no write for members whom a change does not concern", func(ctx SpecContext) {
		t := s.team(ctx, "writers", rosterv1alpha1.TeamSpec{Members: []string{"ana"}, Profiles: []string{"acme-fb"}, Role: editor})
		s.holds(ctx, "ana", "acme-fb", editorMay...)
		Writes.Reset()
		Patch(ctx, t, func(t *rosterv1alpha1.Team) { t.Spec.Members = []string{"ana", "ben"} })
		s.holds(ctx, "ben", "acme-fb", editorMay...)
		Consistently(func() []int {
			return []int{Writes.Of("/namespaces/" + s.Name + "/members/ana"), Writes.Of("/namespaces/" + s.Name + "/members/ben"),
				Writes.Of("/namespaces/" + s.Name + "/roles/"), Writes.Of("/namespaces/" + s.Name + "/rolebindings/")}
		}).Should(Equal([]int{0, 1, 0, 1}), Writes.String())
	})

	It("says what it names and is not there, and gives the rest", func(ctx SpecContext) {
		s.team(ctx, "writers", rosterv1alpha1.TeamSpec{Members: []string{"ben", "nobody"}, Profiles: []string{"acme-fb"}, Role: editor})
		s.holds(ctx, "ben", "acme-fb", editorMay...)
		Expect(groupSays(ctx, s, "writers", rosterv1alpha1.ReasonMemberNotFound, teamConditions)).To(ContainSubstring("Member nobody"))
		s.Join(ctx, "nobody")
		groupSays(ctx, s, "writers", rosterv1alpha1.ReasonReady, teamConditions)
		s.holds(ctx, "nobody", "acme-fb", editorMay...)
		Expect(API.Delete(ctx, Get[rosterv1alpha1.SocialProfile](ctx, s, "acme-fb"))).To(Succeed())
		Expect(groupSays(ctx, s, "writers", rosterv1alpha1.ReasonProfileNotFound, teamConditions)).To(ContainSubstring("SocialProfile acme-fb"))
	})

	It("gives a CustomRole, as it is and as it becomes", func(ctx SpecContext) {
		s.team(ctx, "night", rosterv1alpha1.TeamSpec{Members: []string{"ben"}, Profiles: []string{"acme-x"}, Role: "night-shift"})
		Expect(groupSays(ctx, s, "night", rosterv1alpha1.ReasonRoleNotFound, teamConditions)).To(ContainSubstring("CustomRole night-shift"))
		s.holds(ctx, "ben", "acme-x")
		r := s.role(ctx, "night-shift", rosterv1alpha1.ScopeProfile, "moderate")
		s.holds(ctx, "ben", "acme-x", access.Get, access.Moderate)
		groupSays(ctx, s, "night", rosterv1alpha1.ReasonReady, teamConditions)
		Patch(ctx, r, func(r *rosterv1alpha1.CustomRole) { r.Spec.Permissions = []rosterv1alpha1.RolePermission{"publish"} })
		s.holds(ctx, "ben", "acme-x", access.Get, access.Publish)
		Expect(API.Delete(ctx, r)).To(Succeed())
		s.holds(ctx, "ben", "acme-x")
	})

	It("is waited for where the Organization requires one", func(ctx SpecContext) {
		Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), func(o *rosterv1alpha1.Organization) { o.Spec.RequireTeam = ptr.To(true) })
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "ana"), func(m *rosterv1alpha1.Member) { m.Spec.Profiles[0].Role = administrator })
		s.holds(ctx, "ana", "acme-fb", guestMay...)
		message := groupSays(ctx, s, "acme-fb", rosterv1alpha1.ReasonNoTeam, profileConditions)
		Expect(message).To(ContainSubstring("No Team works on the profile"))
		t := s.team(ctx, "writers", rosterv1alpha1.TeamSpec{Members: []string{"ben"}, Profiles: []string{"acme-fb"}, Role: editor})
		s.holds(ctx, "ana", "acme-fb", access.Permissions()...)
		groupSays(ctx, s, "acme-fb", rosterv1alpha1.ReasonReady, profileConditions)
		Expect(API.Delete(ctx, t)).To(Succeed())
		s.holds(ctx, "ana", "acme-fb", guestMay...)
	})
})

var _ = Describe("A Workspace", func() {
	It("gives its profiles to those who have it, and hides itself from the others", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.Profile(ctx, "acme-fb")
		s.Profile(ctx, "acme-x")
		w := &rosterv1alpha1.Workspace{Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"acme-fb"}}}
		s.create(ctx, "west", w)
		s.Join(ctx, "ana", func(m *rosterv1alpha1.Member) {
			m.Spec.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: editor}, {Name: "gone"}}
		})
		s.Join(ctx, "ben")
		s.Join(ctx, "max", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
		s.holds(ctx, "ana", "acme-fb", editorMay...)
		Expect(s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonWorkspaceNotFound).Message).To(ContainSubstring("Workspace gone"))
		Eventually(func() bool { return s.mayUser(ctx, "ana", "get", "workspaces", "west") }).Should(BeTrue())
		Expect(s.mayUser(ctx, "ben", "get", "workspaces", "west")).To(BeFalse(), "hidden")
		Expect(Get[rosterv1alpha1.Member](ctx, s, "max").Status.Workspaces).To(Equal([]string{"*"}))
		Expect(s.mayUser(ctx, "max", "get", "workspaces", "west")).To(BeTrue())

		Patch(ctx, w, func(w *rosterv1alpha1.Workspace) { w.Spec.Profiles = []string{"acme-fb", "acme-x"} })
		s.holds(ctx, "ana", "acme-x", editorMay...)
		groupSays(ctx, s, "west", rosterv1alpha1.ReasonReady, workspaceConditions)
		Eventually(func() []*int32 {
			w := Get[rosterv1alpha1.Workspace](ctx, s, "west")
			return []*int32{w.Status.Members, w.Status.Profiles}
		}).Should(Equal([]*int32{ptr.To[int32](1), ptr.To[int32](2)}))
		Expect(API.Delete(ctx, w)).To(Succeed())
		s.holds(ctx, "ana", "acme-fb")
		Eventually(func() bool { return s.mayUser(ctx, "ana", "get", "workspaces", "west") }).Should(BeFalse())
	})

	It("comes with an invitation", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.Profile(ctx, "acme-fb")
		s.create(ctx, "west", &rosterv1alpha1.Workspace{Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"acme-fb"}}})
		s.Invite(ctx, "zoe", func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: editor}}
			inv.Spec.CanManageProfiles = ptr.To(true)
		})
		s.InvitationIs(ctx, "zoe", rosterv1alpha1.InvitationSent)
		s.Claim(ctx, "zoe")
		s.MemberIs(ctx, "zoe", rosterv1alpha1.MemberActive)
		s.holds(ctx, "zoe", "acme-fb", editorMay...)
		Expect(s.mayUser(ctx, "zoe", "add", "socialprofiles", "")).To(BeTrue())
	})
})

var _ = Describe("A CustomRole in the organisation", func() {
	It("is a role like the others, and people who manage others may give it if it allows no more than their own", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.Join(ctx, "max", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
		s.Join(ctx, "ana", func(m *rosterv1alpha1.Member) { m.Spec.Role = "team-lead" })
		Expect(s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonRoleNotFound).Message).To(ContainSubstring("CustomRole team-lead"))
		Expect(s.mayUser(ctx, "max", "grant", "orgroles", "team-lead")).To(BeFalse())
		r := s.role(ctx, "team-lead", rosterv1alpha1.ScopeOrganization, rosterv1alpha1.PermissionViewTeam, rosterv1alpha1.PermissionManageMembers)
		Eventually(func() bool { return s.mayUser(ctx, "ana", "create", "invitations", "") }).Should(BeTrue())
		Eventually(func() bool { return s.mayUser(ctx, "max", "grant", "orgroles", "team-lead") }).Should(BeTrue())
		Expect(s.mayUser(ctx, "ana", "grant", "orgroles", "Manager")).To(BeFalse())
		Expect(s.mayUser(ctx, "ana", "create", "teams", "")).To(BeFalse())
		Patch(ctx, r, func(r *rosterv1alpha1.CustomRole) {
			r.Spec.Permissions = append(r.Spec.Permissions, rosterv1alpha1.PermissionManageSubscription)
		})
		Eventually(func() bool { return s.mayUser(ctx, "max", "grant", "orgroles", "team-lead") }).Should(BeFalse(), "a Manager may not manage the subscription")
		Eventually(func() bool { return s.mayUser(ctx, "ana", "manage", "subscriptions", "acme") }).Should(BeTrue())
	})

	It("that an invitation offers is waited for", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.Invite(ctx, "zoe", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Role = "team-lead" })
		Expect(s.InvitationSays(ctx, "zoe", rosterv1alpha1.ReasonRoleNotFound).Message).To(ContainSubstring("Nothing was mailed"))
		Expect(Mails(s.Address("zoe"))).To(BeEmpty())
		s.role(ctx, "team-lead", rosterv1alpha1.ScopeOrganization, rosterv1alpha1.PermissionViewTeam)
		s.InvitationIs(ctx, "zoe", rosterv1alpha1.InvitationSent)
	})
})

var _ = Describe("A person who connected a profile", func() {
	It("looks after it while their role says so", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.Join(ctx, "pat", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleProfileConnector })
		s.Profile(ctx, "pats", func(p *rosterv1alpha1.SocialProfile) { p.Spec.ConnectedBy = s.Address("pat") })
		s.Profile(ctx, "acme-fb")
		s.holds(ctx, "pat", "pats", access.Get, access.Connect)
		Expect(s.mayUser(ctx, "pat", "delete", "socialprofiles", "pats")).To(BeTrue())
		Expect(s.mayUser(ctx, "pat", "delete", "socialprofiles", "acme-fb")).To(BeFalse())
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "pat"), func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleAdvancedMember })
		s.holds(ctx, "pat", "pats", access.Get, access.Configure, access.Connect)
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "pat"), func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleMember })
		s.holds(ctx, "pat", "pats")
	})
})

var _ = Describe("An orphaned profile", func() {
	It("says so, and so does the last who is named Administrator", func(ctx SpecContext) {
		s := newSpace(ctx, func(o *rosterv1alpha1.Organization) {
			o.Spec.Guardrails = &rosterv1alpha1.Guardrails{WarnOnOrphanedProfiles: ptr.To(true)}
		})
		s.Profile(ctx, "acme-fb")
		administered := func() *metav1.Condition {
			return meta.FindStatusCondition(Get[rosterv1alpha1.SocialProfile](ctx, s, "acme-fb").Status.Conditions, rosterv1alpha1.ConditionAdministered)
		}
		Eventually(administered).Should(HaveField("Reason", rosterv1alpha1.ReasonNoAdministrator))
		for _, name := range []string{"ana", "ben"} {
			s.declareJoined(ctx, name, rosterv1alpha1.ProfileGrant{Name: "acme-fb", Role: administrator})
		}
		Eventually(administered).Should(And(HaveField("Status", metav1.ConditionTrue), HaveField("Message", ContainSubstring("2 active"))))
		Expect(Get[rosterv1alpha1.Member](ctx, s, "ana").Status.SoleAdministratorOf).To(BeEmpty())
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "ben"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		Eventually(func() []string { return Get[rosterv1alpha1.Member](ctx, s, "ana").Status.SoleAdministratorOf }).Should(Equal([]string{"acme-fb"}))
		Expect(API.Delete(ctx, Get[rosterv1alpha1.Member](ctx, s, "ana"))).To(Succeed())
		Eventually(administered).Should(HaveField("Reason", rosterv1alpha1.ReasonNoAdministrator))
		Eventually(func() []string { return EventsOn(ctx, s, "acme-fb") }).Should(ContainElement(rosterv1alpha1.ReasonNoAdministrator))
	})
})

var _ = Describe("A Plan", func() {
	plans := 0
	plan := func(ctx context.Context, change func(p *rosterv1alpha1.PlanSpec)) *rosterv1alpha1.Plan {
		GinkgoHelper()
		plans++
		p := &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("plan-%d-%d", GinkgoParallelProcess(), plans)}}
		p.Spec.Contact = "sales@roster.example"
		change(&p.Spec)
		Expect(API.Create(ctx, p)).To(Succeed())
		return p
	}
	on := func(p *rosterv1alpha1.Plan) func(o *rosterv1alpha1.Organization) {
		return func(o *rosterv1alpha1.Organization) { o.Spec.PlanRef = &rosterv1alpha1.LocalReference{Name: p.Name} }
	}
	within := func(ctx context.Context, s space) func() *metav1.Condition {
		return func() *metav1.Condition {
			return meta.FindStatusCondition(Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Conditions, rosterv1alpha1.ConditionWithinPlan)
		}
	}

	It("has seats for so many, in the order in which they came", func(ctx SpecContext) {
		p := plan(ctx, func(p *rosterv1alpha1.PlanSpec) {
			p.Seats, p.Features = ptr.To[int32](2), []rosterv1alpha1.Feature{"ProfileConnectors"}
		})
		s := newSpace(ctx, on(p))
		ana := s.Join(ctx, "ana")
		s.Invite(ctx, "ben")
		s.InvitationIs(ctx, "ben", rosterv1alpha1.InvitationSent)
		NextSecond(ctx)
		s.Invite(ctx, "cleo")
		Expect(s.InvitationSays(ctx, "cleo", rosterv1alpha1.ReasonNoSeat).Message).To(ContainSubstring("ask sales@roster.example"))
		Expect(Mails(s.Address("cleo"))).To(BeEmpty())
		Eventually(within(ctx, s)).Should(And(HaveField("Reason", rosterv1alpha1.ReasonPlanExceeded), HaveField("Message", ContainSubstring("3 of 2 seats"))))

		By("a connector, who takes none")
		s.Join(ctx, "pat", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleProfileConnector })

		By("an acceptance, which keeps its place")
		s.Claim(ctx, "ben")
		s.MemberIs(ctx, "ben", rosterv1alpha1.MemberActive)
		Consistently(func() string { return s.MemberSays(ctx, "ben", rosterv1alpha1.ReasonActive).Reason }).ShouldNot(BeEmpty())
		Expect(Mails(s.Address("cleo"))).To(BeEmpty())

		By("a declared Member, who has a spec and no seat")
		s.Declare(ctx, "dan", func(m *rosterv1alpha1.Member) { m.Spec.AccountRef = AccountOf(s.Address("dan")) })
		Expect(s.MemberSays(ctx, "dan", rosterv1alpha1.ReasonNoSeat).Message).To(ContainSubstring("ask sales@roster.example"))
		Expect(s.mayUser(ctx, "dan", "get", "organizations", "acme")).To(BeFalse())

		By("a seat that frees up")
		Expect(API.Delete(ctx, ana)).To(Succeed())
		s.InvitationIs(ctx, "cleo", rosterv1alpha1.InvitationSent)
		s.MemberSays(ctx, "dan", rosterv1alpha1.ReasonNoSeat)

		By("a larger plan")
		Patch(ctx, p, func(p *rosterv1alpha1.Plan) { p.Spec.Seats = ptr.To[int32](5) })
		s.MemberSays(ctx, "dan", rosterv1alpha1.ReasonActive)
		Eventually(func() bool { return s.mayUser(ctx, "dan", "get", "organizations", "acme") }).Should(BeTrue())
		Eventually(within(ctx, s)).Should(HaveField("Status", metav1.ConditionTrue))

		By("a smaller one")
		Patch(ctx, p, func(p *rosterv1alpha1.Plan) { p.Spec.Seats = ptr.To[int32](1) })
		s.MemberSays(ctx, "dan", rosterv1alpha1.ReasonNoSeat)
		s.MemberSays(ctx, "ben", rosterv1alpha1.ReasonActive)
	})

	It("has places for so many profiles", func(ctx SpecContext) {
		p := plan(ctx, func(p *rosterv1alpha1.PlanSpec) { p.SocialProfiles = ptr.To[int32](1) })
		s := newSpace(ctx, on(p))
		first := s.Profile(ctx, "first")
		NextSecond(ctx)
		s.Profile(ctx, "second")
		Expect(groupSays(ctx, s, "second", rosterv1alpha1.ReasonProfileLimit, profileConditions)).To(ContainSubstring("ask sales@roster.example"))
		s.declareJoined(ctx, "ana", rosterv1alpha1.ProfileGrant{Name: "first", Role: editor}, rosterv1alpha1.ProfileGrant{Name: "second", Role: editor})
		s.holds(ctx, "ana", "first", editorMay...)
		s.holds(ctx, "ana", "second")
		s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonProfileLimit)
		s.Invite(ctx, "cleo", func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "second", Role: editor}}
		})
		s.InvitationSays(ctx, "cleo", rosterv1alpha1.ReasonProfileLimit)
		Expect(API.Delete(ctx, first)).To(Succeed())
		s.InvitationSays(ctx, "cleo", rosterv1alpha1.ReasonSent)
		s.holds(ctx, "ana", "second", editorMay...)
		groupSays(ctx, s, "second", rosterv1alpha1.ReasonReady, profileConditions)
	})

	It("without a feature leaves the objects and gives nothing", func(ctx SpecContext) {
		p := plan(ctx, func(*rosterv1alpha1.PlanSpec) {})
		s := newSpace(ctx, on(p))
		s.Profile(ctx, "acme-fb")
		s.role(ctx, "night-shift", rosterv1alpha1.ScopeProfile, "moderate")
		s.create(ctx, "west", &rosterv1alpha1.Workspace{Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"acme-fb"}}})
		s.Join(ctx, "ana", func(m *rosterv1alpha1.Member) {
			m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "night-shift"}}
			m.Spec.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: editor}}
		})
		Expect(s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonFeatureNotInPlan).Message).To(ContainSubstring("Ask sales@roster.example"))
		s.holds(ctx, "ana", "acme-fb")
		groupSays(ctx, s, "west", rosterv1alpha1.ReasonFeatureNotInPlan, workspaceConditions)
		groupSays(ctx, s, "night-shift", rosterv1alpha1.ReasonFeatureNotInPlan, func(r *rosterv1alpha1.CustomRole) []metav1.Condition { return r.Status.Conditions })
		s.Invite(ctx, "pat", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Role = rosterv1alpha1.RoleProfileConnector })
		s.InvitationSays(ctx, "pat", rosterv1alpha1.ReasonFeatureNotInPlan)
		Patch(ctx, p, func(p *rosterv1alpha1.Plan) {
			p.Spec.Features = []rosterv1alpha1.Feature{"CustomRoles", "Workspaces", "ProfileConnectors"}
		})
		s.holds(ctx, "ana", "acme-fb", editorMay...)
		s.InvitationIs(ctx, "pat", rosterv1alpha1.InvitationSent)
		groupSays(ctx, s, "west", rosterv1alpha1.ReasonReady, workspaceConditions)
	})

	It("that is missing is said, and what was in effect stays so", func(ctx SpecContext) {
		p := plan(ctx, func(p *rosterv1alpha1.PlanSpec) { p.Seats = ptr.To[int32](7) })
		s := newSpace(ctx, on(p))
		Eventually(within(ctx, s)).Should(HaveField("Status", metav1.ConditionTrue))
		Eventually(func() *int32 {
			Expect(API.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			return p.Status.Organizations
		}).Should(Equal(ptr.To[int32](1)))
		Expect(API.Delete(ctx, p)).To(Succeed())
		Eventually(within(ctx, s)).Should(HaveField("Reason", rosterv1alpha1.ReasonPlanNotFound))
		Expect(Get[rosterv1alpha1.Organization](ctx, s, "acme").Status.Plan.Seats.Limit).To(Equal(ptr.To[int32](7)))
		told := func() (actions []string) {
			var list corev1.EventList
			Expect(API.List(ctx, &list, client.InNamespace(s.Name))).To(Succeed())
			for _, e := range list.Items {
				if e.InvolvedObject.Name == "acme" && e.Reason == rosterv1alpha1.ReasonPlanNotFound {
					actions = append(actions, e.Action)
				}
			}
			return actions
		}
		Eventually(told).Should(ContainElement("Reconcile"), "an event says so")
		Consistently(told).Should(HaveEach("Reconcile"), "and none of the second condition that does")
	})
})
