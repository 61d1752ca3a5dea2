// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

const (
	inOrganization = rosterv1alpha1.ScopeOrganization
	onProfiles     = rosterv1alpha1.ScopeProfile
)

func createRole(name string, scope rosterv1alpha1.RoleScope, allows ...rosterv1alpha1.RolePermission) func(w *world, c client.Client) error {
	return createOther(func(w *world) client.Object { return w.customRole(name, scope, allows...) })
}

func updateRole(name string, change ...func(r *rosterv1alpha1.CustomRole)) func(w *world, c client.Client) error {
	return update[rosterv1alpha1.CustomRole](name, change)
}

// allows adds to what a role allows.
func allows(permissions ...rosterv1alpha1.RolePermission) func(r *rosterv1alpha1.CustomRole) {
	return func(r *rosterv1alpha1.CustomRole) { r.Spec.Permissions = append(r.Spec.Permissions, permissions...) }
}

func allowsOnly(permissions ...rosterv1alpha1.RolePermission) func(r *rosterv1alpha1.CustomRole) {
	return func(r *rosterv1alpha1.CustomRole) { r.Spec.Permissions = permissions }
}

// refusedIntoRole is the message about a permission that somebody lacks.
func refusedIntoRole(who, permission, role string) string {
	says := who + " may not put " + permission + " into the CustomRole " + role
	switch {
	case strings.HasPrefix(who, "system:serviceaccount:"):
		return says + ": it lacks the verb grant on orgpermissions/" + permission + ". Bind the ClusterRole roster-admin to it."
	case permission == "ManageSubscription":
		return says + ": they may not do that themselves. Ask the owner or a CoOwner."
	}
	return says + ": they may not do that themselves. Ask the owner, a CoOwner or a Manager."
}

func TestNobodyPutsMoreIntoACustomRoleThanTheyMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bindRole("pushes-roles", pusher, rosterRule([]string{"customroles"}, nil, "get", "create", "update"))
	w.Eventually(func() error { return createRole("x", inOrganization, "ViewTeam")(w, dry(w.as(pusher))) }).
		Should(MatchError(ContainSubstring("denied request")), "the right to write roles is known")
	onEvery := func(who, what, role string) string {
		return who + " may not put " + what + " into the CustomRole " + role +
			": roles of the scope Profile can be used on every profile, and can be written only by those who may give every role there. Ask a Manager."
	}
	renamed := func(r *rosterv1alpha1.CustomRole) { r.Spec.DisplayName = "Lead" }
	w.attempts(t, map[string]attempt{
		"what they may themselves":                 {lena, createRole("x", inOrganization, "ManageRoles", "ViewTeam"), ""},
		"one of several is more":                   {lena, createRole("x", inOrganization, "ViewTeam", "BuyAddOns"), refusedIntoRole(lena, "BuyAddOns", "x")},
		"raising the own role":                     {lena, updateRole("lead", allows("AdministerProfiles")), refusedIntoRole(lena, "AdministerProfiles", "lead")},
		"raising the role of another":              {lena, updateRole("billing", allows("ManageContacts")), refusedIntoRole(lena, "ManageContacts", "billing")},
		"exchanging one for another":               {lena, updateRole("lead", allowsOnly("ManageSettings")), refusedIntoRole(lena, "ManageSettings", "lead")},
		"adding what they may to another's":        {lena, updateRole("billing", allows("ViewTeam")), ""},
		"taking out what they may not":             {lena, updateRole("billing", allowsOnly("ViewSubscription")), ""},
		"renaming a role of more than they may":    {lena, updateRole("billing", renamed), ""},
		"a role on profiles":                       {lena, createRole("x", onProfiles, "schedule", "get"), onEvery(lena, "schedule, get", "x")},
		"raising a role on profiles":               {lena, updateRole("night-shift", allows("publish")), onEvery(lena, "publish", "night-shift")},
		"renaming a role on profiles":              {lena, updateRole("night-shift", renamed), ""},
		"a Manager, what CoOwners may":             {ben, createRole("x", inOrganization, "ManageSubscription"), refusedIntoRole(ben, "ManageSubscription", "x")},
		"a Manager raises to what CoOwners may":    {ben, updateRole("lead", allows("ManageSubscription")), refusedIntoRole(ben, "ManageSubscription", "lead")},
		"a Manager, a role on profiles":            {ben, createRole("x", onProfiles, "publish", "connect"), ""},
		"a Manager raises a role on profiles":      {ben, updateRole("night-shift", allows("publish")), ""},
		"a CoOwner, what CoOwners may":             {carla, createRole("x", inOrganization, "ManageSubscription"), ""},
		"the owner":                                {olivia, updateRole("lead", allows("ManageSubscription")), ""},
		"a namespace administrator":                {nina, updateRole("lead", allows("ManageSubscription")), ""},
		"a GitOps controller":                      {flux, createRole("x", onProfiles, "publish"), ""},
		"a program that may give nothing":          {pusher, createRole("x", inOrganization, "ViewTeam"), refusedIntoRole(pusher, "ViewTeam", "x")},
		"a program that may give nothing, raising": {pusher, updateRole("billing", allows("ManageMembers")), refusedIntoRole(pusher, "ManageMembers", "billing")},
		"who may not write roles at all":           {adam, createRole("x", inOrganization, "AddProfiles"), noRight},
		"a team lead without the right":            {dora, updateRole("night-shift", allows("publish")), noRight},
	})
}

// TestEachPermissionOfACustomRoleIsAskedFor: none is forgotten in the row of rules.
func TestEachPermissionOfACustomRoleIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	table := map[string]attempt{}
	held := map[string]bool{"ViewTeam": true, "ManageMembers": true, "ManageTeams": true, "ManageRoles": true}
	all := strings.FieldsSeq("ViewTeam ManageMembers ManageTeams ManageRoles ManageSettings ViewSubscription BuyAddOns ManageSubscription " +
		"ManageContacts AdministerProfiles AddProfiles")
	for p := range all {
		create := createRole("x", inOrganization, rosterv1alpha1.RolePermission(p))
		says := ""
		if !held[p] {
			says = refusedIntoRole(lena, p, "x")
		}
		table["the lead, "+p] = attempt{lena, create, says}
		table["the owner, "+p] = attempt{olivia, create, ""}
		says = ""
		if p == "ManageSubscription" {
			says = refusedIntoRole(ben, p, "x")
		}
		table["a Manager, "+p] = attempt{ben, create, says}
	}
	w.attempts(t, table)
}

// TestARoleMadeAnewIsAskedForAnew: the same name gives no right to the same contents, and no more than the name gave.
func TestARoleMadeAnewIsAskedForAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.as(lena)
	for _, name := range []string{"billing", "night-shift"} {
		w.Expect(c.Delete(t.Context(), w.customRole(name, inOrganization))).To(Succeed())
	}
	w.expectRefused(createRole("billing", inOrganization, "ViewSubscription", "ManageSubscription")(w, c), refusedIntoRole(lena, "ViewSubscription", "billing"))
	w.expectRefused(createRole("night-shift", onProfiles, "schedule")(w, c), "lena@acme.example may not put schedule into the CustomRole night-shift: "+
		"roles of the scope Profile can be used on every profile, and can be written only by those who may give every role there. Ask a Manager.")
}
