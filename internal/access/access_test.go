// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// allows is how Kubernetes reads rules (k8s.io/kubernetes/pkg/apis/rbac/v1: VerbMatches, ResourceMatches, ResourceNameMatches): an
// empty list of names is every name.
func allows(rules []rbacv1.PolicyRule, verb, resource, name string) bool {
	return slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.Verbs, verb) && slices.Contains(r.Resources, resource) && slices.Contains(r.APIGroups, "roster.dev") &&
			(len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, name))
	})
}

// present are profiles that exist and have a place.
func present(names ...string) map[string]Standing {
	all := map[string]Standing{}
	for _, name := range names {
		all[name] = Present
	}
	return all
}

func grants(pairs ...string) []rosterv1alpha1.ProfileGrant {
	var all []rosterv1alpha1.ProfileGrant
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, rosterv1alpha1.ProfileGrant{Name: pairs[i], Role: rosterv1alpha1.ProfileRole(pairs[i+1])})
	}
	return all
}

func onProfile(permissions ...rosterv1alpha1.RolePermission) rosterv1alpha1.CustomRoleSpec {
	return rosterv1alpha1.CustomRoleSpec{Scope: rosterv1alpha1.ScopeProfile, Permissions: permissions}
}

func inOrganization(permissions ...rosterv1alpha1.RolePermission) rosterv1alpha1.CustomRoleSpec {
	return rosterv1alpha1.CustomRoleSpec{Scope: rosterv1alpha1.ScopeOrganization, Permissions: permissions}
}

// planWith is a plan that has only these features.
func planWith(features ...rosterv1alpha1.Feature) rosterv1alpha1.PlanInEffect {
	return rosterv1alpha1.PlanInEffect{Name: "basic", Contact: "sales@roster.example", Features: features}
}

// TestRolesOnAProfile holds the rules against the first table of docs/access.md.
func TestRolesOnAProfile(t *testing.T) {
	roles := Roles{"analyst": onProfile("report"), "night": onProfile("moderate", "connect"), "lead": inOrganization("ViewTeam")}
	want := map[string]string{
		"Administrator": "get schedule publish moderate report configure connect update patch delete",
		"Editor":        "get schedule publish moderate report",
		"Moderator":     "get schedule moderate",
		"Guest":         "get",
		"analyst":       "get report",
		"night":         "get moderate connect delete",
		"lead":          "", // of another scope
		"nobody":        "",
		"Nonsense":      "",
	}
	verbs := strings.Fields("get list watch create update patch delete deletecollection add schedule publish moderate report configure connect")
	for role, allowed := range want {
		rules := Compile(Sources{
			Spec: rosterv1alpha1.MemberSpec{Profiles: grants("fb", role)}, Roles: roles, Profiles: present("fb", "x"),
		}, "acme")
		for _, verb := range verbs {
			if got := allows(rules, verb, "socialprofiles", "fb"); got != slices.Contains(strings.Fields(allowed), verb) {
				t.Errorf("%s: %s on its profile is %v", role, verb, got)
			}
			if allows(rules, verb, "socialprofiles", "x") {
				t.Errorf("%s: %s on another profile", role, verb)
			}
		}
	}
}

// everyPermission are the permissions in the organisation.
const everyPermission = "ViewTeam ManageMembers ManageTeams ManageRoles ManageSettings ViewSubscription BuyAddOns ManageSubscription " +
	"ManageContacts AdministerProfiles AddProfiles"

// rulesOf is what each permission in the organisation allows, as lines of verbs and what they are on.
func rulesOf(permission string) string {
	return map[string]string{
		"ViewTeam": "get,list,watch members/bo; get,list,watch invitations/bo; get,list,watch teams/x; get,list,watch workspaces/x;" +
			"get,list,watch customroles/x; get,list,watch applications/x; list,watch organizations/acme",
		"ManageMembers": "get,list,watch,create,update,patch,delete members/bo; get,list,watch,create,update,patch,delete invitations/bo",
		"ManageTeams":   "get,list,watch,create,update,patch,delete teams/x; get,list,watch,create,update,patch,delete workspaces/x",
		// And grant on the permissions that the holder has.
		"ManageRoles":        "get,list,watch,create,update,patch,delete customroles/x",
		"ManageSettings":     "update,patch organizations/acme; get,list,watch,create,update,patch,delete applications/x",
		"ViewSubscription":   "get subscriptions/acme",
		"BuyAddOns":          "buy subscriptions/acme",
		"ManageSubscription": "manage subscriptions/acme",
		"ManageContacts":     "manage contacts/acme",
		"AdministerProfiles": "get,list,watch,create,add,update,patch,delete,schedule,publish,moderate,report,configure,connect socialprofiles/x;" +
			"get workspaces/x",
		"AddProfiles": "create,add socialprofiles/x",
	}[permission]
}

// everyQuestion is whatever could be asked about the organisation.
func everyQuestion() []string {
	var all []string
	for resource := range strings.FieldsSeq("members/bo members/ana invitations/bo teams/x workspaces/x customroles/x applications/x organizations/acme " +
		"organizations/other subscriptions/acme subscriptions/other contacts/acme contacts/other socialprofiles/x secrets/x accounts/a plans/p") {
		for verb := range strings.FieldsSeq("get list watch create update patch delete deletecollection add schedule publish moderate report " +
			"configure connect transfer buy manage use bind grant") {
			all = append(all, verb+" "+resource)
		}
	}
	return all
}

// lines takes "get,list members/bo; buy subscriptions/acme" apart.
func lines(rules string) []string {
	var all []string
	for rule := range strings.SplitSeq(rules, ";") {
		if verbs, resource, ok := strings.Cut(strings.TrimSpace(rule), " "); ok {
			for verb := range strings.SplitSeq(verbs, ",") {
				all = append(all, verb+" "+resource)
			}
		}
	}
	return all
}

func ask(rules []rbacv1.PolicyRule, question string) bool {
	verb, object, _ := strings.Cut(question, " ")
	resource, name, _ := strings.Cut(object, "/")
	return allows(rules, verb, resource, name)
}

// TestPermissionsInTheOrganization: each permission, alone in a CustomRole, allows what it stands for and nothing else.
func TestPermissionsInTheOrganization(t *testing.T) {
	for permission := range strings.FieldsSeq(everyPermission) {
		roles := Roles{"lead": inOrganization(rosterv1alpha1.RolePermission(permission))}
		rules := Compile(Sources{Spec: rosterv1alpha1.MemberSpec{Role: "lead"}, Roles: roles}, "acme")
		want := append(lines(rulesOf(permission)), "get organizations/acme")
		for _, line := range lines(rulesOf(permission)) {
			want = append(want, strings.ReplaceAll(line, "members/bo", "members/ana"))
		}
		if slices.Contains(want, "list organizations/acme") {
			want = append(want, "list organizations/other", "watch organizations/other")
		}
		for _, q := range everyQuestion() {
			if got := ask(rules, q); got != slices.Contains(want, q) {
				t.Errorf("%s: %s is %v", permission, q, got)
			}
		}
		for other := range strings.FieldsSeq(everyPermission) {
			if got := allows(rules, "grant", "orgpermissions", other); got != (permission == "ManageRoles" && other == permission) {
				t.Errorf("%s: grant orgpermissions/%s is %v", permission, other, got)
			}
		}
	}
}

// TestRolesInTheOrganization holds the rules against the second table of docs/access.md.
func TestRolesInTheOrganization(t *testing.T) {
	roles := Roles{
		"lead": inOrganization("ViewTeam", "ManageMembers", "AddProfiles"), "billing": inOrganization("ViewSubscription", "ManageSubscription"),
		"night": onProfile("moderate"),
	}
	lead := rosterv1alpha1.MemberSpec{Role: "lead"}
	for name, c := range map[string]struct {
		sources           Sources
		permissions, give string
	}{
		"owner": {Sources{Owner: true}, everyPermission, "CoOwner Manager AdvancedMember Member ProfileConnector billing lead"},
		"owner elsewhere": {Sources{OwnerElsewhere: true}, everyPermission,
			"CoOwner Manager AdvancedMember Member ProfileConnector billing lead"},
		"CoOwner": {Sources{}, everyPermission, "CoOwner Manager AdvancedMember Member ProfileConnector billing lead"},
		"Manager": {Sources{}, strings.ReplaceAll(everyPermission, "ManageSubscription ", ""),
			"Manager AdvancedMember Member ProfileConnector lead"},
		"AdvancedMember":                       {Sources{}, "AddProfiles", ""},
		"Member":                               {Sources{}, "", ""},
		"ProfileConnector":                     {Sources{}, "", ""},
		"lead":                                 {Sources{}, "ViewTeam ManageMembers AddProfiles", "AdvancedMember Member ProfileConnector lead"},
		"billing":                              {Sources{}, "ViewSubscription ManageSubscription", ""},
		"no such role":                         {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "nobody"}}, "", ""},
		"of another scope":                     {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "night"}}, "", ""},
		"lead without CustomRoles in the plan": {Sources{Spec: lead, Plan: planWith()}, "", ""},
		"lead with CustomRoles in the plan":    {Sources{Spec: lead, Plan: planWith("CustomRoles")}, "ViewTeam ManageMembers AddProfiles", "AdvancedMember Member ProfileConnector lead"},
		"a Member who may add profiles":        {Sources{Spec: rosterv1alpha1.MemberSpec{CanManageProfiles: ptr.To(true)}}, "AddProfiles", ""},
		"a billing role with canManageProfiles, which is Members'":  {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "billing", CanManageProfiles: ptr.To(true)}}, "ViewSubscription ManageSubscription", ""},
		"a ProfileConnector with canManageProfiles":                 {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "ProfileConnector", CanManageProfiles: ptr.To(true)}}, "", ""},
		"a Manager of an organisation without any feature":          {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "Manager"}, Plan: planWith()}, strings.ReplaceAll(everyPermission, "ManageSubscription ", ""), "Manager AdvancedMember Member ProfileConnector lead"},
		"somebody whose spec says Manager and who owns the company": {Sources{Spec: rosterv1alpha1.MemberSpec{Role: "Manager"}, Owner: true}, everyPermission, "CoOwner Manager AdvancedMember Member ProfileConnector billing lead"},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.sources
			s.Roles = roles
			if s.Spec.Role == "" && !s.Owner && !s.OwnerElsewhere && s.Spec.CanManageProfiles == nil {
				s.Spec.Role = rosterv1alpha1.OrganizationRole(name)
			}
			e := Resolve(s)
			rules := Compile(s, "acme")
			for p := range strings.FieldsSeq(everyPermission) {
				want := slices.Contains(strings.Fields(c.permissions), p)
				if got := e.May(rosterv1alpha1.RolePermission(p)); got != want {
					t.Errorf("%s is %v", p, got)
				}
				if got := allows(rules, "grant", "orgpermissions", p); got != (want && strings.Contains(c.permissions, "ManageRoles")) {
					t.Errorf("grant orgpermissions/%s is %v", p, got)
				}
				for _, q := range lines(rulesOf(p)) {
					if want && !ask(rules, q) {
						t.Errorf("%s does not allow %s", p, q)
					}
				}
			}
			for role := range strings.FieldsSeq("Owner CoOwner Manager AdvancedMember Member ProfileConnector billing lead night nobody") {
				if got := allows(rules, "grant", "orgroles", role); got != slices.Contains(strings.Fields(c.give), role) {
					t.Errorf("grant orgroles/%s is %v", role, got)
				}
			}
			if got := allows(rules, "transfer", "organizations", "acme"); got != c.sources.Owner {
				t.Errorf("transfer is %v", got)
			}
		})
	}
}

func TestGrantable(t *testing.T) {
	roles := Roles{
		"zeta": inOrganization("ViewTeam"), "alpha": inOrganization("ManageMembers", "ViewTeam"), "boss": inOrganization("ManageSubscription"),
		"night": onProfile("get"),
	}
	for held, want := range map[string]string{
		"":                          "",
		"ViewTeam":                  "", // gives nobody anything
		"ManageMembers":             "Member ProfileConnector",
		"ManageMembers ViewTeam":    "Member ProfileConnector alpha zeta",
		"ManageMembers AddProfiles": "AdvancedMember Member ProfileConnector",
		everyPermission:             "CoOwner Manager AdvancedMember Member ProfileConnector alpha boss zeta",
	} {
		var permissions []rosterv1alpha1.RolePermission
		for p := range strings.FieldsSeq(held) {
			permissions = append(permissions, rosterv1alpha1.RolePermission(p))
		}
		if got := strings.Join(roles.Grantable(permissions), " "); got != want {
			t.Errorf("who holds %q gives %q, want %q", held, got, want)
		}
	}
}

// TestSourcesAddUp: what is held is the union, what is shown is the strongest.
func TestSourcesAddUp(t *testing.T) {
	roles := Roles{
		"analyst": onProfile("report"), "night": onProfile("moderate", "connect"), "full": onProfile("schedule", "publish", "moderate", "report"),
	}
	for name, c := range map[string]struct {
		direct, workspace string
		teams             []string
		role, allowed     string
		sources           []string
	}{
		"one source": {"Editor", "", nil, "Editor", "get schedule publish moderate report", []string{"Editor by spec.profiles"}},
		"the strongest is the first": {"Editor", "Guest", []string{"Moderator"}, "Editor", "get schedule publish moderate report",
			[]string{"Editor by spec.profiles", "Guest by the Workspace west", "Moderator by the Team team-0"}},
		"the strongest is the last": {"", "Guest", []string{"Moderator", "Administrator"}, "Administrator",
			"get schedule publish moderate report configure connect",
			[]string{"Guest by the Workspace west", "Moderator by the Team team-0", "Administrator by the Team team-1"}},
		"none covers the other": {"Moderator", "", []string{"analyst"}, "Moderator+analyst", "get schedule moderate report",
			[]string{"Moderator by spec.profiles", "analyst by the Team team-0"}},
		"three of which one is covered": {"night", "Editor", []string{"analyst"}, "Editor+night",
			"get schedule publish moderate report connect",
			[]string{"night by spec.profiles", "Editor by the Workspace west", "analyst by the Team team-0"}},
		"a custom role that equals a built-in one": {"full", "", []string{"Editor"}, "Editor", "get schedule publish moderate report",
			[]string{"full by spec.profiles", "Editor by the Team team-0"}},
		"the same by two teams": {"", "", []string{"Guest", "Guest"}, "Guest", "get",
			[]string{"Guest by the Team team-0", "Guest by the Team team-1"}},
		"a role that is not there takes nothing away": {"Guest", "", []string{"nobody"}, "Guest", "get", []string{"Guest by spec.profiles"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := Sources{Roles: roles, Profiles: present("fb", "x"), Workspaces: map[string][]string{"west": {"fb"}}}
			if c.direct != "" {
				s.Spec.Profiles = grants("fb", c.direct)
			}
			if c.workspace != "" {
				s.Spec.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: rosterv1alpha1.ProfileRole(c.workspace)}}
			}
			for i, role := range c.teams {
				s.Teams = append(s.Teams, Assignment{
					Team: fmt.Sprintf("team-%d", i), Role: rosterv1alpha1.ProfileRole(role), Profiles: []string{"fb"},
				})
			}
			e := Resolve(s)
			want := []Grant{{Profile: "fb", Role: c.role, Sources: c.sources}}
			if !reflect.DeepEqual(e.Grants, want) {
				t.Errorf("got %+v, want %+v", e.Grants, want)
			}
			expectOn(t, s, "fb", c.allowed)
			expectOn(t, s, "x", "")
		})
	}
}

// expectOn asks the rules and Effective.On alike.
func expectOn(t *testing.T, s Sources, profile, allowed string) {
	t.Helper()
	e, rules := Resolve(s), Compile(s, "acme")
	for _, p := range Permissions() {
		want := slices.Contains(strings.Fields(allowed), string(p))
		if got := allows(rules, string(p), "socialprofiles", profile); got != want {
			t.Errorf("%s on %s is %v", p, profile, got)
		}
		if got := e.On(profile).Contains(NewSet(p)); got != want {
			t.Errorf("On says %v about %s on %s", got, p, profile)
		}
	}
}

func TestStrongest(t *testing.T) {
	roles := Roles{"analyst": onProfile("report"), "rest": onProfile("publish", "report"), "lead": inOrganization("ViewTeam")}
	for shown, want := range map[string]rosterv1alpha1.ProfileRole{
		"Administrator": "Administrator", "Editor": "Editor", "Moderator": "Moderator", "Guest": "Guest", "analyst": "Guest", "rest": "Guest",
		"Moderator+analyst": "Moderator", "Moderator+rest": "Editor", "": "", "nobody": "", "lead": "", "Editor+nobody": "Editor",
		"Connector": "Guest", "Editor+Connector": "Administrator",
	} {
		if got := roles.Shown(shown, "").Strongest(); got != want {
			t.Errorf("%q is %q, want %q", shown, got, want)
		}
	}
}

// TestNobodyIsAConnectorByACustomRole: somebody who connected a profile does not get more because a CustomRole is called connector.
func TestNobodyIsAConnectorByACustomRole(t *testing.T) {
	s := Sources{
		Spec:  rosterv1alpha1.MemberSpec{Role: rosterv1alpha1.RoleProfileConnector},
		Roles: Roles{"connector": onProfile("get", "schedule", "publish", "moderate", "report", "configure", "connect")}, Connected: []string{"own"},
	}
	expectOn(t, s, "own", "get connect")
}
