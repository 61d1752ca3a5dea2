// SPDX-License-Identifier: Apache-2.0

// Package policy_test attempts what the admission policies of config/policy are there to stop, and what they must let through, on a
// real API server, as people whose rights are the Roles that the operator compiles.
package policy_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/admission"
	"github.com/roster-dev/roster/internal/testenv"
)

// The people of the organisation, by what they are.
const (
	olivia = "olivia@acme.example" // owner
	carla  = "carla@acme.example"  // CoOwner
	ben    = "ben@acme.example"    // Manager
	ana    = "ana@acme.example"    // Member, Editor of acme-fb
	// dora is a Member, Editor of acme-fb and Guest of acme-x, whom an administrator lets edit members and invitations and give the role
	// Member: rights that no role of Roster brings.
	dora = "dora@acme.example"
	// lena holds the CustomRole lead, which lets her write Members, Teams, Workspaces and CustomRoles, and is Editor of acme-fb.
	lena = "lena@acme.example"
	// adam is an AdvancedMember, who connected acme-adam. pat is a ProfileConnector, who connected acme-pat.
	adam = "adam@acme.example"
	pat  = "pat@acme.example"
	// eva is a Member, Administrator of acme-fb.
	eva = "eva@acme.example"
	// nina administers the namespace by Kubernetes' ClusterRole admin, which has the rules of roster-admin, and is no Member.
	nina = "nina@platform.example"
	// flux applies what Git says, under the ClusterRole roster-admin.
	flux = "system:serviceaccount:flux-system:kustomize-controller"
	// pusher may write Members and Invitations, and lacks the right to give roles.
	pusher  = "system:serviceaccount:acme:sync"
	manager = "system:serviceaccount:roster-system:roster-manager"
	portal  = "system:serviceaccount:roster-system:roster-portal"
)

var (
	// cluster is there once start was called.
	cluster *testenv.Cluster
	starts  sync.Once
	spaces  atomic.Int32
)

// start brings up the API server, unless it is. Not in TestMain: go test would not notice then which files were read, and take an
// older result for that of a changed policy.
func start(t testing.TB) {
	t.Helper()
	starts.Do(func() {
		log.SetLogger(logr.Discard())
		var err error
		if cluster, err = testenv.Start(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if cluster == nil {
		t.Fatal("there is no API server")
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	if cluster != nil {
		if err := cluster.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// world is an organisation in a namespace of its own, and the people above.
type world struct {
	testing.TB
	*WithT
	ns string
}

func newWorld(t testing.TB, change ...func(o *rosterv1alpha1.Organization)) *world {
	t.Helper()
	start(t)
	w := &world{t, NewWithT(t), fmt.Sprintf("world-%d", spaces.Add(1))}
	w.SetDefaultEventuallyTimeout(testenv.Patience)
	w.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	w.Expect(cluster.Namespace(t.Context(), w.ns)).To(Succeed())
	o := w.organization("acme", append([]func(o *rosterv1alpha1.Organization){owner("olivia")}, change...)...)
	for _, object := range []client.Object{
		o,
		w.member("olivia", role(rosterv1alpha1.RoleCoOwner), joined),
		w.member("carla", role(rosterv1alpha1.RoleCoOwner), joined),
		w.member("ben", role(rosterv1alpha1.RoleManager), joined),
		w.member("ana", on("acme-fb", rosterv1alpha1.ProfileEditor), joined),
		w.member("dora", on("acme-fb", rosterv1alpha1.ProfileEditor), on("acme-x", rosterv1alpha1.ProfileGuest), joined),
		w.member("lena", role("lead"), on("acme-fb", rosterv1alpha1.ProfileEditor), joined),
		w.member("adam", role(rosterv1alpha1.RoleAdvancedMember), joined),
		w.member("pat", role(rosterv1alpha1.RoleProfileConnector), joined),
		w.member("eva", on("acme-fb", rosterv1alpha1.ProfileAdministrator), joined),
		w.member("cora", role(rosterv1alpha1.RoleCoOwner), suspended),
		w.invitation("zoe", func(inv *rosterv1alpha1.Invitation) { inv.Spec.InvitedBy = olivia }),
		w.invitation("gina", offers(rosterv1alpha1.RoleCoOwner), revoked),
		w.customRole("lead", rosterv1alpha1.ScopeOrganization, "ViewTeam", "ManageMembers", "ManageTeams", "ManageRoles"),
		w.customRole("billing", rosterv1alpha1.ScopeOrganization, "ViewSubscription", "ManageSubscription"),
		w.customRole("night-shift", rosterv1alpha1.ScopeProfile, "schedule"),
		w.profile("acme-fb", ""), w.profile("acme-x", ""), w.profile("acme-adam", adam), w.profile("acme-pat", pat),
	} {
		w.Expect(cluster.Client.Create(t.Context(), object)).To(Succeed())
	}
	w.giveRights(o)
	w.awaitRights()
	return w
}

// giveRights gives everybody the Roles and bindings that the operator or an administrator would.
func (w *world) giveRights(o *rosterv1alpha1.Organization) {
	w.Helper()
	var members rosterv1alpha1.MemberList
	w.Expect(cluster.Client.List(w.Context(), &members, client.InNamespace(w.ns))).To(Succeed())
	for _, m := range members.Items {
		if m.Spec.AccountRef != nil {
			s := w.sources(m.Spec, o.Spec.OwnerRef != nil && o.Spec.OwnerRef.Name == m.Name)
			w.bindRole("everything-of-"+m.Name, m.Spec.Email, access.Compile(s, o.Name)...)
		}
	}
	writes := rosterRule([]string{"members", "invitations"}, nil, "get", "create", "update", "patch", "delete")
	w.bindRole("team-leads", dora, writes, rosterRule([]string{"orgroles"}, []string{"Member"}, "grant"))
	w.bindRole("pusher", pusher, writes)
	w.bindClusterRole("platform", "admin", nina)
	w.bindClusterRole("gitops", "roster-admin", flux)
}

// sources are what the rights of a member are made of.
func (w *world) sources(spec rosterv1alpha1.MemberSpec, owner bool) access.Sources {
	w.Helper()
	s := access.Sources{Spec: spec, Owner: owner, Roles: access.Roles{}, Profiles: map[string]access.Standing{}}
	var roles rosterv1alpha1.CustomRoleList
	w.Expect(cluster.Client.List(w.Context(), &roles, client.InNamespace(w.ns))).To(Succeed())
	for _, r := range roles.Items {
		s.Roles[r.Name] = r.Spec
	}
	var profiles rosterv1alpha1.SocialProfileList
	w.Expect(cluster.Client.List(w.Context(), &profiles, client.InNamespace(w.ns))).To(Succeed())
	for _, p := range profiles.Items {
		s.Profiles[p.Name] = access.Present
		if p.Spec.ConnectedBy == spec.Email {
			s.Connected = append(s.Connected, p.Name)
		}
	}
	return s
}

func (w *world) bindRole(name, user string, rules ...rbacv1.PolicyRule) {
	w.Helper()
	w.Expect(cluster.Client.Create(w.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Rules: rules,
	})).To(Succeed())
	w.bind(name, rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}, user)
}

func (w *world) bindClusterRole(name, clusterRole, user string) {
	w.Helper()
	w.bind(name, rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: clusterRole}, user)
}

func (w *world) bind(name string, ref rbacv1.RoleRef, user string) {
	w.Helper()
	subject := rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}
	if parts := strings.Split(user, ":"); len(parts) == 4 {
		subject = rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: parts[2], Name: parts[3]}
	}
	w.Expect(cluster.Client.Create(w.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, RoleRef: ref, Subjects: []rbacv1.Subject{subject},
	})).To(Succeed())
}

// awaitRights returns when the API server knows the last right that was given, and the policies the Organization.
func (w *world) awaitRights() {
	w.Helper()
	for _, who := range []string{nina, flux} {
		w.Eventually(func() error {
			return dry(w.as(who)).Create(w.Context(), w.member("nobody"))
		}, testenv.Patience).Should(Succeed(), "%s has their rights", who)
	}
	w.Eventually(func() bool {
		m := w.member("olivia")
		return apierrors.IsForbidden(dry(cluster.Client).Delete(w.Context(), m))
	}).Should(BeTrue(), "the policies know the owner")
}

// as is a client with the rights of somebody.
func (w *world) as(user string) client.Client {
	w.Helper()
	config := cluster.AsUser(user)
	if strings.HasPrefix(user, "system:serviceaccount:") {
		namespace := strings.Split(user, ":")[2]
		config.Impersonate.Groups = append(config.Impersonate.Groups, "system:serviceaccounts", "system:serviceaccounts:"+namespace)
	}
	return w.client(config)
}

func (w *world) client(config *rest.Config) client.Client {
	w.Helper()
	c, err := client.NewWithWatch(config, client.Options{Scheme: cluster.Scheme, Mapper: cluster.Client.RESTMapper()})
	w.Expect(err).NotTo(HaveOccurred())
	fillsIn, err := admission.ServesMutating(cluster.Client)
	w.Expect(err).NotTo(HaveOccurred())
	if !fillsIn {
		return byHand(c)
	}
	return c
}

// read is an object as it is now.
func read[T any, P interface {
	*T
	client.Object
}](w *world, name string) P {
	w.Helper()
	o := P(new(T))
	w.Expect(cluster.Client.Get(w.Context(), client.ObjectKey{Namespace: w.ns, Name: name}, o)).To(Succeed())
	return o
}

func (w *world) organization(name string, change ...func(o *rosterv1alpha1.Organization)) *rosterv1alpha1.Organization {
	o := &rosterv1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Acme Social"},
	}
	for _, c := range change {
		c(o)
	}
	return o
}

func owner(name string) func(o *rosterv1alpha1.Organization) {
	return func(o *rosterv1alpha1.Organization) { o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: name} }
}

func noOwner(o *rosterv1alpha1.Organization) { o.Spec.OwnerRef = nil }

func ownerInvites(o *rosterv1alpha1.Organization) {
	o.Spec.Invitations.AllowedFor = rosterv1alpha1.InvitersOwner
}

func deleteOnlySuspended(o *rosterv1alpha1.Organization) {
	o.Spec.Guardrails = &rosterv1alpha1.Guardrails{DeleteOnlySuspended: ptr.To(true)}
}

// held keeps an Organization that is being deleted.
func held(o *rosterv1alpha1.Organization) { o.Finalizers = []string{"test.roster.dev/wait"} }

func (w *world) member(name string, change ...func(m *rosterv1alpha1.Member)) *rosterv1alpha1.Member {
	m := &rosterv1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Spec: rosterv1alpha1.MemberSpec{Email: name + "@acme.example"},
	}
	for _, c := range change {
		c(m)
	}
	return m
}

func (w *world) customRole(name string, scope rosterv1alpha1.RoleScope, allows ...rosterv1alpha1.RolePermission) *rosterv1alpha1.CustomRole {
	return &rosterv1alpha1.CustomRole{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Spec: rosterv1alpha1.CustomRoleSpec{Scope: scope, Permissions: allows},
	}
}

func (w *world) profile(name, connectedBy string, change ...func(p *rosterv1alpha1.SocialProfile)) *rosterv1alpha1.SocialProfile {
	p := &rosterv1alpha1.SocialProfile{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name},
		Spec:       rosterv1alpha1.SocialProfileSpec{Network: "Mastodon", Handle: name, ConnectedBy: connectedBy},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func role(r rosterv1alpha1.OrganizationRole) func(m *rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) { m.Spec.Role = r }
}

// on gives a role on a profile, in the place of another on that profile.
func on(profile string, r rosterv1alpha1.ProfileRole) func(m *rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) {
		m.Spec.Profiles = slices.DeleteFunc(slices.Clone(m.Spec.Profiles), func(g rosterv1alpha1.ProfileGrant) bool { return g.Name == profile })
		m.Spec.Profiles = append(m.Spec.Profiles, rosterv1alpha1.ProfileGrant{Name: profile, Role: r})
	}
}

func notOn(profile string) func(m *rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) {
		m.Spec.Profiles = slices.DeleteFunc(slices.Clone(m.Spec.Profiles), func(g rosterv1alpha1.ProfileGrant) bool { return g.Name == profile })
	}
}

func email(address string) func(m *rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) { m.Spec.Email = address }
}

func called(name string) func(m *rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) { m.Spec.DisplayName = name }
}

func joined(m *rosterv1alpha1.Member) {
	m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-" + m.Name}
}

func answeredBy(user string) func(m *rosterv1alpha1.Member) {
	return func(m *rosterv1alpha1.Member) { m.Spec.InvitedBy = user }
}

func suspended(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) }

func reactivated(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(false) }

func (w *world) invitation(name string, change ...func(inv *rosterv1alpha1.Invitation)) *rosterv1alpha1.Invitation {
	inv := &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Spec: rosterv1alpha1.InvitationSpec{Email: name + "@acme.example"},
	}
	for _, c := range change {
		c(inv)
	}
	return inv
}

func offers(r rosterv1alpha1.OrganizationRole) func(inv *rosterv1alpha1.Invitation) {
	return func(inv *rosterv1alpha1.Invitation) { inv.Spec.Role = r }
}

func offersOn(profile string, r rosterv1alpha1.ProfileRole) func(inv *rosterv1alpha1.Invitation) {
	return func(inv *rosterv1alpha1.Invitation) {
		inv.Spec.Profiles = append(inv.Spec.Profiles, rosterv1alpha1.ProfileGrant{Name: profile, Role: r})
	}
}

func invitedBy(who string) func(inv *rosterv1alpha1.Invitation) {
	return func(inv *rosterv1alpha1.Invitation) { inv.Spec.InvitedBy = who }
}

func forMember(name string) func(inv *rosterv1alpha1.Invitation) {
	return func(inv *rosterv1alpha1.Invitation) {
		inv.Spec.Email, inv.Spec.MemberRef = "", &rosterv1alpha1.LocalReference{Name: name}
	}
}

func revoked(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(true) }

func offeredAgain(inv *rosterv1alpha1.Invitation) { inv.Spec.Revoked = ptr.To(false) }

func resent(inv *rosterv1alpha1.Invitation) {
	inv.Spec.ResendRequestedAt = &metav1.Time{Time: time.Date(2026, time.November, 23, 9, 0, 0, 0, time.UTC)}
}

func everythingOnProfiles() rbacv1.PolicyRule {
	var verbs []string
	for _, p := range access.Permissions() {
		verbs = append(verbs, string(p))
	}
	return rosterRule([]string{"socialprofiles"}, nil, verbs...)
}

func rosterRule(resources, names []string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{"roster.dev"}, Resources: resources, ResourceNames: names, Verbs: verbs}
}

// dry goes through the whole API server and stores nothing.
func dry(c client.Client) client.Client { return client.NewDryRunClient(c) }
