// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// TestSums: everything in a namespace, added up for one person; and nothing for a person who is not active.
func TestSums(t *testing.T) {
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "acme", Name: name} }
	profile := func(name, by string, labels map[string]string) *rosterv1alpha1.SocialProfile {
		p := &rosterv1alpha1.SocialProfile{ObjectMeta: named(name), Spec: rosterv1alpha1.SocialProfileSpec{ConnectedBy: by}}
		p.Labels = labels
		return p
	}
	leaving := profile("leaving", "", map[string]string{"brand": "a"})
	leaving.DeletionTimestamp = &metav1.Time{Time: now}
	s := Snapshot{
		Organization: member(bound).Organization, UserPrefix: "oidc:",
		Profiles: []*rosterv1alpha1.SocialProfile{
			profile("fb", "", nil), profile("x", "", map[string]string{"brand": "a"}), profile("tv", "", nil),
			profile("own", "oidc:Ana@acme.example", nil), leaving,
		},
		Teams: []*rosterv1alpha1.Team{
			{ObjectMeta: named("writers"), Spec: rosterv1alpha1.TeamSpec{
				Members: []string{"ana", "ben"}, Role: "Editor", ProfileSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"brand": "a"}},
			}},
			{ObjectMeta: named("others"), Spec: rosterv1alpha1.TeamSpec{Members: []string{"ben"}, Role: "Administrator", Profiles: []string{"fb"}}},
		},
		Workspaces: []*rosterv1alpha1.Workspace{{ObjectMeta: named("west"), Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"tv"}}}},
		Roles: []*rosterv1alpha1.CustomRole{{ObjectMeta: named("night"), Spec: rosterv1alpha1.CustomRoleSpec{
			Scope: rosterv1alpha1.ScopeProfile, Permissions: []rosterv1alpha1.RolePermission{"moderate"},
		}}},
	}
	m := member(bound).Member
	m.Spec.Role, m.Spec.Profiles = rosterv1alpha1.RoleAdvancedMember, []rosterv1alpha1.ProfileGrant{{Name: "fb", Role: "night"}}
	m.Spec.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: "Guest"}}
	m.Status = DecideMember(member(bound), now).Status
	want := map[string]access.Set{
		"fb": access.NewSet(access.Get, access.Moderate), "x": access.ProfilePermissions("Editor"), "tv": access.NewSet(access.Get),
		"own": access.NewSet(access.Get, access.Configure, access.Connect), "leaving": 0, access.AllProfiles: 0,
	}
	held := s.Sums().Holds(m)
	for name, set := range want {
		if got := held.On(name); got != set {
			t.Errorf("on %s: %v, want %v", name, got.Permissions(), set.Permissions())
		}
	}
	m.Spec.Suspended = ptr.To(true)
	if held := s.Sums().Holds(m); len(held.Grants)+len(held.Permissions) > 0 {
		t.Errorf("suspended, and holds %+v", held)
	}
	if would := s.Sums().Of(m); !slices.Equal(would.Permissions, []rosterv1alpha1.RolePermission{"AddProfiles"}) {
		t.Errorf("once resumed, they have %+v", would)
	}
	s.Organization = nil
	m.Spec.Suspended = nil
	if held := s.Sums().Holds(m); len(held.Grants) > 0 {
		t.Errorf("without an organisation they hold %+v", held)
	}
}
