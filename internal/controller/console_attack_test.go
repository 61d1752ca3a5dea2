// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
	"github.com/roster-dev/roster/internal/testenv"
)

// speaking is a client of a ServiceAccount with a token of its own, which speaks for somebody else; for itself without a name.
func speaking(ctx context.Context, serviceAccount string, who rest.ImpersonationConfig) client.WithWatch {
	GinkgoHelper()
	config, err := Cluster.SignedIn(ctx, serviceAccount)
	Expect(err).NotTo(HaveOccurred())
	config.Impersonate = who
	c, err := client.NewWithWatch(config, client.Options{Scheme: testenv.NewScheme(), Mapper: API.RESTMapper()})
	Expect(err).NotTo(HaveOccurred())
	return c
}

// as is the portal that speaks for a person.
func as(ctx context.Context, name string) client.WithWatch {
	GinkgoHelper()
	return speaking(ctx, "roster-portal", rest.ImpersonationConfig{UserName: name})
}

// expectNot wants a request to have been refused before it came to anybody's rights: nobody may be acted as for it.
func expectNot(err error) {
	GinkgoHelper()
	Expect(err).To(MatchError(apierrors.IsForbidden, "forbidden"))
	Expect(err).To(MatchError(ContainSubstring("cannot impersonate")))
}

// edit reads and writes an object until nobody else has written it meanwhile.
func edit(ctx context.Context, c client.Client, o client.Object, change func()) {
	GinkgoHelper()
	Eventually(func() error {
		if err := c.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return StopTrying("read").Wrap(err)
		}
		change()
		err := c.Update(ctx, o)
		if err != nil && !apierrors.IsConflict(err) {
			return StopTrying("write").Wrap(err)
		}
		return err
	}).Should(Succeed())
}

// attacked is an organisation at whose console somebody tries things.
type attacked struct{ space }

func attackedSpace(ctx context.Context) attacked {
	GinkgoHelper()
	s := newSpace(ctx, func(o *rosterv1alpha1.Organization) { o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "olivia"} })
	s.Join(ctx, "olivia")
	s.Join(ctx, "ben", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
	s.Join(ctx, "ana")
	Eventually(func() []string { return listed(ctx) }).Should(ContainElements(s.Address("ben"), s.Address("olivia")))
	c := as(ctx, s.Address("ben"))
	Eventually(func() error { return c.List(ctx, &rosterv1alpha1.MemberList{}, client.InNamespace(s.Name)) }).Should(Succeed(),
		"the API server takes up the list")
	return attacked{s}
}

func (s attacked) invitation(name string, role rosterv1alpha1.OrganizationRole) *rosterv1alpha1.Invitation {
	return &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name},
		Spec:       rosterv1alpha1.InvitationSpec{Email: s.Address(name), Role: role},
	}
}

var _ = Describe("The portal", Ordered, func() {
	var (
		s   attacked
		ben client.WithWatch
	)
	BeforeAll(func(ctx SpecContext) {
		if serves, err := testenv.ServesConsole(Cluster.Config); err != nil || !serves {
			Skip(fmt.Sprint("this API server cannot act for people: it is older than Kubernetes 1.36 ", err))
		}
		installConsole(ctx)
		s = attackedSpace(ctx)
		DeferCleanup(func(ctx SpecContext) { removeConsole(ctx, s.space) })
		ben = as(ctx, s.Address("ben"))
	})

	It("acts as a Manager, by whose name and rights all is judged", func(ctx SpecContext) {
		inv := s.invitation("zoe", rosterv1alpha1.RoleMember)
		Expect(ben.Create(ctx, inv)).To(Succeed())
		Expect(inv.Spec.InvitedBy).To(Equal(s.Address("ben")), "the API server fills in the person")
		edit(ctx, ben, inv, func() { inv.Spec.Message = "Welcome" })
		before := inv.DeepCopy()
		inv.Spec.Revoked = ptr.To(true)
		Expect(ben.Patch(ctx, inv, client.MergeFrom(before))).To(Succeed())
		Expect(ben.Delete(ctx, inv)).To(Succeed())

		for _, list := range []client.ObjectList{
			&rosterv1alpha1.MemberList{}, &rosterv1alpha1.InvitationList{}, &rosterv1alpha1.TeamList{}, &rosterv1alpha1.WorkspaceList{},
			&rosterv1alpha1.CustomRoleList{}, &rosterv1alpha1.SocialProfileList{},
		} {
			Expect(ben.List(ctx, list, client.InNamespace(s.Name))).To(Succeed(), "%T", list)
		}
		team := &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "night"}, Spec: rosterv1alpha1.TeamSpec{Role: "Guest"}}
		Expect(ben.Create(ctx, team)).To(Succeed())
		Expect(ben.Delete(ctx, team)).To(Succeed())
		o := Get[rosterv1alpha1.Organization](ctx, s, "acme")
		edit(ctx, ben, o, func() { o.Spec.DisplayName = "Acme & Co." })
	})

	It("cannot give what the person may not give, nor do what the person may not do", func(ctx SpecContext) {
		Expect(ben.Create(ctx, s.invitation("zed", rosterv1alpha1.RoleCoOwner))).To(MatchError(
			ContainSubstring("denied request: " + s.Address("ben") + " may not give the role CoOwner")))
		inv := s.invitation("zed", rosterv1alpha1.RoleMember)
		inv.Spec.InvitedBy = s.Address("olivia")
		Expect(ben.Create(ctx, inv)).To(MatchError(ContainSubstring("denied request")), "in somebody else's name")
		viewer := s.role(ctx, "viewer", rosterv1alpha1.ScopeOrganization, rosterv1alpha1.PermissionViewTeam)
		s.Join(ctx, "vera", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.OrganizationRole(viewer.Name) })
		vera := as(ctx, s.Address("vera"))
		Eventually(func() error { return vera.List(ctx, &rosterv1alpha1.MemberList{}, client.InNamespace(s.Name)) }).Should(Succeed())
		err := vera.Create(ctx, s.invitation("zed", rosterv1alpha1.RoleMember))
		Expect(err).To(MatchError(apierrors.IsForbidden, "forbidden"))
		Expect(err).To(MatchError(And(ContainSubstring(`User "`+s.Address("vera")+`" cannot create resource "invitations"`),
			Not(ContainSubstring("impersonate")))))
	})

	DescribeTable("cannot act as", func(ctx SpecContext, who func(s attacked) rest.ImpersonationConfig) {
		c := speaking(ctx, "roster-portal", who(s))
		expectNot(c.List(ctx, &rosterv1alpha1.MemberList{}, client.InNamespace(s.Name)))
		expectNot(c.Create(ctx, s.invitation("zed", rosterv1alpha1.RoleMember)))
	},
		Entry("a member who looks after nothing", func(s attacked) rest.ImpersonationConfig {
			return rest.ImpersonationConfig{UserName: s.Address("ana")}
		}),
		Entry("somebody else", func(attacked) rest.ImpersonationConfig { return rest.ImpersonationConfig{UserName: "eve@evil.example"} }),
		Entry("an administrator", func(attacked) rest.ImpersonationConfig { return rest.ImpersonationConfig{UserName: "kubernetes-admin"} }),
		Entry("a user of Kubernetes", func(attacked) rest.ImpersonationConfig { return rest.ImpersonationConfig{UserName: "system:admin"} }),
		Entry("the manager", func(attacked) rest.ImpersonationConfig {
			return rest.ImpersonationConfig{UserName: "system:serviceaccount:roster-system:roster-manager"}
		}),
		Entry("a node", func(attacked) rest.ImpersonationConfig { return rest.ImpersonationConfig{UserName: "system:node:one"} }),
		Entry("a person in a group", func(s attacked) rest.ImpersonationConfig {
			return rest.ImpersonationConfig{UserName: s.Address("ben"), Groups: []string{"platform"}}
		}),
		Entry("a person among the masters", func(s attacked) rest.ImpersonationConfig {
			return rest.ImpersonationConfig{UserName: s.Address("ben"), Groups: []string{"system:masters"}}
		}),
		Entry("a person in the group of all", func(s attacked) rest.ImpersonationConfig {
			return rest.ImpersonationConfig{UserName: s.Address("ben"), Groups: []string{"system:authenticated"}}
		}),
		Entry("a person of a UID", func(s attacked) rest.ImpersonationConfig {
			return rest.ImpersonationConfig{UserName: s.Address("ben"), UID: "1"}
		}),
		Entry("a person with more about them", func(s attacked) rest.ImpersonationConfig {
			return rest.ImpersonationConfig{UserName: s.Address("ben"), Extra: map[string][]string{"example.com/scopes": {"all"}}}
		}),
	)

	It("acts as nobody any more who was suspended", func(ctx SpecContext) {
		s.Join(ctx, "sue", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
		sue := as(ctx, s.Address("sue"))
		Eventually(func() error { return sue.List(ctx, &rosterv1alpha1.MemberList{}, client.InNamespace(s.Name)) }).Should(Succeed())
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "sue"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		s.MemberIs(ctx, "sue", rosterv1alpha1.MemberSuspended)
		Eventually(func() error { return sue.List(ctx, &rosterv1alpha1.MemberList{}, client.InNamespace(s.Name)) }).Should(
			MatchError(apierrors.IsForbidden, "forbidden"), "what the person may do goes at once")
		Eventually(func() []string { return listed(ctx) }).ShouldNot(ContainElement(s.Address("sue")))
		// A kind that was not asked for before is not in the API server's memory of whom it let through.
		Eventually(func() error { return sue.List(ctx, &rosterv1alpha1.TeamList{}, client.InNamespace(s.Name)) }).Should(
			MatchError(ContainSubstring("cannot impersonate")))
	})

	It("can do nothing else in the name of anybody, whatever they may do themselves", func(ctx SpecContext) {
		// ben is also an administrator of the cluster.
		Expect(API.Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "admin-" + s.Name}, Subjects: []rbacv1.Subject{
				{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: s.Address("ben")},
			},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		})).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			Expect(API.Delete(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "admin-" + s.Name}})).To(Succeed())
		})
		here, there := metav1.ObjectMeta{Namespace: s.Name, Name: "x"}, emptySpace(ctx)
		Expect(ben.Create(ctx, s.invitation("yes", rosterv1alpha1.RoleCoOwner))).To(Succeed(), "here it is ben who counts")
		for what, o := range map[string]client.Object{
			"a Secret": &corev1.Secret{ObjectMeta: here}, "a ConfigMap": &corev1.ConfigMap{ObjectMeta: here}, "a Role": &rbacv1.Role{ObjectMeta: here},
			"a Pod": &corev1.Pod{ObjectMeta: here}, "a Namespace": &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "x"}},
			"an Account":                        &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Namespace: rosterv1alpha1.AccountNamespace, Name: "x"}},
			"a Plan":                            &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "x"}},
			"a Member where no organisation is": &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: there.Name, Name: "x"}},
		} {
			By(what)
			expectNot(ben.Create(ctx, o))
			expectNot(ben.Get(ctx, client.ObjectKey{Namespace: o.GetNamespace(), Name: "x"}, o.DeepCopyObject().(client.Object)))
		}
		expectNot(ben.Get(ctx, client.ObjectKey{Namespace: "roster-system", Name: "roster-link-keys"}, &corev1.Secret{}))
		expectNot(ben.List(ctx, &rosterv1alpha1.MemberList{})) // everywhere
		expectNot(ben.Create(ctx, &rosterv1alpha1.Organization{ObjectMeta: here}))
		expectNot(ben.Create(ctx, &rosterv1alpha1.SocialProfile{ObjectMeta: here}))
		expectNot(ben.DeleteAllOf(ctx, &rosterv1alpha1.Member{}, client.InNamespace(s.Name)))
		expectNot(ben.Delete(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme")))
		_, err := ben.Watch(ctx, &rosterv1alpha1.MemberList{}, client.InNamespace(s.Name))
		expectNot(err)
		m := Get[rosterv1alpha1.Member](ctx, s, "ana")
		expectNot(ben.Status().Update(ctx, m))
		expectNot(ben.Status().Patch(ctx, m, client.RawPatch("application/merge-patch+json", []byte(`{"status":{"state":"Active"}}`))))
	})

	It("writes nothing in its own name", func(ctx SpecContext) {
		itself := speaking(ctx, "roster-portal", rest.ImpersonationConfig{})
		Expect(itself.Create(ctx, s.invitation("zed", rosterv1alpha1.RoleMember))).To(MatchError(apierrors.IsForbidden, "forbidden"))
		m := Get[rosterv1alpha1.Member](ctx, s, "ana")
		m.Spec.DisplayName = "Ana"
		Expect(itself.Update(ctx, m)).To(MatchError(apierrors.IsForbidden, "forbidden"))
		Expect(itself.Delete(ctx, m)).To(MatchError(apierrors.IsForbidden, "forbidden"))
	})

	It("is alone with that: the manager, who keeps the list, can act as nobody", func(ctx SpecContext) {
		manager := speaking(ctx, "roster-manager", rest.ImpersonationConfig{UserName: s.Address("ben")})
		expectNot(manager.List(ctx, &rosterv1alpha1.MemberList{}, client.InNamespace(s.Name)))
		expectNot(manager.Create(ctx, s.invitation("zed", rosterv1alpha1.RoleMember)))
		own := speaking(ctx, "roster-manager", rest.ImpersonationConfig{})
		for name, subject := range map[string]rbacv1.Subject{
			"roster:console": {Kind: rbacv1.ServiceAccountKind, Namespace: "roster-system", Name: "roster-manager"},
			"roster:mine":    {Kind: rbacv1.ServiceAccountKind, Namespace: "roster-system", Name: "roster-portal"},
		} {
			b := &rbacv1.RoleBinding{
				ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name, Labels: map[string]string{"app.kubernetes.io/managed-by": "roster"}},
				RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-console"}, Subjects: []rbacv1.Subject{subject},
			}
			Expect(client.IgnoreNotFound(API.Delete(ctx, b.DeepCopy()))).To(Succeed())
			Expect(own.Create(ctx, b, client.DryRunAll)).To(MatchError(ContainSubstring("denied request")), name)
		}
	})
})

var _ = Describe("The portal without the console", func() {
	It("acts as nobody", func(ctx SpecContext) {
		s := attacked{newSpace(ctx)}
		s.Join(ctx, "ben", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
		ben := as(ctx, s.Address("ben"))
		expectNot(ben.List(ctx, &rosterv1alpha1.MemberList{}, client.InNamespace(s.Name)))
		expectNot(ben.Create(ctx, s.invitation("zed", rosterv1alpha1.RoleMember)))
	})
})
