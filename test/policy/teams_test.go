// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func (w *world) team(name string, r rosterv1alpha1.ProfileRole, change ...func(t *rosterv1alpha1.Team)) *rosterv1alpha1.Team {
	t := &rosterv1alpha1.Team{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Spec: rosterv1alpha1.TeamSpec{Role: r}}
	for _, c := range change {
		c(t)
	}
	return t
}

func (w *world) workspace(name string, change ...func(s *rosterv1alpha1.Workspace)) *rosterv1alpha1.Workspace {
	s := &rosterv1alpha1.Workspace{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Spec: rosterv1alpha1.WorkspaceSpec{DisplayName: "Workspace " + name},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

func createTeam(name string, r rosterv1alpha1.ProfileRole, change ...func(t *rosterv1alpha1.Team)) func(w *world, c client.Client) error {
	return createOther(func(w *world) client.Object { return w.team(name, r, change...) })
}

func updateTeam(name string, change ...func(t *rosterv1alpha1.Team)) func(w *world, c client.Client) error {
	return update[rosterv1alpha1.Team](name, change)
}

func createWorkspace(name string, change ...func(s *rosterv1alpha1.Workspace)) func(w *world, c client.Client) error {
	return createOther(func(w *world) client.Object { return w.workspace(name, change...) })
}

func updateWorkspace(name string, change ...func(s *rosterv1alpha1.Workspace)) func(w *world, c client.Client) error {
	return update[rosterv1alpha1.Workspace](name, change)
}

func as(r rosterv1alpha1.ProfileRole) func(t *rosterv1alpha1.Team) {
	return func(t *rosterv1alpha1.Team) { t.Spec.Role = r }
}

func people(names ...string) func(t *rosterv1alpha1.Team) {
	return func(t *rosterv1alpha1.Team) { t.Spec.Members = names }
}

func works(profiles ...string) func(t *rosterv1alpha1.Team) {
	return func(t *rosterv1alpha1.Team) { t.Spec.Profiles = profiles }
}

func finds(region string) func(t *rosterv1alpha1.Team) {
	return func(t *rosterv1alpha1.Team) { t.Spec.ProfileSelector = selector(region) }
}

func findsNone(t *rosterv1alpha1.Team) { t.Spec.ProfileSelector = nil }

func selector(region string) *metav1.LabelSelector {
	if region == "" {
		return &metav1.LabelSelector{}
	}
	return &metav1.LabelSelector{MatchLabels: map[string]string{"region": region}}
}

func holds(profiles ...string) func(s *rosterv1alpha1.Workspace) {
	return func(s *rosterv1alpha1.Workspace) { s.Spec.Profiles = profiles }
}

func holdsRegion(region string) func(s *rosterv1alpha1.Workspace) {
	return func(s *rosterv1alpha1.Workspace) { s.Spec.ProfileSelector = selector(region) }
}

// refusedTeam is the message about a role that somebody does not hold on all of a Team's profiles.
func refusedTeam(r, profiles, team string) string {
	return "lena@acme.example may not give " + r + " on " + profiles + " by the Team " + team + ": they do not hold all of that themselves. Ask a Manager."
}

func refusedSelector(team string) string {
	return "lena@acme.example may not give roles by the profileSelector of the Team " + team +
		", which can find any profile. List the profiles that you hold the role on in spec.profiles, or ask a Manager."
}

func refusedCustom(team string) string {
	return "lena@acme.example may not give night-shift by the Team " + team +
		": CustomRoles on profiles can be given only by those who may give every role on every profile. Ask a Manager, or give a built-in role."
}

func TestNobodyGivesMoreByATeamThanTheyHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.attempts(t, map[string]attempt{
		"what they hold":                  {lena, createTeam("x", editor, people("ana", "dora"), works("acme-fb")), ""},
		"less than they hold":             {lena, createTeam("x", guest, people("ana"), works("acme-fb")), ""},
		"nobody and nothing":              {lena, createTeam("x", administrator), ""},
		"a stronger role":                 {lena, createTeam("x", administrator, people("ana"), works("acme-fb")), refusedTeam("Administrator", "acme-fb", "x")},
		"a stronger role, to nobody yet":  {lena, createTeam("x", administrator, works("acme-fb")), refusedTeam("Administrator", "acme-fb", "x")},
		"a profile that they lack":        {lena, createTeam("x", guest, people("ana"), works("acme-x")), refusedTeam("Guest", "acme-x", "x")},
		"one of several":                  {lena, createTeam("x", guest, works("acme-fb", "acme-x")), refusedTeam("Guest", "acme-fb, acme-x", "x")},
		"a profile that does not exist":   {lena, createTeam("x", guest, works("tomorrow")), refusedTeam("Guest", "tomorrow", "x")},
		"by labels":                       {lena, createTeam("x", guest, finds("west")), refusedSelector("x")},
		"on every profile":                {lena, createTeam("x", guest, finds("")), refusedSelector("x")},
		"a CustomRole":                    {lena, createTeam("x", "night-shift", works("acme-fb")), refusedCustom("x")},
		"a Manager, by labels":            {ben, createTeam("x", administrator, people("ana"), finds("west")), ""},
		"a Manager, a CustomRole":         {ben, createTeam("x", "night-shift", people("ana"), works("acme-fb", "tomorrow")), ""},
		"a GitOps controller":             {flux, createTeam("x", administrator, people("ana"), finds("")), ""},
		"a namespace administrator":       {nina, createTeam("x", administrator, people("ana"), works("acme-x")), ""},
		"people who may not write teams":  {dora, createTeam("x", guest, works("acme-x")), noRight},
		"an Administrator of the profile": {eva, createTeam("x", guest, works("acme-fb")), noRight},
		"more than twenty permissions": {lena, createTeam("x", editor, works("a", "b", "c", "d", "e")),
			"lena@acme.example may not give Editor on 5 profiles by the Team x: without the right to make Managers, only 20 permissions can be given in one step " +
				"(an Editor is 5). Make smaller Teams, or ask a Manager."},
	})
}

func TestNobodyRaisesATeamBeyondWhatTheyHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, o := range []*rosterv1alpha1.Team{
		w.team("mods", moderator, people("ana", "dora"), works("acme-fb", "acme-x")),
		w.team("own", moderator, people("ana"), works("acme-fb")),
		w.team("west", administrator, people("ana", "dora"), finds("west")),
		w.team("nights", "night-shift", people("ana"), works("acme-fb")),
		w.team("ghosts", "no-such-role", people("ana"), works("acme-x")),
	} {
		w.Expect(cluster.Client.Create(t.Context(), o)).To(Succeed())
	}
	renamed := func(t *rosterv1alpha1.Team) { t.Spec.DisplayName = "Team" }
	w.attempts(t, map[string]attempt{
		"puts a member in":                      {lena, updateTeam("mods", people("ana", "dora", "lena")), refusedTeam("Moderator", "acme-fb, acme-x", "mods")},
		"exchanges a member":                    {lena, updateTeam("mods", people("lena", "dora")), refusedTeam("Moderator", "acme-fb, acme-x", "mods")},
		"puts a profile in":                     {lena, updateTeam("own", works("acme-fb", "acme-x")), refusedTeam("Moderator", "acme-fb, acme-x", "own")},
		"exchanges a profile":                   {lena, updateTeam("own", works("acme-x")), refusedTeam("Moderator", "acme-x", "own")},
		"raises the role":                       {lena, updateTeam("mods", as(editor)), refusedTeam("Editor", "acme-fb, acme-x", "mods")},
		"lowers the role and puts a member in":  {lena, updateTeam("mods", as(guest), people("ana", "dora", "lena")), refusedTeam("Guest", "acme-fb, acme-x", "mods")},
		"adds a selector":                       {lena, updateTeam("own", finds("west")), refusedSelector("own")},
		"changes the selector":                  {lena, updateTeam("west", finds("east")), refusedSelector("west")},
		"empties the selector":                  {lena, updateTeam("west", finds("")), refusedSelector("west")},
		"puts a member in a Team by labels":     {lena, updateTeam("west", people("ana", "dora", "lena")), refusedSelector("west")},
		"to a CustomRole":                       {lena, updateTeam("own", as("night-shift")), refusedCustom("own")},
		"puts a member in one of a CustomRole":  {lena, updateTeam("nights", people("ana", "dora")), refusedCustom("nights")},
		"makes something of what gives nothing": {lena, updateTeam("ghosts", as(guest)), refusedTeam("Guest", "acme-x", "ghosts")},
		"takes a member out":                    {lena, updateTeam("mods", people("ana")), ""},
		"takes a profile out":                   {lena, updateTeam("mods", works("acme-x")), ""},
		"lowers the role":                       {lena, updateTeam("mods", as(guest)), ""},
		"lowers the role of one by labels":      {lena, updateTeam("west", as(moderator)), ""},
		"takes the selector out":                {lena, updateTeam("west", findsNone), ""},
		"takes a member out of one by labels":   {lena, updateTeam("west", people("ana")), ""},
		"renames":                               {lena, updateTeam("west", renamed), ""},
		"reorders":                              {lena, updateTeam("mods", people("dora", "ana"), works("acme-x", "acme-fb")), ""},
		"puts a member in where they hold it":   {lena, updateTeam("own", people("ana", "dora")), ""},
		"raises to what they hold":              {lena, updateTeam("own", as(editor)), ""},
		"a Manager changes all":                 {ben, updateTeam("west", as("night-shift"), people("lena"), works("acme-x"), finds("")), ""},
	})

	// Made again under the same name, a Team is a new one.
	w.Expect(w.as(lena).Delete(t.Context(), w.team("mods", moderator))).To(Succeed())
	w.expectRefused(createTeam("mods", moderator, people("ana", "dora"), works("acme-fb", "acme-x"))(w, w.as(lena)),
		refusedTeam("Moderator", "acme-fb, acme-x", "mods"))
}

// TestBigTeamsStayWithinTheCostLimit: 5000 members, the most that a Team may name, at the length that names may have.
func TestBigTeamsStayWithinTheCostLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var names []string
	for i := range 5000 {
		names = append(names, fmt.Sprintf("member-%0190d", i))
	}
	var profiles []string
	for i := range 500 {
		profiles = append(profiles, fmt.Sprintf("profile-%0245d", i))
	}
	w.Expect(createTeam("big", editor, people(names...), works("acme-fb"))(w, cluster.Client)).To(Succeed())
	w.Expect(createTeam("wide", guest, people("ana"), works(profiles...))(w, cluster.Client)).To(Succeed())
	w.attempts(t, map[string]attempt{
		"creates":                                {lena, createTeam("x", editor, people(names...), works("acme-fb")), ""},
		"takes one out where they hold the role": {lena, updateTeam("big", people(names[1:]...)), ""},
		"puts one in where they hold the role":   {lena, updateTeam("big", people(append(names[1:], "ana")...)), ""},
		"takes most out":                         {lena, updateTeam("big", people(names[:50]...)), ""},
		"a Manager creates":                      {ben, createTeam("x", administrator, people(names...), works(profiles...)), ""},
		"a Manager puts one in":                  {ben, updateTeam("big", people(append(names[1:], "ana")...), works(profiles...)), ""},
		"takes a profile out":                    {lena, updateTeam("wide", works(profiles[1:]...)), ""},
		"somebody is created beside it":          {lena, createMember("zed"), ""},
		"one of its members is created":          {ben, createMember(names[4999], email("zed@acme.example")), ""},
	})
	w.Expect(createTeam("strong", administrator, people(names...), works("acme-fb"))(w, cluster.Client)).To(Succeed())
	w.attempts(t, map[string]attempt{
		// Not compared one by one, so taking some out of thousands counts as putting some in.
		"takes one of thousands out of what they lack": {lena, updateTeam("strong", people(names[1:]...)), refusedTeam("Administrator", "acme-fb", "strong")},
		"takes nearly all of them out":                 {lena, updateTeam("strong", people(names[:80]...)), ""},
	})
}

func TestOnlyManagersPutProfilesIntoAWorkspace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, o := range []*rosterv1alpha1.Workspace{w.workspace("west", holds("acme-fb", "acme-x")), w.workspace("east", holdsRegion("east"))} {
		w.Expect(cluster.Client.Create(t.Context(), o)).To(Succeed())
	}
	refused := func(name string) string {
		return "lena@acme.example may not put profiles into the Workspace " + name +
			": everyone who has it would get roles on them, and those can be given only by people who may give every role on every profile. Ask a Manager."
	}
	renamed := func(s *rosterv1alpha1.Workspace) { s.Spec.DisplayName = "West" }
	without := func(s *rosterv1alpha1.Workspace) { s.Spec.ProfileSelector = nil }
	w.attempts(t, map[string]attempt{
		"an empty one":                          {lena, createWorkspace("x"), ""},
		"with a profile":                        {lena, createWorkspace("x", holds("acme-fb")), refused("x")},
		"with labels":                           {lena, createWorkspace("x", holdsRegion("west")), refused("x")},
		"with everything":                       {lena, createWorkspace("x", holdsRegion("")), refused("x")},
		"puts a profile in":                     {lena, updateWorkspace("west", holds("acme-fb", "acme-x", "acme-pat")), refused("west")},
		"exchanges a profile":                   {lena, updateWorkspace("west", holds("acme-pat")), refused("west")},
		"adds labels":                           {lena, updateWorkspace("west", holdsRegion("west")), refused("west")},
		"changes labels":                        {lena, updateWorkspace("east", holdsRegion("west")), refused("east")},
		"finds everything":                      {lena, updateWorkspace("east", holdsRegion("")), refused("east")},
		"takes a profile out":                   {lena, updateWorkspace("west", holds("acme-x")), ""},
		"takes the labels out":                  {lena, updateWorkspace("east", without), ""},
		"renames":                               {lena, updateWorkspace("east", renamed), ""},
		"a Manager creates":                     {ben, createWorkspace("x", holds("acme-fb"), holdsRegion("west")), ""},
		"a Manager puts a profile in":           {ben, updateWorkspace("west", holds("acme-fb", "acme-x", "acme-pat"), holdsRegion("")), ""},
		"a GitOps controller":                   {flux, createWorkspace("x", holdsRegion("")), ""},
		"people who may not write workspaces":   {eva, createWorkspace("x"), noRight},
		"people who only connected the profile": {adam, createWorkspace("x", holds("acme-adam")), noRight},
	})

	w.Expect(w.as(lena).Delete(t.Context(), w.workspace("west"))).To(Succeed())
	w.expectRefused(createWorkspace("west", holds("acme-fb", "acme-x"))(w, w.as(lena)), refused("west"))
}

// TestAMemberOfThatNameWouldJoinATeam: a Team names its members, there or not.
func TestAMemberOfThatNameWouldJoinATeam(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	connects := func(name string) func(m *rosterv1alpha1.Member) {
		return func(m *rosterv1alpha1.Member) { m.Name, m.Spec.Role = name, connector }
	}
	for _, o := range []client.Object{
		w.member("sue", suspended), w.member("sam", suspended), w.member("x", connects("connie"), email("connie@acme.example")),
		w.invitation("ivy", revoked), w.invitation("ida", revoked),
		w.team("writers", administrator, people("newbie", "sue", "connie", "ivy", "ana"), works("acme-fb", "acme-x")),
	} {
		w.Expect(cluster.Client.Create(t.Context(), o)).To(Succeed())
	}
	const gives = ": the Team writers gives Administrator to the Member of that name. "
	create := func(who, kind string) string {
		return who + " may not create the " + kind + " newbie" + gives + "Choose another name, or ask a Manager."
	}
	force := func(kind, name string) string {
		return "lena@acme.example may not put into force the " + kind + " " + name + gives + "Ask a Manager."
	}
	w.Eventually(func() error { return createMember("newbie")(w, dry(w.as(lena))) }).Should(MatchError(apierrors.IsForbidden, "forbidden"))
	w.attempts(t, map[string]attempt{
		"creates the Member":                     {lena, createMember("newbie"), create(lena, "Member")},
		"creates the Member with their own":      {lena, createMember("newbie", email(lena)), create(lena, "Member")},
		"invites under the name":                 {lena, invite("newbie"), create(lena, "Invitation")},
		"a team lead creates the Member":         {dora, createMember("newbie"), create(dora, "Member")},
		"lifts a suspension":                     {lena, updateMember("sue", reactivated), force("Member", "sue")},
		"lifts a revocation":                     {lena, updateInvitation("ivy", offeredAgain), force("Invitation", "ivy")},
		"makes a Member of a ProfileConnector":   {lena, updateMember("connie", role(memberRole)), force("Member", "connie")},
		"invites a declared Member by that name": {lena, invite("newbie", forMember("sue")), ""},
		"of another name":                        {lena, createMember("zed"), ""},
		"lifts the suspension of another":        {lena, updateMember("sam", reactivated), ""},
		"lifts the revocation of another":        {lena, updateInvitation("ida", offeredAgain), ""},
		"renames a member of the Team":           {lena, updateMember("ana", called("Ana Lima")), ""},
		"suspends a member of the Team":          {lena, updateMember("ana", suspended), ""},
		"revokes a name in the Team":             {lena, updateInvitation("ivy", resent), ""},
		"a Manager creates the Member":           {ben, createMember("newbie"), ""},
		"a Manager invites under the name":       {ben, invite("newbie"), ""},
		"a Manager lifts a suspension":           {ben, updateMember("sue", reactivated), ""},
		"a GitOps controller":                    {flux, createMember("newbie"), ""},
		"the operator, for who accepted":         {manager, createMember("newbie", joined), ""},
		"the operator binds a member":            {manager, updateMember("sue", joined), ""},
	})
}

// authoredByManager is the label that lets the API server leave the Teams unread.
func authoredByManager(o client.Object) {
	o.SetLabels(map[string]string{rosterv1alpha1.AuthorLabel: "Manager"})
}

// TestTheMarkOfAnAuthorIsTheirs: who may not make a Manager cannot pass by the Teams with the label of those who may, nor by one that has it.
func TestTheMarkOfAnAuthorIsTheirs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	marked := func(m *rosterv1alpha1.Member) { authoredByManager(m) }
	offered := func(inv *rosterv1alpha1.Invitation) { authoredByManager(inv) }
	for _, o := range []client.Object{
		w.member("sue", suspended, marked), w.invitation("ivy", revoked, offered),
		w.team("writers", administrator, people("newbie", "sue", "ivy"), works("acme-fb", "acme-x")),
	} {
		w.Expect(cluster.Client.Create(t.Context(), o)).To(Succeed())
	}
	refused := func(who, what string) string {
		return who + " may not write the label roster.dev/author into the " + what +
			": it says that its author may make somebody a Manager. Leave it out."
	}
	const gives = ": the Team writers gives Administrator to the Member of that name. "
	w.Eventually(func() error { return createMember("newbie")(w, dry(w.as(lena))) }).Should(MatchError(apierrors.IsForbidden, "forbidden"))
	w.attempts(t, map[string]attempt{
		"a Member of a name in a Team": {lena, createMember("newbie", marked), refused(lena, "Member newbie")},
		"a Member of another name":     {lena, createMember("zed", marked), refused(lena, "Member zed")},
		"an Invitation":                {dora, invite("newbie", offered), refused(dora, "Invitation newbie")},
		"another value": {lena, createMember("newbie", func(m *rosterv1alpha1.Member) {
			m.Labels = map[string]string{rosterv1alpha1.AuthorLabel: "Editor"}
		}), lena + " may not create the Member newbie" + gives + "Choose another name, or ask a Manager."},
		"lifts the suspension of one": {lena, updateMember("sue", reactivated),
			lena + " may not put into force the Member sue" + gives + "Ask a Manager."},
		"lifts a suspension and marks": {lena, updateMember("sue", reactivated, marked),
			lena + " may not put into force the Member sue" + gives + "Ask a Manager."},
		"lifts the revocation of one": {lena, updateInvitation("ivy", offeredAgain),
			lena + " may not put into force the Invitation ivy" + gives + "Ask a Manager."},
		"a Manager":                    {ben, createMember("newbie", marked), ""},
		"a Manager invites":            {ben, invite("newbie", offered), ""},
		"a GitOps controller":          {flux, createMember("newbie", marked), ""},
		"changes one that has it":      {lena, updateMember("sue", called("Sue")), ""},
		"the operator, for who joined": {manager, createMember("newbie", joined, marked), ""},
	})
}

// TestAuthorsAreMarked by the API server, and only those who may make a Manager.
func TestAuthorsAreMarked(t *testing.T) {
	t.Parallel()
	needsMutatingPolicies(t)
	w := newWorld(t)
	const label = rosterv1alpha1.AuthorLabel
	for who, mark := range map[string]string{ben: "Manager", flux: "Manager", lena: "", dora: ""} {
		m, inv := w.member("zed"), w.invitation("zed")
		inv.Labels = map[string]string{"team": "west"}
		for _, o := range []client.Object{m, inv} {
			w.Expect(dry(w.as(who)).Create(t.Context(), o)).To(Succeed(), who)
			w.Expect(o.GetLabels()[label]).To(Equal(mark), who)
		}
		w.Expect(inv.Labels).To(HaveKeyWithValue("team", "west"))
	}
	m := w.member("zed", joined)
	w.Expect(dry(w.as(manager)).Create(t.Context(), m)).To(Succeed())
	w.Expect(m.Labels).To(HaveKeyWithValue(label, "Manager"), "the operator makes Members of people who have accepted")
}

// TestApplyingAgainKeepsTheMark: what the API server wrote is nobody's to take off, so a tool that keeps objects as in Git sees no difference.
func TestApplyingAgainKeepsTheMark(t *testing.T) {
	t.Parallel()
	needsMutatingPolicies(t)
	w := newWorld(t)
	apply := func() (version string) {
		git, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&rosterv1alpha1.Member{Spec: w.member("zed").Spec})
		w.Expect(err).NotTo(HaveOccurred())
		o := &unstructured.Unstructured{Object: map[string]any{"spec": git["spec"]}}
		o.SetGroupVersionKind(rosterv1alpha1.GroupVersion.WithKind("Member"))
		o.SetNamespace(w.ns)
		o.SetName("zed")
		w.Expect(w.as(flux).Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("kustomize-controller"))).To(Succeed())
		w.Expect(read[rosterv1alpha1.Member](w, "zed").Labels).To(HaveKeyWithValue(rosterv1alpha1.AuthorLabel, "Manager"))
		return o.GetResourceVersion()
	}
	apply()
	version := apply() // The API server writes once more, with the mark or without.
	w.Expect(apply()).To(Equal(version))
}
