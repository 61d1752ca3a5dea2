// SPDX-License-Identifier: Apache-2.0

package account

import (
	"slices"
	"strings"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// companyPrefix begins the methods that are a company's word, not the person's own.
const companyPrefix = "company "

// factorSuffix cannot end the name of an issuer, which has no spaces.
const factorSuffix = " second factor"

// MethodCompany is the sign-in of a company, by the name of its issuer.
func MethodCompany(issuer string) Method { return Method(companyPrefix + issuer) }

// MethodCompanyFactor is a second factor that the platform relies on that issuer to ask for.
func MethodCompanyFactor(issuer string) Method { return Method(companyPrefix + issuer + factorSuffix) }

// isCompany reports whether a method is a company's word.
func (m Method) isCompany() bool { return strings.HasPrefix(string(m), companyPrefix) }

// Admits reports whether somebody has signed in such that it opens that organisation: a company's sign-in opens those that name it, and no
// other, whatever else the person belongs to.
func Admits(policy rosterv1alpha1.SecurityPolicy, s Session) bool {
	ways := policy.SignIn
	if len(ways) == 0 {
		ways = []rosterv1alpha1.SignInMethod{rosterv1alpha1.SignInPassword}
	}
	if slices.Contains(ways, rosterv1alpha1.SignInPassword) && !s.Proved(MethodPassword, MethodPasskeyAlone).IsZero() {
		return true
	}
	return slices.Contains(ways, rosterv1alpha1.SignInSSO) && policy.SSO.Issuer != "" && !s.Proved(MethodCompany(policy.SSO.Issuer)).IsZero()
}

// DemandsFactor reports whether an organisation asks a Member for a second factor. Somebody who has not joined yet is new.
func DemandsFactor(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member) bool {
	switch o.Spec.Security.MultiFactor {
	case rosterv1alpha1.MultiFactorRequired:
		return true
	case rosterv1alpha1.MultiFactorNewMembers:
		joined, since := m.Status.JoinedTime, o.Status.MultiFactorSince
		return joined == nil || since != nil && joined.After(since.Time)
	}
	return false
}

// Satisfies reports whether the second factor that an organisation asks for has been given.
func Satisfies(policy rosterv1alpha1.SecurityPolicy, s Session) bool {
	methods := []Method{MethodApp, MethodRecovery, MethodPasskey, MethodPasskeyAlone}
	if policy.SSO.Issuer != "" {
		methods = append(methods, MethodCompanyFactor(policy.SSO.Issuer))
	}
	return !s.Proved(methods...).IsZero()
}

// Twofold reports whether the person has proved themselves by two factors of their own.
func (s Session) Twofold() bool {
	return !s.Proved(MethodApp, MethodRecovery, MethodPasskey, MethodPasskeyAlone).IsZero()
}

// ByCompany reports whether a company has signed the person in.
func (s Session) ByCompany() bool {
	return slices.ContainsFunc(s.Proofs, func(p Proof) bool { return p.Method.isCompany() })
}

// CompanyAskedForFactor reports whether a company whose second factor the platform relies on has signed the person in.
func (s Session) CompanyAskedForFactor() bool {
	return slices.ContainsFunc(s.Proofs, func(p Proof) bool {
		return p.Method.isCompany() && strings.HasSuffix(string(p.Method), factorSuffix)
	})
}

// Fresh reports whether the person proved themselves so lately that they may do what is sensitive. A company's word is not enough for that,
// nor is an authenticator app that may have been set up on its word: who runs its sign-in could set a password or a passkey, and with it
// see the other organisations that the person belongs to.
func (s Session) Fresh(now time.Time) bool {
	lately := slices.ContainsFunc(s.Proofs, func(p Proof) bool { return !p.Method.isCompany() && now.Before(p.Time.Add(ProofLifetime)) })
	return lately && !s.Proved(MethodPassword, MethodPasskeyAlone).IsZero()
}
