// SPDX-License-Identifier: Apache-2.0

// Package application has the rules about Applications: who may sign in, which client secrets count, and what the status says. It does no
// I/O.
package application

import (
	"cmp"
	"slices"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Admits reports whether an Application is for somebody with that role in the organisation and in those Teams. Whether they are an active
// Member at all is for the caller to know.
func Admits(a *rosterv1alpha1.Application, role string, teams []string) bool {
	m := a.Spec.Members
	return m == nil || slices.Contains(m.Roles, role) || slices.ContainsFunc(teams, func(team string) bool {
		return slices.Contains(m.Teams, team)
	})
}

// Listed are the Applications that stand among the environments of the organisation for somebody with that role and in those Teams, sorted
// by title.
func Listed(all []*rosterv1alpha1.Application, role string, teams []string) []*rosterv1alpha1.Application {
	var listed []*rosterv1alpha1.Application
	for _, a := range all {
		if a.Spec.Listed != nil && *a.Spec.Listed && a.Spec.URL != "" && a.DeletionTimestamp == nil && Admits(a, role, teams) {
			listed = append(listed, a)
		}
	}
	slices.SortFunc(listed, func(a, b *rosterv1alpha1.Application) int {
		return cmp.Or(cmp.Compare(a.Title(), b.Title()), cmp.Compare(a.Name, b.Name))
	})
	return listed
}
