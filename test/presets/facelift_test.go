// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
	"github.com/roster-dev/roster/internal/testenv"
)

func TestFacelift(t *testing.T) {
	p := apply(t, "facelift")
	p.join("otto", "mira", "sina", "sven")

	p.row("FL-01", "profiles are managed in one place, then assigned to teams", func(p *preset) {
		p.eventually("teams and profiles know each other", func(g Gomega) {
			g.Expect(p.table("socialprofiles")).To(HaveLen(4))
			dach, care := p.table("teams")["dach"], p.table("teams")["care"]
			g.Expect(dach).To(And(HaveKeyWithValue("Members", BeEquivalentTo(1)), HaveKeyWithValue("Profiles", BeEquivalentTo(2))))
			g.Expect(care).To(And(HaveKeyWithValue("Members", BeEquivalentTo(2)), HaveKeyWithValue("Profiles", BeEquivalentTo(2))))
		})
	})
	p.row("FL-02", "admins reach every connected profile", func(p *preset) {
		for _, admin := range []string{"otto", "mira"} {
			for _, profile := range []string{"alpina-fb-de", "alpina-ig-de", "alpina-li", "alpina-events"} {
				p.can(admin, "get socialprofiles/"+profile, "publish socialprofiles/"+profile, "configure socialprofiles/"+profile,
					"connect socialprofiles/"+profile)
			}
		}
	})
	p.row("FL-03", "others reach profiles as assigned", func(p *preset) {
		p.can("sina", "publish socialprofiles/alpina-fb-de", "publish socialprofiles/alpina-ig-de", "moderate socialprofiles/alpina-li")
		p.cannot("sina", "publish socialprofiles/alpina-li", "configure socialprofiles/alpina-fb-de")
		p.eventually("the status says where that comes from", func(g Gomega) {
			g.Expect(get[rosterv1alpha1.Member](p, "sina").Status.Teams).To(ConsistOf("dach", "care"))
		})
	})
	p.row("FL-04", "a profile is added by YAML, its tokens in a Secret", func(p *preset) {
		p.Expect(p.as("mira").Create(p.Context(), &rosterv1alpha1.SocialProfile{
			ObjectMeta: p.named("alpina-tt"), Spec: rosterv1alpha1.SocialProfileSpec{
				Network: "TikTok", Handle: "alpina", ConnectedBy: p.address["mira"],
				CredentialsSecretRef: &rosterv1alpha1.LocalReference{Name: "alpina-tt"},
			},
		})).To(Succeed())
		p.can("mira", "connect socialprofiles/alpina-tt")
		p.cannot("sina", "create socialprofiles")
	})
	p.row("FL-05", "when the limit of profiles is reached, it says whom to contact", func(p *preset) {
		p.nextSecond()
		p.Expect(p.as("mira").Create(p.Context(), &rosterv1alpha1.SocialProfile{
			ObjectMeta: p.named("alpina-x"), Spec: rosterv1alpha1.SocialProfileSpec{Network: "X", Handle: "alpina", ConnectedBy: p.address["mira"]},
		})).To(Succeed())
		message := says(p, "alpina-x", rosterv1alpha1.ConditionReady, rosterv1alpha1.ReasonProfileLimit, ofProfile)
		p.Expect(message).To(ContainSubstring("ask your account manager at service@facelift-partner.example"))
		message = says(p, "alpina", rosterv1alpha1.ConditionWithinPlan, rosterv1alpha1.ReasonPlanExceeded, ofOrganization)
		p.Expect(message).To(And(ContainSubstring("6 of 5 social profiles"), ContainSubstring("service@facelift-partner.example")))
		p.refused(patch(p.Context(), p.as("otto"), get[rosterv1alpha1.Organization](p, "alpina"), func(o *rosterv1alpha1.Organization) {
			o.Spec.PlanRef.Name = "unlimited"
		}), "may not put the Organization alpina on the Plan unlimited")
	})
	p.row("FL-06", "a profile can be removed, and its place is free", func(p *preset) {
		p.Expect(p.as("mira").Delete(p.Context(), get[rosterv1alpha1.SocialProfile](p, "alpina-tt"))).To(Succeed())
		says(p, "alpina", rosterv1alpha1.ConditionWithinPlan, rosterv1alpha1.ReasonWithinPlan, ofOrganization)
		p.Expect(p.as("mira").Delete(p.Context(), get[rosterv1alpha1.SocialProfile](p, "alpina-ig-de"))).To(Succeed())
		p.cannot("sina", "get socialprofiles/alpina-ig-de", "publish socialprofiles/alpina-ig-de")
	})
	p.row("FL-07", "one responsible person per profile", func(p *preset) {
		p.Expect(says(p, "alpina-fb-de", rosterv1alpha1.ConditionResponsibleResolved, rosterv1alpha1.ReasonResolved, ofProfile)).
			To(ContainSubstring("sina@alpina.example"))
		says(p, "alpina-events", rosterv1alpha1.ConditionResponsibleResolved, rosterv1alpha1.ReasonNoResponsible, ofProfile)
	})
	tokens(p)
	p.row("FL-11", "responsible and mails are set per profile", func(p *preset) {
		fb, li := get[rosterv1alpha1.SocialProfile](p, "alpina-fb-de"), get[rosterv1alpha1.SocialProfile](p, "alpina-li")
		p.Expect(fb.Spec.Notifications.Engagement).To(Equal(ptr.To(true)))
		p.Expect(li.Spec.Notifications.Engagement).To(Equal(ptr.To(false)))
		wanted := func(s *rosterv1alpha1.SocialProfile) { s.Spec.Notifications.Engagement = ptr.To(true) }
		p.refused(patch(p.Context(), p.as("sina"), li.DeepCopy(), wanted))
		p.Expect(patch(p.Context(), p.as("mira"), li, wanted)).To(Succeed())
	})
	p.row("FL-12", "a profile needs a team before people can publish or answer", func(p *preset) {
		says(p, "alpina-events", rosterv1alpha1.ConditionTeamAssigned, rosterv1alpha1.ReasonNoTeam, ofProfile)
		p.can("sven", "get socialprofiles/alpina-events")
		p.cannot("sven", "publish socialprofiles/alpina-events", "moderate socialprofiles/alpina-events")
		p.Expect(patch(p.Context(), p.as("mira"), get[rosterv1alpha1.Team](p, "care"), func(team *rosterv1alpha1.Team) {
			team.Spec.Profiles = append(team.Spec.Profiles, "alpina-events")
		})).To(Succeed())
		says(p, "alpina-events", rosterv1alpha1.ConditionTeamAssigned, rosterv1alpha1.ReasonTeamAssigned, ofProfile)
		p.can("sven", "publish socialprofiles/alpina-events")
	})
	p.row("FL-13", "admins manage all teams and profiles", func(p *preset) {
		for _, admin := range []string{"otto", "mira"} {
			p.can(admin, "create teams", "update teams/care", "delete teams/dach", "update socialprofiles/alpina-li", "delete socialprofiles/alpina-li")
		}
		p.cannot("sina", "create teams", "update teams/dach", "delete teams/dach", "update socialprofiles/alpina-fb-de")
	})
	p.row("FL-14", "a standard user can select only profiles of their teams", func(p *preset) {
		p.cannot("sven", "list socialprofiles", "get socialprofiles/alpina-x", "schedule socialprofiles/alpina-x")
		err := p.as("sven").Get(p.Context(), keyOf(p, "alpina-x"), &rosterv1alpha1.SocialProfile{})
		p.refused(err)
		p.Expect(p.as("sven").Get(p.Context(), keyOf(p, "alpina-li"), &rosterv1alpha1.SocialProfile{})).To(Succeed())
	})
	p.row("FL-15", "several profiles are assigned to a team at once", func(p *preset) {
		p.can("sven", "moderate socialprofiles/alpina-fb-de", "moderate socialprofiles/alpina-li")
		p.Expect(p.as("mira").Create(p.Context(), &rosterv1alpha1.Team{
			ObjectMeta: p.named("launch"), Spec: rosterv1alpha1.TeamSpec{
				Members: []string{"sven"}, Profiles: []string{"alpina-x", "alpina-li", "alpina-fb-de"}, Role: rosterv1alpha1.ProfileEditor,
			},
		})).To(Succeed())
		p.can("sven", "publish socialprofiles/alpina-x", "publish socialprofiles/alpina-li", "publish socialprofiles/alpina-fb-de")
	})
	p.row("FL-17", "extending a team to all is one step", func(p *preset) {
		p.cannot("sina", "publish socialprofiles/alpina-x")
		p.Expect(patch(p.Context(), p.as("mira"), get[rosterv1alpha1.Team](p, "dach"), func(team *rosterv1alpha1.Team) {
			team.Spec.ProfileSelector.MatchLabels = nil
		})).To(Succeed())
		p.can("sina", "publish socialprofiles/alpina-x", "publish socialprofiles/alpina-li", "publish socialprofiles/alpina-events")
	})
}

// tokens: somebody connects alpina-fb-de, for which Sina is responsible, with a token that ends in ten days.
func tokens(p *preset) {
	p.Expect(p.api.Create(p.Context(), &rbacv1.RoleBinding{
		ObjectMeta: p.named("roster-credentials"),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "roster-credentials"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "roster-manager", Namespace: testenv.SystemNamespace}},
	})).To(Succeed())
	roster.facebook.unread.Store(7)
	p.Expect(p.api.Create(p.Context(), &corev1.Secret{
		ObjectMeta: p.named("alpina-fb-de"), StringData: map[string]string{
			network.KeyAccess:       "a-token-of-the-page",
			network.KeyAccessExpiry: roster.clock.Now().Add(10 * 24 * time.Hour).Format(time.RFC3339),
		},
	})).To(Succeed())
	p.Expect(patch(p.Context(), p.as("mira"), get[rosterv1alpha1.SocialProfile](p, "alpina-fb-de"), func(s *rosterv1alpha1.SocialProfile) {
		s.Spec.AccountID = facebookPage
	})).To(Succeed())
	told := func(p *preset, name, subject string) {
		p.Helper()
		p.eventually(name+" is mailed", func(g Gomega) {
			var subjects []string
			for _, m := range p.mails(name) {
				subjects = append(subjects, m.Subject)
			}
			g.Expect(subjects).To(ContainElement(subject), "%+v", get[rosterv1alpha1.SocialProfile](p, "alpina-fb-de").Status)
		})
	}
	p.row("FL-08", "the responsible is mailed when the access token expires", func(p *preset) {
		says(p, "alpina-fb-de", rosterv1alpha1.ConditionTokenExpiring, rosterv1alpha1.ReasonExpiring, ofProfile)
		told(p, "sina", "Facebook alpina.de: the connection expires in 10 days")
	})
	p.row("FL-09", "and, if wished, when new items arrive in the inbox", func(p *preset) {
		told(p, "sina", "Facebook alpina.de: 7 new items")
	})
	p.row("FL-10", "all the profile's messages are assigned to the responsible", func(p *preset) {
		p.Expect(get[rosterv1alpha1.SocialProfile](p, "alpina-fb-de").Status.EngagementAssignee).To(Equal("sina@alpina.example"))
		p.Expect(get[rosterv1alpha1.SocialProfile](p, "alpina-events").Status.EngagementAssignee).To(Equal("otto@alpina.example"), "the owner, since nobody is")
	})
}
