// SPDX-License-Identifier: Apache-2.0

package personal

import (
	"cmp"
	"errors"
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
	fieldAddress     = "address"
)

// personalDetailsPage is what a person says about themselves, and which mails they want.
type personalDetailsPage struct {
	web.Fields
	Form                    signin.Registration
	Credentials, Engagement bool
	Gravatar                bool
	Action, Back            string
}

func (h *Handler) getPersonalDetails(v *session.Visit) error {
	spec := v.Person.Account.Spec
	return h.personalDetailsForm(v, personalDetailsPage{
		Form: signin.Registration{
			DisplayName: spec.DisplayName, Company: spec.Company, Locale: cmp.Or(spec.Locale, rosterv1alpha1.LocaleEnglish),
		},
		Credentials: ptr.Deref(spec.Notifications.Credentials, true), Engagement: ptr.Deref(spec.Notifications.Engagement, true),
		Gravatar: spec.Avatar == rosterv1alpha1.AvatarGravatar,
	})
}

func (h *Handler) personalDetailsForm(v *session.Visit, page personalDetailsPage) error {
	page.Action, page.Back = v.Path("/account/profile"), v.Path("/account")
	return v.Form(web.PagePersonalDetails, v.Words.T("profilePage.title"), page.Problems, page)
}

func readPersonalDetails(values url.Values) personalDetailsPage {
	ticked := func(name string) bool { return values.Get(name) != "" }
	return personalDetailsPage{
		Form:        signin.ReadRegistration(values),
		Credentials: ticked(fieldCredentials), Engagement: ticked(fieldEngagement), Gravatar: ticked(fieldAvatar),
	}
}

func (h *Handler) postPersonalDetails(v *session.Visit) error {
	page := readPersonalDetails(v.R.PostForm)
	if page.Problems = page.Form.CheckProfile(v.Words); len(page.Problems) > 0 {
		return h.personalDetailsForm(v, page)
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
		return h.personalDetailsForm(v, page)
	case err != nil:
		return err
	default:
		return v.Done(session.DoneProfile)
	}
}

// usernamePage is for the name that a person signs in with.
type usernamePage struct {
	web.Fields
	Username     string
	Email        string
	Action, Back string
}

func (h *Handler) getUsername(v *session.Visit) error {
	return h.usernameForm(v, v.Person.Account.Spec.Username, nil)
}

func (h *Handler) usernameForm(v *session.Visit, username string, problems []web.Problem) error {
	return v.Form(web.PageUsername, v.Words.T("usernamePage.title"), problems, usernamePage{
		Fields: web.Fields{Problems: problems}, Username: username, Email: v.Person.Account.Spec.Email,
		Action: v.Path("/account/username"), Back: v.Path("/account"),
	})
}

func (h *Handler) postUsername(v *session.Visit) error {
	username, acct := strings.ToLower(strings.TrimSpace(v.R.PostForm.Get(fieldUsername))), v.Person.Account
	refuse := func(text string) error {
		return h.usernameForm(v, username, []web.Problem{{Field: fieldUsername, Text: text}})
	}
	if username != "" && !account.IsUsername(username) {
		return refuse(v.Words.T("error.username.invalid"))
	}
	switch err := h.Accounts.SetUsername(v.R.Context(), acct, username, v.Now()); {
	case errors.Is(err, account.ErrTaken):
		v.Audit(web.EventUsername, web.ResultFailure, acct.Name)
		return refuse(v.Words.T("error.username.taken"))
	case err != nil:
		return err
	}
	v.Audit(web.EventUsername, web.ResultSuccess, acct.Name)
	return v.Done(session.DoneUsername)
}

func (h *Handler) getPassword(v *session.Visit) error { return h.passwordForm(v, nil) }

func (h *Handler) passwordForm(v *session.Visit, problems []web.Problem) error {
	rules, err := h.SignIn.PasswordRules(v.R.Context(), v.Person.Account)
	if err != nil {
		return err
	}
	return v.Form(web.PageReset, v.Words.T("reset.title"), problems, signin.PasswordPage{
		Fields: web.Fields{Problems: problems}, Email: v.Person.Account.Spec.Email, Rules: signin.RuleTexts(v.Words, rules.Policy),
		Action: v.Path("/account/password"), Back: v.Path("/account"),
	})
}

func (h *Handler) postPassword(v *session.Visit) error {
	f, who := signin.ReadRegistration(v.R.PostForm), v.Person
	rules, err := h.SignIn.PasswordRules(v.R.Context(), who.Account)
	if err != nil {
		return err
	}
	if problems := f.CheckPassword(v.Words, h.Common, rules.Policy, rules.Owner); len(problems) > 0 {
		return h.passwordForm(v, problems)
	}
	s, err := h.Accounts.ChangePassword(v.R.Context(), who.Account, who.Session, f.Password, v.Now())
	if errors.Is(err, account.ErrSignedOut) {
		return v.ToSignIn()
	}
	if err == nil {
		err = h.Sessions.Set(v.Visit, s)
	}
	if err != nil {
		return err
	}
	h.SignIn.PasswordSet(v.Visit, web.EventPassword, who.Account)
	return v.Done(session.DonePassword)
}
