// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/web"
)

// getInvitation answers GET /invitations/{token}. It changes nothing.
func (p *Portal) getInvitation(v *invitationVisit) {
	if !p.openLink(v, true, registration{}) {
		return
	}
	who, err := p.invited(v)
	if err != nil {
		p.fail(v, registration{}, err)
		return
	}
	verdict := v.link.check(p.clock.Now())
	if verdict == invitation.LinkAccepted && who != nil && v.link.acceptedBy(who.account.Name) {
		v.redirect("/welcome")
		return
	}
	if verdict != invitation.LinkOpen {
		p.dead(v, verdict)
		return
	}
	_, hasPassword, err := p.accounts.Find(v.R.Context(), v.link.address)
	switch {
	case err == nil, errors.Is(err, account.ErrNotFound):
		name, company := v.link.known()
		known := registration{DisplayName: name, Company: company, Locale: v.Words.Locale}
		p.form(v, http.StatusOK, known, &formError{signIn: hasPassword, signedIn: who})
	default:
		p.fail(v, registration{}, err)
	}
}

// postInvitation answers POST /invitations/{token}.
func (p *Portal) postInvitation(v *invitationVisit) {
	if !v.ReadPost() {
		return
	}
	switch v.R.PostForm.Get(web.FieldAction) {
	case actionAccept:
		p.postAccept(v)
	case actionDecline:
		p.postDecline(v)
	case actionRenew:
		p.postRenew(v)
	default:
		v.BadRequest()
	}
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
func (p *Portal) postAccept(v *invitationVisit) {
	ctx, f := v.R.Context(), readRegistration(v.R.PostForm)
	if !p.openLink(v, true, f) {
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
	wrote, err := p.claim(ctx, v, who)
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
func (p *Portal) secondFactorFirst(v *invitationVisit, f registration, who verifiedInvitee, err error) {
	if err == nil {
		err = p.proceed(v.Visit, who.account, who.credentials, who.session, who.device, "/invitations/"+v.link.token)
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
func (p *Portal) accepted(v *invitationVisit, who verifiedInvitee, wrote bool) {
	result := web.ClaimRepeated
	if wrote {
		result = web.ClaimAccepted
	}
	p.metrics.CountClaim(result)
	v.Audit(web.EventAccept, web.ResultSuccess, who.account.Name, "invitation", v.link.offer.Invitation.Name,
		"namespace", v.link.offer.Invitation.Namespace)
	var err error
	switch who.stands {
	case toBegin:
		err = p.begin(v.Visit, who.account, who.credentials, who.session, who.device)
	case toHand:
		_, err = p.end(v.Visit)
		err = errors.Join(err, p.hand(v.Visit, who.account, who.session, who.device),
			p.accounts.RecordSignIn(v.R.Context(), who.account, p.clock.Now()))
	case held:
	}
	if err != nil {
		p.log.Error(err, "Cannot sign in the person who has just accepted", "account", who.account.Name)
	}
	v.redirect("/welcome")
}

// prove makes the Account with its first password, or checks the password of the one that is there. Whoever is signed in as the invited
// person has done so.
func (p *Portal) prove(ctx context.Context, v *invitationVisit, f registration) (verifiedInvitee, error) {
	if who, err := p.invited(v); err != nil || who != nil {
		return whoHolds(who), err
	}
	if text := p.ways(v).Refused; text != "" {
		return verifiedInvitee{}, &formError{problems: []web.Problem{{Text: text}}}
	}
	d, err := p.browser(v.Visit)
	if err != nil {
		return verifiedInvitee{}, err
	}
	on := account.Browser{ID: d.ID, Label: web.BrowserLabel(v.R.UserAgent())}
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
		if problems := f.check(v.Words, p.common, org.Security.Password, owner); len(problems) > 0 {
			return verifiedInvitee{}, &formError{problems: problems}
		}
		acct, s, err := p.accounts.Register(ctx, v.link.address, f.profile(), f.password, on, p.clock.Now())
		if errors.Is(err, account.ErrCredentialsExist) || apierrors.IsConflict(err) {
			continue // somebody else was faster
		}
		if apierrors.IsInvalid(err) {
			return verifiedInvitee{}, &formError{problems: []web.Problem{{Text: v.Words.T("error.refused")}}}
		}
		return verifiedInvitee{account: acct, session: s, device: d, stands: toHand}, err
	}
	return verifiedInvitee{}, errContention
}

// invited is the person who is signed in, if it is the invited one and their session opens the organisation; else nil.
func (p *Portal) invited(v *invitationVisit) (*person, error) {
	who, err := p.current(v.Visit)
	if err != nil || who == nil {
		return nil, err
	}
	if is, err := p.isInvitee(v.R.Context(), who, v.link); err != nil || !is {
		return nil, err
	}
	if o := v.link.offer.Organization; o != nil && !who.admits(o) {
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
func (p *Portal) authenticate(ctx context.Context, v *invitationVisit, f registration) (verifiedInvitee, error) {
	wrong := func(text string) error {
		return &formError{signIn: true, problems: []web.Problem{{Field: web.FieldPassword, Text: text}}}
	}
	if who, err := p.invited(v); err != nil || who != nil {
		return whoHolds(who), err
	}
	if f.password == "" {
		return verifiedInvitee{}, wrong(v.Words.T("error.signIn.missing"))
	}
	d, err := p.browser(v.Visit)
	if err != nil {
		return verifiedInvitee{}, err
	}
	tried, wait := p.limits.Take(p.limits.Tries(string(v.link.address), d, string(v.link.offer.Invitation.UID), v.Client)...)
	if wait > 0 {
		v.Audit(web.EventSignIn, web.ResultThrottled, v.link.address.AccountName())
		return verifiedInvitee{}, &throttledError{wait: wait}
	}
	acct, c, err := p.accounts.Authenticate(ctx, v.link.address, f.password)
	if errors.Is(err, account.ErrWrongPassword) || errors.Is(err, account.ErrNoCredentials) {
		p.metrics.CountClaim(web.ClaimWrongPassword)
		v.Audit(web.EventSignIn, web.ResultFailure, v.link.address.AccountName())
		if f.registers {
			return verifiedInvitee{}, wrong(v.Words.T("signIn.appeared"))
		}
		return verifiedInvitee{}, wrong(v.Words.T("error.signIn.wrong"))
	}
	tried.GiveBack()
	if err != nil {
		return verifiedInvitee{}, err
	}
	s := account.NewSession(acct, c, account.MethodPassword, p.clock.Now())
	return verifiedInvitee{account: acct, credentials: c, session: s, device: d, stands: toBegin}, nil
}
