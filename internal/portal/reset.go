// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"net/http"
	"time"

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
func (p *Portal) openReset(v *visit) (resetLink, bool) {
	link, err := p.findReset(v.r.Context(), v.r.PathValue("token"))
	switch {
	case errors.Is(err, errReset):
		p.resetDead(v)
		return link, false
	case err != nil:
		p.fault(v, err)
		return link, false
	}
	v.words = p.dictionary.Choose(v.r, link.account.Spec.Locale, "")
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
	if suspended := acct.Spec.Suspended; suspended != nil && *suspended {
		return resetLink{}, errReset
	}
	err = p.accounts.Resettable(ctx, acct, asked)
	if errors.Is(err, account.ErrUsed) {
		err = errReset
	}
	return resetLink{account: acct, asked: asked}, err
}

// getReset answers GET /reset/{token}. It changes nothing.
func (p *Portal) getReset(v *visit) {
	if link, ok := p.openReset(v); ok {
		p.resetForm(v, http.StatusOK, link, nil)
	}
}

func (p *Portal) resetForm(v *visit, status int, link resetLink, problems []web.Problem) {
	rules, err := p.passwordRules(v.r.Context(), link.account)
	if err != nil {
		p.fault(v, err)
		return
	}
	p.show(v, status, web.PageReset, errorTitle(v.words, v.words.T("reset.title"), problems), passwordPage{
		Fields: web.Fields{Problems: problems}, Email: link.account.Spec.Email, Rules: ruleTexts(v.words, rules.policy),
		Action: p.root + "/reset/" + v.r.PathValue("token") + v.words.Query(),
	})
}

// postReset answers POST /reset/{token}.
func (p *Portal) postReset(v *visit) {
	if !p.readPost(v) {
		return
	}
	link, ok := p.openReset(v)
	if !ok {
		return
	}
	rules, err := p.passwordRules(v.r.Context(), link.account)
	if err != nil {
		p.fault(v, err)
		return
	}
	f := readForm(v.r.PostForm)
	if problems := f.checkPassword(v.words, p.common, rules.policy, rules.owner); len(problems) > 0 {
		p.resetForm(v, http.StatusUnprocessableEntity, link, problems)
		return
	}
	err = p.accounts.ResetPassword(v.r.Context(), link.account, link.asked, f.password, p.clock.Now())
	switch {
	case errors.Is(err, account.ErrUsed):
		p.resetDead(v)
		return
	case err != nil:
		p.fault(v, err)
		return
	}
	p.passwordSet(v, web.EventReset, link.account)
	p.dropSession(v)
	if err := p.rememberMailbox(v, link.account); err != nil {
		p.log.Error(err, "Cannot remember who chose a new password on this browser", "account", link.account.Name)
	}
	w := v.words
	p.notice(v, http.StatusOK, web.Notice{
		Symbol: web.SymbolCheck, Heading: w.T("reset.done.title"), Paragraphs: []string{w.T("reset.done.text")},
		Go: web.Action{Text: w.T("signInPage.submit"), Href: p.root + "/sign-in" + w.Query()}})
}

// rememberMailbox notes on the browser that whoever uses it reads the mails of that account: so they can sign in there, however many
// strangers try to.
func (p *Portal) rememberMailbox(v *visit, acct *rosterv1alpha1.Account) error {
	d, err := p.browser(v)
	if err != nil {
		return err
	}
	for _, login := range logins(acct) {
		d.Remember(web.Mailbox(login))
	}
	return p.sealCookie(v, deviceCookie, deviceUse, d, deviceFor)
}

// passwordSet audits that a password was replaced, and asks the operator to tell the person.
func (p *Portal) passwordSet(v *visit, e web.Event, acct *rosterv1alpha1.Account) {
	p.audit(v, e, web.ResultSuccess, acct.Name)
	if err := p.accounts.NotePassword(v.r.Context(), acct); err != nil {
		p.log.Error(err, "Cannot note that a password was changed", "account", acct.Name)
	}
}

func (p *Portal) resetDead(v *visit) {
	w := v.words
	p.audit(v, web.EventReset, web.ResultFailure, "")
	p.notice(v, http.StatusGone, web.Notice{Symbol: web.SymbolLink, Heading: w.T("reset.dead.title"),
		Paragraphs: []string{w.T("reset.dead.text"), w.T("reset.dead.next")},
		Go:         web.Action{Text: w.T("forgotten.link"), Href: p.root + "/forgotten" + w.Query()}})
}

// passwordRules are what a new password of a person has to fulfil.
type passwordRules struct {
	policy rosterv1alpha1.PasswordPolicy
	owner  account.Person
}

// passwordRules are the strictest of the organisations that a person belongs to.
func (p *Portal) passwordRules(ctx context.Context, acct *rosterv1alpha1.Account) (passwordRules, error) {
	members, err := p.memberships(ctx, acct)
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
