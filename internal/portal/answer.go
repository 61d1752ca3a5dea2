// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/web"
)

// throttledError says how long to wait.
type throttledError struct{ wait time.Duration }

func (e *throttledError) Error() string { return fmt.Sprintf("too many tries, next in %s", e.wait) }

// getInvitation answers GET /invitations/{token}. It changes nothing.
func (p *Portal) getInvitation(v *visit) {
	v.gives = true
	if !p.open(v) {
		return
	}
	who, err := p.invited(v)
	if err != nil {
		p.fail(v, form{}, err)
		return
	}
	verdict := v.link.check(p.clock.Now())
	if verdict == invitation.LinkAccepted && who != nil && v.link.acceptedBy(who.account.Name) {
		p.redirect(v, "/welcome")
		return
	}
	if verdict != invitation.LinkOpen {
		p.dead(v, verdict)
		return
	}
	_, hasPassword, err := p.accounts.Find(v.r.Context(), v.link.address)
	switch {
	case err == nil, errors.Is(err, account.ErrNotFound):
		p.form(v, http.StatusOK, p.prefill(v), &formError{signIn: hasPassword, signedIn: who})
	default:
		p.fail(v, form{}, err)
	}
}

// prefill is what is known of the person before they type.
func (p *Portal) prefill(v *visit) form {
	f := form{Locale: v.words.Locale}
	if m := v.link.offer.Member; m != nil {
		f.DisplayName, f.Company = m.Spec.DisplayName, m.Spec.Company
	}
	return f
}

// getDecline answers GET /invitations/{token}/decline: a page of its own, so that nobody declines by following links.
func (p *Portal) getDecline(v *visit) {
	if !p.open(v) {
		return
	}
	if verdict := v.link.check(p.clock.Now()); verdict != invitation.LinkOpen {
		p.dead(v, verdict)
		return
	}
	p.declineForm(v, http.StatusOK, nil)
}

// postInvitation answers POST /invitations/{token}.
func (p *Portal) postInvitation(v *visit) {
	if !p.readPost(v) {
		return
	}
	switch v.r.PostForm.Get(web.FieldAction) {
	case actionAccept:
		p.postAccept(v)
	case actionDecline:
		p.postDecline(v)
	case actionRenew:
		p.postRenew(v)
	default:
		p.badRequest(v)
	}
}

// readPost reads a form; otherwise it answers, and returns false.
func (p *Portal) readPost(v *visit) bool {
	err := v.r.ParseForm()
	if err == nil && isForm(v.r) {
		return true
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		p.tooLarge(v)
	} else {
		p.badRequest(v)
	}
	return false
}

// verifiedInvitee is somebody who has shown to be the invited person.
type verifiedInvitee struct {
	account     *rosterv1alpha1.Account
	credentials account.Credentials
	session     account.Session
	device      web.Device
	// stands says how the session stands.
	stands standing
}

// standing says what is left to do for a session.
type standing int

const (
	// toBegin: the password was right; the session has to be put on the device.
	toBegin standing = iota
	// toHand: the session came into being with the Account; the browser has to be given it.
	toHand
	// held: the browser has it.
	held
)

// postAccept: the Account, its password, then the claim. A crash between any two leaves something that the next try completes.
func (p *Portal) postAccept(v *visit) {
	ctx, f := v.r.Context(), readForm(v.r.PostForm)
	v.gives = true
	if !p.identified(v) {
		return
	}
	if err := p.refreshVisit(v); err != nil {
		p.fail(v, f, err)
		return
	}
	var who verifiedInvitee
	var err error
	switch verdict := v.link.check(p.clock.Now()); verdict {
	case invitation.LinkOpen:
		who, err = p.prove(ctx, v, f)
	case invitation.LinkAccepted:
		// A double click: whoever knows the password of the Account that accepted is that person.
		who, err = p.authenticate(ctx, v, f)
		if isNobody(err) {
			p.tooLate(v, verdict)
			return
		}
	default:
		p.tooLate(v, verdict)
		return
	}
	if err != nil {
		p.fail(v, f, err)
		return
	}
	if who.stands == toBegin {
		if asks, err := p.asksForFactor(who.account, who.credentials, who.session); err != nil || asks {
			p.secondFactorFirst(v, f, who, err)
			return
		}
	}
	wrote, err := p.claim(ctx, v, who, f.toOwn)
	switch {
	case err != nil:
		p.fail(v, f, err)
	case !v.link.acceptedBy(who.account.Name):
		p.tooLate(v, v.link.check(p.clock.Now()))
	default:
		p.accepted(v, who, wrote)
	}
}

// secondFactorFirst has somebody whose password was right give their second factor before they accept: they come back to the invitation.
func (p *Portal) secondFactorFirst(v *visit, f form, who verifiedInvitee, err error) {
	if err == nil {
		err = p.proceed(v, who.account, who.credentials, who.session, who.device, "/invitations/"+v.link.token)
	}
	if err != nil {
		p.fail(v, f, err)
	}
}

// isNobody says that whoever sent the form is not the person of the Account.
func isNobody(err error) bool {
	var wrong *formError
	return errors.As(err, &wrong) || errors.Is(err, account.ErrNotFound) || errors.Is(err, account.ErrNoCredentials)
}

// accepted signs the person in. If that cannot be done just now they have accepted all the same, and can sign in later.
func (p *Portal) accepted(v *visit, who verifiedInvitee, wrote bool) {
	result := web.ClaimRepeated
	if wrote {
		result = web.ClaimAccepted
	}
	p.metrics.CountClaim(result)
	p.audit(v, web.EventAccept, web.ResultSuccess, who.account.Name, "invitation", v.link.offer.Invitation.Name,
		"namespace", v.link.offer.Invitation.Namespace)
	var err error
	switch who.stands {
	case toBegin:
		err = p.begin(v, who.account, who.credentials, who.session, who.device)
	case toHand:
		_, err = p.end(v)
		err = errors.Join(err, p.hand(v, who.account, who.session, who.device),
			p.accounts.RecordSignIn(v.r.Context(), who.account, p.clock.Now()))
	case held:
	}
	if err != nil {
		p.log.Error(err, "Cannot sign in the person who has just accepted", "account", who.account.Name)
	}
	p.redirect(v, "/welcome")
}

// prove makes the Account with its first password, or checks the password of the one that is there. Whoever is signed in as the invited
// person has done so.
func (p *Portal) prove(ctx context.Context, v *visit, f form) (verifiedInvitee, error) {
	if who, err := p.invited(v); err != nil || who != nil {
		return whoHolds(who), err
	}
	if text := p.ways(v).Refused; text != "" {
		return verifiedInvitee{}, &formError{problems: []web.Problem{{Text: text}}}
	}
	d, err := p.browser(v)
	if err != nil {
		return verifiedInvitee{}, err
	}
	on := account.Browser{ID: d.ID, Label: web.BrowserLabel(v.r.UserAgent())}
	for range maxRounds {
		_, hasPassword, err := p.accounts.Find(ctx, v.link.address)
		switch {
		case err == nil && hasPassword:
			return p.authenticate(ctx, v, f)
		case err != nil && !errors.Is(err, account.ErrNotFound):
			return verifiedInvitee{}, err
		}
		org := v.link.offer.Organization.Spec
		owner := account.Person{Address: v.link.address, Names: []string{org.DisplayName}}
		if problems := f.check(v.words, p.common, org.Security.Password, owner); len(problems) > 0 {
			return verifiedInvitee{}, &formError{problems: problems}
		}
		acct, s, err := p.accounts.Register(ctx, v.link.address, f.profile(), f.password, on, p.clock.Now())
		if errors.Is(err, account.ErrCredentialsExist) || apierrors.IsConflict(err) {
			continue // somebody else was faster
		}
		if apierrors.IsInvalid(err) {
			return verifiedInvitee{}, &formError{problems: []web.Problem{{Text: v.words.T("error.refused")}}}
		}
		return verifiedInvitee{account: acct, session: s, device: d, stands: toHand}, err
	}
	return verifiedInvitee{}, errContention
}

// invited is the person who is signed in, if it is the invited one and their session opens the organisation; else nil.
func (p *Portal) invited(v *visit) (*person, error) {
	who, err := p.person(v, false)
	if err != nil || who == nil {
		return nil, err
	}
	if is, err := p.isInvitee(v.r.Context(), who, v.link); err != nil || !is {
		return nil, err
	}
	if o := v.link.offer.Organization; o != nil && !p.admits(who, o) {
		return nil, nil
	}
	return who, nil
}

func whoHolds(who *person) verifiedInvitee {
	if who == nil {
		return verifiedInvitee{}
	}
	return verifiedInvitee{account: who.account, session: who.session, stands: held}
}

// authenticate checks the password of the Account that is there. It changes nothing about it.
func (p *Portal) authenticate(ctx context.Context, v *visit, f form) (verifiedInvitee, error) {
	wrong := func(text string) error {
		return &formError{signIn: true, problems: []web.Problem{{Field: web.FieldPassword, Text: text}}}
	}
	if who, err := p.invited(v); err != nil || who != nil {
		return whoHolds(who), err
	}
	if f.password == "" {
		return verifiedInvitee{}, wrong(v.words.T("error.signIn.missing"))
	}
	d, err := p.browser(v)
	if err != nil {
		return verifiedInvitee{}, err
	}
	tried, wait := p.limits.Take(p.limits.Tries(string(v.link.address), d, string(v.link.offer.Invitation.UID), v.client)...)
	if wait > 0 {
		p.audit(v, web.EventSignIn, web.ResultThrottled, v.link.address.AccountName())
		return verifiedInvitee{}, &throttledError{wait: wait}
	}
	acct, c, err := p.accounts.Authenticate(ctx, v.link.address, f.password)
	if errors.Is(err, account.ErrWrongPassword) || errors.Is(err, account.ErrNoCredentials) {
		p.metrics.CountClaim(web.ClaimWrongPassword)
		p.audit(v, web.EventSignIn, web.ResultFailure, v.link.address.AccountName())
		if f.registers {
			return verifiedInvitee{}, wrong(v.words.T("signIn.appeared"))
		}
		return verifiedInvitee{}, wrong(v.words.T("error.signIn.wrong"))
	}
	tried.GiveBack()
	if err != nil {
		return verifiedInvitee{}, err
	}
	s := account.NewSession(acct, c, account.MethodPassword, p.clock.Now())
	return verifiedInvitee{account: acct, credentials: c, session: s, device: d, stands: toBegin}, nil
}

// postDecline declines if the box is ticked: a robot that presses every button does not decline.
func (p *Portal) postDecline(v *visit) {
	if !p.open(v) {
		return
	}
	if v.link.check(p.clock.Now()) == invitation.LinkOpen && v.r.PostForm.Get(web.FieldConfirm) == "" {
		p.metrics.CountClaim(web.ClaimInvalid)
		p.declineForm(v, http.StatusUnprocessableEntity,
			[]web.Problem{{Field: web.FieldConfirm, Text: v.words.T("error.decline.missing")}})
		return
	}
	p.answer(v, invitation.LinkOpen, invitation.LinkDeclined, web.ClaimDeclined, invitation.Decline)
}

// postRenew asks the operator for a new link.
func (p *Portal) postRenew(v *visit) {
	v.gives = true
	if p.open(v) {
		p.answer(v, invitation.LinkRenewable, invitation.LinkRenewing, web.ClaimRenewal, invitation.RequestRenewal)
	}
}

// answer settles an invitation and sends the browser to the page that says how it stands.
func (p *Portal) answer(v *visit, from, to invitation.Verdict, result string, change func(*rosterv1alpha1.Invitation, time.Time)) {
	wrote, err := p.settle(v.r.Context(), v, from, change)
	if err != nil {
		p.fail(v, form{}, err)
		return
	}
	if verdict := v.link.check(p.clock.Now()); verdict != to {
		p.tooLate(v, verdict)
		return
	}
	if !wrote {
		result = web.ClaimRepeated
	}
	p.metrics.CountClaim(result)
	p.redirect(v, "")
}

func (p *Portal) tooLate(v *visit, verdict invitation.Verdict) {
	p.metrics.CountClaim(web.ClaimTooLate)
	p.dead(v, verdict)
}

// fail shows what went wrong. What was typed is kept, but for the password.
func (p *Portal) fail(v *visit, f form, err error) {
	var invalid *formError
	var throttled *throttledError
	switch {
	case errors.As(err, &invalid):
		p.metrics.CountClaim(web.ClaimInvalid)
		p.form(v, http.StatusUnprocessableEntity, f, invalid)
	case errors.As(err, &throttled):
		p.metrics.CountClaim(web.ClaimThrottled)
		p.locked(v, throttled.wait)
	case errors.Is(err, errUnknown):
		p.unknown(v)
	case errors.Is(err, account.ErrSuspended):
		p.audit(v, web.EventSignIn, web.ResultRefused, v.link.address.AccountName())
		p.suspended(v)
	case errors.Is(err, account.ErrTerminating):
		p.accountTerminating(v)
	case errors.Is(err, account.ErrMismatch):
		p.log.Error(err, "An Account does not belong to the address that its name says", "account", v.link.address.AccountName())
		p.accountMismatch(v)
	default:
		p.failed(v, f, err)
	}
}

// statusClientGone is what the log says of a request whose client did not wait, as nginx does; nobody receives it.
const statusClientGone = 499

// failed is for an API server that cannot be reached or refuses. Somebody who has filled in a form gets it back, with what the cache
// knows of the invitation.
func (p *Portal) failed(v *visit, f form, err error) {
	if v.r.Method == http.MethodPost {
		p.metrics.CountClaim(web.ClaimFailed)
	}
	if v.r.Method != http.MethodPost || f.password == "" || v.link.check(p.clock.Now()) != invitation.LinkOpen {
		p.fault(v, err)
		return
	}
	if p.note(v, err) {
		return
	}
	v.w.Header().Set("Retry-After", retryLater)
	p.form(v, http.StatusServiceUnavailable, f, &formError{
		signIn: !f.registers, problems: []web.Problem{{Text: v.words.T("error.unavailable")}},
	})
}

// fault is failed for pages that are not about an invitation.
func (p *Portal) fault(v *visit, err error) {
	if !p.note(v, err) {
		p.unavailable(v)
	}
}

// note logs why a request cannot be served. It returns true if it has been answered, or nobody waits for an answer.
func (p *Portal) note(v *visit, err error) bool {
	if errors.Is(v.r.Context().Err(), context.Canceled) {
		v.w.WriteHeader(statusClientGone)
		return true
	}
	if errors.Is(err, account.ErrBusy) {
		p.busy(v)
		return true
	}
	p.log.Error(err, "Cannot serve a request", "method", v.r.Method)
	return false
}

// form shows the form that accepts.
func (p *Portal) form(v *visit, status int, f form, e *formError) {
	offer := p.describe(v.r.Context(), v.link, v.words)
	p.show(v, status, web.PageInvitation, errorTitle(v.words, v.words.T("invitation.title", "Org", offer.Org), e.problems), formPage{
		Fields: web.Fields{Problems: e.problems}, Offer: offer, Form: f, SignIn: e.signIn, SignedIn: emailOf(e.signedIn),
		Rules:  ruleTexts(v.words, v.link.offer.Organization.Spec.Security.Password),
		Action: p.path(v, ""), Decline: p.path(v, "/decline"), Ways: p.ways(v), Other: p.otherAddress(v),
		Forgotten: p.root + "/forgotten" + v.words.Query(),
	})
}

// emailOf is empty for nobody.
func emailOf(who *person) string {
	if who == nil {
		return ""
	}
	return who.account.Spec.Email
}

func (p *Portal) declineForm(v *visit, status int, problems []web.Problem) {
	offer := p.describe(v.r.Context(), v.link, v.words)
	p.show(v, status, web.PageDecline, errorTitle(v.words, v.words.T("decline.title", "Org", offer.Org), problems), formPage{
		Fields: web.Fields{Problems: problems}, Offer: offer, Action: p.path(v, ""), Back: p.path(v, ""),
	})
}

// errorTitle says first of all that something has to be corrected (WCAG technique G199 and its kin).
func errorTitle(w web.Words, title string, problems []web.Problem) string {
	if len(problems) == 0 {
		return title
	}
	return w.T("layout.errorTitle", "Title", title)
}

// formPage is a page with a form about an invitation.
type formPage struct {
	web.Fields
	Offer   offerView
	Form    form
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
