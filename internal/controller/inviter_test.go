// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

var _ = Describe("The Member who invites", func() {
	var s space
	BeforeEach(func(ctx SpecContext) { s = newSpace(ctx) })
	byOlivia := func(inv *rosterv1alpha1.Invitation) { inv.Spec.InvitedBy = s.Address("olivia") }
	recorded := func(ctx SpecContext, name string) *rosterv1alpha1.InviterReference {
		GinkgoHelper()
		return s.InvitationIs(ctx, name, rosterv1alpha1.InvitationSent).Status.InviterRef
	}

	It("is recorded in the write that says that the mail is out", func(ctx SpecContext) {
		s.Join(ctx, "olivia")
		Writes.Reset()
		s.Invite(ctx, "ana", byOlivia)
		Expect(recorded(ctx, "ana")).To(Equal(&rosterv1alpha1.InviterReference{Name: "olivia", InvitedBy: s.Address("olivia")}))
		Consistently(func() int { return Writes.Of("/namespaces/" + s.Name + "/invitations/") }).Should(Equal(1), Writes.String())
	})

	It("is not recorded before they have joined", func(ctx SpecContext) {
		s.Declare(ctx, "olivia")
		s.Invite(ctx, "ana", byOlivia)
		Expect(recorded(ctx, "ana")).To(BeNil())
	})

	It("stays recorded when they are removed before the mail can go out", func(ctx SpecContext) {
		olivia := s.Join(ctx, "olivia")
		Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), func(o *rosterv1alpha1.Organization) {
			o.Spec.Invitations.AllowedDomains = []string{"elsewhere.example"}
		})
		Eventually(func(g Gomega) {
			o := Get[rosterv1alpha1.Organization](ctx, s, "acme")
			g.Expect(o.Status.ObservedGeneration).To(Equal(o.Generation))
		}).Should(Succeed(), "the operator knows the policy")
		s.Invite(ctx, "ana", byOlivia)
		s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonDomainNotAllowed)
		Expect(API.Delete(ctx, olivia)).To(Succeed())
		Patch(ctx, Get[rosterv1alpha1.Organization](ctx, s, "acme"), func(o *rosterv1alpha1.Organization) {
			o.Spec.Invitations.AllowedDomains = nil
		})
		Expect(recorded(ctx, "ana")).To(HaveField("Name", "olivia"))
	})
})

var _ = Describe("A mail", func() {
	It("calls CustomRoles and Workspaces as the organisation does", func(ctx SpecContext) {
		s := newSpace(ctx)
		Expect(API.Create(ctx, &rosterv1alpha1.CustomRole{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "lead"},
			Spec: rosterv1alpha1.CustomRoleSpec{
				Scope: rosterv1alpha1.ScopeOrganization, DisplayName: "Campaign lead", Description: "Plans campaigns.",
				Permissions: []rosterv1alpha1.RolePermission{rosterv1alpha1.PermissionViewTeam},
			},
		})).To(Succeed())
		Expect(API.Create(ctx, &rosterv1alpha1.Workspace{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "emea"}, Spec: rosterv1alpha1.WorkspaceSpec{DisplayName: "Europe and Africa"},
		})).To(Succeed())
		s.Invite(ctx, "ana", func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.Role, inv.Spec.Workspaces = "lead", []rosterv1alpha1.WorkspaceGrant{{Name: "emea", Role: rosterv1alpha1.ProfileEditor}}
		})
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		Expect(Mails(s.Address("ana"))).To(ConsistOf(And(
			ContainSubstring("Your role: Campaign lead"), ContainSubstring("Plans campaigns."), ContainSubstring("Europe and Africa: Editor"),
		)))
	})
})
