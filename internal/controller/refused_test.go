// SPDX-License-Identifier: Apache-2.0

package controller_test

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	. "github.com/roster-dev/roster/internal/controller/controllertest"
)

// forbid has a policy of the cluster refuse to create objects of a resource in the namespace, or to do something else with them. What it
// returns ends that, as does the end of the test.
func (s space) forbid(ctx context.Context, group, resource string, operations ...admissionv1.OperationType) func(ctx context.Context) {
	GinkgoHelper()
	if len(operations) == 0 {
		operations = []admissionv1.OperationType{admissionv1.Create}
	}
	name := "no-" + resource + "-" + s.Name
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: ptr.To(admissionv1.Fail),
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: operations,
					Rule:       admissionv1.Rule{APIGroups: []string{group}, APIVersions: []string{"*"}, Resources: []string{resource}},
				},
			}}},
			MatchConditions: []admissionv1.MatchCondition{{Name: "here", Expression: fmt.Sprintf("request.namespace == %q", s.Name)}},
			Validations:     []admissionv1.Validation{{Expression: "request.name == 'canary'", Message: "ask the security team"}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
	Expect(API.Create(ctx, policy)).To(Succeed())
	Expect(API.Create(ctx, binding)).To(Succeed())
	end := func(ctx context.Context) {
		Expect(client.IgnoreNotFound(API.Delete(ctx, binding))).To(Succeed())
		Expect(client.IgnoreNotFound(API.Delete(ctx, policy))).To(Succeed())
	}
	DeferCleanup(func(ctx SpecContext) { end(ctx) })
	return end
}

// inForce waits until the API server refuses what a new policy forbids.
func inForce(ctx context.Context, try func(ctx context.Context) error) {
	GinkgoHelper()
	Eventually(ctx, func() error { return try(ctx) }).Should(MatchError(ContainSubstring("ask the security team")), "the policy comes into force")
}

var _ = Describe("What Kubernetes refuses", func() {
	var s space
	BeforeEach(func(ctx SpecContext) { s = newSpace(ctx) })

	It("to create for lack of quota shows in the Member, and is done once there is room", func(ctx SpecContext) {
		s.Join(ctx, "ben") // by whom there is the one Role that the quota has
		quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "small"}}
		roles := corev1.ResourceName("count/roles.rbac.authorization.k8s.io")
		quota.Spec.Hard = corev1.ResourceList{roles: resource.MustParse("1")}
		Expect(API.Create(ctx, quota)).To(Succeed())
		Eventually(func() string {
			Expect(API.Get(ctx, s.Key("small"), quota)).To(Succeed())
			return quota.Status.Used.Name(roles, resource.DecimalSI).String()
		}).Should(Equal("1"), "Kubernetes has counted the Roles")

		s.Declare(ctx, "ana", func(m *rosterv1alpha1.Member) {
			m.Spec.Role, m.Spec.AccountRef = rosterv1alpha1.RoleAdvancedMember, AccountOf(m.Spec.Email)
		})
		ready := s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonWriteRefused)
		Expect(ready.Status).To(Equal(metav1.ConditionFalse))
		Expect(ready.Message).To(And(ContainSubstring("Role roster:role:AdvancedMember"), ContainSubstring("exceeded quota: small")))
		Eventually(func() []string { return EventsOn(ctx, s, "ana") }).Should(ContainElement(rosterv1alpha1.ReasonWriteRefused))

		Expect(API.Delete(ctx, quota)).To(Succeed())
		Patch(ctx, Get[rosterv1alpha1.Member](ctx, s, "ana"), func(m *rosterv1alpha1.Member) {
			metav1.SetMetaDataAnnotation(&m.ObjectMeta, "nudge", "1") // as the timer would
		})
		s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonActive)
	})

	DescribeTable("to create by a policy of the cluster shows in the Member, in an event and in a metric",
		func(ctx SpecContext, kind, resource string, try client.Object) {
			s.forbid(ctx, rbacv1.GroupName, resource)
			try.SetNamespace(s.Name)
			try.SetName("try")
			inForce(ctx, func(ctx context.Context) error { return API.Create(ctx, try.DeepCopyObject().(client.Object)) })
			before := Refused(kind)
			s.Declare(ctx, "ana", func(m *rosterv1alpha1.Member) { m.Spec.AccountRef = AccountOf(m.Spec.Email) })
			ready := s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonWriteRefused)
			Expect(ready.Status).To(Equal(metav1.ConditionFalse))
			Expect(ready.Message).To(And(ContainSubstring("roster:role:Member"), ContainSubstring("ask the security team")))
			Eventually(func() []string { return EventsOn(ctx, s, "ana") }).Should(ContainElement(rosterv1alpha1.ReasonWriteRefused))
			Expect(Refused(kind)).To(BeNumerically(">", before), "the metric counts it")
		},
		Entry("a Role", "Role", "roles", &rbacv1.Role{}),
		Entry("a RoleBinding", "RoleBinding", "rolebindings", &rbacv1.RoleBinding{
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "try"},
		}),
	)

	It("to create as an Invitation shows in the Member who waits for it", func(ctx SpecContext) {
		s.forbid(ctx, "roster.dev", "invitations")
		inForce(ctx, func(ctx context.Context) error {
			return API.Create(ctx, &rosterv1alpha1.Invitation{
				ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "try"}, Spec: rosterv1alpha1.InvitationSpec{Email: s.Address("try")},
			})
		})
		before := Refused("Invitation")
		s.Declare(ctx, "ana")
		ready := s.MemberSays(ctx, "ana", rosterv1alpha1.ReasonWriteRefused)
		Expect(ready.Status).To(Equal(metav1.ConditionFalse))
		Expect(ready.Message).To(And(ContainSubstring("Invitation ana"), ContainSubstring("ask the security team")))
		Eventually(func() []string { return EventsOn(ctx, s, "ana") }).Should(ContainElement(rosterv1alpha1.ReasonWriteRefused))
		Expect(Refused("Invitation")).To(BeNumerically(">", before), "the metric counts it")
	})

	It("to create as a Member shows in the Invitation that was accepted, which does not claim more", func(ctx SpecContext) {
		s.Invite(ctx, "ana")
		s.InvitationIs(ctx, "ana", rosterv1alpha1.InvitationSent)
		s.forbid(ctx, "roster.dev", "members")
		inForce(ctx, func(ctx context.Context) error {
			return API.Create(ctx, &rosterv1alpha1.Member{
				ObjectMeta: metav1.ObjectMeta{Namespace: s.Name, Name: "try"}, Spec: rosterv1alpha1.MemberSpec{Email: s.Address("try")},
			})
		})
		before := Refused("Member")
		s.Claim(ctx, "ana")
		ready := s.InvitationSays(ctx, "ana", rosterv1alpha1.ReasonWriteRefused)
		Expect(ready.Status).To(Equal(metav1.ConditionFalse))
		Expect(ready.Message).To(And(ContainSubstring("not a member yet"), ContainSubstring("Member ana"), ContainSubstring("ask the security team")))
		Eventually(func() []string { return EventsOn(ctx, s, "ana") }).Should(ContainElement(rosterv1alpha1.ReasonWriteRefused))
		Expect(Refused("Member")).To(BeNumerically(">", before), "the metric counts it")
	})

	It("nothing of, because a name beside one that is taken fits, too", func(ctx SpecContext) {
		long := strings.Repeat("a", 196)
		s.Invite(ctx, long, func(inv *rosterv1alpha1.Invitation) { inv.Spec.Email = s.Address("ben") })
		s.Declare(ctx, long, func(m *rosterv1alpha1.Member) { m.Spec.Email = s.Address("ana") })
		Eventually(func() []string { return MessageIDs(s.Address("ana")) }).Should(HaveLen(1), "the Member of the taken name is invited")
	})
})
