// SPDX-License-Identifier: Apache-2.0

package network_test

import (
	"testing"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/network"
)

func TestUnread(t *testing.T) {
	for name, c := range map[rosterv1alpha1.Network]struct {
		path, body string
		want       int
	}{
		"Mastodon": {"GET /api/v1/notifications/unread_count", `{"count":3}`, 3},
		"Bluesky":  {"GET /xrpc/app.bsky.notification.getUnreadCount", `{"count":4}`, 4},
		"Facebook": {"GET /v25.0/me", `{"unread_message_count":2,"unread_notif_count":5,"id":"1"}`, 7},
	} {
		f := newFake(t, map[string]answer{c.path: {200, nil, c.body}})
		got, told, err := network.Unread(t.Context(), f.network(t, name, app), tokens)
		if got != c.want || !told || err != nil {
			t.Errorf("%s: %d, %v, %v", name, got, told, err)
		}
		f = newFake(t, map[string]answer{c.path: {404, nil, `{"error":"Record not found"}`}})
		if _, told, err := network.Unread(t.Context(), f.network(t, name, app), tokens); told || err == nil {
			t.Errorf("%s does not tell: %v, %v", name, told, err)
		}
	}
	f := newFake(t, nil)
	if _, told, err := network.Unread(t.Context(), f.network(t, "X", app), tokens); told || err != nil {
		t.Errorf("X does not tell: %v, %v", told, err)
	}
}
