// SPDX-License-Identifier: Apache-2.0

package people

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/rights"
	"github.com/roster-dev/roster/internal/texts"
)

func subjectOf(m *rosterv1alpha1.Member, inv *rosterv1alpha1.Invitation) *subject {
	s := &subject{all: acme(), member: m, invitation: inv}
	s.all.Organization.Spec.DisplayName = "Acme"
	if m == nil {
		s.name, s.standing, s.person = inv.Spec.Email, console.StandingOfInvitation(inv, now()), s.all.Offered(inv)
		return s
	}
	s.name, s.standing, s.person = m.Spec.DisplayName, console.StandingOfMember(s.all.Organization, m, inv, now()), s.all.Person(m)
	return s
}

// TestWhatIsOffered: what the state allows, and the one who looks may do.
func TestWhatIsOffered(t *testing.T) {
	pending := func(m *rosterv1alpha1.Member) { m.Spec.AccountRef, m.Status.State = nil, rosterv1alpha1.MemberPending }
	paused := func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) }
	over := func(m *rosterv1alpha1.Member) { m.Spec.EndTime = at(-1) }
	sent := inviting("a", rosterv1alpha1.InvitationSent)
	everything := access.Effective{Permissions: access.OrganizationPermissions(rosterv1alpha1.RoleManager)}
	for name, c := range map[string]struct {
		m    *rosterv1alpha1.Member
		inv  *rosterv1alpha1.Invitation
		held access.Effective
		self bool
		want string
	}{
		"active":               {m: member("a"), held: everything, want: "change teams end suspend remove"},
		"joined by invitation": {m: member("a"), inv: inviting("a", rosterv1alpha1.InvitationAccepted), held: everything, want: "change teams end suspend remove"},
		"suspended":            {m: member("a", paused), held: everything, want: "change teams end resume remove"},
		"declared":             {m: member("a", pending), inv: sent, held: everything, want: "resend withdraw change teams end suspend remove"},
		"declared, suspended":  {m: member("a", pending, paused), inv: sent, held: everything, want: "withdraw change teams end resume remove"},
		"declared, over":       {m: member("a", pending, over), inv: sent, held: everything, want: "withdraw change teams end suspend remove"},
		"not mailed yet":       {m: member("a", pending), held: everything, want: "change teams end suspend remove"},
		"invited":              {inv: sent, held: everything, want: "resend withdraw change teams"},
		"expired":              {inv: inviting("a", rosterv1alpha1.InvitationExpired), held: everything, want: "resend withdraw change teams"},
		"withdrawn": {inv: inviting("a", rosterv1alpha1.InvitationRevoked, func(i *rosterv1alpha1.Invitation) { i.Spec.Revoked = ptr.To(true) }),
			held: everything, want: "resend change teams"},
		"invited to what is over": {inv: inviting("a", rosterv1alpha1.InvitationSent, func(i *rosterv1alpha1.Invitation) { i.Spec.EndTime = at(-1) }),
			held: everything, want: "withdraw change teams"},
		"oneself":              {m: member("a"), held: everything, self: true, want: "teams"},
		"the owner":            {m: member("olivia"), held: everything, want: "teams"},
		"somebody who looks":   {m: member("a"), held: access.Effective{Permissions: []rosterv1alpha1.RolePermission{"ViewTeam"}}},
		"somebody with teams":  {m: member("a"), held: access.Effective{Permissions: []rosterv1alpha1.RolePermission{"ManageTeams"}}, want: "teams"},
		"somebody for members": {m: member("a"), held: access.Effective{Permissions: []rosterv1alpha1.RolePermission{"ManageMembers"}}, want: "change end suspend remove"},
	} {
		s := subjectOf(c.m, c.inv)
		s.all.Organization.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "olivia"}
		if got := strings.Trim(fmt.Sprint(s.offered(c.held, c.self)), "[]"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestWhoCanBeRemoved: as the policy roster-guardrails has it.
func TestWhoCanBeRemoved(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*rosterv1alpha1.Member)
		off    bool
		want   bool
	}{
		"active":      {change: func(*rosterv1alpha1.Member) {}},
		"no guard":    {change: func(*rosterv1alpha1.Member) {}, off: true, want: true},
		"suspended":   {change: func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) }, want: true},
		"has ended":   {change: func(m *rosterv1alpha1.Member) { m.Status.State = rosterv1alpha1.MemberEnded }, want: true},
		"not joined":  {change: func(m *rosterv1alpha1.Member) { m.Spec.AccountRef = nil }, want: true},
		"is followed": {change: func(m *rosterv1alpha1.Member) { m.Status.Successor = "b" }, want: true},
		"the lesser of two": {change: func(m *rosterv1alpha1.Member) {
			m.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionReady, Reason: rosterv1alpha1.ReasonDuplicateEmail}}
		}, want: true},
	} {
		s := subjectOf(member("a", c.change), nil)
		s.all.Organization.Spec.Guardrails = &rosterv1alpha1.Guardrails{DeleteOnlySuspended: ptr.To(!c.off)}
		if got := s.removable(); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestTheHistoryOfAnInvitation tells what is kept, in order, and what is not.
func TestTheHistoryOfAnInvitation(t *testing.T) {
	w := speaks(t, rosterv1alpha1.LocaleEnglish)
	for name, c := range map[string]struct {
		change func(*rosterv1alpha1.Invitation)
		want   string
	}{
		"created": {func(*rosterv1alpha1.Invitation) {}, "Created"},
		"mailed": {func(i *rosterv1alpha1.Invitation) {
			i.Status.State, i.Status.SentTime, i.Status.Attempt, i.Status.ExpiryTime = rosterv1alpha1.InvitationSent, at(-1), 1, at(2)
		}, "Created; Email sent; The link works until Wednesday, 25 November 2026, 09:30 UTC."},
		"mailed again and expired": {func(i *rosterv1alpha1.Invitation) {
			i.Status.State, i.Status.SentTime, i.Status.Attempt, i.Status.ExpiryTime = rosterv1alpha1.InvitationExpired, at(-4), 2, at(-1)
			i.Status.RemindersSent, i.Status.RenewalRequestedTime = 2, at(0)
		}, "Created; Email sent (2 so far; this is the latest); The link expired; The person asked for a new link; " +
			"Only the number of earlier emails is kept.; 2 reminders have been sent."},
		"another mail is due": {func(i *rosterv1alpha1.Invitation) {
			i.Status.State, i.Status.SentTime, i.Status.Attempt, i.Spec.ResendRequestedAt = rosterv1alpha1.InvitationSent, at(-4), 1, at(-1)
		}, "Created; Email sent; Another email was requested on Sunday, 22 November 2026, 09:30 UTC and has not been sent yet."},
		"another mail went out": {func(i *rosterv1alpha1.Invitation) {
			i.Status.State, i.Status.SentTime, i.Status.Attempt, i.Spec.ResendRequestedAt = rosterv1alpha1.InvitationSent, at(-1), 1, at(-2)
			i.Status.HandledResendTime = at(-2)
		}, "Created; Email sent"},
		"declined": {func(i *rosterv1alpha1.Invitation) {
			i.Status.State, i.Status.SentTime, i.Status.Attempt, i.Status.DeclinedTime = rosterv1alpha1.InvitationDeclined, at(-2), 1, at(-1)
		}, "Created; Email sent; Declined"},
		"accepted": {func(i *rosterv1alpha1.Invitation) {
			i.Status.State, i.Status.SentTime, i.Status.Attempt, i.Status.AcceptedTime = rosterv1alpha1.InvitationAccepted, at(-2), 1, at(-1)
		}, "Created; Email sent; Accepted"},
		"bounced": {func(i *rosterv1alpha1.Invitation) {
			i.Status.State, i.Status.Attempt = rosterv1alpha1.InvitationUndeliverable, 1
			i.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionDelivered, LastTransitionTime: *at(-1), Message: "550"}}
		}, "Created; The email was refused (attempt 1) 550"},
		"withdrawn": {func(i *rosterv1alpha1.Invitation) {
			i.Status.State = rosterv1alpha1.InvitationRevoked
			i.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionAccepted, LastTransitionTime: *at(-1)}}
		}, "Created; Withdrawn"},
	} {
		inv := inviting("a", "", c.change)
		inv.CreationTimestamp = *at(-9)
		var told []string
		for _, e := range w.events(inv) {
			told = append(told, strings.TrimSpace(e.Text+" "+e.Detail))
		}
		if got := strings.Join(append(told, w.outlook(inv, now())...), "; "); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
}

func speaks(t *testing.T, l rosterv1alpha1.Locale) speech {
	t.Helper()
	d, err := web.NewDictionary(console.Files, Files)
	if err != nil {
		t.Fatal(err)
	}
	all := acme()
	all.Organization.Spec.DisplayName = "Acme"
	all.Profiles = nil
	for i := range 14 {
		all.Profiles = append(all.Profiles, &rosterv1alpha1.SocialProfile{
			ObjectMeta: named(fmt.Sprintf("p%02d", i)), Spec: rosterv1alpha1.SocialProfileSpec{Handle: fmt.Sprintf("@p%02d", i), Network: "X"},
		})
	}
	return speech{d.Words[l], all}
}

// TestWhatAChangeMeansInWords, in both languages.
func TestWhatAChangeMeansInWords(t *testing.T) {
	w := speaks(t, rosterv1alpha1.LocaleEnglish)
	var all []string
	for _, p := range w.all.Profiles {
		all = append(all, p.Name)
	}
	due := w.all.Profiles[0].DeepCopy()
	due.Status.Credential = &rosterv1alpha1.CredentialStatus{ReconnectByTime: at(8)}
	c := rights.Consequences{
		Loses:     []rights.OnProfiles{{Set: access.NewSet(access.Publish), Profiles: all[:3]}, {Set: access.NewSet(access.Get, access.Report), Profiles: all}},
		Gains:     []rights.OnProfiles{{Set: access.NewSet(access.Get), Every: true}},
		LosesHere: []rosterv1alpha1.RolePermission{"ViewTeam", "ManageTeams"}, GainsHere: []rosterv1alpha1.RolePermission{"AddProfiles"},
		Unrenewed:      []*rosterv1alpha1.SocialProfile{due, w.all.Profiles[1]},
		Unadministered: w.all.Profiles[:1], Unattended: w.all.Profiles[:2],
		Unanswered: []*rosterv1alpha1.Invitation{inviting("a", "")},
	}
	want := []string{
		"Ana can no longer see the team and manage teams and workspaces in Acme.",
		"Ana can no longer publish on 3 profiles: @p00 (X), @p01 (X) and @p02 (X).",
		"Ana can no longer view content and see reports on 14 profiles: @p00 (X), @p01 (X), @p02 (X), @p03 (X), @p04 (X), @p05 (X), @p06 (X), @p07 (X), @p08 (X), @p09 (X) and 4 more.",
		"Ana can add social profiles and ad accounts in Acme.",
		"Ana can view content on every social profile.",
		"Nobody else can reconnect @p00 (X), which has to be done by 1 December 2026.",
		"Nobody else can reconnect @p01 (X), which has lost its connection.",
		"Nobody else is an administrator of @p00 (X).",
		"This person is responsible for 2 profiles: @p00 (X) and @p01 (X). From now on, the owner gets what arrives there.",
		"1 open invitation from this person can no longer be accepted.",
	}
	if got := strings.Join(w.means("Ana", c), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("%s\nwant %s", got, strings.Join(want, "\n"))
	}
	french := strings.Join(speaks(t, rosterv1alpha1.LocaleFrench).means("Ana", c), "\n")
	for _, says := range []string{
		"Ana ne peut plus voir l’équipe et gérer les équipes et les espaces de travail dans Acme.", "3 profils (@p00 (X), @p01 (X) et @p02 (X))", "4 autres",
		"au plus tard le 1er décembre 2026", "1 de ses invitations",
	} {
		if !strings.Contains(french, says) {
			t.Errorf("%q is not in\n%s", says, french)
		}
	}
}

// TestEveryReasonHasWords: whatever a condition of a Member or an Invitation says, the page says it in its language.
func TestEveryReasonHasWords(t *testing.T) {
	for _, l := range texts.Languages() {
		w := speaks(t, l)
		for _, reason := range []string{
			rosterv1alpha1.ReasonPending, rosterv1alpha1.ReasonWaiting, rosterv1alpha1.ReasonSent, rosterv1alpha1.ReasonSuspended, rosterv1alpha1.ReasonEnded,
			rosterv1alpha1.ReasonNotInvited, rosterv1alpha1.ReasonExpired, rosterv1alpha1.ReasonDeclined, rosterv1alpha1.ReasonRevoked,
			rosterv1alpha1.ReasonMemberRemoved, rosterv1alpha1.ReasonMemberSuspended, rosterv1alpha1.ReasonMembershipEnded, rosterv1alpha1.ReasonAlreadyMember,
			rosterv1alpha1.ReasonDomainNotAllowed, rosterv1alpha1.ReasonDeliveryFailing, rosterv1alpha1.ReasonMailHeld, rosterv1alpha1.ReasonRejected,
			rosterv1alpha1.ReasonThrottled, rosterv1alpha1.ReasonNoSeat, rosterv1alpha1.ReasonDuplicateEmail, rosterv1alpha1.ReasonInvalidEmail,
			rosterv1alpha1.ReasonAccountMismatch, rosterv1alpha1.ReasonAccountMissing, rosterv1alpha1.ReasonOwnerDoesNotEnd, rosterv1alpha1.ReasonProfileNotFound,
			rosterv1alpha1.ReasonWorkspaceNotFound, rosterv1alpha1.ReasonRoleNotFound, rosterv1alpha1.ReasonFeatureNotInPlan, rosterv1alpha1.ReasonProfileLimit,
			rosterv1alpha1.ReasonWriteRefused, rosterv1alpha1.ReasonOrganizationMissing, rosterv1alpha1.ReasonMemberNotFound,
		} {
			m := member("a")
			m.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason, Message: "noted"}}
			if text, detail := w.why(subjectOf(m, nil)); text == "" || detail != "noted" {
				t.Errorf("%s: %s: %q, %q", l, reason, text, detail)
			}
		}
		for _, p := range access.AllOrganizationPermissions() {
			if text := w.mayHere([]rosterv1alpha1.RolePermission{p}); strings.HasPrefix(text, "people.") {
				t.Errorf("%s: %s", l, text)
			}
		}
	}
}
