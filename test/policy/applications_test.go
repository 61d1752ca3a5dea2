// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func (w *world) application(name string, change ...func(a *rosterv1alpha1.Application)) *rosterv1alpha1.Application {
	a := &rosterv1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name},
		Spec:       rosterv1alpha1.ApplicationSpec{RedirectURIs: []string{"https://social.example.com/callback"}},
	}
	for _, c := range change {
		c(a)
	}
	return a
}

func createApplication(name string, change ...func(a *rosterv1alpha1.Application)) func(w *world, c client.Client) error {
	return createOther(func(w *world) client.Object { return w.application(name, change...) })
}

func updateApplication(name string, change ...func(a *rosterv1alpha1.Application)) func(w *world, c client.Client) error {
	return update[rosterv1alpha1.Application](name, change)
}

func deleteApplication(name string) func(w *world, c client.Client) error {
	return deleteOther(func(w *world) client.Object { return w.application(name) })
}

func returnsTo(addresses ...string) func(a *rosterv1alpha1.Application) {
	return func(a *rosterv1alpha1.Application) { a.Spec.RedirectURIs = addresses }
}

// TestOnlyThoseWhoMayChangeSettingsWriteApplications: who writes an Application decides where people are sent after they have signed in, and
// who may sign in. Nobody comes to hold more in Roster by it, so that its roles need not be within those of the writer.
func TestOnlyThoseWhoMayChangeSettingsWriteApplications(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Expect(createApplication("studio")(w, cluster.Client)).To(Succeed())
	w.Expect(cluster.Client.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "studio-openid"}})).To(Succeed())
	elsewhere := updateApplication("studio", returnsTo("https://elsewhere.example/cb"))
	known := func(a *rosterv1alpha1.Application) { a.Spec.SecretHash = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg" }
	forOwners := func(a *rosterv1alpha1.Application) {
		a.Spec.Members = &rosterv1alpha1.ApplicationMembers{Roles: []string{"Owner", "CoOwner"}}
	}
	getSecret := func(w *world, c client.Client) error {
		return c.Get(w.Context(), client.ObjectKey{Namespace: w.ns, Name: "studio-openid"}, &corev1.Secret{})
	}
	table := map[string]attempt{
		"a Manager, for roles above their own":        {ben, createApplication("tool", forOwners), ""},
		"a Manager, with a secret of their own":       {ben, updateApplication("studio", known), ""},
		"a status that says which secrets count":      {ben, patchStatus("Application", "studio", `{"status":{"secretHashes":[]}}`), noRight},
		"the same as an administrator":                {nina, patchStatus("Application", "studio", `{"status":{"secretHashes":[]}}`), noRight},
		"the Secret, as a Manager":                    {ben, getSecret, noRight},
		"the Secret, as the owner":                    {olivia, getSecret, noRight},
		"the Secret, as the portal":                   {portal, getSecret, noRight},
		"the Secret, as the manager, where not bound": {manager, getSecret, noRight},
		"an administrator of the namespace":           {nina, createApplication("tool"), ""},
		"Git":                                         {flux, elsewhere, ""},
		"a program that writes Members":               {pusher, createApplication("tool"), noRight},
		"the portal":                                  {portal, elsewhere, noRight},
		"the portal, a status":                        {portal, patchStatus("Application", "studio", `{"status":{"secretHashes":[]}}`), noRight},
	}
	for name, who := range map[string]string{"the owner": olivia, "a CoOwner": carla, "a Manager": ben} {
		table[name+" creates"] = attempt{who, createApplication("tool"), ""}
		table[name+" changes"] = attempt{who, elsewhere, ""}
		table[name+" deletes"] = attempt{who, deleteApplication("studio"), ""}
	}
	for name, who := range map[string]string{
		"a Member": ana, "who edits members": dora, "who may write roles and teams": lena, "an AdvancedMember": adam, "a ProfileConnector": pat,
		"an Administrator of a profile": eva, "an outsider": "mallory@elsewhere.example",
	} {
		table[name+" creates"] = attempt{who, createApplication("tool"), noRight}
		table[name+" changes"] = attempt{who, elsewhere, noRight}
		table[name+" deletes"] = attempt{who, deleteApplication("studio"), noRight}
		table[name+" gets the Secret"] = attempt{who, getSecret, noRight}
	}
	w.attempts(t, table)
}
