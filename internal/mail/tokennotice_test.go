// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/mail"
)

func aTokenNotice() mail.TokenNotice {
	return mail.TokenNotice{
		Envelope: mail.Envelope{
			To: "ana@example.com", Name: "Ana Martin", Locale: rosterv1alpha1.LocaleEnglish, Now: sent, MessageID: "uid.fingerprint.ExpiresIn14Days@example.com",
		},
		Organization: "Acme", Network: "X", Profile: "X @acme",
		Namespace: "acme", Secret: "acme-x-tokens", Cause: rosterv1alpha1.NoticeExpiresIn14Days, Why: rosterv1alpha1.RecipientResponsible,
		End: sent.Add(5 * 24 * time.Hour),
	}
}

func TestTokenNotice(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*mail.TokenNotice)
		says   []string
	}{
		"in time": {func(*mail.TokenNotice) {}, []string{
			"Subject: X @acme: the connection expires in 5 days", "Hello Ana Martin,", "Saturday, 28 November 2026 at 03:00", "acme-x-tokens", "because you are responsible",
		}},
		"too late": {func(n *mail.TokenNotice) { n.Cause, n.End, n.Name = rosterv1alpha1.NoticeExpired, sent, "" }, []string{
			"Subject: X @acme: the connection has expired", "Hello,", "expired on Monday",
		}},
		"lost, and nobody is there": {func(n *mail.TokenNotice) {
			n.Cause, n.End, n.Why, n.Nobody = rosterv1alpha1.NoticeAccessLost, time.Time{}, rosterv1alpha1.RecipientOwner, true
		}, []string{"Subject: X @acme is no longer connected", "nobody active in Acme has permission", "because you own Acme"}},
		"in French": {func(n *mail.TokenNotice) { n.Locale = rosterv1alpha1.LocaleFrench }, []string{"Bonjour Ana Martin,", "la connexion =C3=A0 X @acme expire"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := aTokenNotice()
			c.change(&n)
			first, err := newComposer(t).TokenNotice(n)
			if err != nil {
				t.Fatal(err)
			}
			second, err := newComposer(t).TokenNotice(n)
			if err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Errorf("a repeated mail is another mail: %v", err)
			}
			raw := strings.ReplaceAll(strings.ReplaceAll(string(first.Bytes()), "=\r\n", ""), "\r\n", " ")
			for _, says := range append(c.says, "Message-ID: <"+n.MessageID+">", "Auto-Submitted: auto-generated", "<ana@example.com>") {
				if !strings.Contains(raw, says) {
					t.Errorf("%q is not in\n%s", says, raw)
				}
			}
		})
	}
	for name, change := range map[string]func(*mail.TokenNotice){
		"no address":      func(n *mail.TokenNotice) { n.To = "ana" },
		"no organisation": func(n *mail.TokenNotice) { n.Organization = "" },
		"no Message-ID":   func(n *mail.TokenNotice) { n.MessageID = "" },
		"no time":         func(n *mail.TokenNotice) { n.End = time.Time{} },
	} {
		n := aTokenNotice()
		change(&n)
		if _, err := newComposer(t).TokenNotice(n); err == nil {
			t.Errorf("%s, and there is a mail", name)
		}
	}
}
