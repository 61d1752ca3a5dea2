// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func createProfile(name, connectedBy string, change ...func(p *rosterv1alpha1.SocialProfile)) func(w *world, c client.Client) error {
	return createOther(func(w *world) client.Object { return w.profile(name, connectedBy, change...) })
}

func updateProfile(name string, change ...func(p *rosterv1alpha1.SocialProfile)) func(w *world, c client.Client) error {
	return update[rosterv1alpha1.SocialProfile](name, change)
}

func deleteProfile(name string) func(w *world, c client.Client) error {
	return deleteOther(func(w *world) client.Object { return w.profile(name, "") })
}

func getProfile(name string) func(w *world, c client.Client) error {
	return func(w *world, c client.Client) error {
		return c.Get(w.Context(), client.ObjectKey{Namespace: w.ns, Name: name}, &rosterv1alpha1.SocialProfile{})
	}
}

func connectedBy(who string) func(p *rosterv1alpha1.SocialProfile) {
	return func(p *rosterv1alpha1.SocialProfile) { p.Spec.ConnectedBy = who }
}

func handled(handle string) func(p *rosterv1alpha1.SocialProfile) {
	return func(p *rosterv1alpha1.SocialProfile) { p.Spec.Handle = handle }
}

func labelled(value string) func(p *rosterv1alpha1.SocialProfile) {
	return func(p *rosterv1alpha1.SocialProfile) { p.Labels = map[string]string{"region": value} }
}

func withTokens(secret string) func(p *rosterv1alpha1.SocialProfile) {
	return func(p *rosterv1alpha1.SocialProfile) {
		p.Spec.CredentialsSecretRef = &rosterv1alpha1.LocalReference{Name: secret}
	}
}

func TestWhoConnectedAProfileIsTrue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const prefixed = "oidc:Pat@acme.example"
	w.bindRole("prefixed", prefixed, rosterRule([]string{"socialprofiles"}, nil, "create"))
	w.bindRole("pushes-profiles", pusher, rosterRule([]string{"socialprofiles"}, nil, "create"))
	w.Eventually(func() error { return createProfile("new", prefixed)(w, dry(w.as(prefixed))) }).Should(Succeed())
	w.Eventually(func() error { return createProfile("new", "")(w, dry(w.as(pusher))) }).Should(MatchError(ContainSubstring("denied request")))
	anothers := func(who, name string) string {
		return who + " may not connect the SocialProfile new in the name of " + name + " (spec.connectedBy). Write your own address there."
	}
	takes := func(who, name, profile string) string {
		return who + " may not write " + name + " into spec.connectedBy: the person named there looks after the SocialProfile " + profile +
			". Leave it as it is, or ask a Manager."
	}
	w.attempts(t, map[string]attempt{
		"a ProfileConnector in their own": {pat, createProfile("new", pat), ""},
		"whatever the case":               {pat, createProfile("new", "Pat@Acme.example"), ""},
		"under a prefix, the address":     {prefixed, createProfile("new", pat), ""},
		"a ProfileConnector in another's": {pat, createProfile("new", adam), anothers(pat, adam)},
		"in a part of their own":          {pat, createProfile("new", "acme.example"), anothers(pat, "acme.example")},
		"an AdvancedMember in another's":  {adam, createProfile("new", pat), anothers(adam, pat)},
		"an AdvancedMember in their own":  {adam, createProfile("new", adam), ""},
		"a program that may only create, in nobody's": {pusher, createProfile("new", ""), pusher +
			" may not add the SocialProfile new without saying who connects it (spec.connectedBy). Write your own address there."},
		"a program that may only create, in another's": {pusher, createProfile("new", pat), anothers(pusher, pat)},
		"a Manager in another's":                       {ben, createProfile("new", pat), ""},
		"a GitOps controller in nobody's":              {flux, createProfile("new", ""), ""},
		"a GitOps controller in another's":             {flux, createProfile("new", pat), ""},
		"a Member adds none":                           {ana, createProfile("new", ana), noRight},
		"an Administrator of one adds none":            {eva, createProfile("new", eva), noRight},
		"the operator, for who connects it":            {manager, createProfile("new", pat, withTokens("new-tokens")), ""},
		"the portal adds none":                         {portal, createProfile("new", pat), noRight},

		"an AdvancedMember gives up their own":        {adam, updateProfile("acme-adam", connectedBy("")), ""},
		"an AdvancedMember writes it in another case": {adam, updateProfile("acme-adam", connectedBy("Adam@acme.example")), ""},
		"an AdvancedMember hands their own on":        {adam, updateProfile("acme-adam", connectedBy(pat)), takes(adam, pat, "acme-adam")},
		"an Administrator takes one of nobody":        {eva, updateProfile("acme-fb", connectedBy(eva)), takes(eva, eva, "acme-fb")},
		"a Manager takes the name off":                {ben, updateProfile("acme-pat", connectedBy("")), ""},
		"a Manager hands it on":                       {ben, updateProfile("acme-pat", connectedBy(adam)), ""},
		"a GitOps controller hands it on":             {flux, updateProfile("acme-pat", connectedBy(adam)), ""},
	})
	w.bindRole("edits-one", ana, rosterRule([]string{"socialprofiles"}, []string{"acme-adam"}, "update", "configure"))
	w.Eventually(func() error { return updateProfile("acme-adam", handled("x"))(w, dry(w.as(ana))) }).Should(Succeed())
	w.attempts(t, map[string]attempt{
		"people who may update take another's": {ana, updateProfile("acme-adam", connectedBy(ana)), takes(ana, ana, "acme-adam")},
		"or takes the name off": {ana, updateProfile("acme-adam", connectedBy("")),
			"ana@acme.example may not remove spec.connectedBy: adam@acme.example looks after the SocialProfile acme-adam. Leave it as it is, or ask a Manager."},
	})
}

// TestPeopleTouchOnlyWhatTheyConnected: a ProfileConnector renews and deletes it, an AdvancedMember changes it besides.
func TestPeopleTouchOnlyWhatTheyConnected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := func(w *world, c client.Client) error {
		return c.List(w.Context(), &rosterv1alpha1.SocialProfileList{}, client.InNamespace(w.ns))
	}
	table := map[string]attempt{
		"a ProfileConnector deletes their own":  {pat, deleteProfile("acme-pat"), ""},
		"a ProfileConnector looks at their own": {pat, getProfile("acme-pat"), ""},
		"a ProfileConnector changes their own":  {pat, updateProfile("acme-pat", handled("x")), noRight},
		"a ProfileConnector lists":              {pat, list, noRight},
		"a ProfileConnector invites":            {pat, invite("zed"), noRight},
		"a ProfileConnector writes a team":      {pat, createTeam("x", guest), noRight},
		"an AdvancedMember deletes their own":   {adam, deleteProfile("acme-adam"), ""},
		"an AdvancedMember changes their own":   {adam, updateProfile("acme-adam", handled("x")), ""},
		"an AdvancedMember lists":               {adam, list, noRight},
		"an Administrator changes":              {eva, updateProfile("acme-fb", handled("x")), ""},
		"an Administrator deletes":              {eva, deleteProfile("acme-fb"), ""},
		"an Editor changes":                     {ana, updateProfile("acme-fb", handled("x")), noRight},
		"a Manager changes":                     {ben, updateProfile("acme-pat", handled("x")), ""},
		"the operator deletes":                  {manager, deleteProfile("acme-pat"), ""},
		"the portal deletes":                    {portal, deleteProfile("acme-pat"), noRight},
		"the portal changes":                    {portal, updateProfile("acme-pat", handled("x")), noRight},
	}
	for who, others := range map[string][]string{pat: {"acme-adam", "acme-fb", "acme-x"}, adam: {"acme-pat", "acme-fb", "acme-x"}, eva: {"acme-x", "acme-pat"}} {
		for _, other := range others {
			table[who+" deletes "+other] = attempt{who, deleteProfile(other), noRight}
			table[who+" looks at "+other] = attempt{who, getProfile(other), noRight}
			table[who+" changes "+other] = attempt{who, updateProfile(other, handled("x")), noRight}
		}
	}
	w.attempts(t, table)
}

func TestOnlyAnAdministratorLabelsAProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Expect(updateProfile("acme-adam", labelled("west"))(w, cluster.Client)).To(Succeed())
	refused := func(who, profile string) string {
		return who + " may not change the labels of the SocialProfile " + profile +
			": Teams and Workspaces find it by them, and only an Administrator of it may decide that. Ask one, or a Manager."
	}
	refusedNew := func(who string) string {
		return who + " may not add labels to the SocialProfile new: Teams and Workspaces find it by them, and only an Administrator of it may decide that. " +
			"Leave them out, or ask a Manager."
	}
	unlabelled := func(p *rosterv1alpha1.SocialProfile) { p.Labels = nil }
	annotated := func(p *rosterv1alpha1.SocialProfile) { p.Annotations = map[string]string{"note": "x"} }
	table := map[string]attempt{
		"who connected it":                     {adam, updateProfile("acme-adam", labelled("east")), refused(adam, "acme-adam")},
		"who connected it takes one off":       {adam, updateProfile("acme-adam", unlabelled), refused(adam, "acme-adam")},
		"who connected it annotates":           {adam, updateProfile("acme-adam", annotated), ""},
		"who connected it, with another field": {adam, updateProfile("acme-adam", handled("x"), labelled("east")), refused(adam, "acme-adam")},
		"who adds one":                         {adam, createProfile("new", adam, labelled("west")), refusedNew(adam)},
		"a ProfileConnector who adds one":      {pat, createProfile("new", pat, labelled("west")), refusedNew(pat)},
		"an Administrator of it":               {eva, updateProfile("acme-fb", labelled("west")), ""},
		"a Manager":                            {ben, updateProfile("acme-adam", labelled("east")), ""},
		"a Manager who adds one":               {ben, createProfile("new", "", labelled("west")), ""},
		"a GitOps controller":                  {flux, createProfile("new", "", labelled("west")), ""},
	}
	// Without every permission of an Administrator, nobody is one.
	for _, lacks := range everythingOnProfiles().Verbs {
		who := lacks + "-less@acme.example"
		rule := everythingOnProfiles()
		rule.Verbs = append([]string{"update"}, without(rule.Verbs, lacks)...)
		rule.ResourceNames = []string{"acme-adam"}
		w.bindRole("all-but-"+lacks, who, rule)
		table["all but "+lacks] = attempt{who, updateProfile("acme-adam", labelled("east")), refused(who, "acme-adam")}
		w.Eventually(func() error { return updateProfile("acme-adam", handled("x"))(w, dry(w.as(who))) }).Should(Succeed())
	}
	w.attempts(t, table)
}

func without(all []string, one string) []string {
	var rest []string
	for _, s := range all {
		if s != one {
			rest = append(rest, s)
		}
	}
	return rest
}

// TestNobodyBorrowsTheTokensOfAnotherProfile: a profile of one's own that names the Secret of another acts as that account.
func TestNobodyBorrowsTheTokensOfAnotherProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Expect(updateProfile("acme-fb", withTokens("acme-fb-token"))(w, cluster.Client)).To(Succeed())
	w.bindRole("reads-a-secret", adam, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"adam-token"}, Verbs: []string{"get"}})
	w.Eventually(func() error { return createProfile("new", adam, withTokens("adam-token"))(w, dry(w.as(adam))) }).Should(Succeed())
	refused := func(who, profile, do string) string {
		return who + " may not use the Secret acme-fb-token for the SocialProfile " + profile +
			" (spec.credentialsSecretRef): they may not read it, and it may be that of another profile. " + do + ", or ask a Manager."
	}
	tokenless := func(p *rosterv1alpha1.SocialProfile) { p.Spec.CredentialsSecretRef = nil }
	w.attempts(t, map[string]attempt{
		"who adds a profile":              {adam, createProfile("new", adam, withTokens("acme-fb-token")), refused(adam, "new", "Leave it out")},
		"a ProfileConnector":              {pat, createProfile("new", pat, withTokens("acme-fb-token")), refused(pat, "new", "Leave it out")},
		"who changes their own":           {adam, updateProfile("acme-adam", withTokens("acme-fb-token")), refused(adam, "acme-adam", "Leave it as it is")},
		"who may read it":                 {adam, updateProfile("acme-adam", withTokens("adam-token")), ""},
		"an Administrator to another":     {eva, updateProfile("acme-fb", withTokens("other")), "eva@acme.example may not use the Secret other for the SocialProfile acme-fb (spec.credentialsSecretRef): they may not read it, and it may be that of another profile. Leave it as it is, or ask a Manager."},
		"an Administrator keeps it":       {eva, updateProfile("acme-fb", handled("x")), ""},
		"an Administrator takes it off":   {eva, updateProfile("acme-fb", tokenless), ""},
		"a Manager":                       {ben, createProfile("new", "", withTokens("acme-fb-token")), ""},
		"a GitOps controller":             {flux, createProfile("new", "", withTokens("acme-fb-token")), ""},
		"an administrator of a namespace": {nina, createProfile("new", nina, withTokens("acme-fb-token")), ""},
		"the operator":                    {manager, updateProfile("acme-adam", withTokens("x-acme-tokens")), ""},
	})
}

func TestWhoConnectsIsFilledIn(t *testing.T) {
	t.Parallel()
	needsMutatingPolicies(t)
	w := newWorld(t)
	for _, c := range []struct{ who, says, want string }{
		{pat, "", pat}, {pat, "Pat@acme.example", "Pat@acme.example"}, {adam, "", adam}, {ben, "", ben}, {ben, pat, pat}, {flux, "", ""}, {flux, pat, pat},
	} {
		p := w.profile("new", c.says)
		w.Expect(dry(w.as(c.who)).Create(t.Context(), p)).To(Succeed())
		w.Expect(p.Spec.ConnectedBy).To(Equal(c.want), "created by %s", c.who)
	}
}
