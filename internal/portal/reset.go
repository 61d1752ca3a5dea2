// SPDX-License-Identifier: Apache-2.0

package portal

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

// passwordPage asks for a new password, twice.
type passwordPage struct {
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

// openReset checks the link of a visit; otherwise it answers, and returns false.
func (p *Portal) openReset(v *web.Visit) (resetLink, bool) {
	link, err := p.findReset(v.R.Context(), v.R.PathValue("token"))
	switch {
	case errors.Is(err, errReset):
		p.resetDead(v)
		return link, false
	case err != nil:
		v.Fault(err)
		return link, false
	}
	v.Speak(link.account.Spec.Locale, "")
	return link, true
}

func (p *Portal) findReset(ctx context.Context, token string) (resetLink, error) {
	keys, err := p.keys.Keys(ctx)
	if err != nil {
		return resetLink{}, err
	}
	name, asked, err := account.ParseReset(token)
	if err != nil {
		return resetLink{}, errReset
	}
	acct, err := p.accounts.Named(ctx, name)
	switch {
	case errors.Is(err, account.ErrNotFound), errors.Is(err, account.ErrTerminating), errors.Is(err, account.ErrMismatch):
		return resetLink{}, errReset
	case err != nil:
		return resetLink{}, err
	}
	if account.VerifyReset(keys, token, acct, p.clock.Now()) != nil {
		if keys, err = p.keys.Refresh(ctx); err != nil {
			return resetLink{}, err
		}
		if account.VerifyReset(keys, token, acct, p.clock.Now()) != nil {
			return resetLink{}, errReset
		}
	}
	if ptr.Deref(acct.Spec.Suspended, false) {
		return resetLink{}, errReset
	}
	err = p.accounts.Resettable(ctx, acct, asked)
	if errors.Is(err, account.ErrUsed) {
		err = errReset
	}
	return resetLink{account: acct, asked: asked}, err
}

// getReset answers GET /reset/{token}. It changes nothing.
func (p *Portal) getReset(v *web.Visit) {
	if link, ok := p.openReset(v); ok {
		p.resetForm(v, http.StatusOK, link, nil)
	}
}

func (p *Portal) resetForm(v *web.Visit, status int, link resetLink, problems []web.Problem) {
	rules, err := p.passwordRules(v.R.Context(), link.account)
	if err != nil {
		v.Fault(err)
		return
	}
	v.Show(status, web.PageReset, v.Words.ErrorTitle(v.Words.T("reset.title"), problems), passwordPage{
		Fields: web.Fields{Problems: problems}, Email: link.account.Spec.Email, Rules: ruleTexts(v.Words, rules.policy),
		Action: v.Path("/reset/" + v.R.PathValue("token")),
	})
}

// postReset answers POST /reset/{token}.
func (p *Portal) postReset(v *web.Visit) {
	if !v.ReadPost() {
		return
	}
	link, ok := p.openReset(v)
	if !ok {
		return
	}
	rules, err := p.passwordRules(v.R.Context(), link.account)
	if err != nil {
		v.Fault(err)
		return
	}
	f := readRegistration(v.R.PostForm)
	if problems := f.checkPassword(v.Words, p.common, rules.policy, rules.owner); len(problems) > 0 {
		p.resetForm(v, http.StatusUnprocessableEntity, link, problems)
		return
	}
	err = p.accounts.ResetPassword(v.R.Context(), link.account, link.asked, f.password, p.clock.Now())
	switch {
	case errors.Is(err, account.ErrUsed):
		p.resetDead(v)
		return
	case err != nil:
		v.Fault(err)
		return
	}
	p.passwordSet(v, web.EventReset, link.account)
	p.dropSession(v)
	if err := p.rememberMailbox(v, link.account); err != nil {
		p.log.Error(err, "Cannot remember who chose a new password on this browser", "account", link.account.Name)
	}
	w := v.Words
	v.Notice(http.StatusOK, web.Notice{
		Symbol: web.SymbolCheck, Heading: w.T("reset.done.title"), Paragraphs: []string{w.T("reset.done.text")},
		Go: web.Action{Text: w.T("signInPage.submit"), Href: v.Path("/sign-in")}})
}

// passwordSet audits that a password was replaced, and asks the operator to tell the person.
func (p *Portal) passwordSet(v *web.Visit, e web.Event, acct *rosterv1alpha1.Account) {
	v.Audit(e, web.ResultSuccess, acct.Name)
	if err := p.accounts.NotePassword(v.R.Context(), acct); err != nil {
		p.log.Error(err, "Cannot note that a password was changed", "account", acct.Name)
	}
}

func (p *Portal) resetDead(v *web.Visit) {
	w := v.Words
	v.Audit(web.EventReset, web.ResultFailure, "")
	v.Notice(http.StatusGone, web.Notice{Symbol: web.SymbolLink, Heading: w.T("reset.dead.title"),
		Paragraphs: []string{w.T("reset.dead.text"), w.T("reset.dead.next")},
		Go:         web.Action{Text: w.T("forgotten.link"), Href: v.Path("/forgotten")}})
}

// passwordRules are what a new password of a person has to fulfil.
type passwordRules struct {
	policy rosterv1alpha1.PasswordPolicy
	owner  account.Person
}

// passwordRules are the strictest of the organisations that a person belongs to.
func (p *Portal) passwordRules(ctx context.Context, acct *rosterv1alpha1.Account) (passwordRules, error) {
	members, err := p.membershipsOf(ctx, acct)
	if err != nil {
		return passwordRules{}, err
	}
	owner := account.Person{Address: address.Address(acct.Spec.Email), Names: []string{acct.Spec.DisplayName, acct.Spec.Username}}
	var policies []rosterv1alpha1.PasswordPolicy
	for _, m := range members {
		if m.organization != nil {
			policies = append(policies, m.organization.Spec.Security.Password)
			owner.Names = append(owner.Names, m.organization.Spec.DisplayName)
		}
	}
	return passwordRules{policy: account.Strictest(policies...), owner: owner}, nil
}
