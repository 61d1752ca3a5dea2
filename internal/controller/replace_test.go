// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// replace puts a file in the place of an object, as kubectl replace and Replace=true of Argo CD do: what the file does not say is gone,
// annotations and finalizers included. Only the version that it replaces is looked up.
func (s space) replace(ctx context.Context, as client.Client, file *rosterv1alpha1.Member, options ...client.UpdateOption) error {
	GinkgoHelper()
	live := Get[rosterv1alpha1.Member](ctx, s, file.Name)
	o := file.DeepCopy()
	o.ResourceVersion = live.ResourceVersion
	return as.Update(ctx, o, options...)
}

var _ = Describe("A Member that is replaced by its file", func() {
	var (
		s    space
		zoe  *rosterv1alpha1.Member
		file *rosterv1alpha1.Member
	)
	BeforeEach(func(ctx SpecContext) {
		s = newSpace(ctx)
		s.Profile(ctx, "acme-fb")
		editor := []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileEditor}}
		zoe = s.accepts(ctx, "zoe", func(m *rosterv1alpha1.Member) { m.Spec.Profiles = editor })
		Eventually(func() []string { return Get[rosterv1alpha1.Member](ctx, s, "zoe").Finalizers }).Should(BeEmpty(), "she has settled in")
		file = &rosterv1alpha1.Member{ObjectMeta: s.meta("zoe"), Spec: rosterv1alpha1.MemberSpec{Email: s.Address("zoe"), Profiles: editor}}
	})

	It("loses nothing at any moment where an administrator of the cluster does it", func(ctx SpecContext) {
		s.keeps(ctx, "zoe")
		refused, lost := s.watch(ctx, zoe), s.staysBound(ctx, "zoe")
		for range 5 {
			Eventually(func() error { return s.replace(ctx, API, file) }).Should(Succeed(), "the operator may be writing it still")
			Eventually(func() any { return Get[rosterv1alpha1.Member](ctx, s, "zoe").Spec.AccountRef }).Should(Equal(AccountOf(s.Address("zoe"))))
			s.MemberIs(ctx, "zoe", rosterv1alpha1.MemberActive)
		}
		Expect(refused()).To(BeZero(), "how often she was refused meanwhile")
		Expect(lost()).To(BeEmpty(), "what she was taken out of meanwhile")
		s.goesOn(ctx, "zoe", "zoe", zoe.Status.JoinedTime)
	})

	It("is not replaced by others, who read what to do instead", func(ctx SpecContext) {
		login, err := Cluster.Login("flux-of-" + s.Name)
		Expect(err).NotTo(HaveOccurred())
		tool, err := client.New(login, client.Options{Scheme: Cluster.Scheme})
		Expect(err).NotTo(HaveOccurred())
		s.mayEditMembers(ctx, "flux-of-"+s.Name)
		var refused error
		Eventually(func() error { refused = s.replace(ctx, tool, file); return refused }).Should(MatchError(
			ContainSubstring("may not remove spec.accountRef, which says that the person has accepted. Use kubectl apply, which leaves it alone")))
		file.Spec.AccountRef = AccountOf(s.Address("zoe"))
		Eventually(func() error { return s.replace(ctx, tool, file, client.DryRunAll) }).Should(Succeed(), "with it in the file, they may")
	})

	It("stays the owner, who is not asked again", func(ctx SpecContext) {
		s.Owner(ctx, "zoe")
		Eventually(func() string { return Get[rosterv1alpha1.Member](ctx, s, "zoe").Status.Role }).Should(Equal("Owner"))
		var before int
		Eventually(func() int { before = len(Mails(s.Address("zoe"))); return before }).Should(Equal(2), "an invitation, and the question")
		Eventually(func() error { return s.replace(ctx, API, file) }).Should(Succeed())
		Eventually(func() string {
			return Get[rosterv1alpha1.Member](ctx, s, "zoe").Annotations[rosterv1alpha1.OwnershipAnnotation]
		}).Should(Equal(rosterv1alpha1.OwnershipAgreed))
		Expect(s.MemberIs(ctx, "zoe", rosterv1alpha1.MemberActive).Status.Role).To(Equal("Owner"))
		Expect(Mails(s.Address("zoe"))).To(HaveLen(before))
	})

	It("by force is refused where only suspended Members are deleted, and she keeps everything", func(ctx SpecContext) {
		Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), func(o *rosterv1alpha1.Organization) {
			o.Spec.Guardrails = &rosterv1alpha1.Guardrails{DeleteOnlySuspended: ptr.To(true)}
		})
		Eventually(func() error { return API.Delete(ctx, zoe.DeepCopy(), client.DryRunAll) }).Should(MatchError(
			And(ContainSubstring("deleteOnlySuspended"), ContainSubstring("If this is intended, suspend the Member first"))))
		s.keeps(ctx, "zoe")
	})
})

// keeps waits until a person may publish.
func (s space) keeps(ctx context.Context, person string) {
	GinkgoHelper()
	Eventually(func() bool { return s.mayUser(ctx, person, "publish", "socialprofiles", "acme-fb") }).Should(BeTrue(), "%s may publish", person)
}

// mayEditMembers gives a program what an administrator of the namespace may do.
func (s space) mayEditMembers(ctx context.Context, user string) {
	GinkgoHelper()
	Expect(API.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: s.meta("tool"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-admin"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})).To(Succeed())
}
