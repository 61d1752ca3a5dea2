// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	. "github.com/onsi/gomega"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestQualtrics(t *testing.T) {
	p := apply(t, "qualtrics")
	p.join("oona", "adam")

	p.row("QU-01", "an admin adds a user, who gets a mail with a button that confirms the address", func(p *preset) {
		m := p.mail("ursula", 1)
		p.Expect(m.Subject).To(ContainSubstring("invite"))
		p.Expect(m.HTML).To(And(ContainSubstring(`href="`+p.link(m)+`"`), ContainSubstring("Accept invitation")))
		p.Expect(m.Text).To(ContainSubstring("confirm your registration"))
		p.Expect(m.ReplyTo).To(HaveLen(1))
		p.Expect(m.ReplyTo[0].Address).To(Equal("adam@northwind.example"))
		p.Expect(p.as("adam").Create(p.Context(), &rosterv1alpha1.Invitation{
			ObjectMeta: p.named("uwe"), Spec: rosterv1alpha1.InvitationSpec{Email: "uwe@northwind.example"},
		})).To(Succeed())
		p.address["uwe"] = "uwe@northwind.example"
		p.Expect(p.mail("uwe", 1).Subject).To(ContainSubstring("Adam Yilmaz invites you to join Northwind Care"))
	})
	link := p.link(p.mail("ursula", 1))
	p.row("QU-02", "confirming leads to a page on which the user chooses a password", func(p *preset) {
		status, page := p.browser("ursula").get(link)
		p.Expect(status).To(Equal(http.StatusOK))
		p.Expect(page).To(And(ContainSubstring("Choose a password"), ContainSubstring(`autocomplete="new-password"`)))
		p.invitationIs("ursula", rosterv1alpha1.InvitationSent)
	})
	p.row("QU-03", "at least one uppercase letter and one special character, shown before typing", func(p *preset) {
		b := p.browser("ursula")
		_, page := b.get(link)
		p.Expect(page).To(And(ContainSubstring("contain at least one uppercase letter"),
			ContainSubstring("at least one character that is neither a letter nor a digit")))
		for weak, says := range map[string]string{
			"lower-case-only": "Add at least one uppercase letter to the password.",
			"NoSpecialChars1": "Add at least one character that is neither a letter nor a digit to the password.",
		} {
			form := registration("Ursula Kern")
			form.Set("password", weak)
			form.Set("confirm", weak)
			status, page := b.post(link, form)
			p.Expect(status).To(Equal(http.StatusUnprocessableEntity))
			p.Expect(page).To(ContainSubstring(says))
		}
	})
	var welcome string
	p.row("QU-04", "after the password the user lands where the application is", func(p *preset) {
		welcome = p.accept("ursula", "Ursula Kern")
		p.Expect(welcome).To(And(ContainSubstring("Welcome to Northwind Care"), ContainSubstring(`href="https://live.northwind.example"`)))
		p.memberIs("ursula", rosterv1alpha1.MemberActive)
	})
	p.row("QU-06", "the display name is required and shown to the others", func(p *preset) {
		status, page := p.browser("uwe").post(p.link(p.mail("uwe", 1)), registration(""))
		p.Expect(status).To(Equal(http.StatusUnprocessableEntity))
		p.Expect(page).To(ContainSubstring("Enter your name."))
		p.eventually("the name is shown", func(g Gomega) { g.Expect(p.table("members")["ursula"]["Name"]).To(Equal("Ursula Kern")) })
	})
	p.row("QU-05", "the avatar is the Gravatar of the address", func(p *preset) {
		sum := sha256.Sum256([]byte("ursula@northwind.example"))
		p.Expect(get[rosterv1alpha1.Member](p, "ursula").Status.AvatarURL).To(ContainSubstring(fmt.Sprintf("gravatar.com/avatar/%x", sum)))
	})
	p.row("QU-07", "the address is required", func(p *preset) {
		invitation := &rosterv1alpha1.Invitation{ObjectMeta: p.named("nobody"), Spec: rosterv1alpha1.InvitationSpec{Role: "Member"}}
		p.Expect(p.api.Create(p.Context(), invitation)).To(MatchError(ContainSubstring("name either email")))
		member := &rosterv1alpha1.Member{ObjectMeta: p.named("nobody"), Spec: rosterv1alpha1.MemberSpec{Role: "Member"}}
		p.Expect(p.api.Create(p.Context(), member)).To(MatchError(ContainSubstring("spec.email: Required value")))
	})
	p.row("QU-08", "the company is optional", func(p *preset) {
		p.Expect(p.account("ursula").Spec.Company).To(BeEmpty())
		uwe := p.browser("uwe")
		form := registration("Uwe Brandt")
		form.Set("company", "Brandt & Partner")
		status, page := uwe.post(p.link(p.mail("uwe", 1)), form)
		p.Expect(status).To(Equal(http.StatusOK), page)
		p.Expect(p.account("uwe").Spec.Company).To(Equal("Brandt & Partner"))
	})
	p.row("QU-14", "the newcomer is told to agree changes with the admin, who is named", func(p *preset) {
		p.Expect(welcome).To(And(ContainSubstring("Before you make changes"), ContainSubstring("Oona Berg"),
			ContainSubstring(`href="mailto:oona@northwind.example"`)))
	})
	p.row("QU-16", "what the tool holds is its own; what people may do is published", func(p *preset) {
		p.can("ursula", "publish socialprofiles/northwind-fb", "report socialprofiles/northwind-fb", "moderate socialprofiles/northwind-x")
		p.cannot("ursula", "publish socialprofiles/northwind-x", "configure socialprofiles/northwind-fb")
	})
	p.row("QU-17", "two sign-in addresses, in the mail and on the welcome page", func(p *preset) {
		m := p.mail("ursula", 1)
		for _, address := range []string{"https://live.northwind.example", "https://beta.northwind.example"} {
			p.Expect(m.Text).To(ContainSubstring(address))
			p.Expect(m.HTML).To(ContainSubstring(address))
			p.Expect(welcome).To(ContainSubstring(address))
		}
	})
	p.row("QU-18", "pages exist in several languages", func(p *preset) {
		m := p.mail("luc", 1)
		p.Expect(m.Text).To(And(ContainSubstring("Bonjour"), ContainSubstring("Votre rôle")))
		b := p.browser("luc")
		_, page := b.get(p.link(m))
		p.Expect(page).To(And(ContainSubstring(`<html lang="fr">`), ContainSubstring("Rejoindre Northwind Care")))
		_, page = b.get(p.link(m) + "?lang=en")
		p.Expect(page).To(And(ContainSubstring(`<html lang="en">`), ContainSubstring("Join Northwind Care")))
	})
	preferences(p)
	firstSteps(p)
	factorForEverybody(p)
}

func preferences(p *preset) {
	p.row("QU-09", "preferences are set after the first sign-in", func(p *preset) {
		b := p.browser("oona")
		b.signsIn()
		status, page := b.post(roster.portal+"/account/profile", url.Values{
			"displayName": {"Oona Berg"}, "locale": {"fr"}, "engagement": {"yes"},
		})
		p.Expect(status).To(Equal(http.StatusOK))
		p.Expect(page).To(And(ContainSubstring(`<html lang="fr">`), ContainSubstring("Vos informations ont été enregistrées")))
		spec := p.account("oona").Spec
		p.Expect(spec.Locale).To(Equal(rosterv1alpha1.LocaleFrench))
		p.Expect(spec.Notifications.Engagement).To(HaveValue(BeTrue()))
		p.Expect(spec.Notifications.Credentials).To(HaveValue(BeFalse()), "what is not ticked is not wanted")
	})
}

func firstSteps(p *preset) {
	welcome := roster.portal + "/organizations/" + p.ns + "/welcome"
	adam := p.browser("adam")
	adam.signsIn()
	p.row("QU-13", "first steps differ between a new organisation and one already set up", func(p *preset) {
		adam.in(p).sees(welcome, "is already set up", "Look around")
		p.Expect(patch(p.Context(), p.as("adam"), get[rosterv1alpha1.Organization](p, "northwind"), func(o *rosterv1alpha1.Organization) {
			o.Spec.Onboarding.Mode = rosterv1alpha1.OnboardingNew
		})).To(Succeed())
		adam.in(p).sees(welcome, "is new here", "Invite the people you work with.")
	})
	p.row("QU-15", "the newcomer is told which things they may create", func(p *preset) {
		adam.in(p).sees(welcome, "What you can create", "invitations for new people")
		uwe := p.browser("uwe")
		uwe.signsIn()
		uwe.sees(welcome, "What you can create", "Nothing at the moment.")
	})
}

func factorForEverybody(p *preset) {
	p.row("QU-11", "an admin turns two-factor on for every user", func(p *preset) {
		p.Expect(patch(p.Context(), p.as("adam"), get[rosterv1alpha1.Organization](p, "northwind"), func(o *rosterv1alpha1.Organization) {
			o.Spec.Security.MultiFactor = rosterv1alpha1.MultiFactorRequired
		})).To(Succeed())
	})
	ursula := p.browser("ursula")
	p.row("QU-12", "users are then asked to enrol when they next sign in", func(p *preset) {
		ursula.in(p).signsIn()
		ursula.in(p).sees(roster.portal+"/account", "These organisations require a second factor", "Northwind Care", "/account/factors/app")
	})
	p.row("QU-10", "a two-factor code from an authenticator app", func(p *preset) {
		app := ursula.in(p).addsApp()
		ursula.in(p).sees(roster.portal+"/account", "Ursula Kern")
		again := p.browser("ursula")
		p.Expect(again.signsIn()).To(ContainSubstring(`autocomplete="one-time-code"`))
		status, page := again.post(roster.portal+"/sign-in/second", url.Values{"code": {"000000"}})
		p.Expect(status).To(Equal(http.StatusUnprocessableEntity), page)
		status, page = again.post(roster.portal+"/sign-in/second", url.Values{"code": {app.code(0)}})
		p.Expect(status).To(Equal(http.StatusOK), page)
		again.sees(roster.portal+"/account", "Ursula Kern")
	})
}
