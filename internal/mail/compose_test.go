// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/mail"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	from = "Roster <roster@example.com>"
	link = "https://roster.example.com/invitations/Zm9vYmFyYmF6cXV4Zm9vYmFyAAAAAYlKx3mW0c2pQv9sT4nR8uE6hJ1dL5gB7yX-3zA0kMfC"
)

var sent = time.Date(2026, time.November, 23, 3, 0, 0, 0, time.UTC)

func newComposer(t testing.TB) *mail.Composer {
	t.Helper()
	c, err := mail.NewComposer(from, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func compose(t testing.TB, in mail.Invitation) *mail.Message {
	t.Helper()
	m, err := newComposer(t).Invitation(in)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// letter is a mail as a mail program reads it.
type letter struct {
	header      netmail.Header
	text, html  string
	partHeaders []string
}

func open(t testing.TB, raw []byte) letter {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type %q: %v", m.Header.Get("Content-Type"), err)
	}
	l := letter{header: m.Header}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return l
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		content := strings.ReplaceAll(string(body), "\r\n", "\n")
		l.partHeaders = append(l.partHeaders, part.Header.Get("Content-Type"))
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			l.html = content
		} else {
			l.text = content
		}
	}
}

// decoded is a header in the reader's letters.
func (l letter) decoded(t testing.TB, name string) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(l.header.Get(name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var letters = map[string]mail.Invitation{
	"invitation-en":       aFullInvitation(),
	"invitation-fr":       inFrench(aFullInvitation()),
	"invitation-plain-en": anInvitation(),
	"invitation-plain-fr": inFrench(anInvitation()),
	"custom-en":           aCustomInvitation(),
	"custom-fr":           inFrench(aCustomInvitation()),
	"adds-profiles-en":    aMemberWhoAdds(),
	"adds-profiles-fr":    inFrench(aMemberWhoAdds()),
	"again-en":            again(anInvitation()),
	"again-fr":            again(inFrench(aFullInvitation())),
	"reminder-en":         reminded(aFullInvitation()),
	"reminder-fr":         reminded(inFrench(aFullInvitation())),
	"reminder-plain-en":   reminded(anInvitation()),
	"reminder-plain-fr":   reminded(inFrench(anInvitation())),
}

// What people get, to be read by a reviewer: headers and plain text in .txt, the HTML as a page that a browser can show.
func TestGoldens(t *testing.T) {
	for name, in := range letters {
		t.Run(name, func(t *testing.T) {
			l := open(t, compose(t, in).Bytes())
			var text strings.Builder
			for _, h := range []string{
				"From", "To", "Reply-To", "Subject", "Date", "Message-Id", "Content-Language", "Auto-Submitted", "X-Auto-Response-Suppress",
			} {
				text.WriteString(h + ": " + l.decoded(t, h) + "\n")
			}
			golden(t, name+".txt", text.String()+"\n"+l.text)
			golden(t, name+".html", l.html)
		})
	}
}

// What somebody looks at before a mail is sent is what is sent.
func TestPreviewIsTheMail(t *testing.T) {
	subject, text, err := newComposer(t).Preview(inFrench(aFullInvitation()))
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, compose(t, inFrench(aFullInvitation())).Bytes())
	if subject != l.decoded(t, "Subject") || strings.TrimSpace(text) != strings.TrimSpace(strings.ReplaceAll(l.text, "\r\n", "\n")) {
		t.Errorf("%s\n%s", subject, difference(l.text, text))
	}
}

// The bytes on the wire.
func TestGoldenBytes(t *testing.T) {
	raw := compose(t, inFrench(aFullInvitation())).Bytes()
	if n := bytes.Count(raw, []byte("\n")); n != bytes.Count(raw, []byte("\r\n")) {
		t.Error("there are lines that do not end in CRLF")
	}
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 78 {
			t.Errorf("a line has %d bytes, RFC 5322 asks for no more than 78: %q", len(line), line)
		}
	}
	golden(t, "invitation-fr.eml", strings.ReplaceAll(string(raw), "\r\n", "\n"))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; look at it with: go test ./internal/mail -update && git diff\n%s", path, difference(string(want), got))
	}
}

// difference is the first line that differs.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return "want: " + w[i] + "\ngot:  " + g[i]
		}
	}
	return "one is longer"
}

func TestTheSameInvitationIsTheSameMail(t *testing.T) {
	one, other := compose(t, aFullInvitation()).Bytes(), compose(t, aFullInvitation()).Bytes()
	if !bytes.Equal(one, other) {
		t.Error("the mail differs from one try to the next: " + difference(string(one), string(other)))
	}
	if bytes.Equal(one, compose(t, reminded(aFullInvitation())).Bytes()) {
		t.Error("a reminder is the same as the invitation")
	}
}

func TestBothPartsCarryTheLinkAndThePlaces(t *testing.T) {
	for name, in := range letters {
		l := open(t, compose(t, in).Bytes())
		if !strings.Contains(l.html, `<a href="`+link+`"`) || !strings.Contains(l.html, ">"+link+"</a>") {
			t.Errorf("%s: the HTML lacks the button or the link in text", name)
		}
		if !strings.Contains(l.text, "\n"+link+"\n") {
			t.Errorf("%s: the plain text lacks the link on a line of its own", name)
		}
		for _, e := range in.Environments {
			if !strings.Contains(l.html, e.URL) || !strings.Contains(l.text, e.Name) || !strings.Contains(l.text, e.URL) {
				t.Errorf("%s: where to sign in is missing: %s", name, e.URL)
			}
		}
	}
}

// A mail program must not fetch anything, nor tell anybody that the mail was read.
func TestNothingIsFetched(t *testing.T) {
	html := open(t, compose(t, aFullInvitation()).Bytes()).html
	for _, tag := range []string{"<img", "<link", "<script", "<iframe", "<form", "<video", "@import", "@font-face", "url("} {
		if strings.Contains(html, tag) {
			t.Errorf("the HTML has %s", tag)
		}
	}
}

func TestTextsOfPeopleStayText(t *testing.T) {
	in := aFullInvitation()
	in.Name = `Bob <b onclick="x">`
	in.Organization = `Acme & <script>alert(1)</script>`
	in.Message = "<img src=x onerror=alert(1)>\r\n{{.Link}}\n\x1b[31mred\u202Etxt"
	l := open(t, compose(t, in).Bytes())
	for _, bad := range []string{"<script>", "<img", `<b on`, "\u202E", "\x1b"} {
		if strings.Contains(l.html, bad) {
			t.Errorf("the HTML has %q", bad)
		}
	}
	for _, want := range []string{"&lt;img src=x onerror=alert(1)&gt;<br>\n{{.Link}}<br>\n[31mredtxt", "Acme &amp; &lt;script&gt;"} {
		if !strings.Contains(l.html, want) {
			t.Errorf("the HTML lacks %q", want)
		}
	}
	if want := "> <img src=x onerror=alert(1)>\n> {{.Link}}\n> [31mredtxt\n"; !strings.Contains(l.text, want) {
		t.Errorf("the text lacks %q:\n%s", want, l.text)
	}
}

// Whatever people call themselves, it adds no header and no recipient.
func TestHeadersCannotBeInjected(t *testing.T) {
	for _, evil := range []string{
		"Acme\r\nBcc: eve@example.com", "Acme\nBcc: eve@example.com\n\nbody",
		"Acme\rBcc: eve@example.com", "Acme\u2028Bcc: eve@example.com",
		`Acme" <eve@example.com>, "x`, "Acme =?utf-8?q?=0D=0ABcc=3A_eve=40example.com?=", "Acme, eve@example.com;",
		"Acmé\r\nBcc: eve@example.com",
	} {
		in := aFullInvitation()
		in.Name, in.Organization, in.Inviter = evil, evil, evil
		m := compose(t, in)
		l := open(t, m.Bytes())
		if len(l.header) != 11 || l.header.Get("Bcc") != "" {
			t.Errorf("%q: headers %v", evil, l.header)
		}
		for name, want := range map[string]string{"From": "roster@example.com", "To": "bob@example.com", "Reply-To": "ana@example.com"} {
			addresses, err := l.header.AddressList(name)
			if err != nil || len(addresses) != 1 || addresses[0].Address != want || strings.ContainsAny(addresses[0].Name, "\r\n") {
				t.Errorf("%q: %s is %v: %v", evil, name, addresses, err)
			}
		}
		if strings.ContainsAny(l.decoded(t, "Subject"), "\r\n\u2028") {
			t.Errorf("%q: the subject has line breaks: %q", evil, l.decoded(t, "Subject"))
		}
		if m.From != "roster@example.com" || m.To != "bob@example.com" {
			t.Errorf("%q: envelope %s, %s", evil, m.From, m.To)
		}
	}
}

func TestSenderAndAnswers(t *testing.T) {
	for _, c := range []struct {
		name, from, replyTo string
		change              func(*mail.Invitation)
		wantFrom, wantReply string
		promised            bool
	}{
		{"the inviter reads answers", from, "Help <help@example.com>", nil,
			`"Acme Outdoor via Roster" <roster@example.com>`, `"Ana Martin" <ana@example.com>`, true},
		{"nobody known: as configured", from, "Help <help@example.com>", func(in *mail.Invitation) { in.InviterAddress = "" },
			`"Acme Outdoor via Roster" <roster@example.com>`, `"Help" <help@example.com>`, false},
		{"nothing configured: the sender", "roster@example.com", "", func(in *mail.Invitation) { in.InviterAddress = "" },
			`"Acme Outdoor" <roster@example.com>`, `<roster@example.com>`, false},
		{"an inviter's address that does not parse", from, "", func(in *mail.Invitation) { in.InviterAddress = "ana at acme" },
			`"Acme Outdoor via Roster" <roster@example.com>`, `"Roster" <roster@example.com>`, false},
		{"an inviter's address that only SMTPUTF8 carries", from, "", func(in *mail.Invitation) { in.InviterAddress = "zoë@example.com" },
			`"Acme Outdoor via Roster" <roster@example.com>`, `"Roster" <roster@example.com>`, false},
		{"an inviter without a name", from, "", func(in *mail.Invitation) { in.Inviter = in.InviterAddress },
			`"Acme Outdoor via Roster" <roster@example.com>`, `<ana@example.com>`, true},
		{"an organisation that looks like an address", from, "", func(in *mail.Invitation) { in.Organization = "support@bank.example" },
			`"Roster" <roster@example.com>`, `"Ana Martin" <ana@example.com>`, true},
		{"a domain in other letters", "Roster <roster@exämple.com>", "", nil,
			`"Acme Outdoor via Roster" <roster@xn--exmple-cua.com>`, `"Ana Martin" <ana@example.com>`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			composer, err := mail.NewComposer(c.from, c.replyTo)
			if err != nil {
				t.Fatal(err)
			}
			in := aFullInvitation()
			if c.change != nil {
				c.change(&in)
			}
			m, err := composer.Invitation(in)
			if err != nil {
				t.Fatal(err)
			}
			l := open(t, m.Bytes())
			if got := l.header.Get("From"); got != c.wantFrom {
				t.Errorf("From: %s, want %s", got, c.wantFrom)
			}
			if got := l.header.Get("Reply-To"); got != c.wantReply {
				t.Errorf("Reply-To: %s, want %s", got, c.wantReply)
			}
			if got := strings.Contains(l.text, "If you reply to this email"); got != c.promised {
				t.Errorf("the mail says that the inviter reads answers: %v, want %v", got, c.promised)
			}
		})
	}
}

func TestSenderIsChecked(t *testing.T) {
	for _, bad := range []string{"", "Roster", "rösti@example.com", "Roster <roster@exa mple.com>"} {
		if _, err := mail.NewComposer(bad, ""); err == nil {
			t.Errorf("%q was taken as a sender", bad)
		}
	}
	c := newComposer(t)
	if got := c.Domain(); got != "example.com" {
		t.Errorf("domain %q", got)
	}
}

func TestInvitationIsChecked(t *testing.T) {
	for name, change := range map[string]func(*mail.Invitation){
		"no address":             func(in *mail.Invitation) { in.To = "" },
		"two addresses":          func(in *mail.Invitation) { in.To = "bob@example.com, eve@example.com" },
		"a name in the address":  func(in *mail.Invitation) { in.To = "Bob <bob@example.com>" },
		"no link":                func(in *mail.Invitation) { in.Link = "" },
		"a link that runs":       func(in *mail.Invitation) { in.Link = "javascript:alert(1)" },
		"a link of two lines":    func(in *mail.Invitation) { in.Link = "https://roster.example.com/\nx" },
		"no Message-ID":          func(in *mail.Invitation) { in.MessageID = "" },
		"a Message-ID that ends": func(in *mail.Invitation) { in.MessageID = "1@example.com>\r\nBcc: <eve@example.com" },
		"no organisation":        func(in *mail.Invitation) { in.Organization = " \n" },
	} {
		in := aFullInvitation()
		change(&in)
		if _, err := newComposer(t).Invitation(in); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLongListsAreCut(t *testing.T) {
	in := anInvitation()
	for i := range 200 {
		in.Profiles = append(in.Profiles, profile("p"+strings.Repeat("x", i), rosterv1alpha1.ProfileGuest))
	}
	l := open(t, compose(t, in).Bytes())
	if !strings.Contains(l.text, "and 190 more") || strings.Contains(l.text, strings.Repeat("x", 10)) {
		t.Error("the list of profiles is not cut after ten:\n" + l.text)
	}
}

func TestExpiryInTheReadersWords(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		locale      rosterv1alpha1.Locale
		now, expiry string
		want        string
	}{
		{"en", "2026-11-23T03:00:00Z", "2026-11-26T03:00:00Z", "until Thursday, 26 November 2026 at 03:00 UTC (3 days)."},
		{"en", "2026-11-23T03:40:00Z", "2026-11-26T03:00:00Z", "(3 days)."},
		{"en", "2026-11-23T04:01:00Z", "2026-11-26T03:00:00Z", "(2 days)."},
		{"en", "2026-11-25T03:00:01Z", "2026-11-26T03:00:00Z", "(24 hours)."},
		{"en", "2026-11-24T15:00:00Z", "2026-11-26T03:00:00Z", "(36 hours)."},
		{"en", "2026-11-26T02:00:00Z", "2026-11-26T03:00:00Z", "(1 hour)."},
		{"en", "2026-11-26T02:15:00Z", "2026-11-26T03:00:00Z", "(45 minutes)."},
		{"en", "2026-11-26T02:59:30Z", "2026-11-26T03:00:00Z", "(1 minute)."},
		{"en", "2026-10-27T03:00:00Z", "2026-11-26T03:00:00Z", "(30 days)."},
		{"en", "2026-11-23T03:00:00+01:00", "2026-11-26T00:30:00+01:00", "until Wednesday, 25 November 2026 at 23:30 UTC"},
		{"fr", "2026-11-28T03:00:00Z", "2026-12-01T15:04:59Z", "jusqu’au mardi 1er décembre 2026 à 15:04 UTC (3 jours)."},
		{"fr", "2026-07-30T03:00:00Z", "2026-08-02T03:00:00Z", "jusqu’au dimanche 2 août 2026 à 03:00 UTC (3 jours)."},
		{"fr", "2026-11-26T02:00:00Z", "2026-11-26T03:00:00Z", "(1 heure)."},
		{"", "2026-11-23T03:00:00Z", "2026-11-26T03:00:00Z", "until Thursday, 26 November 2026"},
	} {
		in := anInvitation()
		in.Locale, in.Now, in.Expiry = c.locale, at(c.now), at(c.expiry)
		text := open(t, compose(t, in).Bytes()).text
		text = strings.Join(strings.Fields(text), " ")
		if !strings.Contains(text, c.want) {
			t.Errorf("from %s to %s: the text lacks %q:\n%s", c.now, c.expiry, c.want, text)
		}
	}
}

func TestAddressesBeyondASCII(t *testing.T) {
	in := aFullInvitation()
	in.To, in.InviterAddress = "zoë@example.com", "andré@example.com"
	l := open(t, compose(t, in).Bytes())
	if got := l.header.Get("To"); !strings.HasSuffix(got, "<zoë@example.com>") {
		t.Errorf("To: %s", got)
	}
	if got := l.header.Get("Reply-To"); !strings.HasSuffix(got, "<andré@example.com>") {
		t.Errorf("Reply-To: %s; who can read one such address can answer to another", got)
	}
}

func BenchmarkCompose(b *testing.B) {
	c, in := newComposer(b), aFullInvitation()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Invitation(in); err != nil {
			b.Fatal(err)
		}
	}
}
