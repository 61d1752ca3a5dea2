// SPDX-License-Identifier: Apache-2.0

package address

import (
	"strings"

	"golang.org/x/net/idna"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Index is the index of a cache that finds Members and Invitations by address.
const Index = "roster.address"

// OfMember is the address of a Member; see Joined.
func OfMember(m *rosterv1alpha1.Member) (Address, error) {
	if ref := m.Spec.AccountRef; ref != nil {
		return Joined(m.Spec.Email, ref.Name)
	}
	return Parse(m.Spec.Email)
}

// IsOf reports whether an Account has the name that belongs to its address, and is of no other form.
func IsOf(a *rosterv1alpha1.Account) bool {
	own, err := Joined(a.Spec.Email, a.Name)
	return err == nil && string(own) == a.Spec.Email && own.AccountName() == a.Name
}

// Joined is the address of somebody who joined with the Account of that name; without one it is Parse. Accounts are named by the normal
// form that counted when they were made. Releases before this one kept characters as they were composed, folded all of Unicode and took
// invisible characters. An Account that such a form has named keeps its person: its address is that form, for as long as it lasts.
func Joined(s, account string) (Address, error) {
	a, err := Parse(s)
	if account == "" || err == nil && a.AccountName() == account {
		return a, err
	}
	if old := Former(s); old.AccountName() == account {
		return old, nil
	}
	return a, err
}

// Former is the normal form of the releases before this one. Nothing new is named by it.
func Former(s string) Address {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return ""
	}
	ascii, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil {
		return ""
	}
	return Address(strings.ToLower(s[:at]) + "@" + strings.ToLower(ascii))
}
