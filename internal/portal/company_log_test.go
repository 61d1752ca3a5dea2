// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"bytes"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testpeer"
)

// TestDocumentedLogOfCompanySignIn: what docs/sso.md shows of the log is what the portal writes about a real provider, but for the time.
func TestDocumentedLogOfCompanySignIn(t *testing.T) {
	w := newWorld(t)
	acme := w.startIssuer("acme", w.ns+".example", map[string]testpeer.Claims{
		"unverified": {"email": w.address("ana"), "email_verified": false},
		"outsider":   verified("ana@elsewhere.example"),
	})
	var log bytes.Buffer
	s := w.site(unlimited, companies(acme), func(c *configure) { c.Log = zap.New(zap.WriteTo(&log)).WithName("portal") })
	w.sso("acme", rosterv1alpha1.SignInSSO)
	for _, name := range []string{"unverified", "outsider"} {
		s.browser().at(acme, name, "/account").expect(t, http.StatusForbidden, "You are not signed in")
	}
	page, err := os.ReadFile("../../docs/sso.md")
	if err != nil {
		t.Fatal(err)
	}
	want, got := linesAbout("by a company", string(page)), linesAbout("by a company", log.String())
	if len(want) == 0 || !slices.Equal(want, got) {
		t.Errorf("docs/sso.md shows\n%s\nwhat is written is\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
}

// linesAbout are the lines of the log in a text that would be found by grep, without the time.
func linesAbout(word, text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, `{"level"`) && strings.Contains(line, word) {
			found = append(found, regexp.MustCompile(`"ts":"[^"]*"`).ReplaceAllString(strings.TrimSpace(line), `"ts":""`))
		}
	}
	return found
}
