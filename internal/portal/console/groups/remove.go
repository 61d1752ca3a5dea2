// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// askDelete says what it means to delete an object, and asks for it once.
func askDelete(v *console.Visit, o client.Object, here, heading string, lines []string, problems []web.Problem) error {
	return v.Ask(console.Sure{
		Kept: v.KeptView(o), Heading: heading, Points: lines, Submit: v.Words.T("groups.delete.submit"),
		Hidden: []console.Hidden{{Name: console.FieldGeneration, Value: console.Generation(o)}},
		Action: v.To(here + "/delete"), Back: v.To(here),
	}, problems)
}

// remove deletes an object and leads back to the list.
func (h *Handler) remove(v *console.Visit, o client.Object, list, name string, again func([]web.Problem) error) error {
	return v.Wrote(v.Delete(o), func() error { return v.Done(list, "groups.deleted", "Name", name) }, again, fields())
}

// withTeam is a snapshot with a team as it is to be.
func withTeam(s *membership.Snapshot, t *rosterv1alpha1.Team) *membership.Snapshot {
	next := *s
	next.Teams = append(without(s.Teams, t.Name), t)
	return &next
}

// withWorkspace is withTeam for a workspace, and withoutWorkspace one without it.
func withWorkspace(s *membership.Snapshot, w *rosterv1alpha1.Workspace) *membership.Snapshot {
	next := *s
	next.Workspaces = append(without(s.Workspaces, w.Name), w)
	return &next
}

func withoutWorkspace(s *membership.Snapshot, name string) *membership.Snapshot {
	next := *s
	next.Workspaces = without(s.Workspaces, name)
	return &next
}

func without[T client.Object](all []T, name string) []T {
	return slices.DeleteFunc(slices.Clone(all), func(o T) bool { return o.GetName() == name })
}

func profilesOfTeam(s *membership.Snapshot, t *rosterv1alpha1.Team) []string {
	return s.ProfilesOf(membership.GroupOfTeam(t))
}
