// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/membership"
)

// subjectUse keeps subjects apart from whatever else may be derived from the ID of credentials one day.
const subjectUse = "roster.dev openid subject v1\x00"

// Subject is what tokens call a person, for as long as they have their Account, whatever becomes of its address and name. With a namespace
// it is another one in each organisation (pairwise, OpenID Connect Core 1.0, 8.1). The key is the ID of the person's credentials, which is
// random and told to nobody: so the subject tells nothing, and needs no key that could be lost.
func Subject(of *rosterv1alpha1.Account, namespace string) string {
	mac := hmac.New(sha256.New, []byte(account.ID(of)))
	mac.Write([]byte(subjectUse + namespace))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Authentication methods (RFC 8176, 2).
const (
	amrPassword = "pwd"
	amrCode     = "otp"
	amrKey      = "hwk"
	amrFactors  = "mfa"
	// amrFederated is no registered value: a company's word, as Microsoft's providers call it.
	amrFederated = "fed"
)

// Methods are how a person proved who they are, for the claim amr.
func Methods(s account.Session) []string {
	var methods []string
	add := func(name string, by ...account.Method) {
		if !s.Proved(by...).IsZero() {
			methods = append(methods, name)
		}
	}
	add(amrPassword, account.MethodPassword)
	add(amrCode, account.MethodApp, account.MethodRecovery)
	add(amrKey, account.MethodPasskey, account.MethodPasskeyAlone)
	if s.ByCompany() {
		methods = append(methods, amrFederated)
	}
	if s.Twofold() || s.CompanyAskedForFactor() {
		methods = append(methods, amrFactors)
	}
	return methods
}

// Context classes, for the claim acr and the parameter acr_values: those of OpenID Connect Extended Authentication Profile (EAP) ACR Values
// 1.0, which tools know, and a class of Roster's for two factors of any kind.
const (
	// ClassPhishingResistant: the person used a passkey.
	ClassPhishingResistant = "phr"
	// ClassTwoFactors: the person proved themselves by two factors.
	ClassTwoFactors = "mfa"
	// ClassOneFactor: the person proved themselves by one.
	ClassOneFactor = "1fa"
)

// Class is how well a person has proved who they are.
func Class(s account.Session) string {
	switch {
	case !s.Proved(account.MethodPasskey, account.MethodPasskeyAlone).IsZero():
		return ClassPhishingResistant
	case s.Twofold() || s.CompanyAskedForFactor():
		return ClassTwoFactors
	}
	return ClassOneFactor
}

// Scopes that can be asked for. Others are passed over, as OpenID Connect Core 1.0 (3.1.2.1) has it.
const (
	ScopeOpenID       = "openid"
	ScopeProfile      = "profile"
	ScopeEmail        = "email"
	ScopeOffline      = "offline_access"
	ScopeOrganization = "organization"
)

// Scopes are all of them.
func Scopes() []string {
	return []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeOffline, ScopeOrganization}
}

// KnownScopes are those of a list that can be asked for, each once, in the order of Scopes.
func KnownScopes(asked []string) []string {
	wanted := " " + strings.Join(asked, " ") + " "
	var known []string
	for _, scope := range Scopes() {
		if strings.Contains(wanted, " "+scope+" ") {
			known = append(known, scope)
		}
	}
	return known
}

// Claims are all that tokens can have.
func Claims() []string {
	return []string{
		"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "c_hash", "sid",
		"email", "email_verified", "name", "locale", "organization", "role", "teams", "groups",
	}
}

// InOrganization are the claims of ScopeOrganization: what a person is in the organisation that a token speaks of. Nothing is said of
// others.
func InOrganization(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member) map[string]any {
	role, teams := string(membership.RoleOf(o, m)), slices.Clone(m.Status.Teams)
	if teams == nil {
		teams = []string{}
	}
	groups := []string{"role:" + role}
	for _, team := range teams {
		groups = append(groups, "team:"+team)
	}
	return map[string]any{
		"organization": map[string]string{"id": o.Namespace, "name": o.Spec.DisplayName}, "role": role, "teams": teams, "groups": groups,
	}
}
