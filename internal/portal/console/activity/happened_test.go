// SPDX-License-Identifier: Apache-2.0

package activity

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
)

func at(minute int) *metav1.Time {
	return &metav1.Time{Time: time.Date(2026, time.November, 23, 9, minute, 0, 0, time.UTC)}
}

func object(name string, made int, written map[string]int) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{Name: name, CreationTimestamp: *at(made)}
	for manager, minute := range written {
		meta.ManagedFields = append(meta.ManagedFields, metav1.ManagedFieldsEntry{Manager: manager, Time: at(minute)})
	}
	return meta
}

// told is what objects tell, newest first: "minute text subject by".
func told(tell func(*teller)) []string {
	t := &teller{}
	tell(t)
	newestFirst(t.all)
	var all []string
	for _, h := range t.all {
		by := h.person + h.field
		if by == "" && h.writer != nil {
			by = string(h.writer.By) + h.writer.User
		}
		all = append(all, h.at.Format("04")+" "+h.text+" "+h.subject+" "+by)
	}
	return all
}

func TestWhatObjectsTell(t *testing.T) {
	mia := console.FieldManager("oidc:mia@acme.example")
	condition := func(kind string, minute int) []metav1.Condition {
		return []metav1.Condition{{Type: kind, LastTransitionTime: *at(minute)}}
	}
	for name, c := range map[string]struct {
		tell func(*teller)
		want []string
	}{
		"somebody who accepted": {func(t *teller) {
			t.member(&rosterv1alpha1.Member{
				ObjectMeta: object("ana", 5, map[string]int{"roster": 5}), Spec: rosterv1alpha1.MemberSpec{Email: "ana@acme.example", DisplayName: "Ana"},
				Status: rosterv1alpha1.MemberStatus{State: rosterv1alpha1.MemberActive, JoinedTime: at(5)},
			})
		}, []string{"05 activity.member.joined Ana ana@acme.example"}},
		"somebody who was declared, changed and suspended": {func(t *teller) {
			t.member(&rosterv1alpha1.Member{
				ObjectMeta: object("ana", 1, map[string]int{mia: 9, "kubectl": 1}),
				Spec:       rosterv1alpha1.MemberSpec{Email: "ana@acme.example", DisplayName: "Ana", InvitedBy: "oidc:leo@acme.example"},
				Status: rosterv1alpha1.MemberStatus{
					State: rosterv1alpha1.MemberSuspended, JoinedTime: at(3), Conditions: condition(rosterv1alpha1.ConditionRolesGranted, 9),
				},
			})
		}, []string{
			"09 activity.member.changed Ana consoleoidc:mia@acme.example", "09 activity.member.suspended Ana suspended",
			"03 activity.member.joined Ana ana@acme.example", "01 activity.member.declared Ana oidc:leo@acme.example",
		}},
		"somebody whom a program declared": {func(t *teller) {
			t.member(&rosterv1alpha1.Member{
				ObjectMeta: object("ana", 1, map[string]int{"kustomize-controller": 1}), Spec: rosterv1alpha1.MemberSpec{Email: "ana@acme.example"},
			})
		}, []string{"01 activity.member.declared ana@acme.example git"}},
		"an end that has come, and one that has not": {func(t *teller) {
			for minute, state := range map[int]rosterv1alpha1.MemberState{20: rosterv1alpha1.MemberEnded, 70: rosterv1alpha1.MemberActive} {
				t.member(&rosterv1alpha1.Member{
					ObjectMeta: object("ana", 1, nil), Spec: rosterv1alpha1.MemberSpec{Email: "ana@acme.example", EndTime: at(minute)},
					Status: rosterv1alpha1.MemberStatus{State: state},
				})
			}
		}, []string{"20 activity.member.ended ana@acme.example endTime"}},
		"an invitation": {func(t *teller) {
			t.invitation(&rosterv1alpha1.Invitation{
				ObjectMeta: object("zoe", 1, map[string]int{mia: 1}),
				Spec: rosterv1alpha1.InvitationSpec{
					Email: "zoe@acme.example", InvitedBy: "oidc:mia@acme.example", ResendRequestedAt: at(4), Revoked: new(true),
				},
				Status: rosterv1alpha1.InvitationStatus{
					State: rosterv1alpha1.InvitationRevoked, SentTime: at(5), Conditions: condition(rosterv1alpha1.ConditionAccepted, 8),
				},
			})
		}, []string{
			"08 activity.invitation.withdrawn zoe@acme.example revoked", "05 activity.invitation.sent zoe@acme.example ",
			"04 activity.invitation.resend zoe@acme.example resendRequestedAt", "01 activity.invitation.invited zoe@acme.example oidc:mia@acme.example",
		}},
		"another mail, which is told once": {func(t *teller) {
			t.invitation(&rosterv1alpha1.Invitation{
				ObjectMeta: object("zoe", 1, map[string]int{"kubectl-roster": 4, mia: 7}),
				Spec: rosterv1alpha1.InvitationSpec{
					Email: "zoe@acme.example", InvitedBy: "oidc:mia@acme.example", ResendRequestedAt: &metav1.Time{Time: at(4).Add(time.Second)},
				},
			})
		}, []string{
			"07 activity.invitation.changed zoe@acme.example consoleoidc:mia@acme.example",
			"04 activity.invitation.resend zoe@acme.example resendRequestedAt", "01 activity.invitation.invited zoe@acme.example oidc:mia@acme.example",
		}},
		"the invitation of a declared member": {func(t *teller) {
			t.invitation(&rosterv1alpha1.Invitation{
				ObjectMeta: object("zoe", 1, map[string]int{"roster": 1}),
				Spec:       rosterv1alpha1.InvitationSpec{MemberRef: &rosterv1alpha1.LocalReference{Name: "zoe"}},
				Status:     rosterv1alpha1.InvitationStatus{Email: "zoe@acme.example", SentTime: at(2)},
			})
		}, []string{"02 activity.invitation.sent zoe@acme.example "}},
		"a team": {func(t *teller) {
			t.thing(&rosterv1alpha1.Team{ObjectMeta: object("writers", 1, map[string]int{mia: 1, "kustomize-controller": 7})}, "Writers", aboutTeam)
		}, []string{"07 activity.team.changed Writers git", "01 activity.team.created Writers consoleoidc:mia@acme.example"}},
	} {
		if got := told(c.tell); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
