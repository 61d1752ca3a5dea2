// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"net/http"
	"strings"
	"testing"
)

// TestPagesLeadOn: people who typed the address of the portal, or a wrong one, find their account from there.
func TestPagesLeadOn(t *testing.T) {
	w := newWorld(t)
	s := w.site()
	signedIn := w.signedIn(s, "ana")
	for path, status := range map[string]int{
		"/": http.StatusOK, "/nowhere": http.StatusNotFound, "/organizations/nowhere": http.StatusNotFound, "/sign-out": http.StatusMethodNotAllowed,
	} {
		signedIn.get(path).expect(t, status, `class="button" href="/account"`, "Go to your account")
		signedIn.get(path).expect(t, status, `<nav class="menu"`, "Sign out")
		signedIn.get(path+"?lang=fr").expect(t, status, `class="button" href="/account?lang=fr"`, "Aller à votre compte")
	}
	stranger := s.browser()
	stranger.get("/").expect(t, http.StatusOK, `href="/account"`)
	stranger.get("/account").expect(t, http.StatusSeeOther)
	if nowhere := stranger.get("/nowhere"); strings.Contains(nowhere.body, `<nav class="menu"`) {
		t.Error("a stranger has the menu of somebody who is signed in")
	}
}
