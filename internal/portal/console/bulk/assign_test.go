// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
)

// TestProfilesOfATeam: FL-15, FL-16. All, some or none of the profiles, and what one step makes of it.
func TestProfilesOfATeam(t *testing.T) {
	chosen := []*rosterv1alpha1.SocialProfile{profile("fb", true), profile("x", true), profile("li", false)}
	for name, c := range map[string]struct {
		has       string
		have      int
		all, none string
	}{
		"none of them": {"other", 0, "other fb x li", "other"},
		"some of them": {"fb other", 1, "fb other x li", "other"},
		"all of them":  {"li x fb", 3, "li x fb", ""},
	} {
		of := &rosterv1alpha1.Team{ObjectMeta: named("press"), Spec: rosterv1alpha1.TeamSpec{Profiles: strings.Fields(c.has)}}
		if got := (group{of, membership.GroupOfTeam(of)}).have(chosen); got != c.have {
			t.Errorf("%s: has %d", name, got)
		}
		for value, want := range map[string]string{valueAll: c.all, valueNone: c.none, "": c.has} {
			a := readAssignment([]*rosterv1alpha1.Team{of}, url.Values{"team.press": {value}}, chosen)
			got, changed := a.apply("press", of.Spec.Profiles)
			if strings.Join(got, " ") != want || changed != (want != c.has) {
				t.Errorf("%s, set to %q: %v, %v", name, value, got, changed)
			}
			if again, changed := a.apply("press", got); changed || !slices.Equal(again, got) {
				t.Errorf("%s, set to %q: the second time, there is something to do", name, value)
			}
			if takes := a.takes([]*rosterv1alpha1.Team{of}); takes != (value == valueNone && c.have > 0) {
				t.Errorf("%s, set to %q: takes is %v", name, value, takes)
			}
		}
	}
	byLabel := &rosterv1alpha1.Team{ObjectMeta: named("care"), Spec: rosterv1alpha1.TeamSpec{ProfileSelector: &metav1.LabelSelector{}}}
	a := readAssignment([]*rosterv1alpha1.Team{byLabel}, url.Values{"team.care": {valueAll}}, chosen)
	if len(a.All) > 0 {
		t.Error("a Team that finds its profiles by labels is written")
	}
	if have := (group{byLabel, membership.GroupOfTeam(byLabel)}).have(chosen); have != 3 {
		t.Errorf("a Team that finds all profiles has %d of 3", have)
	}
}

// TestWhatTakingAProfileFromATeamMeans: FL-12. Where profiles need a team, it is not the members of the team alone who lose something.
func TestWhatTakingAProfileFromATeamMeans(t *testing.T) {
	s, everybody := office()
	everybody = append(everybody, active("lea", with("x:Editor")))
	a := assignment{Profiles: []string{"x"}, None: []string{"press", "care"}}
	in := circumstances{Organization: s.Organization, Now: today()}
	want := map[string]int{"x get,schedule,publish,moderate,report": 2, "x get,schedule,moderate": 1}
	if got := lossesOf(a.weigh(s, everybody, in)); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	s.Organization.Spec.RequireTeam = ptr.To(true)
	want["x schedule,publish,moderate,report"] = 1
	if got := lossesOf(a.weigh(s, everybody, in)); !reflect.DeepEqual(got, want) {
		t.Errorf("where a team is required: %v", got)
	}
}

func TestWhatAProfileIsChangedTo(t *testing.T) {
	ana := active("ana")
	for name, c := range map[string]struct {
		form   profileForm
		member *rosterv1alpha1.Member
		before *rosterv1alpha1.ProfileNotifications
		want   rosterv1alpha1.SocialProfileSpec
	}{
		"somebody": {profileForm{Expiry: true}, ana, nil,
			rosterv1alpha1.SocialProfileSpec{ResponsibleRef: &rosterv1alpha1.LocalReference{Name: "ana"}}},
		"nobody": {profileForm{Expiry: true}, nil, nil, rosterv1alpha1.SocialProfileSpec{}},
		"other mails": {profileForm{Engagement: true}, nil, nil,
			rosterv1alpha1.SocialProfileSpec{Notifications: &rosterv1alpha1.ProfileNotifications{TokenExpiry: ptr.To(false), Engagement: ptr.To(true)}}},
		"mails as at first": {profileForm{Expiry: true}, nil, &rosterv1alpha1.ProfileNotifications{TokenExpiry: ptr.To(false)},
			rosterv1alpha1.SocialProfileSpec{Notifications: &rosterv1alpha1.ProfileNotifications{TokenExpiry: ptr.To(true), Engagement: ptr.To(false)}}},
	} {
		spec := rosterv1alpha1.SocialProfileSpec{Notifications: c.before, ResponsibleRef: &rosterv1alpha1.LocalReference{Name: "old"}}
		if c.form.apply(&spec, c.member); !reflect.DeepEqual(spec, c.want) {
			t.Errorf("%s: %+v", name, spec)
		}
	}
}
