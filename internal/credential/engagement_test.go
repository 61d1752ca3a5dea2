// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/credential"
)

// A day in an inbox: how many items wait at each hour, and how many somebody hears of.
func TestDigests(t *testing.T) {
	p := profile(func(p *rosterv1alpha1.SocialProfile) {
		p.Spec.Notifications = &rosterv1alpha1.ProfileNotifications{Engagement: ptr.To(true)}
		p.Status.EngagementAssignee = "ana@acme.example"
	})
	for _, step := range []struct {
		after        time.Duration
		unread, told int
	}{
		{0, 0, 0},
		{1 * time.Hour, 3, 3},   // the first ones
		{2 * time.Hour, 5, 0},   // once a day
		{26 * time.Hour, 5, 2},  // those two
		{60 * time.Hour, 5, 0},  // nothing new
		{61 * time.Hour, 1, 0},  // somebody has read
		{62 * time.Hour, 5, 4},  // as many as before, and news all the same
		{100 * time.Hour, 0, 0}, // all is read
	} {
		at := now.Add(step.after)
		p.Status, _ = credential.Decide(p, good(func(f *credential.Finding) { f.Unread = ptr.To(int32(step.unread)) }), at)
		due, fresh := credential.Digest(p, at)
		if fresh != step.told || (due != nil) != (step.told > 0) {
			t.Errorf("after %s with %d unread: told of %d, want %d", step.after, step.unread, fresh, step.told)
		}
		if due != nil {
			p.Status.Engagement = due
			if next := credential.NextDigest(p, at); !next.Equal(at.Add(24 * time.Hour)) {
				t.Errorf("the next mail may go out at %s", next)
			}
		}
	}
	p.Spec.Notifications.Engagement = ptr.To(false)
	p.Status, _ = credential.Decide(p, good(func(f *credential.Finding) { f.Unread = ptr.To[int32](9) }), now)
	if due, _ := credential.Digest(p, now.Add(1000*time.Hour)); due != nil || p.Status.Engagement != nil {
		t.Error("nobody wanted to hear")
	}
}
