// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// patience is how long Kubernetes may take for what it does in its own time.
const patience = 2 * time.Minute

// TestANamespaceCanBeDeleted with all that is in it, by those who may delete namespaces: no policy is in Kubernetes' way, in whatever
// order it removes the kinds.
func TestANamespaceCanBeDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deleteOnlySuspended, ownerInvites, planned("basic"))
	for _, o := range []client.Object{w.invitation("cora", forMember("cora")), w.team("writers", editor, people("olivia", "ana"), works("acme-fb")), w.workspace("west", holds("acme-fb"))} {
		w.Expect(cluster.Client.Create(t.Context(), o)).To(Succeed())
	}
	w.expectRefused(deleteMember("olivia")(w, w.as(flux)), ownerStays)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.ns}}
	w.Expect(cluster.Client.Delete(t.Context(), ns)).To(Succeed())
	w.eventuallyGone(ns)
}

// TestTheGarbageCollectorIsLetDoItsWork: it takes what belongs to an object that is gone, also where its like is refused to people.
func TestTheGarbageCollectorIsLetDoItsWork(t *testing.T) {
	t.Parallel()
	t.Run("an Invitation goes with its Member, where only the owner invites", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, ownerInvites)
		w.Expect(createMember("wanda")(w, cluster.Client)).To(Succeed())
		inv := w.invitation("wanda", func(inv *rosterv1alpha1.Invitation) {
			forMember("wanda")(inv)
			inv.OwnerReferences = []metav1.OwnerReference{{APIVersion: "roster.dev/v1alpha1", Kind: "Member", Name: "wanda",
				UID: read[rosterv1alpha1.Member](w, "wanda").UID}}
		})
		w.Expect(cluster.Client.Create(t.Context(), inv)).To(Succeed())
		w.Expect(deleteInvitation("wanda")(w, w.as(ben))).NotTo(Succeed())
		w.Expect(deleteMember("wanda")(w, w.as(ben))).To(Succeed())
		w.eventuallyGone(inv)
	})
	t.Run("an Organization goes by what an administrator says it belongs to, and protects nobody then", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Expect(updateOrganization(func(o *rosterv1alpha1.Organization) { belongsToNothing(o) })(w, w.as(nina))).To(Succeed())
		w.eventuallyGone(w.organization("acme"))
		w.Eventually(func() error { return deleteMember("olivia")(w, w.as(ben)) }).Should(Succeed())
	})
}

// belongsToNothing has an object belong to one that is gone.
func belongsToNothing(o client.Object) {
	o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "gone", UID: "00000000-0000-0000-0000-000000000000"}})
}

// eventuallyGone returns when an object is not there any more.
func (w *world) eventuallyGone(o client.Object) {
	w.Helper()
	w.Eventually(func() error {
		return cluster.Client.Get(w.Context(), client.ObjectKeyFromObject(o), o)
	}, patience).Should(MatchError(apierrors.IsNotFound, "not found"), "Kubernetes removes %T %s", o, o.GetName())
}

// TestPoliciesAreRightAboutTypes: Kubernetes checks each expression against the schemas of the kinds that it may meet. What it warns of
// fails once such an object comes along, and refuses it to everybody.
func TestPoliciesAreRightAboutTypes(t *testing.T) {
	w := newWorld(t)
	w.Expect(cluster.Apply(t.Context(), "config/components/console/policy.yaml")).To(Succeed())
	t.Cleanup(func() { w.Expect(cluster.RemoveConsole(context.Background())).To(Succeed()) })
	wrong := mistaken(w.ns)
	w.Expect(cluster.Client.Create(t.Context(), wrong)).To(Succeed())
	t.Cleanup(func() { w.Expect(cluster.Client.Delete(context.Background(), wrong)).To(Succeed()) })

	var list admissionv1.ValidatingAdmissionPolicyList
	w.Eventually(func(g Gomega) {
		g.Expect(cluster.Client.List(t.Context(), &list)).To(Succeed())
		for _, p := range list.Items {
			g.Expect(p.Status.ObservedGeneration).To(Equal(p.Generation), "%s is not checked yet", p.Name)
			g.Expect(p.Status.TypeChecking).NotTo(BeNil(), "%s is not checked yet", p.Name)
		}
	}, patience).Should(Succeed())
	seen := false
	for _, p := range list.Items {
		if p.Name == wrong.Name {
			seen = len(p.Status.TypeChecking.ExpressionWarnings) > 0
			continue
		}
		for _, warning := range p.Status.TypeChecking.ExpressionWarnings {
			t.Errorf("%s, %s: %s", p.Name, warning.FieldRef, warning.Warning)
		}
	}
	if !seen {
		t.Error("a mistake in a policy goes unnoticed")
	}
}

// mistaken is a policy, bound to nothing, that takes a Member to have a field that it does not have.
func mistaken(name string) *admissionv1.ValidatingAdmissionPolicy {
	return &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create},
					Rule:       admissionv1.Rule{APIGroups: []string{"roster.dev"}, APIVersions: []string{"v1alpha1"}, Resources: []string{"members"}},
				},
			}}},
			Validations: []admissionv1.Validation{{Expression: "object.spec.adress != ''"}},
		},
	}
}
