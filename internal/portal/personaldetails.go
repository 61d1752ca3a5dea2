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
	Form                    registration
	Credentials, Engagement bool
	Gravatar                bool
	Action, Back            string
}

// getPersonalDetails answers GET /account/profile.
func (p *Portal) getPersonalDetails(v *sessionVisit) {
	spec := v.person.account.Spec
	p.personalDetailsForm(v, http.StatusOK, personalDetailsPage{
		Form: registration{
			DisplayName: spec.DisplayName, Company: spec.Company, Locale: cmp.Or(spec.Locale, rosterv1alpha1.LocaleEnglish),
		},
		Credentials: ptr.Deref(spec.Notifications.Credentials, true), Engagement: ptr.Deref(spec.Notifications.Engagement, true),
		Gravatar: spec.Avatar == rosterv1alpha1.AvatarGravatar,
	})
}

func (p *Portal) personalDetailsForm(v *sessionVisit, status int, page personalDetailsPage) {
	page.Action, page.Back = v.Path("/account/profile"), v.Path("/account")
	v.Show(status, web.PagePersonalDetails, v.Words.ErrorTitle(v.Words.T("profilePage.title"), page.Problems), page)
}

func readPersonalDetails(values url.Values) personalDetailsPage {
	ticked := func(name string) bool { return values.Get(name) != "" }
	return personalDetailsPage{
		Form: readRegistration(values), Credentials: ticked(fieldCredentials), Engagement: ticked(fieldEngagement), Gravatar: ticked(fieldAvatar),
	}
}

// postPersonalDetails answers POST /account/profile.
func (p *Portal) postPersonalDetails(v *sessionVisit) {
	if !v.ReadPost() {
		return
	}
	page := readPersonalDetails(v.R.PostForm)
	if page.Problems = page.Form.checkProfile(v.Words); len(page.Problems) > 0 {
		p.personalDetailsForm(v, http.StatusUnprocessableEntity, page)
		return
	}
	_, err := p.accounts.UpdateSpec(v.R.Context(), v.person.account, func(spec *rosterv1alpha1.AccountSpec) {
		spec.DisplayName, spec.Company, spec.Locale = page.Form.DisplayName, page.Form.Company, page.Form.Locale
		spec.Notifications = rosterv1alpha1.Notifications{Credentials: ptr.To(page.Credentials), Engagement: ptr.To(page.Engagement)}
		spec.Avatar = rosterv1alpha1.AvatarInitials
		if page.Gravatar {
			spec.Avatar = rosterv1alpha1.AvatarGravatar
		}
	})
	switch {
	case apierrors.IsInvalid(err):
		page.Problems = []web.Problem{{Text: v.Words.T("error.refused")}}
		p.personalDetailsForm(v, http.StatusUnprocessableEntity, page)
	case err != nil:
		v.Fault(err)
	default:
		v.Done(web.DoneProfile)
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
func (p *Portal) getUsername(v *sessionVisit) {
	p.usernameForm(v, http.StatusOK, v.person.account.Spec.Username, nil)
}

func (p *Portal) usernameForm(v *sessionVisit, status int, username string, problems []web.Problem) {
	v.Show(status, web.PageUsername, v.Words.ErrorTitle(v.Words.T("usernamePage.title"), problems), usernamePage{
		Fields: web.Fields{Problems: problems}, Username: username, Email: v.person.account.Spec.Email,
		Action: v.Path("/account/username"), Back: v.Path("/account"),
	})
}

// postUsername answers POST /account/username.
func (p *Portal) postUsername(v *sessionVisit) {
	if !v.ReadPost() {
		return
	}
	username, acct := strings.ToLower(strings.TrimSpace(v.R.PostForm.Get(fieldUsername))), v.person.account
	refuse := func(text string) {
		p.usernameForm(v, http.StatusUnprocessableEntity, username, []web.Problem{{Field: fieldUsername, Text: text}})
	}
	if username != "" && !account.IsUsername(username) {
		refuse(v.Words.T("error.username.invalid"))
		return
	}
	switch err := p.accounts.SetUsername(v.R.Context(), acct, username, p.clock.Now()); {
	case errors.Is(err, account.ErrTaken):
		v.Audit(web.EventUsername, web.ResultFailure, acct.Name)
		refuse(v.Words.T("error.username.taken"))
	case err != nil:
		v.Fault(err)
	default:
		v.Audit(web.EventUsername, web.ResultSuccess, acct.Name)
		v.Done(web.DoneUsername)
	}
}

// getPassword answers GET /account/password.
func (p *Portal) getPassword(v *sessionVisit) { p.passwordForm(v, http.StatusOK, nil) }

func (p *Portal) passwordForm(v *sessionVisit, status int, problems []web.Problem) {
	rules, err := p.passwordRules(v.R.Context(), v.person.account)
	if err != nil {
		v.Fault(err)
		return
	}
	v.Show(status, web.PageReset, v.Words.ErrorTitle(v.Words.T("reset.title"), problems), passwordPage{
		Fields: web.Fields{Problems: problems}, Email: v.person.account.Spec.Email, Rules: ruleTexts(v.Words, rules.policy),
		Action: v.Path("/account/password"), Back: v.Path("/account"),
	})
}

// postPassword answers POST /account/password.
func (p *Portal) postPassword(v *sessionVisit) {
	if !v.ReadPost() {
		return
	}
	f, who := readRegistration(v.R.PostForm), v.person
	rules, err := p.passwordRules(v.R.Context(), who.account)
	if err != nil {
		v.Fault(err)
		return
	}
	if problems := f.checkPassword(v.Words, p.common, rules.policy, rules.owner); len(problems) > 0 {
		p.passwordForm(v, http.StatusUnprocessableEntity, problems)
		return
	}
	s, err := p.accounts.ChangePassword(v.R.Context(), who.account, who.session, f.password, p.clock.Now())
	if errors.Is(err, account.ErrSignedOut) {
		v.ToSignIn()
		return
	}
	if err == nil {
		err = p.setSession(v.Visit, s)
	}
	if err != nil {
		v.Fault(err)
		return
	}
	p.passwordSet(v.Visit, web.EventPassword, who.account)
	v.Done(web.DonePassword)
}
