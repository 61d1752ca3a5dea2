// SPDX-License-Identifier: Apache-2.0

package personal

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
	"github.com/roster-dev/roster/internal/portal/session"
	"github.com/roster-dev/roster/internal/portal/signin"
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
	Form                    signin.Registration
	Credentials, Engagement bool
	Gravatar                bool
	Action, Back            string
}

// getPersonalDetails answers GET /account/profile.
func (h *Handler) getPersonalDetails(v *session.Visit) {
	spec := v.Person.Account.Spec
	h.personalDetailsForm(v, http.StatusOK, personalDetailsPage{
		Form: signin.Registration{
			DisplayName: spec.DisplayName, Company: spec.Company, Locale: cmp.Or(spec.Locale, rosterv1alpha1.LocaleEnglish),
		},
		Credentials: ptr.Deref(spec.Notifications.Credentials, true), Engagement: ptr.Deref(spec.Notifications.Engagement, true),
		Gravatar: spec.Avatar == rosterv1alpha1.AvatarGravatar,
	})
}

func (h *Handler) personalDetailsForm(v *session.Visit, status int, page personalDetailsPage) {
	page.Action, page.Back = v.Path("/account/profile"), v.Path("/account")
	v.Show(status, web.PagePersonalDetails, v.Words.ErrorTitle(v.Words.T("profilePage.title"), page.Problems), page)
}

func readPersonalDetails(values url.Values) personalDetailsPage {
	ticked := func(name string) bool { return values.Get(name) != "" }
	return personalDetailsPage{
		Form: signin.ReadRegistration(values), Credentials: ticked(fieldCredentials), Engagement: ticked(fieldEngagement), Gravatar: ticked(fieldAvatar),
	}
}

// postPersonalDetails answers POST /account/profile.
func (h *Handler) postPersonalDetails(v *session.Visit) {
	page := readPersonalDetails(v.R.PostForm)
	if page.Problems = page.Form.CheckProfile(v.Words); len(page.Problems) > 0 {
		h.personalDetailsForm(v, http.StatusUnprocessableEntity, page)
		return
	}
	_, err := h.Accounts.UpdateSpec(v.R.Context(), v.Person.Account, func(spec *rosterv1alpha1.AccountSpec) {
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
		h.personalDetailsForm(v, http.StatusUnprocessableEntity, page)
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
func (h *Handler) getUsername(v *session.Visit) {
	h.usernameForm(v, http.StatusOK, v.Person.Account.Spec.Username, nil)
}

func (h *Handler) usernameForm(v *session.Visit, status int, username string, problems []web.Problem) {
	v.Show(status, web.PageUsername, v.Words.ErrorTitle(v.Words.T("usernamePage.title"), problems), usernamePage{
		Fields: web.Fields{Problems: problems}, Username: username, Email: v.Person.Account.Spec.Email,
		Action: v.Path("/account/username"), Back: v.Path("/account"),
	})
}

// postUsername answers POST /account/username.
func (h *Handler) postUsername(v *session.Visit) {
	username, acct := strings.ToLower(strings.TrimSpace(v.R.PostForm.Get(fieldUsername))), v.Person.Account
	refuse := func(text string) {
		h.usernameForm(v, http.StatusUnprocessableEntity, username, []web.Problem{{Field: fieldUsername, Text: text}})
	}
	if username != "" && !account.IsUsername(username) {
		refuse(v.Words.T("error.username.invalid"))
		return
	}
	switch err := h.Accounts.SetUsername(v.R.Context(), acct, username, v.Now()); {
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
func (h *Handler) getPassword(v *session.Visit) { h.passwordForm(v, http.StatusOK, nil) }

func (h *Handler) passwordForm(v *session.Visit, status int, problems []web.Problem) {
	rules, err := h.SignIn.PasswordRules(v.R.Context(), v.Person.Account)
	if err != nil {
		v.Fault(err)
		return
	}
	v.Show(status, web.PageReset, v.Words.ErrorTitle(v.Words.T("reset.title"), problems), signin.PasswordPage{
		Fields: web.Fields{Problems: problems}, Email: v.Person.Account.Spec.Email, Rules: signin.RuleTexts(v.Words, rules.Policy),
		Action: v.Path("/account/password"), Back: v.Path("/account"),
	})
}

// postPassword answers POST /account/password.
func (h *Handler) postPassword(v *session.Visit) {
	f, who := signin.ReadRegistration(v.R.PostForm), v.Person
	rules, err := h.SignIn.PasswordRules(v.R.Context(), who.Account)
	if err != nil {
		v.Fault(err)
		return
	}
	if problems := f.CheckPassword(v.Words, h.Common, rules.Policy, rules.Owner); len(problems) > 0 {
		h.passwordForm(v, http.StatusUnprocessableEntity, problems)
		return
	}
	s, err := h.Accounts.ChangePassword(v.R.Context(), who.Account, who.Session, f.Password, v.Now())
	if errors.Is(err, account.ErrSignedOut) {
		v.ToSignIn()
		return
	}
	if err == nil {
		err = h.Sessions.Set(v.Visit, s)
	}
	if err != nil {
		v.Fault(err)
		return
	}
	h.SignIn.PasswordSet(v.Visit, web.EventPassword, who.Account)
	v.Done(web.DonePassword)
}
