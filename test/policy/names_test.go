// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// questions is a name that no profile can have. Put together with others to a list of questions about rights, it would be twenty questions
// about what somebody holds, and leave none for the profile that follows.
var questions = "acme-fb" + strings.Repeat("\nget acme-fb", 20)

// namedAttacks give somebody more than the one who writes holds, by such a name.
var namedAttacks = map[string]attempt{
	"a Team":                             {who: lena, do: createTeam("x", administrator, people("lena"), works(questions, "acme-x"))},
	"a Member":                           {who: dora, do: createMember("zed", on(questions, administrator), on("acme-x", administrator))},
	"an Invitation":                      {who: dora, do: invite("zed", offersOn(questions, administrator), offersOn("acme-x", administrator))},
	"a Workspace":                        {who: lena, do: createWorkspace("x", holds(questions, "acme-x"))},
	"a workspace and a role in one name": {who: lena, do: updateMember("wes", onlyIn(rosterv1alpha1.WorkspaceGrant{Name: "west Editor"}))},
}

// TestNamesBringNoQuestionsOfTheirOwn. No other test runs beside it: it takes the rule about names out of the kinds for a while, to see
// whether the policies hold alone.
func TestNamesBringNoQuestionsOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	w.Expect(createMember("wes", onlyIn(rosterv1alpha1.WorkspaceGrant{Name: "west", Role: editor}))(w, cluster.Client)).To(Succeed())
	for name, a := range namedAttacks {
		t.Run("the kinds refuse "+name, func(t *testing.T) {
			w := &world{t, NewWithT(t), w.ns}
			err := a.do(w, dry(w.as(a.who)))
			w.Expect(err).To(MatchError(apierrors.IsInvalid, "invalid"))
			w.Expect(err).To(MatchError(ContainSubstring("must be the name of an object: lower-case letters")))
		})
	}
	w.withoutNameRules()
	for name, a := range namedAttacks {
		t.Run("the policies refuse "+name, func(t *testing.T) {
			w := &world{t, NewWithT(t), w.ns}
			err := a.do(w, dry(w.as(a.who)))
			w.Expect(err).To(MatchError(apierrors.IsForbidden, "forbidden"))
			w.Expect(err).To(MatchError(MatchRegexp(`ValidatingAdmissionPolicy 'roster-(teams|grants|workspaces)'`)))
		})
	}
}

// withoutNameRules lets the kinds take any text as a name until the test ends.
func (w *world) withoutNameRules() {
	w.Helper()
	scheme := runtime.NewScheme()
	w.Expect(apiextensionsv1.AddToScheme(scheme)).To(Succeed())
	c, err := client.New(cluster.Config, client.Options{Scheme: scheme})
	w.Expect(err).NotTo(HaveOccurred())
	var kinds apiextensionsv1.CustomResourceDefinitionList
	w.Expect(c.List(w.Context(), &kinds)).To(Succeed())
	w.Cleanup(func() { w.Eventually(w.takeAnyName).Should(Equal(0), "the kinds have their rule again") })
	for _, kind := range kinds.Items {
		before := kind.Spec.DeepCopy()
		for _, version := range kind.Spec.Versions {
			dropNameRules(version.Schema.OpenAPIV3Schema)
		}
		w.Expect(c.Update(w.Context(), &kind)).To(Succeed())
		w.Cleanup(func() {
			w.Expect(c.Get(context.Background(), client.ObjectKeyFromObject(&kind), &kind)).To(Succeed())
			kind.Spec = *before
			w.Expect(c.Update(context.Background(), &kind)).To(Succeed())
		})
	}
	w.Eventually(w.takeAnyName).Should(Equal(4), "the API server has taken up the kinds without the rule")
}

// takeAnyName counts the kinds that take any text as a name.
func (w *world) takeAnyName() int {
	n := 0
	for _, o := range []client.Object{
		w.team("x", guest, works(questions)), w.member("zed", on(questions, guest)), w.invitation("zed", offersOn(questions, guest)),
		w.workspace("x", holds(questions)),
	} {
		if dry(cluster.Client).Create(context.Background(), o) == nil {
			n++
		}
	}
	return n
}

func dropNameRules(field *apiextensionsv1.JSONSchemaProps) {
	field.XValidations = slices.DeleteFunc(field.XValidations, func(r apiextensionsv1.ValidationRule) bool {
		return strings.HasPrefix(r.Message, "must be the name of an object")
	})
	for name, f := range field.Properties {
		dropNameRules(&f)
		field.Properties[name] = f
	}
	if field.Items != nil {
		dropNameRules(field.Items.Schema)
	}
}

// TestEachOfTwentyQuestionsIsAsked, where roles have different numbers of permissions: somebody who lacks a single one gives none of it.
func TestEachOfTwentyQuestionsIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gives := []rosterv1alpha1.ProfileGrant{{Name: "p0", Role: moderator}, {Name: "p1", Role: administrator}, {Name: "p2", Role: editor}, {Name: "p3", Role: editor}}
	member := createMember("zed", func(m *rosterv1alpha1.Member) { m.Spec.Profiles = gives })
	team := createTeam("x", editor, works("p0", "p1", "p2", "p3"))
	writes := rosterRule([]string{"members", "teams"}, nil, "create")
	// lacking holds all that is given, or as much of it as makes Editors of everybody, but for one verb on one profile.
	lacking := func(user, profile, verb string, holds func(p rosterv1alpha1.ProfileGrant) rosterv1alpha1.ProfileRole) {
		rules := []rbacv1.PolicyRule{writes, rosterRule([]string{"orgroles"}, []string{"Member"}, "grant")}
		for _, p := range gives {
			verbs := slices.DeleteFunc(verbsOf(holds(p)), func(v string) bool { return p.Name == profile && v == verb })
			rules = append(rules, rosterRule([]string{"socialprofiles"}, []string{p.Name}, verbs...))
		}
		w.bindRole(strings.ReplaceAll(user, "@", "-at-"), user, rules...)
	}
	asGiven := func(p rosterv1alpha1.ProfileGrant) rosterv1alpha1.ProfileRole { return p.Role }
	asEditor := func(rosterv1alpha1.ProfileGrant) rosterv1alpha1.ProfileRole { return editor }
	lacking("all@acme.example", "", "", asGiven)
	lacking("editor@acme.example", "", "", asEditor)
	w.Eventually(func() error { return member(w, dry(w.as("all@acme.example"))) }).Should(Succeed())
	w.Eventually(func() error { return team(w, dry(w.as("editor@acme.example"))) }).Should(Succeed())
	asked := 0
	for _, p := range gives {
		for _, verb := range verbsOf(p.Role) {
			asked++
			user := fmt.Sprintf("no-%s-%s@acme.example", verb, p.Name)
			lacking(user, p.Name, verb, asGiven)
			w.Eventually(func() error { return member(w, dry(w.as(user))) }).Should(MatchError(ContainSubstring("they do not hold all of that themselves")), user)
		}
		for _, verb := range verbsOf(editor) {
			user := fmt.Sprintf("team-no-%s-%s@acme.example", verb, p.Name)
			lacking(user, p.Name, verb, asEditor)
			w.Eventually(func() error { return team(w, dry(w.as(user))) }).Should(MatchError(ContainSubstring("they do not hold all of that themselves")), user)
		}
	}
	w.Expect(asked).To(Equal(20))
}

// TestNoneComesAfterTheTwenty: by a Member, an Invitation and a Team alike, twenty permissions are asked about and more are refused as a
// whole. The last of twenty-one is not given without a question, even to somebody who holds the others.
func TestNoneComesAfterTheTwenty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	profiles := []string{"acme-adam"}
	for i := range 20 {
		profiles = append(profiles, fmt.Sprintf("p%d", i))
	}
	slices.Reverse(profiles) // what lena lacks comes last
	w.bindRole("holds-twenty", lena, rosterRule([]string{"socialprofiles"}, profiles[:20], "get"))
	by := map[string]func(names []string) func(w *world, c client.Client) error{
		"a Member": func(names []string) func(w *world, c client.Client) error {
			return createMember("zed", func(m *rosterv1alpha1.Member) {
				for _, name := range names {
					on(name, guest)(m)
				}
			})
		},
		"an Invitation": func(names []string) func(w *world, c client.Client) error {
			return invite("zed", invitedBy(lena), func(inv *rosterv1alpha1.Invitation) {
				for _, name := range names {
					offersOn(name, guest)(inv)
				}
			})
		},
		"a Team": func(names []string) func(w *world, c client.Client) error {
			return createTeam("x", guest, works(names...))
		},
	}
	for name, give := range by {
		c := dry(w.as(lena))
		w.Eventually(func() error { return give(profiles[:20])(w, c) }).Should(Succeed(), name)
		w.Expect(give(append(slices.Clone(profiles[:19]), "acme-adam"))(w, c)).To(MatchError(ContainSubstring("they do not hold all of that themselves")), name)
		w.Expect(give(profiles)(w, c)).To(MatchError(ContainSubstring("only 20 permissions can be given in one step")), name)
	}
}

func verbsOf(r rosterv1alpha1.ProfileRole) []string {
	var verbs []string
	for _, p := range access.ProfilePermissions(r).Permissions() {
		verbs = append(verbs, string(p))
	}
	return verbs
}
