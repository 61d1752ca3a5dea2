// SPDX-License-Identifier: Apache-2.0

package mailbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/roster-dev/roster/internal/playground/mailbox"
)

// arrival is when every mail of these tests comes in.
var arrival = time.Date(2026, 3, 9, 14, 3, 0, 0, time.UTC)

// running is a mailbox with open sockets.
type running struct {
	t        *testing.T
	smtpAddr string
	url      string
}

func start(t *testing.T, o mailbox.Options) running {
	t.Helper()
	o.Clock = clocktesting.NewFakePassiveClock(arrival)
	ctx, cancel := context.WithCancel(t.Context())
	smtpListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	webListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- mailbox.New(o).Serve(ctx, smtpListener, webListener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return running{t, smtpListener.Addr().String(), "http://" + webListener.Addr().String()}
}

// try sends a mail as a relay's client does.
func (r running) try(from string, to []string, source string) error {
	client, err := smtp.Dial(r.smtpAddr)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Mail(from, &smtp.MailOptions{UTF8: true, Body: smtp.Body8BitMIME}); err != nil {
		return err
	}
	for _, recipient := range to {
		if err := client.Rcpt(recipient, nil); err != nil {
			return err
		}
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, source); err != nil {
		return err
	}
	return w.Close()
}

func (r running) send(from string, to []string, source string) {
	r.t.Helper()
	if err := r.try(from, to, strings.ReplaceAll(source, "\n", "\r\n")); err != nil {
		r.t.Fatalf("send: %v", err)
	}
}

func (r running) do(method, path, body string, header http.Header) (*http.Response, string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	maps.Copy(request.Header, header)
	if host := header.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response, string(content)
}

func (r running) get(path string) string {
	r.t.Helper()
	response, body := r.do(http.MethodGet, path, "", nil)
	if response.StatusCode != http.StatusOK {
		r.t.Fatalf("GET %s: %s: %s", path, response.Status, body)
	}
	return body
}

func (r running) list(path string) mailbox.MessagesSummary {
	r.t.Helper()
	return decode[mailbox.MessagesSummary](r.t, r.get(path))
}

func decode[T any](t *testing.T, s string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return v
}

func subjects(s mailbox.MessagesSummary) []string {
	var all []string
	for _, m := range s.Messages {
		all = append(all, m.Subject)
	}
	return all
}

const invitation = `From: Roster <roster@acme.example>
To: =?utf-8?q?Ana_Mart=C3=ADn?= <ana@acme.example>
Reply-To: Olivia Martin <olivia@acme.example>
Subject: =?utf-8?q?Join_Acme_Social_=E2=80=94_as_Editor?=
Date: Mon, 09 Mar 2026 14:02:58 +0000
Message-ID: <1234.1@acme.example>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Hello Ana,
Olivia invites you: http://127.0.0.1:8088/invitations/abc. Bienvenue =C3=A0 toi.
--inner
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHAgaWQ9ImhpIj5IZWxsbyA8Yj5BbmE8L2I+PC9wPjxhIGhyZWY9Imh0dHA6Ly8xMjcuMC4wLjE6
ODA4OC9pbnZpdGF0aW9ucy9hYmMiPkFjY2VwdDwvYT48aW1nIHNyYz0iY2lkOmxvZ28iPg==
--inner--
`

// Programs that speak to Mailpit find the same fields.
func TestAMailIsListedAsMailpitDoes(t *testing.T) {
	r := start(t, mailbox.Options{})
	r.send("bounce@acme.example", []string{"ana@acme.example"}, invitation)
	list := r.get("/api/v1/messages")
	id := decode[mailbox.MessagesSummary](t, list).Messages[0].ID
	want := `{"total":1,"unread":1,"messages":[{"ID":"` + id + `","MessageID":"1234.1@acme.example","Read":false,` +
		`"From":{"Name":"Roster","Address":"roster@acme.example"},"To":[{"Name":"Ana Martín","Address":"ana@acme.example"}],` +
		`"Subject":"Join Acme Social — as Editor","Created":"2026-03-09T14:03:00Z",` +
		`"Snippet":"Hello Ana, Olivia invites you: http://127.0.0.1:8088/invitations/abc. Bienvenue à toi."}]}` + "\n"
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func TestReading(t *testing.T) {
	r := start(t, mailbox.Options{})
	r.send("bounce@acme.example", []string{"ana@acme.example"}, invitation)
	id := r.list("/api/v1/messages").Messages[0].ID
	got := decode[mailbox.Message](t, r.get("/api/v1/message/"+id))
	want := mailbox.Message{
		ID: id, MessageID: "1234.1@acme.example", Subject: "Join Acme Social — as Editor",
		From:    &mail.Address{Name: "Roster", Address: "roster@acme.example"},
		To:      []*mail.Address{{Name: "Ana Martín", Address: "ana@acme.example"}},
		ReplyTo: []*mail.Address{{Name: "Olivia Martin", Address: "olivia@acme.example"}},
		Date:    time.Date(2026, 3, 9, 14, 2, 58, 0, time.UTC),
		Text:    "Hello Ana,\nOlivia invites you: http://127.0.0.1:8088/invitations/abc. Bienvenue à toi.",
		HTML:    `<p id="hi">Hello <b>Ana</b></p><a href="http://127.0.0.1:8088/invitations/abc">Accept</a><img src="cid:logo">`,
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	raw := r.get("/api/v1/message/" + id + "/raw")
	if !strings.HasSuffix(raw, strings.ReplaceAll(invitation, "\n", "\r\n")) || !strings.HasPrefix(raw, "Return-Path: <bounce@acme.example>\r\nReceived: ") {
		t.Errorf("raw source %q", raw)
	}
	if list := r.list("/api/v1/messages"); list.Unread != 0 || !list.Messages[0].Read {
		t.Errorf("after reading: %d unread, Read %v", list.Unread, list.Messages[0].Read)
	}
	if response, _ := r.do(http.MethodGet, "/api/v1/message/unknown", "", nil); response.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown mail: %s", response.Status)
	}
}

// No mail, however broken, is lost or upsets the mailbox.
func TestBrokenMails(t *testing.T) {
	r := start(t, mailbox.Options{})
	for _, source := range []string{
		"no header at all\n",
		"Subject: =?utf-8?b?4pyT?=\n folded\nFrom: \"A\" <a@b.example>, broken <\nTo: undisclosed-recipients:;\n\ntext",
		"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n6Q==",
		"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nhi",
		"Content-Type: multipart/alternative\n\nno boundary",
		"Content-Type: ;\nSubject: \xff\n\n\xff",
	} {
		r.send("a@acme.example", []string{"b@acme.example"}, source)
		path := "/messages/" + decode[mailbox.Message](t, r.get("/api/v1/message/latest")).ID
		for _, view := range []string{"html", "text", "source"} {
			if page := r.get(path + "?view=" + view); !utf8.ValidString(page) {
				t.Errorf("%q, %s: not UTF-8", source, view)
			}
		}
	}
	if got := r.list("/api/v1/messages").Total; got != 6 {
		t.Errorf("%d of 6 mails are there", got)
	}
}

// plain is a short mail.
func plain(to, subject string) string {
	return fmt.Sprintf("From: roster@acme.example\nTo: %s\nSubject: %s\n\nText of %s.\n", to, subject, subject)
}

func TestNewestFirst(t *testing.T) {
	r := start(t, mailbox.Options{})
	for _, s := range []string{"one", "two", "three"} {
		r.send("a@acme.example", []string{"b@acme.example"}, plain("b@acme.example", s))
	}
	if got := subjects(r.list("/api/v1/messages")); !cmp.Equal(got, []string{"three", "two", "one"}) {
		t.Errorf("got %v", got)
	}
	if got := decode[mailbox.Message](t, r.get("/api/v1/message/latest")).Subject; got != "three" {
		t.Errorf("latest is %q", got)
	}
}

func TestSearch(t *testing.T) {
	r := start(t, mailbox.Options{})
	r.send("a@acme.example", []string{"ana@acme.example"}, plain("Ana <ana@acme.example>", "Join Acme"))
	r.send("a@acme.example", []string{"ben@acme.example"}, plain("ben@acme.example", "Join Acme"))
	r.send("a@acme.example", []string{"ana@other.example"}, plain("ana@other.example", "Reminder"))
	for query, want := range map[string]int{
		"":                        3,
		"to:ana":                  2,
		"to%3Aana%40acme.example": 1,
		"TO:ANA+join":             1,
		"roster":                  3,
		"to:roster":               0,
		"to:nobody":               0,
		"text+of+reminder":        1,
	} {
		if got := r.list("/api/v1/search?query=" + query); len(got.Messages) != want || got.Total != 3 {
			t.Errorf("%s: %d of %d match, want %d", query, len(got.Messages), got.Total, want)
		}
	}
}

func TestOnlyTheNewestAreKept(t *testing.T) {
	t.Run("by number", func(t *testing.T) {
		r := start(t, mailbox.Options{MaxMessages: 2})
		for _, s := range []string{"one", "two", "three"} {
			r.send("a@acme.example", []string{"b@acme.example"}, plain("b@acme.example", s))
		}
		if got := subjects(r.list("/api/v1/messages")); !cmp.Equal(got, []string{"three", "two"}) {
			t.Errorf("kept %v", got)
		}
	})
	t.Run("by size", func(t *testing.T) {
		r := start(t, mailbox.Options{MaxBytes: 5000})
		for _, s := range []string{"one", "two", "three"} {
			r.send("a@acme.example", []string{"b@acme.example"}, plain("b@acme.example", s)+strings.Repeat("x\n", 700))
		}
		if got := subjects(r.list("/api/v1/messages")); !cmp.Equal(got, []string{"three", "two"}) {
			t.Errorf("kept %v", got)
		}
	})
}

func TestAMailThatIsTooLongIsRefusedForGood(t *testing.T) {
	r := start(t, mailbox.Options{MaxMessageBytes: 4000})
	err := r.try("a@acme.example", []string{"b@acme.example"}, plain("b@acme.example", "long")+strings.Repeat("x\r\n", 4000))
	var refusal *smtp.SMTPError
	if !errors.As(err, &refusal) || refusal.Code != 552 {
		t.Errorf("got %v, want 552", err)
	}
	if got := r.list("/api/v1/messages").Total; got != 0 {
		t.Errorf("%d mails were kept", got)
	}
}

func TestInternationalAddressesAndBareEightBitText(t *testing.T) {
	r := start(t, mailbox.Options{})
	r.send("émile@exämple.example", []string{"jürgen@acme.example"},
		"From: Émile <émile@exämple.example>\nTo: Jürgen <jürgen@acme.example>\nSubject: Déjà vu\n\nÇa va?\n")
	m := decode[mailbox.Message](t, r.get("/api/v1/message/latest"))
	if m.From.Address != "émile@exämple.example" || m.To[0].Name != "Jürgen" || m.Subject != "Déjà vu" || m.Text != "Ça va?\n" {
		t.Errorf("got %+v", m)
	}
}

func TestAFoldedSubjectIsOneLine(t *testing.T) {
	r := start(t, mailbox.Options{})
	r.send("a@acme.example", []string{"b@acme.example"}, "From: a@acme.example\nTo:\n b@acme.example,\n\tc@acme.example\nSubject:\n"+
		" =?UTF-8?q?Olivia_vous_invite_=C3=A0?=\n =?UTF-8?q?_rejoindre_Acme?=\n\nx\n")
	m := decode[mailbox.Message](t, r.get("/api/v1/message/latest"))
	if m.Subject != "Olivia vous invite à rejoindre Acme" || len(m.To) != 2 {
		t.Errorf("subject %q, to %v", m.Subject, m.To)
	}
}
