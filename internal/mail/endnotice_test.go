// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"strings"
	"testing"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/mail"
)

func anEndNotice(locale rosterv1alpha1.Locale) mail.EndNotice {
	return mail.EndNotice{
		Envelope: mail.Envelope{
			To: "bob@example.com", Name: "Bob Weaver", Locale: locale, Now: sent,
			MessageID: "0d5a4a4e-2b5c-4a1e-9c55-5a0c1f1f7b11.end.14@example.com",
		},
		Organization: "Acme Outdoor", End: sent.Add(14 * 24 * time.Hour), Contact: "Ana Martin",
	}
}

func TestGoldenEndNotices(t *testing.T) {
	for name, change := range map[string]func(*mail.EndNotice){
		"Own":    func(*mail.EndNotice) {},
		"Nobody": func(n *mail.EndNotice) { n.Contact = "" },
		"Inviter": func(n *mail.EndNotice) {
			n.Member, n.Object, n.Namespace, n.Invited = "Ida Nilsson", "ida", "acme", true
		},
		"Owner": func(n *mail.EndNotice) { n.Member, n.Object, n.Namespace = "Ida Nilsson", "ida", "acme" },
	} {
		for _, locale := range []rosterv1alpha1.Locale{rosterv1alpha1.LocaleEnglish, rosterv1alpha1.LocaleFrench} {
			n := anEndNotice(locale)
			change(&n)
			m, err := newComposer(t).EndNotice(n)
			if err != nil {
				t.Fatal(err)
			}
			l := open(t, m.Bytes())
			var text strings.Builder
			for _, h := range []string{"From", "To", "Subject", "Content-Language", "Auto-Submitted"} {
				text.WriteString(h + ": " + l.decoded(t, h) + "\n")
			}
			golden(t, "MembershipEnds"+name+"-"+string(locale)+".txt", text.String()+"\n"+l.text)
		}
	}
}

func TestEndNoticeIsChecked(t *testing.T) {
	for name, change := range map[string]func(*mail.EndNotice){
		"no address":      func(n *mail.EndNotice) { n.To = "" },
		"no organisation": func(n *mail.EndNotice) { n.Organization = "" },
		"no time":         func(n *mail.EndNotice) { n.End = time.Time{} },
	} {
		n := anEndNotice("en")
		change(&n)
		if _, err := newComposer(t).EndNotice(n); err == nil {
			t.Errorf("%s, and there is a mail", name)
		}
	}
}
