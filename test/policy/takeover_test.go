// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"
)

// TestTakingAnInvitationOverIsGiving: the person who writes their name into spec.invitedBy answers for what is offered, so they must be
// allowed to give all of it. Otherwise somebody who is no Member, and so is not asked about when it is accepted, could revive what another
// may no longer give.
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
