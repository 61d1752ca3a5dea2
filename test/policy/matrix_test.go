// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
)

// The profiles of the matrix: one on which a role is given, one that the person connected, and one that nothing says anything of.
const (
	given     = "given"
	connected = "connected"
	other     = "other"
)

// customRoles of the matrix, by scope: what is held by them is what they list.
func customRoles() (organization, profile map[string][]string) {
	return map[string][]string{
		"lead":      {"ViewTeam", "ManageMembers", "ManageTeams", "ManageRoles"},
		"adder":     {"AddProfiles"},
		"caretaker": {"AdministerProfiles"},
		"recruiter": {"ManageMembers", "AddProfiles"},
		"no-money": {"ViewTeam", "ManageMembers", "ManageTeams", "ManageRoles", "ManageSettings", "ViewSubscription", "BuyAddOns", "ManageContacts",
			"AdministerProfiles", "AddProfiles"},
	}, map[string][]string{"analyst": {"report"}, "night": {"moderate", "connect"}, "whole": {"schedule", "publish", "moderate", "report", "configure", "connect"}}
}

// holder is a person of the matrix. What they are given is written down in these words, apart from the types of the code under test.
type holder struct {
	name string
	// role in the organisation; with mayAdd, canManageProfiles.
	role   string
	mayAdd bool
	// by which source and as what on the profile that is given; empty for none.
	source, onProfile string
	// connects: they are named in connectedBy of the profile that is connected.
	connects bool
}

// holders are every role in the organisation with every role on a profile from every source, and with profiles that they connected.
func holders(d tables) []holder {
	inOrganization, onProfile := customRoles()
	var all []holder
	add := func(h holder) {
		h.name = fmt.Sprintf("m%d", len(all))
		all = append(all, h)
	}
	for _, role := range slices.Concat(slices.Sorted(maps.Keys(d.inOrganization)), slices.Sorted(maps.Keys(inOrganization)), []string{"ghost"}) {
		add(holder{role: role})
		add(holder{role: role, mayAdd: true})
		add(holder{role: role, connects: true})
		add(holder{role: role, connects: true, mayAdd: true})
		add(holder{role: role, connects: true, source: "spec.profiles", onProfile: "Editor"})
		for _, source := range []string{"spec.profiles", "Team", "Workspace", "all of them"} {
			for _, r := range slices.Concat(slices.Sorted(maps.Keys(d.onProfile)), slices.Sorted(maps.Keys(onProfile)), []string{"ghost"}) {
				if source != "all of them" || r == "Editor" || r == "night" {
					add(holder{role: role, source: source, onProfile: r})
				}
			}
		}
	}
	return all
}

// sources puts a holder into the terms of the code under test.
func (h holder) sources() access.Sources {
	inOrganization, onProfile := customRoles()
	s := access.Sources{
		Owner: h.role == "Owner", Roles: access.Roles{},
		Profiles: map[string]access.Standing{given: access.Present, connected: access.Present, other: access.Present},
	}
	for scope, roles := range map[rosterv1alpha1.RoleScope]map[string][]string{rosterv1alpha1.ScopeOrganization: inOrganization, rosterv1alpha1.ScopeProfile: onProfile} {
		for name, permissions := range roles {
			spec := rosterv1alpha1.CustomRoleSpec{Scope: scope}
			for _, p := range permissions {
				spec.Permissions = append(spec.Permissions, rosterv1alpha1.RolePermission(p))
			}
			s.Roles[name] = spec
		}
	}
	if h.role != "Owner" {
		s.Spec.Role = rosterv1alpha1.OrganizationRole(h.role)
	}
	s.Spec.CanManageProfiles = ptr.To(h.mayAdd)
	if h.connects {
		s.Connected = []string{connected}
	}
	r := rosterv1alpha1.ProfileRole(h.onProfile)
	every := h.source == "all of them" // the role from one source, and Guest from the others
	if h.source == "spec.profiles" || every {
		s.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: given, Role: r}}
	}
	if every {
		r = guest
	}
	if h.source == "Team" || every {
		s.Teams = []access.Assignment{{Team: "writers", Role: r, Profiles: []string{given}}}
	}
	if h.source == "Workspace" || every {
		s.Spec.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "west", Role: r}}
		s.Workspaces = map[string][]string{"west": {given}}
	}
	return s
}

// permissions are those in the organisation, by the tables.
func (h holder) permissions(d tables) []string {
	inOrganization, _ := customRoles()
	held := slices.Concat(d.inOrganization[h.role], inOrganization[h.role])
	if h.mayAdd && h.role == "Member" {
		held = append(held, "AddProfiles")
	}
	return held
}

// may says what the tables say about a verb on a profile.
func (h holder) may(d tables, verb, profile string) bool {
	_, onProfile := customRoles()
	held := h.permissions(d)
	var verbs []string
	for _, p := range held {
		verbs = append(verbs, d.verbs(p, "socialprofiles")...)
	}
	var permissions []string
	if h.role == "ProfileConnector" {
		verbs = append(verbs, "create")
		if h.connects && profile == connected {
			permissions = append(permissions, "get", "connect")
		}
	} else {
		if h.connects && profile == connected && slices.Contains(held, "AddProfiles") {
			permissions = append(permissions, "get", "configure", "connect")
		}
		if h.source != "" && profile == given {
			permissions = slices.Concat(permissions, d.onProfile[h.onProfile], onProfile[h.onProfile])
			if onProfile[h.onProfile] != nil || h.source == "all of them" {
				permissions = append(permissions, "get")
			}
		}
	}
	for _, p := range permissions {
		verbs = append(verbs, p)
		switch p {
		case "configure":
			verbs = append(verbs, "update", "patch")
		case "connect":
			verbs = append(verbs, "delete")
		}
	}
	return slices.Contains(verbs, verb)
}

// mayInOrganization says what the tables say about a verb on anything else.
func (h holder) mayInOrganization(d tables, verb, resource, name string) bool {
	inOrganization, _ := customRoles()
	held := h.permissions(d)
	within := func(permissions []string) bool {
		return !slices.ContainsFunc(permissions, func(p string) bool { return !slices.Contains(held, p) })
	}
	own := name == "acme"
	switch {
	case resource == "orgroles":
		permissions, builtIn := d.inOrganization[name]
		custom, known := inOrganization[name]
		return verb == "grant" && name != "Owner" && (builtIn || known) && slices.Contains(held, "ManageMembers") && within(slices.Concat(permissions, custom))
	case resource == "orgpermissions":
		return verb == "grant" && slices.Contains(held, "ManageRoles") && slices.Contains(held, name)
	case resource == "organizations" && verb == "get", resource == "organizations" && verb == "transfer":
		return own && (verb == "get" || h.role == "Owner")
	case resource == "organizations" && (verb == "list" || verb == "watch"):
		return slices.Contains(held, "ViewTeam")
	case resource == "workspaces" && verb == "get" && slices.Contains(held, "AdministerProfiles"):
		return true // every workspace is theirs
	case resource == "workspaces" && verb == "get" && name == "west" && anyOf([]string{h.source}, "Workspace", "all of them") && h.role != "ProfileConnector":
		return true
	}
	for _, p := range held {
		named := anyOf([]string{resource}, "organizations", "subscriptions", "contacts")
		if slices.Contains(d.verbs(p, resource), verb) && (own || !named) {
			return true
		}
	}
	return false
}

// worthAsking are the profiles that tell something about a holder: to somebody who connected none, that one is as good as any other, and
// whether a role reaches other profiles does not depend on which one it is.
func (h holder) worthAsking() []string {
	switch {
	case h.connects:
		return []string{given, connected, other}
	case h.onProfile == "" || h.onProfile == "Administrator" || h.onProfile == "night":
		return []string{given, other}
	}
	return []string{given}
}

// reviews asks the API server many questions at once.
type reviews struct {
	*errgroup.Group
	ctx     context.Context
	client  kubernetes.Interface
	ns      string
	asked   atomic.Int32
	allowed atomic.Int32
}

func (r *reviews) expect(t *testing.T, h holder, verb, group, resource, name string, want bool) {
	r.Go(func() error {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: h.name + "@acme.example",
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: verb, Group: group, Resource: resource, Namespace: r.ns, Name: name,
			},
		}}
		review, err := r.client.AuthorizationV1().SubjectAccessReviews().Create(r.ctx, review, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		r.asked.Add(1)
		if review.Status.Allowed {
			r.allowed.Add(1)
		}
		if review.Status.Allowed != want {
			t.Errorf("%+v: %s %s/%s is %v, docs/access.md says %v", h, verb, resource, name, review.Status.Allowed, want)
		}
		return nil
	})
}

// bindHolders gives everybody their Role as the operator does, under the operator's own rights, and returns when the API server knows.
func (w *world) bindHolders(all []holder) {
	w.Helper()
	c := w.as(manager)
	last := holder{name: "last", role: "Manager"}
	for _, some := range [][]holder{all, {last}} {
		g := errgroup.Group{}
		g.SetLimit(8)
		for _, h := range some {
			g.Go(func() error {
				meta := w.rosters("roster:team:" + h.name)
				if err := c.Create(w.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: access.Compile(h.sources(), "acme")}); err != nil {
					return fmt.Errorf("the Role of %+v: %w", h, err)
				}
				return c.Create(w.Context(), &rbacv1.RoleBinding{
					ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
					Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: h.name + "@acme.example"}},
				})
			})
		}
		w.Expect(g.Wait()).To(Succeed())
	}
	w.Eventually(func() error {
		return w.as(last.name+"@acme.example").List(w.Context(), &rosterv1alpha1.MemberList{}, client.InNamespace(w.ns))
	}).Should(Succeed(), "the API server knows the last right that was given")
}

// TestMatrix asks the API server for every role in the organisation, every role on a profile, every source and every verb, whether it is
// as docs/access.md says.
func TestMatrix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := readTables(t)
	all := holders(d)
	w.bindHolders(all)

	config := cluster.Config
	kube, err := kubernetes.NewForConfig(config)
	w.Expect(err).NotTo(HaveOccurred())
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(16)
	r := &reviews{Group: g, ctx: ctx, client: kube, ns: w.ns}
	verbs := strings.Fields("get list watch create update patch delete deletecollection add schedule publish moderate report configure connect")
	for _, h := range all {
		for _, verb := range verbs {
			for _, profile := range h.worthAsking() {
				r.expect(t, h, verb, "roster.dev", "socialprofiles", profile, h.may(d, verb, profile))
			}
		}
		if h.onProfile == "" && !h.connects && (!h.mayAdd || h.role == "Member") {
			r.everythingElse(t, h, d)
		}
		r.expect(t, h, "get", "roster.dev", "workspaces", "west", h.mayInOrganization(d, "get", "workspaces", "west"))
	}
	w.Expect(g.Wait()).To(Succeed())
	t.Logf("%d people, %d reviews, %d of them allowed", len(all), r.asked.Load(), r.allowed.Load())
	w.Expect(r.asked.Load()).To(BeNumerically(">", 8_000))
	w.Expect(r.allowed.Load()).To(BeNumerically(">", 2_000))
}

// everythingElse asks about what is no profile.
func (r *reviews) everythingElse(t *testing.T, h holder, d tables) {
	inOrganization, _ := customRoles()
	verbs := strings.Fields("get list watch create update patch delete deletecollection transfer buy manage bind grant")
	for object := range strings.FieldsSeq("members/bo invitations/bo teams/x workspaces/x workspaces/west customroles/x applications/x organizations/acme organizations/beta " +
		"subscriptions/acme subscriptions/beta contacts/acme contacts/beta members/" + h.name) {
		resource, name, _ := strings.Cut(object, "/")
		for _, verb := range verbs {
			r.expect(t, h, verb, "roster.dev", resource, name, h.mayInOrganization(d, verb, resource, name))
		}
	}
	for _, role := range slices.Concat(slices.Collect(maps.Keys(d.inOrganization)), slices.Collect(maps.Keys(inOrganization)), []string{"ghost", "night", "*"}) {
		r.expect(t, h, "grant", "roster.dev", "orgroles", role, h.mayInOrganization(d, "grant", "orgroles", role))
	}
	for _, p := range slices.Concat(slices.Collect(maps.Keys(d.allows)), []string{"publish", "*"}) {
		r.expect(t, h, "grant", "roster.dev", "orgpermissions", p, h.mayInOrganization(d, "grant", "orgpermissions", p))
	}
	// What no role of Roster brings.
	for _, q := range []struct{ verb, group, resource string }{
		{"get", "", "secrets"}, {"list", "", "secrets"}, {"create", "", "pods"}, {"get", "roster.dev", "accounts"}, {"use", "roster.dev", "plans"},
		{"update", "roster.dev", "members/status"}, {"create", "rbac.authorization.k8s.io", "rolebindings"}, {"escalate", "rbac.authorization.k8s.io", "roles"},
		{"impersonate", "", "users"}, {"create", "roster.dev", "organizations"}, {"delete", "roster.dev", "organizations"},
	} {
		r.expect(t, h, q.verb, q.group, q.resource, "acme", false)
	}
}
