// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/playground/mailbox"
	"github.com/roster-dev/roster/internal/testenv"
)

const password = "Correct-horse-battery-9"

// mails are those that a person has got, the newest first.
func (p *preset) mails(name string) []mailbox.Message {
	p.Helper()
	var found mailbox.MessagesSummary
	p.json("/api/v1/search?query="+url.QueryEscape("to:"+p.address[name]), &found)
	all := make([]mailbox.Message, len(found.Messages))
	for i, m := range found.Messages {
		p.json("/api/v1/message/"+m.ID, &all[i])
	}
	return all
}

func (p *preset) json(path string, into any) {
	p.Helper()
	request, err := http.NewRequestWithContext(p.Context(), http.MethodGet, roster.mailbox+path, nil)
	p.Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	p.Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	p.Expect(json.NewDecoder(response.Body).Decode(into)).To(Succeed())
}

// mail waits until a person has got a number of mails and the cluster knows that the newest is out, and returns that. Mail can be faster.
func (p *preset) mail(name string, number int) mailbox.Message {
	p.Helper()
	var all []mailbox.Message
	p.eventually(fmt.Sprintf("%s gets mail %d", name, number), func(g Gomega) {
		all = p.mails(name)
		g.Expect(all).To(HaveLen(number))
	})
	p.known(name, all[0])
	return all[0]
}

// oneLine is a text without the line breaks that keep it narrow.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// known waits while the page behind the link of a mail asks for a moment.
func (p *preset) known(name string, m mailbox.Message) {
	p.Helper()
	b := p.browser(name)
	p.Eventually(func() int {
		status, _ := b.get(p.link(m))
		return status
	}).WithTimeout(testenv.Patience).WithPolling(100*time.Millisecond).ShouldNot(Equal(http.StatusServiceUnavailable), "the newest mail to %s", name)
}

var linkInMail = regexp.MustCompile(`http://\S+/invitations/\S+`)

func (p *preset) link(m mailbox.Message) string {
	p.Helper()
	link := linkInMail.FindString(m.Text)
	p.Expect(link).NotTo(BeEmpty(), m.Text)
	return link
}

// browser of one person. Each comes from a network of their own, since the portal counts requests by that.
type browser struct {
	*preset
	client *http.Client
	from   string
	login  string
}

func (p *preset) browser(name string) *browser {
	p.Helper()
	jar, err := cookiejar.New(nil)
	p.Expect(err).NotTo(HaveOccurred())
	account := address.Address(p.address[name]).AccountName()
	return &browser{p, &http.Client{Jar: jar}, fmt.Sprintf("2001:db8:%s:%s::1", account[2:6], account[6:10]), p.address[name]}
}

func (b *browser) get(link string) (int, string) {
	b.Helper()
	return b.do(http.MethodGet, link, nil)
}

func (b *browser) post(link string, form url.Values) (int, string) {
	b.Helper()
	return b.do(http.MethodPost, link, form)
}

func (b *browser) do(method, link string, form url.Values) (int, string) {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), method, link, strings.NewReader(form.Encode()))
	b.Expect(err).NotTo(HaveOccurred())
	request.Header.Set("X-Forwarded-For", b.from)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := b.client.Do(request)
	b.Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	b.Expect(err).NotTo(HaveOccurred())
	return response.StatusCode, string(page)
}

// registration is the form of somebody without an account.
func registration(displayName string) url.Values {
	return url.Values{
		"action": {"accept"}, "displayName": {displayName}, "locale": {"en"}, "password": {password}, "confirm": {password},
	}
}

// accept opens the newest mail of a person, follows the link and accepts. It returns the page after that.
func (p *preset) accept(name, displayName string) string {
	p.Helper()
	p.eventually(name+" gets a mail", func(g Gomega) { g.Expect(p.mails(name)).NotTo(BeEmpty()) })
	newest, b := p.mails(name)[0], p.browser(name)
	p.known(name, newest)
	status, page := b.get(p.link(newest))
	p.Expect(status).To(Equal(http.StatusOK), page)
	form := registration(displayName)
	if strings.Contains(page, `name="as" value="Owner"`) {
		form.Set("as", "Owner")
	}
	status, page = b.post(p.link(newest), form)
	p.Expect(status).To(Equal(http.StatusOK), page)
	return page
}

// join lets declared Members accept and waits until they are active.
func (p *preset) join(names ...string) {
	p.Helper()
	for _, name := range names {
		m := get[rosterv1alpha1.Member](p, name)
		displayName := m.Spec.DisplayName
		if displayName == "" {
			displayName = name
		}
		p.accept(name, displayName)
	}
	for _, name := range names {
		p.memberIs(name, rosterv1alpha1.MemberActive)
	}
}

// agrees lets a member sign in at the portal and take over the organisation that names them its owner.
func (p *preset) agrees(name string) {
	p.Helper()
	b := p.browser(name)
	b.signsIn()
	b.sees(roster.portal+"/organizations/"+p.ns, "You are asked to become the owner")
	status, page := b.post(roster.portal+"/organizations/"+p.ns+"/ownership", url.Values{"own": {"yes"}})
	p.Expect(status).To(Equal(http.StatusOK), page)
}

// account of a person.
func (p *preset) account(name string) *rosterv1alpha1.Account {
	p.Helper()
	a := &rosterv1alpha1.Account{}
	key := client.ObjectKey{Namespace: rosterv1alpha1.AccountNamespace, Name: address.Address(p.address[name]).AccountName()}
	p.Expect(p.api.Get(p.Context(), key, a)).To(Succeed())
	return a
}
