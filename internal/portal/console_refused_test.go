// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// editor adds a page that does to a Member what the form says: a stand-in for the forms of the rooms, which all go the same way.
func (w *world) editor(s *site) {
	desk := &console.Desk{
		Sessions: s.handler.sessions, As: actingAs(w.userConfig, w.portal), Cache: web.Cache{Reader: w.cache, Log: s.handler.site.Log},
		UserPrefix: prefix, Self: w.portal, Metrics: w.metrics(),
	}
	s.handler.routes = append(s.handler.routes, web.Route{
		Path: "/organizations/{namespace}/team/test/{name}", Get: desk.Open(editorForm(nil)), Post: desk.Open(edit),
	})
	s.handler.mux = s.handler.site.Serve(s.handler.routes, s.handler.sessions.Recognise)
}

func (w *world) metrics() *web.Metrics {
	w.t.Helper()
	m, err := web.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// editorForm shows what has to be corrected.
func editorForm(problems []web.Problem) func(*console.Visit) error {
	return func(v *console.Visit) error {
		return v.Form(web.PageSure, "Test", problems, web.Sure{
			Fields: web.Fields{Problems: problems}, Heading: "Test", Text: v.R.PostFormValue("spec"), Action: v.Page(), Back: v.To("/team/people"),
		})
	}
}

func edit(v *console.Visit) error {
	m := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: v.R.PathValue("name")}}
	form := func(problems []web.Problem) error { return editorForm(problems)(v) }
	fields := console.Fields{"spec.role": "role", "spec.email": "email", "spec.profiles": "profiles"}
	verb := v.R.PostFormValue("verb")
	if verb != "create" {
		if err := v.Get(m.Name, m); err != nil {
			return v.Failed(err, form, fields)
		}
	}
	wanted := m.DeepCopy()
	if err := json.Unmarshal([]byte(v.R.PostFormValue("spec")), &wanted.Spec); err != nil {
		return err
	}
	var err error
	switch verb {
	case "create":
		err = v.Create(wanted)
	case "delete":
		err = v.Delete(m)
	default:
		if changed, problems := v.Changed(m, wanted); changed != nil {
			problems = append(problems, web.Problem{Text: changed.Who + changed.When.Text})
			for _, l := range changed.Lines {
				problems = append(problems, web.Problem{Text: strconv.FormatBool(l.Added) + l.Text})
			}
			return form(problems)
		}
		err = v.Update(wanted)
	}
	if err != nil {
		return v.Failed(err, form, fields)
	}
	return v.Done("/team/people", "people.title", "Org", "X")
}

func (w *world) editorPath(member string) string {
	return "/organizations/" + w.ns + "/team/test/" + member
}

// change sends a form made from the Member as it is now.
func (w *world) change(b *browser, member, lang, verb, spec string) answer {
	w.t.Helper()
	m := &rosterv1alpha1.Member{}
	_ = w.admin.Get(context.Background(), client.ObjectKey{Namespace: w.ns, Name: member}, m) // There is none to create.
	return b.post(w.editorPath(member)+"?lang="+lang, url.Values{
		"verb": {verb}, "spec": {spec}, console.FieldGeneration: {strconv.FormatInt(m.Generation, 10)},
	})
}

// guarded is an organisation whose owner is there, and whose Members are deleted only when they are suspended.
func (w *world) guarded() {
	w.t.Helper()
	owner := &rosterv1alpha1.Member{}
	err := w.admin.Get(context.Background(), client.ObjectKey{Namespace: w.ns, Name: "olivia"}, owner)
	if err == nil {
		owner.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-olivia"}
		err = w.admin.Update(context.Background(), owner)
	}
	if err == nil {
		owner.Status = rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive, Role: "Owner", JoinedTime: &metav1.Time{Time: now()}}
		err = w.admin.Status().Update(context.Background(), owner)
	}
	if err == nil {
		w.org.Spec.Guardrails = &rosterv1alpha1.Guardrails{DeleteOnlySuspended: new(true)}
		err = w.admin.Update(context.Background(), w.org)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.awaitCache(owner)
}

// TestRefusalsAreSentences: what the API server refuses comes as a sentence with what to do, in the language of the page, at its field, and
// with the names of those to ask.
func TestRefusalsAreSentences(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.editor(s)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.registered(s, "ana")
	w.joined("ana", nil, nil)
	w.guarded()
	for _, c := range []struct{ name, member, verb, spec, field, english, french string }{
		{"a role above one's own", "ana", "update", `{"role":"CoOwner"}`, "role",
			"You cannot give the role Co-owner, because it is above your own. Choose another, or ask Olivia Martin.",
			"Vous ne pouvez pas donner le rôle Copropriétaire\u00a0: il est supérieur au vôtre. Choisissez-en un autre, ou demandez à Olivia Martin."},
		{"the owner suspended", "olivia", "update", `{"suspended":true}`, "", "Hand the organisation over first.", "Transmettez d’abord l’organisation."},
		{"somebody removed who is not suspended", "ana", "delete", `{}`, "", "Suspend them first.", "Commencez par suspendre son accès."},
		{"another's name", "new", "create", `{"email":"new@acme.example","invitedBy":"olivia@acme.example"}`, "",
			"You cannot invite in the name of olivia@acme.example.", "Vous ne pouvez pas inviter au nom d’olivia@acme.example."},
		{"oneself", "mia", "update", `{"role":"Member"}`, "", "You cannot change your own roles or membership", "Vous ne pouvez pas modifier vos propres droits"},
		{"a wrong address", "new", "create", `{"email":"no address"}`, "email", "Enter a plain address such as ana@example.com",
			"Écrivez une adresse simple comme ana@example.com"},
		{"a name that is taken", "ana", "create", `{"email":"ana@acme.example","invitedBy":"` + prefix + w.address("mia") + `"}`, "",
			"This name is already taken.", "Ce nom est déjà pris."},
		{"somebody gone", "nobody", "update", `{}`, "", "This no longer exists.", "Cet élément n’existe plus."},
	} {
		for lang, want := range map[string]string{"en": c.english, "fr": c.french} {
			t.Run(c.name+" "+lang, func(t *testing.T) {
				a := w.change(manager, c.member, lang, c.verb, c.spec)
				a.expect(t, http.StatusUnprocessableEntity, want)
				if c.field != "" && !strings.Contains(a.body, `href="#`+c.field+`"`) {
					t.Error("the sentence does not lead to its field")
				}
				if strings.Contains(a.body, "ValidatingAdmissionPolicy") || strings.Contains(a.body, "no value") || strings.Contains(a.body, "console.") {
					t.Error("the sentence is not one for people")
				}
			})
		}
	}
}

// TestAnEndPutOff: who may not give what a membership holds may not put off its end either, and is told so in the same words.
func TestAnEndPutOff(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.editor(s)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.registered(s, "ana")
	w.joined("ana", func(m *rosterv1alpha1.MemberSpec) {
		m.Role, m.EndTime = rosterv1alpha1.RoleCoOwner, &metav1.Time{Time: now().AddDate(0, 1, 0)}
	}, nil)
	w.change(manager, "ana", "en", "update", `{"endTime":"2030-01-01T00:00:00Z"}`).expect(t, http.StatusUnprocessableEntity,
		"You cannot give the role Co-owner, because it is above your own.")
}

// TestWhoMayNotWriteAtAll: RBAC refuses, and the sentence says whom to ask.
func TestWhoMayNotWriteAtAll(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.editor(s)
	auditor := w.connector(s, "max", rosterv1alpha1.RoleMember)
	w.mayRead("max")
	w.guarded()
	w.mayActFor(prefix + w.address("max"))
	w.awaitActing("max")
	w.change(auditor, "olivia", "en", "update", `{"displayName":"X"}`).expect(t, http.StatusUnprocessableEntity,
		"Your role does not let you manage people. Ask Olivia Martin.")
	w.change(auditor, "olivia", "fr", "update", `{"displayName":"X"}`).expect(t, http.StatusUnprocessableEntity,
		"Votre rôle ne vous permet pas de gérer les personnes. Demandez à Olivia Martin.")
}

// mayRead lets a person read the team, and no more.
func (w *world) mayRead(local string) {
	w.t.Helper()
	named := metav1.ObjectMeta{Namespace: w.ns, Name: "reads-" + local}
	w.create(&rbacv1.Role{ObjectMeta: named, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{rosterv1alpha1.GroupVersion.Group}, Resources: []string{"members"}, Verbs: []string{"get", "list"},
	}}})
	w.create(&rbacv1.RoleBinding{
		ObjectMeta: named, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: named.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: prefix + w.address(local)}},
	})
}

// TestWhatNobodyHasTranslated: a policy of the cluster's own is quoted, in the language that it speaks.
func TestWhatNobodyHasTranslated(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.editor(s)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.registered(s, "ana")
	w.joined("ana", nil, nil)
	w.policyOfTheirOwn("No changes in <Advent>.")
	tries := 0
	await(t, func(context.Context) bool {
		tries++
		return w.change(manager, "ana", "fr", "update", fmt.Sprintf(`{"company":"%d"}`, tries)).StatusCode == http.StatusUnprocessableEntity
	})
	w.change(manager, "ana", "fr", "update", `{"role":"Manager"}`).expect(t, http.StatusUnprocessableEntity,
		"Une règle de ce cluster s’y oppose", `<q lang="en">No changes in &lt;Advent&gt;.</q>`)
}

// TestAnOrganisationThatIsBeingDeleted: the namespace goes, and takes nobody in any more.
func TestAnOrganisationThatIsBeingDeleted(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.editor(s)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	if err := w.admin.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.ns}}); err != nil {
		t.Fatal(err)
	}
	const late = `{"email":"late@acme.example"}`
	w.change(manager, "late", "en", "create", late).expect(t, http.StatusUnprocessableEntity,
		"This organisation is being deleted, and nothing can be added to it any more.")
	w.change(manager, "late", "fr", "create", late).expect(t, http.StatusUnprocessableEntity, "Cette organisation est en cours de suppression")
}

// policyOfTheirOwn forbids changes of Members in the namespace.
func (w *world) policyOfTheirOwn(says string) {
	w.t.Helper()
	named := metav1.ObjectMeta{Name: w.ns + "-own"}
	w.create(&admissionv1.ValidatingAdmissionPolicy{ObjectMeta: named, Spec: admissionv1.ValidatingAdmissionPolicySpec{
		MatchConstraints: &admissionv1.MatchResources{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: w.ns}},
			ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Update},
				Rule:       admissionv1.Rule{APIGroups: []string{"roster.dev"}, APIVersions: []string{"*"}, Resources: []string{"members"}},
			}}},
		},
		Validations: []admissionv1.Validation{{Expression: "oldObject.spec == object.spec", Message: says}},
	}})
	w.create(&admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: named, Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName: named.Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
	}})
	w.t.Cleanup(func() {
		_ = w.admin.Delete(context.Background(), &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: named})
		_ = w.admin.Delete(context.Background(), &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: named})
	})
}

// TestKeptInGit: what a controller keeps is not written. The page has the change as lines, and the file to copy.
func TestKeptInGit(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.editor(s)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.registered(s, "ana")
	m := w.joined("ana", nil, nil)
	m.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "acme", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
	if err := w.admin.Update(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	a := w.change(manager, "ana", "en", "update", `{"role":"Manager"}`)
	a.expect(t, http.StatusConflict, "Flux keeps ana in Git", "<del><span class=\"sign\">- </span>  role: Member</del>",
		"<ins><span class=\"sign\">+ </span>  role: Manager</ins>", "apiVersion: roster.dev/v1beta1\nkind: Member\n")
	for _, hidden := range []string{"toolkit.fluxcd.io", "managedFields", "resourceVersion", "accountRef", "joinedTime"} {
		if strings.Contains(a.body, hidden) {
			t.Errorf("the YAML has %s", hidden)
		}
	}
	w.change(manager, "ana", "fr", "delete", `{}`).expect(t, http.StatusConflict, "Flux gère ana dans Git", "Retirez le fichier de Git")
	now := &rosterv1alpha1.Member{}
	if err := w.admin.Get(t.Context(), client.ObjectKeyFromObject(m), now); err != nil || now.Spec.Role != rosterv1alpha1.RoleMember {
		t.Errorf("it was written: %v, %v", now.Spec.Role, err)
	}
}

// TestTwoPeopleEditOneThing: the second one is told who was faster, and sees what their own entries would change now.
func TestTwoPeopleEditOneThing(t *testing.T) {
	w := newWorld(t)
	s := w.site(unlimited, w.connects(), w.console)
	w.editor(s)
	manager := w.looksAfter(s, "mia", rosterv1alpha1.RoleManager)
	w.registered(s, "ana")
	m := w.joined("ana", nil, nil)
	other, err := actingAs(w.userConfig, w.portal)(prefix + w.address("mia"))
	if err != nil {
		t.Fatal(err)
	}
	before := strconv.FormatInt(m.Generation, 10)
	m.Spec.Company = "Acme"
	if err := other.Update(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	send := func(generation string) answer {
		return manager.post(w.editorPath("ana"), url.Values{"spec": {`{"role":"Manager"}`}, console.FieldGeneration: {generation}})
	}
	send(before).expect(t, http.StatusUnprocessableEntity, "(you, in another window)", "false  role: Member", "true  role: Manager")
	send(strconv.FormatInt(m.Generation, 10)).expect(t, http.StatusSeeOther)
}
