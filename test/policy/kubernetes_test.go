// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"context"
	"regexp"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"

	"github.com/roster-dev/roster/internal/testenv"
)

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
	}, testenv.Patience).Should(MatchError(apierrors.IsNotFound, "not found"), "Kubernetes removes %T %s", o, o.GetName())
}

// TestPoliciesAreRightAboutTypes: Kubernetes checks expressions against the schemas of the kinds that they may meet. What it warns of fails
// once such an object comes along, and refuses it to everybody.
func TestPoliciesAreRightAboutTypes(t *testing.T) {
	w := newWorld(t)
	w.Expect(cluster.Apply(t.Context(), "config/components/console/policy.yaml")).To(Succeed())
	t.Cleanup(func() { w.Expect(cluster.RemoveConsole(context.Background())).To(Succeed()) })
	var list admissionv1.ValidatingAdmissionPolicyList
	w.Expect(cluster.Client.List(t.Context(), &list)).To(Succeed())
	mistaken := list.Items[0].DeepCopy()
	mistaken.Name, mistaken.Spec.Variables = "mistaken", []admissionv1.Variable{{Name: "typo", Expression: "object.metadata.nam"}}
	for _, p := range append(list.Items, *mistaken) {
		c := typed(&p)
		w.Expect(cluster.Client.Create(t.Context(), c)).To(Succeed(), p.Name)
		t.Cleanup(func() { w.Expect(cluster.Client.Delete(context.Background(), c)).To(Succeed()) })
		w.Eventually(func(g Gomega) {
			g.Expect(cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(c), c)).To(Succeed())
			g.Expect(c.Status.TypeChecking).NotTo(BeNil(), "%s is not checked yet", p.Name)
		}, testenv.Patience).Should(Succeed())
		if found := mistakes(c); p.Name == mistaken.Name {
			w.Expect(found).To(ContainElement(ContainSubstring("undefined field 'nam'")), "a mistake is noticed")
		} else {
			w.Expect(found).To(BeEmpty(), p.Name)
		}
	}
}

var (
	// ofKind begins what a warning says of a kind.
	ofKind  = regexp.MustCompile(`Kind=\w+: `)
	problem = regexp.MustCompile(`ERROR: <input>:\d+:\d+: (.*)`)
	// noProblem: the check does not know the type of authorizer, and takes times for more than the strings that policies see.
	noProblem = regexp.MustCompile(`kubernetes\.authorization\.|optional_type\(timestamp\)`)
)

// mistakes are what Kubernetes warns of for each kind that a policy is about. What only some of them have is asked for with ?. or has().
func mistakes(p *admissionv1.ValidatingAdmissionPolicy) []string {
	kinds := map[string]bool{}
	for _, rule := range p.Spec.MatchConstraints.ResourceRules {
		for _, resource := range rule.Resources {
			kinds[resource] = true
		}
	}
	var found []string
	for _, warning := range p.Status.TypeChecking.ExpressionWarnings {
		seen := map[string]map[int]bool{}
		for i, section := range ofKind.Split(warning.Warning, -1)[1:] {
			for _, m := range problem.FindAllStringSubmatch(section, -1) {
				if seen[m[1]] == nil {
					seen[m[1]] = map[int]bool{}
				}
				seen[m[1]][i] = true
			}
		}
		for what, in := range seen {
			if len(in) == len(kinds) && !noProblem.MatchString(what) {
				found = append(found, warning.FieldRef+": "+what)
			}
		}
	}
	return found
}

// typed is a copy of a policy, bound to nothing, that Kubernetes checks the types of: it skips rules about every version, and looks only at
// validations.
func typed(p *admissionv1.ValidatingAdmissionPolicy) *admissionv1.ValidatingAdmissionPolicy {
	c := &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: "typed-" + p.Name}, Spec: *p.Spec.DeepCopy()}
	for i := range c.Spec.MatchConstraints.ResourceRules {
		rule := &c.Spec.MatchConstraints.ResourceRules[i]
		rule.APIVersions = []string{"v1"}
		if slices.Contains(rule.APIGroups, rosterv1alpha1.GroupVersion.Group) {
			rule.APIVersions = []string{rosterv1alpha1.GroupVersion.Version}
		}
	}
	for _, m := range p.Spec.MatchConditions {
		c.Spec.Validations = append(c.Spec.Validations, admissionv1.Validation{Expression: m.Expression})
	}
	for _, v := range p.Spec.Variables {
		c.Spec.Validations = append(c.Spec.Validations, admissionv1.Validation{Expression: "[" + v.Expression + "].size() == 1"})
	}
	return c
}
