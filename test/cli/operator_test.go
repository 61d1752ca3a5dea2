// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/cli/compare"
	"github.com/roster-dev/roster/internal/cli/declared"
	"github.com/roster-dev/roster/internal/cli/manifests"
	"github.com/roster-dev/roster/internal/testenv"
)

// The questions that a permission in the organisation answers, and no other.
var inOrganization = map[string]string{
	"ViewTeam": "list organizations", "ManageMembers": "create members", "ManageTeams": "create teams", "ManageRoles": "create customroles",
	"ManageSettings": "update organizations/acme", "ViewSubscription": "get subscriptions/acme", "BuyAddOns": "buy subscriptions/acme",
	"ManageSubscription": "manage subscriptions/acme", "ManageContacts": "manage contacts/acme", "AdministerProfiles": "list socialprofiles",
	"AddProfiles": "add socialprofiles",
}

var profileNames = []string{"f0", "f1", "f2", "f3"}

// random makes an organisation: the files of one side of a diff, by the names of their objects.
type random struct {
	*rand.Rand
	namespace string
}

func (r random) one(words ...string) string { return words[r.IntN(len(words))] }

// some is a list of some of the words.
func (r random) some(words ...string) string {
	words = slices.Clone(words)
	r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	return "[" + strings.Join(words[:r.IntN(len(words)+1)], ", ") + "]"
}

func (r random) address(i int) string { return fmt.Sprintf("p%d@%s.example", i, r.namespace) }

// files are the objects of an organisation, by kind and name. The owner, p0 or p1, is always there.
func (r random) files(requireTeam bool) map[string]string {
	all := map[string]string{}
	add := func(kind, name, labels, spec string) {
		all[kind+"/"+name] = fmt.Sprintf("apiVersion: roster.dev/v1alpha1\nkind: %s\nmetadata: {name: %s, namespace: %s%s}\nspec: %s\n",
			kind, name, r.namespace, labels, spec)
	}
	add("Organization", "acme", "", fmt.Sprintf("{displayName: Acme, ownerRef: {name: %s}, requireTeam: %v}", r.one("p0", "p1"), requireTeam))
	add("CustomRole", "analyst", "", "{scope: Profile, permissions: "+r.one("[report]", "[report, publish]", "[connect]")+"}")
	add("CustomRole", "lead", "", "{scope: Organization, permissions: "+r.one("[ViewTeam, ManageTeams]", "[ManageMembers, AddProfiles]", "[BuyAddOns]")+"}")
	for _, name := range profileNames {
		if r.IntN(5) > 0 {
			add("SocialProfile", name, fmt.Sprintf(", labels: {region: %s}", r.one("west", "east")),
				fmt.Sprintf("{network: Mastodon, handle: '@%s', connectedBy: '%s'}", name, r.address(r.IntN(7))))
		}
	}
	role := func() string { return r.one("Administrator", "Editor", "Moderator", "Guest", "analyst", "nobody") }
	for _, name := range []string{"t0", "t1"} {
		selector := r.one("", ", profileSelector: {matchLabels: {region: west}}", ", profileSelector: {}")
		add("Team", name, "", fmt.Sprintf("{role: %s, members: %s, profiles: %s%s}", role(), r.some("p0", "p2", "p3", "p4", "p5", "p5b"),
			r.some(profileNames...), selector))
	}
	add("Workspace", "w0", "", fmt.Sprintf("{profiles: %s, profileSelector: {matchLabels: {region: east}}}", r.some(profileNames...)))
	for i := range 7 {
		if i > 1 && r.IntN(4) == 0 {
			continue
		}
		name := fmt.Sprintf("p%d", i)
		if i == 5 {
			name = r.one("p5", "p5b") // renamed, maybe
		}
		inRole := r.one("Member", "Member", "AdvancedMember", "Manager", "CoOwner", "ProfileConnector", "lead", "gone")
		spec := fmt.Sprintf("{email: '%s', role: %s, suspended: %v, canManageProfiles: %v", r.address(i), inRole, i > 1 && r.IntN(5) == 0, r.IntN(2) == 0)
		if inRole != "ProfileConnector" {
			spec += fmt.Sprintf(", profiles: [{name: %s, role: %s}], workspaces: [{name: %s, role: %s}]", r.one(profileNames...), role(),
				r.one("w0", "gone"), role())
		}
		if i > 1 {
			spec += r.one("", "", "", ", endTime: '2020-01-31T23:59:59Z'", ", endTime: '2090-01-31T23:59:59Z'")
		}
		add("Member", name, "", spec+"}")
	}
	return all
}

// TestDiffAgreesWithTheOperator: for random organisations, before and after a change, whatever the API server allows is what it allowed
// before, and what diff said.
func TestDiffAgreesWithTheOperator(t *testing.T) {
	s := startSite(t)
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := random{rand.New(rand.NewPCG(seed, 13)), fmt.Sprintf("random-%d", seed)}
			if err := s.cluster.Namespace(context.Background(), r.namespace); err != nil {
				t.Fatal(err)
			}
			base, head := r.files(seed%2 == 1), r.files(seed%3 == 1)
			nothing, before, after := organizations(t, nil), organizations(t, base), organizations(t, head)
			expected := map[string]bool{}
			s.change(t, r, nil, base)
			s.expect(t, r, told(t, expected, compare.All(nothing, before), base))
			s.change(t, r, base, head)
			s.expect(t, r, told(t, expected, compare.All(before, after), base, head))
		})
	}
}

func organizations(t *testing.T, files map[string]string) map[string]*declared.Organization {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, "/", "-")+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := manifests.Folder(folder)
	if err != nil {
		t.Fatal(err)
	}
	objects, problems, err := tree.Read()
	if err != nil || len(problems) > 0 || len(objects) != len(files) {
		t.Fatalf("%d objects of %d files: %v %v", len(objects), len(files), problems, err)
	}
	return declared.Organizations(objects, nil, time.Now())
}

// told changes what is expected to be allowed by what the difference says. What it says to be gained was not there, and the other way round.
func told(t *testing.T, expected map[string]bool, d compare.Difference, sides ...map[string]string) map[string]bool {
	t.Helper()
	toCome := []string{"to-come"} // what * stands for: whatever neither side has
	for _, profile := range profileNames {
		if !slices.ContainsFunc(sides, func(files map[string]string) bool { return files["SocialProfile/"+profile] != "" }) {
			toCome = append(toCome, profile)
		}
	}
	set := func(who string, rights []compare.Right, to bool) {
		for _, right := range rights {
			for _, permission := range right.Permissions {
				questions := []string{inOrganization[permission]}
				if len(right.Profiles) > 0 {
					questions = nil
					for _, profile := range right.Profiles {
						names := []string{profile}
						if profile == access.AllProfiles {
							names = toCome
						}
						for _, name := range names {
							questions = append(questions, permission+" socialprofiles/"+name)
						}
					}
				}
				for _, q := range questions {
					if key := who + " " + q; expected[key] == to {
						t.Errorf("%s: that was so before", key)
					} else {
						expected[key] = to
					}
				}
			}
		}
	}
	for _, o := range d.Organizations {
		for _, p := range o.People {
			set(p.Address, p.Losses, false)
			set(p.Address, p.Gains, true)
		}
	}
	return expected
}

// change applies the files of head where those of base are applied, and has everybody accept.
func (s *site) change(t *testing.T, r random, base, head map[string]string) {
	t.Helper()
	ctx := context.Background()
	kinds := []string{"Organization", "CustomRole", "SocialProfile", "Workspace", "Member", "Team"}
	for _, kind := range kinds {
		for _, name := range slices.Sorted(maps.Keys(head)) {
			if strings.HasPrefix(name, kind+"/") {
				if err := s.applyText(r.namespace, "git", head[name]); err != nil {
					t.Fatalf("%v\n%s", err, head[name])
				}
			}
		}
	}
	for name := range head {
		if member, ok := strings.CutPrefix(name, "Member/"); ok {
			if err := s.accept(r.namespace, member); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name := range base {
		kind, object, _ := strings.Cut(name, "/")
		if head[name] != "" {
			continue
		}
		var o client.Object
		switch kind {
		case "Member":
			o = &rosterv1alpha1.Member{}
		case "SocialProfile":
			o = &rosterv1alpha1.SocialProfile{}
		}
		o.SetNamespace(r.namespace)
		o.SetName(object)
		if err := s.cluster.Client.Delete(ctx, o); err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
	}
}

// expect waits until the API server allows just that.
func (s *site) expect(t *testing.T, r random, expected map[string]bool) {
	t.Helper()
	var wrong []string
	for deadline := time.Now().Add(testenv.Patience); ; <-time.After(100 * time.Millisecond) {
		if wrong = s.disagree(t, r, expected); len(wrong) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the API server says otherwise about %d:\n%s", len(wrong), strings.Join(wrong, "\n"))
		}
	}
}

func (s *site) disagree(t *testing.T, r random, expected map[string]bool) []string {
	t.Helper()
	questions := slices.Collect(maps.Values(inOrganization))
	for _, permission := range access.Permissions() {
		for _, profile := range append(slices.Clone(profileNames), "to-come") {
			questions = append(questions, string(permission)+" socialprofiles/"+profile)
		}
	}
	var wrong []string
	for i := range 7 {
		for _, q := range questions {
			verb, object, _ := strings.Cut(q, " ")
			allowed, err := s.allowed(r.namespace, r.address(i), verb, object)
			if err != nil {
				t.Fatal(err)
			}
			if key := r.address(i) + " " + q; allowed != expected[key] {
				wrong = append(wrong, fmt.Sprintf("%s: %v", key, allowed))
			}
		}
	}
	return wrong
}
