// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

func TestSoleRenewer(t *testing.T) {
	holds := func(name, profile, role string) *rosterv1alpha1.Member {
		m := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: name}}
		m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-" + name}
		m.Status.State = rosterv1alpha1.MemberActive
		m.Status.Grants = []rosterv1alpha1.EffectiveGrant{{Profile: profile, Role: role}}
		return m
	}
	suspended := holds("sue", "fb", "Administrator")
	suspended.Spec.Suspended = ptr.To(true)
	admin, second, connector := holds("ana", "fb", "Administrator"), holds("ben", "fb", "Administrator"), holds("cas", "fb", "Connector")
	editor, other := holds("eva", "fb", "Editor"), holds("oto", "x", "Administrator")
	night, lead := holds("nina", "fb", "Editor+night"), holds("leo", "fb", "report")
	manager, deputy, owner := holds("mia", "*", "Administrator"), holds("max", "*", "Administrator"), holds("olga", "*", "Administrator")
	ends := func(p *rosterv1alpha1.SocialProfile) {
		p.Status.Credential = &rosterv1alpha1.CredentialStatus{ReconnectByTime: &metav1.Time{Time: now}}
	}
	dead := func(p *rosterv1alpha1.SocialProfile) {
		p.Status.Credential = &rosterv1alpha1.CredentialStatus{}
		p.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionConnected, Status: metav1.ConditionFalse}}
	}
	renewed := func(p *rosterv1alpha1.SocialProfile) { p.Status.Credential = &rosterv1alpha1.CredentialStatus{} }
	none := func(*rosterv1alpha1.SocialProfile) {}
	type people = []*rosterv1alpha1.Member
	cases := map[string]struct {
		profile func(p *rosterv1alpha1.SocialProfile)
		members people
		want    string
	}{
		"the tokens end":                 {ends, people{admin}, "ana"},
		"the tokens are dead":            {dead, people{admin}, "ana"},
		"the operator renews them":       {renewed, people{admin}, ""},
		"there are none":                 {none, people{admin}, ""},
		"two may":                        {ends, people{admin, second}, ""},
		"one of them connected it":       {ends, people{admin, connector}, ""},
		"the person who connected it":    {ends, people{connector, editor}, "cas"},
		"by a role of their own":         {ends, people{night, editor, lead}, "nina"},
		"nobody may":                     {ends, people{editor, lead, other}, ""},
		"the other one is suspended":     {ends, people{admin, suspended}, "ana"},
		"only the one who is suspended":  {ends, people{suspended}, ""},
		"managers may, and one by name":  {ends, people{manager, deputy, admin}, "ana"},
		"managers may, and two by name":  {ends, people{manager, admin, second}, ""},
		"only a manager may":             {ends, people{manager, editor}, "mia"},
		"managers alone may":             {ends, people{manager, deputy}, ""},
		"only the owner, who stays, may": {ends, people{owner}, ""},
	}
	for title, c := range cases {
		t.Run(title, func(t *testing.T) {
			p := &rosterv1alpha1.SocialProfile{ObjectMeta: metav1.ObjectMeta{Name: "fb"}}
			c.profile(p)
			p.Status.SoleRenewer = "before"
			in := ProfileInput{
				Profile: p, Members: c.members,
				Organization: &rosterv1alpha1.Organization{Spec: rosterv1alpha1.OrganizationSpec{OwnerRef: &rosterv1alpha1.LocalReference{Name: "olga"}}},
				Roles: access.Roles{
					"night":  {Scope: rosterv1alpha1.ScopeProfile, Permissions: []rosterv1alpha1.RolePermission{"connect"}},
					"report": {Scope: rosterv1alpha1.ScopeProfile, Permissions: []rosterv1alpha1.RolePermission{"report"}},
				},
			}
			if got := DecideProfile(in, now).SoleRenewer; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
