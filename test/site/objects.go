// SPDX-License-Identifier: Apache-2.0

package site

import (
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
)

// Store keeps Accounts, as the portal does.
func (s *Site) Store() *account.Store {
	s.Helper()
	hasher, err := account.NewHasher(account.HasherOptions{})
	s.Must(err)
	return account.NewStore(s.Client, account.ClusterSecrets{Client: s.Client}, hasher)
}

// Account is that of somebody.
func (s *Site) Account(name string) *rosterv1alpha1.Account {
	s.Helper()
	a, _, err := s.Store().Find(s.Context(), address.Address(mailOf(name)))
	s.Must(err)
	return a
}

// Member is somebody in Acme.
func (s *Site) Member(name string) *rosterv1alpha1.Member {
	s.Helper()
	m := &rosterv1alpha1.Member{}
	s.Must(s.Client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: name}, m))
	return m
}

// Profile is the one with tokens.
func (s *Site) Profile() *rosterv1alpha1.SocialProfile {
	s.Helper()
	p := &rosterv1alpha1.SocialProfile{}
	s.Must(s.Client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "acme-x"}, p))
	return p
}

// Organization is Acme.
func (s *Site) Organization() *rosterv1alpha1.Organization {
	s.Helper()
	o := &rosterv1alpha1.Organization{}
	s.Must(s.Client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: "acme"}, o))
	return o
}

// Active waits until somebody is a member.
func (s *Site) Active(name string) {
	s.Helper()
	s.Eventually(name+" is a member", func() error { return s.state(namespace, name, rosterv1alpha1.MemberActive) })
}

func (s *Site) state(namespace, name string, want rosterv1alpha1.MemberState) error {
	m := &rosterv1alpha1.Member{}
	err := s.Client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: name}, m)
	if err == nil && m.Status.State != want {
		err = fmt.Errorf("%s: %+v", m.Status.State, m.Status.Conditions)
	}
	return err
}

// fared reports whether an invitation is in a state.
func (s *Site) fared(name string, want rosterv1alpha1.InvitationState) error {
	inv := &rosterv1alpha1.Invitation{}
	err := s.Client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: name}, inv)
	if err == nil && inv.Status.State != want {
		err = fmt.Errorf("%s: %+v", inv.Status.State, inv.Status.Conditions)
	}
	return err
}

// May asks the API server as tools do, and reports whether the answer is another one than that.
func (s *Site) May(user, verb string, want bool) error {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: verb, Group: "roster.dev", Resource: "socialprofiles", Name: "acme-x",
		},
	}}
	err := s.Client.Create(s.Context(), review)
	if err == nil && review.Status.Allowed != want {
		err = fmt.Errorf("%s may %s: %v", user, verb, review.Status.Allowed)
	}
	return err
}
