// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/mail"
	"github.com/roster-dev/roster/internal/offer"
)

// anInvitation says only what it must.
func anInvitation() mail.Invitation {
	return mail.Invitation{
		Presentation: offer.Presentation{Organization: "Acme", Role: rosterv1alpha1.RoleMember},
		Envelope: mail.Envelope{
			To: "bob@example.com", Locale: rosterv1alpha1.LocaleEnglish, Now: sent, MessageID: "0d5a4a4e-2b5c-4a1e-9c55-5a0c1f1f7b11.1@example.com",
		},
		Link: link, Expiry: sent.Add(72 * time.Hour),
	}
}

func profile(name string, role rosterv1alpha1.ProfileRole) offer.Profile {
	return offer.Profile{ProfileGrant: rosterv1alpha1.ProfileGrant{Name: name, Role: role}}
}

// aFullInvitation says all that it can.
func aFullInvitation() mail.Invitation {
	in := anInvitation()
	in.Name = "Bob Weaver"
	in.Organization = "Acme Outdoor"
	in.Inviter, in.InviterAddress = "Ana Martin", "ana@example.com"
	in.Profiles = []offer.Profile{
		profile("acme-facebook", rosterv1alpha1.ProfileEditor),
		profile("acme-instagram", rosterv1alpha1.ProfileEditor),
		profile("acme-mastodon", rosterv1alpha1.ProfileModerator),
	}
	in.Environments = []rosterv1alpha1.Environment{
		{Name: "Live", URL: "https://social.example.com"},
		{Name: "Beta", URL: "https://beta.social.example.com"},
	}
	in.Message = "Hi Bob,\nwelcome to the autumn campaign! The plan is in the shared folder.\n\nSee you on Thursday <3"
	return in
}

// aCustomInvitation offers roles and workspaces that the organisation has made for itself.
func aCustomInvitation() mail.Invitation {
	in := anInvitation()
	in.Role, in.CustomRoles = "campaign-lead", map[string]rosterv1alpha1.CustomRoleSpec{
		"campaign-lead": {Scope: rosterv1alpha1.ScopeOrganization, DisplayName: "Campaign lead", Description: "Plans campaigns and invites helpers."},
		"writer":        {Scope: rosterv1alpha1.ScopeProfile, DisplayName: "Writer", Description: "Writes drafts that others publish."},
		"proofreader":   {Scope: rosterv1alpha1.ScopeProfile},
	}
	in.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "Europe", Role: "writer"}, {Name: "Asia"}}
	in.Profiles = []offer.Profile{profile("acme-asia", "proofreader"), profile("acme", rosterv1alpha1.ProfileGuest)}
	in.Profiles[0].Of = &rosterv1alpha1.SocialProfile{Spec: rosterv1alpha1.SocialProfileSpec{Network: "Facebook", Handle: "acme.asia"}}
	in.Profiles[1].Of = &rosterv1alpha1.SocialProfile{Spec: rosterv1alpha1.SocialProfileSpec{Network: "Mastodon", Handle: "@acme@mastodon.example"}}
	return in
}

// aMemberWhoAdds may add profiles.
func aMemberWhoAdds() mail.Invitation {
	in := anInvitation()
	in.AddsProfiles, in.Ends = true, &metav1.Time{Time: sent.Add(60 * 24 * time.Hour)}
	return in
}

func reminded(in mail.Invitation) mail.Invitation {
	in.Reminder = 1
	in.Now = in.Expiry.Add(-24 * time.Hour)
	in.MessageID = "0d5a4a4e-2b5c-4a1e-9c55-5a0c1f1f7b11.1.r1@example.com"
	return in
}

// again brings another link than the mails before.
func again(in mail.Invitation) mail.Invitation {
	in.Again = true
	return in
}

func inFrench(in mail.Invitation) mail.Invitation {
	in.Locale = rosterv1alpha1.LocaleFrench
	if in.Message != "" {
		in.Message = "Bonjour Bob,\nbienvenue dans la campagne d’automne ! Le plan est dans le dossier partagé.\n\nÀ jeudi <3"
	}
	return in
}
