// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/playground/mailbox"
)

const password = "Correct-horse-battery-9"

// browser is one as far as it follows redirects and keeps cookies.
type browser struct {
	t *testing.T
	http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, http.Client{Jar: jar}}
}

// page is what a browser ends up with.
type page struct {
	status int
	url    *url.URL
	text   string
}

func (b *browser) send(method, address string, form url.Values) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{response.StatusCode, response.Request.URL, string(text)}
}

func (b *browser) get(address string) page { b.t.Helper(); return b.send(http.MethodGet, address, nil) }

func (b *browser) post(address string, form url.Values) page {
	b.t.Helper()
	return b.send(http.MethodPost, address, form)
}

// invited creates an Invitation and accepts it. The browser is signed in afterwards.
func invited(t *testing.T, name string, spec rosterv1alpha1.InvitationSpec) *browser {
	t.Helper()
	spec.Email, spec.InvitedBy = name+"@acme.example", "olivia@acme.example"
	i := &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: spec}
	if err := site.client.Create(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t)
	link := linkTo(t, spec.Email)
	b.get(link)
	done := b.post(link, url.Values{
		"action": {"accept"}, "displayName": {strings.ToUpper(name[:1]) + name[1:] + " Park"}, "locale": {"en"}, "password": {password}, "confirm": {password},
	})
	if done.status >= http.StatusBadRequest {
		t.Fatalf("accepting is answered with %d: %s", done.status, done.text)
	}
	eventually(t, name+" is active", func(ctx context.Context) error {
		var m rosterv1alpha1.Member
		if err := site.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &m); err != nil {
			return err
		}
		if m.Status.State != rosterv1alpha1.MemberActive {
			return fmt.Errorf("%+v", m.Status)
		}
		return nil
	})
	return b
}

// linkTo waits for a mail, and returns the link in it.
func linkTo(t *testing.T, address string) string {
	t.Helper()
	link := regexp.MustCompile(regexp.QuoteMeta(site.env["ROSTER_PORTAL_URL"]) + `/invitations/[\w-]+`)
	found := ""
	eventually(t, "a mail to "+address, func(ctx context.Context) error {
		var list mailbox.MessagesSummary
		if err := getJSON(ctx, site.env["ROSTER_MAILBOX_URL"]+"/api/v1/search?query=to:"+address, &list); err != nil {
			return err
		}
		if len(list.Messages) == 0 {
			return errors.New("none")
		}
		var mail mailbox.Message
		if err := getJSON(ctx, site.env["ROSTER_MAILBOX_URL"]+"/api/v1/message/"+list.Messages[0].ID, &mail); err != nil {
			return err
		}
		if found = link.FindString(mail.Text); found == "" {
			return fmt.Errorf("no link in %s", mail.Text)
		}
		return nil
	})
	return found
}

func getJSON(ctx context.Context, address string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return json.NewDecoder(response.Body).Decode(into)
}

var continueLink = regexp.MustCompile(`<a class="button" href="([^"]+)"`)

// allow presses the button of the page that asks whether to go on to an application.
func (b *browser) allow(p page) page {
	b.t.Helper()
	link := continueLink.FindStringSubmatch(p.text)
	if !strings.HasPrefix(p.url.Path, "/openid/continue/") || link == nil {
		b.t.Fatalf("%s (%d) does not ask whether to go on:\n%s", p.url.Path, p.status, p.text)
	}
	to, err := p.url.Parse(html.UnescapeString(link[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.get(to.String())
}
