// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/openid/grant"
	"github.com/roster-dev/roster/internal/openid/signing"
	"github.com/roster-dev/roster/internal/testenv"
)

const (
	namespace = "acme"
	password  = "Correct-horse-battery-9"
)

func mailOf(name string) string { return name + "@acme.example" }

// seed is that of Olivia's authenticator app.
var seed = factor.NewSeed()

// startX is the network X, which takes every token.
func startX(t *testing.T) *httptest.Server {
	t.Helper()
	x := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"data":{"id":"4711","username":"acme","name":"Acme"}}`))
	}))
	t.Cleanup(x.Close)
	return x
}

func TestRestore(t *testing.T) {
	x := startX(t)
	before := newSite(t, x)
	before.start()
	before.fill()
	before.age("ben", "carl")
	before.provider("olivia")
	was := before.facts()
	links := map[string]string{"carl": before.link(mailOf("carl")), "dora": before.link(mailOf("dora"))}
	all, acme := filepath.Join(t.TempDir(), "all.yaml"), filepath.Join(t.TempDir(), "acme.yaml")
	for _, args := range [][]string{{"backup", all, "--all"}, {"backup", acme, "-n", namespace}} {
		said, err := before.plugin(args...)
		t.Log(said)
		before.must(err)
	}
	before.stop()
	for _, file := range []string{all, acme} {
		saved, err := os.ReadFile(file)
		before.must(err)
		for _, not := range []string{"roster-openid-keys", grant.Label, grant.Entry + ": Z3JhbnRz"} {
			if bytes.Contains(saved, []byte(not)) {
				t.Errorf("%s has %s: what was withdrawn or has ended would come back", file, not)
			}
		}
	}
	if info, err := os.Stat(all); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with secrets is %v, %v", info.Mode(), err)
	}
	if said, err := before.plugin("backup", all, "--all"); err == nil {
		t.Errorf("a backup was overwritten: %s", said)
	}
	t.Run("installation", func(t *testing.T) { restoreInstallation(newSite(t, x), all, was, links) })
	t.Run("organization", func(t *testing.T) { restoreOrganization(newSite(t, x), acme) })
}

// restoreInstallation brings everything back into a fresh installation, in several attempts.
func restoreInstallation(after *site, file, was string, links map[string]string) {
	after.deployments()
	for _, cut := range []struct {
		method string
		nth    int32
	}{{http.MethodPost, 1}, {http.MethodPost, 5}, {http.MethodPost, 12}, {http.MethodPut, 4}, {http.MethodPatch, 3}} {
		said, err := after.cutShort(cut.method, cut.nth, "restore", file)
		after.Log(said)
		if err == nil || !strings.Contains(said, "run it again with the same file") {
			after.Errorf("a restore that was cut short at %v: %v\n%s", cut, err, said)
		}
	}
	said, err := after.plugin("restore", file)
	after.Log(said)
	after.must(err)
	after.checkDeployments()
	after.start()
	after.checkFacts(was)
	after.checkRights()
	after.checkSignIn()
	after.checkLinks(links)
	after.checkDeletion()
	after.checkNoMail()
	if said, err := after.plugin("restore", file); err == nil || !strings.Contains(said, "these exist and differ from what was saved") {
		after.Errorf("a restore over what has happened since: %v\n%s", err, said)
	}
}

// restoreOrganization brings an organisation back in another installation, changes it there, and brings it back once more.
func restoreOrganization(after *site, file string) {
	plan := &rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "team"}, Spec: rosterv1alpha1.PlanSpec{
		DisplayName: "Team", Seats: ptr.To[int32](6), SocialProfiles: ptr.To[int32](1), Contact: "platform@acme.example",
		Features: []rosterv1alpha1.Feature{rosterv1alpha1.FeatureCustomRoles, rosterv1alpha1.FeatureWorkspaces},
	}}
	after.create(plan)
	if said, err := after.plugin("restore", file); err == nil || !strings.Contains(said, "there is no Deployment roster-manager in roster-system to stop") {
		after.Fatalf("a restore while manager and portal may run: %v\n%s", err, said)
	}
	said, err := after.plugin("restore", file, "--stopped")
	after.Log(said)
	after.must(err)
	after.start()
	after.eventually("Ben holds what his Team gives", func() error { return after.may(mailOf("ben"), "publish", true) })
	if _, at := after.browser().send(http.MethodPost, "/sign-in", url.Values{"login": {mailOf("ben")}, "password": {password}}); at != "/account" {
		after.Errorf("Ben's password leads to %s", at)
	}
	after.checkNoMail()
	after.stop()
	was := after.facts()
	after.patch(after.organization(), `{"spec":{"displayName":"Other"}}`)
	after.patch(after.account("ben"), `{"spec":{"displayName":"Benjamin"}}`)
	said, err = after.plugin("restore", file)
	if err == nil || !strings.Contains(said, "Organization acme/acme") || strings.Contains(said, "Account") {
		after.Fatalf("a restore over another name: %v\n%s", err, said)
	}
	said, err = after.plugin("restore", file, "--overwrite", "--stopped")
	after.Log(said)
	after.must(err)
	if name := after.organization().Spec.DisplayName; name != "Acme Social" {
		after.Errorf("the organisation is called %s after the restore", name)
	}
	if name := after.account("ben").Spec.DisplayName; name != "Benjamin" {
		after.Errorf("the Account of a person was overwritten: %s", name)
	}
	if is := after.facts(); is != was {
		after.Errorf("before:\n%s\nafter:\n%s", was, is)
	}
}

// fill makes an organisation that has everything.
func (s *site) fill() {
	s.Helper()
	s.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{"team": "social"}}})
	in := metav1.ObjectMeta{Namespace: namespace}
	named := func(name string) metav1.ObjectMeta { o := in; o.Name = name; return o }
	s.create(
		&rbacv1.RoleBinding{
			ObjectMeta: named("roster-credentials"),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-credentials"},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: testenv.SystemNamespace, Name: "roster-manager"}},
		},
		&rosterv1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "team"}, Spec: rosterv1alpha1.PlanSpec{DisplayName: "Team", Seats: ptr.To[int32](6), SocialProfiles: ptr.To[int32](1), Contact: "platform@acme.example",
			Features: []rosterv1alpha1.Feature{rosterv1alpha1.FeatureCustomRoles, rosterv1alpha1.FeatureWorkspaces}}},
		&rosterv1alpha1.CustomRole{ObjectMeta: named("publisher"), Spec: rosterv1alpha1.CustomRoleSpec{
			Scope: "Profile", Permissions: []rosterv1alpha1.RolePermission{"publish"},
		}},
		&rosterv1alpha1.Organization{ObjectMeta: named("acme"), Spec: rosterv1alpha1.OrganizationSpec{
			DisplayName: "Acme Social", PlanRef: &rosterv1alpha1.LocalReference{Name: "team"},
			OwnerRef: &rosterv1alpha1.LocalReference{Name: "olivia"},
		}},
		&rosterv1alpha1.Member{ObjectMeta: named("olivia"), Spec: rosterv1alpha1.MemberSpec{Email: mailOf("olivia")}},
		&rosterv1alpha1.Invitation{ObjectMeta: named("ben"), Spec: rosterv1alpha1.InvitationSpec{Email: mailOf("ben")}},
		&rosterv1alpha1.Invitation{ObjectMeta: named("frank"), Spec: rosterv1alpha1.InvitationSpec{Email: mailOf("frank")}},
		&rosterv1alpha1.Application{ObjectMeta: named("studio"), Spec: rosterv1alpha1.ApplicationSpec{
			RedirectURIs: []string{"https://studio.acme.example/callback"},
		}},
	)
	s.eventually("the tool has a client secret", func() error {
		if hashes := s.application().Status.SecretHashes; len(hashes) != 1 {
			return fmt.Errorf("%+v", hashes)
		}
		return nil
	})
	for _, name := range []string{"olivia", "ben", "frank"} {
		s.accept(name, s.link(mailOf(name)))
		s.active(name)
	}
	// Frank is removed, and his account, whose password somebody else kept from being removed.
	s.must(s.client.Delete(s.Context(), &rosterv1alpha1.Member{ObjectMeta: named("frank")}))
	s.must(s.client.Delete(s.Context(), s.account("frank")))
	s.secure()
	s.connect(named("acme-x"))
	connected := time.Now().Truncate(time.Second)
	s.eventually("the next profile is younger: times of creation have seconds", func() error {
		if !time.Now().Truncate(time.Second).After(connected) {
			return errors.New("it is the same second")
		}
		return nil
	})
	s.create(&rosterv1alpha1.SocialProfile{ObjectMeta: named("a-second"), Spec: rosterv1alpha1.SocialProfileSpec{Network: "X", Handle: "second"}})
	s.eventually("the second profile has no place in the plan", func() error { return s.placeless("a-second") })
	s.create(
		&rosterv1alpha1.Workspace{ObjectMeta: named("europe"), Spec: rosterv1alpha1.WorkspaceSpec{Profiles: []string{"acme-x"}}},
		&rosterv1alpha1.Team{ObjectMeta: named("writers"), Spec: rosterv1alpha1.TeamSpec{
			Members: []string{"ben"}, Profiles: []string{"acme-x"}, Role: "publisher",
		}},
		// Carl is invited, Dora declared; both have mail and have not answered. Eve was invited and the invitation is revoked.
		&rosterv1alpha1.Invitation{ObjectMeta: named("carl"), Spec: rosterv1alpha1.InvitationSpec{Email: mailOf("carl")}},
		&rosterv1alpha1.Member{ObjectMeta: named("dora"), Spec: rosterv1alpha1.MemberSpec{Email: mailOf("dora")}},
		&rosterv1alpha1.Invitation{ObjectMeta: named("eve"), Spec: rosterv1alpha1.InvitationSpec{Email: mailOf("eve")}},
	)
	s.link(mailOf("eve"))
	s.patch(&rosterv1alpha1.Invitation{ObjectMeta: named("eve")}, `{"spec":{"revoked":true}}`)
	s.eventually("Ben may publish", func() error { return s.may(mailOf("ben"), "publish", true) })
	s.create(append(saved(), notSaved()...)...)
}

func (s *site) create(objects ...client.Object) {
	s.Helper()
	for _, o := range objects {
		if err := s.client.Create(s.Context(), o); err != nil {
			s.Fatalf("%T %s: %v", o, o.GetName(), err)
		}
	}
}

func (s *site) patch(o client.Object, patch string) {
	s.Helper()
	s.must(s.client.Patch(s.Context(), o, client.RawPatch(types.MergePatchType, []byte(patch))))
}

// connect adds a profile whose tokens end in two days, and waits for the mail about that.
func (s *site) connect(o metav1.ObjectMeta) {
	s.Helper()
	s.create(
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "acme-x-tokens"},
			StringData: map[string]string{"access_token": "secret-token", "expires_at": time.Now().Add(47 * time.Hour).UTC().Format(time.RFC3339)},
		},
		&rosterv1alpha1.SocialProfile{ObjectMeta: o, Spec: rosterv1alpha1.SocialProfileSpec{
			Network: "X", Handle: "acme", CredentialsSecretRef: &rosterv1alpha1.LocalReference{Name: "acme-x-tokens"},
			Refresh: rosterv1alpha1.RefreshNever, ResponsibleRef: &rosterv1alpha1.LocalReference{Name: "olivia"},
		}},
	)
	s.eventually("a mail about the tokens", func() error {
		c := s.profile().Status.Credential
		if c == nil || c.Notice == nil {
			return fmt.Errorf("none: %+v", s.profile().Status.Conditions)
		}
		return nil
	})
	// The Secret goes with the profile.
	s.patch(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "acme-x-tokens"}}, fmt.Sprintf(
		`{"metadata":{"ownerReferences":[{"apiVersion":"roster.dev/v1alpha1","kind":"SocialProfile","name":%q,"uid":%q}]}}`, o.Name, s.profile().UID))
}

// placeless reports whether the plan has a place for a profile.
func (s *site) placeless(name string) error {
	p := &rosterv1alpha1.SocialProfile{}
	if err := s.client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: name}, p); err != nil {
		return err
	}
	if ready := meta.FindStatusCondition(p.Status.Conditions, rosterv1alpha1.ConditionReady); ready == nil || ready.Reason != rosterv1alpha1.ReasonProfileLimit {
		return fmt.Errorf("%s: %+v", name, ready)
	}
	return nil
}

// secure gives Olivia every second factor and the sign-in of her company, and then asks new members for one.
func (s *site) secure() {
	s.Helper()
	store, olivia, now := s.store(), s.account("olivia"), time.Now()
	_, err := store.SetApp(s.Context(), olivia, s.seals(), seed, factor.Step(now)-2, now)
	s.must(err)
	_, err = store.AddPasskey(s.Context(), olivia, bytes.Repeat([]byte{7}, factor.HandleLen), factor.Passkey{Name: "Key", ID: []byte("id"), PublicKey: []byte("k"), Added: now}, now)
	s.must(err)
	_, _, err = store.Link(s.Context(), olivia, account.Identity{Issuer: "Acme", Subject: "olivia", Linked: now})
	s.must(err)
	s.must(store.NoteFactors(s.Context(), olivia, now))
	s.eventually("Olivia is told", func() error {
		if told := s.account("olivia").Status.Answered(rosterv1alpha1.MailFactorsChanged); told.IsZero() {
			return errors.New("not yet")
		}
		return nil
	})
	s.patch(s.organization(), `{"spec":{"security":{"multiFactor":"NewMembers"}}}`)
	s.eventually("new members are asked for a factor", func() error {
		if s.organization().Status.MultiFactorSince == nil {
			return errors.New("not yet")
		}
		return nil
	})
}

// age makes of an Account and an Invitation what an older Roster made, and of the profile: nothing in them says what is bound to their UIDs.
func (s *site) age(holder, invited string) {
	s.Helper()
	old := s.account(holder)
	secret := &corev1.Secret{}
	s.must(s.client.Get(s.Context(), client.ObjectKeyFromObject(old), secret))
	s.must(errors.Join(s.client.Delete(s.Context(), secret), s.client.Delete(s.Context(), old)))
	old = &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Namespace: old.Namespace, Name: old.Name}, Spec: old.Spec}
	old.Spec.CredentialsID = ""
	s.create(old)
	delete(secret.Data, "credentialsID")
	s.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: old.Namespace, Name: old.Name, OwnerReferences: []metav1.OwnerReference{{
			APIVersion: rosterv1alpha1.GroupVersion.String(), Kind: "Account", Name: old.Name, UID: old.UID, Controller: ptr.To(true),
		}}},
		Type: secret.Type, Data: secret.Data,
	})
	forget := func(o client.Object, field string) {
		s.must(s.client.Status().Patch(s.Context(), o, client.RawPatch(types.MergePatchType, []byte(`{"status":`+field+`}`))))
	}
	s.link(mailOf(invited))
	inv := &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: invited}}
	s.eventually(invited+" is invited", func() error {
		err := s.client.Get(s.Context(), client.ObjectKeyFromObject(inv), inv)
		if err == nil && inv.Status.LinkID == "" {
			err = errors.New("not yet")
		}
		return err
	})
	forget(inv, `{"linkID":null}`)
	forget(s.profile(), `{"credential":{"fingerprintSalt":null}}`)
}

// provider is what an OpenID provider leaves: keys that sign tokens, and somebody's sign-in to an application.
func (s *site) provider(name string) {
	s.Helper()
	key := metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: "roster-openid-keys"}
	s.create(&corev1.Secret{ObjectMeta: key, Type: signing.SecretType, StringData: map[string]string{"key": "secret"}})
	of := s.account(name)
	s.patch(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: of.Namespace, Name: of.Name}},
		`{"metadata":{"labels":{"`+grant.Label+`":"true"}},"stringData":{"`+grant.Entry+`":"grants"}}`)
}

func (s *site) store() *account.Store {
	s.Helper()
	hasher, err := account.NewHasher(account.HasherOptions{})
	s.must(err)
	return account.NewStore(s.client, account.ClusterSecrets{Client: s.client}, hasher)
}

// seals are the keys that the portal seals seeds with.
func (s *site) seals() keyring.Keys {
	s.Helper()
	secret := &corev1.Secret{}
	s.must(s.client.Get(s.Context(), client.ObjectKey{Namespace: testenv.SystemNamespace, Name: "roster-factor-keys"}, secret))
	keys, err := keyring.FromSecret(secret)
	s.must(err)
	return keys
}

func (s *site) account(name string) *rosterv1alpha1.Account {
	s.Helper()
	a, _, err := s.store().Find(s.Context(), address.Address(mailOf(name)))
	s.must(err)
	return a
}

func (s *site) member(name string) *rosterv1alpha1.Member {
	s.Helper()
	m := &rosterv1alpha1.Member{}
	s.must(s.client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: name}, m))
	return m
}

func (s *site) profile() *rosterv1alpha1.SocialProfile {
	s.Helper()
	p := &rosterv1alpha1.SocialProfile{}
	s.must(s.client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "acme-x"}, p))
	return p
}

func (s *site) application() *rosterv1alpha1.Application {
	s.Helper()
	a := &rosterv1alpha1.Application{}
	s.must(s.client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "studio"}, a))
	return a
}

func (s *site) organization() *rosterv1alpha1.Organization {
	s.Helper()
	o := &rosterv1alpha1.Organization{}
	s.must(s.client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "acme"}, o))
	return o
}

// accept chooses a password by a link.
func (s *site) accept(name, token string) {
	s.Helper()
	s.eventually("the portal knows the link that was mailed to "+name, func() error {
		page, _ := s.browser().send(http.MethodPost, "/invitations/"+token, url.Values{
			"action": {"accept"}, "displayName": {name}, "locale": {"en"}, "password": {password}, "confirm": {password},
		})
		if strings.Contains(page, "Your invitation is being prepared") {
			return errors.New("it does not yet")
		}
		if !strings.Contains(page, "Welcome to Acme Social") {
			s.Fatalf("%s accepts and sees:\n%s", name, page)
		}
		return nil
	})
}

func (s *site) active(name string) {
	s.Helper()
	s.eventually(name+" is a member", func() error {
		m := &rosterv1alpha1.Member{}
		err := s.client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: name}, m)
		if err == nil && m.Status.State != rosterv1alpha1.MemberActive {
			err = fmt.Errorf("%s", m.Status.State)
		}
		return err
	})
}

// may asks the API server as tools do, and reports whether the answer is another one than that.
func (s *site) may(user, verb string, want bool) error {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: verb, Group: "roster.dev", Resource: "socialprofiles", Name: "acme-x",
		},
	}}
	err := s.client.Create(s.Context(), review)
	if err == nil && review.Status.Allowed != want {
		err = fmt.Errorf("%s may %s: %v", user, verb, review.Status.Allowed)
	}
	return err
}
