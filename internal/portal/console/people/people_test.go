// SPDX-License-Identifier: Apache-2.0

package people

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/rights"
)

func now() time.Time { return time.Date(2026, time.November, 23, 9, 30, 0, 0, time.UTC) }

func at(days int) *metav1.Time { return &metav1.Time{Time: now().AddDate(0, 0, days)} }

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "acme", Name: name} }

// member is one who has joined.
func member(name string, change ...func(*rosterv1alpha1.Member)) *rosterv1alpha1.Member {
	m := &rosterv1alpha1.Member{ObjectMeta: named(name)}
	m.Spec.Email, m.Spec.DisplayName, m.Spec.Role = name+"@acme.example", name, rosterv1alpha1.RoleMember
	m.Spec.AccountRef, m.Status.State = &rosterv1alpha1.LocalReference{Name: name}, rosterv1alpha1.MemberActive
	for _, c := range change {
		c(m)
	}
	return m
}

func inviting(name string, state rosterv1alpha1.InvitationState, change ...func(*rosterv1alpha1.Invitation)) *rosterv1alpha1.Invitation {
	inv := &rosterv1alpha1.Invitation{ObjectMeta: named(name)}
	inv.Spec.Email, inv.Status.State = name+"@acme.example", state
	for _, c := range change {
		c(inv)
	}
	return inv
}

func acme() *rights.Organization {
	return &rights.Organization{
		Namespace: "acme", Organization: &rosterv1alpha1.Organization{ObjectMeta: named("acme")}, Now: now(),
		Profiles: []*rosterv1alpha1.SocialProfile{{ObjectMeta: named("fb")}, {ObjectMeta: named("x")}},
		Teams: []*rosterv1alpha1.Team{{ObjectMeta: named("press"), Spec: rosterv1alpha1.TeamSpec{
			Role: rosterv1alpha1.ProfileEditor, Members: []string{"ana", "invited"}, Profiles: []string{"fb"},
		}}},
		Workspaces: []*rosterv1alpha1.Workspace{{ObjectMeta: named("west"), Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"x"}}}},
	}
}
