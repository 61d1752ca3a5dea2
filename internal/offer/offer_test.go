// SPDX-License-Identifier: Apache-2.0

package offer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/roles"
)

func anOffer(change func(*rosterv1alpha1.InvitationSpec)) invitation.Offer {
	o := invitation.Offer{Invitation: &rosterv1alpha1.Invitation{}, Organization: &rosterv1alpha1.Organization{}}
	o.Organization.Spec.DisplayName = "Acme"
	o.Invitation.Spec.Message = "Hi"
	change(&o.Invitation.Spec)
	return o
}

// What exists is called as people know it; what does not keeps the name of its object.
func TestNames(t *testing.T) {
	o := anOffer(func(s *rosterv1alpha1.InvitationSpec) {
		s.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "writer"}, {Name: "gone", Role: rosterv1alpha1.ProfileGuest}}
		s.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "emea", Role: rosterv1alpha1.ProfileEditor}, {Name: "apac"}}
	})
	o.Organization.Spec.Environments = []rosterv1alpha1.Environment{
		{Name: "Live", URL: "https://social.example.com"}, {Name: "Script", URL: "javascript:alert(1)"}, {Name: "Nowhere", URL: "https://"},
	}
	facebook := &rosterv1alpha1.SocialProfile{Spec: rosterv1alpha1.SocialProfileSpec{Network: "Facebook", Handle: "acme"}}
	custom := roles.Custom{"writer": {Scope: rosterv1alpha1.ScopeProfile, DisplayName: "Writer"}}
	got := present(o, named{
		customRoles: custom, workspaces: map[string]string{"emea": "Europe"},
		profiles: map[string]*rosterv1alpha1.SocialProfile{"acme-fb": facebook},
	})
	want := Presentation{
		Organization: "Acme", Message: "Hi", Role: rosterv1alpha1.RoleMember, CustomRoles: custom,
		Profiles: []Profile{
			{ProfileGrant: rosterv1alpha1.ProfileGrant{Name: "acme-fb", Role: "writer"}, Of: facebook},
			{ProfileGrant: rosterv1alpha1.ProfileGrant{Name: "gone", Role: rosterv1alpha1.ProfileGuest}},
		},
		Workspaces:   []rosterv1alpha1.WorkspaceGrant{{Name: "Europe", Role: rosterv1alpha1.ProfileEditor}, {Name: "apac"}},
		Environments: []rosterv1alpha1.Environment{{Name: "Live", URL: "https://social.example.com"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A role that lets its holder administer every profile makes a list of some of them wrong.
func TestAllProfiles(t *testing.T) {
	custom := roles.Custom{
		"boss": {Scope: rosterv1alpha1.ScopeOrganization, Permissions: []rosterv1alpha1.RolePermission{rosterv1alpha1.PermissionAdministerProfiles}},
		"lead": {Scope: rosterv1alpha1.ScopeOrganization},
	}
	for role, all := range map[rosterv1alpha1.OrganizationRole]bool{
		rosterv1alpha1.RoleManager: true, "boss": true, "lead": false, rosterv1alpha1.RoleMember: false, "unknown": false,
	} {
		p := present(anOffer(func(s *rosterv1alpha1.InvitationSpec) {
			s.Role, s.Profiles = role, []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: rosterv1alpha1.ProfileGuest}}
		}), named{customRoles: custom})
		if p.AllProfiles != all || len(p.Profiles) == 0 != all {
			t.Errorf("%s: all %v, listed %v", role, p.AllProfiles, p.Profiles)
		}
	}
}

// The inviter is called by the name of the Member with that address, else by the address as it was written.
func TestInviterByName(t *testing.T) {
	nameless, ana := &rosterv1alpha1.Member{}, &rosterv1alpha1.Member{}
	ana.Spec.DisplayName, ana.Status.DisplayName = "Ana (declared)", "Ana Martin"
	person, _ := invitation.ParseInviter("Ana@Acme.example", "")
	for name, c := range map[string]struct {
		n             named
		want, address string
	}{
		"a program":      {named{}, "", ""},
		"nobody's":       {named{inviter: person}, "Ana@Acme.example", "ana@acme.example"},
		"without a name": {named{inviter: person, inviters: []*rosterv1alpha1.Member{nameless}}, "Ana@Acme.example", "ana@acme.example"},
		"a Member's":     {named{inviter: person, inviters: []*rosterv1alpha1.Member{nameless, ana}}, "Ana Martin", "ana@acme.example"},
		"not yet a Member": {
			named{inviter: person, inviters: []*rosterv1alpha1.Member{{Spec: ana.Spec}}}, "Ana (declared)", "ana@acme.example",
		},
	} {
		p := present(anOffer(func(*rosterv1alpha1.InvitationSpec) {}), c.n)
		if p.Inviter != c.want || p.InviterAddress != c.address {
			t.Errorf("%s: %q, %q", name, p.Inviter, p.InviterAddress)
		}
	}
}
