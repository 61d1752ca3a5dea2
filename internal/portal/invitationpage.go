// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The values of fieldAction.
const (
	actionAccept  = "accept"
	actionDecline = "decline"
	actionRenew   = "renew"
)

// invitationVisit is one by somebody who has opened the link of an invitation.
type invitationVisit struct {
	*web.Visit
	link verifiedLink
	// person is who is signed in, on the page for those who have an account of another address.
	person *person
}

// opened makes a page about the invitation of the link.
func opened(page func(*invitationVisit)) func(*web.Visit) {
	return func(v *web.Visit) { page(&invitationVisit{Visit: v}) }
}

// openedBy makes a page about the invitation of the link for somebody who is signed in.
func openedBy(page func(*invitationVisit)) func(*sessionVisit) {
	return func(v *sessionVisit) { page(&invitationVisit{Visit: v.Visit, person: v.person}) }
}

// invitationRoutes are the pages behind the link of an invitation.
func (p *Portal) invitationRoutes() []web.Route {
	const path = "/invitations/{token}"
	signedIn := p.requireSession
	return []web.Route{
		{Path: path, Get: opened(p.getInvitation), Post: opened(p.postInvitation), Returnable: true},
		{Path: path + "/decline", Get: opened(p.getDecline)},
		{Path: path + "/address", Get: signedIn(openedBy(p.getOtherAddress)), Post: signedIn(openedBy(p.postOtherAddress)), Returnable: true},
		{Path: path + "/welcome", Get: opened(p.getWelcome)},
	}
}

// path of a page about the invitation of the visit.
func (v *invitationVisit) path(page string) string {
	return v.Path("/invitations/" + v.link.token + page)
}

// redirect sends the browser to a page about the invitation, which it opens with GET.
func (v *invitationVisit) redirect(page string) { v.Redirect(v.path(page)) }

// update notes how the invitation stands, unless reading it failed.
func (v *invitationVisit) update(f verifiedLink, err error) error {
	if err == nil {
		v.link = f
		f.speak(v.Visit)
	}
	return err
}

// open reads the invitation of the link, by which somebody joins or not; otherwise it answers, and returns false. What was typed is kept.
func (p *Portal) openLink(v *invitationVisit, joins bool, f registration) bool {
	link, err := p.open(v.R.Context(), v.R.PathValue("token"), joins, v.R.Method != http.MethodPost)
	if link.offer.Invitation == nil {
		f = registration{}
	} else {
		_ = v.update(link, nil)
	}
	if err != nil {
		p.fail(v, f, err)
	}
	return err == nil
}

// formError says that the form has to be shown again.
type formError struct {
	problems []web.Problem
	// signIn says that the form that asks for an existing password is the right one.
	signIn bool
	// signedIn is the invited person if they are signed in, and nothing has to be typed.
	signedIn *person
}

func (*formError) Error() string { return "the form has to be corrected" }

// throttledError says how long to wait.
type throttledError struct{ wait time.Duration }

func (e *throttledError) Error() string { return fmt.Sprintf("too many tries, next in %s", e.wait) }

// fail shows what went wrong. What was typed is kept, but for the password.
func (p *Portal) fail(v *invitationVisit, f registration, err error) {
	var invalid *formError
	var throttled *throttledError
	switch {
	case errors.As(err, &invalid):
		p.metrics.CountClaim(web.ClaimInvalid)
		p.form(v, http.StatusUnprocessableEntity, f, invalid)
	case errors.As(err, &throttled):
		p.metrics.CountClaim(web.ClaimThrottled)
		v.Locked(throttled.wait)
	case errors.Is(err, errUnknown):
		p.unknown(v)
	case errors.Is(err, account.ErrSuspended):
		v.Audit(web.EventSignIn, web.ResultRefused, v.link.address.AccountName())
		suspended(v.Visit)
	case errors.Is(err, account.ErrTerminating):
		p.accountTerminating(v)
	case errors.Is(err, account.ErrMismatch):
		p.log.Error(err, "An Account does not belong to the address that its name says", "account", v.link.address.AccountName())
		p.accountMismatch(v)
	default:
		p.failed(v, f, err)
	}
}

// failed is for an API server that cannot be reached or refuses. Somebody who has filled in a form gets it back, with what the cache
// knows of the invitation.
func (p *Portal) failed(v *invitationVisit, f registration, err error) {
	if v.R.Method == http.MethodPost {
		p.metrics.CountClaim(web.ClaimFailed)
	}
	if v.R.Method != http.MethodPost || f.password == "" || v.link.check(p.clock.Now()) != invitation.LinkOpen {
		v.Fault(err)
		return
	}
	if v.Report(err) {
		return
	}
	v.W.Header().Set("Retry-After", web.RetryLater)
	p.form(v, http.StatusServiceUnavailable, f, &formError{
		signIn: !f.registers, problems: []web.Problem{{Text: v.Words.T("error.unavailable")}},
	})
}

// form shows the form that accepts.
func (p *Portal) form(v *invitationVisit, status int, f registration, e *formError) {
	offer := p.describe(v.R.Context(), v.link, v.Words)
	v.Show(status, web.PageInvitation, v.Words.ErrorTitle(v.Words.T("invitation.title", "Org", offer.Org), e.problems), formPage{
		Fields: web.Fields{Problems: e.problems}, Offer: offer, Form: f, SignIn: e.signIn, SignedIn: emailOf(e.signedIn),
		Rules:  ruleTexts(v.Words, v.link.offer.Organization.Spec.Security.Password),
		Action: v.path(""), Decline: v.path("/decline"), Ways: p.ways(v), Other: p.otherAddress(v),
		Forgotten: v.Path("/forgotten"),
	})
}

// emailOf is empty for nobody.
func emailOf(who *person) string {
	if who == nil {
		return ""
	}
	return who.account.Spec.Email
}

func (p *Portal) declineForm(v *invitationVisit, status int, problems []web.Problem) {
	offer := p.describe(v.R.Context(), v.link, v.Words)
	v.Show(status, web.PageDecline, v.Words.ErrorTitle(v.Words.T("decline.title", "Org", offer.Org), problems), formPage{
		Fields: web.Fields{Problems: problems}, Offer: offer, Action: v.path(""), Back: v.path(""),
	})
}

// formPage is a page with a form about an invitation.
type formPage struct {
	web.Fields
	Offer   offerView
	Form    registration
	SignIn  bool
	Rules   []string
	Action  string
	Decline string
	Back    string
	// Forgotten is where to ask for a new password.
	Forgotten string
	// Ways are those to sign in that open the organisation.
	Ways waysView
	// SignedIn is the address of the invited person's Account, if they are signed in on this browser.
	SignedIn string
	// Other is where people accept with an account of another address; empty where none can.
	Other string
}
