// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/portal/web"
)

// forgottenPage asks for address or user name.
type forgottenPage struct {
	web.Fields
	Login  string
	Action string
	SignIn string
}

// getForgotten answers GET /forgotten.
func (p *Portal) getForgotten(v *web.Visit) { p.forgottenForm(v, http.StatusOK, nil) }

func (p *Portal) forgottenForm(v *web.Visit, status int, problems []web.Problem) {
	v.Show(status, web.PageForgotten, v.Words.ErrorTitle(v.Words.T("forgotten.title"), problems), forgottenPage{
		Fields: web.Fields{Problems: problems}, Action: v.Path("/forgotten"), SignIn: v.Path("/sign-in"),
	})
}

// postForgotten answers POST /forgotten: whatever was typed, with the same page and without waiting for what comes of it.
func (p *Portal) postForgotten(v *web.Visit) {
	if !v.ReadPost() {
		return
	}
	typed := strings.TrimSpace(v.R.PostForm.Get(fieldLogin))
	if typed == "" {
		p.forgottenForm(v, http.StatusUnprocessableEntity, []web.Problem{{Field: fieldLogin, Text: v.Words.T("error.login.missing")}})
		return
	}
	if problems := loginProblems(v.Words, typed); len(problems) > 0 {
		p.forgottenForm(v, http.StatusUnprocessableEntity, problems)
		return
	}
	login := canonicalLogin(typed)
	d, err := p.browser(v)
	if err != nil {
		v.Fault(err)
		return
	}
	result := web.ResultSuccess
	_, wait := p.limits.Take(p.limits.MailsTo(login, d, v.Client)...)
	if wait > 0 || !p.background.Start(v.R.Context(), func(ctx context.Context) { p.remind(ctx, typed) }) {
		result = web.ResultThrottled
	}
	v.Audit(web.EventForgotten, result, "", "login", web.LoginHash(login))
	w := v.Words
	v.Notice(http.StatusOK, web.Notice{Symbol: web.SymbolMail, Heading: w.T("forgotten.sent.title"),
		Paragraphs: []string{w.T("forgotten.sent.text"), w.T("forgotten.sent.next")}})
}

// remind asks the operator for what somebody needs to get in: a mail with a link to choose a new password, or new links of invitations that
// have expired, where their organisations allow that.
func (p *Portal) remind(ctx context.Context, login string) {
	var errs []error
	acct, err := p.accounts.Lookup(ctx, login)
	switch {
	case err == nil:
		_, err = p.accounts.RequestReset(ctx, acct, p.clock.Now())
		errs = append(errs, err)
		login = acct.Spec.Email
	case !errors.Is(err, account.ErrNotFound):
		errs = append(errs, err)
	}
	if address, err := address.Parse(login); err == nil {
		errs = append(errs, p.renewAll(ctx, address))
	}
	if err := errors.Join(errs...); err != nil {
		p.log.Error(err, "Cannot ask for a mail", "login", web.LoginHash(login))
	}
}
