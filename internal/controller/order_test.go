// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// warned are the Warnings about what is in a space.
func (s space) warned(ctx context.Context) []string {
	GinkgoHelper()
	var list corev1.EventList
	Expect(API.List(ctx, &list, client.InNamespace(s.Name))).To(Succeed())
	warned := []string{}
	for _, e := range list.Items {
		if e.Type == corev1.EventTypeWarning {
			warned = append(warned, e.InvolvedObject.Kind+" "+e.InvolvedObject.Name+" "+e.Reason)
		}
	}
	return warned
}

// restartWith starts the operator again, with another time that something may be wrong before it warns.
func restartWith(grace time.Duration) {
	GinkgoHelper()
	Running.Stop()
	Grace = grace
	Running = StartOperator(Cluster.As("roster-manager"))
}

var _ = Describe("Objects that come before what they name", Serial, func() {
	It("are warned of if it does not come, and only then", func(ctx SpecContext) {
		DeferCleanup(func() { restartWith(0) })
		restartWith(time.Hour)
		s := emptySpace(ctx)
		ana := []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "night"}}
		s.Invite(ctx, "ines", func(inv *rosterv1alpha1.Invitation) { inv.Spec.Profiles = ana })
		s.create(ctx, "acme", &rosterv1alpha1.Organization{Spec: rosterv1alpha1.OrganizationSpec{
			DisplayName: "Acme", OwnerRef: &rosterv1alpha1.LocalReference{Name: "ana"},
		}})
		s.team(ctx, "press", rosterv1alpha1.TeamSpec{Members: []string{"ana"}, Profiles: []string{"acme-fb"}, Role: "night"})
		s.team(ctx, "typo", rosterv1alpha1.TeamSpec{Members: []string{"nobody"}, Role: rosterv1alpha1.ProfileEditor})
		s.create(ctx, "north", &rosterv1alpha1.Workspace{Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"acme-fb"}}})
		groupSays[rosterv1alpha1.Team](ctx, s, "press", rosterv1alpha1.ReasonRoleNotFound, teamConditions)
		groupSays[rosterv1alpha1.Workspace](ctx, s, "north", rosterv1alpha1.ReasonProfileNotFound, workspaceConditions)

		s.role(ctx, "night", rosterv1alpha1.ScopeProfile, "moderate")
		s.Profile(ctx, "acme-fb", func(p *rosterv1alpha1.SocialProfile) {
			p.Spec.ResponsibleRef = &rosterv1alpha1.LocalReference{Name: "ana"}
		})
		s.Declare(ctx, "ana", func(m *rosterv1alpha1.Member) { m.Spec.Profiles = ana })
		groupSays[rosterv1alpha1.Team](ctx, s, "press", rosterv1alpha1.ReasonReady, teamConditions)
		groupSays[rosterv1alpha1.Team](ctx, s, "typo", rosterv1alpha1.ReasonMemberNotFound, teamConditions)
		s.InvitationIs(ctx, "ines", rosterv1alpha1.InvitationSent)
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Eventually(func() string { return Get[rosterv1alpha1.SocialProfile](ctx, s, "acme-fb").Status.Responsible }).
			Should(Equal(s.Address("ana")))
		Expect(s.warned(ctx)).To(BeEmpty(), "nobody has to do anything yet")

		restartWith(0)
		Eventually(func() []string { return s.warned(ctx) }).Should(ConsistOf("Team typo MemberNotFound"), "what the last manager did not tell")
		Consistently(func() []string { return s.warned(ctx) }).Should(HaveLen(1))
	})
})
