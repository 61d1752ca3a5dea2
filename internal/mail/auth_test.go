// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/wneessen/go-mail/smtp"

	"github.com/roster-dev/roster/internal/config"
)

func TestChoosingHowToSignIn(t *testing.T) {
	for _, c := range []struct {
		how     config.AuthMode
		offered string
		private bool
		want    string
		err     error
	}{
		{"", "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256", true, "SCRAM-SHA-256", nil},
		{"", "LOGIN PLAIN", true, "PLAIN", nil},
		{"", "login", true, "LOGIN", nil},
		{"", "PLAIN XOAUTH2", false, "", errPasswordClear},
		{"", "LOGIN", false, "", errPasswordClear},
		{"", "PLAIN LOGIN CRAM-MD5", false, "CRAM-MD5", nil},
		{"", "PLAIN SCRAM-SHA-1", false, "SCRAM-SHA-1", nil},
		{"", "XOAUTH2 GSSAPI", true, "", errNoAuth},
		{"", "", true, "", errNoAuth},
		{config.AuthXOAUTH2, "PLAIN XOAUTH2", true, "XOAUTH2", nil},
		{config.AuthXOAUTH2, "PLAIN XOAUTH2", false, "", errPasswordClear},
		{config.AuthXOAUTH2, "PLAIN SCRAM-SHA-256", true, "", errNoAuth},
	} {
		auth, err := chooseAuth(strings.Fields(c.offered), c.private, mechanisms(c.how, login{"localhost", "ros", "ter"}))
		if !errors.Is(err, c.err) {
			t.Errorf("%q, private %v: %v, want %v", c.offered, c.private, err, c.err)
			continue
		}
		if auth == nil {
			continue
		}
		server := &smtp.ServerInfo{Name: "localhost", TLS: c.private, Auth: strings.Fields(c.offered)}
		if got, _, err := auth.Start(server); err != nil || got != c.want {
			t.Errorf("%q, private %v: %s, want %s: %v", c.offered, c.private, got, c.want, err)
		}
	}
}

// Over a connection that others can read along, no password is sent, however much the relay asks for it.
func TestPasswordsStayOffTheWire(t *testing.T) {
	ours, theirs := net.Pipe()
	lines := make(chan string, 10)
	go func() {
		defer close(lines)
		_, _ = fmt.Fprint(theirs, "220 relay\r\n")
		for in := bufio.NewScanner(theirs); in.Scan(); {
			lines <- in.Text()
			_, _ = fmt.Fprint(theirs, "250-relay\r\n250 AUTH PLAIN LOGIN\r\n")
		}
	}()
	client, err := smtp.NewClient(ours, "relay.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Hello("localhost"); err != nil {
		t.Fatal(err)
	}
	c := &conn{client: client, raw: ours}
	f := c.signIn("", login{"relay.example.com", "ros", "ter"})
	_ = ours.Close()
	if f == nil || !errors.Is(f.err, errPasswordClear) {
		t.Fatalf("got %v", f)
	}
	for line := range lines {
		if strings.HasPrefix(line, "AUTH") {
			t.Errorf("sent: %s", line)
		}
	}
	f.relay = "relay.example.com:25"
	want := "The password for the mail relay relay.example.com:25 is not sent over an unencrypted connection; " +
		"set mail.smtp.tls to StartTLS or Implicit."
	if got := Explain(f); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What a relay says goes into a condition: the same failure must read the same at every try.
func TestRepliesAreSteady(t *testing.T) {
	for _, c := range []struct{ reply, want string }{
		{"Try again later (EHLO) a640c23a62f3a-ab1234sm123.1 - gsmtp", "Try again later (EHLO) … - gsmtp"},
		{"<bob2024@example.com>: Greylisted for 287 seconds", "<bob2024@example.com>: Greylisted for … seconds"},
		{"[192.0.2.25] blocked, see https://rbl.example/?q=192.0.2.25", "[192.0.2.25] blocked, see https://rbl.example/?q=192.0.2.25"},
		{"Server busy since 2026-11-26T03:00:01Z, 12:34:56", "Server busy since … …"},
		{"Relaying denied. See RFC5321 and code 5.7.1", "Relaying denied. See RFC5321 and code 5.7.1"},
		{"No such user", "No such user"},
	} {
		if got := steady(c.reply); got != c.want {
			t.Errorf("%q: got %q, want %q", c.reply, got, c.want)
		}
		if again := steady(steady(c.reply)); again != c.want {
			t.Errorf("%q: a second time %q", c.reply, again)
		}
	}
}

func TestRepliesAreReadableAndShort(t *testing.T) {
	enhanced, reply := splitReply("5.1.1 No\x00 such\n5.1.1 user\x1b[31m " + strings.Repeat("é", 400) + "\xff")
	if enhanced != "5.1.1" || !strings.HasPrefix(reply, "No such user [31m é") || len([]rune(reply)) != maxReply+1 {
		t.Errorf("%q, %d characters: %q", enhanced, len([]rune(reply)), reply)
	}
	for _, s := range []string{"5.1", "5.1.1.1", "3.1.1", "5.1.x", "5.1.1234", "..", "5..1", ""} {
		if isEnhanced(s) {
			t.Errorf("%q was taken for an enhanced status code", s)
		}
	}
}
