// SPDX-License-Identifier: Apache-2.0

package invitation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/mail/outcome"
)

// inWords writes a way as "grant orgroles/Manager, get socialprofiles/acme-fb".
func inWords(way []Review) string {
	var all []string
	for _, r := range way {
		all = append(all, r.Verb+" "+r.Resource+"/"+r.Name)
	}
	return strings.Join(all, ", ")
}

// offering is an Invitation that offers a role, and perhaps more.
func offering(role rosterv1alpha1.OrganizationRole, more ...builder) Input {
	return build(append([]builder{func(in *Input) { in.Invitation.Spec.Role = role }}, more...)...)
}

func profiles(grants ...rosterv1alpha1.ProfileGrant) builder {
	return func(in *Input) { in.Invitation.Spec.Profiles = grants }
}

func TestReviews(t *testing.T) {
	editor := rosterv1alpha1.ProfileGrant{Name: "fb", Role: rosterv1alpha1.ProfileEditor}
	guest := rosterv1alpha1.ProfileGrant{Name: "ig", Role: rosterv1alpha1.ProfileGuest}
	custom := rosterv1alpha1.ProfileGrant{Name: "fb", Role: "writer"}
	workspace := func(in *Input) { in.Invitation.Spec.Workspaces = []rosterv1alpha1.WorkspaceGrant{{Name: "emea"}} }
	manages := func(in *Input) { in.Invitation.Spec.CanManageProfiles = ptr.To(true) }
	ownerOnly := func(in *Input) { in.Organization.Spec.Invitations.AllowedFor = rosterv1alpha1.InvitersOwner }
	answered := func(role rosterv1alpha1.OrganizationRole, grants ...rosterv1alpha1.ProfileGrant) builder {
		return func(in *Input) {
			in.Member.Spec.InvitedBy, in.Member.Spec.Role, in.Member.Spec.Profiles = "ben@acme.example", role, grants
		}
	}
	owns := func(in *Input) { in.Organization.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: "ana"} }
	const (
		manager = "grant orgroles/Manager"
		onFB    = "get socialprofiles/fb, schedule socialprofiles/fb, publish socialprofiles/fb, moderate socialprofiles/fb, report socialprofiles/fb"
	)
	cases := map[string]struct {
		in   Input
		want []string
	}{
		"a CoOwner":                       {offering("CoOwner"), []string{"grant orgroles/CoOwner"}},
		"a Manager":                       {offering("Manager"), []string{manager}},
		"a Manager has every profile":     {offering("Manager", profiles(editor), workspace), []string{manager}},
		"a Member":                        {offering("Member"), []string{manager, "grant orgroles/Member"}},
		"no role is Member":               {offering(""), []string{manager, "grant orgroles/Member"}},
		"with a profile":                  {offering("Member", profiles(editor)), []string{manager, "grant orgroles/Member, " + onFB}},
		"with two":                        {offering("Member", profiles(guest, editor)), []string{manager, "grant orgroles/Member, get socialprofiles/ig, " + onFB}},
		"with a CustomRole on one":        {offering("Member", profiles(custom)), []string{manager}},
		"with a workspace":                {offering("Member", workspace), []string{manager}},
		"who adds profiles":               {offering("Member", manages), []string{manager, "grant orgroles/Member, grant orgroles/AdvancedMember"}},
		"the switch means nothing else":   {offering("ProfileConnector", manages), []string{manager, "grant orgroles/ProfileConnector"}},
		"a CustomRole":                    {offering("buyer"), []string{"grant orgroles/buyer"}},
		"a CustomRole with a profile":     {offering("buyer", profiles(guest)), []string{"grant orgroles/buyer, " + manager, "grant orgroles/buyer, get socialprofiles/ig"}},
		"a CustomRole with a workspace":   {offering("buyer", workspace), []string{"grant orgroles/buyer, " + manager}},
		"only the owner invites":          {offering("Manager", ownerOnly), []string{"transfer organizations/acme, " + manager}},
		"a declared Member":               {build(declared), []string{""}},
		"a declared one, owner only":      {build(declared, ownerOnly), []string{"transfer organizations/acme"}},
		"answered for in the Member":      {build(declared, answered("Manager")), []string{manager}},
		"with what that has":              {build(declared, answered("Member", editor)), []string{manager, "grant orgroles/Member, " + onFB}},
		"who is to own it":                {build(declared, answered("CoOwner"), owns), []string{"grant orgroles/CoOwner"}},
		"no organisation (nothing opens)": {offering("Manager", func(in *Input) { in.Organization = nil }), []string{manager}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, way := range c.in.Reviews() {
				got = append(got, inWords(way))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestReviewsAreBounded(t *testing.T) {
	var grants []rosterv1alpha1.ProfileGrant
	for i := range 500 {
		grants = append(grants, rosterv1alpha1.ProfileGrant{Name: fmt.Sprint("p", i), Role: rosterv1alpha1.ProfileGuest})
	}
	for n := range grants {
		questions := map[Review]bool{}
		ways := offering("Member", profiles(grants[:n]...)).Reviews()
		for _, way := range ways {
			for _, r := range way {
				questions[r] = true
			}
		}
		if len(questions) > maxReviews+2 {
			t.Fatalf("%d profiles take %d questions", n, len(questions))
		}
		if inWords(ways[0]) != "grant orgroles/Manager" {
			t.Fatalf("the first way is %s: a Manager takes more than one question", inWords(ways[0]))
		}
	}
}

func TestInviterStanding(t *testing.T) {
	const by, prefix = "oidc:olivia@acme.example", "oidc:"
	olivia := func(mods ...func(*rosterv1alpha1.Member)) *rosterv1alpha1.Member {
		m := &rosterv1alpha1.Member{
			ObjectMeta: metav1.ObjectMeta{Name: "olivia"},
			Spec:       rosterv1alpha1.MemberSpec{Email: "Olivia@acme.example", AccountRef: &rosterv1alpha1.LocalReference{Name: "a-1"}},
			Status:     rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive},
		}
		for _, mod := range mods {
			mod(m)
		}
		return m
	}
	pending := func(m *rosterv1alpha1.Member) { m.Spec.AccountRef, m.Status.State = nil, rosterv1alpha1.MemberPending }
	joining := func(m *rosterv1alpha1.Member) { m.Status.State = rosterv1alpha1.MemberPending }
	suspended := func(m *rosterv1alpha1.Member) { m.Spec.Suspended = ptr.To(true) }
	going := func(m *rosterv1alpha1.Member) { m.DeletionTimestamp = &metav1.Time{} }
	another := func(m *rosterv1alpha1.Member) { m.Spec.Email = "oscar@acme.example" }
	renamed := func(m *rosterv1alpha1.Member) { m.Name = "olivia-2" }
	read := func(members ...*rosterv1alpha1.Member) []*rosterv1alpha1.Member { return members }
	cases := map[string]struct {
		recorded string
		members  []*rosterv1alpha1.Member
		want     Standing
	}{
		"a Member":                                 {by, read(olivia()), InviterMember},
		"a Member, not recorded":                   {"", read(olivia()), InviterMember},
		"a Member who waits for their roles":       {by, read(olivia(joining)), InviterMember},
		"suspended":                                {by, read(olivia(suspended)), InviterGone},
		"suspended, not recorded":                  {"", read(olivia(suspended)), InviterGone},
		"removed":                                  {by, nil, InviterGone},
		"being removed":                            {by, read(olivia(going)), InviterGone},
		"removed, and invited again":               {by, read(olivia(pending)), InviterGone},
		"removed, and another has the name":        {by, read(olivia(another)), InviterGone},
		"never a Member":                           {"", nil, InviterUnknown},
		"declared, has not joined":                 {"", read(olivia(pending)), InviterUnknown},
		"has just joined, did not invite as one":   {"", read(olivia(joining)), InviterUnknown},
		"another has the name now, they a new one": {by, read(olivia(another), olivia(renamed)), InviterMember},
		"taken over by somebody else":              {"ben@acme.example", nil, InviterUnknown},
		"taken over by a Member":                   {"ben@acme.example", read(olivia()), InviterMember},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			in := build(sent(0), func(in *Input) {
				in.Invitation.Spec.InvitedBy = by
				if c.recorded != "" {
					in.Invitation.Status.InviterRef = &rosterv1alpha1.InviterReference{Name: "olivia", InvitedBy: c.recorded}
				}
			})
			who, ok := ParseInviter(in.InvitedBy(), prefix)
			if !ok {
				t.Fatal("nobody invites")
			}
			if got := in.InviterStanding(who, c.members); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	in := build(func(in *Input) { in.Invitation.Spec.InvitedBy = "OIDC:olivia@acme.example" })
	who, _ := ParseInviter(in.InvitedBy(), prefix)
	if got := in.InviterStanding(who, read(olivia())); got != InviterGone {
		t.Errorf("a user of another prefix is taken for a Member: %s", got)
	}
	if got := in.InviterStanding(who, nil); got != InviterUnknown {
		t.Errorf("without a Member of that address: %s", got)
	}
	who, _ = ParseInviter("system:serviceaccount:flux:apply", prefix)
	if got := in.InviterStanding(who, nil); got != InviterMember {
		t.Errorf("a service account is %s: its rights are known", got)
	}
}

// Who is asked about is a user name as RBAC compares it.
func TestParseInviter(t *testing.T) {
	const user = "oidc:olivia@acme.example"
	cases := map[string]struct {
		user     string
		groups   string
		misnamed bool
	}{
		user:                               {user, "system:authenticated", false},
		"oidc:Olivia@Acme.example":         {user, "system:authenticated", false},
		"olivia@acme.example":              {user, "system:authenticated", false},
		"OIDC:olivia@acme.example":         {user, "system:authenticated", true},
		"Oidc:olivia@acme.example":         {user, "system:authenticated", true},
		"saml:olivia@acme.example":         {"", "", false},
		"":                                 {"", "", false},
		"oidc:":                            {"", "", false},
		"platform-admin":                   {"", "", false},
		"system:serviceaccount:flux:apply": {"system:serviceaccount:flux:apply", "system:serviceaccounts,system:serviceaccounts:flux,system:authenticated", false},
		"system:serviceaccount:flux":       {"", "", false},
		"SYSTEM:serviceaccount:flux:apply": {"", "", false},
	}
	for invitedBy, c := range cases {
		who, ok := ParseInviter(invitedBy, "oidc:")
		if ok != (c.user != "") || ok && (who.User != c.user || strings.Join(who.Groups, ",") != c.groups || who.Misnamed != c.misnamed) {
			t.Errorf("%q: %+v, %v", invitedBy, who, ok)
		}
	}
	if who, ok := ParseInviter("olivia@acme.example", ""); !ok || who.User != "olivia@acme.example" || who.Misnamed {
		t.Errorf("without a prefix: %+v, %v", who, ok)
	}
}

// Who invited is in the write that says that the mail is out, or that it waits; and stays there when that Member is gone.
func TestInviterIsRecorded(t *testing.T) {
	by := func(user, member string) builder {
		return func(in *Input) { in.Invitation.Spec.InvitedBy, in.Inviter = user, member }
	}
	recorded := func(user string) builder {
		return func(in *Input) {
			in.Invitation.Status.InviterRef = &rosterv1alpha1.InviterReference{Name: "olivia", InvitedBy: user}
		}
	}
	mailed := func(inviter string) builder {
		return func(in *Input) {
			reported(outcome.Delivered, in.Invitation.Status.Attempt+1, 0, time.Hour)(in)
			in.Report.Inviter = inviter
		}
	}
	full := func(in *Input) { in.Rival = "ana-1" }
	const olivia, ben = "olivia@acme.example", "ben@acme.example"
	cases := map[string]struct {
		in   Input
		want string
	}{
		"with the mail":                                   {build(by(olivia, "olivia"), mailed("olivia")), "olivia"},
		"with the mail, although gone since":              {build(by(olivia, ""), mailed("olivia")), "olivia"},
		"while it waits":                                  {build(by(olivia, "olivia"), full), "olivia"},
		"kept when they go while it waits":                {build(by(olivia, ""), recorded(olivia), full), "olivia"},
		"kept when they go before a resend":               {build(sent(0), by(olivia, ""), recorded(olivia), mailed("")), "olivia"},
		"after the mail, since somebody may take it over": {build(sent(0), by(olivia, "olivia")), "olivia"},
		"no Member":                             {build(by(olivia, ""), mailed("")), ""},
		"taken over, and mailed again":          {build(sent(0), by(ben, "ben"), recorded(olivia), mailed("ben")), "ben"},
		"taken over by no Member, mailed again": {build(sent(0), by(ben, ""), recorded(olivia), mailed("")), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ref := Decide(c.in, start.Add(time.Hour)).Status.InviterRef
			switch {
			case c.want == "" && ref != nil:
				t.Errorf("recorded: %+v", ref)
			case c.want != "" && (ref == nil || ref.Name != c.want || ref.InvitedBy != c.in.Invitation.Spec.InvitedBy):
				t.Errorf("recorded: %+v, want %s", ref, c.want)
			}
		})
	}
	in := build(by(olivia, "olivia"))
	if r := NewReport(in, Decide(in, start), "1@example.com", start); r.Inviter != "olivia" {
		t.Errorf("the report says %q", r.Inviter)
	}
	joined := []*rosterv1alpha1.Member{{}, {ObjectMeta: metav1.ObjectMeta{Name: "olivia"}, Spec: rosterv1alpha1.MemberSpec{
		AccountRef: &rosterv1alpha1.LocalReference{Name: "a-1"},
	}}}
	if JoinedMember(joined) != "olivia" || JoinedMember(joined[:1]) != "" {
		t.Error("only a person who has accepted is a Member")
	}
}
