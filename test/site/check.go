// SPDX-License-Identifier: Apache-2.0

package site

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/testenv"
)

// Deployments are those of a fresh installation, which has keys of its own already.
func (s *Site) Deployments() {
	s.Helper()
	for name, replicas := range map[string]int32{"roster-manager": 1, "roster-portal": 2} {
		labels := map[string]string{"app": name}
		s.Create(&appsv1.Deployment{
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
		s.Create(&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: testenv.SystemNamespace, Name: name},
			Data:       map[string][]byte{keyring.Current: bytes.Repeat([]byte{1}, 32)},
		})
	}
}

// CheckDeployments reports whether manager and portal run as before.
func (s *Site) CheckDeployments() {
	s.Helper()
	for name, replicas := range map[string]int32{"roster-manager": 1, "roster-portal": 2} {
		d := &appsv1.Deployment{}
		s.Must(s.Client.Get(s.Context(), client.ObjectKey{Namespace: testenv.SystemNamespace, Name: name}, d))
		if *d.Spec.Replicas != replicas || d.Generation != 3 {
			s.Errorf("%s: %d replicas after %d changes, want %d after 2", name, *d.Spec.Replicas, d.Generation-1, replicas)
		}
	}
}

// CheckFacts compares what there is with the facts from before, once everything has settled.
func (s *Site) CheckFacts(was string) {
	s.Helper()
	for _, verb := range []string{"publish", "moderate"} {
		s.Eventually("Ben may "+verb, func() error { return s.May(mailOf("ben"), verb, true) })
	}
	s.Eventually("everything is as it was", func() error {
		if is := s.Facts(); is != was {
			return errors.New(cmp.Diff(strings.Split(was, "\n"), strings.Split(is, "\n")))
		}
		return nil
	})
	s.checkOwners()
}

// CheckGone looks for what was deleted.
func (s *Site) CheckGone() {
	s.Helper()
	gone := &rosterv1alpha1.Member{}
	if err := s.Client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "frank"}, gone); !apierrors.IsNotFound(err) {
		s.Errorf("Frank, who was removed, is back: %v", err)
	}
	if _, at := s.Browser().password("frank"); at == "/account" {
		s.Error("the password of an Account that was deleted opens it")
	}
}

// CheckLeftBehind looks for the password that garbage collection had not removed when the backup was made.
func (s *Site) CheckLeftBehind() {
	s.Helper()
	left := &corev1.Secret{}
	key := client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: address.Address(mailOf("frank")).AccountName()}
	if err := s.Client.Get(s.Context(), key, left); !apierrors.IsNotFound(err) {
		s.Errorf("the password of an Account that was deleted is back: %v", err)
	}
}

// checkOwners looks at what belongs to what.
func (s *Site) checkOwners() {
	s.Helper()
	tokens := &corev1.Secret{}
	s.Must(s.Client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "acme-x-tokens"}, tokens))
	if string(tokens.Data["access_token"]) != "secret-token" || len(tokens.OwnerReferences) != 1 || tokens.OwnerReferences[0].UID != s.Profile().UID {
		s.Errorf("the tokens: %v, of %v", tokens.Data, tokens.OwnerReferences)
	}
	dora := &rosterv1alpha1.Invitation{}
	s.Must(s.Client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "dora"}, dora))
	if !metav1.IsControlledBy(dora, s.Member("dora")) {
		s.Errorf("the invitation of Dora belongs to %v, not to her Member", dora.OwnerReferences)
	}
	ns := &corev1.Namespace{}
	s.Must(s.Client.Get(s.Context(), client.ObjectKey{Name: namespace}, ns))
	if ns.Labels["team"] != "social" {
		s.Errorf("labels of the namespace: %v", ns.Labels)
	}
}

// CheckSignIn has people sign in with passwords, an authenticator app, a passkey, and their company.
func (s *Site) CheckSignIn() {
	s.Helper()
	// They joined before factors were asked for.
	for _, name := range []string{"ben", "nora", "sam"} {
		s.Browser().SignIn(name)
	}
	s.checkSecond("code", s.code(0))
	b := s.Browser()
	page, _ := b.Send(http.MethodGet, "/sign-in", nil)
	signed, err := s.Kept.Key.Get(s.URL(""), b.find(optionsOnPage, page)[0])
	s.Must(err)
	if page, at := b.Send(http.MethodPost, "/sign-in/passkey", url.Values{"answer": {signed}}); at != "/account" || !strings.Contains(page, mailOf("olivia")) {
		s.Errorf("Olivia's passkey leads to %s:\n%s", at, page)
	}
	if page, at := s.Browser().SignInByCompany("chloe", "/account"); at != "/account" || !strings.Contains(page, mailOf("chloe")) {
		s.Errorf("Chloe's company leads to %s:\n%s", at, page)
	}
	other := account.Identity{Issuer: s.Company.URL, Subject: "somebody else"}
	if _, _, err := s.Store().Link(s.Context(), s.Account("chloe"), other); !errors.Is(err, account.ErrOtherPerson) {
		s.Errorf("another person of the company: %v", err)
	}
}

// CheckRecoveryCode has Olivia sign in with a recovery code, about which she is mailed, and nobody else.
func (s *Site) CheckRecoveryCode() {
	s.Helper()
	s.CheckNoMail()
	s.checkSecond("recovery", s.Kept.Codes[0])
	s.Eventually("Olivia is mailed", func() error {
		if len(s.Relay.Messages()) == 0 {
			return errors.New("no mail came")
		}
		return nil
	})
	for _, m := range s.Relay.Messages() {
		if !slices.Equal(m.To, []string{mailOf("olivia")}) {
			s.Errorf("mailed to %v", m.To)
		}
	}
}

// checkSecond has Olivia sign in with her password and what comes second.
func (s *Site) checkSecond(what, value string) {
	s.Helper()
	b := s.Browser()
	if page, at := b.password("olivia"); at != "/sign-in/second" {
		s.Fatalf("Olivia's password leads to %s:\n%s", at, page)
	}
	if page, at := b.Send(http.MethodPost, "/sign-in/second", url.Values{what: {value}}); at != "/account" {
		s.Errorf("Olivia's %s leads to %s:\n%s", what, at, page)
	}
}

// CheckLinks uses the links that were mailed before.
func (s *Site) CheckLinks() {
	s.Helper()
	for name, link := range s.Kept.Links {
		s.Accept(name, link)
		s.Active(name)
	}
}

// CheckDeletion deletes an Account, whatever a backup tool made of its Secret, and has another person accept by the address.
func (s *Site) CheckDeletion() {
	s.Helper()
	ben := s.Account("ben")
	secret := &corev1.Secret{}
	s.Must(s.Client.Get(s.Context(), client.ObjectKeyFromObject(ben), secret))
	if !metav1.IsControlledBy(secret, ben) {
		s.Errorf("Ben's Secret belongs to %v", secret.OwnerReferences)
	}
	s.Must(s.Client.Delete(s.Context(), ben))
	s.Eventually("the Account takes its password with it", func() error {
		err := s.Client.Get(s.Context(), client.ObjectKeyFromObject(ben), secret)
		if err == nil {
			err = errors.New("the Secret is still there")
		}
		return client.IgnoreNotFound(err)
	})
	_, _, err := s.Store().Register(s.Context(), address.Address(mailOf("ben")), account.Profile{DisplayName: "Ben", Locale: "en"},
		"another-Password-9", account.Browser{ID: "new"}, time.Now())
	s.Must(err)
	if _, _, err := s.Store().Authenticate(s.Context(), address.Address(mailOf("ben")), password); !errors.Is(err, account.ErrWrongPassword) {
		s.Errorf("the password of the deleted Account: %v, want ErrWrongPassword", err)
	}
}

// CheckNoMail reports mails: nobody should be mailed because of a restore.
func (s *Site) CheckNoMail() {
	s.Helper()
	for _, m := range s.Relay.Messages() {
		s.Errorf("mailed to %v:\n%s", m.To, m.Raw)
	}
}
