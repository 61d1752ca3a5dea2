// SPDX-License-Identifier: Apache-2.0

package mailbox_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/roster-dev/roster/internal/playground/mailbox"
)

func TestTheListShowsWhatIsUnread(t *testing.T) {
	r := start(t, mailbox.Options{})
	if page := r.get("/"); !strings.Contains(page, "No mail yet.") {
		t.Errorf("the empty page does not say so:\n%s", page)
	}
	r.send("a@acme.example", []string{"ana@acme.example"}, invitation)
	page := r.get("/")
	for _, want := range []string{"1 unread of 1", "Join Acme Social — as Editor", "To ana@acme.example", `aria-label="Unread"`, `<meta http-equiv="refresh"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the list does not show %q", want)
		}
	}
	path := "/messages/" + r.list("/api/v1/messages").Messages[0].ID
	reading := r.get(path)
	for _, want := range []string{"Ana Martín &lt;ana@acme.example&gt;", "Olivia Martin", `src="` + path + `/html"`} {
		if !strings.Contains(reading, want) {
			t.Errorf("the open mail does not show %q", want)
		}
	}
	if strings.Contains(reading, `http-equiv="refresh"`) {
		t.Error("a page that is being read reloads itself")
	}
	if page := r.get("/"); strings.Contains(page, "unread") {
		t.Error("the mail is still unread")
	}
}

func TestTheViewsOfAMail(t *testing.T) {
	r := start(t, mailbox.Options{})
	r.send("a@acme.example", []string{"ana@acme.example"}, invitation)
	path := "/messages/" + r.list("/api/v1/messages").Messages[0].ID
	for view, want := range map[string]string{
		"":        `<iframe class="body"`,
		"html":    `<iframe class="body"`,
		"text":    `<a href="http://127.0.0.1:8088/invitations/abc" target="_blank" rel="noopener noreferrer">http://127.0.0.1:8088/invitations/abc</a>. Bienvenue à toi.`,
		"source":  "Subject: =?utf-8?q?Join_Acme_Social_=E2=80=94_as_Editor?=",
		"unknown": `<iframe class="body"`,
	} {
		if page := r.get(path + "?view=" + view); !strings.Contains(page, want) {
			t.Errorf("view %q lacks %q:\n%s", view, want, page)
		}
	}
}

func TestPlainTextIsShownAsItStands(t *testing.T) {
	r := start(t, mailbox.Options{})
	r.send("a@acme.example", []string{"b@acme.example"}, plain("b@acme.example", "x")+"<b>not bold</b> (http://127.0.0.1/a?b=1&c='d')\n")
	page := r.get("/messages/" + r.list("/api/v1/messages").Messages[0].ID)
	want := `&lt;b&gt;not bold&lt;/b&gt; (<a href="http://127.0.0.1/a?b=1&amp;c=&#39;d" target="_blank" rel="noopener noreferrer">` +
		`http://127.0.0.1/a?b=1&amp;c=&#39;d</a>&#39;)`
	if !strings.Contains(page, want) {
		t.Errorf("the page lacks %s:\n%s", want, page)
	}
}

func TestHostileMailStaysInItsFrame(t *testing.T) {
	r := start(t, mailbox.Options{})
	r.send("a@acme.example", []string{"b@acme.example"}, `From: "<script>alert(1)</script>" <a@acme.example>
To: b@acme.example
Subject: <script>alert(2)</script>
Content-Type: text/html

<!doctype html><title>x</title><script>parent.alert(3)</script><img src="http://evil.example/pixel.gif">
<a href="http://127.0.0.1:8088/x" target="_top">go</a>`)
	path := "/messages/" + r.list("/api/v1/messages").Messages[0].ID
	for _, p := range []string{"/", path, path + "?view=source"} {
		if page := r.get(p); strings.Contains(page, "<script>") {
			t.Errorf("%s lets a script of the mail through", p)
		}
	}
	response, frame := r.do(http.MethodGet, path+"/html", "", nil)
	policy := response.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "img-src data:", "sandbox allow-popups allow-popups-to-escape-sandbox", "frame-ancestors 'self'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the frame's policy lacks %q: %s", want, policy)
		}
	}
	if strings.Contains(policy, "allow-scripts") || strings.Contains(policy, "allow-same-origin") {
		t.Errorf("the frame may do too much: %s", policy)
	}
	if want := `<a href="http://127.0.0.1:8088/x" target="_blank" rel="noopener noreferrer">go</a>`; !strings.Contains(frame, want) {
		t.Errorf("the link does not open a tab of its own: %s", frame)
	}
}

func TestDeleteButtons(t *testing.T) {
	r := start(t, mailbox.Options{})
	for _, s := range []string{"one", "two", "three"} {
		r.send("a@acme.example", []string{"b@acme.example"}, plain("b@acme.example", s))
	}
	own := http.Header{"Origin": {r.url}, "Sec-Fetch-Site": {"same-origin"}}
	other := http.Header{"Origin": {"http://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}
	path := "/messages/" + r.list("/api/v1/messages").Messages[0].ID + "/delete"
	if response, _ := r.do(http.MethodPost, path, "", other); response.StatusCode != http.StatusForbidden {
		t.Errorf("another site may delete: %s", response.Status)
	}
	if response, page := r.do(http.MethodPost, path+"?query=tw", "", own); response.StatusCode != http.StatusOK || !strings.Contains(page, "1 of 2") {
		t.Errorf("after deleting one, the search is not shown: %s %s", response.Status, page)
	}
	if response, _ := r.do(http.MethodPost, "/delete", "", other); response.StatusCode != http.StatusForbidden {
		t.Errorf("another site may delete all: %s", response.Status)
	}
	if got := r.list("/api/v1/messages").Total; got != 2 {
		t.Errorf("%d mails left, want 2", got)
	}
	r.do(http.MethodPost, "/delete", "", own)
	if got := r.list("/api/v1/messages").Total; got != 0 {
		t.Errorf("%d mails left, want none", got)
	}
}

func TestOnlyThisMachineIsAnswered(t *testing.T) {
	r := start(t, mailbox.Options{})
	for host, want := range map[string]int{
		"localhost:8025": 200, "127.0.0.1:8025": 200, "[::1]:8025": 200, "mail.localhost": 200,
		"rebound.evil.example:8025": 421, "192.0.2.7": 421, "localhost.evil.example": 421,
	} {
		for _, path := range []string{"/", "/api/v1/messages"} {
			if response, _ := r.do(http.MethodGet, path, "", http.Header{"Host": {host}}); response.StatusCode != want {
				t.Errorf("%s as %s: %s, want %d", path, host, response.Status, want)
			}
		}
	}
}
