// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	. "github.com/onsi/gomega"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// TestTakingAnInvitationOverIsGiving: whoever writes their name into spec.invitedBy answers for what is offered, so they must be allowed to
// give all of it. Otherwise somebody who is no Member, and so is not asked about when it is accepted, could revive what another may no
// longer give.
func TestTakingAnInvitationOverIsGiving(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.attempts(t, map[string]attempt{
		"a Manager takes that of a CoOwner over": {ben, updateInvitation("gina", invitedBy(ben)),
			"ben@acme.example may not give the role CoOwner: it is above their own. Ask the owner or a CoOwner."},
		"a CoOwner takes that of a CoOwner over": {carla, updateInvitation("gina", invitedBy(carla)), ""},
		"a Manager takes a lower one over":       {ben, updateInvitation("zoe", invitedBy(ben)), ""},
	})
}

// TestNobodyOffersMoreInTheNameOfAnother: what somebody adds to an Invitation is asked about again, when it is accepted, as what they may
// still give. So it has to be their Invitation.
func TestNobodyOffersMoreInTheNameOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	full := []func(inv *rosterv1alpha1.Invitation){invitedBy(olivia), offers(advanced), offersOn("acme-fb", editor), offersIn("west", guest)}
	w.Expect(invite("yan", full...)(w, cluster.Client)).To(Succeed())
	w.Expect(invite("rick", append(full, revoked)...)(w, cluster.Client)).To(Succeed())
	w.Expect(invite("xena")(w, w.as(flux))).To(Succeed(), "in nobody's name")
	lowered := func(inv *rosterv1alpha1.Invitation) { inv.Spec.Profiles[0].Role = guest }
	without := func(inv *rosterv1alpha1.Invitation) { inv.Spec.Profiles, inv.Spec.Workspaces = nil, nil }
	refused := func(who, name string) string {
		return who + " may not change what the Invitation " + name + " offers: olivia@acme.example answers for it (spec.invitedBy). " +
			"Write your own address into spec.invitedBy, too, or ask them."
	}
	w.attempts(t, map[string]attempt{
		"a role":                               {ben, updateInvitation("yan", offers(managerRole)), refused(ben, "yan")},
		"a lower role":                         {ben, updateInvitation("yan", offers(memberRole)), refused(ben, "yan")},
		"a profile":                            {ben, updateInvitation("yan", offersOn("acme-x", guest)), refused(ben, "yan")},
		"a CustomRole on a profile":            {ben, updateInvitation("yan", offersOn("acme-x", "night-shift")), refused(ben, "yan")},
		"a workspace":                          {ben, updateInvitation("yan", offersIn("east", "")), refused(ben, "yan")},
		"to add profiles":                      {ben, updateInvitation("yan", offersToAdd), refused(ben, "yan")},
		"while lifting the revocation":         {ben, updateInvitation("rick", offeredAgain, offers(managerRole)), refused(ben, "rick")},
		"a profile, while lifting it":          {ben, updateInvitation("rick", offeredAgain, offersOn("acme-x", guest)), refused(ben, "rick")},
		"a team lead":                          {dora, updateInvitation("zoe", offersOn("acme-fb", guest)), refused(dora, "zoe")},
		"taking it over":                       {ben, updateInvitation("yan", offers(managerRole), offersOn("acme-x", guest), invitedBy(ben)), ""},
		"the owner herself":                    {olivia, updateInvitation("yan", offers(managerRole)), ""},
		"in nobody's name":                     {ben, updateInvitation("xena", offers(managerRole)), ""},
		"a GitOps controller":                  {flux, updateInvitation("yan", offers(managerRole)), ""},
		"lowering a role on a profile":         {ben, updateInvitation("yan", lowered), ""},
		"taking profiles and workspaces away":  {ben, updateInvitation("yan", without), ""},
		"lifting the revocation, nothing more": {ben, updateInvitation("rick", offeredAgain), ""},
		"revoking":                             {ben, updateInvitation("yan", revoked), ""},
		"asking for another mail":              {ben, updateInvitation("yan", resent), ""},
	})
}
