// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

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

func (h *Handler) getForgotten(v *web.Visit) error { return h.forgottenForm(v, nil) }

func (h *Handler) forgottenForm(v *web.Visit, problems []web.Problem) error {
	return v.Form(web.PageForgotten, v.Words.T("forgotten.title"), problems, forgottenPage{
		Fields: web.Fields{Problems: problems}, Action: v.Path("/forgotten"), SignIn: v.Path("/sign-in"),
	})
}

// postForgotten answers POST /forgotten: whatever was typed, with the same page and without waiting for what comes of it.
func (h *Handler) postForgotten(v *web.Visit) error {
	typed := strings.TrimSpace(v.R.PostForm.Get(fieldLogin))
	if typed == "" {
		return h.forgottenForm(v, []web.Problem{{Field: fieldLogin, Text: v.Words.T("error.login.missing")}})
	}
	if problems := loginProblems(v.Words, typed); len(problems) > 0 {
		return h.forgottenForm(v, problems)
	}
	login := canonicalLogin(typed)
	d, err := h.Sessions.Browser(v)
	if err != nil {
		return err
	}
	result := web.ResultSuccess
	_, wait := h.Limits.Take(h.Limits.MailsTo(login, d, v.Client)...)
	remind := func(ctx context.Context) {
		if err := h.remind(ctx, typed, v.Now()); err != nil {
			v.Log().Error(err, "Cannot ask for a mail", "login", web.LoginHash(login))
		}
	}
	if wait > 0 || !h.Background.Start(v.R.Context(), remind) {
		result = web.ResultThrottled
	}
	v.Audit(web.EventForgotten, result, "", "login", web.LoginHash(login))
	w := v.Words
	return v.Say(http.StatusOK, web.SymbolMail, w.T("forgotten.sent.title"), w.T("forgotten.sent.text"), w.T("forgotten.sent.next"))
}

// remind asks the operator for what somebody needs to get in: a mail with a link to choose a new password, or new links of invitations that
// have expired, where their organisations allow that.
func (h *Handler) remind(ctx context.Context, login string, now time.Time) error {
	var errs []error
	acct, err := h.Accounts.Lookup(ctx, login)
	switch {
	case err == nil:
		_, err = h.Accounts.RequestReset(ctx, acct, now)
		errs = append(errs, err)
		login = acct.Spec.Email
	case !errors.Is(err, account.ErrNotFound):
		errs = append(errs, err)
	}
	if address, err := address.Parse(login); err == nil {
		errs = append(errs, h.Links.RenewAll(ctx, address))
	}
	return errors.Join(errs...)
}
