// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
)

// affected is who and what a change can concern.
type affected struct {
	// Active is how many people are active.
	Active int
	// Factorless is how many of them have no second factor, and FactorUnknown of how many that is not known.
	Factorless, FactorUnknown int
	// Invited are the addresses of open invitations.
	Invited []string
	// Teamless is how many profiles no team works on.
	Teamless int
	// Session is that of the person who changes the settings.
	Session account.Session
}

// waysOf are the ways to sign in that open the organisation's pages.
func waysOf(s rosterv1alpha1.SecurityPolicy) []rosterv1alpha1.SignInMethod {
	if len(s.SignIn) == 0 {
		return []rosterv1alpha1.SignInMethod{rosterv1alpha1.SignInPassword}
	}
	return s.SignIn
}

// meaning says what a change keeps people from, in sentences; nothing where it keeps nobody from anything.
func meaning(w web.Words, before, after *rosterv1alpha1.OrganizationSpec, who affected) []string {
	var lines []string
	say := func(when bool, text func() string) {
		if when {
			lines = append(lines, text())
		}
	}
	was, is := cmp.Or(before.Security.MultiFactor, rosterv1alpha1.MultiFactorOptional), after.Security.MultiFactor
	say(is == rosterv1alpha1.MultiFactorRequired && was != is, func() string { return required(w, who) })
	say(is == rosterv1alpha1.MultiFactorNewMembers && was == rosterv1alpha1.MultiFactorOptional, func() string {
		return w.T("settings.meaning.newMembers")
	})
	lost := func(m rosterv1alpha1.SignInMethod) bool {
		return slices.Contains(waysOf(before.Security), m) && !slices.Contains(waysOf(after.Security), m)
	}
	say(lost(rosterv1alpha1.SignInPassword), func() string { return w.N("settings.meaning.noPassword", who.Active) })
	say(lost(rosterv1alpha1.SignInSSO), func() string { return w.T("settings.meaning.noSSO", "Issuer", before.Security.SSO.Issuer) })
	issuer := after.Security.SSO.Issuer
	say(issuer != before.Security.SSO.Issuer && slices.Contains(waysOf(after.Security), rosterv1alpha1.SignInSSO), func() string {
		return w.T("settings.meaning.issuer", "Issuer", issuer)
	})
	say(account.Admits(before.Security, who.Session) && !account.Admits(after.Security, who.Session), func() string {
		return w.T("settings.meaning.yourself")
	})
	owner := rosterv1alpha1.InvitersOwner
	say(after.Invitations.AllowedFor == owner && before.Invitations.AllowedFor != owner, func() string {
		return w.T("settings.meaning.ownerInvites")
	})
	if n := shutOut(before.Invitations.AllowedDomains, after.Invitations.AllowedDomains, who.Invited); n > 0 {
		lines = append(lines, w.N("settings.meaning.domains", n))
	}
	say(ptr.Deref(after.RequireTeam, false) && !ptr.Deref(before.RequireTeam, false) && who.Teamless > 0, func() string {
		return w.N("settings.meaning.requireTeam", who.Teamless)
	})
	return lines
}

// required says whom a second factor is asked for, and how many of them have none yet.
func required(w web.Words, who affected) string {
	text := w.N("settings.meaning.required", who.Active)
	switch {
	case who.Factorless > 0:
		text += " " + w.N("settings.meaning.factorless", who.Factorless)
	case who.FactorUnknown == 0:
		return text + " " + w.N("settings.meaning.factors", who.Active)
	}
	if who.FactorUnknown > 0 {
		text += " " + w.N("settings.meaning.factorUnknown", who.FactorUnknown)
	}
	return text + " " + w.T("settings.meaning.enrol")
}

// shutOut is how many addresses were allowed before and are not after.
func shutOut(before, after, addresses []string) int {
	n := 0
	for _, a := range addresses {
		if allows(before, a) && !allows(after, a) {
			n++
		}
	}
	return n
}

func allows(domains []string, of string) bool {
	_, domain, _ := strings.Cut(strings.ToLower(of), "@")
	return len(domains) == 0 || slices.Contains(domains, domain)
}

// wrong is what is the matter with what a section sets; empty for nothing.
func wrong(w web.Words, section string, o *rosterv1alpha1.Organization) string {
	resolved := meta.FindStatusCondition(o.Status.Conditions, rosterv1alpha1.ConditionIssuerResolved)
	if section == sectionSignIn && resolved != nil && resolved.Reason == rosterv1alpha1.ReasonIssuerNotFound {
		return w.T("settings.wrong.issuer", "Issuer", o.Spec.Security.SSO.Issuer)
	}
	return ""
}
