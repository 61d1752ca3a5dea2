// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// TestSoleRenewer: X-09. Who is the only one left that can reconnect a profile.
func TestSoleRenewer(t *testing.T) {
	holds := func(name string, named, everywhere access.Set) Holder {
		return Holder{Member: &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: name}}, Named: named, Everywhere: everywhere}
	}
	administrator, connects := access.ProfilePermissions("Administrator"), access.NewSet(access.Get, access.Connect)
	admin, second, connector := holds("ana", administrator, 0), holds("ben", administrator, 0), holds("cas", connects, 0)
	editor, lead := holds("eva", access.ProfilePermissions("Editor"), 0), holds("leo", access.NewSet(access.Get, access.Report), 0)
	night := holds("nina", access.ProfilePermissions("Editor")|connects, 0)
	manager, deputy, owner := holds("mia", 0, administrator), holds("max", 0, administrator), holds("olga", 0, administrator)
	ends := func(p *rosterv1alpha1.SocialProfile) {
		p.Status.Credential = &rosterv1alpha1.CredentialStatus{ReconnectByTime: &metav1.Time{Time: now}}
	}
	dead := func(p *rosterv1alpha1.SocialProfile) {
		p.Status.Credential = &rosterv1alpha1.CredentialStatus{}
		p.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionConnected, Status: metav1.ConditionFalse}}
	}
	renewed := func(p *rosterv1alpha1.SocialProfile) { p.Status.Credential = &rosterv1alpha1.CredentialStatus{} }
	none := func(*rosterv1alpha1.SocialProfile) {}
	type people = []Holder
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
		"nobody may":                     {ends, people{editor, lead}, ""},
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
				Profile: p, Holders: c.members,
				Organization: &rosterv1alpha1.Organization{Spec: rosterv1alpha1.OrganizationSpec{OwnerRef: &rosterv1alpha1.LocalReference{Name: "olga"}}},
			}
			if got := DecideProfile(in, now).SoleRenewer; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
