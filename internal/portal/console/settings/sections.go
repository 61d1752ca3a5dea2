// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The sections, by their paths.
const (
	sectionGeneral      = "general"
	sectionInvitations  = "invitations"
	sectionWelcome      = "welcome"
	sectionEnvironments = "environments"
	sectionGuardrails   = "guardrails"
	sectionSignIn       = "sign-in"
	sectionPasswords    = "passwords"
)

func sectionNames() []string {
	return []string{
		sectionGeneral, sectionInvitations, sectionWelcome, sectionEnvironments, sectionGuardrails, sectionSignIn, sectionPasswords,
	}
}

// sections are all settings, with what is set.
func sections(w web.Words, o *rosterv1alpha1.Organization, people book) []section {
	return []section{
		general(w, &o.Spec), invitations(w, &o.Spec), welcome(w, &o.Spec, people), environments(w, &o.Spec), guardrails(w, &o.Spec),
		signIn(w, &o.Spec), passwords(w, &o.Spec),
	}
}

func general(w web.Words, spec *rosterv1alpha1.OrganizationSpec) section {
	return section{
		Name: sectionGeneral, Title: w.T("settings.general.title"),
		Fields: []field{
			{ID: "displayName", Path: "displayName", Kind: kindText, Label: w.T("settings.displayName"), Hint: w.T("settings.displayName.hint"),
				Value: spec.DisplayName, Max: web.MaxName},
			{ID: "locale", Path: "locale", Kind: kindChoice, Label: w.T("settings.locale"), Hint: w.T("settings.locale.hint"),
				Value: string(cmp.Or(spec.Locale, rosterv1alpha1.LocaleEnglish)), Options: []option{
					{string(rosterv1alpha1.LocaleEnglish), w.T("language.en")}, {string(rosterv1alpha1.LocaleFrench), w.T("language.fr")},
				}},
		},
		set: func(values url.Values, spec *rosterv1alpha1.OrganizationSpec) []web.Problem {
			spec.DisplayName, spec.Locale = web.Tidy(values.Get("displayName")), rosterv1alpha1.Locale(values.Get("locale"))
			switch name := spec.DisplayName; {
			case !web.IsVisible(name):
				return []web.Problem{{Field: "displayName", Text: w.T("settings.error.name")}}
			case !web.IsLine(name), len([]rune(name)) > web.MaxName:
				return []web.Problem{{Field: "displayName", Text: w.N("settings.error.line", web.MaxName)}}
			}
			return nil
		},
	}
}

func invitations(w web.Words, spec *rosterv1alpha1.OrganizationSpec) section {
	p := spec.Invitations
	return section{
		Name: sectionInvitations, Title: w.T("settings.invitations.title"),
		Fields: []field{
			{ID: "validity", Path: "invitations.validity", Kind: kindText, Label: w.T("settings.validity"), Hint: w.T("settings.validity.hint"),
				Value: hours(cmp.Or(p.Validity.Duration, rosterv1alpha1.DefaultValidity)), Max: 20},
			{ID: "remindBefore", Path: "invitations.remindBefore", Kind: kindText, Label: w.T("settings.remindBefore"),
				Hint: w.T("settings.remindBefore.hint"), Value: allHours(p.RemindBefore), Max: 100},
			{ID: "allowedDomains", Path: "invitations.allowedDomains", Kind: kindLines, Label: w.T("settings.allowedDomains"),
				Hint: w.T("settings.allowedDomains.hint"), Value: strings.Join(p.AllowedDomains, "\n"), Max: 10000,
				Empty: w.T("settings.allowedDomains.all")},
			{ID: "allowedFor", Path: "invitations.allowedFor", Kind: kindChoice, Label: w.T("settings.allowedFor"),
				Value: string(cmp.Or(p.AllowedFor, rosterv1alpha1.InvitersManagers)), Options: []option{
					{string(rosterv1alpha1.InvitersManagers), w.T("settings.allowedFor.managers")},
					{string(rosterv1alpha1.InvitersOwner), w.T("settings.allowedFor.owner")},
				}},
			{ID: "selfRenewal", Path: "invitations.selfRenewal", Kind: kindCheck, Label: w.T("settings.selfRenewal"), Value: check(p.SelfRenewal)},
		},
		set: func(values url.Values, spec *rosterv1alpha1.OrganizationSpec) []web.Problem {
			validity, problems := readHours(w, values.Get("validity"), "validity", rosterv1alpha1.MinValidity, rosterv1alpha1.MaxValidity)
			reminders, more := readAllHours(w, values.Get("remindBefore"))
			domains, others := readDomains(w, values.Get("allowedDomains"))
			spec.Invitations.Validity, spec.Invitations.RemindBefore, spec.Invitations.AllowedDomains = validity, reminders, domains
			spec.Invitations.AllowedFor = rosterv1alpha1.Inviters(values.Get("allowedFor"))
			spec.Invitations.SelfRenewal = isTicked(values, "selfRenewal")
			return slices.Concat(problems, more, others)
		},
	}
}

func welcome(w web.Words, spec *rosterv1alpha1.OrganizationSpec, people book) section {
	contact := ""
	if ref := spec.Onboarding.ContactRef; ref != nil {
		contact = cmp.Or(people.address(ref.Name), ref.Name)
	}
	var steps []pair
	for _, s := range spec.Onboarding.Steps {
		steps = append(steps, pair{s.Text, s.URL})
	}
	return section{
		Name: sectionWelcome, Title: w.T("settings.welcome.title"), Lead: w.T("settings.welcome.lead"),
		Fields: []field{
			{ID: "mode", Path: "onboarding.mode", Kind: kindChoice, Label: w.T("settings.mode"),
				Value: string(cmp.Or(spec.Onboarding.Mode, rosterv1alpha1.OnboardingExisting)), Options: []option{
					{string(rosterv1alpha1.OnboardingNew), w.T("settings.mode.new")},
					{string(rosterv1alpha1.OnboardingExisting), w.T("settings.mode.existing")},
				}},
			{ID: "contact", Path: "onboarding.contactRef", Kind: kindText, Label: w.T("settings.contact"), Hint: w.T("settings.contact.hint"),
				Value: contact, Max: 254, Empty: w.T("settings.contact.owner")},
			{ID: "steps", Path: "onboarding.steps", Kind: kindPairs, Label: w.T("settings.steps"), Hint: w.T("settings.steps.hint"), Max: 300,
				Pairs: padded(steps, 2), FirstLabel: w.T("settings.steps.text"), SecondLabel: w.T("settings.steps.url")},
		},
		set: func(values url.Values, spec *rosterv1alpha1.OrganizationSpec) []web.Problem {
			spec.Onboarding.Mode = rosterv1alpha1.OnboardingMode(values.Get("mode"))
			problems := setContact(w, strings.TrimSpace(values.Get("contact")), contact, &spec.Onboarding, people)
			spec.Onboarding.Steps = nil
			for i, p := range readPairs(values, "steps") {
				if p == (pair{}) {
					continue
				}
				problems = append(problems, checkPair(w, "steps", i, p, 300, false)...)
				spec.Onboarding.Steps = append(spec.Onboarding.Steps, rosterv1alpha1.OnboardingStep{Text: p.First, URL: p.Second})
			}
			return problems
		},
	}
}

// setContact finds the member of the address that was typed. One that is shown stays, also where the person is not there any more.
func setContact(w web.Words, typed, shown string, o *rosterv1alpha1.Onboarding, people book) []web.Problem {
	switch typed {
	case "":
		o.ContactRef = nil
		return nil
	case shown:
		return nil
	}
	name := people.member(typed)
	if name == "" {
		return []web.Problem{{Field: "contact", Text: w.T("settings.error.contact", "Address", typed)}}
	}
	o.ContactRef = &rosterv1alpha1.LocalReference{Name: name}
	return nil
}

func environments(w web.Words, spec *rosterv1alpha1.OrganizationSpec) section {
	var pairs []pair
	for _, e := range spec.Environments {
		pairs = append(pairs, pair{e.Name, e.URL})
	}
	return section{
		Name: sectionEnvironments, Title: w.T("settings.environments.title"), Lead: w.T("settings.environments.lead"),
		Fields: []field{{
			ID: "environments", Path: "environments", Kind: kindPairs, Label: w.T("settings.environments"),
			Hint: w.T("settings.environments.hint"), Max: 60,
			Pairs: padded(pairs, 2), FirstLabel: w.T("settings.environments.name"), SecondLabel: w.T("settings.environments.url"),
		}},
		set: func(values url.Values, spec *rosterv1alpha1.OrganizationSpec) []web.Problem {
			var problems []web.Problem
			spec.Environments = nil
			seen := map[string]bool{}
			for i, p := range readPairs(values, "environments") {
				if p == (pair{}) {
					continue
				}
				problems = append(problems, checkPair(w, "environments", i, p, 60, true)...)
				if seen[p.First] {
					problems = append(problems, web.Problem{Field: rowID("environments", i), Text: w.T("settings.error.twice", "Name", p.First)})
				}
				seen[p.First] = true
				spec.Environments = append(spec.Environments, rosterv1alpha1.Environment{Name: p.First, URL: p.Second})
			}
			return problems
		},
	}
}

func guardrails(w web.Words, spec *rosterv1alpha1.OrganizationSpec) section {
	g := spec.Guardrails
	if g == nil {
		g = &rosterv1alpha1.Guardrails{}
	}
	return section{
		Name: sectionGuardrails, Title: w.T("settings.guardrails.title"),
		Fields: []field{
			{ID: "deleteOnlySuspended", Path: "guardrails.deleteOnlySuspended", Kind: kindCheck, Label: w.T("settings.deleteOnlySuspended"),
				Hint: w.T("settings.deleteOnlySuspended.hint"), Value: check(g.DeleteOnlySuspended)},
			{ID: "warnOnOrphanedProfiles", Path: "guardrails.warnOnOrphanedProfiles", Kind: kindCheck,
				Label: w.T("settings.warnOnOrphanedProfiles"), Value: check(g.WarnOnOrphanedProfiles)},
			{ID: "requireTeam", Path: "requireTeam", Kind: kindCheck, Label: w.T("settings.requireTeam"), Hint: w.T("settings.requireTeam.hint"),
				Value: check(spec.RequireTeam)},
		},
		set: func(values url.Values, spec *rosterv1alpha1.OrganizationSpec) []web.Problem {
			spec.RequireTeam = isTicked(values, "requireTeam")
			spec.Guardrails = &rosterv1alpha1.Guardrails{
				DeleteOnlySuspended: isTicked(values, "deleteOnlySuspended"), WarnOnOrphanedProfiles: isTicked(values, "warnOnOrphanedProfiles"),
			}
			return nil
		},
	}
}

func signIn(w web.Words, spec *rosterv1alpha1.OrganizationSpec) section {
	s := spec.Security
	way := func(m rosterv1alpha1.SignInMethod) string {
		on := slices.Contains(waysOf(s), m)
		return check(&on)
	}
	return section{
		Name: sectionSignIn, Title: w.T("settings.signIn.title"), Lead: w.T("settings.signIn.lead"),
		Fields: []field{
			{ID: "multiFactor", Path: "security.multiFactor", Kind: kindChoice, Label: w.T("settings.multiFactor"),
				Value: string(cmp.Or(s.MultiFactor, rosterv1alpha1.MultiFactorOptional)), Options: []option{
					{string(rosterv1alpha1.MultiFactorOptional), w.T("settings.multiFactor.optional")},
					{string(rosterv1alpha1.MultiFactorNewMembers), w.T("settings.multiFactor.newMembers")},
					{string(rosterv1alpha1.MultiFactorRequired), w.T("settings.multiFactor.required")},
				}},
			{ID: "byPassword", Path: "security.signIn", Kind: kindCheck, Label: w.T("settings.byPassword"),
				Value: way(rosterv1alpha1.SignInPassword)},
			{ID: "bySSO", Path: "security.signIn", Kind: kindCheck, Label: w.T("settings.bySSO"), Value: way(rosterv1alpha1.SignInSSO)},
			{ID: "issuer", Path: "security.sso.issuer", Kind: kindText, Label: w.T("settings.issuer"), Hint: w.T("settings.issuer.hint"),
				Value: s.SSO.Issuer, Max: 63},
		},
		set: func(values url.Values, spec *rosterv1alpha1.OrganizationSpec) []web.Problem {
			s := &spec.Security
			s.MultiFactor, s.SignIn = rosterv1alpha1.MultiFactorPolicy(values.Get("multiFactor")), nil
			s.SSO.Issuer = strings.TrimSpace(values.Get("issuer"))
			if values.Get("byPassword") != "" {
				s.SignIn = append(s.SignIn, rosterv1alpha1.SignInPassword)
			}
			if values.Get("bySSO") != "" {
				s.SignIn = append(s.SignIn, rosterv1alpha1.SignInSSO)
			}
			switch {
			case len(s.SignIn) == 0:
				return []web.Problem{{Field: "byPassword", Text: w.T("settings.error.noWay")}}
			case s.SSO.Issuer == "" && slices.Contains(s.SignIn, rosterv1alpha1.SignInSSO):
				return []web.Problem{{Field: "issuer", Text: w.T("settings.error.noIssuer")}}
			}
			return nil
		},
	}
}

func passwords(w web.Words, spec *rosterv1alpha1.OrganizationSpec) section {
	p := spec.Security.Password
	return section{
		Name: sectionPasswords, Title: w.T("settings.passwords.title"), Lead: w.T("settings.passwords.lead"),
		Fields: []field{
			{ID: "minLength", Path: "security.password.minLength", Kind: kindNumber, Label: w.T("settings.minLength"),
				Hint: w.T("settings.minLength.hint"), Value: strconv.Itoa(int(cmp.Or(p.MinLength, 12))), Max: 3},
			{ID: "requireUppercase", Path: "security.password.requireUppercase", Kind: kindCheck, Label: w.T("settings.requireUppercase"),
				Value: check(p.RequireUppercase)},
			{ID: "requireSpecial", Path: "security.password.requireSpecial", Kind: kindCheck, Label: w.T("settings.requireSpecial"),
				Value: check(p.RequireSpecial)},
		},
		set: func(values url.Values, spec *rosterv1alpha1.OrganizationSpec) []web.Problem {
			n, err := strconv.ParseInt(strings.TrimSpace(values.Get("minLength")), 10, 32)
			if err != nil || n < 8 || n > 128 {
				return []web.Problem{{Field: "minLength", Text: w.T("settings.error.minLength", "Typed", values.Get("minLength"))}}
			}
			spec.Security.Password = rosterv1alpha1.PasswordPolicy{
				MinLength: int32(n), RequireUppercase: isTicked(values, "requireUppercase"), RequireSpecial: isTicked(values, "requireSpecial"),
			}
			return nil
		},
	}
}
