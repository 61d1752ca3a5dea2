// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
)

func TestCheck(t *testing.T) {
	notAllowed := func(in *Input) { in.Organization.Spec.Invitations.AllowedDomains = []string{"other.example"} }
	lostRight := func(in *Input) { in.InviterLostRight = true }
	shownFor := func(uid string) builder { return func(in *Input) { in.Invitation.Status.MemberUID = uid } }
	cases := map[string]struct {
		in      Input
		attempt int32
		now     time.Duration
		want    Verdict
	}{
		"open":                                 {build(sent(0)), 1, time.Hour, LinkOpen},
		"open to the last second":              {build(sent(0)), 1, 72*time.Hour - time.Second, LinkOpen},
		"expired, whatever the state says":     {build(sent(0)), 1, 72 * time.Hour, LinkExpired},
		"expired":                              {build(sent(0), state(rosterv1alpha1.InvitationExpired)), 1, 72 * time.Hour, LinkExpired},
		"renewable":                            {build(sent(0), selfRenewal), 1, 72 * time.Hour, LinkRenewable},
		"renewing":                             {build(sent(0), selfRenewal, renewalAskedAt(72*time.Hour)), 1, 73 * time.Hour, LinkRenewing},
		"mailed, not written yet":              {build(), 1, 0, LinkNotReady},
		"resent, not written yet":              {build(sent(0)), 2, 0, LinkNotReady},
		"an older link":                        {build(sent(0), sent(time.Hour)), 1, time.Hour, LinkSuperseded},
		"a resend that is on its way":          {build(sent(0), state(rosterv1alpha1.InvitationPending)), 1, time.Hour, LinkSuperseded},
		"used":                                 {build(sent(0), state(rosterv1alpha1.InvitationAccepted)), 1, time.Hour, LinkAccepted},
		"declined":                             {build(sent(0), state(rosterv1alpha1.InvitationDeclined)), 1, time.Hour, LinkDeclined},
		"revoked":                              {build(sent(0), state(rosterv1alpha1.InvitationRevoked)), 1, time.Hour, LinkRevoked},
		"revoked, not written yet":             {build(sent(0), isRevoked), 1, time.Hour, LinkRevoked},
		"undeliverable":                        {build(sent(0), state(rosterv1alpha1.InvitationUndeliverable)), 1, time.Hour, LinkRevoked},
		"no organisation":                      {build(sent(0), func(in *Input) { in.Organization = nil }), 1, time.Hour, LinkRevoked},
		"being deleted":                        {build(sent(0), func(in *Input) { in.Invitation.DeletionTimestamp = ptr.To(at(0)) }), 1, time.Hour, LinkRevoked},
		"declared":                             {build(declared, sent(0), shownFor("m-1")), 1, time.Hour, LinkOpen},
		"declared, then removed":               {build(declared, sent(0), shownFor("m-1"), func(in *Input) { in.Member = nil }), 1, time.Hour, LinkRevoked},
		"declared, removed and declared again": {build(declared, sent(0), shownFor("m-0")), 1, time.Hour, LinkRevoked},
		"declared, being deleted":              {build(declared, sent(0), member(func(m *rosterv1alpha1.Member) { m.DeletionTimestamp = &metav1.Time{} })), 1, time.Hour, LinkRevoked},
		"declared, suspended":                  {build(declared, sent(0), member(func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) })), 1, time.Hour, LinkSuspended},
		"the membership would have ended":      {build(sent(0), endsAfter(time.Hour)), 1, time.Hour, LinkEnded},
		"it ends before the link does":         {build(sent(0), endsAfter(time.Hour)), 1, time.Hour - time.Second, LinkOpen},
		"ended, renewable":                     {build(sent(0), endsAfter(time.Hour), selfRenewal), 1, 72 * time.Hour, LinkEnded},
		"declared, ended": {build(declared, sent(0), member(func(m *rosterv1alpha1.Member) { m.Spec.EndTime = ptr.To(at(time.Hour)) })),
			1, time.Hour, LinkEnded},
		"the domain is not allowed any more": {build(sent(0), notAllowed), 1, time.Hour, LinkNotAllowed},
		"the inviter lost the right":         {build(sent(0), lostRight), 1, time.Hour, LinkInviterLostRight},
		"lost the right, domain not allowed": {build(sent(0), lostRight, notAllowed), 1, time.Hour, LinkNotAllowed},
		"lost the right, renewable":          {build(sent(0), lostRight, selfRenewal), 1, 72 * time.Hour, LinkInviterLostRight},
		"lost the right, superseded":         {build(sent(0), sent(time.Hour), lostRight), 1, time.Hour, LinkSuperseded},
		"lost the right, used before":        {build(sent(0), state(rosterv1alpha1.InvitationAccepted), lostRight), 1, time.Hour, LinkAccepted},
		"lost the right, declined":           {build(sent(0), state(rosterv1alpha1.InvitationDeclined), lostRight), 1, time.Hour, LinkDeclined},
		"lost the right, revoked":            {build(sent(0), isRevoked, lostRight), 1, time.Hour, LinkRevoked},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.in.Check(c.attempt, start.Add(c.now)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestOfferIsWhatThePersonGets(t *testing.T) {
	applied := build()
	if applied.Role() != rosterv1alpha1.RoleManager || applied.Email() != "Ana@Acme.example" {
		t.Errorf("applied: %s, %s", applied.Role(), applied.Email())
	}
	bare := build(func(in *Input) { in.Invitation.Spec.Role = "" })
	if bare.Role() != rosterv1alpha1.RoleMember {
		t.Errorf("an address alone is invited as %s", bare.Role())
	}
	owner := build(declared, func(in *Input) { in.Organization.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "ana"} })
	if owner.Role() != rosterv1alpha1.RoleOwner {
		t.Errorf("the owner is invited as %s", owner.Role())
	}
	d := build(declared)
	if d.Role() != rosterv1alpha1.RoleMember || d.Email() != "ana@acme.example" {
		t.Errorf("declared: %s, %s", d.Role(), d.Email())
	}
}

func TestCustomRoleNames(t *testing.T) {
	none := build(profiles(rosterv1alpha1.ProfileGrant{Name: "fb", Role: rosterv1alpha1.ProfileEditor}))
	if got := none.CustomRoleNames(); len(got) != 0 {
		t.Errorf("built-in roles: %v", got)
	}
	all := offering("lead", profiles(rosterv1alpha1.ProfileGrant{Name: "fb", Role: "writer"}, rosterv1alpha1.ProfileGrant{Name: "ig", Role: "writer"}),
		func(in *Input) {
			in.Invitation.Spec.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "emea", Role: "editor"}, {Name: "apac"}}
		})
	if got := all.CustomRoleNames(); !slices.Equal(got, []string{"editor", "lead", "writer"}) {
		t.Errorf("got %v", got)
	}
}

func TestOfferOfWorkspacesAndProfiles(t *testing.T) {
	workspaces := []rosterv1alpha1.WorkspaceGrant{{Name: "emea", Role: rosterv1alpha1.ProfileEditor}, {Name: "apac"}}
	cases := map[string]struct {
		in         Input
		workspaces bool
		adds       bool
	}{
		"nothing": {build(), false, false},
		"applied": {build(func(in *Input) {
			in.Invitation.Spec.Role, in.Invitation.Spec.CanManageProfiles = "", ptr.To(true)
			in.Invitation.Spec.Workspaces = workspaces
		}), true, true},
		"declared": {build(declared, member(func(m *rosterv1alpha1.Member) {
			m.Spec.CanManageProfiles, m.Spec.Workspaces = ptr.To(true), workspaces
		})), true, true},
		"another role": {build(func(in *Input) {
			in.Invitation.Spec.Role, in.Invitation.Spec.CanManageProfiles = rosterv1alpha1.RoleProfileConnector, ptr.To(true)
		}), false, false},
		"declared, gone": {build(declared, func(in *Input) { in.Member = nil }), false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.in.CanManageProfiles(); got != c.adds {
				t.Errorf("may add profiles: %v", got)
			}
			var want []rosterv1alpha1.WorkspaceGrant
			if c.workspaces {
				want = workspaces
			}
			if got := c.in.WorkspaceGrants(); !slices.Equal(got, want) {
				t.Errorf("workspaces %v", got)
			}
		})
	}
}

func TestDomainAllowed(t *testing.T) {
	cases := []struct {
		address address.Address
		allowed []string
		want    bool
	}{
		{"ana@acme.example", nil, true},
		{"ana@acme.example", []string{"acme.example"}, true},
		{"ana@sub.acme.example", []string{"acme.example"}, false},
		{"ana@evilacme.example", []string{"acme.example"}, false},
		{"ana@xn--bcher-kva.example", []string{"bücher.example"}, true},
	}
	for _, c := range cases {
		if got := DomainAllowed(c.address, c.allowed); got != c.want {
			t.Errorf("%s in %v: %v", c.address, c.allowed, got)
		}
	}
}
