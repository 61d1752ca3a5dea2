// SPDX-License-Identifier: Apache-2.0

package people

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
)

// catchUp is how long a page waits at most for the cache to know what has just been written.
const catchUp = 2 * time.Second

// removed tidies up after somebody who has been removed, and shows the list.
func (h *Handler) removed(v *console.Visit, s *subject) error {
	w := speech{v.Words, s.all}
	var left []string
	for _, t := range s.teams() {
		if err := leaveTeam(v, t.Name, s.member.Name); err != nil {
			v.Log().Info("A team still names somebody who was removed", "team", t.Name, "why", err.Error())
			left = append(left, w.names().Team(t.Name))
		}
	}
	// The list is made of the cache.
	_ = wait.PollUntilContextTimeout(v.R.Context(), 20*time.Millisecond, catchUp, true, func(ctx context.Context) (bool, error) {
		m := &rosterv1alpha1.Member{}
		there := v.Cache().Look(ctx, client.ObjectKeyFromObject(s.member), m)
		return !there || m.UID != s.member.UID || m.DeletionTimestamp != nil, nil
	})
	if len(left) > 0 {
		return v.Done(Path, "people.done.removeTeams", "Name", s.name, "Teams", console.Listed(w.Words, left))
	}
	return v.Done(Path, "people.done.remove", "Name", s.name)
}

// leaveTeam takes a name out of a Team.
func leaveTeam(v *console.Visit, team, name string) error {
	t := &rosterv1alpha1.Team{}
	if err := v.Get(team, t); err != nil {
		return client.IgnoreNotFound(err)
	}
	if !slices.Contains(t.Spec.Members, name) {
		return nil
	}
	return write(v, t, func() {
		t.Spec.Members = slices.DeleteFunc(t.Spec.Members, func(member string) bool { return member == name })
	})
}

// joinTeam adds a name to a Team.
func joinTeam(v *console.Visit, team, name string) error {
	t := &rosterv1alpha1.Team{}
	if err := v.Get(team, t); err != nil {
		return err
	}
	if slices.Contains(t.Spec.Members, name) {
		return nil
	}
	return write(v, t, func() { t.Spec.Members = append(t.Spec.Members, name) })
}
