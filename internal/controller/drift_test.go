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
	"github.com/roster-dev/roster/internal/controller"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/membership"
)

// What a Member holds depends on seven kinds of objects. A change that no watch leads to the Members that it concerns would leave them with
// rights that they should not have. So: change anything at random, and compare every Role with one that is compiled from lists of
// everything, without an index or a watch.
var _ = Describe("Whatever changes", func() {
	It("reaches everybody whom it concerns", func(ctx SpecContext) {
		seed := uint64(GinkgoRandomSeed())
		random := rand.New(rand.NewPCG(seed, 1))
		plan := &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("drift-%d", GinkgoParallelProcess())}}
		plan.Spec.Contact = "sales@roster.example"
		Expect(API.Create(ctx, plan)).To(Succeed())
		d := &drift{space: newSpace(ctx, func(o *rosterv1alpha1.Organization) {
			o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "m0"}
			o.Spec.PlanRef = &rosterv1alpha1.LocalReference{Name: plan.Name}
		}), random: random, plan: plan.Name}
		for i := range 5 {
			name := fmt.Sprintf("m%d", i)
			d.Declare(ctx, name, func(m *rosterv1alpha1.Member) { m.Spec.AccountRef = AccountOf(d.Address(name)) })
		}
		for step := range 60 {
			var did []string
			for range 1 + random.IntN(2) {
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
}

// differences are the Members whose Role is not what is compiled from everything.
func (d *drift) differences(ctx context.Context) []string {
	GinkgoHelper()
	var e everything
	Expect(API.Get(ctx, client.ObjectKey{Namespace: d.Name, Name: "acme"}, &e.organization)).To(Succeed())
	for _, list := range []client.ObjectList{&e.members, &e.profiles, &e.teams, &e.workspaces, &e.roles, &e.compiled} {
		Expect(API.List(ctx, list, client.InNamespace(d.Name))).To(Succeed())
	}
	var plan rosterv1alpha1.Plan
	Expect(API.Get(ctx, client.ObjectKey{Name: d.plan}, &plan)).To(Succeed())
	if !equality.Semantic.DeepEqual(e.organization.Status.Plan.Features, plan.Spec.Features) ||
		!equality.Semantic.DeepEqual(e.organization.Status.Plan.Seats.Limit, plan.Spec.Seats) ||
		e.organization.Status.ObservedGeneration != e.organization.Generation {
		return []string{"the Organization does not know its plan yet"}
	}
	found := map[string][]rbacv1.PolicyRule{}
	for _, r := range e.compiled.Items {
		found[r.Name] = r.Rules
	}
	var out []string
	for i := range e.members.Items {
		m := &e.members.Items[i]
		decided := membership.DecideMember(membership.MemberInput{Member: m, Organization: &e.organization, Sources: e.sources(m)}, Now.Now())
		var want []rbacv1.PolicyRule
		if decided.Holds != nil {
			want = access.Compile(*decided.Holds, "acme", m.Name)
		}
		if !equality.Semantic.DeepEqual(found[controller.GrantName(m.Name)], want) {
			out = append(out, fmt.Sprintf("%s: has %v, should have %v", m.Name, found[controller.GrantName(m.Name)], want))
		}
		if decided.Holds != nil && !equality.Semantic.DeepEqual(m.Status.Grants, decided.Status.Grants) {
			out = append(out, fmt.Sprintf("%s: shows %v, should show %v", m.Name, m.Status.Grants, decided.Status.Grants))
		}
		delete(found, controller.GrantName(m.Name))
	}
	for name := range found {
		out = append(out, name+" is left over")
	}
	return out
}

func (e *everything) sources(m *rosterv1alpha1.Member) access.Sources {
	s := access.Sources{
		Roles: access.Roles{}, Profiles: map[string]access.Standing{}, Workspaces: map[string][]string{}, Teamless: map[string]bool{},
	}
	for _, r := range e.roles.Items {
		s.Roles[r.Name] = r.Spec
	}
	in := func(names []string, selector *metav1.LabelSelector) []string {
		g, err := membership.NewGroup(names, selector)
		Expect(err).NotTo(HaveOccurred())
		var found []string
		for i := range e.profiles.Items {
			if g.Has(&e.profiles.Items[i]) {
				found = append(found, e.profiles.Items[i].Name)
			}
		}
		return found
	}
	for _, w := range e.workspaces.Items {
		s.Workspaces[w.Name] = in(w.Spec.Profiles, w.Spec.ProfileSelector)
	}
	for i := range e.profiles.Items {
		p := &e.profiles.Items[i]
		s.Profiles[p.Name] = membership.Standing(&e.organization, p)
		s.Teamless[p.Name] = membership.RequiresTeam(&e.organization)
		if p.Spec.ConnectedBy == m.Spec.Email {
			s.Connected = append(s.Connected, p.Name)
		}
	}
	for _, t := range e.teams.Items {
		profiles := in(t.Spec.Profiles, t.Spec.ProfileSelector)
		for _, p := range profiles {
			delete(s.Teamless, p)
		}
		if slices.Contains(t.Spec.Members, m.Name) {
			s.Teams = append(s.Teams, access.Assignment{Team: t.Name, Role: t.Spec.Role, Profiles: profiles})
		}
	}
	return s
}
