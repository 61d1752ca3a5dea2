// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"slices"
	"strings"
	"testing"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
)

func TestSubjects(t *testing.T) {
	of := func(id string) *rosterv1alpha1.Account {
		return &rosterv1alpha1.Account{Spec: rosterv1alpha1.AccountSpec{CredentialsID: id}}
	}
	const zoe = "3f0c2f9e-1111-4222-8333-944444444444"
	if got := Subject(of(zoe), ""); got != "4P7KOcw1rRUqtnP4A0lJqNDJIoZLw70SeWym7xglLIw" {
		t.Errorf("%s: tools know people by it, so it must stay what it is", got)
	}
	all := []string{Subject(of(zoe), ""), Subject(of(zoe), "acme"), Subject(of(zoe), "beta"), Subject(of("other"), ""), Subject(of("other"), "acme")}
	for i, s := range all {
		if slices.Index(all, s) != i || strings.Contains(s, zoe) {
			t.Errorf("%v: two are the same, or tell the ID of the credentials", all)
		}
	}
}

func TestHowSomebodySignedIn(t *testing.T) {
	const company = "https://id.acme.example"
	for _, c := range []struct {
		proofs []account.Method
		amr    string
		acr    string
	}{
		{[]account.Method{account.MethodPassword}, "pwd", ClassOneFactor},
		{[]account.Method{account.MethodPassword, account.MethodApp}, "pwd otp mfa", ClassTwoFactors},
		{[]account.Method{account.MethodPassword, account.MethodRecovery}, "pwd otp mfa", ClassTwoFactors},
		{[]account.Method{account.MethodPassword, account.MethodPasskey}, "pwd hwk mfa", ClassPhishingResistant},
		{[]account.Method{account.MethodPasskeyAlone}, "hwk mfa", ClassPhishingResistant},
		{[]account.Method{account.MethodCompany(company)}, "fed", ClassOneFactor},
		{[]account.Method{account.MethodCompany(company), account.MethodCompanyFactor(company)}, "fed mfa", ClassTwoFactors},
	} {
		var s account.Session
		for _, m := range c.proofs {
			s.Prove(m, time.Unix(1, 0))
		}
		if amr, acr := strings.Join(Methods(s), " "), Class(s); amr != c.amr || acr != c.acr {
			t.Errorf("%v: %q, %q, want %q, %q", c.proofs, amr, acr, c.amr, c.acr)
		}
	}
}

func TestUnknownScopesArePassedOver(t *testing.T) {
	got := strings.Join(KnownScopes([]string{"email", "phone", "openid", "email", "admin"}), " ")
	if got != "openid email" {
		t.Error(got)
	}
}
