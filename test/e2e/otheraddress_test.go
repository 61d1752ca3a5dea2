// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/mail/smtptest"
)

// guest is a browser behind the proxy that speaks HTTPS for the portal: it sends cookies that are for HTTPS only.
type guest struct {
	portal  pages
	cookies map[string]string
}

// opens waits until a link works: a mail can be faster than the cluster.
func (v guest) opens(page string) {
	b := v.portal.b
	b.t.Helper()
	b.eventually("the link works", func() error {
		response, err := http.Get("http://" + v.portal.address + page)
		if err != nil {
			return err
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s: %w", page, response.Status, err)
		}
		return nil
	})
}

// post sends a form, and wants to be sent on.
func (v guest) post(page string, form url.Values) {
	b := v.portal.b
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, "http://"+v.portal.address+page, strings.NewReader(form.Encode()))
	b.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	b.must(err)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("POST %s: %s", page, response.Status)
	}
	for _, c := range response.Cookies() {
		v.cookies[c.Name] = c.Value
	}
}

// mailTo is the last mail to an address.
func (b *bureau) mailTo(address string) *smtptest.Message {
	var last *smtptest.Message
	for _, m := range b.post.Messages() {
		if m.To[0] == address {
			last = &m
		}
	}
	return last
}

var mailedCode = regexp.MustCompile(`\b[0-9]{4} [0-9]{4}\b`)

// acceptWithAnotherAddress: somebody with an Account accepts an invitation to another address of theirs, with a code that is mailed there.
func acceptWithAnotherAddress(b *bureau) {
	const password = "Correct horse, battery"
	b.direct()
	b.invite(1, "bob")
	second := b.space + "-2"
	b.must(b.cluster.Namespace(b.t.Context(), second))
	for _, o := range []client.Object{
		&rosterv1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Namespace: second, Name: "second"}, Spec: rosterv1alpha1.OrganizationSpec{DisplayName: "Second"},
		},
		&rosterv1alpha1.Invitation{
			ObjectMeta: metav1.ObjectMeta{Namespace: second, Name: "ana"},
			Spec:       rosterv1alpha1.InvitationSpec{Email: "ana@" + second + ".example"},
		},
	} {
		b.must(b.cluster.Client.Create(b.t.Context(), o))
	}
	b.start()
	portal := b.startPortal()
	portal.awaitReady()
	bob, ana := "bob-0@"+b.space+".example", "ana@"+second+".example"
	mailed := func(what, to string, is func(m *smtptest.Message) string) (found string) {
		b.eventually(what, func() error {
			if m := b.mailTo(to); m != nil {
				found = is(m)
			}
			if found == "" {
				return errors.New("no such mail")
			}
			return nil
		})
		return found
	}
	link := func(m *smtptest.Message) string { return linkOf(*m) }
	own, other := mailed("the first invitation is mailed", bob, link), mailed("the second one is mailed", ana, link)

	v := guest{portal: portal, cookies: map[string]string{}}
	v.opens(own)
	v.opens(other)
	v.post(own, url.Values{
		"action": {"accept"}, "displayName": {"Bob"}, "locale": {"en"}, "password": {password}, "confirm": {password},
	})
	v.post(other+"/address", url.Values{"action": {"send"}})
	code := mailed("the code is mailed to the invited address", ana, func(m *smtptest.Message) string { return mailedCode.FindString(string(m.Raw)) })
	v.post(other+"/address", url.Values{"code": {code}})
	v.post(other, url.Values{"action": {"accept"}})

	b.eventually("the person is a member of the second organisation, with their own address", func() error {
		var m rosterv1alpha1.Member
		if err := b.cluster.Client.Get(b.t.Context(), client.ObjectKey{Namespace: second, Name: "ana"}, &m); err != nil {
			return err
		}
		if m.Status.State != rosterv1alpha1.MemberActive || m.Spec.Email != bob {
			return fmt.Errorf("%s is %s", m.Spec.Email, m.Status.State)
		}
		return nil
	})
}
