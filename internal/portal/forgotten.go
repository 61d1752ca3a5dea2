// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/web"
)

// maxRenewals is how many expired invitations of one address are renewed by one request.
const maxRenewals = 5

// forgottenPage asks for address or user name.
type forgottenPage struct {
	web.Fields
	Login  string
	Action string
	SignIn string
}

// getForgotten answers GET /forgotten.
func (p *Portal) getForgotten(v *visit) { p.forgottenForm(v, http.StatusOK, nil) }

func (p *Portal) forgottenForm(v *visit, status int, problems []web.Problem) {
	query := v.words.Query()
	p.show(v, status, web.PageForgotten, errorTitle(v.words, v.words.T("forgotten.title"), problems), forgottenPage{
		Fields: web.Fields{Problems: problems}, Action: p.root + "/forgotten" + query, SignIn: p.root + "/sign-in" + query,
	})
}

// postForgotten answers POST /forgotten: whatever was typed, with the same page and without waiting for what comes of it.
func (p *Portal) postForgotten(v *visit) {
	if !p.readPost(v) {
		return
	}
	typed := strings.TrimSpace(v.r.PostForm.Get(fieldLogin))
	if typed == "" {
		p.forgottenForm(v, http.StatusUnprocessableEntity, []web.Problem{{Field: fieldLogin, Text: v.words.T("error.login.missing")}})
		return
	}
	if problems := loginProblems(v.words, typed); len(problems) > 0 {
		p.forgottenForm(v, http.StatusUnprocessableEntity, problems)
		return
	}
	login := canonicalLogin(typed)
	d, err := p.browser(v)
	if err != nil {
		p.fault(v, err)
		return
	}
	result := web.ResultSuccess
	_, wait := p.limits.Take(p.limits.MailsTo(login, d, v.client)...)
	if wait > 0 || !p.background.Start(v.r.Context(), func(ctx context.Context) { p.remind(ctx, typed) }) {
		result = web.ResultThrottled
	}
	p.audit(v, web.EventForgotten, result, "", "login", web.LoginHash(login))
	w := v.words
	p.notice(v, http.StatusOK, web.Notice{Symbol: web.SymbolMail, Heading: w.T("forgotten.sent.title"),
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

// renewAll asks for new links of the expired invitations of an address.
func (p *Portal) renewAll(ctx context.Context, address address.Address) error {
	var list rosterv1alpha1.InvitationList
	if err := p.cache.List(ctx, &list, client.MatchingFields{addressIndex: string(address)}); err != nil {
		return fmt.Errorf("looking for invitations: %w", err)
	}
	var errs []error
	renewed := 0
	for i := range list.Items {
		if renewed == maxRenewals {
			break
		}
		wrote, err := p.renew(ctx, &list.Items[i], address)
		if wrote {
			renewed++
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// renew asks for a new link of an invitation if it has expired and its organisation allows that. What the cache says is only where to look.
func (p *Portal) renew(ctx context.Context, inv *rosterv1alpha1.Invitation, address address.Address) (bool, error) {
	if inv.Status.State != rosterv1alpha1.InvitationExpired && !expired(inv, p.clock.Now()) {
		return false, nil
	}
	fresh := &rosterv1alpha1.Invitation{}
	if err := p.client.Get(ctx, client.ObjectKeyFromObject(inv), fresh); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	offer, err := gather(ctx, p.client, fresh)
	if err != nil {
		return false, err
	}
	now, f := p.clock.Now(), verifiedLink{attempt: fresh.Status.Attempt, address: address, offer: offer}
	if err := p.review(ctx, &f); err != nil {
		return false, err
	}
	if f.current() != address || f.check(now) != invitation.LinkRenewable {
		return false, nil
	}
	invitation.RequestRenewal(fresh, now)
	err = p.client.Status().Update(ctx, fresh)
	if apierrors.IsConflict(err) {
		return false, nil // somebody else has just changed it; whoever asked can ask again
	}
	return err == nil, err
}

func expired(inv *rosterv1alpha1.Invitation, now time.Time) bool {
	return inv.Status.State == rosterv1alpha1.InvitationSent && inv.Status.ExpiryTime != nil && !now.Before(inv.Status.ExpiryTime.Time)
}
