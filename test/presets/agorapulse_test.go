// SPDX-License-Identifier: Apache-2.0

package presets

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

func TestAgorapulse(t *testing.T) {
	p := apply(t, "agorapulse")
	p.join("olympia", "carl", "mona", "ada", "mel", "max", "cora", "cleo")
	p.eventually("Olympia owns the organisation", func(g Gomega) {
		g.Expect(get[rosterv1alpha1.Organization](p, "harbour").Status.Owner).To(Equal("olympia@harbour.example"))
		g.Expect(get[rosterv1alpha1.Member](p, "olympia").Status.Role).To(Equal("Owner"))
	})
	organizationRoles(p)
	profileRoles(p)
	team(p)
	workspaces(p)
	connectors(p)
	manyAtOnce(p)
	severalOrganizations(p)
	plan(p)
}

// onProfile are the permissions on a profile as questions.
func onProfile(name string, permissions ...string) []string {
	var all []string
	for _, p := range permissions {
		all = append(all, p+" socialprofiles/"+name)
	}
	return all
}

func organizationRoles(p *preset) {
	p.row("AG-01", "everybody has a role in the organisation and one on each profile", func(p *preset) {
		m := p.memberIs("max", rosterv1alpha1.MemberActive)
		p.Expect(m.Status.Role).To(Equal("Member"))
		p.Expect(m.Status.Profiles).To(ConsistOf(
			rosterv1alpha1.ProfileGrant{Name: "harbour-fb", Role: "Moderator"}, rosterv1alpha1.ProfileGrant{Name: "harbour-ig", Role: "Guest"}))
	})
	p.row("AG-02", "only Owner, CoOwner and Manager reach the team's settings", func(p *preset) {
		settings := []string{"update members", "create invitations", "patch organizations/harbour"}
		for _, name := range []string{"olympia", "carl", "mona"} {
			p.can(name, settings...)
		}
		for _, name := range []string{"ada", "mel", "max", "cleo"} {
			p.cannot(name, append(settings, "list members")...)
		}
	})
	everything := slices.Concat([]string{"manage subscriptions/harbour", "update members", "delete members", "patch organizations/harbour"},
		onProfile("harbour-fb", "publish", "configure", "connect"))
	p.row("AG-05", "the owner may do everything, and there is exactly one", func(p *preset) {
		p.can("olympia", append(everything, "transfer organizations/harbour")...)
		for _, name := range []string{"carl", "mona", "ada", "mel"} {
			p.cannot(name, "transfer organizations/harbour")
		}
		p.Expect(p.table("organizations")["harbour"]).To(HaveKeyWithValue("Owner", "olympia@harbour.example"))
	})
	p.row("AG-06", "a CoOwner may do everything but hand the organisation over", func(p *preset) {
		p.can("carl", append(everything, "grant orgroles/CoOwner")...)
		p.refused(patch(p.Context(), p.as("carl"), get[rosterv1alpha1.Organization](p, "harbour"), func(o *rosterv1alpha1.Organization) {
			o.Spec.OwnerRef.Name = "carl"
		}), "may not make the Member carl the owner")
	})
	p.row("AG-07", "a Manager looks after users, profiles and settings, sees the subscription, and may buy add-ons", func(p *preset) {
		p.can("mona", slices.Concat([]string{"get subscriptions/harbour", "buy subscriptions/harbour", "create members", "patch organizations/harbour"},
			onProfile("harbour-ig", "publish", "configure", "connect"))...)
		p.cannot("mona", "manage subscriptions/harbour", "grant orgroles/CoOwner")
	})
	p.row("AG-08", "an AdvancedMember has no settings, roles on profiles, and may add some", func(p *preset) {
		p.can("ada", "create socialprofiles", "publish socialprofiles/harbour-fb")
		p.cannot("ada", "patch organizations/harbour", "get subscriptions/harbour", "publish socialprofiles/harbour-ig")
		p.Expect(p.as("ada").Create(p.Context(), ownProfile(p, "ada", "ada-bsky"))).To(Succeed())
		p.can("ada", "connect socialprofiles/ada-bsky")
	})
	p.row("AG-09", "for a Member, managing profiles and ad accounts is a switch", func(p *preset) {
		p.can("mel", "create socialprofiles")
		p.cannot("max", "create socialprofiles")
		p.Expect(patch(p.Context(), p.as("mona"), get[rosterv1alpha1.Member](p, "mel"), func(m *rosterv1alpha1.Member) {
			m.Spec.CanManageProfiles = ptr.To(false)
		})).To(Succeed())
		p.cannot("mel", "create socialprofiles")
	})
}

// ownProfile is one that a person adds and answers for.
func ownProfile(p *preset, who, name string) *rosterv1alpha1.SocialProfile {
	return &rosterv1alpha1.SocialProfile{ObjectMeta: p.named(name), Spec: rosterv1alpha1.SocialProfileSpec{
		Network: "Bluesky", Handle: name + ".example", ConnectedBy: p.address[who],
	}}
}

func profileRoles(p *preset) {
	p.row("AG-10", "an Administrator may do everything on the profile", func(p *preset) {
		p.can("ada", onProfile("harbour-fb", "get", "schedule", "publish", "moderate", "report", "configure", "connect", "update", "delete")...)
	})
	p.row("AG-11", "an Editor may do everything but configure", func(p *preset) {
		p.can("mel", onProfile("harbour-x", "get", "schedule", "publish", "moderate", "report")...)
		p.cannot("mel", onProfile("harbour-x", "configure", "connect", "update", "delete")...)
	})
	p.row("AG-12", "a Moderator has the inbox, and may schedule but not publish", func(p *preset) {
		p.can("max", onProfile("harbour-fb", "get", "moderate", "schedule")...)
		p.cannot("max", onProfile("harbour-fb", "publish", "report", "configure", "connect")...)
	})
	p.row("AG-13", "a Guest reads only", func(p *preset) {
		p.can("max", onProfile("harbour-ig", "get")...)
		p.cannot("max", onProfile("harbour-ig", "moderate", "schedule", "publish", "report", "configure", "connect")...)
	})
	p.row("AG-14", "custom roles, for the organisation and for a profile", func(p *preset) {
		p.can("ada", onProfile("harbour-x", "get", "report")...)
		p.cannot("ada", onProfile("harbour-x", "publish", "moderate", "schedule")...)
		p.can("cora", "list members", "create teams", "update workspaces")
		p.cannot("cora", "create invitations", "update members", "create customroles", "publish socialprofiles/harbour-fb")
		p.Expect(p.mail("cora", 1).Text).To(And(ContainSubstring("Your role: Coordinator"), ContainSubstring("Keeps the workspaces tidy.")))
	})
	p.row("AG-18", "for each profile a role is chosen, custom ones too", func(p *preset) {
		p.Expect(patch(p.Context(), p.as("mona"), get[rosterv1alpha1.Member](p, "ada"), func(m *rosterv1alpha1.Member) {
			m.Spec.Profiles = append(m.Spec.Profiles, rosterv1alpha1.ProfileGrant{Name: "harbour-ig", Role: "analyst"})
		})).To(Succeed())
		p.can("ada", onProfile("harbour-ig", "get", "report")...)
		p.cannot("ada", onProfile("harbour-ig", "publish")...)
	})
}

func team(p *preset) {
	p.row("AG-03", "the list shows users, role, joining date and last sign-in", func(p *preset) {
		p.eventually("the columns are filled", func(g Gomega) {
			row := p.table("members")["mona"]
			g.Expect(row).To(And(HaveKeyWithValue("Email", "mona@harbour.example"), HaveKeyWithValue("Role", "Manager"), HaveKeyWithValue("State", "Active")))
			g.Expect(row["Joined"]).NotTo(BeNil())
			g.Expect(row["Last-Sign-In"]).NotTo(BeNil())
		})
	})
	p.row("AG-04", "and pending invitations", func(p *preset) {
		p.Expect(p.table("invitations")["iris"]).To(And(HaveKeyWithValue("Email", "iris@harbour.example"), HaveKeyWithValue("State", "Sent"),
			HaveKeyWithValue("Role", "Member"), HaveKeyWithValue("Invited-By", "mona@harbour.example")))
		p.can("mona", "list invitations")
	})
	p.row("AG-16", "Owner, CoOwner and Manager edit roles, remove users, resend invitations", func(p *preset) {
		for _, name := range []string{"olympia", "carl", "mona"} {
			p.can(name, "update members", "delete members", "update invitations")
		}
		p.Expect(patch(p.Context(), p.as("mona"), get[rosterv1alpha1.Member](p, "max"), func(m *rosterv1alpha1.Member) {
			m.Spec.Profiles = []rosterv1alpha1.ProfileGrant{{Name: "harbour-fb", Role: rosterv1alpha1.ProfileEditor}}
		})).To(Succeed())
		p.can("max", "publish socialprofiles/harbour-fb")
		p.cannot("max", "get socialprofiles/harbour-ig")
		first := p.link(p.mail("iris", 1))
		p.Expect(patch(p.Context(), p.as("mona"), get[rosterv1alpha1.Invitation](p, "iris"), func(inv *rosterv1alpha1.Invitation) {
			inv.Spec.ResendRequestedAt = &metav1.Time{Time: roster.clock.Now()}
		})).To(Succeed())
		p.mail("iris", 2)
		status, page := p.browser("iris").get(first)
		p.Expect(status).To(Equal(http.StatusGone))
		p.Expect(page).To(ContainSubstring("There is a newer link"))
		p.Expect(p.as("mona").Delete(p.Context(), get[rosterv1alpha1.Member](p, "max"))).To(Succeed())
		p.cannot("max", "publish socialprofiles/harbour-fb", "get organizations/harbour")
	})
	p.row("AG-19", "the owner cannot be changed in the team's settings", func(p *preset) {
		olympia := get[rosterv1alpha1.Member](p, "olympia")
		for _, name := range []string{"carl", "mona"} {
			p.refused(patch(p.Context(), p.as(name), olympia.DeepCopy(), func(m *rosterv1alpha1.Member) { m.Spec.Role = "Member" }),
				"may not change the Member olympia, who owns the Organization harbour", "Ask olympia@harbour.example")
			p.refused(p.as(name).Delete(p.Context(), olympia), "cannot be deleted")
		}
	})
}

func workspaces(p *preset) {
	p.row("AG-23", "chosen workspaces are granted, the others hidden; at invitation or later", func(p *preset) {
		p.can("mel", "get workspaces/north", "publish socialprofiles/harbour-fb")
		p.cannot("mel", "get workspaces/south", "list workspaces", "get socialprofiles/harbour-ig")
		p.Expect(p.mail("iris", 2).Text).To(ContainSubstring("- Office South: Moderator"))
		page := p.accept("iris", "Iris Lane")
		p.Expect(page).To(ContainSubstring("Office South"))
		p.can("iris", "get workspaces/south", "moderate socialprofiles/harbour-ig")
		p.cannot("iris", "get workspaces/north", "get socialprofiles/harbour-fb")
		p.Expect(patch(p.Context(), p.as("mona"), get[rosterv1alpha1.Member](p, "mel"), func(m *rosterv1alpha1.Member) {
			m.Spec.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "south", Role: rosterv1alpha1.ProfileGuest}}
		})).To(Succeed())
		p.can("mel", "get workspaces/south", "get socialprofiles/harbour-ig")
		p.cannot("mel", "get workspaces/north", "publish socialprofiles/harbour-fb")
	})
	p.row("AG-24", "CoOwners and Managers have every workspace", func(p *preset) {
		for _, name := range []string{"olympia", "carl", "mona"} {
			p.Expect(p.memberIs(name, rosterv1alpha1.MemberActive).Status.Workspaces).To(ConsistOf("*"))
			p.can(name, "get workspaces/north", "get workspaces/south")
		}
	})
	p.row("AG-25", "inside a workspace: profile by profile, role by role", func(p *preset) {
		p.can("ada", "get workspaces/north", "configure socialprofiles/harbour-fb", "report socialprofiles/harbour-x")
		p.cannot("ada", "get workspaces/south", "publish socialprofiles/harbour-x")
	})
}

func connectors(p *preset) {
	p.row("AG-26", "a profile connector connects profiles and ad accounts of their own", func(p *preset) {
		p.can("cleo", "create socialprofiles", "connect socialprofiles/partner-ads")
		p.cannot("cleo", "connect socialprofiles/harbour-fb")
	})
	p.row("AG-28", "and takes no paid seat", func(p *preset) {
		p.eventually("seats are counted without Cleo", func(g Gomega) {
			var list rosterv1alpha1.MemberList
			g.Expect(p.api.List(p.Context(), &list, inNamespace(p))).To(Succeed())
			o := get[rosterv1alpha1.Organization](p, "harbour")
			g.Expect(o.Status.Plan.Seats.Wanted).To(HaveValue(BeEquivalentTo(len(list.Items) - 1)))
		})
	})
	p.row("AG-29", "and may connect, renew and delete what they connected, and nothing else", func(p *preset) {
		p.Expect(p.as("cleo").Create(p.Context(), ownProfile(p, "cleo", "cleo-bsky"))).To(Succeed())
		p.can("cleo", "connect socialprofiles/cleo-bsky", "delete socialprofiles/cleo-bsky")
		p.cannot("cleo", "connect socialprofiles/harbour-fb", "delete socialprofiles/harbour-fb")
		p.refused(p.as("cleo").Create(p.Context(), ownProfile(p, "mona", "not-mine")), "mona@harbour.example")
		p.Expect(p.as("cleo").Delete(p.Context(), get[rosterv1alpha1.SocialProfile](p, "cleo-bsky"))).To(Succeed())
	})
	p.row("AG-30", "and may not publish, answer, report, or see settings", func(p *preset) {
		p.cannot("cleo", slices.Concat(onProfile("partner-ads", "publish", "schedule", "moderate", "report"),
			[]string{"patch organizations/harbour", "list members", "list invitations", "list socialprofiles", "get subscriptions/harbour"})...)
	})
	p.row("AG-33", "once accepted they can connect at once", func(p *preset) {
		p.address["nils"] = "nils@partner.example"
		p.Expect(p.as("mona").Create(p.Context(), &rosterv1alpha1.Invitation{
			ObjectMeta: p.named("nils"),
			Spec:       rosterv1alpha1.InvitationSpec{Email: p.address["nils"], Role: rosterv1alpha1.RoleProfileConnector},
		})).To(Succeed())
		p.accept("nils", "Nils Holm")
		p.can("nils", "create socialprofiles")
		p.Expect(p.as("nils").Create(p.Context(), ownProfile(p, "nils", "nils-bsky"))).To(Succeed())
		p.can("nils", "connect socialprofiles/nils-bsky")
	})
}

// manyAtOnce: with the plugin. The console does the same in the browser.
func manyAtOnce(p *preset) {
	agency := []string{"pia", "quin", "rhea", "sol"}
	for _, name := range agency {
		p.address[name] = name + "@agency.example"
	}
	p.row("AG-32", "many addresses at once, separated by comma, space, tab or Enter", func(p *preset) {
		list := "pia@agency.example, quin@agency.example\trhea@agency.example\nsol@agency.example"
		printed := p.plugin("mona", "invite", list, "--seat", "limited")
		for _, name := range agency {
			p.Expect(printed).To(MatchRegexp(p.address[name] + ` +invited`))
			p.mail(name, 1)
		}
	})
	p.row("AG-31", "choose the seat type; the role is preselected", func(p *preset) {
		for _, name := range agency {
			p.Expect(get[rosterv1alpha1.Invitation](p, name).Spec.Role).To(Equal(rosterv1alpha1.RoleProfileConnector))
		}
	})
	p.row("AG-17", "one at a time or in bulk", func(p *preset) {
		roster.clock.SetTime(roster.clock.Now().Add(time.Minute))
		p.plugin("mona", "resend", "pia")
		p.mail("pia", 2)
		p.plugin("mona", append([]string{"revoke", "--yes"}, agency...)...)
		for _, name := range agency {
			p.invitationIs(name, rosterv1alpha1.InvitationRevoked)
		}
	})
}

// severalOrganizations: Olympia is named the owner of a second organisation.
func severalOrganizations(p *preset) {
	second := *p
	second.ns = "agorapulse-second"
	second.Expect(roster.cluster.Namespace(p.Context(), second.ns)).To(Succeed())
	second.Expect(p.api.Create(p.Context(), &rosterv1alpha1.Organization{
		ObjectMeta: second.named("quay"),
		Spec:       rosterv1alpha1.OrganizationSpec{DisplayName: "Quay Media", OwnerRef: &rosterv1alpha1.LocalReference{Name: "olympia"}},
	})).To(Succeed())
	second.Expect(p.api.Create(p.Context(), &rosterv1alpha1.Member{
		ObjectMeta: second.named("olympia"), Spec: rosterv1alpha1.MemberSpec{Email: "Olympia@Harbour.example"},
	})).To(Succeed())
	second.row("AG-21", "one address, one account, several organisations", func(p *preset) {
		status, page := p.browser("olympia").post(p.link(p.mail("olympia", 2)), url.Values{"action": {"accept"}, "as": {"Owner"}, "password": {password}})
		p.Expect(status).To(Equal(http.StatusOK), page)
		m := p.memberIs("olympia", rosterv1alpha1.MemberActive)
		p.Expect(m.Spec.AccountRef.Name).To(Equal(p.account("olympia").Name))
		p.Expect(m.Status.DisplayName).To(Equal("Olympia Ward"))
	})
	second.row("AG-20", "a person may be in several organisations but own only one", func(p *preset) {
		message := says(p, "quay", rosterv1alpha1.ConditionOwnerUnique, rosterv1alpha1.ReasonOwnerElsewhere, ofOrganization)
		p.Expect(message).To(ContainSubstring("a person owns only one"))
		p.can("olympia", "patch organizations/quay", "update members")
		p.cannot("olympia", "transfer organizations/quay")
	})
}

func plan(p *preset) {
	change := func(change func(*rosterv1alpha1.PlanSpec)) {
		p.Helper()
		plan := &rosterv1alpha1.Plan{}
		p.Expect(p.api.Get(p.Context(), client.ObjectKey{Name: "agorapulse"}, plan)).To(Succeed())
		p.Expect(patch(p.Context(), p.api, plan, func(plan *rosterv1alpha1.Plan) { change(&plan.Spec) })).To(Succeed())
	}
	without := func(feature rosterv1alpha1.Feature) {
		p.Helper()
		change(func(s *rosterv1alpha1.PlanSpec) {
			s.Features = slices.DeleteFunc(s.Features, func(f rosterv1alpha1.Feature) bool { return f == feature })
		})
	}
	p.row("AG-15", "more users by an add-on", func(p *preset) {
		invite := func(name string) {
			p.address[name] = name + "@harbour.example"
			p.Expect(p.as("mona").Create(p.Context(), &rosterv1alpha1.Invitation{
				ObjectMeta: p.named(name), Spec: rosterv1alpha1.InvitationSpec{Email: p.address[name]},
			})).To(Succeed())
		}
		invite("nora")
		p.mail("nora", 1)
		change(func(s *rosterv1alpha1.PlanSpec) { s.Seats = ptr.To[int32](8) })
		p.eventually("the smaller plan is in effect", func(g Gomega) {
			g.Expect(get[rosterv1alpha1.Organization](p, "harbour").Status.Plan.Seats.Limit).To(HaveValue(BeEquivalentTo(8)))
		})
		p.nextSecond()
		invite("omid")
		message := says(p, "omid", rosterv1alpha1.ConditionReady, rosterv1alpha1.ReasonNoSeat, ofInvitation)
		p.Expect(message).To(ContainSubstring("ask sales@agora-reseller.example"))
		p.Expect(p.mails("omid")).To(BeEmpty())
		change(func(s *rosterv1alpha1.PlanSpec) { s.Seats = ptr.To[int32](9) })
		p.mail("omid", 1)
		p.cannot("mona", "update plans/agorapulse", "use plans/agorapulse")
	})
	p.row("AG-14", "custom roles with the right plan only", func(p *preset) {
		p.can("cora", "create teams")
		without(rosterv1alpha1.FeatureCustomRoles)
		says(p, "coordinator", rosterv1alpha1.ConditionReady, rosterv1alpha1.ReasonFeatureNotInPlan, ofRole)
		says(p, "cora", rosterv1alpha1.ConditionReady, rosterv1alpha1.ReasonFeatureNotInPlan, ofMember)
		p.cannot("cora", "create teams", "list members")
		p.cannot("ada", "report socialprofiles/harbour-x")
		p.can("ada", "publish socialprofiles/harbour-fb")
	})
	p.row("AG-22", "workspaces depend on the plan", func(p *preset) {
		p.can("mel", "get socialprofiles/harbour-ig")
		without(rosterv1alpha1.FeatureWorkspaces)
		message := says(p, "south", rosterv1alpha1.ConditionReady, rosterv1alpha1.ReasonFeatureNotInPlan, ofWorkspace)
		p.Expect(message).To(ContainSubstring("Ask sales@agora-reseller.example"))
		p.cannot("mel", "get socialprofiles/harbour-ig", "get workspaces/south")
	})
	p.row("AG-27", "profile connectors with the right plan only", func(p *preset) {
		p.can("cleo", "connect socialprofiles/partner-ads")
		without(rosterv1alpha1.FeatureProfileConnectors)
		says(p, "cleo", rosterv1alpha1.ConditionReady, rosterv1alpha1.ReasonFeatureNotInPlan, ofMember)
		p.cannot("cleo", "connect socialprofiles/partner-ads", "create socialprofiles")
	})
}
