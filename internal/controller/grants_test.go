// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// people are active Members, as they are declared.
func (s space) people(ctx context.Context, names ...string) {
	GinkgoHelper()
	for _, name := range names {
		s.Declare(ctx, name, func(m *rosterv1alpha1.Member) { m.Spec.AccountRef = AccountOf(m.Spec.Email) })
	}
	for _, name := range names {
		s.MemberIs(ctx, name, rosterv1alpha1.MemberActive)
	}
}

var _ = Describe("What a Team gives", func() {
	const many = 30
	var (
		s     space
		names []string
		t     *rosterv1alpha1.Team
	)
	writers := access.Source{Kind: access.FromTeam, Name: "writers"}.RoleName()
	BeforeEach(func(ctx SpecContext) {
		s, names = newSpace(ctx), nil
		for i := range many {
			names = append(names, fmt.Sprintf("m%d", i))
		}
		s.people(ctx, names...)
		s.Profile(ctx, "acme-fb")
		t = s.team(ctx, "writers", rosterv1alpha1.TeamSpec{Members: names, Profiles: []string{"acme-fb"}, Role: editor})
		s.holds(ctx, names[many-1], "acme-fb", editorMay...)
		Eventually(func() *int32 { return Get[rosterv1alpha1.Team](ctx, s, "writers").Status.Members }).Should(HaveValue(BeEquivalentTo(many)))
		for _, name := range names {
			Eventually(func() []string { return Get[rosterv1alpha1.Member](ctx, s, name).Status.Teams }).Should(Equal([]string{"writers"}), "of %s", name)
		}
		Writes.Reset()
	})

	It("is changed for all its members by one write", func(ctx SpecContext) {
		Patch(ctx, t, func(t *rosterv1alpha1.Team) { t.Spec.Role = rosterv1alpha1.ProfileGuest })
		for _, name := range names {
			s.holds(ctx, name, "acme-fb", guestMay...)
		}
		Expect(Writes.Of(s.Name + "/roles")).To(Equal(1))
		Expect(Writes.Of(s.Name + "/rolebindings")).To(BeZero())
		Expect(Writes.Of(s.Name + "/members")).To(BeZero())
	})

	It("is taken from one who leaves, and given to one who comes, by one write to a binding", func(ctx SpecContext) {
		Patch(ctx, t, func(t *rosterv1alpha1.Team) { t.Spec.Members = names[1:] })
		s.holds(ctx, names[0], "acme-fb")
		Expect(Writes.Of(s.Name + "/rolebindings")).To(Equal(1))
		Patch(ctx, t, func(t *rosterv1alpha1.Team) { t.Spec.Members = names })
		s.holds(ctx, names[0], "acme-fb", editorMay...)
		Expect(Writes.Of(s.Name + "/rolebindings")).To(Equal(2))
		Expect(Writes.Of(s.Name + "/roles")).To(BeZero())
	})

	It("is bound once for many, and shows whom it is bound to", func(ctx SpecContext) {
		b := Get[rbacv1.RoleBinding](ctx, s, writers+":0")
		Expect(b.Subjects).To(HaveLen(many))
		Expect(b.OwnerReferences).To(ConsistOf(And(HaveField("Kind", "Team"), HaveField("Name", "writers"))), "it goes with the Team")
		By("somebody who puts a group and another Role's binding there")
		Patch(ctx, b, func(b *rbacv1.RoleBinding) {
			b.Subjects = append(b.Subjects, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:authenticated"})
		})
		stray := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: writers + ":extra", Labels: b.Labels},
			RoleRef:    b.RoleRef, Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "mallory"}},
		}
		Expect(API.Create(ctx, stray)).To(Succeed())
		Eventually(func() []rbacv1.Subject { return Get[rbacv1.RoleBinding](ctx, s, writers+":0").Subjects }).Should(HaveLen(many))
		Patch(ctx, Get[rbacv1.Role](ctx, s, writers), func(r *rbacv1.Role) { r.Rules = nil })
		s.holds(ctx, names[0], "acme-fb", editorMay...)
	})
})

var _ = Describe("Roles that Kubernetes refuses to have written", func() {
	refused := func(kind string) {
		It("are told of by the "+kind+" that they come from", func(ctx SpecContext) {
			s := newSpace(ctx)
			s.people(ctx, "ana")
			s.Profile(ctx, "acme-fb")
			s.forbid(ctx, rbacv1.GroupName, "rolebindings")
			inForce(ctx, func(ctx context.Context) error {
				return API.Create(ctx, &rbacv1.RoleBinding{
					ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "try"},
					RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "try"},
				})
			})
			ana := Get[rosterv1alpha1.Member](ctx, s, "ana")
			o := map[string]client.Object{
				"Team": &rosterv1alpha1.Team{}, "Workspace": &rosterv1alpha1.Workspace{}, "CustomRole": &rosterv1alpha1.CustomRole{},
				"SocialProfile": &rosterv1alpha1.SocialProfile{}, "Organization": &rosterv1alpha1.Organization{},
			}[kind]
			name := "it"
			switch kind {
			case "Team":
				s.team(ctx, name, rosterv1alpha1.TeamSpec{Members: []string{"ana"}, Profiles: []string{"acme-fb"}, Role: editor})
			case "Workspace":
				s.create(ctx, name, &rosterv1alpha1.Workspace{Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"acme-fb"}}})
				Patch(ctx, ana, func(m *rosterv1alpha1.Member) {
					m.Spec.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: name, Role: editor}}
				})
			case "CustomRole":
				s.role(ctx, name, rosterv1alpha1.ScopeOrganization, rosterv1alpha1.PermissionViewTeam)
				Patch(ctx, ana, func(m *rosterv1alpha1.Member) { m.Spec.Role = "it" })
			case "SocialProfile":
				name = "acme-fb"
				Patch(ctx, ana, func(m *rosterv1alpha1.Member) {
					m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: name, Role: editor}}
				})
			case "Organization":
				name = "acme"
				Patch(ctx, ana, func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
			}
			says := Says(ctx, client.ObjectKey{Namespace: s.Name, Name: name}, o, rosterv1alpha1.ReasonWriteRefused, conditionsOf)
			Expect(says.Status).To(Equal(metav1.ConditionFalse))
			Expect(says.Message).To(And(ContainSubstring("RoleBinding roster:"), ContainSubstring("ask the security team")))
			Eventually(func() []string { return EventsOn(ctx, s, name) }).Should(ContainElement(rosterv1alpha1.ReasonWriteRefused))
		})
	}
	for _, kind := range []string{"Team", "Workspace", "CustomRole", "SocialProfile", "Organization"} {
		refused(kind)
	}
})

func conditionsOf(o client.Object) []metav1.Condition {
	switch o := o.(type) {
	case *rosterv1alpha1.Team:
		return o.Status.Conditions
	case *rosterv1alpha1.Workspace:
		return o.Status.Conditions
	case *rosterv1alpha1.CustomRole:
		return o.Status.Conditions
	case *rosterv1alpha1.SocialProfile:
		return o.Status.Conditions
	case *rosterv1alpha1.Organization:
		return o.Status.Conditions
	}
	return nil
}

// dying answers nothing any more once the operator has written Roles and bindings so many times: as if it had been killed then.
type dying struct {
	left atomic.Int64
	dead chan struct{}
}

var errDead = errors.New("killed")

func (d *dying) wrap(next http.RoundTripper) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		if d.left.Load() < 0 {
			return nil, errDead
		}
		if r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/apis/rbac.authorization.k8s.io/") && d.left.Add(-1) < 0 {
			close(d.dead)
			return nil, errDead
		}
		return next.RoundTrip(r)
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var _ = Describe("An operator that is not there for a while", Serial, func() {
	start := func() {
		GinkgoHelper()
		Running = StartOperator(Cluster.As("roster-manager"))
	}

	It("and is killed at any of its writes, leaves nothing over and loses nothing", func(ctx SpecContext) {
		d := &drift{space: newSpace(ctx, func(o *rosterv1alpha1.Organization) {
			o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "m0"}
		})}
		d.people(ctx, driftMembers...)
		d.Profile(ctx, "p0")
		d.Profile(ctx, "p1")
		t := d.team(ctx, "t0", rosterv1alpha1.TeamSpec{Members: driftMembers, Profiles: driftProfiles, Role: editor})
		Eventually(func() []string { return d.differences(ctx) }).Should(BeEmpty())
		for n := range 8 {
			Running.Stop()
			Patch(ctx, t, func(t *rosterv1alpha1.Team) {
				t.Spec.Role = []rosterv1alpha1.ProfileRole{rosterv1alpha1.ProfileGuest, editor}[n%2]
				t.Spec.Members = driftMembers[n%3:]
			})
			Patch(ctx, Get[rosterv1alpha1.Member](ctx, d.space, "m4"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(n%2 == 0) })
			Patch(ctx, Get[rosterv1alpha1.Member](ctx, d.space, "m3"), func(m *rosterv1alpha1.Member) {
				m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: driftProfiles[n%2], Role: editor}}
			})
			killed := &dying{dead: make(chan struct{})}
			killed.left.Store(int64(n))
			config := Cluster.As("roster-manager")
			config.Wrap(killed.wrap)
			Running = StartOperator(config)
			Eventually(func() bool {
				select {
				case <-killed.dead:
					return true
				default:
					return len(d.differences(ctx)) == 0 // it had less to write than that
				}
			}).Should(BeTrue(), "it is killed at write %d, or was ready before", n)
			Running.Stop()
			start()
			Eventually(func() []string { return d.differences(ctx) }).Should(BeEmpty(), "killed at write %d", n)
		}
	})

	It("finds the Roles of the first versions and replaces them, without anybody lacking anything for a moment", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.Profile(ctx, "acme-fb")
		s.declareJoined(ctx, "ana", rosterv1alpha1.ProfileGrant{Name: "acme-fb", Role: editor})
		s.people(ctx, "ben", "gone")
		s.holds(ctx, "ana", "acme-fb", editorMay...)
		Running.Stop()
		ana := Get[rosterv1alpha1.Member](ctx, s, "ana")
		for _, name := range []string{"ana", "ben", "gone"} {
			s.former(ctx, Get[rosterv1alpha1.Member](ctx, s, name))
		}
		for _, name := range []string{"roster:role:Member", "roster:profile:acme-fb:Editor"} {
			Expect(API.Delete(ctx, Get[rbacv1.Role](ctx, s, name))).To(Succeed())
			Expect(client.IgnoreNotFound(API.Delete(ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: name + ":0"}}))).To(Succeed())
		}
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "gone"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		s.holds(ctx, "ana", "acme-fb", editorMay...) // by the former Role
		lacked := s.watch(ctx, ana)
		start()
		Eventually(func() []string { return s.roles(ctx) }).Should(ConsistOf(
			"roster:role:Member", "roster:role:Member:0", "roster:profile:acme-fb:Editor", "roster:profile:acme-fb:Editor:0"))
		s.holds(ctx, "ana", "acme-fb", editorMay...)
		Expect(lacked()).To(BeZero(), "how often she was refused meanwhile")
		Expect(s.mayUser(ctx, "gone", "get", "organizations", "acme")).To(BeFalse(), "who was suspended meanwhile has nothing")
	})
})

// former makes the Role and the RoleBinding that the first versions made for a Member.
func (s space) former(ctx context.Context, m *rosterv1alpha1.Member) {
	GinkgoHelper()
	about := metav1.ObjectMeta{
		Namespace: s.Name, Name: "roster:member:" + m.Name, Labels: map[string]string{"app.kubernetes.io/managed-by": "roster"},
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: rosterv1alpha1.GroupVersion.String(), Kind: "Member", Name: m.Name, UID: m.UID, Controller: ptr.To(true),
		}},
	}
	sources := access.Sources{Spec: m.Spec, Profiles: map[string]access.Standing{"acme-fb": access.Present}}
	Expect(API.Create(ctx, &rbacv1.Role{ObjectMeta: about, Rules: access.Compile(sources, "acme")})).To(Succeed())
	Expect(API.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: about, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: about.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: m.Spec.Email}},
	})).To(Succeed())
}

// watch asks all the time whether a person may publish; what it returns ends that and says how often they might not.
func (s space) watch(ctx context.Context, m *rosterv1alpha1.Member) func() int64 {
	ctx, stop := context.WithCancel(ctx)
	var refused atomic.Int64
	done := make(chan struct{})
	go func() {
		defer GinkgoRecover()
		defer close(done)
		for ctx.Err() == nil {
			if !s.mayUser(context.WithoutCancel(ctx), m.Name, "publish", "socialprofiles", "acme-fb") {
				refused.Add(1)
			}
		}
	}()
	return func() int64 {
		stop()
		<-done
		return refused.Load()
	}
}
