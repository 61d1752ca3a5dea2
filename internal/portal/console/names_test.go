// SPDX-License-Identifier: Apache-2.0

package console

import (
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/web"
)

// TestWhatPeopleMayReadsAsASentence: what stands behind "can" and "peut", in all combinations that the built-in roles give, and more.
func TestWhatPeopleMayReadsAsASentence(t *testing.T) {
	d, err := web.NewDictionary(Files)
	if err != nil {
		t.Fatal(err)
	}
	const english, french = rosterv1alpha1.LocaleEnglish, rosterv1alpha1.LocaleFrench
	for _, c := range []struct {
		permissions     []rosterv1alpha1.RolePermission
		english, french string
	}{
		{permissions("get"), "view content", "voir le contenu"},
		{permissions("get", "connect"), "view content and manage the connection", "voir le contenu et gérer la connexion"},
		{permissions("get", "schedule", "publish", "moderate", "report"), "view content, plan posts, publish, reply and see reports",
			"voir le contenu, planifier des publications, publier, répondre et consulter les rapports"},
		{permissions("publish", "configure", "connect"), "publish, change settings and manage the connection",
			"publier, modifier les réglages et gérer la connexion"},
		{permissions("ViewTeam", "ManageSettings"), "see the team and change the settings", "voir l’équipe et modifier les réglages"},
		{permissions("ManageMembers", "ManageTeams", "AddProfiles"),
			"invite and manage people, manage teams and workspaces, and add social profiles and ad accounts",
			"inviter et gérer les personnes, gérer les équipes et les espaces de travail, et ajouter des profils sociaux et des comptes publicitaires"},
	} {
		for locale, want := range map[rosterv1alpha1.Locale]string{english: c.english, french: c.french} {
			if got := And(d.Words[locale], Allowed(d.Words[locale], c.permissions)); got != want {
				t.Errorf("%s: %q, want %q", locale, got, want)
			}
		}
	}
}

func permissions(all ...rosterv1alpha1.RolePermission) []rosterv1alpha1.RolePermission { return all }
