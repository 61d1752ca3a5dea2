// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// editors are a Team whose members may publish.
func (s space) editors(members ...string) *rosterv1alpha1.Team {
	return &rosterv1alpha1.Team{ObjectMeta: s.meta("editors"), Spec: rosterv1alpha1.TeamSpec{
		Members: members, Profiles: []string{"acme-fb"}, Role: rosterv1alpha1.ProfileEditor,
	}}
}

// staysBound follows the RoleBindings of the namespace. What it returns ends that and names those that a person was taken out of meanwhile,
// be it for a moment that nobody who asks would notice.
func (s space) staysBound(ctx context.Context, person string) func() []string {
	GinkgoHelper()
	changes, err := Cluster.Client.Watch(ctx, &rbacv1.RoleBindingList{}, client.InNamespace(s.Name))
	Expect(err).NotTo(HaveOccurred())
	var lost []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		bound := map[string]bool{}
		for e := range changes.ResultChan() {
			b, ok := e.Object.(*rbacv1.RoleBinding)
			if !ok {
				continue
			}
			if b.Name == "last" {
				return
			}
			is := e.Type != watch.Deleted && slices.ContainsFunc(b.Subjects, func(x rbacv1.Subject) bool { return x.Name == s.Address(person) })
			if bound[b.Name] && !is {
				lost = append(lost, b.Name)
			}
			bound[b.Name] = is
		}
	}()
	return func() []string {
		GinkgoHelper()
		Expect(API.Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: s.meta("last"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "none"},
		})).To(Succeed())
		Eventually(done).Should(BeClosed(), "all changes are seen")
		changes.Stop()
		return lost
	}
}

var _ = Describe("Somebody whose Member is renamed", func() {
	var (
		s   space
		zoe *rosterv1alpha1.Member
	)
	byName := func(m *rosterv1alpha1.Member) {
		m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}}
	}
	byTeam := func(*rosterv1alpha1.Member) {}
	teamNames := func(ctx context.Context, name string) {
		Patch(ctx, Get[rosterv1alpha1.Team](ctx, s, "editors"), func(t *rosterv1alpha1.Team) { t.Spec.Members = []string{name} })
	}
	BeforeEach(func(ctx SpecContext) {
		s = newSpace(ctx)
		s.Profile(ctx, "acme-fb")
	})

	DescribeTable("may do at every moment what they may, applied and then pruned", func(ctx SpecContext, has func(*rosterv1alpha1.Member), team bool) {
		zoe = s.accepts(ctx, "zoe", has)
		if team {
			Expect(API.Create(ctx, s.editors("zoe"))).To(Succeed())
		}
		s.keeps(ctx, "zoe")
		NextSecond(ctx)
		refused, lost := s.watch(ctx, zoe), s.staysBound(ctx, "zoe")
		s.Declare(ctx, "zoe-park", s.of("zoe"), has)
		if team {
			teamNames(ctx, "zoe-park")
		}
		s.MemberSays(ctx, "zoe-park", rosterv1alpha1.ReasonDuplicateEmail)
		s.remove(ctx, "zoe")
		s.goesOn(ctx, "zoe-park", "zoe", zoe.Status.JoinedTime)
		Expect(refused()).To(BeZero(), "how often she was refused meanwhile")
		Expect(lost()).To(BeEmpty(), "what she was taken out of meanwhile")
	}, Entry("by name", byName, false), Entry("by a Team", byTeam, true))

	It("loses everything when they are suspended meanwhile", func(ctx SpecContext) {
		zoe = s.accepts(ctx, "zoe")
		Expect(API.Create(ctx, s.editors("zoe"))).To(Succeed())
		s.keeps(ctx, "zoe")
		NextSecond(ctx)
		s.Declare(ctx, "zoe-park", s.of("zoe"))
		s.MemberSays(ctx, "zoe-park", rosterv1alpha1.ReasonDuplicateEmail)
		teamNames(ctx, "zoe-park")
		Eventually(func() string { return Get[rosterv1alpha1.Team](ctx, s, "editors").Status.Conditions[0].Reason }).ShouldNot(BeEmpty())
		s.keeps(ctx, "zoe")
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "zoe"), func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })
		Eventually(func() bool { return s.mayUser(ctx, "zoe", "publish", "socialprofiles", "acme-fb") }).Should(BeFalse(), "the Team gives her nothing")
	})

	It("has no more by the new name than the old one gives, while both are there", func(ctx SpecContext) {
		zoe = s.accepts(ctx, "zoe")
		NextSecond(ctx)
		s.Declare(ctx, "zoe-park", s.of("zoe"), byName, func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
		s.MemberSays(ctx, "zoe-park", rosterv1alpha1.ReasonDuplicateEmail)
		Consistently(func() bool { return s.mayUser(ctx, "zoe", "publish", "socialprofiles", "acme-fb") }).Should(BeFalse())
		s.remove(ctx, "zoe")
		s.goesOn(ctx, "zoe-park", "zoe", zoe.Status.JoinedTime)
		s.keeps(ctx, "zoe")
	})

	It("is the same person where only the case of the address changes", func(ctx SpecContext) {
		zoe = s.accepts(ctx, "zoe", byName)
		s.keeps(ctx, "zoe")
		refused := s.watch(ctx, zoe)
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "zoe"), func(m *rosterv1alpha1.Member) { m.Spec.Email = strings.ToUpper(m.Spec.Email) })
		s.goesOn(ctx, "zoe", "zoe", zoe.Status.JoinedTime)
		Expect(Get[rosterv1alpha1.Member](ctx, s, "zoe").Status.Email).To(Equal(s.Address("zoe")))
		Expect(refused()).To(BeZero(), "how often she was refused meanwhile")
	})
})
