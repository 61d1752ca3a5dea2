// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/portal/web"
)

// errReset says that a link to choose a new password is not good, or no longer.
var errReset = errors.New("no such link")

// PasswordPage asks for a new password, twice.
type PasswordPage struct {
	web.Fields
	Email  string
	Rules  []string
	Action string
	// Back is where to go without choosing one; empty if that is not offered.
	Back string
}

// resetLink is a link to choose a new password that is good.
type resetLink struct {
	account *rosterv1alpha1.Account
	asked   time.Time
}

// openReset checks the link of a visit.
func (h *Handler) openReset(v *web.Visit) (resetLink, error) {
	link, err := h.findReset(v)
	if errors.Is(err, errReset) {
		return link, web.Answered(h.resetDead(v))
	}
	if err == nil {
		v.Speak(link.account.Spec.Locale, "")
	}
	return link, err
}

func (h *Handler) findReset(v *web.Visit) (resetLink, error) {
	ctx, token := v.R.Context(), v.R.PathValue("token")
	keys, err := h.LinkKeys.Keys(ctx)
	if err != nil {
		return resetLink{}, err
	}
	name, asked, err := account.ParseReset(token)
	if err != nil {
		return resetLink{}, errReset
	}
	acct, err := h.Accounts.Named(ctx, name)
	switch {
	case errors.Is(err, account.ErrNotFound), errors.Is(err, account.ErrTerminating), errors.Is(err, account.ErrMismatch):
		return resetLink{}, errReset
	case err != nil:
		return resetLink{}, err
	}
	if account.VerifyReset(keys, token, acct, v.Now()) != nil {
		if keys, err = h.LinkKeys.Refresh(ctx); err != nil {
			return resetLink{}, err
		}
		if account.VerifyReset(keys, token, acct, v.Now()) != nil {
			return resetLink{}, errReset
		}
	}
	if ptr.Deref(acct.Spec.Suspended, false) {
		return resetLink{}, errReset
	}
	err = h.Accounts.Resettable(ctx, acct, asked)
	if errors.Is(err, account.ErrUsed) {
		err = errReset
	}
	return resetLink{account: acct, asked: asked}, err
}

// getReset answers GET /reset/{token}. It changes nothing.
func (h *Handler) getReset(v *web.Visit) error {
	link, err := h.openReset(v)
	if err != nil {
		return err
	}
	return h.resetForm(v, link, nil)
}

func (h *Handler) resetForm(v *web.Visit, link resetLink, problems []web.Problem) error {
	rules, err := h.PasswordRules(v.R.Context(), link.account)
	if err != nil {
		return err
	}
	return v.Form(web.PageReset, v.Words.T("reset.title"), problems, PasswordPage{
		Fields: web.Fields{Problems: problems}, Email: link.account.Spec.Email, Rules: RuleTexts(v.Words, rules.Policy),
		Action: v.Path("/reset/" + v.R.PathValue("token")),
	})
}

func (h *Handler) postReset(v *web.Visit) error {
	link, err := h.openReset(v)
	if err != nil {
		return err
	}
	rules, err := h.PasswordRules(v.R.Context(), link.account)
	if err != nil {
		return err
	}
	f := ReadRegistration(v.R.PostForm)
	if problems := f.CheckPassword(v.Words, h.Common, rules.Policy, rules.Owner); len(problems) > 0 {
		return h.resetForm(v, link, problems)
	}
	err = h.Accounts.ResetPassword(v.R.Context(), link.account, link.asked, f.Password, v.Now())
	switch {
	case errors.Is(err, account.ErrUsed):
		return h.resetDead(v)
	case err != nil:
		return err
	}
	h.PasswordSet(v, web.EventReset, link.account)
	h.Sessions.Drop(v)
	if err := h.Sessions.RememberMailbox(v, link.account); err != nil {
		v.Log().Error(err, "Cannot remember who chose a new password on this browser", "account", link.account.Name)
	}
	w := v.Words
	return v.Notice(http.StatusOK, web.Notice{
		Symbol: web.SymbolCheck, Heading: w.T("reset.done.title"), Paragraphs: []string{w.T("reset.done.text")},
		Go: web.Action{Text: w.T("signInPage.submit"), Href: v.Path("/sign-in")}})
}

// PasswordSet audits that a password was replaced, and asks the operator to tell the person.
func (h *Handler) PasswordSet(v *web.Visit, e web.Event, acct *rosterv1alpha1.Account) {
	v.Audit(e, web.ResultSuccess, acct.Name)
	if err := h.Accounts.NotePassword(v.R.Context(), acct); err != nil {
		v.Log().Error(err, "Cannot note that a password was changed", "account", acct.Name)
	}
}

func (h *Handler) resetDead(v *web.Visit) error {
	w := v.Words
	v.Audit(web.EventReset, web.ResultFailure, "")
	return v.Notice(http.StatusGone, web.Notice{Symbol: web.SymbolLink, Heading: w.T("reset.dead.title"),
		Paragraphs: []string{w.T("reset.dead.text"), w.T("reset.dead.next")},
		Go:         web.Action{Text: w.T("forgotten.link"), Href: v.Path("/forgotten")}})
}

// PasswordRules are what a new password of a person has to fulfil.
type PasswordRules struct {
	Policy rosterv1alpha1.PasswordPolicy
	Owner  account.Person
}

// PasswordRules are the strictest of the organisations that a person belongs to.
func (h *Handler) PasswordRules(ctx context.Context, acct *rosterv1alpha1.Account) (PasswordRules, error) {
	members, err := h.Sessions.Memberships(ctx, acct)
	if err != nil {
		return PasswordRules{}, err
	}
	owner := account.Person{
		Address: address.Address(acct.Spec.Email), Names: []string{acct.Spec.DisplayName, acct.Spec.Company, acct.Spec.Username},
	}
	var policies []rosterv1alpha1.PasswordPolicy
	for _, m := range members {
		if m.Organization != nil {
			policies = append(policies, m.Organization.Spec.Security.Password)
			owner.Names = append(owner.Names, m.Organization.Spec.DisplayName)
		}
	}
	return PasswordRules{Policy: account.Strictest(policies...), Owner: owner}, nil
}
