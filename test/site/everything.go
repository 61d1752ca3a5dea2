// SPDX-License-Identifier: Apache-2.0

package site

import (
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/mail/smtptest"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/testenv"
)

const (
	namespace = "acme"
	password  = "Correct-horse-battery-9"
)

func mailOf(name string) string { return name + "@acme.example" }

// Kept is what people keep outside of the cluster.
type Kept struct {
	// Seed is that of Olivia's authenticator app, Codes are her recovery codes that she has not used.
	Seed  []byte        `json:"seed"`
	Codes []string      `json:"codes"`
	Key   Authenticator `json:"key"`
	// Links that have been mailed and not been used, by name.
	Links map[string]string `json:"links"`
}

// in is where an object of the organisation is.
func in(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }

func invitation(name string, spec rosterv1alpha1.InvitationSpec) *rosterv1alpha1.Invitation {
	spec.Email = mailOf(name)
	return &rosterv1alpha1.Invitation{ObjectMeta: in(name), Spec: spec}
}

// Fill makes an organisation that has everything.
func (s *Site) Fill() {
	s.Helper()
	s.found()
	s.join()
	s.secure()
	s.connect(in("acme-x"))
	connected := time.Now().Truncate(time.Second)
	s.Eventually("the next profile is younger: times of creation have seconds", func() error {
		if !time.Now().Truncate(time.Second).After(connected) {
			return errors.New("it is the same second")
		}
		return nil
	})
	s.Create(&rosterv1alpha1.SocialProfile{ObjectMeta: in("a-second"), Spec: rosterv1alpha1.SocialProfileSpec{Network: "X", Handle: "second"}})
	s.Eventually("the second profile has no place in the plan", func() error { return s.placeless("a-second") })
	s.Create(
		&rosterv1alpha1.Workspace{ObjectMeta: in("europe"), Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"acme-x"}}},
		&rosterv1alpha1.Team{ObjectMeta: in("writers"), Spec: rosterv1alpha1.TeamSpec{
			Members: []string{"ben"}, Profiles: []string{"acme-x"}, Role: "publisher",
		}},
	)
	s.Eventually("Ben may publish", func() error { return s.May(mailOf("ben"), "publish", true) })
	s.Patch(&rosterv1alpha1.Member{ObjectMeta: in("ben")}, `{"spec":{"profiles":[{"name":"acme-x","role":"Moderator"}]}}`)
	s.Eventually("Ben may moderate", func() error { return s.May(mailOf("ben"), "moderate", true) })
	s.part()
	s.invite()
	s.Create(append(saved(), notSaved()...)...)
	s.Settle()
}

// found makes the organisation with its roles and its owner, and another one.
func (s *Site) found() {
	s.Helper()
	for name, labels := range map[string]map[string]string{namespace: {"team": "social"}, "globex": nil} {
		s.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
	}
	s.Create(
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "roster-company-sign-in"},
			StringData: map[string]string{Issuer: companySecret},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: in("roster-credentials"),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-credentials"},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: testenv.SystemNamespace, Name: "roster-manager"}},
		},
		Plan(),
		&rosterv1alpha1.CustomRole{ObjectMeta: in("publisher"), Spec: rosterv1alpha1.CustomRoleSpec{
			Scope: "Profile", Permissions: []rosterv1alpha1.RolePermission{"publish"},
		}},
		&rosterv1alpha1.CustomRole{ObjectMeta: in("recruiter"), Spec: rosterv1alpha1.CustomRoleSpec{
			Scope: "Organization", Permissions: []rosterv1alpha1.RolePermission{"ViewTeam", "ManageMembers"},
		}},
		&rosterv1alpha1.Organization{ObjectMeta: in("acme"), Spec: rosterv1alpha1.OrganizationSpec{
			DisplayName: "Acme Social", PlanRef: &rosterv1alpha1.LocalReference{Name: "team"},
			OwnerRef: &rosterv1alpha1.LocalReference{Name: "olivia"},
			Security: rosterv1alpha1.SecurityPolicy{
				SignIn: []rosterv1alpha1.SignInMethod{rosterv1alpha1.SignInPassword, rosterv1alpha1.SignInSSO}, SSO: rosterv1alpha1.SSO{Issuer: Issuer},
			},
		}},
		&rosterv1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Namespace: "globex", Name: "globex"}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Globex"},
		},
		&rosterv1alpha1.Application{ObjectMeta: in("studio"), Spec: rosterv1alpha1.ApplicationSpec{
			RedirectURIs: []string{"https://studio.acme.example/callback"},
		}},
	)
	s.Eventually("the tool has a client secret", func() error {
		a := &rosterv1alpha1.Application{}
		err := s.Client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "studio"}, a)
		if err == nil && len(a.Status.SecretHashes) != 1 {
			err = fmt.Errorf("%+v", a.Status)
		}
		return err
	})
}

// Plan is what Acme has.
func Plan() *rosterv1alpha1.Plan {
	return &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "team"}, Spec: rosterv1alpha1.PlanSpec{
		DisplayName: "Team", Seats: ptr.To[int32](12), SocialProfiles: ptr.To[int32](1), Contact: "platform@acme.example",
		Features: []rosterv1alpha1.Feature{rosterv1alpha1.FeatureCustomRoles, rosterv1alpha1.FeatureWorkspaces},
	}}
}

// join has people become members in every way: declared, invited, by their company, and with the account that they have.
func (s *Site) join() {
	s.Helper()
	ends := metav1.NewTime(time.Now().Add(200 * 24 * time.Hour))
	s.Create(
		&rosterv1alpha1.Member{ObjectMeta: in("olivia"), Spec: rosterv1alpha1.MemberSpec{Email: mailOf("olivia")}},
		invitation("ben", rosterv1alpha1.InvitationSpec{EndTime: &ends}),
		invitation("chloe", rosterv1alpha1.InvitationSpec{Role: "recruiter"}),
		invitation("frank", rosterv1alpha1.InvitationSpec{}),
		invitation("nora", rosterv1alpha1.InvitationSpec{Role: rosterv1alpha1.RoleManager}),
		invitation("sam", rosterv1alpha1.InvitationSpec{}),
	)
	for _, name := range []string{"olivia", "ben", "frank", "nora", "sam"} {
		s.Accept(name, s.Link(mailOf(name)))
		s.Active(name)
	}
	s.acceptByCompany("chloe", s.Link(mailOf("chloe")))
	s.Active("chloe")
	other := &rosterv1alpha1.Invitation{
		ObjectMeta: metav1.ObjectMeta{Namespace: "globex", Name: "ben"}, Spec: rosterv1alpha1.InvitationSpec{Email: mailOf("ben")},
	}
	was := s.Link(mailOf("ben"))
	s.Create(other)
	var link string
	s.Eventually("Ben is invited to Globex", func() error {
		if link = s.Link(mailOf("ben")); link == was {
			return errors.New("no mail came")
		}
		return nil
	})
	b := s.Browser()
	b.SignIn("ben")
	s.Eventually("Ben joins Globex", func() error {
		if page, _ := b.Send(http.MethodPost, "/invitations/"+link, url.Values{"action": {"accept"}}); !strings.Contains(page, "Welcome to Globex") {
			return errors.New(page)
		}
		return nil
	})
	s.Eventually("Ben is a member of Globex", func() error { return s.state("globex", "ben", rosterv1alpha1.MemberActive) })
}

// part has people leave, in every way.
func (s *Site) part() {
	s.Helper()
	// Frank is removed, and his account, whose password somebody else kept from being removed.
	s.Must(s.Client.Delete(s.Context(), &rosterv1alpha1.Member{ObjectMeta: in("frank")}))
	s.Must(s.Client.Delete(s.Context(), s.Account("frank")))
	s.Patch(&rosterv1alpha1.Member{ObjectMeta: in("sam")}, `{"spec":{"suspended":true}}`)
	s.Eventually("Sam is suspended", func() error { return s.state(namespace, "sam", rosterv1alpha1.MemberSuspended) })
	s.Patch(&rosterv1alpha1.Member{ObjectMeta: in("nora")},
		fmt.Sprintf(`{"spec":{"endTime":%q}}`, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)))
	s.Eventually("Nora's membership has ended", func() error { return s.state(namespace, "nora", rosterv1alpha1.MemberEnded) })
}

// invite has invitations in every state that one stays in.
func (s *Site) invite() {
	s.Helper()
	s.Relay.Script(smtptest.Fault{Step: smtptest.AtRcpt, To: mailOf("una"), Code: 550, Enhanced: "5.1.1", Text: "No such user"})
	s.Create(
		// Carl is invited, Dora declared; both have mail and have not answered.
		invitation("carl", rosterv1alpha1.InvitationSpec{Role: "AdvancedMember"}),
		&rosterv1alpha1.Member{ObjectMeta: in("dora"), Spec: rosterv1alpha1.MemberSpec{
			Email: mailOf("dora"), Workspaces: []rosterv1alpha1.WorkspaceGrant{{Name: "europe", Role: "Guest"}},
		}},
		invitation("eve", rosterv1alpha1.InvitationSpec{}),
		invitation("dan", rosterv1alpha1.InvitationSpec{}),
		invitation("xenia", rosterv1alpha1.InvitationSpec{}),
		invitation("una", rosterv1alpha1.InvitationSpec{}),
	)
	s.Link(mailOf("eve"))
	s.Patch(&rosterv1alpha1.Invitation{ObjectMeta: in("eve")}, `{"spec":{"revoked":true}}`)
	no := s.Link(mailOf("dan"))
	s.Eventually("Dan says no", func() error {
		page, _ := s.Browser().Send(http.MethodPost, "/invitations/"+no, url.Values{"action": {"decline"}, "confirm": {"yes"}})
		if strings.Contains(page, "Your invitation is being prepared") {
			return errors.New("the portal does not know the link yet")
		}
		return nil
	})
	s.Link(mailOf("xenia"))
	s.Eventually("Xenia's invitation is sent", func() error { return s.fared("xenia", rosterv1alpha1.InvitationSent) })
	past := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	s.Must(s.Client.Status().Patch(s.Context(), &rosterv1alpha1.Invitation{ObjectMeta: in("xenia")},
		client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"status":{"expiryTime":%q}}`, past))))
	for name, state := range map[string]rosterv1alpha1.InvitationState{
		"carl": rosterv1alpha1.InvitationSent, "dan": rosterv1alpha1.InvitationDeclined, "eve": rosterv1alpha1.InvitationRevoked,
		"xenia": rosterv1alpha1.InvitationExpired, "una": rosterv1alpha1.InvitationUndeliverable,
	} {
		s.Eventually(name+" is "+string(state), func() error { return s.fared(name, state) })
	}
	for _, name := range []string{"carl", "dora"} {
		s.Kept.Links[name] = s.Link(mailOf(name))
	}
}

// secure has Olivia agree to own the organisation and set up every second factor, and then asks new members for one.
func (s *Site) secure() {
	s.Helper()
	b := s.Browser()
	b.SignIn("olivia")
	s.Eventually("Olivia owns Acme", func() error {
		if _, at := b.Send(http.MethodPost, "/organizations/acme/ownership", url.Values{"own": {"yes"}}); s.Organization().Status.OwnerRef == nil {
			return errors.New(at)
		}
		return nil
	})
	page, _ := b.Send(http.MethodGet, "/account/factors/app", nil)
	secret, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(b.find(secretOnPage, page)[0], " ", ""))
	s.Must(err)
	s.Kept.Seed = secret
	page, _ = b.Send(http.MethodPost, "/account/factors/app", url.Values{"seed": {b.find(sealedOnPage, page)[0]}, "code": {s.code(-1)}})
	s.Kept.Codes = b.find(codesOnPage, page)
	page, _ = b.Send(http.MethodGet, "/account/factors/passkey", nil)
	made, err := s.Kept.Key.Create(s.URL(""), b.find(optionsOnPage, page)[0])
	s.Must(err)
	if page, at := b.Send(http.MethodPost, "/account/factors/passkey", url.Values{"name": {"Key"}, "answer": {made}}); at != "/account/factors" {
		s.Fatalf("adding a passkey leads to %s:\n%s", at, page)
	}
	s.Eventually("Olivia is told", func() error {
		if told := s.Account("olivia").Status.Answered(rosterv1alpha1.MailFactorsChanged); told.IsZero() {
			return errors.New("not yet")
		}
		return nil
	})
	s.Patch(s.Organization(), `{"spec":{"security":{"multiFactor":"NewMembers"}}}`)
	s.Eventually("new members are asked for a factor", func() error {
		if s.Organization().Status.MultiFactorSince == nil {
			return errors.New("not yet")
		}
		return nil
	})
}

// Create makes objects.
func (s *Site) Create(objects ...client.Object) {
	s.Helper()
	for _, o := range objects {
		if err := s.Client.Create(s.Context(), o); err != nil {
			s.Fatalf("%T %s: %v", o, o.GetName(), err)
		}
	}
}

// Patch changes an object.
func (s *Site) Patch(o client.Object, patch string) {
	s.Helper()
	s.Must(s.Client.Patch(s.Context(), o, client.RawPatch(types.MergePatchType, []byte(patch))))
}

// connect adds a profile whose tokens end in two days, and waits for the mail about that.
func (s *Site) connect(o metav1.ObjectMeta) {
	s.Helper()
	s.Create(
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "acme-x-tokens"},
			StringData: map[string]string{"access_token": "secret-token", "expires_at": time.Now().Add(47 * time.Hour).UTC().Format(time.RFC3339)},
		},
		&rosterv1alpha1.SocialProfile{ObjectMeta: o, Spec: rosterv1alpha1.SocialProfileSpec{
			Network: "X", Handle: "acme", CredentialsSecretRef: &rosterv1alpha1.LocalReference{Name: "acme-x-tokens"},
			Refresh: rosterv1alpha1.RefreshNever, ResponsibleRef: &rosterv1alpha1.LocalReference{Name: "olivia"},
		}},
	)
	s.Eventually("a mail about the tokens", func() error {
		c := s.Profile().Status.Credential
		if c == nil || c.Notice == nil {
			return fmt.Errorf("none: %+v", s.Profile().Status.Conditions)
		}
		return nil
	})
	// The Secret goes with the profile.
	s.Patch(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "acme-x-tokens"}}, fmt.Sprintf(
		`{"metadata":{"ownerReferences":[{"apiVersion":"roster.dev/v1alpha1","kind":"SocialProfile","name":%q,"uid":%q}]}}`, o.Name, s.Profile().UID))
}

// placeless reports whether the plan has a place for a profile.
func (s *Site) placeless(name string) error {
	p := &rosterv1alpha1.SocialProfile{}
	if err := s.Client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: name}, p); err != nil {
		return err
	}
	if ready := meta.FindStatusCondition(p.Status.Conditions, rosterv1alpha1.ConditionReady); ready == nil || ready.Reason != rosterv1alpha1.ReasonProfileLimit {
		return fmt.Errorf("%s: %+v", name, ready)
	}
	return nil
}

// SignInto leaves what a sign-in of somebody to an application leaves, and returns the document.
func (s *Site) SignInto(name string) string {
	s.Helper()
	of := s.Account(name)
	document := `{"version":1,"grants":[{"id":"of-an-application"}]}`
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"labels": map[string]string{grant.Label: "true"}}, "stringData": map[string]string{grant.Entry: document},
	})
	s.Must(err)
	s.Patch(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: of.Namespace, Name: of.Name}}, string(patch))
	return document
}

// Age makes of an Account and an Invitation what an older Roster made, and of the profile: nothing in them says what is bound to their UIDs.
func (s *Site) Age(holder, invited string) {
	s.Helper()
	old := s.Account(holder)
	secret := &corev1.Secret{}
	s.Must(s.Client.Get(s.Context(), client.ObjectKeyFromObject(old), secret))
	s.Must(errors.Join(s.Client.Delete(s.Context(), secret), s.Client.Delete(s.Context(), old)))
	old = &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Namespace: old.Namespace, Name: old.Name}, Spec: old.Spec}
	old.Spec.CredentialsID = ""
	s.Create(old)
	delete(secret.Data, "credentialsID")
	s.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: old.Namespace, Name: old.Name, OwnerReferences: []metav1.OwnerReference{{
			APIVersion: rosterv1alpha1.GroupVersion.String(), Kind: "Account", Name: old.Name, UID: old.UID, Controller: ptr.To(true),
		}}},
		Type: secret.Type, Data: secret.Data,
	})
	forget := func(o client.Object, field string) {
		s.Must(s.Client.Status().Patch(s.Context(), o, client.RawPatch(types.MergePatchType, []byte(`{"status":`+field+`}`))))
	}
	s.Link(mailOf(invited))
	inv := &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: invited}}
	s.Eventually(invited+" is invited", func() error {
		err := s.Client.Get(s.Context(), client.ObjectKeyFromObject(inv), inv)
		if err == nil && inv.Status.LinkID == "" {
			err = errors.New("not yet")
		}
		return err
	})
	forget(inv, `{"linkID":null}`)
	forget(s.Profile(), `{"credential":{"fingerprintSalt":null}}`)
}
