// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/testenv"
)

// What the messages about the console end with.
const (
	badList    = "by names with an address that do not begin with system:"
	badConsole = "roleRef must name the ClusterRole roster-console"
	badPortal  = "its only subject must be the ServiceAccount roster-portal in roster-system"
)

// withConsole has the roles of config/components/console, without its policy: that of the manager alone must hold.
func withConsole(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.Expect(cluster.Apply(t.Context(), "config/components/console/roles.yaml")).To(Succeed())
	w.Eventually(func() error { return lists(listing(ana))(w, dry(w.as(manager))) }).Should(Succeed(), "the manager has its rights")
	return w
}

// listing is a rule of the list.
func listing(names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{
		APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"users"}, ResourceNames: names, Verbs: []string{"impersonate:user-info"},
	}
}

// lists writes who may be acted as, as the manager does.
func lists(rules ...rbacv1.PolicyRule) func(w *world, c client.Client) error {
	return changesList(func(r *rbacv1.ClusterRole) { r.Rules = rules })
}

func changesList(change func(r *rbacv1.ClusterRole)) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error {
		before := &rbacv1.ClusterRole{}
		if err := cluster.Client.Get(w.Context(), client.ObjectKey{Name: "roster-console-people"}, before); err != nil {
			return err
		}
		after := before.DeepCopy()
		change(after)
		return c.Patch(w.Context(), after, client.MergeFrom(before))
	}
}

// bindsConsole binds what may be done in people's names, as the manager does, but for a change.
func bindsConsole(change ...func(b *rbacv1.RoleBinding)) func(w *world, c client.Client) error {
	return writesBinding(append([]func(b *rbacv1.RoleBinding){func(b *rbacv1.RoleBinding) {
		b.Name, b.RoleRef.Kind, b.RoleRef.Name = "roster:console", "ClusterRole", "roster-console"
		b.Subjects = []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "roster-system", Name: "roster-portal"}}
	}}, change...)...)
}

// TestTheManagerKeepsTheConsoleAndNoMore: of what makes people act at the console, the manager writes who, and where, and nothing else.
func TestTheManagerKeepsTheConsoleAndNoMore(t *testing.T) {
	t.Parallel()
	w := withConsole(t)
	table := map[string]managerAttempt{
		"lists people":     {do: lists(listing(ana, "oidc:"+ben))},
		"lists nobody":     {do: lists()},
		"binds the portal": {do: bindsConsole()},
		"a label on the list": {changesList(func(r *rbacv1.ClusterRole) {
			r.Labels = map[string]string{"rbac.authorization.k8s.io/aggregate-to-admin": "true"}
		}), badList},
		"a list of lists": {changesList(func(r *rbacv1.ClusterRole) {
			r.AggregationRule = &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"a": "b"}}}}
		}), badList},
		"a list of its own": {createOther(func(*world) client.Object {
			return &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "roster-console-people-2"}, Rules: []rbacv1.PolicyRule{listing(ana)}}
		}), badScope},
		"the console by another binding":    {bindsConsole(named[*rbacv1.RoleBinding]("roster:mine")), badRoleRef},
		"another role by its binding":       {bindsConsole(refersTo("ClusterRole", "cluster-admin")), badConsole},
		"a Role by its binding":             {bindsConsole(refersTo("Role", "roster-console")), badConsole},
		"the console in a system namespace": {bindsConsole(lying[*rbacv1.RoleBinding]("roster-accounts")), badPlace},
		"the console for nobody":            {bindsConsole(func(b *rbacv1.RoleBinding) { b.Subjects = nil }), badPortal},
		"the console everywhere": {createOther(func(*world) client.Object {
			return &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "roster:console"}, RoleRef: rbacv1.RoleRef{
				APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-console",
			}, Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "roster-system", Name: "roster-portal"}}}
		}), badScope},
	}
	for name, subject := range map[string]rbacv1.Subject{
		"itself":                    {Kind: rbacv1.ServiceAccountKind, Namespace: "roster-system", Name: "roster-manager"},
		"a ServiceAccount like it":  {Kind: rbacv1.ServiceAccountKind, Namespace: "default", Name: "roster-portal"},
		"a user of the portal name": user("system:serviceaccount:roster-system:roster-portal"),
		"a person":                  user(ana),
		"a group":                   {APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:serviceaccounts"},
	} {
		table["the console for "+name] = managerAttempt{bindsConsole(func(b *rbacv1.RoleBinding) { b.Subjects = []rbacv1.Subject{subject} }), badPortal}
		table["the console also for "+name] = managerAttempt{bindsConsole(to(subject)), badPortal}
	}
	for name, change := range map[string]func(r *rbacv1.PolicyRule){
		"everybody":                  func(r *rbacv1.PolicyRule) { r.ResourceNames = nil },
		"a user of Kubernetes":       func(r *rbacv1.PolicyRule) { r.ResourceNames = append(r.ResourceNames, "system:admin@acme.example") },
		"somebody without address":   func(r *rbacv1.PolicyRule) { r.ResourceNames = append(r.ResourceNames, "kubernetes-admin") },
		"groups":                     func(r *rbacv1.PolicyRule) { r.Resources = []string{"groups"} },
		"groups, too":                func(r *rbacv1.PolicyRule) { r.Resources = append(r.Resources, "groups") },
		"extras":                     func(r *rbacv1.PolicyRule) { r.Resources = []string{"userextras/scopes"} },
		"any resource":               func(r *rbacv1.PolicyRule) { r.Resources = []string{"*"} },
		"ServiceAccounts":            func(r *rbacv1.PolicyRule) { r.Verbs = []string{"impersonate:serviceaccount"} },
		"plain impersonation":        func(r *rbacv1.PolicyRule) { r.Verbs = append(r.Verbs, "impersonate") },
		"any verb":                   func(r *rbacv1.PolicyRule) { r.Verbs = []string{"*"} },
		"the users of another group": func(r *rbacv1.PolicyRule) { r.APIGroups = []string{""} },
		"what may be done by it": func(r *rbacv1.PolicyRule) {
			r.APIGroups, r.Resources, r.Verbs = []string{"roster.dev"}, []string{"members"}, []string{"impersonate-on:user-info:list"}
		},
	} {
		rule := listing(ana)
		change(&rule)
		table["a list of "+name] = managerAttempt{lists(rule), badList}
		table["a list that comes to have "+name] = managerAttempt{lists(listing(ana), rule), badList}
	}
	w.managerAttempts(t, table)
}

// TestAListOfThousandsFits: the policies cost no more than the API server lets them, up to the size that the operator keeps to.
func TestAListOfThousandsFits(t *testing.T) {
	t.Parallel()
	w := withConsole(t)
	var names []string
	for size := 0; size < 1<<20; {
		names = append(names, fmt.Sprintf("person-%d@acme.example", len(names)))
		size += len(names[len(names)-1])
	}
	// A busy API server may need longer for so much than it gives itself.
	w.Eventually(func() error { return lists(listing(names...))(w, dry(w.as(manager))) }, testenv.Patience).Should(Succeed())
	names[len(names)-1] = "nobody"
	w.Eventually(func() error { return lists(listing(names...))(w, dry(w.almighty())) }, testenv.Patience).Should(MatchError(ContainSubstring(badList)))
}
