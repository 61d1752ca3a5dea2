// SPDX-License-Identifier: Apache-2.0

// Package schema applies wrong objects to a real API server and reads what it answers.
package schema

import (
	"context"
	"maps"
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
	"a quoted address":                    {"Member", `{email: '"a..b"@mail.example'}`, []string{"spec.email", "without quotation marks"}},
	"a quoted address with brackets":      {"Invitation", `{email: '"ana[x]"@mail.example'}`, []string{"spec.email", "without quotation marks"}},
	"a byte order mark":                   {"Member", `{email: "\uFEFFana@acme.example"}`, []string{"spec.email", "cannot be seen"}},
	"a zero width space":                  {"Invitation", `{email: "ana\u200b@acme.example"}`, []string{"spec.email", "cannot be seen"}},
	"a next line":                         {"Invitation", `{email: "ana\u0085@acme.example"}`, []string{"spec.email", "cannot be seen"}},
	"a right-to-left override":            {"Member", `{email: "ana\u202e@acme.example"}`, []string{"spec.email", "cannot be seen"}},
	"a full-width @":                      {"Invitation", `{email: "q＠elsewhere.example@acme.example"}`, []string{"spec.email", "plain mail address"}},
	"a full-width letter":                 {"Member", `{email: "ａna@acme.example"}`, []string{"spec.email", "full-width letter"}},
	"a Kelvin sign":                       {"Invitation", `{email: "\u212Aim@acme.example"}`, []string{"spec.email", "outside ASCII in lower case"}},
	"a dotted capital I":                  {"Member", `{email: "\u0130pek@acme.example"}`, []string{"spec.email", "outside ASCII in lower case"}},
	"a domain without a dot":              {"Invitation", `{email: "ana@acme"}`, []string{"spec.email", "full domain"}},
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
	"a profile that is several lines":     {"Team", `{role: Guest, profiles: ["acme-fb\nget acme-fb"]}`, []string{"spec.profiles[0]", "must be the name of an object: lower-case letters"}},
	"a member with upper case":            {"Team", `{role: Guest, members: [Ana]}`, []string{"spec.members[0]", "must be the name of an object"}},
	"a profile of a member on two lines":  {"Member", `{email: ana@acme.example, profiles: [{name: "a\nb", role: Guest}]}`, []string{"spec.profiles[0].name", "must be the name of an object"}},
	"a profile that ends in a line break": {"Invitation", `{email: ana@acme.example, profiles: [{name: "a\n", role: Guest}]}`, []string{"spec.profiles[0].name", "must be the name of an object"}},
	"a workspace with a space":            {"Member", `{email: ana@acme.example, workspaces: [{name: "west Editor"}]}`, []string{"spec.workspaces[0].name", "must be the name of an object"}},
	"a profile in a workspace as a path":  {"Workspace", `{profiles: ["../x"]}`, []string{"spec.profiles[0]", "must be the name of an object"}},
	"a Secret as a path":                  {"SocialProfile", `{network: X, handle: acme, credentialsSecretRef: {name: ../../x}}`, []string{"spec.credentialsSecretRef.name", "must be the name of an object"}},
	"a responsible person by their name":  {"SocialProfile", `{network: X, handle: acme, responsibleRef: {name: Ana Lima}}`, []string{"spec.responsibleRef.name", "must be the name of an object"}},
	"an owner by their address":           {"Organization", `{displayName: A, ownerRef: {name: ana@acme.example}}`, []string{"spec.ownerRef.name", "must be the name of an object"}},
	"a plan by what it is called":         {"Organization", `{displayName: A, planRef: {name: Professional}}`, []string{"spec.planRef.name", "must be the name of an object"}},
	"a contact with dots at the end":      {"Organization", `{displayName: A, onboarding: {contactRef: {name: ana..}}}`, []string{"spec.onboarding.contactRef.name", "must be the name of an object"}},
	"a member by their address":           {"Invitation", `{memberRef: {name: ana@acme.example}}`, []string{"spec.memberRef.name", "must be the name of an object"}},
	"an account with a slash":             {"Member", `{email: ana@acme.example, accountRef: {name: a/b}}`, []string{"spec.accountRef.name", "must be the name of an object"}},
	"an organisation's name on two lines": {"Organization", `{displayName: "A\nB"}`, []string{"spec.displayName", "one line"}},
}

// repeated are the values of wrong objects that the answer repeats, so that people find them in a long list. Kubernetes does so from 1.35
// on; before, it names their type instead.
var repeated = map[string]string{
	"a profile that is several lines": `acme-fb\nget acme-fb`,
	"a member with upper case":        "Ana",
	"a Secret as a path":              "../../x",
	"http elsewhere":                  "http://social.example.com/cb",
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
	"names of objects": {"Team", `{role: Guest, members: [ana, "7", ana.silva-2], profiles: [acme.fb]}`, `{role: Guest, members: [ana, "7", ana.silva-2], profiles: [acme.fb]}`},
	"a profile by its name, with joiners": {"SocialProfile", `{network: Facebook, handle: "AC/DC 👩‍💻"}`,
		`{network: Facebook, handle: "AC/DC 👩‍💻", type: Profile, refresh: Never}`},
	"a profile": {"SocialProfile", `{network: Mastodon, handle: "@acme@social.example"}`,
		`{network: Mastodon, handle: "@acme@social.example", type: Profile, refresh: Never}`},
}

// changes that are not allowed once the object exists.
var changes = map[string]struct{ kind, before, after, says string }{
	"another address of an invitation": {"Invitation", `{email: ana@acme.example}`, `{email: ben@acme.example}`, "cannot be changed, but for its case or to the form in status.email: delete the Invitation and create another"},
	"another member of an invitation":  {"Invitation", `{memberRef: {name: ana}}`, `{memberRef: {name: ben}}`, "memberRef cannot be changed"},
	"an address instead of a member":   {"Invitation", `{memberRef: {name: ana}}`, `{email: ana@acme.example}`, "cannot be changed"},
	"another address of a member":      {"Member", `{email: ana@acme.example}`, `{email: ben@acme.example}`, "create one with the new address"},
	"another domain of a member":       {"Member", `{email: ana@bücher.example}`, `{email: ana@xn--bcher-kva.example}`, "to the form in status.email"},
	"another scope of a role":          {"CustomRole", `{scope: Profile, permissions: [get]}`, `{scope: Organization, permissions: [ViewTeam]}`, "delete the CustomRole and create another"},
	"other credentials of an account": {"Account", `{email: ana@acme.example, displayName: Ana, credentialsID: 0b0e7c8e-3c6c-4f0e-9d0e-2f6f1b6a1c3d}`,
		`{email: ana@acme.example, displayName: Ana, credentialsID: 1b0e7c8e-3c6c-4f0e-9d0e-2f6f1b6a1c3d}`, "count for that one only"},
	"no credentials of an account": {"Account", `{email: ana@acme.example, displayName: Ana, credentialsID: 0b0e7c8e-3c6c-4f0e-9d0e-2f6f1b6a1c3d}`,
		`{email: ana@acme.example, displayName: Ana}`, "credentialsID cannot be removed"},
	"another network": {"SocialProfile", `{network: X, handle: acme}`, `{network: Threads, handle: acme}`, "cannot be changed"},
}

// same are changes of an address that change nothing. The operator has looked at the object before.
var same = map[string]struct{ kind, before, status, after string }{
	"the case of a member's address":              {"Member", `{email: Ana@acme.example}`, `{}`, `{email: ana@ACME.example}`},
	"the case of an invitation's address":         {"Invitation", `{email: Ana@acme.example}`, `{}`, `{email: ana@ACME.example}`},
	"the form of the domain of a member":          {"Member", `{email: Ana@BÜCHER.example}`, `{email: ana@xn--bcher-kva.example}`, `{email: ana@xn--bcher-kva.example}`},
	"the form of the domain of an invitation":     {"Invitation", `{email: Ana@BÜCHER.example}`, `{email: ana@xn--bcher-kva.example}`, `{email: Ana@XN--bcher-kva.example}`},
	"an address in NFD to the one that is mailed": {"Invitation", `{email: "jo\u0308rg@acme.example"}`, `{email: jörg@acme.example}`, `{email: jörg@acme.example}`},
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
	maps.Copy(wrong, wrongApplications)
	maps.Copy(right, rightApplications)
	maps.Copy(changes, changedApplications)
	values := repeatedBy(t, cluster)
	for name, w := range wrong {
		t.Run(name, func(t *testing.T) {
			expectRefused(t, c.Create(ctx, object(t, w.kind, w.spec)), append(w.says, values[name]...)...)
		})
	}
	for name, r := range right {
		t.Run(name, func(t *testing.T) { expectTaken(ctx, t, c, r.kind, r.spec, r.want) })
	}
	for name, s := range same {
		t.Run(name, func(t *testing.T) {
			o := object(t, s.kind, s.before)
			if err := c.Create(ctx, o); err != nil {
				t.Fatal(err)
			}
			o.Object["status"] = parse(t, s.status)
			if err := c.Status().Update(ctx, o); err != nil {
				t.Fatal(err)
			}
			o.Object["spec"] = object(t, s.kind, s.after).Object["spec"]
			if err := c.Update(ctx, o); err != nil {
				t.Error(err)
			}
			if err := c.Delete(ctx, o); err != nil {
				t.Error(err)
			}
		})
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

// repeatedBy is what an API server says of the values in repeated.
func repeatedBy(t *testing.T, cluster *testenv.Cluster) map[string][]string {
	t.Helper()
	minor, err := cluster.Minor()
	if err != nil {
		t.Fatal(err)
	}
	says := map[string][]string{}
	for name, value := range repeated {
		if _, ok := wrong[name]; !ok {
			t.Errorf("no wrong object is called %s", name)
		}
		if minor < 35 {
			value = "string"
		}
		says[name] = []string{`Invalid value: "` + value + `"`}
	}
	return says
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
	// kstatus, and with it Flux and Argo CD, takes an object for ready that has neither conditions nor a generation to compare.
	if err := c.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
		t.Fatal(err)
	}
	if seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration"); seen != -1 {
		t.Errorf("status.observedGeneration of an object that no operator has seen is %d, want -1", seen)
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
