// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func planned(plan string) func(o *rosterv1alpha1.Organization) {
	return func(o *rosterv1alpha1.Organization) {
		o.Spec.PlanRef = nil
		if plan != "" {
			o.Spec.PlanRef = &rosterv1alpha1.LocalReference{Name: plan}
		}
	}
}

// bindEverywhere gives somebody rules in the whole cluster.
func (w *world) bindEverywhere(name, user string, rules ...rbacv1.PolicyRule) {
	w.Helper()
	w.Expect(cluster.Client.Create(w.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules})).To(Succeed())
	w.bindEverywhereTo(name, name, user)
}

func (w *world) bindEverywhereTo(name, clusterRole, user string) {
	w.Helper()
	w.Expect(cluster.Client.Create(w.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: clusterRole},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})).To(Succeed())
}

func TestOnlyThePlatformChoosesThePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, planned("basic"))
	const paula, sales, tenant = "paula@platform.example", "sales@platform.example", "tenant@acme.example"
	w.bindEverywhereTo(w.ns+"-platform", "roster-platform", paula)
	w.bindClusterRole("paula", "roster-admin", paula)
	w.bindEverywhere(w.ns+"-sells-pro", sales, rosterRule([]string{"plans"}, []string{"pro"}, "use"))
	w.bindClusterRole("sales", "roster-admin", sales)
	// What a namespace can give is not enough, whatever it says.
	w.bindRole("tenant", tenant, rosterRule([]string{"plans"}, nil, "use"), rosterRule([]string{"organizations"}, nil, "create", "update"))
	for _, who := range []string{paula, sales} {
		w.Eventually(func() error { return updateOrganization(planned("pro"))(w, dry(w.as(who))) }).Should(Succeed())
	}
	w.Eventually(func() error { return createOrganization("two", planned("basic"))(w, dry(w.as(tenant))) }).Should(MatchError(ContainSubstring("denied request")))
	refused := func(who, plan string) string {
		return who + " may not put the Organization acme on the Plan " + plan +
			" (spec.planRef). They lack the verb use on plans/" + plan + ", which the people who run the platform give."
	}
	beside := func(who, plan string) string {
		return who + " may not create the Organization acme2 beside the Organization acme, which is on the Plan basic (spec.planRef): the Plan " + plan +
			" would count for the new one. They lack the verb use on plans/" + plan +
			", which the people who run the platform give. Change the Organization acme instead."
	}
	deletes := func(who, lacks string) string {
		return who + " may not delete the Organization acme, which is on the Plan basic (spec.planRef): the Plan default would count for the next one. " +
			lacks + " the verb use on plans/default, which the people who run the platform give. Ask them to delete it, or the namespace."
	}
	deletesInTheForeground := func(w *world, c client.Client) error {
		return c.Delete(w.Context(), w.organization("acme"), client.PropagationPolicy(metav1.DeletePropagationForeground), client.GracePeriodSeconds(0))
	}
	deletesAll := func(w *world, c client.Client) error {
		return c.DeleteAllOf(w.Context(), &rosterv1alpha1.Organization{}, client.InNamespace(w.ns))
	}
	plan := func(w *world) client.Object {
		return &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: w.ns}, Spec: rosterv1alpha1.PlanSpec{Contact: "sales@platform.example"}}
	}
	w.attempts(t, map[string]attempt{
		"a Manager":                            {ben, updateOrganization(planned("pro")), refused(ben, "pro")},
		"the owner":                            {olivia, updateOrganization(planned("pro")), refused(olivia, "pro")},
		"an administrator of the namespace":    {nina, updateOrganization(planned("pro")), refused(nina, "pro")},
		"by a right that a namespace gives":    {tenant, updateOrganization(planned("pro")), refused(tenant, "pro")},
		"people who may use another plan":      {sales, updateOrganization(planned("enterprise")), refused(sales, "enterprise")},
		"the default plan, said":               {nina, updateOrganization(planned("default")), refused(nina, "default")},
		"the default plan, by saying none":     {olivia, updateOrganization(planned("")), "olivia@acme.example may not take the Organization acme off the Plan basic (spec.planRef): the Plan default would count. They lack the verb use on plans/default, which the people who run the platform give."},
		"a GitOps controller":                  {flux, updateOrganization(planned("pro")), "system:serviceaccount:flux-system:kustomize-controller may not put the Organization acme on the Plan pro (spec.planRef). It lacks the verb use on plans/pro, which the people who run the platform give."},
		"from the start":                       {nina, createOrganization("acme2", planned("pro")), "nina@platform.example may not put the Organization acme2 on the Plan pro (spec.planRef). They lack the verb use on plans/pro, which the people who run the platform give."},
		"a second one, on no plan":             {nina, createOrganization("acme2"), beside(nina, "default")},
		"a second one, on a plan of theirs":    {sales, createOrganization("acme2"), beside(sales, "default")},
		"a second one on it, too":              {sales, createOrganization("acme2", planned("pro")), ""},
		"deletes it":                           {nina, deleteOrganization("acme"), deletes(nina, "They lack")},
		"deletes it, having another to use":    {sales, deleteOrganization("acme"), deletes(sales, "They lack")},
		"a GitOps controller prunes it":        {flux, deleteOrganization("acme"), deletes(flux, "It lacks")},
		"the garbage collector":                {garbageCollector, deleteOrganization("acme"), deletes(garbageCollector, "It lacks")},
		"replaces it by force":                 {nina, deletesInTheForeground, deletes(nina, "They lack")},
		"deletes all":                          {nina, deletesAll, deletes(nina, "They lack")},
		"the platform deletes it":              {paula, deleteOrganization("acme"), ""},
		"the platform, a second one":           {paula, createOrganization("acme2"), ""},
		"the rest of the organisation is free": {ben, updateOrganization(func(o *rosterv1alpha1.Organization) { o.Spec.DisplayName = "Acme" }), ""},
		"people who may use that plan":         {sales, updateOrganization(planned("pro")), ""},
		"the platform":                         {paula, updateOrganization(planned("enterprise")), ""},
		"the platform, off the plan":           {paula, updateOrganization(planned("")), ""},
		"writing plans as the owner":           {olivia, createOther(plan), noRight},
		"writing plans as an administrator":    {nina, createOther(plan), noRight},
		"writing plans, having one to use":     {sales, createOther(plan), noRight},
		"writing plans as the platform":        {paula, createOther(plan), ""},
	})
}

// TestTheDefaultPlanIsLeftByNobody: an Organization that is on no other can be deleted, made again and put beside another as ever.
func TestTheDefaultPlanIsLeftByNobody(t *testing.T) {
	t.Parallel()
	for name, plan := range map[string]string{"said": "default", "not said": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, planned(plan))
			w.attempts(t, map[string]attempt{
				"deletes it":   {nina, deleteOrganization("acme"), ""},
				"a second one": {nina, createOrganization("acme2"), ""},
			})
		})
	}
}
