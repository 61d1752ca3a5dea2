// SPDX-License-Identifier: Apache-2.0

package console

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/refusal"
	"github.com/roster-dev/roster/internal/texts"
)

func consoleTexts(t *testing.T, l rosterv1alpha1.Locale) map[string]string {
	t.Helper()
	data, err := os.ReadFile("texts/" + string(l) + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := yaml.UnmarshalStrict(data, &raw); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for id, text := range raw {
		all[id], _ = text.(string) // None of a refusal counts.
	}
	return all
}

// TestEveryRefusalHasWords: whatever a rule of Roster says, each language says, and uses only the names that the sentence has.
func TestEveryRefusalHasWords(t *testing.T) {
	placeholder := regexp.MustCompile(`\{\{\.(\w+)\}\}`)
	for _, l := range texts.Languages() {
		all := consoleTexts(t, l)
		used := map[string]bool{}
		for kind, rules := range refusal.Known() {
			for rule, names := range rules {
				id := "console." + string(kind) + "." + rule
				text, ok := all[id]
				if !ok {
					t.Errorf("%s: %s is missing", l, id)
				}
				used[id] = true
				for _, p := range placeholder.FindAllStringSubmatch(text, -1) {
					if p[1] != "Whom" && !slices.Contains(names, strings.ToLower(p[1])) {
						t.Errorf("%s: %s wants %s, and the sentence has %v", l, id, p[1], names)
					}
				}
			}
		}
		for id := range all {
			if (strings.HasPrefix(id, "console.policy.") || strings.HasPrefix(id, "console.schema.")) && !used[id] {
				t.Errorf("%s: nothing says %s", l, id)
			}
		}
		for _, kind := range []refusal.Kind{refusal.Role, refusal.Acting, refusal.Webhook, refusal.WebhookAway, refusal.Quota, refusal.Conflict,
			refusal.Ending, refusal.Gone, refusal.Exists, refusal.Later, refusal.Unsure, refusal.Other} {
			if all["console."+string(kind)] == "" {
				t.Errorf("%s: there are no words for %s", l, kind)
			}
		}
	}
}

// TestFields: the field of the form whose path is nearest.
func TestFields(t *testing.T) {
	f := Fields{"spec.profiles": "profiles", "spec.profiles[2].role": "role-2", "spec.role": "role"}
	for path, want := range map[string]string{
		"spec.profiles": "profiles", "spec.profiles[0].name": "profiles", "spec.profiles[2].role": "role-2", "spec.role": "role",
		"spec.roles": "", "": "", "metadata.name": "",
	} {
		if got := f.id(path); got != want {
			t.Errorf("%s is about %q, want %q", path, got, want)
		}
	}
	if got := (Fields{"": "everything"}).id("spec.x"); got != "" {
		t.Errorf("an empty path took %q", got)
	}
}

// TestWriters: who wrote last stands first, the status is not theirs, and each is called by what people know.
func TestWriters(t *testing.T) {
	at := func(minute int) *metav1.Time {
		return &metav1.Time{Time: time.Date(2026, time.November, 23, 9, minute, 0, 0, time.UTC)}
	}
	var got []string
	for _, w := range Writers([]metav1.ManagedFieldsEntry{
		{Manager: "kubectl-client-side-apply", Time: at(1)}, {Manager: FieldManager("oidc:mia@acme.example"), Time: at(9)},
		{Manager: "roster", Subresource: "status", Time: at(20)}, {Manager: "roster", Time: at(3)}, {Manager: "kustomize-controller", Time: at(5)},
		{Manager: "kubectl-roster", Time: at(4)}, {Manager: "terraform", Time: at(2)}, {Manager: "kubectl"},
		{Manager: FieldManager("oidc:" + strings.Repeat("x", 200) + "@acme.example"), Time: at(6)},
	}) {
		got = append(got, strings.TrimSuffix(string(w.By)+" "+w.User+w.Program, " "))
	}
	want := []string{"console oidc:mia@acme.example", "console", "git Flux", "plugin", "roster", "other terraform", "kubectl"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestTheYAMLToCopy is what the author would write: nothing that Kubernetes, Roster or a tool adds.
func TestTheYAMLToCopy(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := rosterv1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	m := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "acme", Name: "ana", UID: "1", ResourceVersion: "2", Generation: 3, Finalizers: []string{"roster.dev/grants"},
			Labels: map[string]string{"team": "west", "kustomize.toolkit.fluxcd.io/name": "acme"},
			Annotations: map[string]string{
				"kubectl.kubernetes.io/last-applied-configuration": "{}", rosterv1alpha1.PlaceAnnotation: "1", "argocd.argoproj.io/sync-wave": "2",
			},
		},
		Spec:   rosterv1alpha1.MemberSpec{Email: "ana@acme.example", Role: "Member", AccountRef: &rosterv1alpha1.LocalReference{Name: "a-1"}},
		Status: rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive},
	}
	before, err := authored(m, scheme)
	if err != nil {
		t.Fatal(err)
	}
	want := `apiVersion: roster.dev/v1beta1
kind: Member
metadata:
  annotations:
    argocd.argoproj.io/sync-wave: "2"
  labels:
    team: west
  name: ana
  namespace: acme
spec:
  email: ana@acme.example
  role: Member
`
	if before != want {
		t.Errorf("got:\n%s", before)
	}
	m.Spec.Role = "Manager"
	after, err := authored(m, scheme)
	if err != nil {
		t.Fatal(err)
	}
	lines := changes(before, after)
	shown := func(l Line) string { return map[bool]string{l.Removed: "-", l.Added: "+"}[true] + l.Text }
	var got []string
	for _, l := range lines {
		got = append(got, shown(l))
	}
	if want := []string{"spec:", "  email: ana@acme.example", "-  role: Member", "+  role: Manager"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if lines := changes(before, before); lines != nil {
		t.Errorf("%v", lines)
	}
}
