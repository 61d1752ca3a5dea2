// SPDX-License-Identifier: Apache-2.0

package mailbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/mail"
	"strings"
	"testing"
	"time"

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
	smtpListener, err := mailbox.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	webListener, err := mailbox.Listen(ctx, "127.0.0.1:0")
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
Cc: Ops <ops@acme.example>
Reply-To: Olivia Martin <olivia@acme.example>
Subject: =?utf-8?q?Join_Acme_Social_=E2=80=94_as_Editor?=
Date: Mon, 09 Mar 2026 14:02:58 +0000
Message-ID: <1234.1@acme.example>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
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
--outer
Content-Type: image/png
Content-ID: <logo>
Content-Disposition: inline; filename=logo.png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--outer
Content-Type: text/csv; name="rôles.csv"
Content-Disposition: attachment; filename*=utf-8''r%C3%B4les.csv

a,b
--outer--
`

func TestAMailIsListedAsMailpitDoes(t *testing.T) {
	r := start(t, mailbox.Options{})
	r.send("bounce@acme.example", []string{"ana@acme.example", "ops@acme.example", "hidden@acme.example"}, invitation)

	list := r.list("/api/v1/messages")
	if len(list.Messages) != 1 {
		t.Fatalf("got %d messages", len(list.Messages))
	}
	if list.Messages[0].ID == "" || list.Messages[0].Size < len(invitation) {
		t.Errorf("ID %q, size %d", list.Messages[0].ID, list.Messages[0].Size)
	}
	list.Messages[0].ID, list.Messages[0].Size = "", 0
	want := mailbox.MessagesSummary{
		Total: 1, Unread: 1, Count: 1, MessagesCount: 1, MessagesUnread: 1, Tags: []string{},
		Messages: []mailbox.MessageSummary{{
			MessageID: "1234.1@acme.example",
			From:      &mail.Address{Name: "Roster", Address: "roster@acme.example"},
			To:        []*mail.Address{{Name: "Ana Martín", Address: "ana@acme.example"}},
			Cc:        []*mail.Address{{Name: "Ops", Address: "ops@acme.example"}},
			Bcc:       []*mail.Address{{Address: "hidden@acme.example"}},
			ReplyTo:   []*mail.Address{{Name: "Olivia Martin", Address: "olivia@acme.example"}},
			Subject:   "Join Acme Social — as Editor", Created: arrival, Tags: []string{}, Attachments: 1,
			Snippet: "Hello Ana, Olivia invites you: http://127.0.0.1:8088/invitations/abc. Bienvenue à toi.",
		}},
	}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func TestTheFieldNamesAreMailpits(t *testing.T) {
	r := start(t, mailbox.Options{})
	r.send("bounce@acme.example", []string{"ana@acme.example"}, invitation)
	for path, names := range map[string]string{
		"/api/v1/messages": "total unread count messages_count messages_unread start tags messages",
		"/api/v1/message/latest": "ID MessageID From To Cc Bcc ReplyTo ReturnPath Subject ListUnsubscribe Date Tags Username Text HTML " +
			"Size Inline Attachments",
	} {
		got := decode[map[string]json.RawMessage](t, r.get(path))
		for name := range strings.FieldsSeq(names) {
			if value, ok := got[name]; !ok || string(value) == "null" {
				t.Errorf("%s: %s is %s", path, name, value)
			}
			delete(got, name)
		}
		if len(got) > 0 {
			t.Errorf("%s: more fields than Mailpit has: %v", path, got)
		}
	}
	summary := decode[struct{ Messages []map[string]any }](t, r.get("/api/v1/messages")).Messages[0]
	names := "ID MessageID Read From To Cc Bcc ReplyTo Subject Created Username Tags Size Attachments Snippet"
	for name := range strings.FieldsSeq(names) {
		if summary[name] == nil {
			t.Errorf("summary: %s is missing", name)
		}
	}
}

func TestAMailIsReadWhole(t *testing.T) {
	r := start(t, mailbox.Options{})
	r.send("bounce@acme.example", []string{"ana@acme.example"}, invitation)
	id := r.list("/api/v1/messages").Messages[0].ID

	m := decode[mailbox.Message](t, r.get("/api/v1/message/"+id))
	if m.ReturnPath != "bounce@acme.example" || !m.Date.Equal(time.Date(2026, 3, 9, 14, 2, 58, 0, time.UTC)) {
		t.Errorf("return path %q, date %v", m.ReturnPath, m.Date)
	}
	if want := "Hello Ana,\nOlivia invites you: http://127.0.0.1:8088/invitations/abc. Bienvenue à toi."; m.Text != want {
		t.Errorf("text %q, want %q", m.Text, want)
	}
	if !strings.Contains(m.HTML, `<a href="http://127.0.0.1:8088/invitations/abc">Accept</a>`) {
		t.Errorf("HTML %q", m.HTML)
	}
	if len(m.Inline) != 1 || m.Inline[0].ContentID != "logo" || m.Inline[0].FileName != "logo.png" || m.Inline[0].Size != 8 {
		t.Errorf("inline %+v", m.Inline)
	}
	if len(m.Attachments) != 1 || m.Attachments[0].FileName != "rôles.csv" || m.Attachments[0].ContentType != "text/csv" ||
		m.Attachments[0].PartID != "3" {
		t.Errorf("attachments %+v", m.Attachments)
	}
	if got := r.get("/api/v1/message/" + id + "/part/3"); got != "a,b" {
		t.Errorf("part 3 is %q", got)
	}
	raw := r.get("/api/v1/message/" + id + "/raw")
	if !strings.HasSuffix(raw, strings.ReplaceAll(invitation, "\n", "\r\n")) || !strings.HasPrefix(raw, "Return-Path: <bounce@acme.example>\r\nReceived: ") {
		t.Errorf("raw source %q", raw)
	}
	headers := decode[map[string][]string](t, r.get("/api/v1/message/"+id+"/headers"))
	if diff := cmp.Diff([]string{"<1234.1@acme.example>"}, headers["Message-Id"]); diff != "" {
		t.Errorf("Message-Id: %s", diff)
	}
	if list := r.list("/api/v1/messages"); list.Unread != 0 || !list.Messages[0].Read {
		t.Errorf("after reading: %d unread, Read %v", list.Unread, list.Messages[0].Read)
	}
}

// plain is a short mail.
func plain(to, subject string) string {
	return fmt.Sprintf("From: roster@acme.example\nTo: %s\nSubject: %s\n\nText of %s.\n", to, subject, subject)
}

func TestPagesAreNewestFirst(t *testing.T) {
	r := start(t, mailbox.Options{})
	for _, s := range []string{"one", "two", "three", "four"} {
		r.send("a@acme.example", []string{"b@acme.example"}, plain("b@acme.example", s))
	}
	for path, want := range map[string][]string{
		"/api/v1/messages":                 {"four", "three", "two", "one"},
		"/api/v1/messages?limit=2":         {"four", "three"},
		"/api/v1/messages?start=1&limit=2": {"three", "two"},
		"/api/v1/messages?start=9":         nil,
		"/api/v1/messages?start=-3&limit=": {"four", "three", "two", "one"},
	} {
		got := r.list(path)
		if diff := cmp.Diff(want, subjects(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if got.Total != 4 || got.MessagesCount != 4 || got.Count != len(want) {
			t.Errorf("%s: total %d, matching %d, on the page %d", path, got.Total, got.MessagesCount, got.Count)
		}
	}
	if got := decode[mailbox.Message](t, r.get("/api/v1/message/latest")).Subject; got != "four" {
		t.Errorf("latest is %q", got)
	}
}

func TestSearch(t *testing.T) {
	r := start(t, mailbox.Options{})
	r.send("a@acme.example", []string{"ana@acme.example"}, plain("Ana <ana@acme.example>", "Join Acme"))
	r.send("a@acme.example", []string{"ben@acme.example"}, plain("ben@acme.example", "Join Acme"))
	r.send("a@acme.example", []string{"ana@other.example"}, plain("ana@other.example", "Reminder"))
	r.get("/api/v1/message/latest")
	for query, want := range map[string]int{
		"to:ana":                       2,
		"to%3Aana%40acme.example":      1,
		"TO:ANA+subject:join":          1,
		"to:ana+-subject:join":         1,
		"-subject:join":                1,
		"%22join+acme%22":              2,
		"subject:%22join+acme%22":      2,
		"from:roster":                  3,
		"is:unread":                    2,
		"is:read":                      1,
		"to:nobody":                    0,
		"text+of+reminder":             1,
		"http://127.0.0.1/unknown:key": 0,
	} {
		if got := r.list("/api/v1/search?query=" + query); got.MessagesCount != want || len(got.Messages) != want || got.Total != 3 {
			t.Errorf("%s: %d of %d match, want %d", query, got.MessagesCount, got.Total, want)
		}
	}
	if got := decode[mailbox.Message](t, r.get("/api/v1/message/latest?query=to:ben")).To[0].Address; got != "ben@acme.example" {
		t.Errorf("latest to ben went to %q", got)
	}
	if response, _ := r.do(http.MethodGet, "/api/v1/search", "", nil); response.StatusCode != http.StatusBadRequest {
		t.Errorf("search for nothing: %s", response.Status)
	}
}

func TestDelete(t *testing.T) {
	r := start(t, mailbox.Options{})
	for _, s := range []string{"one", "two", "three"} {
		r.send("a@acme.example", []string{"b@acme.example"}, plain("b@acme.example", s))
	}
	r.get("/api/v1/message/latest")
	two := r.list("/api/v1/messages").Messages[1].ID
	if response, body := r.do(http.MethodDelete, "/api/v1/messages", `{"IDs":["`+two+`","unknown"]}`, nil); response.StatusCode != http.StatusOK || body != "ok" {
		t.Fatalf("delete: %s %s", response.Status, body)
	}
	if got := r.list("/api/v1/messages"); !cmp.Equal(subjects(got), []string{"three", "one"}) || got.Unread != 1 {
		t.Errorf("left: %v, %d unread", subjects(got), got.Unread)
	}
	if response, _ := r.do(http.MethodGet, "/api/v1/message/"+two, "", nil); response.StatusCode != http.StatusNotFound {
		t.Errorf("deleted mail: %s", response.Status)
	}
	three := r.list("/api/v1/messages").Messages[0].ID
	r.do(http.MethodDelete, "/api/v1/messages", `{"IDs":["`+three+`"]}`, nil)
	if got := r.list("/api/v1/messages"); !cmp.Equal(subjects(got), []string{"one"}) || got.Unread != 1 {
		t.Errorf("left after deleting what was read: %v, %d unread", subjects(got), got.Unread)
	}
	if response, _ := r.do(http.MethodDelete, "/api/v1/messages", `{"IDs":`, nil); response.StatusCode != http.StatusBadRequest {
		t.Errorf("broken request: %s", response.Status)
	}
	if got := r.list("/api/v1/messages"); got.Total != 1 {
		t.Errorf("a broken request left %d of 1 mails", got.Total)
	}
	r.do(http.MethodDelete, "/api/v1/messages", "", nil)
	if got := r.list("/api/v1/messages"); got.Total != 0 || got.Messages == nil {
		t.Errorf("after deleting all: %+v", got)
	}
	if response, _ := r.do(http.MethodGet, "/api/v1/message/latest", "", nil); response.StatusCode != http.StatusNotFound {
		t.Errorf("latest of none: %s", response.Status)
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
	if m.From.Address != "émile@exämple.example" || m.To[0].Name != "Jürgen" || m.Subject != "Déjà vu" || m.Text != "Ça va?\n" || m.ReturnPath != "émile@exämple.example" {
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

func TestListenRefusesOtherNetworks(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0"} {
		if l, err := mailbox.Listen(t.Context(), address); err == nil {
			l.Close()
			t.Errorf("%s was opened", address)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		l, err := mailbox.Listen(t.Context(), address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		l.Close()
	}
}
