// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"bytes"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

func now() time.Time { return time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC) }

func words(t *testing.T) web.Words {
	t.Helper()
	d, err := web.NewDictionary(console.Files)
	if err != nil {
		t.Fatal(err)
	}
	return d.Words[rosterv1alpha1.LocaleEnglish]
}

// acme has two profiles, a workspace and a CustomRole of each scope, and a Member with that role and those profiles.
func acme(role rosterv1alpha1.OrganizationRole, grants ...rosterv1alpha1.ProfileGrant) (*membership.Snapshot, *rosterv1alpha1.Member) {
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: "acme"} }
	s := &membership.Snapshot{
		Organization: &rosterv1alpha1.Organization{ObjectMeta: named("acme")},
		Workspaces:   []*rosterv1alpha1.Workspace{{ObjectMeta: named("west")}},
		Teams:        []*rosterv1alpha1.Team{{ObjectMeta: named("press")}},
		Roles: []*rosterv1alpha1.CustomRole{
			{ObjectMeta: named("host"), Spec: rosterv1alpha1.CustomRoleSpec{Scope: rosterv1alpha1.ScopeOrganization,
				Permissions: []rosterv1alpha1.RolePermission{rosterv1alpha1.PermissionViewTeam, rosterv1alpha1.PermissionManageMembers}}},
			{ObjectMeta: named("writer"), Spec: rosterv1alpha1.CustomRoleSpec{Scope: rosterv1alpha1.ScopeProfile,
				Permissions: []rosterv1alpha1.RolePermission{"schedule"}}},
		},
	}
	for _, name := range []string{"acme-fb", "acme-x"} {
		s.Profiles = append(s.Profiles, &rosterv1alpha1.SocialProfile{
			ObjectMeta: named(name), Spec: rosterv1alpha1.SocialProfileSpec{Handle: "@" + name, Network: "Facebook"},
		})
	}
	m := &rosterv1alpha1.Member{ObjectMeta: named("mia"), Spec: rosterv1alpha1.MemberSpec{Role: role, Profiles: grants}}
	m.Status.State = rosterv1alpha1.MemberActive
	return s, m
}

func choices(t *testing.T, s *membership.Snapshot, m *rosterv1alpha1.Member) *console.Choices {
	t.Helper()
	return console.NewChoices(words(t), s, s.Sums().Of(m), now())
}

func values(choices []console.Choice) string {
	var all []string
	for _, c := range choices {
		all = append(all, c.Value)
	}
	return strings.Join(all, " ")
}

func targets(all []console.Target) string {
	var texts []string
	for _, t := range all {
		texts = append(texts, t.Name+": "+values(t.Roles))
	}
	return strings.Join(texts, "; ")
}

func editor(name string) rosterv1alpha1.ProfileGrant {
	return rosterv1alpha1.ProfileGrant{Name: name, Role: rosterv1alpha1.ProfileEditor}
}

// TestPeopleAreOfferedWhatTheyMayGive: the same that the policy roster-grants lets through.
func TestPeopleAreOfferedWhatTheyMayGive(t *testing.T) {
	all := "Administrator Editor Moderator Guest"
	cases := map[string]struct {
		role                                rosterv1alpha1.OrganizationRole
		features                            []rosterv1alpha1.Feature
		roles, profiles, workspaces, people string
		adds                                bool
	}{
		"a co-owner": {
			role: "CoOwner", adds: true, roles: "CoOwner Manager AdvancedMember Member ProfileConnector host",
			profiles: "acme-fb: " + all + " writer; acme-x: " + all + " writer", workspaces: "west: - " + all + " writer", people: "press: ",
		},
		"a manager": {
			role: "Manager", adds: true, roles: "Manager AdvancedMember Member ProfileConnector host",
			profiles: "acme-fb: " + all + " writer; acme-x: " + all + " writer", workspaces: "west: - " + all + " writer", people: "press: ",
		},
		"a manager whose plan has none of it": {
			role: "Manager", adds: true, features: []rosterv1alpha1.Feature{"Approvals"}, roles: "Manager AdvancedMember Member",
			profiles: "acme-fb: " + all + "; acme-x: " + all, people: "press: ",
		},
		"somebody who looks after members alone": {
			role: "host", roles: "Member ProfileConnector host", profiles: "acme-fb: Editor Moderator Guest",
		},
		"a member": {role: "Member"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, m := acme(c.role, editor("acme-fb"))
			if c.features != nil {
				s.Organization.Status.Plan = rosterv1alpha1.PlanInEffect{Name: "small", Features: c.features}
			}
			got := choices(t, s, m)
			for what, pair := range map[string][2]string{
				"roles": {values(got.Roles), c.roles}, "profiles": {targets(got.Profiles), c.profiles},
				"workspaces": {targets(got.Workspaces), c.workspaces}, "teams": {targets(got.Teams), c.people},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s: %q, want %q", what, pair[0], pair[1])
				}
			}
			if got.CanManageProfiles != c.adds {
				t.Errorf("canManageProfiles is offered: %t", got.CanManageProfiles)
			}
		})
	}
}

// TestFieldsAreRefusedWithWhatToDo: what nobody could choose on the page is refused, and what was chosen beside it is kept.
func TestFieldsAreRefusedWithWhatToDo(t *testing.T) {
	cases := map[string]struct{ form, field, says string }{
		"another's role":             {"role=CoOwner", "role", "Choose one from the list"},
		"no role":                    {"", "role", "Choose one from the list"},
		"a stronger role":            {"role=Member&profile.acme-fb=Administrator", "profile.acme-fb", "@acme-fb: you cannot give “Administrator”"},
		"a profile of others":        {"role=Member&profile.acme-x=Guest", "", "roles on acme-x"},
		"a profile that is not":      {"role=Member&profile.gone=Guest", "", "roles on gone"},
		"a workspace":                {"role=Member&workspace.west=-", "", "cannot give west"},
		"the switch":                 {"role=Member&canManageProfiles=yes", "canManageProfiles", "Leave it unticked"},
		"a connector with a profile": {"role=ProfileConnector&profile.acme-fb=Editor", "role", "choose another role"},
		"a day that is none":         {"role=Member&endTime=tomorrow", "endTime", "such as 2027-01-31"},
		"a day that has passed":      {"role=Member&endTime=2027-01-09", "endTime", "Choose 2027-01-10 or later"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			form, err := url.ParseQuery(c.form)
			if err != nil {
				t.Fatal(err)
			}
			s, m := acme("host", editor("acme-fb"))
			o, problems := choices(t, s, m).ParseOffer(form)
			if len(problems) != 1 || problems[0].Field != c.field || !strings.Contains(problems[0].Text, c.says) {
				t.Fatalf("%+v", problems)
			}
			if typed := form.Get("endTime"); typed != "" && o.Values().Get("endTime") != typed {
				t.Errorf("what was typed is lost: %v", o.Values())
			}
		})
	}
}

// TestAnOfferIsReadAsItIsWritten: forms carry offers from page to page.
func TestAnOfferIsReadAsItIsWritten(t *testing.T) {
	form, _ := url.ParseQuery("role=Member&canManageProfiles=yes&profile.acme-fb=Editor&profile.acme-x=writer&workspace.west=-&" +
		"endTime=2027-01-31&csrf=other")
	s, m := acme("Manager")
	c := choices(t, s, m)
	o, problems := c.ParseOffer(form)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	form.Del("csrf")
	if got := o.Values().Encode(); got != form.Encode() {
		t.Errorf("%s, want %s", got, form.Encode())
	}
	var spec rosterv1alpha1.InvitationSpec
	o.ToInvitation(&spec)
	if got := console.OfferOfInvitation(&spec).Values().Encode(); got != form.Encode() {
		t.Errorf("by an Invitation it becomes %s, want %s", got, form.Encode())
	}
	var member rosterv1alpha1.MemberSpec
	o.ToMember(&member)
	if got := console.OfferOfMember(&member).Values().Encode(); got != form.Encode() {
		t.Errorf("by a Member it becomes %s, want %s", got, form.Encode())
	}
}

// TestWhatSomebodyHasCanStay: of a person who has more than the editor may give, all can be left as it is, and lowered on profiles.
func TestWhatSomebodyHasCanStay(t *testing.T) {
	s, m := acme("host", editor("acme-fb"))
	has := console.OfferOfMember(&rosterv1alpha1.MemberSpec{
		Role: "Manager", Profiles: []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: "Administrator"}, {Name: "acme-x", Role: "writer"}},
		Workspaces: []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: "Editor"}}, EndTime: &metav1.Time{Time: now().Add(-time.Hour)},
	})
	c := choices(t, s, m)
	c.Keep(has)
	o, problems := c.ParseOffer(has.Values())
	if len(problems) > 0 || o.Values().Encode() != has.Values().Encode() {
		t.Errorf("%v, problems %v", o.Values(), problems)
	}
	lower := has.Values()
	lower.Set("profile.acme-fb", "Moderator")
	lower.Set("workspace.west", "-")
	if _, problems := c.ParseOffer(lower); len(problems) > 0 {
		t.Error(problems)
	}
	lower.Set("workspace.west", "Administrator")
	if _, problems := c.ParseOffer(lower); len(problems) != 1 {
		t.Errorf("a stronger role in a workspace: %v", problems)
	}
}

// TestManyProfilesAreFoldedAway: of 500, those that are chosen stand first, and the others by network behind a word that opens them.
func TestManyProfilesAreFoldedAway(t *testing.T) {
	s, m := acme("Manager")
	for i := range 500 {
		network := rosterv1alpha1.Network([]string{"Facebook", "Instagram"}[i%2])
		s.Profiles = append(s.Profiles, &rosterv1alpha1.SocialProfile{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("p-%03d", i)},
			Spec:       rosterv1alpha1.SocialProfileSpec{Handle: fmt.Sprintf("@p%03d", i), Network: network},
		})
	}
	c := choices(t, s, m)
	o, _ := c.ParseOffer(url.Values{"role": {"Member"}, "profile.p-499": {"Editor"}})
	page := show(t, c.View(o, nil))
	chosen, folded := strings.Index(page, `id="profile.p-499"`), strings.Index(page, "<details>")
	if chosen < 0 || folded < chosen || strings.Count(page, "<details>") != 2 || strings.Count(page, "<select") != 503 {
		t.Errorf("chosen at %d, folded at %d, %d groups, %d fields", chosen, folded, strings.Count(page, "<details>"), strings.Count(page, "<select"))
	}
	if !strings.Contains(page, "Instagram (249 profiles)") {
		t.Error("it does not tell how many there are")
	}
}

// TestALimitedSeatTakesNoProfiles: AG-31. The role is chosen already.
func TestALimitedSeatTakesNoProfiles(t *testing.T) {
	s, m := acme("Manager")
	c := choices(t, s, m)
	c.OnlyRoles(func(r rosterv1alpha1.OrganizationRole) bool { return r == rosterv1alpha1.RoleProfileConnector })
	page := show(t, c.View(console.Offer{}, nil))
	if !strings.Contains(page, `type="hidden" name="role" value="ProfileConnector"`) || strings.Contains(page, "<select") {
		t.Error(page)
	}
	if len(c.Profiles) == 0 {
		t.Error("there is no profile that could have been offered")
	}
}

// show renders the fields as pages do.
func show(t *testing.T, offer console.OfferView) string {
	t.Helper()
	layout := template.Must(template.New("").Parse(`{{define "field-error"}}{{end}}{{define "described"}}{{end}}`))
	template.Must(layout.ParseFS(console.Files, "templates/layout-offer.html"))
	var b bytes.Buffer
	if err := layout.ExecuteTemplate(&b, "console-offer", map[string]any{
		"Words": words(t), "Content": map[string]any{"Offer": offer},
	}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
