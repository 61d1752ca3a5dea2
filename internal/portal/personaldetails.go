// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The fields of the personal pages.
const (
	fieldUsername    = "username"
	fieldCredentials = "credentials"
	fieldEngagement  = "engagement"
	fieldAvatar      = "avatar"
)

// personalDetailsPage is what a person says about themselves, and which mails they want.
type personalDetailsPage struct {
	web.Fields
	Form                    form
	Credentials, Engagement bool
	Gravatar                bool
	Action, Back            string
}

// getPersonalDetails answers GET /account/profile.
func (p *Portal) getPersonalDetails(v *visit) {
	spec := v.person.account.Spec
	p.personalDetailsForm(v, http.StatusOK, personalDetailsPage{
		Form:        form{DisplayName: spec.DisplayName, Company: spec.Company, Locale: cmp.Or(spec.Locale, rosterv1alpha1.LocaleEnglish)},
		Credentials: ptr.Deref(spec.Notifications.Credentials, true), Engagement: ptr.Deref(spec.Notifications.Engagement, true),
		Gravatar: spec.Avatar == rosterv1alpha1.AvatarGravatar,
	})
}

func (p *Portal) personalDetailsForm(v *visit, status int, page personalDetailsPage) {
	query := v.words.Query()
	page.Action, page.Back = p.root+"/account/profile"+query, p.root+"/account"+query
	p.show(v, status, web.PagePersonalDetails, errorTitle(v.words, v.words.T("profilePage.title"), page.Problems), page)
}

func readPersonalDetails(values url.Values) personalDetailsPage {
	ticked := func(name string) bool { return values.Get(name) != "" }
	return personalDetailsPage{
		Form: readForm(values), Credentials: ticked(fieldCredentials), Engagement: ticked(fieldEngagement), Gravatar: ticked(fieldAvatar),
	}
}

// postPersonalDetails answers POST /account/profile.
func (p *Portal) postPersonalDetails(v *visit) {
	if !p.readPost(v) {
		return
	}
	page := readPersonalDetails(v.r.PostForm)
	if page.Problems = page.Form.checkProfile(v.words); len(page.Problems) > 0 {
		p.personalDetailsForm(v, http.StatusUnprocessableEntity, page)
		return
	}
	_, err := p.accounts.UpdateSpec(v.r.Context(), v.person.account, func(spec *rosterv1alpha1.AccountSpec) {
		spec.DisplayName, spec.Company, spec.Locale = page.Form.DisplayName, page.Form.Company, page.Form.Locale
		spec.Notifications = rosterv1alpha1.Notifications{Credentials: ptr.To(page.Credentials), Engagement: ptr.To(page.Engagement)}
		spec.Avatar = rosterv1alpha1.AvatarInitials
		if page.Gravatar {
			spec.Avatar = rosterv1alpha1.AvatarGravatar
		}
	})
	switch {
	case apierrors.IsInvalid(err):
		page.Problems = []web.Problem{{Text: v.words.T("error.refused")}}
		p.personalDetailsForm(v, http.StatusUnprocessableEntity, page)
	case err != nil:
		p.fault(v, err)
	default:
		p.done(v, doneProfile)
	}
}

// usernamePage is for the name that a person signs in with.
type usernamePage struct {
	web.Fields
	Username     string
	Email        string
	Action, Back string
}

// getUsername answers GET /account/username.
func (p *Portal) getUsername(v *visit) {
	p.usernameForm(v, http.StatusOK, v.person.account.Spec.Username, nil)
}

func (p *Portal) usernameForm(v *visit, status int, username string, problems []web.Problem) {
	query := v.words.Query()
	p.show(v, status, web.PageUsername, errorTitle(v.words, v.words.T("usernamePage.title"), problems), usernamePage{
		Fields: web.Fields{Problems: problems}, Username: username, Email: v.person.account.Spec.Email,
		Action: p.root + "/account/username" + query, Back: p.root + "/account" + query,
	})
}

// postUsername answers POST /account/username.
func (p *Portal) postUsername(v *visit) {
	if !p.readPost(v) {
		return
	}
	username, acct := strings.ToLower(strings.TrimSpace(v.r.PostForm.Get(fieldUsername))), v.person.account
	refuse := func(text string) {
		p.usernameForm(v, http.StatusUnprocessableEntity, username, []web.Problem{{Field: fieldUsername, Text: text}})
	}
	if username != "" && !account.IsUsername(username) {
		refuse(v.words.T("error.username.invalid"))
		return
	}
	switch err := p.accounts.SetUsername(v.r.Context(), acct, username, p.clock.Now()); {
	case errors.Is(err, account.ErrTaken):
		p.audit(v, web.EventUsername, web.ResultFailure, acct.Name)
		refuse(v.words.T("error.username.taken"))
	case err != nil:
		p.fault(v, err)
	default:
		p.audit(v, web.EventUsername, web.ResultSuccess, acct.Name)
		p.done(v, doneUsername)
	}
}

// getPassword answers GET /account/password.
func (p *Portal) getPassword(v *visit) { p.passwordForm(v, http.StatusOK, nil) }

func (p *Portal) passwordForm(v *visit, status int, problems []web.Problem) {
	rules, err := p.passwordRules(v.r.Context(), v.person.account)
	if err != nil {
		p.fault(v, err)
		return
	}
	query := v.words.Query()
	p.show(v, status, web.PageReset, errorTitle(v.words, v.words.T("reset.title"), problems), passwordPage{
		Fields: web.Fields{Problems: problems}, Email: v.person.account.Spec.Email, Rules: ruleTexts(v.words, rules.policy),
		Action: p.root + "/account/password" + query, Back: p.root + "/account" + query,
	})
}

// postPassword answers POST /account/password.
func (p *Portal) postPassword(v *visit) {
	if !p.readPost(v) {
		return
	}
	f, who := readForm(v.r.PostForm), v.person
	rules, err := p.passwordRules(v.r.Context(), who.account)
	if err != nil {
		p.fault(v, err)
		return
	}
	if problems := f.checkPassword(v.words, p.common, rules.policy, rules.owner); len(problems) > 0 {
		p.passwordForm(v, http.StatusUnprocessableEntity, problems)
		return
	}
	s, err := p.accounts.ChangePassword(v.r.Context(), who.account, who.session, f.password, p.clock.Now())
	if errors.Is(err, account.ErrSignedOut) {
		p.toSignIn(v)
		return
	}
	if err == nil {
		err = p.setSession(v, s)
	}
	if err != nil {
		p.fault(v, err)
		return
	}
	p.passwordSet(v, web.EventPassword, who.account)
	p.done(v, donePassword)
}
