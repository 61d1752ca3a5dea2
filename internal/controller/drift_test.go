// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/membership"
)

// What a Member holds depends on seven kinds of objects. A change that no watch leads to the Members that it concerns would leave them with
// rights that they should not have. So: change anything at random, and compare what everybody is bound to with what is compiled from lists of
// everything, without an index or a watch.
var _ = Describe("Whatever changes", func() {
	It("reaches everybody whom it concerns", func(ctx SpecContext) {
		d, seed := newDrift(ctx, "drift", 1)
		for step := range 60 {
			var did []string
			for range 1 + d.random.IntN(2) {
				did = append(did, d.change(ctx))
			}
			Eventually(func() []string { return d.differences(ctx) }).Should(BeEmpty(), "seed %d, step %d: %q", seed, step, did)
		}
	})
})

type drift struct {
	space
	random *rand.Rand
	plan   string
}

// newDrift is an organisation with a plan and five people, and the seed that its changes follow from.
func newDrift(ctx context.Context, name string, stream uint64) (d *drift, seed uint64) {
	GinkgoHelper()
	seed = uint64(GinkgoRandomSeed())
	plan := &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", name, GinkgoParallelProcess())}}
	plan.Spec.Contact = "sales@roster.example"
	Expect(API.Create(ctx, plan)).To(Succeed())
	d = &drift{space: newSpace(ctx, func(o *rosterv1alpha1.Organization) {
		o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "m0"}
		o.Spec.PlanRef = &rosterv1alpha1.LocalReference{Name: plan.Name}
	}), random: rand.New(rand.NewPCG(seed, stream)), plan: plan.Name}
	for _, name := range driftMembers {
		d.Declare(ctx, name, func(m *rosterv1alpha1.Member) { m.Spec.AccountRef = AccountOf(d.Address(name)) })
	}
	return d, seed
}

func (d *drift) one(of ...string) string { return of[d.random.IntN(len(of))] }

func (d *drift) some(of ...string) []string {
	return slices.DeleteFunc(slices.Clone(of), func(string) bool { return d.random.IntN(2) == 0 })
}

func (d *drift) profileRole() rosterv1alpha1.ProfileRole {
	return rosterv1alpha1.ProfileRole(d.one("Administrator", "Editor", "Moderator", "Guest", "night", "night", "night", "lead", "gone"))
}

func (d *drift) selector() *metav1.LabelSelector {
	if d.random.IntN(2) == 0 {
		return nil
	}
	return &metav1.LabelSelector{MatchLabels: map[string]string{"brand": d.one("a", "b")}}
}

var (
	driftMembers    = []string{"m0", "m1", "m2", "m3", "m4"}
	driftProfiles   = []string{"p0", "p1", "p2"}
	driftWorkspaces = []string{"w0", "w1"}
)

// change changes one thing, and says what.
func (d *drift) change(ctx context.Context) string {
	changes := []func(context.Context) string{
		d.changeMember, d.changeMember, d.changeProfile, d.changeProfile, d.changeProfile, d.changeTeam, d.changeRole, d.changeWorkspace, d.changeRole, d.changeOrganization, d.changePlan, d.remove,
	}
	return changes[d.random.IntN(len(changes))](ctx)
}

// put creates an object, or changes the spec of the one that is there.
func put[T any, P interface {
	*T
	client.Object
}](ctx context.Context, s space, name string, change func(o P)) string {
	GinkgoHelper()
	o := P(new(T))
	err := API.Get(ctx, client.ObjectKey{Namespace: s.Name, Name: name}, o)
	if client.IgnoreNotFound(err) == nil && err != nil {
		change(o)
		s.create(ctx, name, o)
		return fmt.Sprintf("created %T %s", o, name)
	}
	Expect(err).NotTo(HaveOccurred())
	Patch(ctx, o, change)
	return fmt.Sprintf("changed %T %s", o, name)
}

func (d *drift) changeMember(ctx context.Context) string {
	name := d.one(driftMembers...)
	return put(ctx, d.space, name, func(m *rosterv1alpha1.Member) {
		m.Spec.Email, m.Spec.AccountRef = d.Address(name), AccountOf(d.Address(name))
		m.Spec.Role = rosterv1alpha1.OrganizationRole(d.one("Member", "Member", "Member", "AdvancedMember", "Manager", "CoOwner", "lead", "night"))
		m.Spec.Suspended = ptr.To(name != "m0" && name != "m1" && d.random.IntN(5) == 0) // who may own it cannot be suspended
		m.Spec.CanManageProfiles = ptr.To(d.random.IntN(2) == 0)
		m.Spec.Profiles, m.Spec.Workspaces = nil, nil
		for _, p := range d.some(driftProfiles...) {
			m.Spec.Profiles = append(m.Spec.Profiles, rosterv1alpha1.ProfileGrant{Name: p, Role: d.profileRole()})
		}
		for _, w := range d.some(driftWorkspaces...) {
			m.Spec.Workspaces = append(m.Spec.Workspaces, rosterv1alpha1.WorkspaceGrant{Name: w, Role: d.profileRole()})
		}
	})
}

func (d *drift) changeProfile(ctx context.Context) string {
	return put(ctx, d.space, d.one(driftProfiles...), func(p *rosterv1alpha1.SocialProfile) {
		p.Spec.Network, p.Spec.Handle = "Mastodon", "@acme"
		if d.random.IntN(3) > 0 {
			p.Labels = map[string]string{"brand": d.one("a", "b", "c")}
			return
		}
		p.Spec.ConnectedBy = d.one("", d.Address("m1"), d.Address("m2"))
	})
}

func (d *drift) changeTeam(ctx context.Context) string {
	return put(ctx, d.space, d.one("t0", "t1"), func(t *rosterv1alpha1.Team) {
		t.Spec.Members, t.Spec.Profiles = d.some(driftMembers...), d.some(driftProfiles...)
		t.Spec.ProfileSelector, t.Spec.Role = d.selector(), d.profileRole()
	})
}

func (d *drift) changeWorkspace(ctx context.Context) string {
	return put(ctx, d.space, d.one(driftWorkspaces...), func(w *rosterv1alpha1.Workspace) {
		w.Spec.Profiles, w.Spec.ProfileSelector = d.some(driftProfiles...), d.selector()
	})
}

func (d *drift) changeRole(ctx context.Context) string {
	name := d.one("night", "lead")
	return put(ctx, d.space, name, func(r *rosterv1alpha1.CustomRole) {
		r.Spec.Scope, r.Spec.Permissions = rosterv1alpha1.ScopeProfile, []rosterv1alpha1.RolePermission{"moderate"}
		if name == "lead" {
			r.Spec.Scope, r.Spec.Permissions = rosterv1alpha1.ScopeOrganization, []rosterv1alpha1.RolePermission{"ViewTeam"}
			for _, p := range d.some("ManageMembers", "AddProfiles", "AdministerProfiles", "ManageSubscription") {
				r.Spec.Permissions = append(r.Spec.Permissions, rosterv1alpha1.RolePermission(p))
			}
			return
		}
		for _, p := range d.some("publish", "connect", "report") {
			r.Spec.Permissions = append(r.Spec.Permissions, rosterv1alpha1.RolePermission(p))
		}
	})
}

func (d *drift) changeOrganization(ctx context.Context) string {
	return put(ctx, d.space, "acme", func(o *rosterv1alpha1.Organization) {
		o.Spec.RequireTeam = ptr.To(d.random.IntN(2) == 0)
		o.Spec.OwnerRef.Name = d.one("m0", "m0", "m1")
	}) + d.answerOwnership(ctx)
}

// answerOwnership has one of those who may be named say something about owning the organisation.
func (d *drift) answerOwnership(ctx context.Context) string {
	name, says := d.one("m0", "m1"), d.one(rosterv1alpha1.OwnershipAgreed, rosterv1alpha1.OwnershipAgreed, rosterv1alpha1.OwnershipDeclined)
	var m rosterv1alpha1.Member
	if err := API.Get(ctx, client.ObjectKey{Namespace: d.Name, Name: name}, &m); err != nil {
		return ""
	}
	Patch(ctx, &m, func(m *rosterv1alpha1.Member) {
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, rosterv1alpha1.OwnershipAnnotation, says)
	})
	return fmt.Sprintf(", %s says %s", name, says)
}

func (d *drift) changePlan(ctx context.Context) string {
	var p rosterv1alpha1.Plan
	Expect(API.Get(ctx, client.ObjectKey{Name: d.plan}, &p)).To(Succeed())
	Patch(ctx, &p, func(p *rosterv1alpha1.Plan) {
		p.Spec.Features = nil
		for _, f := range d.some("CustomRoles", "CustomRoles", "Workspaces") {
			if !slices.Contains(p.Spec.Features, rosterv1alpha1.Feature(f)) {
				p.Spec.Features = append(p.Spec.Features, rosterv1alpha1.Feature(f))
			}
		}
		p.Spec.Seats, p.Spec.SocialProfiles = nil, nil
		if d.random.IntN(2) == 0 {
			p.Spec.Seats, p.Spec.SocialProfiles = ptr.To(int32(1+d.random.IntN(6))), ptr.To(int32(d.random.IntN(4)))
		}
	})
	return "changed the Plan"
}

func (d *drift) remove(ctx context.Context) string {
	o := map[int]client.Object{
		0: &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Name: d.one("t0", "t1")}},
		1: &rosterv1alpha1.Workspace{ObjectMeta: metav1.ObjectMeta{Name: d.one(driftWorkspaces...)}},
		2: &rosterv1alpha1.SocialProfile{ObjectMeta: metav1.ObjectMeta{Name: d.one(driftProfiles...)}},
		3: &rosterv1alpha1.CustomRole{ObjectMeta: metav1.ObjectMeta{Name: d.one("night", "lead")}},
		4: &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: d.one("m2", "m3")}},
	}[d.random.IntN(5)]
	o.SetNamespace(d.Name)
	Expect(client.IgnoreNotFound(API.Delete(ctx, o))).To(Succeed())
	return fmt.Sprintf("removed %T %s", o, o.GetName())
}

// everything is what the namespace holds.
type everything struct {
	organization rosterv1alpha1.Organization
	members      rosterv1alpha1.MemberList
	profiles     rosterv1alpha1.SocialProfileList
	teams        rosterv1alpha1.TeamList
	workspaces   rosterv1alpha1.WorkspaceList
	roles        rosterv1alpha1.CustomRoleList
	compiled     rbacv1.RoleList
	bindings     rbacv1.RoleBindingList
}

// differences are what people are bound to and should not be, or the other way round, and Roles and bindings that nobody needs.
func (d *drift) differences(ctx context.Context) []string {
	GinkgoHelper()
	var e everything
	Expect(API.Get(ctx, client.ObjectKey{Namespace: d.Name, Name: "acme"}, &e.organization)).To(Succeed())
	for _, list := range []client.ObjectList{&e.members, &e.profiles, &e.teams, &e.workspaces, &e.roles, &e.compiled, &e.bindings} {
		Expect(API.List(ctx, list, client.InNamespace(d.Name))).To(Succeed())
	}
	var plan rosterv1alpha1.Plan
	if d.plan != "" {
		Expect(API.Get(ctx, client.ObjectKey{Name: d.plan}, &plan)).To(Succeed())
	}
	if !equality.Semantic.DeepEqual(e.organization.Status.Plan.Features, plan.Spec.Features) ||
		!equality.Semantic.DeepEqual(e.organization.Status.Plan.Seats.Limit, plan.Spec.Seats) ||
		e.organization.Status.ObservedGeneration != e.organization.Generation {
		return []string{"the Organization does not know its plan yet"}
	}
	roles, bound := map[string][]rbacv1.PolicyRule{}, map[string][]rbacv1.PolicyRule{}
	for _, r := range e.compiled.Items {
		roles[r.Name] = r.Rules
	}
	var out []string
	used := map[string]bool{}
	for _, b := range e.bindings.Items {
		for _, subject := range b.Subjects {
			bound[subject.Name] = append(bound[subject.Name], roles[b.RoleRef.Name]...)
		}
		used[b.RoleRef.Name] = true
		if len(b.Subjects) == 0 || roles[b.RoleRef.Name] == nil {
			out = append(out, b.Name+" is left over")
		}
	}
	for name := range roles {
		if !used[name] {
			out = append(out, name+" is left over")
		}
	}
	all := membership.Snapshot{
		Organization: &e.organization, Profiles: pointers(e.profiles.Items), Teams: pointers(e.teams.Items),
		Workspaces: pointers(e.workspaces.Items), Roles: pointers(e.roles.Items),
	}
	sums := all.Sums()
	for i := range e.members.Items {
		m := &e.members.Items[i]
		out = append(out, e.differencesOf(m, sums.Sources(m), bound[m.Spec.Email])...)
		delete(bound, m.Spec.Email)
	}
	for name := range bound {
		out = append(out, name+" holds something")
	}
	return out
}

// differencesOf are what a Member has by their bindings and what they show, against what they should.
func (e *everything) differencesOf(m *rosterv1alpha1.Member, s access.Sources, has []rbacv1.PolicyRule) []string {
	own := access.Sources{Roles: s.Roles, Profiles: s.Profiles, Workspaces: map[string][]string{}}
	for name := range s.Workspaces {
		own.Workspaces[name] = nil
	}
	in := membership.MemberInput{Member: m, Organization: &e.organization, Sources: own}
	for _, t := range s.Teams {
		in.Teams = append(in.Teams, t.Team)
	}
	decided := membership.DecideMember(in, Now.Now())
	var want []rbacv1.PolicyRule
	if decided.Holds {
		want = access.Compile(s, "acme")
	}
	var out []string
	if a, b := inOrder(has), inOrder(want); !slices.Equal(a, b) {
		out = append(out, fmt.Sprintf("%s: has %v, should have %v", m.Name, a, b))
	}
	is, should := m.Status, decided.Status
	if decided.Holds && !equality.Semantic.DeepEqual([]any{is.Profiles, is.Teams, is.Workspaces}, []any{should.Profiles, should.Teams, should.Workspaces}) {
		out = append(out, fmt.Sprintf("%s: shows %v, should show %v", m.Name, is, should))
	}
	return out
}

// inOrder are rules in an order of their own, each once: of two equal ones from two sources, one is enough.
func inOrder(rules []rbacv1.PolicyRule) []string {
	var all []string
	for _, r := range rules {
		all = append(all, r.String())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func pointers[T any](items []T) []*T {
	out := make([]*T, len(items))
	for i := range items {
		out[i] = &items[i]
	}
	return out
}
