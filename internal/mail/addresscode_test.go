// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"strings"
	"testing"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/mail"
)

func anAddressCode(locale rosterv1alpha1.Locale) mail.AddressCode {
	return mail.AddressCode{
		Envelope: mail.Envelope{
			To: "ana@acme.example", Locale: locale, Now: sent, MessageID: "0d5a4a4e-2b5c-4a1e-9c55-5a0c1f1f7b11.AddressCode@example.com",
		},
		Account: "ana.silva@mail.example", Organization: "Acme", Code: "5391 7790", Expiry: sent.Add(14 * time.Minute),
	}
}

func TestGoldenAddressCodes(t *testing.T) {
	for _, locale := range []rosterv1alpha1.Locale{rosterv1alpha1.LocaleEnglish, rosterv1alpha1.LocaleFrench} {
		goldenCode(t, "AddressCode-"+string(locale), anAddressCode(locale))
		byLink := anAddressCode(locale)
		byLink.Account = ""
		goldenCode(t, "InvitationCode-"+string(locale), byLink)
	}
}

func goldenCode(t *testing.T, name string, a mail.AddressCode) {
	t.Helper()
	m, err := newComposer(t).AddressCode(a)
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, m.Bytes())
	var text strings.Builder
	for _, h := range []string{"From", "To", "Reply-To", "Subject", "Date", "Message-Id", "Content-Language", "Auto-Submitted"} {
		text.WriteString(h + ": " + l.decoded(t, h) + "\n")
	}
	golden(t, name+".txt", text.String()+"\n"+l.text)
	golden(t, name+".html", l.html)
	if strings.Contains(l.html, "href=") {
		t.Error("the mail has a link: a code is for typing in where it was asked for")
	}
}

func TestAddressCodeIsChecked(t *testing.T) {
	for name, change := range map[string]func(*mail.AddressCode){
		"no address":      func(a *mail.AddressCode) { a.To = "" },
		"two addresses":   func(a *mail.AddressCode) { a.To += ", eve@evil.example" },
		"no code":         func(a *mail.AddressCode) { a.Code = "" },
		"no organisation": func(a *mail.AddressCode) { a.Organization = "" },
		"no Message-ID":   func(a *mail.AddressCode) { a.MessageID = "x" },
	} {
		a := anAddressCode("en")
		change(&a)
		if _, err := newComposer(t).AddressCode(a); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
