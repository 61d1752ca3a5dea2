// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// almighty is the manager after somebody has bound cluster-admin to it: nothing but its own policies stands in its way.
func (w *world) almighty() client.Client {
	config := cluster.As("roster-manager")
	config.Impersonate.Groups = append(config.Impersonate.Groups, "system:masters")
	return w.client(config)
}

// managerAttempt is something that the manager tries.
type managerAttempt struct {
	do func(w *world, c client.Client) error
	// says is what the message of the policy ends with; empty where it is allowed.
	says string
}

// managerAttempts tries each with the rights of config/rbac, and again as almighty: the policies alone must hold.
func (w *world) managerAttempts(t *testing.T, table map[string]managerAttempt) {
	t.Helper()
	for name, a := range table {
		t.Run(name, func(t *testing.T) {
			w := &world{t, NewWithT(t), w.ns}
			own, all := a.do(w, dry(w.as(manager))), a.do(w, dry(w.almighty()))
			if a.says == "" {
				w.Expect(own).NotTo(HaveOccurred())
				w.Expect(all).NotTo(HaveOccurred())
				return
			}
			w.Expect(own).To(HaveOccurred(), "with the rights of config/rbac")
			w.Expect(apierrors.IsForbidden(all)).To(BeTrue(), "%v", all)
			w.Expect(all).To(MatchError(And(ContainSubstring("ValidatingAdmissionPolicy 'roster-manager-"),
				ContainSubstring("denied request: the manager of Roster may not "), HaveSuffix(a.says))))
		})
	}
}

// rosters is what Roster's own Roles and bindings are marked with.
func (w *world) rosters(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.ns, Name: name, Labels: map[string]string{"app.kubernetes.io/managed-by": "roster"}}
}

// writesRole writes a Role as the manager does, but for a change.
func writesRole(change ...func(r *rbacv1.Role)) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error {
		r := &rbacv1.Role{ObjectMeta: w.rosters("roster:team:writers"), Rules: []rbacv1.PolicyRule{
			rosterRule([]string{"socialprofiles"}, []string{"acme-fb"}, "get", "publish"),
		}}
		for _, ch := range change {
			ch(r)
		}
		return c.Create(w.Context(), r)
	}
}

// writesBinding writes a RoleBinding as the manager does, but for a change.
func writesBinding(change ...func(b *rbacv1.RoleBinding)) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error {
		b := &rbacv1.RoleBinding{
			ObjectMeta: w.rosters("roster:team:writers:0"),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "roster:team:writers"},
			Subjects:   []rbacv1.Subject{user(ana), user("oidc:" + ben), user("https://login.example.com#" + carla)},
		}
		for _, ch := range change {
			ch(b)
		}
		return c.Create(w.Context(), b)
	}
}

func user(name string) rbacv1.Subject {
	return rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}
}

// What the messages about Roles and bindings end with.
const (
	badName     = "metadata.name must begin with roster: and the label app.kubernetes.io/managed-by must be roster."
	badRules    = "Compare rules with the ClusterRole roster-grantable."
	badRoleRef  = "roleRef must name a Role whose name begins with roster:"
	badSubjects = "subjects may be only people: Users with an address for a name that does not begin with system:"
	badPlace    = "no organisation lies there. Move the Organization into a namespace of its own."
	badScope    = "it gives rights in one namespace at a time, by a Role and RoleBindings."
)

// TestTheManagerWritesOnlyRostersRoles: each clause of the policy about Roles and bindings is attacked by itself.
func TestTheManagerWritesOnlyRostersRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Expect(writesRole()(w, w.as(manager))).To(Succeed())
	w.Expect(writesBinding()(w, w.as(manager))).To(Succeed())
	w.bindRole("somebody-elses", ana, everythingOnProfiles())
	for _, name := range rolesToCome {
		w.Expect(writesRole(named[*rbacv1.Role](name))(w, w.as(manager))).To(Succeed(), name)
	}
	table := attemptsOnNames()
	maps.Copy(table, attemptsOnRules())
	maps.Copy(table, attemptsOnBindings(w.ns))
	maps.Copy(table, attemptsElsewhere())
	w.managerAttempts(t, table)
}

// rolesToCome are names that the manager uses: the first, for each Member, and those for each source of rights.
var rolesToCome = []string{
	"roster:member:zed", "roster:role:manager", "roster:team:night", "roster:workspace:emea:Editor", "roster:profile:acme-x:Editor",
	"roster:connected:acme-x", "roster:owner",
}

// attemptsOnNames are about what a Role or a binding is called, marked with and taken away by.
func attemptsOnNames() map[string]managerAttempt {
	table := map[string]managerAttempt{
		"a Role of another name":              {writesRole(named[*rbacv1.Role]("admin")), badName},
		"a Role of a name that looks alike":   {writesRole(named[*rbacv1.Role]("roster-writers")), badName},
		"a Role without its label":            {writesRole(func(r *rbacv1.Role) { r.Labels = nil }), badName},
		"a Role with the label of another":    {writesRole(func(r *rbacv1.Role) { r.Labels["app.kubernetes.io/managed-by"] = "Helm" }), badName},
		"a binding of another name":           {writesBinding(named[*rbacv1.RoleBinding]("admins")), badName},
		"a binding without its label":         {writesBinding(func(b *rbacv1.RoleBinding) { b.Labels = nil }), badName},
		"a Role that loses its label":         {update("roster:team:writers", []func(*rbacv1.Role){func(r *rbacv1.Role) { r.Labels = nil }}), badName},
		"a Role of somebody else":             {update("somebody-elses", []func(*rbacv1.Role){allowing(rosterRule([]string{"members"}, nil, "get"))}), badName},
		"a Role that allows nothing any more": {do: update("roster:team:writers", []func(*rbacv1.Role){func(r *rbacv1.Role) { r.Rules = nil }})},
		"a binding of fewer people":           {do: update("roster:team:writers:0", []func(*rbacv1.RoleBinding){func(b *rbacv1.RoleBinding) { b.Subjects = b.Subjects[:1] }})},
		"a binding of nobody any more":        {do: update("roster:team:writers:0", []func(*rbacv1.RoleBinding){func(b *rbacv1.RoleBinding) { b.Subjects = nil }})},
		"deleting a binding": {do: deleteOther(func(w *world) client.Object {
			return &rbacv1.RoleBinding{ObjectMeta: w.rosters("roster:team:writers:0")}
		})},
		"deleting a Role that is not Roster's": {do: deleteOther(func(w *world) client.Object { return &rbacv1.Role{ObjectMeta: w.rosters("somebody-elses")} })},
	}
	for _, name := range rolesToCome {
		table["a Role "+name] = managerAttempt{do: update(name, []func(*rbacv1.Role){allowing(rosterRule([]string{"members"}, nil, "get"))})}
		table["a binding to "+name] = managerAttempt{do: writesBinding(named[*rbacv1.RoleBinding](name+":17"), refersTo("Role", name))}
	}
	return table
}

// attemptsOnRules are about what a Role allows.
func attemptsOnRules() map[string]managerAttempt {
	table := map[string]managerAttempt{}
	for name, rule := range map[string]rbacv1.PolicyRule{
		"Secrets":               {APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}},
		"another group, too":    {APIGroups: []string{"roster.dev", "apps"}, Resources: []string{"members"}, Verbs: []string{"get"}},
		"every group":           {APIGroups: []string{"*"}, Resources: []string{"members"}, Verbs: []string{"get"}},
		"every kind":            rosterRule([]string{"*"}, nil, "get"),
		"every status":          rosterRule([]string{"*/status"}, nil, "update"),
		"the status of Members": rosterRule([]string{"members/status"}, nil, "update"),
		"Accounts":              rosterRule([]string{"accounts"}, nil, "get"),
		"Plans":                 rosterRule([]string{"plans"}, nil, "use"),
		"every verb":            rosterRule([]string{"members"}, nil, "*"),
		"binding Members":       rosterRule([]string{"members"}, nil, "bind"),
		"deletecollection":      rosterRule([]string{"members"}, nil, "get", "deletecollection"),
	} {
		table["a Role that allows "+name] = managerAttempt{writesRole(allowing(rule)), badRules}
		table["a Role that comes to allow "+name] = managerAttempt{update("roster:team:writers", []func(*rbacv1.Role){allowing(rule)}), badRules}
	}
	return table
}

// attemptsOnBindings are about what a binding binds, and whom.
func attemptsOnBindings(ns string) map[string]managerAttempt {
	table := map[string]managerAttempt{
		"a binding to a ClusterRole":           {writesBinding(refersTo("ClusterRole", "cluster-admin")), badRoleRef},
		"a binding to a ClusterRole like ours": {writesBinding(refersTo("ClusterRole", "roster:role:manager")), badRoleRef},
		"a binding to a stranger's Role":       {writesBinding(refersTo("Role", "somebody-elses")), badRoleRef},
	}
	for name, subject := range map[string]rbacv1.Subject{
		"a group":                           {APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "writers@acme.example"},
		"everybody":                         {APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:authenticated"},
		"a ServiceAccount":                  {Kind: rbacv1.ServiceAccountKind, Namespace: ns, Name: "default"},
		"a ServiceAccount by its user name": user("system:serviceaccount:acme:sync"),
		"a user of Kubernetes":              user("system:node:a@b"),
		"somebody without an address":       user("kubernetes-admin"),
	} {
		table["a binding of "+name] = managerAttempt{writesBinding(to(subject)), badSubjects}
		table["a binding that comes to have "+name] = managerAttempt{update("roster:team:writers:0", []func(*rbacv1.RoleBinding){to(subject)}), badSubjects}
	}
	return table
}

// attemptsElsewhere are about where no organisation lies, and about what reaches across namespaces.
func attemptsElsewhere() map[string]managerAttempt {
	table := map[string]managerAttempt{
		"a ClusterRole": {createOther(func(*world) client.Object {
			return &rbacv1.ClusterRole{
				ObjectMeta: metav1.ObjectMeta{Name: "roster:role:manager", Labels: map[string]string{"app.kubernetes.io/managed-by": "roster"}},
				Rules:      []rbacv1.PolicyRule{rosterRule([]string{"members"}, nil, "get")},
			}
		}), badScope},
		"a ClusterRole of URLs": {createOther(func(*world) client.Object {
			return &rbacv1.ClusterRole{
				ObjectMeta: metav1.ObjectMeta{Name: "roster:urls"}, Rules: []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}},
			}
		}), badScope},
		"a ClusterRoleBinding": {createOther(func(*world) client.Object {
			return &rbacv1.ClusterRoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: "roster:all"}, Subjects: []rbacv1.Subject{user(ana)},
				RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
			}
		}), badScope},
	}
	for _, ns := range []string{"kube-system", "kube-public", "kube-node-lease", "roster-system", "roster-accounts", "roster-connections"} {
		table["a Role in "+ns] = managerAttempt{writesRole(lying[*rbacv1.Role](ns)), badPlace}
		table["a binding in "+ns] = managerAttempt{writesBinding(lying[*rbacv1.RoleBinding](ns)), badPlace}
	}
	return table
}

func named[T client.Object](name string) func(o T) { return func(o T) { o.SetName(name) } }

func lying[T client.Object](ns string) func(o T) { return func(o T) { o.SetNamespace(ns) } }

func allowing(rule rbacv1.PolicyRule) func(r *rbacv1.Role) {
	return func(r *rbacv1.Role) { r.Rules = append(r.Rules, rule) }
}

func refersTo(kind, name string) func(b *rbacv1.RoleBinding) {
	return func(b *rbacv1.RoleBinding) { b.RoleRef.Kind, b.RoleRef.Name = kind, name }
}

func to(s rbacv1.Subject) func(b *rbacv1.RoleBinding) {
	return func(b *rbacv1.RoleBinding) { b.Subjects = append(b.Subjects, s) }
}

// TestTheManagerMayWriteWhatItCompiles: no Role of a source, whatever it gives, is in conflict with the policy.
func TestTheManagerMayWriteWhatItCompiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sources := access.Sources{Owner: true, Roles: access.Roles{}, Profiles: map[string]access.Standing{"acme-fb": access.Present}, Connected: []string{"acme-x"}}
	rules := access.Compile(sources, "acme")
	for _, r := range []rosterv1alpha1.ProfileRole{administrator, editor, moderator, guest} {
		sources := access.Sources{Spec: rosterv1alpha1.MemberSpec{Profiles: []rosterv1alpha1.ProfileGrant{{Name: "acme-fb", Role: r}}}, Profiles: sources.Profiles}
		rules = append(rules, access.Compile(sources, "acme")...)
	}
	w.Expect(writesRole(func(r *rbacv1.Role) { r.Rules = rules })(w, w.as(manager))).To(Succeed())
	var many []rbacv1.Subject
	for i := range 1000 {
		many = append(many, user(fmt.Sprintf("oidc:person-%d@acme.example", i)))
	}
	w.Expect(writesBinding(func(b *rbacv1.RoleBinding) { b.Subjects = many })(w, w.as(manager))).To(Succeed())
	many[999] = user("system:admin@acme.example")
	w.Expect(writesBinding(func(b *rbacv1.RoleBinding) { b.Subjects = many })(w, w.almighty())).To(MatchError(ContainSubstring("subjects may be only people")))
}

// TestTheManagerWritesNoSpecs: the manager holds rights on specs in order to hand them on, and makes no use of them.
func TestTheManagerWritesNoSpecs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Expect(createTeam("writers", editor, works("acme-fb"))(w, cluster.Client)).To(Succeed())
	w.Expect(createWorkspace("west")(w, cluster.Client)).To(Succeed())
	w.Expect(createApplication("studio")(w, cluster.Client)).To(Succeed())
	w.Expect(createMember("wanda")(w, cluster.Client)).To(Succeed())

	const (
		reads   = "it only reads them, writes their status and invites declared Members. Write it as the person who decides."
		members = " but for spec.accountRef: the rest of the spec belongs to its author."
	)
	w.managerAttempts(t, map[string]managerAttempt{
		"an Organization":              {createOrganization("two"), reads},
		"settings":                     {updateOrganization(func(o *rosterv1alpha1.Organization) { o.Spec.DisplayName = "Other" }), reads},
		"deletes an Organization":      {deleteOrganization("acme"), reads},
		"a Team":                       {createTeam("more", editor, works("acme-fb")), reads},
		"more by a Team":               {updateTeam("writers", works("acme-x")), reads},
		"deletes a Team":               {deleteOther(func(w *world) client.Object { return w.team("writers", editor) }), reads},
		"a Workspace":                  {createWorkspace("east", holds("acme-fb")), reads},
		"more in a Workspace":          {updateWorkspace("west", holds("acme-fb")), reads},
		"a CustomRole":                 {createRole("more", inOrganization, "ViewTeam"), reads},
		"more by a CustomRole":         {updateRole("lead", allows("ManageSettings")), reads},
		"an Application":               {createApplication("tool"), reads},
		"sends people elsewhere":       {updateApplication("studio", returnsTo("https://evil.example/cb")), reads},
		"deletes an Application":       {deleteOther(func(w *world) client.Object { return w.application("studio") }), reads},
		"the status of an Application": {patchStatus("Application", "studio", `{"status":{"observedGeneration":1}}`), ""},
		"a Plan": {createOther(func(*world) client.Object {
			return &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "x"}, Spec: rosterv1alpha1.PlanSpec{Contact: "sales@roster.example"}}
		}), reads},
		"an offer":                      {invite("zed"), reads},
		"more in an offer":              {updateInvitation("zoe", offers(managerRole)), reads},
		"invites a declared Member":     {invite("wanda", forMember("wanda")), ""},
		"a Member who has not accepted": {createMember("zed"), " without spec.accountRef: a Member that it creates is somebody who has accepted."},
		"a Member who has":              {createMember("zed", on("acme-fb", editor), joined), ""},
		"binds a Member":                {updateMember("wanda", joined), ""},
		"an annotation":                 {updateMember("ana", func(m *rosterv1alpha1.Member) { m.Annotations = map[string]string{"roster.dev/place": "x"} }), ""},
		"another role":                  {updateMember("ana", role(managerRole)), members},
		"deletes a Member who leaves":   {deleteMember("ana"), ""},
		"a profile that was connected":  {createProfile("new", ana), ""},
		"other credentials":             {updateProfile("acme-x", withTokens("new")), ""},
		"another handle":                {updateProfile("acme-x", handled("x")), " but for spec.credentialsSecretRef: the rest of the spec belongs to its author."},
		"deletes a profile":             {deleteProfile("acme-x"), ""},
		"a status":                      {patchStatus("Member", "ana", `{"status":{"observedGeneration":1}}`), ""},
		"the status of an Organization": {patchStatus("Organization", "acme", `{"status":{"observedGeneration":1}}`), ""},
	})
}

// TestEachFieldOfASpecIsItsAuthors: the policy lists the fields that the manager leaves alone; none is missing there.
func TestEachFieldOfASpecIsItsAuthors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for kind, of := range map[string]struct {
		name, own string
		spec      reflect.Type
		values    map[string]any
	}{
		"Member": {"ana", "accountRef", reflect.TypeFor[rosterv1alpha1.MemberSpec](), map[string]any{
			"email": "Ana@acme.example", "displayName": "x", "company": "x", "role": "CoOwner", "profiles": []any{},
			"workspaces": []any{map[string]any{"name": "x"}}, "canManageProfiles": true, "suspended": true, "invitedBy": ana,
			"endTime": "2027-01-31T23:59:59Z",
		}},
		"SocialProfile": {"acme-x", "credentialsSecretRef", reflect.TypeFor[rosterv1alpha1.SocialProfileSpec](), map[string]any{
			"network": nil, "handle": "x", "type": "AdAccount", "refresh": "BeforeExpiry", "accountID": "1",
			"responsibleRef": map[string]any{"name": "ana"}, "connectedBy": ana, "notifications": map[string]any{"tokenExpiry": false},
		}},
	} {
		for f := range of.spec.Fields() {
			field, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if field == of.own {
				continue
			}
			t.Run(kind+" "+field, func(t *testing.T) {
				w := &world{t, NewWithT(t), w.ns}
				w.Expect(of.values).To(HaveKey(field), "a value to try")
				if of.values[field] == nil {
					return // nobody can change it
				}
				o := &unstructured.Unstructured{}
				o.SetGroupVersionKind(rosterv1alpha1.GroupVersion.WithKind(kind))
				w.Expect(cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: w.ns, Name: of.name}, o)).To(Succeed())
				w.Expect(unstructured.SetNestedField(o.Object, of.values[field], "spec", field)).To(Succeed())
				w.Expect(dry(w.almighty()).Update(t.Context(), o)).To(MatchError(ContainSubstring("the rest of the spec belongs to its author")))
			})
		}
	}
}

// TestTheManagerMakesNoTokens: a Secret that Kubernetes fills with the token of a ServiceAccount would make the manager somebody else.
func TestTheManagerMakesNoTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bindCredentials()
	secret := func(ns string, change ...func(s *corev1.Secret)) func(w *world, c client.Client) error {
		return createOther(func(*world) client.Object {
			s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "roster-tokens"}, StringData: map[string]string{"access_token": "x"}}
			for _, ch := range change {
				ch(s)
			}
			return s
		})
	}
	token := func(s *corev1.Secret) {
		s.Type, s.Annotations = corev1.SecretTypeServiceAccountToken, map[string]string{corev1.ServiceAccountNameKey: "default"}
	}
	w.Expect(cluster.Client.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "default"}})).
		To(Or(Succeed(), MatchError(apierrors.IsAlreadyExists, "is there")))
	const (
		place = "it keeps Secrets in roster-system, roster-connections and the namespaces of organisations that bind roster-credentials."
		typed = "its type makes it the token of a ServiceAccount."
		keys  = "of the Secrets in roster-system, it changes only those of the type roster.dev/signing-keys."
	)
	changes := func(name string, of corev1.SecretType) func(w *world, c client.Client) error {
		return func(w *world, c client.Client) error {
			s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "roster-system", Name: name}, Type: of}
			if err := client.IgnoreAlreadyExists(cluster.Client.Create(w.Context(), s)); err != nil {
				return err
			}
			s.StringData = map[string]string{"new": "x"}
			return c.Update(w.Context(), s)
		}
	}
	w.managerAttempts(t, map[string]managerAttempt{
		"of an organisation":                {secret(w.ns), ""},
		"in its own namespace":              {secret("roster-system"), ""},
		"keys that sign tokens, changed":    {changes("roster-openid-keys", "roster.dev/signing-keys"), ""},
		"keys of second factors, changed":   {changes("roster-factor-keys", corev1.SecretTypeOpaque), keys},
		"a token in its own namespace":      {secret("roster-system", token), typed},
		"a token in one of an organisation": {secret(w.ns, token), typed},
		"beside passwords":                  {secret("roster-accounts"), place},
		"in kube-system":                    {secret("kube-system"), place},
	})
}

// bindCredentials lets the manager keep tokens in this namespace.
func (w *world) bindCredentials() {
	w.Helper()
	w.bindClusterRole("credentials", "roster-credentials", manager)
	review := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "probe"}, Immutable: ptr.To(false)}
	w.Eventually(func() error { return dry(w.as(manager)).Create(w.Context(), review.DeepCopy()) }).Should(Succeed())
}
