// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"strings"
	"testing"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/mail"
)

func topics() []rosterv1alpha1.AccountMailTopic {
	return []rosterv1alpha1.AccountMailTopic{
		rosterv1alpha1.MailPasswordReset, rosterv1alpha1.MailPasswordChanged, rosterv1alpha1.MailUsernameChanged, rosterv1alpha1.MailFactorsChanged,
		rosterv1alpha1.MailFactorsReset, rosterv1alpha1.MailOwnershipOffered,
	}
}

func aNotice(topic rosterv1alpha1.AccountMailTopic, locale rosterv1alpha1.Locale) mail.Notice {
	n := mail.Notice{
		Envelope: mail.Envelope{
			To: "bob@example.com", Name: "Bob Weaver", Locale: locale, Now: sent,
			MessageID: "0d5a4a4e-2b5c-4a1e-9c55-5a0c1f1f7b11." + string(topic) + "@example.com",
		},
		Topic: topic, Happened: sent.Add(-time.Minute), Link: "https://roster.example.com/forgotten",
	}
	if topic == rosterv1alpha1.MailPasswordReset {
		n.Link, n.Expiry = "https://roster.example.com/reset/Zm9vYmFyYmF6cXV4", sent.Add(29*time.Minute)
	}
	return n
}

func TestGoldenNotices(t *testing.T) {
	for _, topic := range topics() {
		for _, locale := range []rosterv1alpha1.Locale{rosterv1alpha1.LocaleEnglish, rosterv1alpha1.LocaleFrench} {
			m, err := newComposer(t).Notice(aNotice(topic, locale))
			if err != nil {
				t.Fatal(err)
			}
			l := open(t, m.Bytes())
			var text strings.Builder
			for _, h := range []string{"From", "To", "Reply-To", "Subject", "Date", "Message-Id", "Content-Language", "Auto-Submitted"} {
				text.WriteString(h + ": " + l.decoded(t, h) + "\n")
			}
			golden(t, string(topic)+"-"+string(locale)+".txt", text.String()+"\n"+l.text)
			golden(t, string(topic)+"-"+string(locale)+".html", l.html)
		}
	}
}

func TestNoticeIsChecked(t *testing.T) {
	for name, change := range map[string]func(*mail.Notice){
		"no topic":         func(n *mail.Notice) { n.Topic = "weather" },
		"no address":       func(n *mail.Notice) { n.To = "" },
		"a link that runs": func(n *mail.Notice) { n.Link = "javascript:alert(1)" },
		"no Message-ID":    func(n *mail.Notice) { n.MessageID = "x" },
	} {
		n := aNotice(rosterv1alpha1.MailPasswordReset, "en")
		change(&n)
		if _, err := newComposer(t).Notice(n); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	n := aNotice(rosterv1alpha1.MailPasswordReset, "en")
	n.Name = "Bob\r\nBcc: eve@example.com"
	m, err := newComposer(t).Notice(n)
	if err != nil {
		t.Fatal(err)
	}
	if l := open(t, m.Bytes()); len(l.header) != 11 || l.header.Get("Bcc") != "" {
		t.Errorf("headers %v", l.header)
	}
}
