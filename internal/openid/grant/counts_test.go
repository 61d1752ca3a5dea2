// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/account"
)

// world is a grant of somebody in good standing, and what it rests on.
type world struct {
	g   *Grant
	f   Facts
	now time.Time
	m   *rosterv1alpha1.Member
	o   *rosterv1alpha1.Organization
}

func newWorld() *world {
	g, _ := withCode("1")
	g.Code = nil
	g.Proofs = []account.Proof{{Method: account.MethodPassword, Time: start}}
	w := &world{g: g, now: start.Add(time.Hour)}
	w.o = organization("acme")
	w.m = member("acme")
	w.f = Facts{
		Account: &rosterv1alpha1.Account{ObjectMeta: metav1.ObjectMeta{Name: "a-1", Generation: 1}},
		Credentials: account.Credentials{Sessions: account.Sessions{
			Epoch: 3, Devices: []account.Device{{ID: "device", Added: start.Add(-time.Hour)}},
		}},
		Memberships: []Membership{{w.m, w.o}},
		Application: &rosterv1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Name: "wiki", Namespace: "acme", UID: "app"}},
	}
	w.f.Account.Status.ObservedGeneration = 1
	return w
}

func organization(namespace string) *rosterv1alpha1.Organization {
	return &rosterv1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: namespace, Namespace: namespace}}
}

func member(namespace string) *rosterv1alpha1.Member {
	m := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: "zoe", Namespace: namespace, UID: "member"}}
	m.Spec.AccountRef = &rosterv1alpha1.LocalReference{Name: "a-1"}
	m.Spec.Role = rosterv1alpha1.RoleMember
	m.Status.State = rosterv1alpha1.MemberActive
	m.Status.JoinedTime = &metav1.Time{Time: start.Add(-24 * time.Hour)}
	return m
}

func at(d time.Duration) *metav1.Time { return &metav1.Time{Time: start.Add(d)} }

// TestWhatAGrantRestsOn changes one thing at a time.
func TestWhatAGrantRestsOn(t *testing.T) {
	second := func(w *world) {
		w.f.Memberships = append(w.f.Memberships, Membership{member("beta"), organization("beta")})
	}
	for name, c := range map[string]struct {
		change func(*world)
		want   Reason
	}{
		"nothing has changed":    {func(*world) {}, ""},
		"the account is gone":    {func(w *world) { w.f.Account = nil }, ReasonAccountGone},
		"the account is deleted": {func(w *world) { w.f.Account.DeletionTimestamp = at(0) }, ReasonAccountGone},
		"suspended":              {func(w *world) { w.f.Account.Spec.Suspended = ptr.To(true) }, ReasonSuspended},
		"was suspended": {func(w *world) {
			w.f.Account.Status.SuspendedTime = &metav1.MicroTime{Time: start.Add(time.Minute)}
		}, ReasonSuspended},
		"was suspended before": {func(w *world) {
			w.f.Account.Status.SuspendedTime = &metav1.MicroTime{Time: start.Add(-time.Minute)}
		}, ""},
		"may have been suspended":   {func(w *world) { w.f.Account.Generation = 3 }, ReasonUnseen},
		"has been seen since":       {func(w *world) { w.f.Account.Generation, w.g.Generation = 3, 2 }, ""},
		"signed out everywhere":     {func(w *world) { w.f.Credentials.Sessions.Epoch = 4 }, ReasonSignedOut},
		"signed out of the browser": {func(w *world) { w.f.Credentials.Sessions.Devices = nil }, ReasonSignedOut},
		"signed out and in again":   {func(w *world) { w.f.Credentials.Sessions.Devices[0].Added = start.Add(1) }, ReasonSignedOut},
		"another browser": {func(w *world) {
			w.f.Credentials.Sessions.Devices[0].ID = "other"
		}, ReasonSignedOut},
		"factors reset":          {func(w *world) { w.f.Account.Spec.FactorsResetRequestedAt = at(time.Minute) }, ReasonFactorsReset},
		"factors reset just now": {func(w *world) { w.f.Account.Spec.FactorsResetRequestedAt = at(0) }, ReasonFactorsReset},
		"factors reset before":   {func(w *world) { w.f.Account.Spec.FactorsResetRequestedAt = at(-time.Second) }, ""},
		"factors will be reset":  {func(w *world) { w.f.Account.Spec.FactorsResetRequestedAt = at(2 * time.Hour) }, ""},

		"the application is gone":    {func(w *world) { w.f.Application = nil }, ReasonApplicationGone},
		"the application was remade": {func(w *world) { w.f.Application.UID = "other" }, ReasonApplicationGone},
		"the application is deleted": {func(w *world) { w.f.Application.DeletionTimestamp = at(0) }, ReasonApplicationGone},
		"for another role": {func(w *world) {
			w.f.Application.Spec.Members = &rosterv1alpha1.ApplicationMembers{Roles: []string{"Manager"}}
		}, ReasonNotAdmitted},
		"for nobody": {func(w *world) { w.f.Application.Spec.Members = &rosterv1alpha1.ApplicationMembers{} }, ReasonNotAdmitted},
		"for the role": {func(w *world) {
			w.f.Application.Spec.Members = &rosterv1alpha1.ApplicationMembers{Roles: []string{"Manager", "Member"}}
		}, ""},
		"for a team": {func(w *world) {
			w.f.Application.Spec.Members = &rosterv1alpha1.ApplicationMembers{Roles: []string{"Manager"}, Teams: []string{"blue"}}
			w.m.Status.Teams = []string{"red", "blue"}
		}, ""},
		"asks for two factors": {func(w *world) {
			w.f.Application.Spec.MultiFactor = rosterv1alpha1.ApplicationFactorRequired
		}, ReasonSecondFactor},
		"got two factors": {func(w *world) {
			w.f.Application.Spec.MultiFactor = rosterv1alpha1.ApplicationFactorRequired
			w.g.Proofs = append(w.g.Proofs, account.Proof{Method: account.MethodApp, Time: start})
		}, ""},
		"asks for a passkey": {func(w *world) {
			w.f.Application.Spec.MultiFactor = rosterv1alpha1.ApplicationFactorPhishingResistant
			w.g.Proofs = append(w.g.Proofs, account.Proof{Method: account.MethodApp, Time: start})
		}, ReasonPasskey},
		"got a passkey": {func(w *world) {
			w.f.Application.Spec.MultiFactor = rosterv1alpha1.ApplicationFactorPhishingResistant
			w.g.Proofs = append(w.g.Proofs, account.Proof{Method: account.MethodPasskey, Time: start})
		}, ""},

		"removed":                  {func(w *world) { w.f.Memberships = nil }, ReasonNoMember},
		"member elsewhere":         {func(w *world) { w.m.Namespace = "beta" }, ReasonNoMember},
		"member suspended":         {func(w *world) { w.m.Spec.Suspended = ptr.To(true) }, ReasonNoMember},
		"member not yet active":    {func(w *world) { w.m.Status.State = rosterv1alpha1.MemberPending }, ReasonNoMember},
		"member is being deleted":  {func(w *world) { w.m.DeletionTimestamp = at(0) }, ReasonNoMember},
		"membership has ended":     {func(w *world) { w.m.Spec.EndTime = at(time.Hour) }, ReasonNoMember},
		"membership ends later":    {func(w *world) { w.m.Spec.EndTime = at(time.Hour + 1) }, ""},
		"renamed":                  {func(w *world) { w.m.UID, w.m.Name = "new", "zoe-2" }, ""},
		"removed and joined again": {func(w *world) { w.m.UID, w.m.Status.JoinedTime = "new", at(time.Minute) }, ReasonNoMember},
		"no seat": {func(w *world) {
			w.m.Status.Conditions = []metav1.Condition{{Type: rosterv1alpha1.ConditionRolesGranted, Reason: rosterv1alpha1.ReasonNotCounted}}
		}, ReasonNoMember},
		"the organisation is gone":    {func(w *world) { w.f.Memberships[0].Organization = nil }, ReasonNoMember},
		"the organisation is deleted": {func(w *world) { w.o.DeletionTimestamp = at(0) }, ReasonNoMember},
		"company sign-in only": {func(w *world) {
			w.o.Spec.Security.SignIn = []rosterv1alpha1.SignInMethod{rosterv1alpha1.SignInSSO}
		}, ReasonSignInMethod},
		"the organisation asks for two factors": {func(w *world) {
			w.o.Spec.Security.MultiFactor = rosterv1alpha1.MultiFactorRequired
		}, ReasonSecondFactor},
		"another organisation of theirs asks for more": {func(w *world) {
			second(w)
			w.f.Memberships[1].Organization.Spec.Security.MultiFactor = rosterv1alpha1.MultiFactorRequired
		}, ""},

		"kubectl": {func(w *world) { w.kubectl() }, ""},
		"kubectl is no more": {func(w *world) {
			w.kubectl()
			w.f.Platform = nil
		}, ReasonNotConfigured},
		"kubectl is no more, and the person no member": {func(w *world) {
			w.kubectl()
			w.f.Platform, w.m.Spec.Suspended = nil, ptr.To(true)
		}, ReasonNoMember},
		"kubectl for the role": {func(w *world) { w.kubectl("Owner", "Member") }, ""},
		"kubectl for another role in one organisation": {func(w *world) {
			w.kubectl("Manager")
			second(w)
			w.f.Memberships[1].Member.Spec.Role = rosterv1alpha1.RoleManager
		}, ""},
		"kubectl, and the person has lost the role": {func(w *world) {
			w.kubectl("Member")
			w.m.Spec.Role = "press"
		}, ReasonNotAdmitted},
		"kubectl is no more, and the person has lost the role": {func(w *world) {
			w.kubectl("Member")
			w.f.Platform, w.m.Spec.Role = nil, rosterv1alpha1.RoleManager
		}, ReasonNotAdmitted},
		"kubectl is for other roles in this configuration": {func(w *world) {
			w.kubectl("Member")
			w.f.Platform.Roles = []rosterv1alpha1.OrganizationRole{rosterv1alpha1.RoleOwner}
		}, ReasonNotConfigured},
		"studio, in the organisation where the person has the role": {func(w *world) {
			w.kubectl("Member")
			w.g.Namespace, w.g.MemberUID = "acme", "member"
		}, ""},
		"studio, in another organisation than where the person has the role": {func(w *world) {
			w.kubectl("Member")
			second(w)
			w.g.Namespace, w.f.Memberships[1].Member.Spec.Role = "beta", rosterv1alpha1.RoleManager
		}, ReasonNotAdmitted},
		"kubectl of nobody's member": {func(w *world) {
			w.kubectl()
			w.m.Spec.Suspended = ptr.To(true)
		}, ReasonNoMember},
		"kubectl of somebody with another membership": {func(w *world) {
			w.kubectl()
			second(w)
			w.m.Spec.Suspended = ptr.To(true)
		}, ""},
		"kubectl, where another organisation asks for more": {func(w *world) {
			w.kubectl()
			second(w)
			w.f.Memberships[1].Organization.Spec.Security.MultiFactor = rosterv1alpha1.MultiFactorRequired
		}, ReasonSecondFactor},
		"kubectl, where another organisation asks for company sign-in": {func(w *world) {
			w.kubectl()
			second(w)
			w.f.Memberships[1].Organization.Spec.Security.SignIn = []rosterv1alpha1.SignInMethod{rosterv1alpha1.SignInSSO}
		}, ReasonSignInMethod},

		"its time is over":    {func(w *world) { w.now = start.Add(Lifetime) }, ReasonOver},
		"its code is over":    {func(w *world) { w.g.Code = &Code{Expires: start.Add(CodeLifetime)} }, ReasonOver},
		"unused for too long": {func(w *world) { w.g.Issue("hash", start); w.now = start.Add(RefreshIdle) }, ReasonOver},
		"it has ended":        {func(w *world) { w.g.End(ReasonRevoked, start) }, ReasonRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			c.change(w)
			if got := Counts(w.g, w.f, w.now); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// kubectl makes the grant one for an application of the platform, for some roles or for all.
func (w *world) kubectl(roles ...rosterv1alpha1.OrganizationRole) {
	w.g.Client, w.g.ApplicationUID, w.g.Namespace, w.g.MemberUID = "kubectl", "", "", ""
	w.f.Application, w.f.Platform = nil, &Platform{Roles: roles}
	w.g.Note(w.f)
}

func TestWhichReasonsEndAGrant(t *testing.T) {
	if Reason("").Lasting() || ReasonUnseen.Lasting() || !ReasonSignedOut.Lasting() {
		t.Error("a grant ends that may count again in a moment, or one stays that never will")
	}
}
