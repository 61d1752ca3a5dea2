// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/application"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/testenv"
)

// deployments are those of a fresh installation, which has keys of its own already.
func (s *site) deployments() {
	s.Helper()
	for name, replicas := range map[string]int32{"roster-manager": 1, "roster-portal": 2} {
		labels := map[string]string{"app": name}
		s.create(&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: name},
			Spec: appsv1.DeploymentSpec{
				Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "roster", Image: "roster.example/" + name}}},
				},
			},
		})
	}
	for _, name := range []string{"roster-link-keys", "roster-factor-keys", "roster-portal-keys"} {
		s.create(&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: name},
			Data:       map[string][]byte{keyring.Current: bytes.Repeat([]byte{1}, 32)},
		})
	}
}

func (s *site) checkDeployments() {
	s.Helper()
	for name, replicas := range map[string]int32{"roster-manager": 1, "roster-portal": 2} {
		d := &appsv1.Deployment{}
		s.must(s.client.Get(s.Context(), client.ObjectKey{Namespace: testenv.SystemNamespace, Name: name}, d))
		if *d.Spec.Replicas != replicas || d.Generation != 3 {
			s.Errorf("%s: %d replicas after %d changes, want %d after 2", name, *d.Spec.Replicas, d.Generation-1, replicas)
		}
	}
}

// facts are what must not be lost, as one text.
func (s *site) facts() string {
	s.Helper()
	var b strings.Builder
	o, p, a := s.organization(), s.profile(), s.account("olivia")
	fmt.Fprintf(&b, "organization: owner %v, since %v, plan %s, factors since %v\n",
		o.Status.OwnerRef, o.Status.OwnerSince, o.Status.Plan.Name, o.Status.MultiFactorSince)
	fmt.Fprintf(&b, "profile: %s, account %s, notice %v, connected by %q\n",
		p.Status.Credential.Fingerprint, p.Status.Credential.AccountID, p.Status.Credential.Notice, p.Spec.ConnectedBy)
	secret := &corev1.Secret{}
	s.must(s.client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "studio-openid"}, secret))
	fmt.Fprintf(&b, "application: %s, counts %v, of the Secret %v\n", s.application().Status.ClientID, s.application().Status.SecretHashes,
		application.HashOf(string(secret.Data[application.KeyClientSecret])))
	fmt.Fprintf(&b, "account: %s, handle %s, mails %v\n", a.Spec.CredentialsID, a.Status.UserHandle, a.Status.MailsSent)
	for _, name := range []string{"olivia", "ben"} {
		m := s.member(name)
		fmt.Fprintf(&b, "%s: %s, %s, joined %v, %v\n", name, m.Status.State, m.Status.Role, m.Status.JoinedTime, m.Status.Profiles)
	}
	var all rosterv1alpha1.InvitationList
	s.must(s.client.List(s.Context(), &all, client.InNamespace(namespace)))
	for _, inv := range all.Items {
		fmt.Fprintf(&b, "invitation %s: %s, %d, by %q, expires %v, led to %v\n",
			inv.Name, inv.Status.State, inv.Status.Attempt, inv.Spec.InvitedBy, inv.Status.ExpiryTime, inv.Status.MemberRef)
	}
	return b.String()
}

func (s *site) checkFacts(was string) {
	s.Helper()
	s.eventually("Ben holds what his Team gives", func() error { return s.may(mailOf("ben"), "publish", true) })
	s.eventually("everything is ready", func() error {
		o, p := s.organization(), s.profile()
		for name, conditions := range map[string][]metav1.Condition{o.Name: o.Status.Conditions, p.Name: p.Status.Conditions} {
			if !meta.IsStatusConditionTrue(conditions, rosterv1alpha1.ConditionReady) {
				return fmt.Errorf("%s: %+v", name, conditions)
			}
		}
		return nil
	})
	if is := s.facts(); is != was {
		s.Errorf("before:\n%s\nafter:\n%s", was, is)
	}
	s.must(s.placeless("a-second"))
	gone := &rosterv1alpha1.Member{}
	if err := s.client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "frank"}, gone); !apierrors.IsNotFound(err) {
		s.Errorf("Frank, who was removed, is back: %v", err)
	}
	left := &corev1.Secret{}
	key := client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: address.Address(mailOf("frank")).AccountName()}
	if err := s.client.Get(s.Context(), key, left); !apierrors.IsNotFound(err) {
		s.Errorf("the password of an Account that was deleted is back: %v", err)
	}
	tokens := &corev1.Secret{}
	s.must(s.client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "acme-x-tokens"}, tokens))
	if string(tokens.Data["access_token"]) != "secret-token" || len(tokens.OwnerReferences) != 1 || tokens.OwnerReferences[0].UID != s.profile().UID {
		s.Errorf("the tokens: %v, of %v", tokens.Data, tokens.OwnerReferences)
	}
	dora := &rosterv1alpha1.Invitation{}
	s.must(s.client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "dora"}, dora))
	if !metav1.IsControlledBy(dora, s.member("dora")) {
		s.Errorf("the invitation of Dora belongs to %v, not to her Member", dora.OwnerReferences)
	}
	ns := &corev1.Namespace{}
	s.must(s.client.Get(s.Context(), client.ObjectKey{Name: namespace}, ns))
	if ns.Labels["team"] != "social" {
		s.Errorf("labels of the namespace: %v", ns.Labels)
	}
}

// checkSignIn has Olivia sign in with her password and her app, and Ben with his password alone: he joined before factors were asked for.
func (s *site) checkSignIn() {
	s.Helper()
	b := s.browser()
	if _, at := b.send(http.MethodPost, "/sign-in", url.Values{"login": {mailOf("olivia")}, "password": {password}}); at != "/sign-in/second" {
		s.Fatalf("Olivia's password leads to %s", at)
	}
	code, err := factor.Code(seed, time.Now())
	s.must(err)
	if page, at := b.send(http.MethodPost, "/sign-in/second", url.Values{"code": {code}}); at != "/account" {
		s.Fatalf("the code of Olivia's app leads to %s:\n%s", at, page)
	}
	if _, at := s.browser().send(http.MethodPost, "/sign-in", url.Values{"login": {mailOf("ben")}, "password": {password}}); at != "/account" {
		s.Errorf("Ben's password leads to %s", at)
	}
	c, err := s.store().Credentials(s.Context(), s.account("olivia"))
	s.must(err)
	f, err := account.Factors(s.account("olivia"), c, time.Now())
	if err != nil || len(f.Passkeys) != 1 || string(f.Passkeys[0].ID) != "id" {
		s.Errorf("passkeys %+v, %v", f.Passkeys, err)
	}
	other := account.Identity{Issuer: "Acme", Subject: "somebody else"}
	if _, _, err := s.store().Link(s.Context(), s.account("olivia"), other); !errors.Is(err, account.ErrOtherPerson) {
		s.Errorf("another person of the company: %v", err)
	}
}

// checkLinks uses the links that were mailed before the backup.
func (s *site) checkLinks(links map[string]string) {
	s.Helper()
	for name, link := range links {
		s.accept(name, link)
		s.active(name)
	}
}

// checkDeletion deletes an Account, whatever a backup tool made of its Secret, and has another person accept by the address.
func (s *site) checkDeletion() {
	s.Helper()
	ben := s.account("ben")
	secret := &corev1.Secret{}
	s.must(s.client.Get(s.Context(), client.ObjectKeyFromObject(ben), secret))
	if !metav1.IsControlledBy(secret, ben) {
		s.Errorf("Ben's Secret belongs to %v", secret.OwnerReferences)
	}
	s.must(s.client.Delete(s.Context(), ben))
	_, _, err := s.store().Register(s.Context(), address.Address(mailOf("ben")), account.Profile{DisplayName: "Ben", Locale: "en"},
		"another-Password-9", account.Browser{ID: "new"}, time.Now())
	s.must(err)
	if _, _, err := s.store().Authenticate(s.Context(), address.Address(mailOf("ben")), password); !errors.Is(err, account.ErrWrongPassword) {
		s.Errorf("the password of the deleted Account: %v, want ErrWrongPassword", err)
	}
}

// checkNoMail: nobody was mailed because of the restore.
func (s *site) checkNoMail() {
	s.Helper()
	for _, m := range s.relay.Messages() {
		s.Errorf("mailed to %v:\n%s", m.To, m.Raw)
	}
}
