// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/controller"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

const (
	consolePeople = "roster-console-people"
	consoleWrites = "/clusterroles/" + consolePeople
)

// installConsole brings the console, and has the operator look for it without waiting for its clock.
func installConsole(ctx context.Context) {
	GinkgoHelper()
	Expect(Cluster.InstallConsole(ctx)).To(Succeed())
	lookForConsole(ctx)
}

// removeConsole takes it away, and waits until the operator has noticed.
func removeConsole(ctx context.Context, s space) {
	GinkgoHelper()
	Expect(Cluster.RemoveConsole(ctx)).To(Succeed())
	lookForConsole(ctx)
	s.isUnbound(ctx)
}

func (s space) isUnbound(ctx context.Context) {
	GinkgoHelper()
	Eventually(func() error { _, err := s.consoleBinding(ctx); return err }).Should(MatchError(apierrors.IsNotFound, "not found"))
}

// lookForConsole has the minute pass after which the operator looks again, and something happen for which it looks.
func lookForConsole(ctx context.Context) {
	GinkgoHelper()
	pass(time.Minute + time.Second)
	newSpace(ctx)
}

// listed are the people that the portal may act as.
func listed(ctx context.Context) []string {
	GinkgoHelper()
	list := &rbacv1.ClusterRole{}
	Expect(API.Get(ctx, client.ObjectKey{Name: consolePeople}, list)).To(Succeed())
	var names []string
	for _, rule := range list.Rules {
		names = append(names, rule.ResourceNames...)
	}
	return names
}

func (s space) consoleBinding(ctx context.Context) (*rbacv1.RoleBinding, error) {
	b := &rbacv1.RoleBinding{}
	return b, API.Get(ctx, s.Key(access.ConsoleBinding), b)
}

var _ = Describe("The console", Ordered, func() {
	isBound := func(ctx context.Context, s space) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			b, err := s.consoleBinding(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(b.RoleRef).To(Equal(rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-console"}))
			g.Expect(b.Subjects).To(Equal([]rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "roster-system", Name: "roster-portal"}}))
		}).Should(Succeed())
	}
	manages := func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager }

	It("is nothing where it is not installed", func(ctx SpecContext) {
		Writes.Reset()
		s := newSpace(ctx)
		s.Join(ctx, "ben", manages)
		lookForConsole(ctx)
		Consistently(func() error { _, err := s.consoleBinding(ctx); return err }).Should(MatchError(apierrors.IsNotFound, "not found"))
		Expect(Writes.Of(consoleWrites)).To(BeZero())
	})

	Describe("that is installed", Ordered, func() {
		var s space
		BeforeAll(func(ctx SpecContext) {
			s = newSpace(ctx)
			s.Join(ctx, "before", manages)
			installConsole(ctx)
			DeferCleanup(func(ctx SpecContext) {
				removeConsole(ctx, s)
			})
		})

		It("lists who was there before, and binds the portal", func(ctx SpecContext) {
			Eventually(func() []string { return listed(ctx) }).Should(ContainElement(s.Address("before")))
			isBound(ctx, s)
		})

		It("lists those who look after an organisation, and nobody else", func(ctx SpecContext) {
			o := newSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "olivia"} })
			for name, permission := range map[string]rosterv1alpha1.RolePermission{
				"sees": rosterv1alpha1.PermissionViewTeam, "teams": rosterv1alpha1.PermissionManageTeams, "roles": rosterv1alpha1.PermissionManageRoles,
				"settings": rosterv1alpha1.PermissionManageSettings, "buys": rosterv1alpha1.PermissionBuyAddOns,
			} {
				permissions := []rosterv1alpha1.RolePermission{permission}
				if permission != rosterv1alpha1.PermissionBuyAddOns && permission != rosterv1alpha1.PermissionViewTeam {
					permissions = append(permissions, rosterv1alpha1.PermissionViewTeam)
				}
				o.role(ctx, name, rosterv1alpha1.ScopeOrganization, permissions...)
				o.Join(ctx, name, func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.OrganizationRole(name) })
			}
			o.Join(ctx, "olivia") // the owner, whose spec says Member
			o.Join(ctx, "carla", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleCoOwner })
			o.Join(ctx, "ben", manages)
			o.Join(ctx, "ana")
			o.Join(ctx, "adam", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleAdvancedMember })
			o.Declare(ctx, "pia", manages) // has not joined
			Eventually(func() []string { return listed(ctx) }).Should(ContainElements(o.Address("olivia"), o.Address("carla"), o.Address("ben"),
				o.Address("sees"), o.Address("teams"), o.Address("roles"), o.Address("settings")))
			for _, name := range []string{"ana", "adam", "pia", "buys"} {
				Expect(listed(ctx)).NotTo(ContainElement(o.Address(name)), name)
			}
		})

		It("goes by the CustomRoles of each organisation", func(ctx SpecContext) {
			sees, buys := newSpace(ctx), newSpace(ctx)
			sees.role(ctx, "clerk", rosterv1alpha1.ScopeOrganization, rosterv1alpha1.PermissionViewTeam)
			buys.role(ctx, "clerk", rosterv1alpha1.ScopeOrganization, rosterv1alpha1.PermissionBuyAddOns)
			clerk := func(m *rosterv1alpha1.Member) { m.Spec.Role = "clerk" }
			buys.Join(ctx, "cleo", clerk)
			sees.Join(ctx, "cleo", clerk)
			Eventually(func() []string { return listed(ctx) }).Should(ContainElement(sees.Address("cleo")))
			Expect(listed(ctx)).NotTo(ContainElement(buys.Address("cleo")))
		})

		DescribeTable("lists nobody any more who", func(ctx SpecContext, change func(ctx context.Context, s space)) {
			o := newSpace(ctx)
			o.role(ctx, "lead", rosterv1alpha1.ScopeOrganization, rosterv1alpha1.PermissionViewTeam)
			o.Join(ctx, "lena", func(m *rosterv1alpha1.Member) { m.Spec.Role = "lead" })
			Eventually(func() []string { return listed(ctx) }).Should(ContainElement(o.Address("lena")))
			change(ctx, o)
			Eventually(func() []string { return listed(ctx) }).ShouldNot(ContainElement(o.Address("lena")))
			Expect(listed(ctx)).To(ContainElement(s.Address("before")), "the others stay")
		},
			Entry("is suspended", func(ctx context.Context, s space) {
				Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "lena"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
			}),
			Entry("is removed", func(ctx context.Context, s space) {
				Expect(API.Delete(ctx, Get[rosterv1alpha1.Member](ctx, s, "lena"))).To(Succeed())
			}),
			Entry("has a weaker role", func(ctx context.Context, s space) {
				Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "lena"), func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleMember })
			}),
			Entry("has a role that was made weaker", func(ctx context.Context, s space) {
				Patch(ctx, Get[rosterv1alpha1.CustomRole](ctx, s, "lead"), func(r *rosterv1alpha1.CustomRole) {
					r.Spec.Permissions = []rosterv1alpha1.RolePermission{rosterv1alpha1.PermissionBuyAddOns}
				})
			}),
			Entry("has a membership that ended", func(ctx context.Context, s space) {
				Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "lena"), func(m *rosterv1alpha1.Member) {
					m.Spec.EndTime = ptr.To(metav1.NewTime(Now.Now().Add(time.Hour)))
				})
				pass(2 * time.Hour)
				Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "lena"), func(m *rosterv1alpha1.Member) {
					metav1.SetMetaDataAnnotation(&m.ObjectMeta, "nudge", "1") // as the timer would
				})
			}),
			Entry("has no organisation any more", func(ctx context.Context, s space) {
				Expect(API.Delete(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"))).To(Succeed())
				s.isUnbound(ctx)
			}),
		)

		It("writes nothing where nothing changes for it, and many changes at once by few writes", func(ctx SpecContext) {
			o := newSpace(ctx)
			isBound(ctx, o)
			o.Join(ctx, "first", manages)
			Eventually(func() []string { return listed(ctx) }).Should(ContainElement(o.Address("first")))
			Writes.Reset()
			o.people(ctx, "m1", "m2", "m3")
			Patch(ctx, Get[rosterv1alpha1.Member](ctx, o, "first"), func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = "First" })
			Consistently(func() int { return Writes.Of(consoleWrites) }).Should(BeZero())
			names := []string{"n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"}
			for _, name := range names {
				o.Declare(ctx, name, func(m *rosterv1alpha1.Member) {
					m.Spec.Role, m.Spec.AccountRef = rosterv1alpha1.RoleManager, AccountOf(m.Spec.Email)
				})
			}
			for _, name := range names {
				Eventually(func() []string { return listed(ctx) }).Should(ContainElement(o.Address(name)))
			}
			Expect(Writes.Of(consoleWrites)).To(BeNumerically("<=", len(names)))
			Expect(Writes.Of(access.ConsoleBinding)).To(BeZero(), "the binding is as it should be")
		})

		It("puts right what somebody changed", func(ctx SpecContext) {
			b, err := s.consoleBinding(ctx)
			Expect(err).NotTo(HaveOccurred())
			Expect(API.Delete(ctx, b)).To(Succeed())
			isBound(ctx, s)
			list := &rbacv1.ClusterRole{}
			Expect(API.Get(ctx, client.ObjectKey{Name: consolePeople}, list)).To(Succeed())
			list.Rules = nil
			Expect(API.Update(ctx, list)).To(Succeed())
			lookForConsole(ctx)
			Eventually(func() []string { return listed(ctx) }).Should(ContainElement(s.Address("before")))
		})

		It("tells in an event, a metric and the Organization what Kubernetes refuses", func(ctx SpecContext) {
			before := Refused("RoleBinding")
			e := emptySpace(ctx)
			e.forbid(ctx, rbacv1.GroupName, "rolebindings")
			inForce(ctx, func(ctx context.Context) error {
				return API.Create(ctx, &rbacv1.RoleBinding{
					ObjectMeta: metav1.ObjectMeta{Namespace: e.Name, Name: "try"},
					RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "try"},
				})
			})
			Expect(API.Create(ctx, &rosterv1alpha1.Organization{
				ObjectMeta: metav1.ObjectMeta{Namespace: e.Name, Name: "acme"}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Acme"},
			})).To(Succeed())
			Eventually(func() []string { return EventsOn(ctx, e, "acme") }).Should(ContainElement(rosterv1alpha1.ReasonWriteRefused))
			Expect(Refused("RoleBinding")).To(BeNumerically(">", before))
		})
	})

	It("tells whom the list has no room for, once", func(ctx SpecContext) {
		Expect(Cluster.InstallConsole(ctx)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(Cluster.RemoveConsole(ctx)).To(Succeed()) })
		told := events.NewFakeRecorder(9)
		keep := controller.ConsoleList(API, told, 40)
		people := []string{"ana@acme.example", "ben@acme.example", "carla@acme.example"} // 16, 16 and 18 bytes
		Expect(keep(ctx, people)).To(Succeed())
		Expect(listed(ctx)).To(Equal(people[:2]))
		Expect(told.Events).To(Receive(And(ContainSubstring("Warning TooManyPeople 3 people look after an organisation"), ContainSubstring("those from carla@acme.example on"))))
		Expect(keep(ctx, people)).To(Succeed())
		Expect(told.Events).NotTo(Receive(), "nothing is new")
		Expect(keep(ctx, people[1:])).To(Succeed())
		Expect(listed(ctx)).To(Equal(people[1:]), "there is room again")
		Expect(keep(ctx, nil)).To(Succeed())
		Expect(listed(ctx)).To(BeEmpty())
	})

	It("tells in an event and a metric that Kubernetes refuses the list, and writes it once it may", func(ctx SpecContext) {
		installConsole(ctx)
		s, before := newSpace(ctx), Refused("ClusterRole")
		DeferCleanup(func(ctx SpecContext) { removeConsole(ctx, s) })
		isBound(ctx, s)
		rights := &rbacv1.ClusterRole{} // of the manager: without this one it may still read and write, but not hand on
		Expect(API.Get(ctx, client.ObjectKey{Name: "roster-console-manager"}, rights)).To(Succeed())
		all := rights.Rules
		rights.Rules = slices.DeleteFunc(slices.Clone(all), func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Verbs, "impersonate:user-info") })
		Expect(API.Update(ctx, rights)).To(Succeed())
		asManager := speaking(ctx, "roster-manager", rest.ImpersonationConfig{})
		list := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: consolePeople}}
		Eventually(func() error {
			return asManager.Patch(ctx, list.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"rules":[{"apiGroups":["authentication.k8s.io"],`+
				`"resources":["users"],"resourceNames":["x@acme.example"],"verbs":["impersonate:user-info"]}]}`)), client.DryRunAll)
		}).Should(MatchError(ContainSubstring("attempting to grant RBAC permissions not currently held")))

		s.Join(ctx, "ben", manages)
		Eventually(func() []string { return EventsOn(ctx, Space{Name: metav1.NamespaceDefault}, consolePeople) }).Should(ContainElement(rosterv1alpha1.ReasonWriteRefused))
		Expect(Refused("ClusterRole")).To(BeNumerically(">", before))
		rights.Rules = all
		Expect(API.Update(ctx, rights)).To(Succeed())
		lookForConsole(ctx)
		Eventually(func() []string { return listed(ctx) }).Should(ContainElement(s.Address("ben")))
	})

	It("that was removed and came back before anybody looked is bound to all", func(ctx SpecContext) {
		s := newSpace(ctx)
		installConsole(ctx)
		isBound(ctx, s)
		Expect(Cluster.RemoveConsole(ctx)).To(Succeed())
		late := newSpace(ctx)
		late.Join(ctx, "ben", manages)
		DeferCleanup(func(ctx SpecContext) { removeConsole(ctx, late) })
		installConsole(ctx)
		isBound(ctx, late)
		Eventually(func() []string { return listed(ctx) }).Should(ContainElement(late.Address("ben")))
	})

	It("that was removed leaves no binding behind, and nothing that is refused", func(ctx SpecContext) {
		s := newSpace(ctx)
		installConsole(ctx)
		isBound(ctx, s)
		Expect(Cluster.RemoveConsole(ctx)).To(Succeed())
		late := newSpace(ctx) // before the operator notices
		late.Join(ctx, "ben", manages)
		Consistently(func() []string { return EventsOn(ctx, late, "acme") }).ShouldNot(ContainElement(rosterv1alpha1.ReasonWriteRefused))
		lookForConsole(ctx)
		s.isUnbound(ctx)
		late.isUnbound(ctx)
	})
})
