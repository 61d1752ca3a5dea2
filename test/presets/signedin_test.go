// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"encoding/base32"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"github.com/roster-dev/roster/internal/account/factor"
	"github.com/roster-dev/roster/internal/testenv"
)

// in is the same browser in another test.
func (b *browser) in(p *preset) *browser {
	same := *b
	same.preset = p
	return &same
}

// signsIn signs the person in with their password, and returns the page that this leads to.
func (b *browser) signsIn() string {
	b.Helper()
	return b.signsInAs(b.login)
}

func (b *browser) signsInAs(login string) string {
	b.Helper()
	status, page := b.post(roster.portal+"/sign-in", url.Values{"login": {login}, "password": {password}})
	b.Expect(status).To(Equal(http.StatusOK), page)
	return page
}

// sees waits until a page says all of this.
func (b *browser) sees(address string, texts ...string) {
	b.Helper()
	b.Eventually(func(g Gomega) {
		_, page := b.get(address)
		for _, text := range texts {
			g.Expect(page).To(ContainSubstring(text))
		}
	}).WithTimeout(testenv.Patience).WithPolling(250*time.Millisecond).Should(Succeed(), address)
}

var (
	secretOnPage = regexp.MustCompile(`<strong class="secret">([A-Z2-7 ]+)</strong>`)
	sealedOnPage = regexp.MustCompile(`name="seed" value="([^"]+)"`)
)

// app is an authenticator app.
type app struct {
	*preset
	seed []byte
}

// code is what the app shows so many steps from now.
func (a app) code(steps int) string {
	a.Helper()
	c, err := factor.Code(a.seed, roster.clock.Now().Add(time.Duration(steps)*factor.Period))
	a.Expect(err).NotTo(HaveOccurred())
	return c
}

// addsApp sets up an authenticator app for the person who is signed in. It takes the code of the step before: each opens once.
func (b *browser) addsApp() app {
	b.Helper()
	const path = "/account/factors/app"
	_, page := b.get(roster.portal + path)
	secret, sealed := secretOnPage.FindStringSubmatch(page), sealedOnPage.FindStringSubmatch(page)
	b.Expect(secret).NotTo(BeNil(), page)
	b.Expect(sealed).NotTo(BeNil(), page)
	seed, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(secret[1], " ", ""))
	b.Expect(err).NotTo(HaveOccurred())
	a := app{b.preset, seed}
	status, page := b.post(roster.portal+path, url.Values{"seed": {html.UnescapeString(sealed[1])}, "code": {a.code(-1)}})
	b.Expect(status).To(Equal(http.StatusOK), page)
	b.Expect(page).To(ContainSubstring("Save these recovery codes"))
	return a
}
