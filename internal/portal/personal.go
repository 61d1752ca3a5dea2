// SPDX-License-Identifier: Apache-2.0

package portal

import "net/http"

// accountPage is the personal page.
type accountPage struct {
	Name    string
	Email   string
	SignOut string
}

// getAccount answers GET /account.
func (p *Portal) getAccount(v *visit) {
	spec := v.person.account.Spec
	p.show(v, http.StatusOK, pageAccount, v.words.T("account.title"), accountPage{
		Name: spec.DisplayName, Email: spec.Email, SignOut: p.root + "/sign-out" + v.words.Query(),
	})
}
