// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/credential"
	"github.com/roster-dev/roster/internal/network"
)

// The life of tokens that nobody renews, and the mails that it brings.
func TestNotices(t *testing.T) {
	p := profile()
	p.Status.Responsible, p.Status.EngagementAssignee = "Ana@acme.example", "ana@acme.example"
	end := now.Add(20 * day)
	dead := error(nil)
	var causes []rosterv1alpha1.NoticeCause
	for hour := range 24 * 25 {
		at := now.Add(time.Duration(hour) * time.Hour)
		p.UID = types.UID(fmt.Sprintf("uid-%d", hour/48)) // restored from a backup every two days
		if at.After(end.Add(day)) {
			dead = errDead
		}
		p.Status, _ = credential.Decide(p, credential.Finding{
			Tokens: network.Tokens{Access: "a", AccessExpiry: end}, Traits: traits, Report: network.Report{AccountID: "12"}, Err: dead,
		}, at)
		if n := credential.Notice(p, at); n != nil {
			causes = append(causes, n.Cause)
			if n.To != "ana@acme.example" || n.Why != rosterv1alpha1.RecipientResponsible || n.Fingerprint != p.Status.Credential.Fingerprint {
				t.Errorf("%+v", n)
			}
			p.Status.Credential.Notice = n
		}
	}
	want := []rosterv1alpha1.NoticeCause{"ExpiresIn14Days", "ExpiresIn3Days", "ExpiresIn1Day", "Expired"}
	if len(causes) != len(want) {
		t.Fatalf("mails about %v, want %v: and none about a loss that the expiry explains", causes, want)
	}
	for i := range want {
		if causes[i] != want[i] {
			t.Errorf("mail %d is about %s, want %s", i, causes[i], want[i])
		}
	}
}

func TestNoticeOfLoss(t *testing.T) {
	lost := func(change ...func(*rosterv1alpha1.SocialProfile)) *rosterv1alpha1.SocialProfile {
		p := profile(change...)
		p.Status.EngagementAssignee = "olivia@acme.example"
		assignee := p.Status.EngagementAssignee
		p.Status, _ = credential.Decide(p, good(func(f *credential.Finding) { f.Err = errDead }), now)
		p.Status.EngagementAssignee = assignee
		return p
	}
	p := lost()
	n := credential.Notice(p, now)
	if n == nil || n.Cause != rosterv1alpha1.NoticeAccessLost || n.Why != rosterv1alpha1.RecipientOwner {
		t.Fatalf("%+v", n)
	}
	p.Status.Credential.Notice = n
	if again := credential.Notice(p, now.Add(day)); again != nil {
		t.Errorf("two mails for one failure: %+v", again)
	}
	p.Status, _ = credential.Decide(p, good(func(f *credential.Finding) { f.Tokens.Access, f.Err = "other", errDead }), now)
	if n := credential.Notice(p, now); n == nil {
		t.Error("other tokens, and nobody hears that they are dead, too")
	}
	changed := profile()
	changed.Status, _ = credential.Decide(changed, good(), now)
	changed.Status.EngagementAssignee = "olivia@acme.example"
	changed.Status, _ = credential.Decide(changed, credential.Finding{Obstacle: &credential.Obstacle{
		Reason: rosterv1alpha1.ReasonReconnectRequired, Message: "Again.", Refused: true,
	}}, now)
	if n := credential.Notice(changed, now); n != nil {
		t.Errorf("the network has refused nothing: %+v", n)
	}
	quiet := lost(func(p *rosterv1alpha1.SocialProfile) {
		p.Spec.Notifications = &rosterv1alpha1.ProfileNotifications{TokenExpiry: ptr.To(false)}
	})
	if n := credential.Notice(quiet, now); n != nil {
		t.Errorf("nobody wanted a mail: %+v", n)
	}
	alone := lost()
	alone.Status.EngagementAssignee = ""
	if n := credential.Notice(alone, now); n != nil {
		t.Errorf("there is nobody to mail: %+v", n)
	}
}

func TestNextNotice(t *testing.T) {
	p := profile()
	p.Status, _ = credential.Decide(p, credential.Finding{Tokens: network.Tokens{Access: "a", AccessExpiry: now.Add(20 * day)}, Traits: traits}, now)
	for at, want := range map[time.Duration]time.Duration{0: 6 * day, 6 * day: 17 * day, 18 * day: 19 * day, 19 * day: 20 * day} {
		if got := credential.NextNotice(p, now.Add(at)); !got.Equal(now.Add(want)) {
			t.Errorf("after %s: %s", at, got.Sub(now))
		}
	}
	if got := credential.NextNotice(p, now.Add(20*day)); !got.IsZero() {
		t.Errorf("after the end there is nothing new: %s", got)
	}
}
