// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
)

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "acme", Name: name} }

// member is one who has accepted, and owns the organisation if it says so.
func member(name string, spec rosterv1alpha1.MemberSpec) *rosterv1alpha1.Member {
	spec.Email = name + "@acme.example"
	spec.AccountRef = &rosterv1alpha1.LocalReference{Name: address.Address(spec.Email).AccountName()}
	m := &rosterv1alpha1.Member{ObjectMeta: named(name), Spec: spec, Status: rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive}}
	m.Annotations = map[string]string{rosterv1alpha1.OwnershipAnnotation: rosterv1alpha1.OwnershipAgreed}
	return m
}

func organization(requireTeam bool) *Organization {
	o := &rosterv1alpha1.Organization{ObjectMeta: named("acme"), Spec: rosterv1alpha1.OrganizationSpec{RequireTeam: &requireTeam}}
	o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "olivia"}
	o.Status.OwnerRef = o.Spec.OwnerRef
	profile := func(name, by string) *rosterv1alpha1.SocialProfile {
		return &rosterv1alpha1.SocialProfile{ObjectMeta: named(name), Spec: rosterv1alpha1.SocialProfileSpec{ConnectedBy: by}}
	}
	custom := func(name string, scope rosterv1alpha1.RoleScope, permissions ...rosterv1alpha1.RolePermission) *rosterv1alpha1.CustomRole {
		return &rosterv1alpha1.CustomRole{ObjectMeta: named(name), Spec: rosterv1alpha1.CustomRoleSpec{Scope: scope, Permissions: permissions}}
	}
	grants := func(name string, role rosterv1alpha1.ProfileRole) []rosterv1alpha1.ProfileGrant {
		return []rosterv1alpha1.ProfileGrant{{Name: name, Role: role}}
	}
	return &Organization{
		Namespace: "acme", Organization: o, UserPrefix: "oidc:",
		Profiles: []*rosterv1alpha1.SocialProfile{profile("fb", ""), profile("x", "oidc:ada@acme.example"), profile("alone", "")},
		Roles: []*rosterv1alpha1.CustomRole{
			custom("analyst", rosterv1alpha1.ScopeProfile, "report"), custom("admin", rosterv1alpha1.ScopeOrganization, "AdministerProfiles"),
		},
		Teams: []*rosterv1alpha1.Team{{ObjectMeta: named("press"), Spec: rosterv1alpha1.TeamSpec{
			Members: []string{"ana", "zoe"}, Profiles: []string{"fb", "x"}, Role: "analyst",
		}}},
		Workspaces: []*rosterv1alpha1.Workspace{{ObjectMeta: named("west"), Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"x", "alone"}}}},
		Members: []*rosterv1alpha1.Member{
			member("olivia", rosterv1alpha1.MemberSpec{Role: "CoOwner"}), member("ben", rosterv1alpha1.MemberSpec{Role: "Manager"}),
			member("lea", rosterv1alpha1.MemberSpec{Role: "admin"}), member("ada", rosterv1alpha1.MemberSpec{Role: "AdvancedMember"}),
			member("ana", rosterv1alpha1.MemberSpec{
				Profiles: grants("fb", "Moderator"), Workspaces: []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: "Editor"}},
			}),
			member("sam", rosterv1alpha1.MemberSpec{Profiles: grants("fb", "Editor"), Suspended: ptr.To(true)}),
		},
		Invitations: []*rosterv1alpha1.Invitation{{ObjectMeta: named("zoe"), Spec: rosterv1alpha1.InvitationSpec{
			Email: "zoe@acme.example", Profiles: grants("x", "Guest"),
		}}},
	}
}

// TestGrantsAddUp: the single sources are, together, what the rules of the operator say that somebody holds. Should those rules word a source
// in another way, this fails, and no answer lacks a source unseen.
func TestGrantsAddUp(t *testing.T) {
	for _, requireTeam := range []bool{false, true} {
		o := organization(requireTeam)
		for _, p := range o.People() {
			for _, profile := range []string{"fb", "x", "alone", access.AllProfiles} {
				var sum access.Set
				for _, g := range p.Grants {
					if g.Profile == profile || g.Profile == access.AllProfiles {
						sum |= g.Set
					}
				}
				if held := p.Holds.On(profile); sum != held {
					t.Errorf("requireTeam %v: %s holds %v on %s, and the sources give %v", requireTeam, p.Address, held.Permissions(), profile, sum.Permissions())
				}
			}
		}
	}
}

func TestChains(t *testing.T) {
	want := map[string][]string{
		"olivia": {"* Administrator by Member olivia › Organization"},
		"ben":    {"* Administrator by Member ben"},
		"lea":    {"* Administrator by Member lea › CustomRole admin"},
		"ada":    {"x Connector by Member ada › SocialProfile x"},
		"ana": {
			"alone Editor by Member ana › Workspace west (once a Team works on the profile)", "fb Moderator by Member ana",
			"fb analyst by Member ana › Team press › CustomRole analyst", "x Editor by Member ana › Workspace west",
			"x analyst by Member ana › Team press › CustomRole analyst",
		},
		"sam": {"fb Editor by Member sam"},
		"zoe": {"fb analyst by Invitation zoe › Team press › CustomRole analyst", "x Guest by Invitation zoe",
			"x analyst by Invitation zoe › Team press › CustomRole analyst"},
	}
	states := map[string]State{"sam": Suspended, "zoe": Invited}
	everybody := organization(true).People()
	if len(everybody) != len(want) {
		t.Errorf("%d people", len(everybody))
	}
	for _, p := range everybody {
		name, _, _ := strings.Cut(string(p.Address), "@")
		var got []string
		for _, g := range p.Grants {
			got = append(got, g.Profile+" "+g.Words())
		}
		slices.Sort(got)
		if !slices.Equal(got, want[name]) {
			t.Errorf("%s: %q, want %q", name, got, want[name])
		}
		if state := states[name]; p.State != state && (state != "" || p.State != Active) {
			t.Errorf("%s is %s", name, p.State)
		}
	}
}

func TestNamesReachATerminalHarmless(t *testing.T) {
	o := organization(false)
	o.Members[0].Spec.DisplayName = "Oli\x1b[31mvia\n\u202eMartin"
	o.Members[1].Spec.DisplayName = "ben@acme.example"
	people := o.People()
	for _, p := range people {
		switch p.Address {
		case "olivia@acme.example":
			if p.Name != "Oli [31mvia  Martin" {
				t.Errorf("%q", p.Name)
			}
		case "ben@acme.example":
			if p.Name != "" {
				t.Errorf("the address is repeated as the name %q", p.Name)
			}
		}
	}
}
