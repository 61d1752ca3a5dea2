// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestNobodyChangesTheirOwnRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused := func(who, what string) string {
		return who + " may not change their own " + what + ". Ask somebody else who may: the owner, a CoOwner or another Manager."
	}
	w.attempts(t, map[string]attempt{
		"a Manager lowers their role":       {ben, updateMember("ben", role(memberRole)), refused(ben, "role (Manager to Member)")},
		"a CoOwner lowers their role":       {carla, updateMember("carla", role(managerRole)), refused(carla, "role (CoOwner to Manager)")},
		"the owner changes what lies below": {olivia, updateMember("olivia", role(managerRole)), refused(olivia, "role (CoOwner to Manager)")},
		"a Manager adds a profile":          {ben, updateMember("ben", on("acme-fb", editor)), refused(ben, "profiles")},
		"a team lead takes a profile off":   {dora, updateMember("dora", notOn("acme-x")), refused(dora, "profiles")},
		"a Manager suspends themself":       {ben, updateMember("ben", suspended), refused(ben, "suspension")},
		"several at once": {ben, updateMember("ben", suspended, on("acme-fb", editor), role(memberRole)),
			refused(ben, "role (Manager to Member), profiles, suspension")},
		"a Manager edits their name": {ben, updateMember("ben", called("Ben Okafor")), ""},
		"another Manager's":          {carla, updateMember("ben", role(memberRole)), ""},
	})
}

// TestThemselvesUnderOtherNames: clusters may put a prefix before the address, and addresses are compared without regard to case.
func TestThemselvesUnderOtherNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, address := range map[string]string{
		"mixed": "Mia.Wang@Acme.Example", "umlaut": "uwe@bücher.example", "wide": "wendy@\uff41cme.example", "plus": "pia+work@acme.example", "parts": "jo\u0308rg@acme.example",
	} {
		w.Expect(cluster.Client.Create(t.Context(), w.member(name, email(address), role(managerRole)))).To(Succeed())
	}
	parts := &rosterv1alpha1.Member{}
	w.Expect(cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: w.ns, Name: "parts"}, parts)).To(Succeed())
	parts.Status.Email = "jörg@acme.example" // as the operator writes it
	w.Expect(cluster.Client.Status().Update(t.Context(), parts)).To(Succeed())
	users := map[string]string{
		"oidc:jörg@acme.example":                            "parts",
		"mia.wang@acme.example":                             "mixed",
		"MIA.WANG@acme.example":                             "mixed",
		"oidc:mia.wang@acme.example":                        "mixed",
		"https://login.acme.example#mia.wang@acme.example":  "mixed",
		"https://login.acme.example/#mia.wang@acme.example": "mixed",
		"sso/mia.wang@acme.example":                         "mixed",
		"uwe@xn--bcher-kva.example":                         "umlaut",
		"oidc:uwe@xn--bcher-kva.example":                    "umlaut",
		"wendy@acme.example":                                "wide",
		"pia+work@acme.example":                             "plus",
	}
	strangers := map[string]string{
		"a.mia.wang@acme.example":         "mixed",
		"mia.wang@acme.example.org":       "mixed",
		"oidc:x+mia.wang@acme.example":    "mixed",
		"bruwe@xn--bcher-kva.example":     "umlaut",
		"work@acme.example":               "plus",
		"mia.wang@acme.example:something": "mixed",
	}
	edit := rosterRule([]string{"members"}, nil, "get", "update")
	grant := rosterRule([]string{"orgroles"}, []string{"Manager", "Member"}, "grant")
	i := 0
	for _, group := range []map[string]string{users, strangers} {
		for user := range group {
			i++
			w.bindRole("user-"+string(rune('a'+i)), user, edit, grant)
		}
	}
	for user, name := range strangers {
		w.Eventually(func() error { return updateMember(name, called(user))(w, w.as(user)) }).Should(Succeed())
		w.Expect(updateMember(name, role(memberRole))(w, dry(w.as(user)))).To(Succeed(), "%s is not %s", user, name)
	}
	for user, name := range users {
		w.Eventually(func() error { return updateMember(name, called(user))(w, w.as(user)) }).Should(Succeed())
		w.expectRefused(updateMember(name, role(memberRole))(w, dry(w.as(user))),
			user+" may not change their own role (Manager to Member). Ask somebody else who may: the owner, a CoOwner or another Manager.")
	}
}

// TestPlatformAdministratorsMayChangeTheirOwn: who may grant on every name is trusted with all of them anyway.
func TestPlatformAdministratorsMayChangeTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Expect(cluster.Client.Create(t.Context(), w.member("nina", email(nina)))).To(Succeed())
	w.attempts(t, map[string]attempt{
		"an administrator of the namespace": {nina, updateMember("nina", role(rosterv1alpha1.RoleCoOwner)), ""},
	})
}
