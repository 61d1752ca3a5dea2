// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"fmt"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

const (
	coOwner       = rosterv1alpha1.RoleCoOwner
	managerRole   = rosterv1alpha1.RoleManager
	advanced      = rosterv1alpha1.RoleAdvancedMember
	memberRole    = rosterv1alpha1.RoleMember
	connector     = rosterv1alpha1.RoleProfileConnector
	administrator = rosterv1alpha1.ProfileAdministrator
	editor        = rosterv1alpha1.ProfileEditor
	moderator     = rosterv1alpha1.ProfileModerator
	guest         = rosterv1alpha1.ProfileGuest
)

// TestNobodyGivesARoleAboveTheirOwn: X-03. Neither by YAML nor by an invitation.
func TestNobodyGivesARoleAboveTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const benCoOwner = "ben@acme.example may not give the role CoOwner: it is above their own. Ask the owner or a CoOwner."
	const doraManager = "dora@acme.example may not give the role Manager: it is above their own. Ask the owner, a CoOwner or a Manager."
	w.attempts(t, map[string]attempt{
		"a Manager creates a CoOwner":                      {ben, createMember("zed", role(coOwner)), benCoOwner},
		"a Manager creates a suspended CoOwner":            {ben, createMember("zed", role(coOwner), suspended), benCoOwner},
		"a Manager invites a CoOwner":                      {ben, invite("zed", offers(coOwner)), benCoOwner},
		"a Manager raises a Member to CoOwner":             {ben, updateMember("ana", role(coOwner)), benCoOwner},
		"a Manager raises an invitation to CoOwner":        {ben, updateInvitation("zoe", offers(coOwner)), benCoOwner},
		"a Manager lifts the suspension of a CoOwner":      {ben, updateMember("cora", reactivated), benCoOwner},
		"a Manager lifts the revocation for a CoOwner":     {ben, updateInvitation("gina", offeredAgain), benCoOwner},
		"a team lead creates a Manager":                    {dora, createMember("zed", role(managerRole)), doraManager},
		"a team lead invites an AdvancedMember":            {dora, invite("zed", offers(advanced)), "dora@acme.example may not give the role AdvancedMember: it is above their own. Ask the owner, a CoOwner or a Manager."},
		"a program without the right to give roles":        {pusher, createMember("zed"), "system:serviceaccount:acme:sync may not give the role Member: it lacks the verb grant on orgroles/Member. Bind the ClusterRole roster-admin to it."},
		"a program without the right to give invites":      {pusher, invite("zed", offers(connector)), "system:serviceaccount:acme:sync may not give the role ProfileConnector: it lacks the verb grant on orgroles/ProfileConnector. Bind the ClusterRole roster-admin to it."},
		"a Manager creates a Manager":                      {ben, createMember("zed", role(managerRole)), ""},
		"a Manager invites without saying to what":         {ben, invite("zed"), ""},
		"a Manager invites a ProfileConnector":             {ben, invite("zed", offers(connector)), ""},
		"a Manager raises a Member to Manager":             {ben, updateMember("ana", role(managerRole)), ""},
		"a Manager makes a CoOwner a Member":               {ben, updateMember("carla", role(memberRole)), ""},
		"a Manager suspends a CoOwner":                     {ben, updateMember("carla", suspended), ""},
		"a Manager revokes an invitation":                  {ben, updateInvitation("zoe", revoked), ""},
		"a Manager renames a CoOwner":                      {ben, updateMember("carla", called("Carla Rossi")), ""},
		"a Manager asks for another mail to a CoOwner":     {ben, updateInvitation("gina", resent), ""},
		"a Manager invites a declared CoOwner again":       {ben, invite("cora", forMember("cora")), ""},
		"a team lead creates a Member":                     {dora, createMember("zed", role(memberRole)), ""},
		"a team lead invites without saying to what":       {dora, invite("zed"), ""},
		"a CoOwner creates a CoOwner":                      {carla, createMember("zed", role(coOwner)), ""},
		"a CoOwner lifts the suspension of a CoOwner":      {carla, updateMember("cora", reactivated), ""},
		"the owner invites a CoOwner":                      {olivia, invite("zed", offers(coOwner)), ""},
		"a namespace administrator creates a CoOwner":      {nina, createMember("zed", role(coOwner)), ""},
		"a GitOps controller creates a CoOwner":            {flux, createMember("zed", role(coOwner), on("acme-x", administrator)), ""},
		"the operator makes a Member of who accepted":      {manager, createMember("zed", role(coOwner), on("acme-x", administrator), joined), ""},
		"the operator invites a declared CoOwner":          {manager, invite("cora", forMember("cora")), ""},
		"the operator binds a Member to an Account":        {manager, updateMember("cora", joined), ""},
		"a program that only edits what is no role passes": {pusher, updateMember("ana", called("Ana Lima")), ""},
	})
}

func TestNobodyGivesMoreOnAProfileThanTheyHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused := func(what string) string {
		return "dora@acme.example may not give " + what + ": they do not hold all of that themselves. Ask a Manager."
	}
	w.attempts(t, map[string]attempt{
		"a stronger role than their own":           {dora, updateMember("ana", on("acme-fb", administrator)), refused("Administrator on acme-fb")},
		"a role on a profile that they only see":   {dora, updateMember("ana", on("acme-x", moderator)), refused("Moderator on acme-x")},
		"any role on a profile that they lack":     {dora, createMember("zed", on("acme-ads", guest)), refused("Guest on acme-ads")},
		"a role on a profile that does not exist":  {dora, createMember("zed", on("tomorrow", guest)), refused("Guest on tomorrow")},
		"one of several":                           {dora, createMember("zed", on("acme-fb", editor), on("acme-x", editor)), refused("Editor on acme-fb, Editor on acme-x")},
		"by invitation":                            {dora, invite("zed", offersOn("acme-fb", administrator)), refused("Administrator on acme-fb")},
		"what they hold":                           {dora, createMember("zed", on("acme-fb", editor), on("acme-x", guest)), ""},
		"less than they hold":                      {dora, invite("zed", offersOn("acme-fb", moderator)), ""},
		"a weaker role than before":                {dora, updateMember("ana", on("acme-fb", guest)), ""},
		"taking away":                              {dora, updateMember("ana", notOn("acme-fb")), ""},
		"a Manager gives any role on any profile":  {ben, createMember("zed", on("acme-fb", administrator), on("tomorrow", editor)), ""},
		"a namespace administrator does":           {nina, createMember("zed", on("acme-fb", administrator)), ""},
		"adding beside what was there gives a new": {dora, updateMember("ana", on("acme-ads", editor)), refused("Editor on acme-ads")},
	})
}

// TestLoweringIsNoGiving: taking some of a strong role away from somebody needs no role on the profile.
func TestLoweringIsNoGiving(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Expect(cluster.Client.Create(t.Context(), w.member("eve", on("acme-ads", administrator)))).To(Succeed())
	w.attempts(t, map[string]attempt{
		"to Editor":    {dora, updateMember("eve", on("acme-ads", editor)), ""},
		"to Moderator": {dora, updateMember("eve", on("acme-ads", moderator)), ""},
		"to Guest":     {dora, updateMember("eve", on("acme-ads", guest)), ""},
	})
	w.Expect(client.IgnoreNotFound(updateMember("eve", on("acme-ads", guest))(w, w.as(dora)))).To(Succeed())
	w.attempts(t, map[string]attempt{
		"and not back": {dora, updateMember("eve", on("acme-ads", editor)),
			"dora@acme.example may not give Editor on acme-ads: they do not hold all of that themselves. Ask a Manager."},
	})
}

// TestEachOfTwentyPermissionsIsAskedFor: the one that is missing may stand anywhere.
func TestEachOfTwentyPermissionsIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var held []string
	for i := range 20 {
		held = append(held, fmt.Sprintf("held-%d", i))
	}
	w.bindRole("held", dora, rosterRule([]string{"socialprofiles"}, held, "get"))
	give := func(names []string) func(w *world, c client.Client) error {
		var changes []func(m *rosterv1alpha1.Member)
		for _, name := range names {
			changes = append(changes, on(name, guest))
		}
		return createMember("zed", changes...)
	}
	w.Eventually(func() error { return give(held)(w, dry(w.as(dora))) }).Should(Succeed())
	for i := range held {
		names := slices.Clone(held)
		names[i] = "another"
		w.Expect(give(names)(w, dry(w.as(dora)))).To(MatchError(apierrors.IsForbidden, "forbidden"), "the one at %d", i)
	}
}

// TestManyProfilesStayWithinTheCostLimit: 500 profiles, the most that a Member may name, at the length that names may have.
func TestManyProfilesStayWithinTheCostLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := func(n int, r rosterv1alpha1.ProfileRole) func(m *rosterv1alpha1.Member) {
		return func(m *rosterv1alpha1.Member) {
			m.Spec.Profiles = nil
			for i := range n {
				m.Spec.Profiles = append(m.Spec.Profiles, rosterv1alpha1.ProfileGrant{Name: fmt.Sprintf("profile-%0245d", i), Role: r})
			}
		}
	}
	w.Expect(cluster.Client.Create(t.Context(), w.member("eve", all(500, guest)))).To(Succeed())
	w.Expect(cluster.Client.Create(t.Context(), w.member("nell", all(500, "night-shift")))).To(Succeed())
	w.bindRole("all-profiles", dora, everythingOnProfiles())
	w.Eventually(func() error {
		return createMember("zed", on("acme-ads", administrator))(w, dry(w.as(dora)))
	}).Should(Succeed())
	tooMany := func(n int) string {
		return fmt.Sprintf("dora@acme.example may not give roles on %d profiles at once: without the right to make Managers, only 20 permissions "+
			"can be given in one step (an Editor is 5). Give fewer, or ask a Manager.", n)
	}
	w.attempts(t, map[string]attempt{
		"a Manager creates":                       {ben, createMember("zed", all(500, administrator)), ""},
		"a Manager raises all":                    {ben, updateMember("eve", all(500, administrator)), ""},
		"somebody who holds them, 20 permissions": {dora, createMember("zed", all(4, editor)), ""},
		"20 single ones":                          {dora, createMember("zed", all(20, guest)), ""},
		"somebody who holds them, 25 permissions": {dora, createMember("zed", all(5, editor)), tooMany(5)},
		"500 at once":                             {dora, updateMember("eve", all(500, administrator)), tooMany(500)},
		"taking one of 500 CustomRoles away":      {dora, updateMember("nell", all(499, "night-shift")), ""},
		"taking 499 away":                         {dora, updateMember("eve", all(1, guest)), ""},
	})
}
