// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"maps"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// A start looks at all objects of a controller's own kind, and so passes over what there is of the other kinds that it watches.
var _ = Describe("A start", Serial, func() {
	BeforeEach(func() {
		DeferCleanup(func() { // What fails while the operator is down is not to fail what comes after it.
			Running.Stop()
			Running = StartOperator(Cluster.As("roster-manager"))
		})
	})

	It("looks at everything once, and at what changes then when it changes", func(ctx SpecContext) {
		s := newSpace(ctx)
		s.role(ctx, "night", rosterv1alpha1.ScopeProfile, "moderate")
		s.Profile(ctx, "acme-fb")
		s.create(ctx, "north", &rosterv1alpha1.Workspace{Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"acme-fb"}}})
		m := s.Join(ctx, "ana", func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleManager })
		s.team(ctx, "day", rosterv1alpha1.TeamSpec{Members: []string{"ana"}, Profiles: []string{"acme-fb"}, Role: "night"})
		s.Invite(ctx, "ben")
		s.InvitationIs(ctx, "ben", rosterv1alpha1.InvitationSent)
		one := ptr.To(int32(1))
		Eventually(func() []*int32 {
			o, p := Get[rosterv1alpha1.Organization](ctx, s, "acme").Status, Get[rosterv1alpha1.SocialProfile](ctx, s, "acme-fb").Status
			w, t := Get[rosterv1alpha1.Workspace](ctx, s, "north").Status, Get[rosterv1alpha1.Team](ctx, s, "day").Status
			return []*int32{o.ActiveMembers, o.OpenInvitations, o.SocialProfiles, p.Holders.Administrators, w.Profiles, t.Profiles, t.Members}
		}).Should(Equal(slices.Repeat([]*int32{one}, 7)), "nothing is to be written any more")
		own := map[string]int{
			"customrole night": 1, "socialprofile acme-fb": 1, "notices acme-fb": 1, "digests acme-fb": 1, "credentials acme-fb": 1,
			"workspace north": 1, "member ana": 1, "team day": 1, "invitation ben": 1, "delivery ben": 1, "organization acme": 1,
		}
		account := "account " + m.Spec.AccountRef.Name
		Running.Stop()
		before, accounts := Looks(s.Name), Looks(rosterv1alpha1.AccountNamespace)[account]
		Running = StartOperator(Cluster.As("roster-manager"))
		looked := func() map[string]int {
			since := map[string]int{}
			for what, times := range Looks(s.Name) {
				if _, counts := own[what]; counts && times > before[what] {
					since[what] = times - before[what]
				}
			}
			return since
		}
		Eventually(looked).Should(Equal(own))
		Eventually(func() int { return Looks(rosterv1alpha1.AccountNamespace)[account] - accounts }).Should(Equal(1))
		Consistently(looked).Should(Equal(own), "nothing had changed")

		before = maps.Clone(Looks(s.Name))
		Patch(ctx, m, func(m *rosterv1alpha1.Member) { m.Spec.Role = rosterv1alpha1.RoleMember })
		Eventually(looked).Should(And(HaveKey("member ana"), HaveKey("socialprofile acme-fb")), "another handler is told of changes")
	})

	It("brings everybody what changed while the operator was down", func(ctx SpecContext) {
		d, seed := newDrift(ctx, "start", 2)
		for start := range 10 {
			Eventually(func() []string { return d.differences(ctx) }).Should(BeEmpty(), "seed %d, before start %d", seed, start)
			Running.Stop()
			var did []string
			for range 8 {
				did = append(did, d.change(ctx))
			}
			Running = StartOperator(Cluster.As("roster-manager"))
			Eventually(func() []string { return d.differences(ctx) }).Should(BeEmpty(), "seed %d, start %d: %q", seed, start, did)
		}
	})
})
