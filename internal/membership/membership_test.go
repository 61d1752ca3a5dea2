// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

type change func(in *MemberInput)

func member(changes ...change) MemberInput {
	in := MemberInput{
		Member: &rosterv1alpha1.Member{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ana", UID: "1", Generation: 3},
			Spec: rosterv1alpha1.MemberSpec{
				Email: "ana@acme.example", DisplayName: "A. Ruiz", Role: rosterv1alpha1.RoleMember,
				Profiles: []rosterv1alpha1.ProfileGrant{{Name: "fb", Role: rosterv1alpha1.ProfileEditor}},
			},
		},
		Organization: &rosterv1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme"}, Status: rosterv1alpha1.OrganizationStatus{ObservedGeneration: 1},
		},
		Sources: access.Sources{Profiles: map[string]access.Standing{"fb": access.Present}},
	}
	for _, c := range changes {
		c(&in)
	}
	return in
}

func bound(in *MemberInput) {
	in.Member.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: address.Address("ana@acme.example").AccountName()}
	in.Account = &rosterv1alpha1.Account{Spec: rosterv1alpha1.AccountSpec{DisplayName: "A. Ruiz"}}
}

// ends has the membership end that long after now.
func ends(after time.Duration) change {
	return func(in *MemberInput) { in.Member.Spec.EndTime = &metav1.Time{Time: now.Add(after)} }
}

func owns(in *MemberInput) {
	in.Organization.Status.OwnerRef = &rosterv1alpha1.LocalReference{Name: "ana"}
	in.Member.Annotations = map[string]string{rosterv1alpha1.OwnershipAnnotation: rosterv1alpha1.OwnershipAgreed}
}

func refused(in *MemberInput) {
	in.Refused = &access.Problem{Reason: rosterv1alpha1.ReasonWriteRefused, Message: "exceeded quota"}
}

func invited(state rosterv1alpha1.InvitationState) change {
	return func(in *MemberInput) {
		in.Invitation = &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{Name: "ana"}}
		in.Invitation.Status.State = state
	}
}

// notAllowed: the organisation does not invite to the domain of the address.
func notAllowed(in *MemberInput) {
	invited(rosterv1alpha1.InvitationPending)(in)
	in.Invitation.Status.Conditions = []metav1.Condition{{
		Type: rosterv1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: rosterv1alpha1.ReasonDomainNotAllowed,
		Message: "The organisation does not invite to acme.example",
	}}
}

// stalledBy changes what the Invitation is Stalled by.
func stalledBy(reason string) change {
	return func(in *MemberInput) { in.Invitation.Status.Conditions[0].Reason = reason }
}

// invitedAs changes the state of the Invitation, and leaves the rest of it.
func invitedAs(state rosterv1alpha1.InvitationState) change {
	return func(in *MemberInput) { in.Invitation.Status.State = state }
}

func TestDecideMember(t *testing.T) {
	cases := map[string]struct {
		in     MemberInput
		state  rosterv1alpha1.MemberState
		ready  metav1.ConditionStatus
		reason string
		invite bool
		holds  bool
		says   string
	}{
		"new":                         {member(), "Pending", "True", "Pending", true, false, "not accepted"},
		"invited":                     {member(invited(rosterv1alpha1.InvitationSent)), "Pending", "True", "Pending", false, false, "not accepted"},
		"not invited, for its domain": {member(notAllowed), "Pending", "False", "DomainNotAllowed", false, false, "does not invite"},
		// The Invitation has not followed yet: a sync must not fail by what the same change has mended.
		"a role that is there by now":    {member(notAllowed, stalledBy(rosterv1alpha1.ReasonRoleNotFound)), "Pending", "True", "Pending", false, false, ""},
		"allowed once it was mailed":     {member(notAllowed, invitedAs(rosterv1alpha1.InvitationSent)), "Pending", "True", "Pending", false, false, "not accepted"},
		"expired":                        {member(invited(rosterv1alpha1.InvitationExpired)), "Pending", "True", "NotInvited", false, false, "Expired"},
		"accepted, about to be bound":    {member(invited(rosterv1alpha1.InvitationAccepted)), "Pending", "True", "Pending", false, false, ""},
		"joined":                         {member(bound, invited(rosterv1alpha1.InvitationAccepted)), "Active", "True", "Active", false, true, ""},
		"joined, its invitation deleted": {member(bound), "Active", "True", "Active", false, true, ""},
		"suspended":                      {member(bound, func(in *MemberInput) { in.Member.Spec.Suspended = ptr.To(true) }), "Suspended", "True", "Suspended", false, false, ""},
		"suspended before they joined":   {member(func(in *MemberInput) { in.Member.Spec.Suspended = ptr.To(true) }), "Pending", "True", "Pending", true, false, ""},
		"ended this second":              {member(bound, ends(0)), "Ended", "True", "Ended", false, false, "2026-03-02T09:00:00Z"},
		"ended, and suspended":           {member(bound, ends(-day), func(in *MemberInput) { in.Member.Spec.Suspended = ptr.To(true) }), "Ended", "True", "Ended", false, false, ""},
		"ended before they joined":       {member(ends(-day)), "Ended", "True", "Ended", false, false, "later spec.endTime"},
		"ends later":                     {member(bound, ends(day)), "Active", "True", "Active", false, true, ""},
		"the owner's does not end":       {member(bound, owns, ends(-day)), "Active", "False", "OwnerDoesNotEnd", false, true, "Remove spec.endTime"},
		"a profile that is not there": {member(bound, func(in *MemberInput) { in.Sources.Profiles = nil }),
			"Active", "False", "ProfileNotFound", false, true, "SocialProfile fb"},
		"the account was deleted": {member(bound, func(in *MemberInput) { in.Account = nil }),
			"Active", "False", "AccountMissing", false, true, "cannot sign in"},
		"suspended, the account was deleted": {member(bound, func(in *MemberInput) { in.Member.Spec.Suspended, in.Account = ptr.To(true), nil }),
			"Suspended", "True", "Suspended", false, false, ""},
		"Kubernetes refuses the Invitation": {member(refused), "Pending", "False", "WriteRefused", true, false, "exceeded quota"},
		"the namespace has no organisation": {member(bound, func(in *MemberInput) { in.Organization = nil }), "Active", "False", "OrganizationMissing", false, false, ""},
		"an older one has the address":      {member(bound, func(in *MemberInput) { in.Twin = "anna" }), "Active", "False", "DuplicateEmail", false, false, `"anna"`},
		"a twin is not invited":             {member(func(in *MemberInput) { in.Twin = "anna" }), "Pending", "False", "DuplicateEmail", false, false, ""},
		"no address":                        {member(func(in *MemberInput) { in.Member.Spec.Email = "ana@acme" }), "Pending", "False", "InvalidEmail", false, false, `"ana@acme"`},
		"somebody else's account": {member(func(in *MemberInput) { in.Member.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-0"} }),
			"Active", "False", "AccountMismatch", false, false, `"a-0"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before := c.in.Member.DeepCopy()
			d := DecideMember(c.in, now)
			if !equality.Semantic.DeepEqual(before, c.in.Member) {
				t.Error("DecideMember changed its input")
			}
			ready := meta.FindStatusCondition(d.Status.Conditions, rosterv1alpha1.ConditionReady)
			if d.Status.State != c.state || ready.Status != c.ready || ready.Reason != c.reason || !strings.Contains(ready.Message, c.says) {
				t.Errorf("%s, %+v", d.Status.State, ready)
			}
			if d.Invite != c.invite || d.Holds != c.holds {
				t.Errorf("invite %v, holds %v", d.Invite, d.Holds)
			}
			if (len(d.Status.Profiles) > 0) != (c.holds && c.reason != "ProfileNotFound") {
				t.Errorf("shows the profiles %v", d.Status.Profiles)
			}
			if stalled := meta.IsStatusConditionTrue(d.Status.Conditions, rosterv1alpha1.ConditionStalled); stalled && ready.Status == "True" {
				t.Error("Ready and Stalled")
			} else if waits := c.reason == "OrganizationMissing"; stalled != (ready.Status == "False" && !waits) {
				t.Errorf("stalled %v; only somebody's edit mends this, or nothing has to be mended", stalled)
			}
			c.in.Member.Status = d.Status
			if again := DecideMember(c.in, now.Add(time.Hour)); !equality.Semantic.DeepEqual(again.Status, d.Status) {
				t.Errorf("writes again when nothing changed:\n%+v\n%+v", d.Status, again.Status)
			}
		})
	}
}

func TestOwnerHoldsEverythingWhateverTheSpecSays(t *testing.T) {
	d := DecideMember(member(bound, owns), now)
	if d.Status.Role != "Owner" || !slices.Equal(d.Status.Workspaces, []string{"*"}) {
		t.Errorf("%+v", d.Status)
	}
}

func TestNamesAndTimes(t *testing.T) {
	accepted := metav1.NewTime(now.Add(-time.Hour))
	in := member(bound, invited(rosterv1alpha1.InvitationAccepted), func(in *MemberInput) {
		in.Invitation.Status.AcceptedTime = &accepted
		in.Account = &rosterv1alpha1.Account{Spec: rosterv1alpha1.AccountSpec{DisplayName: "Ana"}}
		in.Account.Status.LastSignInTime = &accepted
		in.Account.Status.SecondFactor = rosterv1alpha1.SecondFactor{Enrolled: ptr.To(false)}
	})
	s := DecideMember(in, now).Status
	if s.DisplayName != "Ana" || !s.JoinedTime.Equal(&accepted) || !s.LastSignInTime.Equal(&accepted) || ptr.Deref(s.SecondFactor, true) {
		t.Errorf("%+v", s)
	}
	if want := "https://gravatar.com/avatar/"; !strings.HasPrefix(s.AvatarURL, want) {
		t.Errorf("avatar %s", s.AvatarURL)
	}
	in.Member.Status, in.Invitation = s, nil
	if again := DecideMember(in, now.Add(time.Hour)).Status; !again.JoinedTime.Equal(&accepted) {
		t.Error("the joining time moved when the invitation was deleted")
	}
	gone, unbound := in, in
	gone.Account = nil
	unbound.Member = in.Member.DeepCopy()
	unbound.Member.Spec.AccountRef = nil
	for name, in := range map[string]MemberInput{"the account is deleted": gone, "not bound any more": unbound} {
		if has := DecideMember(in, now).Status.SecondFactor; has != nil {
			t.Errorf("%s: the second factor of somebody else or nobody is shown: %v", name, *has)
		}
	}
}

func TestNameThatTheOrganisationTakesBack(t *testing.T) {
	in := member()
	in.Member.Status = DecideMember(in, now).Status
	if in.Member.Status.DisplayName != "A. Ruiz" {
		t.Errorf("called %q", in.Member.Status.DisplayName)
	}
	in.Member.Spec.DisplayName = ""
	if name := DecideMember(in, now).Status.DisplayName; name != "" {
		t.Errorf("nobody has joined, and the name %q stays that the organisation took back", name)
	}
}

func TestFindTwin(t *testing.T) {
	mk := func(name string, uid types.UID, after time.Duration) *rosterv1alpha1.Member {
		return &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: name, UID: uid, CreationTimestamp: metav1.NewTime(now.Add(after))}}
	}
	me := mk("me", "5", time.Minute)
	going := mk("going", "1", 0)
	going.DeletionTimestamp = ptr.To(metav1.NewTime(now))
	cases := map[string]struct {
		others []*rosterv1alpha1.Member
		want   string
	}{
		"alone":                      {[]*rosterv1alpha1.Member{me}, ""},
		"an older one":               {[]*rosterv1alpha1.Member{me, mk("old", "9", 0)}, "old"},
		"a younger one":              {[]*rosterv1alpha1.Member{mk("new", "1", time.Hour)}, ""},
		"as old, lower UID":          {[]*rosterv1alpha1.Member{mk("twin", "4", time.Minute)}, "twin"},
		"an older one that is going": {[]*rosterv1alpha1.Member{going}, ""},
	}
	for name, c := range cases {
		if got := FindTwin(me, c.others, ""); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestDecideOrganization(t *testing.T) {
	org := func(uid types.UID, owner string) *rosterv1alpha1.Organization {
		o := &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "acme-" + string(uid), UID: uid}}
		if owner != "" {
			o.Spec.OwnerRef = &rosterv1alpha1.LocalReference{Name: owner}
		}
		return o
	}
	active := member(bound).Member
	active.Status = DecideMember(member(bound), now).Status
	pending := member().Member
	cases := map[string]struct {
		in       OrganizationInput
		ready    metav1.ConditionStatus
		reason   string
		resolved string
	}{
		"no owner":            {OrganizationInput{Organization: org("1", ""), Counting: org("1", "")}, "True", "Ready", "NoOwner"},
		"an unknown owner":    {OrganizationInput{Organization: org("1", "x"), Counting: org("1", "x")}, "False", "MemberNotFound", "MemberNotFound"},
		"a pending owner":     {OrganizationInput{Organization: org("1", "ana"), Counting: org("1", ""), Owner: pending}, "True", "Ready", "MemberNotActive"},
		"an active owner":     {OrganizationInput{Organization: org("1", "ana"), Counting: org("1", ""), Owner: active}, "True", "Ready", "OwnerNotAgreed"},
		"a second one of two": {OrganizationInput{Organization: org("2", ""), Counting: org("1", "")}, "False", "NamespaceTaken", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := DecideOrganization(c.in, now)
			ready := meta.FindStatusCondition(s.Conditions, rosterv1alpha1.ConditionReady)
			if ready.Status != c.ready || ready.Reason != c.reason {
				t.Errorf("%+v", ready)
			}
			resolved := meta.FindStatusCondition(s.Conditions, rosterv1alpha1.ConditionOwnerResolved)
			if c.resolved != "" && (resolved == nil || resolved.Reason != c.resolved) {
				t.Errorf("%+v", resolved)
			}
		})
	}
}

func TestMailOfAnOrganization(t *testing.T) {
	o := &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "acme", UID: "1"}}
	says := func(held bool, trouble, words string) *metav1.Condition {
		o.Status = DecideOrganization(OrganizationInput{Organization: o, Counting: o, MailHeld: held, Trouble: trouble, TroubleWords: words}, now)
		return meta.FindStatusCondition(o.Status.Conditions, rosterv1alpha1.ConditionMailDelivered)
	}
	if c := says(false, "RelayRefuses", "of another organisation"); c != nil {
		t.Errorf("nothing is held: %+v", c)
	}
	if c := says(true, "", ""); c == nil || c.Status != metav1.ConditionFalse || c.Reason != "RelayUnavailable" {
		t.Errorf("nobody knows why: %+v", c)
	}
	if c := says(true, "RelayRefuses", "Relay access denied"); c.Reason != "RelayRefuses" || c.Message != "Relay access denied" {
		t.Errorf("%+v", c)
	}
	if c := says(true, "", ""); c.Reason != "RelayRefuses" || c.Message != "Relay access denied" {
		t.Errorf("forgotten by a restart: %+v", c)
	}
	if c := says(false, "RelayRefuses", "Relay access denied"); c != nil {
		t.Errorf("all is sent: %+v", c)
	}
	held := &rosterv1alpha1.Invitation{Status: rosterv1alpha1.InvitationStatus{Conditions: []metav1.Condition{
		{Type: rosterv1alpha1.ConditionDelivered, Status: metav1.ConditionFalse, Reason: rosterv1alpha1.ReasonMailHeld},
	}}}
	in := OrganizationInput{Organization: o}
	if in.Count(nil, []*rosterv1alpha1.Invitation{held}, nil); !in.MailHeld {
		t.Error("an Invitation that is held is not counted")
	}
	held.Spec.Revoked = ptr.To(true)
	in = OrganizationInput{Organization: o}
	if in.Count(nil, []*rosterv1alpha1.Invitation{held}, nil); in.MailHeld {
		t.Error("a withdrawn Invitation is counted")
	}
}

func TestIssuerOfAnOrganization(t *testing.T) {
	o := &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "acme", UID: "1"}}
	resolved := func(issuers ...string) (reason string, ready *metav1.Condition) {
		o.Status = DecideOrganization(OrganizationInput{Organization: o, Counting: o, Issuers: issuers}, now)
		if c := meta.FindStatusCondition(o.Status.Conditions, rosterv1alpha1.ConditionIssuerResolved); c != nil {
			reason = c.Reason
		}
		return reason, meta.FindStatusCondition(o.Status.Conditions, rosterv1alpha1.ConditionReady)
	}
	if reason, ready := resolved(); reason != "" || ready.Status != metav1.ConditionTrue {
		t.Errorf("no issuer named: %q, %+v", reason, ready)
	}
	o.Spec.Security.SSO.Issuer = "acme"
	reason, ready := resolved("secret-tenant")
	if reason != rosterv1alpha1.ReasonIssuerNotFound || ready.Status != metav1.ConditionFalse || ready.Reason != reason {
		t.Errorf("an issuer that is not there: %q, %+v", reason, ready)
	}
	for _, part := range []string{"spec.security.sso.issuer", `"acme"`, "portal.issuers", "Correct the name"} {
		if !strings.Contains(ready.Message, part) {
			t.Errorf("the message %q does not say %s", ready.Message, part)
		}
	}
	if strings.Contains(ready.Message, "secret-tenant") {
		t.Errorf("the message tells of another company: %s", ready.Message)
	}
	if reason, ready := resolved("acme"); reason != rosterv1alpha1.ReasonResolved || ready.Status != metav1.ConditionTrue {
		t.Errorf("an issuer that is there: %q, %+v", reason, ready)
	}
	o.Spec.Security.SSO.Issuer = ""
	if reason, _ := resolved("acme"); reason != "" {
		t.Errorf("the condition stays: %q", reason)
	}
}

func TestHoldersAreCountedOnceByTheirStrongestRole(t *testing.T) {
	administrator, editor := access.ProfilePermissions("Administrator"), access.ProfilePermissions("Editor")
	m := &rosterv1alpha1.Member{}
	in := ProfileInput{
		Profile: &rosterv1alpha1.SocialProfile{ObjectMeta: metav1.ObjectMeta{Name: "fb"}},
		Holders: []Holder{{Member: m, Everywhere: administrator, Named: editor}, {Member: m, Named: editor}},
	}
	got := DecideProfile(in, now).Holders
	want := rosterv1alpha1.RoleHolders{Administrators: ptr.To[int32](1), Editors: ptr.To[int32](1), Moderators: new(int32), Guests: new(int32)}
	if !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("%d administrators, %d editors", *got.Administrators, *got.Editors)
	}
}

// Since when a second factor is asked for is what decides who is new; turning it off and on again starts over.
func TestMultiFactorSince(t *testing.T) {
	o := &rosterv1alpha1.Organization{}
	decide := func(policy rosterv1alpha1.MultiFactorPolicy, at time.Time) *metav1.Time {
		o.Spec.Security.MultiFactor = policy
		o.Status = DecideOrganization(OrganizationInput{Organization: o, Counting: o}, at)
		return o.Status.MultiFactorSince
	}
	if got := decide(rosterv1alpha1.MultiFactorOptional, now); got != nil {
		t.Errorf("optional: since %v", got)
	}
	first := decide(rosterv1alpha1.MultiFactorNewMembers, now)
	if first == nil || !first.Time.Equal(now) {
		t.Fatalf("new members: since %v, want %v", first, now)
	}
	for _, policy := range []rosterv1alpha1.MultiFactorPolicy{rosterv1alpha1.MultiFactorRequired, rosterv1alpha1.MultiFactorNewMembers} {
		if got := decide(policy, now.Add(time.Hour)); got == nil || !got.Time.Equal(now) {
			t.Errorf("%s: since %v, want it to stay", policy, got)
		}
	}
	if got := decide(rosterv1alpha1.MultiFactorOptional, now.Add(2*time.Hour)); got != nil {
		t.Errorf("optional again: since %v", got)
	}
}
