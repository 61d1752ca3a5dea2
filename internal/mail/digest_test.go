// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"strings"
	"testing"

	"github.com/roster-dev/roster/internal/mail"
)

func TestDigest(t *testing.T) {
	d := mail.Digest{
		Envelope:     mail.Envelope{To: "ana@example.com", Name: "Ana Martin", Now: sent, MessageID: "uid.items.0@example.com"},
		Organization: "Acme", Profile: "Bluesky acme.example", Items: 3,
	}
	for items, want := range map[int]string{1: "Subject: Bluesky acme.example: 1 new item", 3: "Subject: Bluesky acme.example: 3 new items"} {
		d.Items = items
		m, err := newComposer(t).Digest(d)
		if err != nil {
			t.Fatal(err)
		}
		if raw := string(m.Bytes()); !strings.Contains(raw, want+"\r\n") || !strings.Contains(raw, "Hello Ana Martin,") {
			t.Errorf("%q is not in\n%s", want, raw)
		}
	}
	for name, change := range map[string]func(*mail.Digest){
		"no address":      func(d *mail.Digest) { d.To = "" },
		"no organisation": func(d *mail.Digest) { d.Organization = "" },
		"no Message-ID":   func(d *mail.Digest) { d.MessageID = "" },
	} {
		wrong := d
		change(&wrong)
		if _, err := newComposer(t).Digest(wrong); err == nil {
			t.Errorf("%s, and there is a mail", name)
		}
	}
}
