// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// in gives a workspace, with a role or without.
func in(workspace string, r rosterv1alpha1.ProfileRole) func(m *rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) {
		m.Spec.Workspaces = append(m.Spec.Workspaces, rosterv1alpha1.WorkspaceGrant{Name: workspace, Role: r})
	}
}

func offersIn(workspace string, r rosterv1alpha1.ProfileRole) func(inv *rosterv1alpha1.Invitation) {
	return func(inv *rosterv1alpha1.Invitation) {
		inv.Spec.Workspaces = append(inv.Spec.Workspaces, rosterv1alpha1.WorkspaceGrant{Name: workspace, Role: r})
	}
}

// onlyIn gives these workspaces and no other.
func onlyIn(workspaces ...rosterv1alpha1.WorkspaceGrant) func(m *rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) { m.Spec.Workspaces = workspaces }
}

func mayAdd(m *rosterv1alpha1.Member) { m.Spec.CanManageProfiles = ptr.To(true) }

func mayNotAdd(m *rosterv1alpha1.Member) { m.Spec.CanManageProfiles = ptr.To(false) }

func offersToAdd(inv *rosterv1alpha1.Invitation) { inv.Spec.CanManageProfiles = ptr.To(true) }

func TestOnlyManagersGiveWorkspaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	west, east := rosterv1alpha1.WorkspaceGrant{Name: "west", Role: editor}, rosterv1alpha1.WorkspaceGrant{Name: "east"}
	w.Expect(createMember("wes", onlyIn(west, east), joined)(w, cluster.Client)).To(Succeed())
	w.Expect(createMember("sue", onlyIn(west), suspended)(w, cluster.Client)).To(Succeed())
	refused := func(who, what string) string {
		return who + " may not give the workspaces " + what +
			": workspaces can be given only by those who may give every role on every profile. Ask a Manager, or give roles on single profiles."
	}
	many := func(m *rosterv1alpha1.Member) {
		for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
			in(name, guest)(m)
		}
	}
	w.attempts(t, map[string]attempt{
		"creates with one":                 {lena, createMember("zed", in("west", guest)), refused(lena, "west (Guest)")},
		"creates with one to look at":      {lena, createMember("zed", in("west", "")), refused(lena, "west")},
		"invites to one":                   {lena, invite("zed", offersIn("west", editor)), refused(lena, "west (Editor)")},
		"a team lead invites to one":       {dora, invite("zed", offersIn("west", guest)), refused(dora, "west (Guest)")},
		"adds one":                         {lena, updateMember("wes", in("north", "")), refused(lena, "north")},
		"raises the role":                  {lena, updateMember("wes", onlyIn(rosterv1alpha1.WorkspaceGrant{Name: "west", Role: administrator}, east)), refused(lena, "west (Administrator)")},
		"gives a role in one to look at":   {lena, updateMember("wes", onlyIn(west, rosterv1alpha1.WorkspaceGrant{Name: "east", Role: guest})), refused(lena, "east (Guest)")},
		"a CustomRole in one":              {lena, updateMember("wes", onlyIn(rosterv1alpha1.WorkspaceGrant{Name: "west", Role: "night-shift"}, east)), refused(lena, "west (night-shift)")},
		"lifts a suspension":               {lena, updateMember("sue", reactivated), refused(lena, "west (Editor)")},
		"many at once":                     {lena, createMember("zed", many), refused(lena, "a (Guest), b (Guest), c (Guest), d (Guest), e (Guest) and 2 more")},
		"takes one away":                   {lena, updateMember("wes", onlyIn(west)), ""},
		"takes all away":                   {lena, updateMember("wes", onlyIn()), ""},
		"takes the role away":              {lena, updateMember("wes", onlyIn(rosterv1alpha1.WorkspaceGrant{Name: "west"}, east)), ""},
		"a Manager gives one":              {ben, createMember("zed", in("west", administrator), in("tomorrow", "night-shift")), ""},
		"a Manager invites to one":         {ben, invite("zed", offersIn("west", administrator)), ""},
		"a Manager lifts the suspension":   {ben, updateMember("sue", reactivated), ""},
		"a GitOps controller gives one":    {flux, createMember("zed", in("west", administrator)), ""},
		"the operator, to who accepted":    {manager, createMember("zed", in("west", administrator), joined), ""},
		"a Manager gives it to themselves": {ben, updateMember("ben", in("west", guest)), "ben@acme.example may not change their own workspaces. Ask somebody else who may: the owner, a CoOwner or another Manager."},
	})
}

func TestOnlyWhoMayGiveAdvancedMemberLetsPeopleAddProfiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Expect(createMember("max", mayAdd)(w, cluster.Client)).To(Succeed())
	w.Expect(createMember("sue", mayAdd, suspended)(w, cluster.Client)).To(Succeed())
	w.Expect(createMember("cid", mayAdd, role(connector))(w, cluster.Client)).To(Succeed())
	w.Expect(createMember("bill", mayAdd, role("billing"))(w, cluster.Client)).To(Succeed())
	refused := func(who string) string {
		return who + " may not turn on canManageProfiles: it allows as much as the role AdvancedMember, which they may not give. " +
			"Ask the owner, a CoOwner or a Manager."
	}
	w.attempts(t, map[string]attempt{
		"creates with it":    {lena, createMember("zed", mayAdd), refused(lena)},
		"turns it on":        {lena, updateMember("ana", mayAdd), refused(lena)},
		"invites with it":    {dora, invite("zed", offersToAdd), refused(dora)},
		"lifts a suspension": {lena, updateMember("sue", reactivated), refused(lena)},
		"of a ProfileConnector, whom it says nothing of, to a Member": {lena, updateMember("cid", role(memberRole)), refused(lena)},
		"of a CustomRole, which it says nothing of, to a Member":      {lena, updateMember("bill", role(memberRole)), refused(lena)},
		"of a ProfileConnector to a Member, turning it off":           {lena, updateMember("cid", role(memberRole), mayNotAdd), ""},
		"a program": {pusher, updateMember("ana", mayAdd), pusher + " may not turn on canManageProfiles: it allows as much as the role AdvancedMember, " +
			"and it lacks the verb grant on orgroles/AdvancedMember. Bind the ClusterRole roster-admin to it."},
		"turns it off":              {lena, updateMember("max", mayNotAdd), ""},
		"renames":                   {lena, updateMember("max", called("Max")), ""},
		"a Manager turns it on":     {ben, updateMember("ana", mayAdd), ""},
		"a GitOps controller":       {flux, createMember("zed", mayAdd), ""},
		"a CoOwner, for themselves": {carla, updateMember("carla", mayAdd), "carla@acme.example may not change their own right to add profiles. Ask somebody else who may: the owner, a CoOwner or another Manager."},
	})
}

func TestACustomRoleIsGivenWithinOnesOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused := func(who, r string) string {
		return who + " may not give the role " + r + ": it allows more than their own, or is no CustomRole that can be used. Ask the owner, a CoOwner or a Manager."
	}
	onOne := func(who, what string) string {
		return who + " may not give " + what + ": CustomRoles on profiles can be given only by those who may give every role on every profile. Ask a Manager, or give a built-in role."
	}
	w.Expect(createMember("nell", on("acme-x", "night-shift"), joined)(w, cluster.Client)).To(Succeed())
	w.Expect(createMember("gus", on("acme-x", "no-such-role"))(w, cluster.Client)).To(Succeed())
	w.attempts(t, map[string]attempt{
		"their own":                              {lena, createMember("zed", role("lead")), ""},
		"their own, by invitation":               {lena, invite("zed", offers("lead")), ""},
		"one of more":                            {lena, createMember("zed", role("billing")), refused(lena, "billing")},
		"one of more, by invitation":             {lena, invite("zed", offers("billing")), refused(lena, "billing")},
		"one of more, later":                     {lena, updateMember("ana", role("billing")), refused(lena, "billing")},
		"one that does not exist":                {lena, createMember("zed", role("tomorrow")), refused(lena, "tomorrow")},
		"one that does not exist, as a Manager":  {ben, createMember("zed", role("tomorrow")), refused(ben, "tomorrow")},
		"one on profiles, as a Manager":          {ben, createMember("zed", role("night-shift")), refused(ben, "night-shift")},
		"one of CoOwners, as a Manager":          {ben, createMember("zed", role("billing")), refused(ben, "billing")},
		"one of CoOwners, by invitation":         {ben, invite("zed", offers("billing")), refused(ben, "billing")},
		"a built-in one of more":                 {lena, createMember("zed", role(advanced)), "lena@acme.example may not give the role AdvancedMember: it is above their own. Ask the owner, a CoOwner or a Manager."},
		"a Manager, one within their own":        {ben, createMember("zed", role("lead")), ""},
		"a CoOwner":                              {carla, createMember("zed", role("billing")), ""},
		"a GitOps controller, even one to come":  {flux, createMember("zed", role("tomorrow")), ""},
		"a team lead who may give Member":        {dora, createMember("zed", role("lead")), refused(dora, "lead")},
		"on a profile":                           {lena, createMember("zed", on("acme-fb", "night-shift")), onOne(lena, "night-shift on acme-fb")},
		"on a profile, by invitation":            {dora, invite("zed", offersOn("acme-fb", "night-shift")), onOne(dora, "night-shift on acme-fb")},
		"in the place of a built-in one":         {lena, updateMember("ana", on("acme-fb", "night-shift")), onOne(lena, "night-shift on acme-fb")},
		"a built-in one in its place":            {lena, updateMember("nell", on("acme-x", guest)), "lena@acme.example may not give Guest on acme-x: they do not hold all of that themselves. Ask a Manager."},
		"a built-in one in the place of nothing": {lena, updateMember("gus", on("acme-x", guest)), "lena@acme.example may not give Guest on acme-x: they do not hold all of that themselves. Ask a Manager."},
		"taking it away":                         {lena, updateMember("nell", notOn("acme-x")), ""},
		"beside what was there":                  {lena, updateMember("nell", on("acme-fb", editor)), ""},
		"a Manager on a profile":                 {ben, createMember("zed", on("acme-fb", "night-shift"), on("tomorrow", "no-such-role")), ""},
		"a GitOps controller on a profile":       {flux, createMember("zed", on("acme-fb", "night-shift")), ""},
	})
}
