// SPDX-License-Identifier: Apache-2.0

// Package compact has the objects in a cache take less memory. What they say stays the same: texts that many objects have are kept once,
// and slices are as long as what they hold.
package compact

import (
	"slices"
	"unique"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Object makes an object smaller, in place, before others see it.
func Object(o any) {
	object, err := meta.Accessor(o)
	if err != nil {
		return // a note that one is gone
	}
	object.SetNamespace(shared(object.GetNamespace()))
	switch o := o.(type) {
	case *rosterv1alpha1.Member:
		member(o)
	case *rosterv1alpha1.Account:
		account(o)
	case *rosterv1alpha1.Invitation:
		invitation(o)
	case *rosterv1alpha1.SocialProfile:
		profile(o)
	case *rbacv1.RoleBinding:
		o.Subjects = subjects(o.Subjects)
	}
}

func member(m *rosterv1alpha1.Member) {
	kind(&m.TypeMeta)
	text(&m.Spec.Company, &m.Spec.InvitedBy, &m.Status.Role)
	text(&m.Spec.Role)
	text(&m.Status.State)
	m.Spec.Profiles, m.Status.Profiles = grants(m.Spec.Profiles), grants(m.Status.Profiles)
	m.Spec.Workspaces = slices.Clone(m.Spec.Workspaces)
	for i := range m.Spec.Workspaces {
		text(&m.Spec.Workspaces[i].Name)
		text(&m.Spec.Workspaces[i].Role)
	}
	texts(m.Status.Teams, m.Status.Workspaces)
	m.Status.Conditions = conditions(m.Status.Conditions)
	if m.Status.Email == m.Spec.Email {
		m.Status.Email = m.Spec.Email
	}
	if m.Status.DisplayName == m.Spec.DisplayName {
		m.Status.DisplayName = m.Spec.DisplayName
	}
}

func account(a *rosterv1alpha1.Account) {
	kind(&a.TypeMeta)
	text(&a.Spec.Company)
	text(&a.Spec.Locale)
	text(&a.Spec.Avatar)
	for i := range a.Status.Memberships {
		text(&a.Status.Memberships[i].Namespace, &a.Status.Memberships[i].Organization)
	}
	for _, mails := range [][]rosterv1alpha1.AccountMail{a.Status.MailRequests, a.Status.MailsSent} {
		for i := range mails {
			text(&mails[i].Topic)
		}
	}
	a.Status.Conditions = conditions(a.Status.Conditions)
}

func invitation(inv *rosterv1alpha1.Invitation) {
	kind(&inv.TypeMeta)
	text(&inv.Spec.InvitedBy, &inv.Spec.Message, &inv.Status.Role)
	text(&inv.Spec.Role)
	text(&inv.Spec.Locale)
	text(&inv.Status.State)
	inv.Spec.Profiles = grants(inv.Spec.Profiles)
	inv.Status.Conditions = conditions(inv.Status.Conditions)
	if inv.Status.Email == inv.Spec.Email {
		inv.Status.Email = inv.Spec.Email
	}
}

func profile(p *rosterv1alpha1.SocialProfile) {
	kind(&p.TypeMeta)
	text(&p.Spec.ConnectedBy, &p.Status.Responsible)
	text(&p.Spec.Network)
	text(&p.Spec.Type)
	text(&p.Spec.Refresh)
	if p.Status.Credential != nil {
		p.Status.Credential.Scopes = slices.Clone(p.Status.Credential.Scopes)
		texts(p.Status.Credential.Scopes)
	}
	p.Status.Conditions = conditions(p.Status.Conditions)
}

func kind(t *metav1.TypeMeta) { text(&t.APIVersion, &t.Kind) }

func grants(all []rosterv1alpha1.ProfileGrant) []rosterv1alpha1.ProfileGrant {
	all = slices.Clone(all)
	for i := range all {
		text(&all[i].Name)
		text(&all[i].Role)
	}
	return all
}

func conditions(all []metav1.Condition) []metav1.Condition {
	all = slices.Clone(all)
	for i := range all {
		text(&all[i].Type, &all[i].Reason, &all[i].Message)
		text(&all[i].Status)
	}
	return all
}

func subjects(all []rbacv1.Subject) []rbacv1.Subject {
	all = slices.Clone(all)
	for i := range all {
		text(&all[i].APIGroup, &all[i].Kind)
	}
	return all
}

func texts(lists ...[]string) {
	for _, list := range lists {
		for i := range list {
			text(&list[i])
		}
	}
}

func text[S ~string](all ...*S) {
	for _, s := range all {
		*s = shared(*s)
	}
}

// shared is the same text, in memory that everybody shares who has it.
func shared[S ~string](s S) S {
	if s == "" {
		return s
	}
	return S(unique.Make(string(s)).Value())
}
