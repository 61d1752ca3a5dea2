// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestOnlyTheOperatorSaysThatSomebodyAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sets := func(who, account string) string {
		return who + " may not set spec.accountRef to " + account +
			": Roster sets it when the person accepts. Leave it as it is, and leave it out of what you apply."
	}
	removes := func(who string) string {
		return who + " may not remove spec.accountRef, which says that the person has accepted. Use kubectl apply, which leaves it alone; " +
			"to take access away, suspend the Member."
	}
	unbound := func(m *rosterv1alpha1.Member) { m.Spec.AccountRef = nil }
	rebound := func(m *rosterv1alpha1.Member) { m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-mallory"} }
	backup := "backup@platform.example"
	w.bindRole("backup", backup, rosterRule([]string{"members"}, nil, "create", "update", "bind"), rosterRule([]string{"orgroles"}, nil, "grant"))
	w.Eventually(func() error { return createMember("zed")(w, dry(w.as(backup))) }).Should(Succeed())
	w.attempts(t, map[string]attempt{
		"a Manager creates a Member who has accepted": {ben, createMember("zed", joined), sets(ben, "a-zed")},
		"a CoOwner binds one who has not":             {carla, updateMember("cora", joined), sets(carla, "a-cora")},
		"the owner binds another account":             {olivia, updateMember("ana", rebound), sets(olivia, "a-mallory")},
		"a GitOps controller binds":                   {flux, createMember("zed", joined), sets(flux, "a-zed")},
		"a namespace administrator binds":             {nina, updateMember("cora", joined), sets(nina, "a-cora")},
		"a Manager unbinds":                           {ben, updateMember("ana", unbound), removes(ben)},
		"a GitOps controller replaces":                {flux, updateMember("ana", unbound), removes(flux)},
		"the operator binds":                          {manager, updateMember("cora", joined), ""},
		"a restore from a backup":                     {backup, createMember("zed", joined), ""},
		"what has an account stays editable":          {ben, updateMember("ana", role(advanced)), ""},
	})
}

func TestNobodyInvitesInTheNameOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forged := func(who, name string) string {
		return who + " may not invite in the name of " + name + " (spec.invitedBy). Write your own address there, or leave it out."
	}
	changed := func(who, name string) string {
		return who + " may not invite in the name of " + name + " (spec.invitedBy). Write your own address there, or leave it as it is."
	}
	prefixed := "oidc:Ben@acme.example"
	w.bindRole("prefixed", prefixed, rosterRule([]string{"invitations"}, nil, "create"), rosterRule([]string{"orgroles"}, []string{"Member"}, "grant"))
	shouted := "OIDC:ben@acme.example"
	w.bindRole("shouted", shouted, rosterRule([]string{"invitations"}, nil, "create"), rosterRule([]string{"orgroles"}, []string{"Member"}, "grant"))
	w.Eventually(func() error { return invite("zed")(w, dry(w.as(shouted))) }).Should(Succeed())
	w.Expect(cluster.Client.Create(t.Context(), w.member("dave", answeredBy(carla)))).To(Succeed())
	w.attempts(t, map[string]attempt{
		"a Manager in the owner's":              {ben, invite("zed", invitedBy(olivia)), forged(ben, olivia)},
		"in that of nobody":                     {ben, invite("zed", invitedBy("the boss")), forged(ben, "the boss")},
		"in a part of their own":                {ben, invite("zed", invitedBy("acme.example")), forged(ben, "acme.example")},
		"a program in the end of its own":       {pusher, invite("zed", invitedBy("sync"), forMember("ana")), forged(pusher, "sync")},
		"a program in that of a person":         {pusher, invite("zed", invitedBy(olivia), forMember("ana")), forged(pusher, olivia)},
		"a Manager hands it on":                 {ben, updateInvitation("zoe", invitedBy(carla)), changed(ben, carla)},
		"a Manager takes the name off":          {ben, updateInvitation("zoe", invitedBy("")), "ben@acme.example may not remove spec.invitedBy: olivia@acme.example answers for this Invitation. Leave it as it is, or revoke the Invitation and create another."},
		"with another prefix":                   {prefixed, invite("zed", invitedBy("OIDC:Ben@acme.example")), forged(prefixed, "OIDC:Ben@acme.example")},
		"with the prefix in another case":       {shouted, invite("zed", invitedBy("oidc:ben@acme.example")), forged(shouted, "oidc:ben@acme.example")},
		"a Manager declares one in the owner's": {ben, createMember("zed", answeredBy(olivia)), forged(ben, olivia)},
		"a Manager hands a declared one on":     {ben, updateMember("dave", answeredBy(olivia)), changed(ben, olivia)},
		"a Manager takes it off there":          {ben, updateMember("dave", answeredBy("")), "ben@acme.example may not remove spec.invitedBy: carla@acme.example answers for this Member. Leave it as it is, or delete the Member and create another."},
		"a program in that of another":          {pusher, invite("zed", invitedBy(flux), forMember("ana")), forged(pusher, flux)},
		"a program in its own":                  {pusher, invite("zed", invitedBy(pusher), forMember("ana")), ""},
		"a Manager in their own":                {ben, invite("zed", invitedBy(ben)), ""},
		"whatever the case":                     {ben, invite("zed", invitedBy("Ben@Acme.example")), ""},
		"a Manager takes it over":               {ben, updateInvitation("zoe", invitedBy(ben)), ""},
		"under a prefix, the address":           {prefixed, invite("zed", invitedBy(ben)), ""},
		"under a prefix, the user name":         {prefixed, invite("zed", invitedBy(prefixed)), ""},
		"a Manager revokes what another sent":   {ben, updateInvitation("zoe", revoked), ""},
		"a GitOps controller writes a person":   {flux, invite("zed", invitedBy(olivia)), ""},
		"a GitOps controller takes it off":      {flux, updateInvitation("zoe", invitedBy("")), ""},
		"a namespace administrator may as well": {nina, invite("zed", invitedBy(olivia)), ""},
	})
}

// TestNobodyPutsWordsIntoTheMouthOfAnother: the mail says "Olivia writes".
func TestNobodyPutsWordsIntoTheMouthOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	says := func(text string) func(inv *rosterv1alpha1.Invitation) {
		return func(inv *rosterv1alpha1.Invitation) { inv.Spec.Message = text }
	}
	w.Expect(invite("yan", invitedBy(olivia), says("Hello"))(w, cluster.Client)).To(Succeed())
	w.Expect(invite("xena")(w, w.as(flux))).To(Succeed(), "in nobody's name")
	refused := func(who string) string {
		return who + " may not change spec.message of the Invitation yan: the mail says that olivia@acme.example writes it (spec.invitedBy). " +
			"Leave it as it is, take it out, or write your own address into spec.invitedBy, too."
	}
	prefixed := "oidc:Olivia@acme.example"
	w.bindRole("prefixed", prefixed, rosterRule([]string{"invitations"}, nil, "get", "update"))
	w.Eventually(func() error { return updateInvitation("yan", revoked)(w, dry(w.as(prefixed))) }).Should(Succeed())
	w.attempts(t, map[string]attempt{
		"a Manager, and asks for another mail": {ben, updateInvitation("yan", says("Send me your password"), resent), refused(ben)},
		"a CoOwner":                            {carla, updateInvitation("yan", says("Hello!")), refused(carla)},
		"a program":                            {pusher, updateInvitation("yan", says("Hello!")), refused(pusher)},
		"words where there were none":          {ben, updateInvitation("zoe", says("Hello!")), strings.Replace(refused(ben), "yan", "zoe", 1)},
		"a Manager takes it out":               {ben, updateInvitation("yan", says("")), ""},
		"a Manager asks for another mail":      {ben, updateInvitation("yan", resent), ""},
		"a Manager takes the Invitation over":  {ben, updateInvitation("yan", says("Hello!"), invitedBy(ben)), ""},
		"the owner":                            {olivia, updateInvitation("yan", says("Hello!")), ""},
		"the owner, behind a prefix":           {prefixed, updateInvitation("yan", says("Hello!")), ""},
		"in the name of the organisation":      {ben, updateInvitation("xena", says("Hello!")), ""},
		"a GitOps controller":                  {flux, updateInvitation("yan", says("Hello!")), ""},
	})
}

// TestNobodyOffersWithoutAnswering, by every way to add to what somebody gets when they accept.
func TestNobodyOffersWithoutAnswering(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	creates := func(who, what string) string {
		return who + " may not create " + what + " without answering for what it offers. Write spec.invitedBy: " + who + "."
	}
	adds := func(who, what, by string) string {
		return who + " may not change what " + what + " offers, for which " + by + " answers. Write spec.invitedBy: " + who + " in the same change."
	}
	// A name that does not fit is not filled in, as nothing is where the API server cannot.
	long := strings.Repeat("l", 310) + "@acme.example"
	w.bindRole("long", long, rosterRule([]string{"members", "invitations"}, nil, "create", "update"),
		rosterRule([]string{"orgroles"}, []string{"Manager", "AdvancedMember", "Member", "ProfileConnector"}, "grant"))
	w.Eventually(func() error { return invite("zed", forMember("ana"))(w, dry(w.as(long))) }).Should(Succeed())
	for _, o := range []client.Object{
		w.member("dave", answeredBy(carla), on("acme-fb", rosterv1alpha1.ProfileGuest)), w.member("sue", answeredBy(carla), suspended),
		w.member("low", answeredBy(carla), on("acme-fb", rosterv1alpha1.ProfileEditor)),
		w.member("old"), w.member("many", answeredBy(dora), onMany(20)),
	} {
		w.Expect(cluster.Client.Create(t.Context(), o)).To(Succeed())
	}
	gone := long + " may not change what the Member old offers without answering for it. Write spec.invitedBy: " + long + " in the same change."
	dave, zoe := "the Member dave", "the Invitation zoe"
	w.Expect(updateMember("old", answeredBy(""))(w, cluster.Client)).To(Succeed()) // It was filled in.
	guest := on("acme-fb", rosterv1alpha1.ProfileGuest)
	w.attempts(t, map[string]attempt{
		"invites":                              {long, invite("zed"), creates(long, "the Invitation zed")},
		"declares":                             {long, createMember("zed"), creates(long, "the Member zed")},
		"raises a declared Member":             {long, updateMember("dave", role(rosterv1alpha1.RoleManager)), adds(long, dave, carla)},
		"raises an invited one":                {long, updateInvitation("zoe", offers(rosterv1alpha1.RoleManager)), adds(long, zoe, olivia)},
		"lowers":                               {long, updateMember("dave", role(rosterv1alpha1.RoleProfileConnector), notOn("acme-fb")), adds(long, dave, carla)},
		"gives a profile":                      {long, updateMember("dave", on("acme-x", rosterv1alpha1.ProfileGuest)), adds(long, dave, carla)},
		"raises on a profile":                  {long, updateMember("dave", on("acme-fb", rosterv1alpha1.ProfileEditor)), adds(long, dave, carla)},
		"gives a workspace":                    {long, updateMember("dave", in("west", "")), adds(long, dave, carla)},
		"lets them add profiles":               {long, updateMember("dave", mayAdd), adds(long, dave, carla)},
		"lifts a suspension":                   {long, updateMember("sue", reactivated), adds(long, "the Member sue", carla)},
		"raises one nobody answers for":        {long, updateMember("old", role(rosterv1alpha1.RoleManager)), gone},
		"raises it and answers":                {ben, updateMember("dave", role(rosterv1alpha1.RoleManager), answeredBy(ben)), ""},
		"answers, and gives too much":          {ben, updateMember("dave", role(rosterv1alpha1.RoleCoOwner), answeredBy(ben)), "ben@acme.example may not give the role CoOwner: it is above their own. Ask the owner or a CoOwner."},
		"answers for more than they may":       {dora, updateMember("dave", on("acme-fb", rosterv1alpha1.ProfileAdministrator), answeredBy(dora)), "dora@acme.example may not give Administrator on acme-fb: they do not hold all of that themselves. Ask a Manager."},
		"takes a profile away":                 {ben, updateMember("dave", notOn("acme-fb")), ""},
		"suspends":                             {ben, updateMember("dave", suspended), ""},
		"the one who answers raises":           {carla, updateMember("dave", role(rosterv1alpha1.RoleManager)), ""},
		"people who have joined are raised":    {ben, updateMember("ana", on("acme-x", rosterv1alpha1.ProfileGuest)), ""},
		"a GitOps controller need not":         {flux, updateMember("dave", role(rosterv1alpha1.RoleManager)), ""},
		"nor a namespace administrator":        {nina, updateMember("dave", role(rosterv1alpha1.RoleManager)), ""},
		"nor the operator, for a declared one": {manager, invite("zed", forMember("dave")), ""},
		"with the rest as it was":              {ben, updateMember("dave", guest), ""},
		"more than can be asked about again":   {dora, updateMember("many", guest), "dora@acme.example may not offer 101 permissions on profiles by the Member many: when the person accepts, at most 100 can be asked about again (an Editor is 5). Offer fewer and give the rest later, or ask a Manager."},
		"by a Manager, who is asked once":      {ben, updateMember("many", guest, answeredBy(ben)), ""},
	})
}

// TestWhoAddsToAnOfferIsFilledIn: they answer for all of it then, and are asked about all of it.
func TestWhoAddsToAnOfferIsFilledIn(t *testing.T) {
	t.Parallel()
	needsMutatingPolicies(t)
	w := newWorld(t)
	w.Expect(cluster.Client.Create(t.Context(), w.member("dave", answeredBy(carla), on("acme-fb", rosterv1alpha1.ProfileGuest)))).To(Succeed())
	for _, c := range []struct {
		who    string
		change func(m *rosterv1alpha1.Member)
		want   string
	}{
		{ben, role(rosterv1alpha1.RoleManager), ben},
		{ben, on("acme-x", rosterv1alpha1.ProfileGuest), ben},
		{ben, notOn("acme-fb"), carla},
		{ben, suspended, carla},
		{ben, called("Dave"), carla},
		{carla, role(rosterv1alpha1.RoleManager), carla},
		{nina, role(rosterv1alpha1.RoleManager), carla},
		{flux, role(rosterv1alpha1.RoleManager), carla},
	} {
		m := read[rosterv1alpha1.Member](w, "dave")
		c.change(m)
		w.Expect(dry(w.as(c.who)).Update(t.Context(), m)).To(Succeed())
		w.Expect(m.Spec.InvitedBy).To(Equal(c.want), "changed by %s: %+v", c.who, m.Spec)
	}
	inv := read[rosterv1alpha1.Invitation](w, "zoe")
	inv.Spec.Role = rosterv1alpha1.RoleManager
	w.Expect(dry(w.as(ben)).Update(t.Context(), inv)).To(Succeed())
	w.Expect(inv.Spec.InvitedBy).To(Equal(ben))
	w.Expect(cluster.Client.Create(t.Context(), w.member("cole", answeredBy(olivia), role(rosterv1alpha1.RoleCoOwner)))).To(Succeed())
	w.expectRefused(updateMember("cole", on("acme-fb", rosterv1alpha1.ProfileGuest))(w, dry(w.as(ben))),
		"ben@acme.example may not give the role CoOwner: it is above their own. Ask the owner or a CoOwner.")
}

func needsMutatingPolicies(t *testing.T) {
	t.Helper()
	start(t)
	kind := admissionv1.SchemeGroupVersion.WithKind("MutatingAdmissionPolicy")
	if _, err := cluster.Client.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version); err != nil {
		t.Skip("this API server serves no MutatingAdmissionPolicy: it is older than Kubernetes 1.36")
	}
}

func TestWhoInvitesIsFilledIn(t *testing.T) {
	t.Parallel()
	needsMutatingPolicies(t)
	w := newWorld(t)
	for _, c := range []struct {
		who    string
		change func(inv *rosterv1alpha1.Invitation)
		want   string
	}{
		{ben, invitedBy(""), ben},
		{ben, invitedBy("Ben@acme.example"), "Ben@acme.example"},
		{ben, forMember("cora"), ben},
		{nina, invitedBy(""), nina},
		{flux, invitedBy(""), ""},
		{flux, invitedBy(olivia), olivia},
		{manager, forMember("cora"), ""},
	} {
		inv := w.invitation("zed", c.change)
		w.Expect(dry(w.as(c.who)).Create(t.Context(), inv)).To(Succeed())
		w.Expect(inv.Spec.InvitedBy).To(Equal(c.want), "created by %s", c.who)
	}
}

func TestWhoDeclaresIsFilledIn(t *testing.T) {
	t.Parallel()
	needsMutatingPolicies(t)
	w := newWorld(t)
	for who, want := range map[string]string{ben: ben, nina: nina, flux: ""} {
		m := w.member("zed")
		w.Expect(dry(w.as(who)).Create(t.Context(), m)).To(Succeed())
		w.Expect(m.Spec.InvitedBy).To(Equal(want), "created by %s", who)
	}
	m := w.member("zed", joined)
	w.Expect(dry(w.as(manager)).Create(t.Context(), m)).To(Succeed())
	w.Expect(m.Spec.InvitedBy).To(BeEmpty(), "who has joined was invited before")
}

// TestApplyingTwiceKeepsWhoInvites: server-side apply takes off what it no longer says, but it never said this.
func TestApplyingTwiceKeepsWhoInvites(t *testing.T) {
	t.Parallel()
	needsMutatingPolicies(t)
	w := newWorld(t)
	c := w.as(ben)
	apply := func(message string) {
		t.Helper()
		o := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "roster.dev/v1alpha1", "kind": "Invitation", "metadata": map[string]any{"namespace": w.ns, "name": "zed"},
			"spec": map[string]any{"email": "zed@acme.example", "message": message},
		}}
		w.Expect(c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("kubectl"))).To(Succeed())
	}
	apply("Hello")
	w.Expect(read[rosterv1alpha1.Invitation](w, "zed").Spec.InvitedBy).To(Equal(ben))
	apply("Hello")
	apply("Hello, Zed")
	inv := read[rosterv1alpha1.Invitation](w, "zed")
	w.Expect(inv.Spec.InvitedBy).To(Equal(ben))
	w.Expect(inv.Spec.Message).To(Equal("Hello, Zed"))
	w.Expect(updateInvitation("zed", revoked)(w, w.as(carla))).To(Succeed())
	apply("Hello again")
	w.Expect(read[rosterv1alpha1.Invitation](w, "zed").Spec.InvitedBy).To(Equal(ben))
}

// TestNobodyPretendsToBeAnother: the policies trust the API server's word on who asks, so what lets people claim to be others is no part
// of any role.
func TestNobodyPretendsToBeAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, err := cluster.Login(ben, "system:authenticated")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(invite("zed")(w, dry(w.client(config)))).To(Succeed(), "ben himself may invite")
	for _, pretends := range []string{olivia, manager, "system:admin"} {
		config.Impersonate.UserName = pretends
		err := invite("zed", offers(coOwner))(w, dry(w.client(config)))
		w.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "as %s: %v", pretends, err)
		w.Expect(err.Error()).To(ContainSubstring(`cannot impersonate`))
	}
}

// TestWithoutASpecTheSchemaAnswers: no policy speaks before it, in words that tell nobody what to do.
func TestWithoutASpecTheSchemaAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, kind := range []string{"Organization", "Member", "Invitation", "SocialProfile", "Team", "Workspace", "CustomRole"} {
		o := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "roster.dev/v1alpha1", "kind": kind, "metadata": map[string]any{"namespace": w.ns, "name": "empty"},
		}}
		err := dry(w.as(ben)).Create(t.Context(), o)
		if kind == "Organization" {
			err = dry(cluster.Client).Create(t.Context(), o)
		}
		w.Expect(err).To(MatchError(ContainSubstring("spec: Required value")), kind)
	}
}
