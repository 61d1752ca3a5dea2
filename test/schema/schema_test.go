// SPDX-License-Identifier: Apache-2.0

// Package schema applies wrong objects to a real API server and reads what it answers.
package schema

import (
	"context"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/testenv"
)

const namespace = "acme"

// wrong objects, and what the answer has to name: the field, the value or the rule, and what to do.
var wrong = map[string]struct {
	kind, spec string
	says       []string
}{
	"an invitation without @":             {"Invitation", `{email: ana.acme.example}`, []string{"spec.email", "must be a plain mail address such as ana@example.com"}},
	"an address with a name":              {"Invitation", `{email: "Ana <ana@acme.example>"}`, []string{"spec.email", "plain mail address"}},
	"two addresses":                       {"Invitation", `{email: "a@b.example, c@d.example"}`, []string{"spec.email", "plain mail address"}},
	"neither an address nor a member":     {"Invitation", `{role: Manager}`, []string{"name either email", "memberRef"}},
	"both":                                {"Invitation", `{email: ana@acme.example, memberRef: {name: ana}}`, []string{"name either email", "not both"}},
	"a role beside memberRef":             {"Invitation", `{memberRef: {name: ana}, role: Manager}`, []string{"belong in the Member that memberRef names"}},
	"an unknown role":                     {"Invitation", `{email: ana@acme.example, role: Admin}`, []string{"spec.role", "CoOwner, Manager, AdvancedMember, Member, ProfileConnector, or the name of a CustomRole"}},
	"the owner's role":                    {"Invitation", `{email: ana@acme.example, role: Owner}`, []string{"spec.role", "spec.ownerRef"}},
	"an unknown role on a profile":        {"Invitation", `{email: ana@acme.example, profiles: [{name: acme-fb, role: Admin}]}`, []string{"spec.profiles", "Administrator, Editor, Moderator, Guest, or the name of a CustomRole"}},
	"a profile twice":                     {"Invitation", `{email: ana@acme.example, profiles: [{name: a, role: Guest}, {name: a, role: Editor}]}`, []string{"Duplicate value"}},
	"five minutes":                        {"Invitation", `{email: ana@acme.example, validity: 5m}`, []string{"spec.validity", "between 1h and 720h"}},
	"31 days":                             {"Invitation", `{email: ana@acme.example, validity: 744h}`, []string{"spec.validity", "between 1h and 720h"}},
	"a validity in days":                  {"Invitation", `{email: ana@acme.example, validity: 3d}`, []string{"spec.validity", "hours, minutes and seconds, such as 72h"}},
	"an unknown language":                 {"Invitation", `{email: ana@acme.example, locale: de}`, []string{"spec.locale", `"en", "fr"`}},
	"a field that does not exist":         {"Invitation", `{email: ana@acme.example, mail: x}`, []string{`unknown field "spec.mail"`}},
	"a line break in invitedBy":           {"Invitation", `{email: ana@acme.example, invitedBy: "a\nBcc: b"}`, []string{"spec.invitedBy", "one line"}},
	"a member without an address":         {"Member", `{role: Manager}`, []string{"spec.email", "Required"}},
	"a member with an unknown role":       {"Member", `{email: ana@acme.example, role: Boss}`, []string{"spec.role", "must be CoOwner"}},
	"an organisation without a name":      {"Organization", `{}`, []string{"spec.displayName", "Required"}},
	"an environment that is no address":   {"Organization", `{displayName: A, environments: [{name: Live, url: "ftp://x"}]}`, []string{"environments[0].url", "http or https address"}},
	"a domain with @":                     {"Organization", `{displayName: A, invitations: {allowedDomains: ["@acme.example"]}}`, []string{"allowedDomains[0]", "plain domain in lower case"}},
	"a short password":                    {"Organization", `{displayName: A, security: {password: {minLength: 4}}}`, []string{"minLength", "greater than or equal to 8"}},
	"SSO without an issuer":               {"Organization", `{displayName: A, security: {signIn: [Password, SSO]}}`, []string{"name the issuer in sso.issuer"}},
	"no way to sign in":                   {"Organization", `{displayName: A, security: {signIn: []}}`, []string{"spec.security.signIn", "at least 1"}},
	"an issuer by its address":            {"Organization", `{displayName: A, security: {sso: {issuer: "https://login.acme.example"}}}`, []string{"sso.issuer", "name of an issuer in the portal's configuration"}},
	"a reminder in words":                 {"Organization", `{displayName: A, invitations: {remindBefore: [tomorrow]}}`, []string{"remindBefore[0]", "such as 24h"}},
	"a network that is none":              {"SocialProfile", `{network: MySpace, handle: acme}`, []string{"spec.network", "Mastodon"}},
	"a handle with what cannot be seen":   {"SocialProfile", `{network: Bluesky, handle: "\u202aacme.bsky.social\u202c"}`, []string{"spec.handle", "cannot be seen", "type the handle instead of pasting it"}},
	"the address of a profile's page":     {"SocialProfile", `{network: Mastodon, handle: "https://mastodon.example/@acme"}`, []string{"spec.handle", "the handle alone", "@acme@mastodon.example"}},
	"an account with upper case":          {"Account", `{email: Ana@acme.example, displayName: Ana}`, []string{"spec.email", "lower case"}},
	"a connector with a profile":          {"Member", `{email: ana@acme.example, role: ProfileConnector, profiles: [{name: a, role: Guest}]}`, []string{"takes no seat", "choose another role"}},
	"a connector with a workspace":        {"Invitation", `{email: ana@acme.example, role: ProfileConnector, workspaces: [{name: a}]}`, []string{"takes no seat", "choose another role"}},
	"a workspace twice":                   {"Member", `{email: ana@acme.example, workspaces: [{name: a, role: Guest}, {name: a}]}`, []string{"Duplicate value"}},
	"a plan without a contact":            {"Plan", `{seats: 3}`, []string{"spec.contact", "Required"}},
	"a plan of fewer than no seats":       {"Plan", `{contact: sales@acme.example, seats: -1}`, []string{"spec.seats", "greater than or equal to 0"}},
	"a feature that is none":              {"Plan", `{contact: sales@acme.example, features: [Teams]}`, []string{"spec.features[0]", "CustomRoles", "Workspaces", "ProfileConnectors"}},
	"a role without permissions":          {"CustomRole", `{scope: Profile, permissions: []}`, []string{"spec.permissions", "at least 1"}},
	"a permission that is none":           {"CustomRole", `{scope: Profile, permissions: [delete]}`, []string{"spec.permissions[0]", `"publish"`}},
	"a permission of the other scope":     {"CustomRole", `{scope: Profile, permissions: [ManageMembers]}`, []string{"a role of the scope Profile can hold get, schedule"}},
	"the scopes the other way round":      {"CustomRole", `{scope: Organization, permissions: [publish]}`, []string{"a role of the scope Organization can hold ViewTeam"}},
	"a team without a role":               {"Team", `{members: [ana]}`, []string{"spec.role", "Required"}},
	"a team with a member twice":          {"Team", `{members: [ana, ana], role: Guest}`, []string{"spec.members[1]", "Duplicate value"}},
	"an organisation with a blank name":   {"Organization", `{displayName: "  "}`, []string{"spec.displayName", "must not be blank"}},
	"an organisation's name on two lines": {"Organization", `{displayName: "A\nB"}`, []string{"spec.displayName", "one line"}},
}

// right objects that must be taken, with what the server adds.
var right = map[string]struct{ kind, spec, want string }{
	"an address alone":            {"Invitation", `{email: ana@acme.example}`, `{email: ana@acme.example, revoked: false}`},
	"an address in other scripts": {"Invitation", `{email: jörg@bücher.example}`, `{email: jörg@bücher.example, revoked: false}`},
	"a member":                    {"Member", `{email: ana@acme.example}`, `{email: ana@acme.example, canManageProfiles: false, role: Member, suspended: false}`},
	"a company's sign-in": {"Organization", `{displayName: Acme, security: {multiFactor: NewMembers, signIn: [SSO], sso: {issuer: acme}}}`, `{displayName: Acme, locale: en,
		guardrails: {deleteOnlySuspended: false, warnOnOrphanedProfiles: false}, onboarding: {mode: Existing}, requireTeam: false,
		invitations: {allowedFor: Managers, validity: 72h, remindBefore: [24h], selfRenewal: false},
		security: {multiFactor: NewMembers, password: {minLength: 12, requireUppercase: false, requireSpecial: false}, signIn: [SSO], sso: {issuer: acme}}}`},
	"an organisation": {"Organization", `{displayName: Acme}`, `{displayName: Acme, locale: en,
		guardrails: {deleteOnlySuspended: false, warnOnOrphanedProfiles: false}, onboarding: {mode: Existing}, requireTeam: false,
		invitations: {allowedFor: Managers, validity: 72h, remindBefore: [24h], selfRenewal: false},
		security: {multiFactor: Optional, password: {minLength: 12, requireUppercase: false, requireSpecial: false}, signIn: [Password]}}`},
	"no reminders": {"Organization", `{displayName: Acme, invitations: {remindBefore: []}}`, `{displayName: Acme, locale: en,
		guardrails: {deleteOnlySuspended: false, warnOnOrphanedProfiles: false}, onboarding: {mode: Existing}, requireTeam: false,
		invitations: {allowedFor: Managers, validity: 72h, remindBefore: [], selfRenewal: false},
		security: {multiFactor: Optional, password: {minLength: 12, requireUppercase: false, requireSpecial: false}, signIn: [Password]}}`},
	"a profile by its name, with joiners": {"SocialProfile", `{network: Facebook, handle: "AC/DC 👩‍💻"}`,
		`{network: Facebook, handle: "AC/DC 👩‍💻", type: Profile, refresh: Never}`},
	"a profile": {"SocialProfile", `{network: Mastodon, handle: "@acme@social.example"}`,
		`{network: Mastodon, handle: "@acme@social.example", type: Profile, refresh: Never}`},
}

// changes that are not allowed once the object exists.
var changes = map[string]struct{ kind, before, after, says string }{
	"another address of an invitation": {"Invitation", `{email: ana@acme.example}`, `{email: ben@acme.example}`, "delete the Invitation and create another"},
	"another member of an invitation":  {"Invitation", `{memberRef: {name: ana}}`, `{memberRef: {name: ben}}`, "memberRef cannot be changed"},
	"an address instead of a member":   {"Invitation", `{memberRef: {name: ana}}`, `{email: ana@acme.example}`, "cannot be changed"},
	"another address of a member":      {"Member", `{email: ana@acme.example}`, `{email: ben@acme.example}`, "create one with the new address"},
	"another scope of a role":          {"CustomRole", `{scope: Profile, permissions: [get]}`, `{scope: Organization, permissions: [ViewTeam]}`, "delete the CustomRole and create another"},
	"another network":                  {"SocialProfile", `{network: X, handle: acme}`, `{network: Threads, handle: acme}`, "cannot be changed"},
}

func TestSchema(t *testing.T) {
	ctx := context.Background()
	cluster, err := testenv.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := cluster.Namespace(ctx, namespace); err != nil {
		t.Fatal(err)
	}
	c := client.WithFieldValidation(cluster.Client, metav1.FieldValidationStrict)
	for name, w := range wrong {
		t.Run(name, func(t *testing.T) { expectRefused(t, c.Create(ctx, object(t, w.kind, w.spec)), w.says...) })
	}
	for name, r := range right {
		t.Run(name, func(t *testing.T) { expectTaken(ctx, t, c, r.kind, r.spec, r.want) })
	}
	for name, ch := range changes {
		t.Run(name, func(t *testing.T) {
			o := object(t, ch.kind, ch.before)
			if err := c.Create(ctx, o); err != nil {
				t.Fatal(err)
			}
			o.Object["spec"] = object(t, ch.kind, ch.after).Object["spec"]
			expectRefused(t, c.Update(ctx, o), ch.says)
			if err := c.Delete(ctx, o); err != nil {
				t.Error(err)
			}
		})
	}
}

func object(t *testing.T, kind, spec string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "roster.dev/v1alpha1", "kind": kind, "metadata": map[string]any{"namespace": namespace, "name": "x"},
	}}
	if kind == "Plan" {
		o.SetNamespace("") // the only kind that belongs to the cluster
	}
	o.Object["spec"] = parse(t, spec)
	return o
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var parsed map[string]any
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "\t", " ")), &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

func expectRefused(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("taken")
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the answer does not say %q: %v", text, err)
		}
	}
}

func expectTaken(ctx context.Context, t *testing.T, c client.Client, kind, spec, want string) {
	t.Helper()
	o := object(t, kind, spec)
	if err := c.Create(ctx, o); err != nil {
		t.Fatal(err)
	}
	wantSpec := parse(t, want)
	for _, field := range []string{"invitedBy", "connectedBy"} { // not by the schema, but by an admission policy
		if wantSpec[field] == nil {
			unstructured.RemoveNestedField(o.Object, "spec", field)
		}
	}
	got, _ := yaml.Marshal(o.Object["spec"])
	wanted, _ := yaml.Marshal(wantSpec)
	if string(got) != string(wanted) {
		t.Errorf("stored as\n%swant\n%s", got, wanted)
	}
	if err := c.Delete(ctx, o); err != nil {
		t.Error(err)
	}
}
