// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/console"
)

// mostTold is how many consequences of one kind are told.
const mostTold = 20

// describe puts what a change does to somebody into words.
func describe(names console.Names, x difference) []string {
	w := names.Words
	var all []string
	say := func(condition bool, text string) {
		if condition {
			all = append(all, text)
		}
	}
	say(x.Removed, w.T("bulk.diff.removed"))
	say(x.Suspended, w.T("bulk.diff.suspended"))
	say(x.Resumed, w.T("bulk.diff.resumed"))
	if x.RoleAfter != "" {
		all = append(all, w.T("bulk.diff.role", "Before", names.Role(x.RoleBefore, false), "After", names.Role(x.RoleAfter, false)))
	}
	all = append(all, shifted(names, "bulk.diff.profile", x.Profiles, names.Profile)...)
	all = append(all, shifted(names, "bulk.diff.workspace", x.Workspaces, names.Workspace)...)
	for _, name := range x.Join {
		all = append(all, w.T("bulk.diff.join", "Team", names.Team(name)))
	}
	for _, name := range x.Leave {
		all = append(all, w.T("bulk.diff.leave", "Team", names.Team(name)))
	}
	if x.Ends && x.End != nil {
		all = append(all, w.T("bulk.diff.ends", "Time", w.Moment(x.End.Time)))
	}
	say(x.Ends && x.End == nil, w.T("bulk.diff.endless"))
	return all
}

// mostShifts is on how many profiles, or in how many Workspaces, the roles of one person are told.
const mostShifts = 8

// shifted are roles before and after, each with where it is.
func shifted(names console.Names, text string, shifts []shift, called func(string) string) []string {
	w := names.Words
	role := func(r *rosterv1alpha1.ProfileRole) string {
		switch {
		case r == nil:
			return w.T(text + ".none")
		case *r == "":
			return w.T(text + ".shown")
		}
		return names.On(*r)
	}
	var all []string
	for i, s := range shifts {
		if more := len(shifts) - i; i == mostShifts && more > 1 {
			return append(all, w.N(text+".more", more))
		}
		all = append(all, w.T(text, "Where", called(s.Name), "Before", role(s.Before), "After", role(s.After)))
	}
	return all
}

// tell puts consequences into words.
func tell(names console.Names, c consequences) []string {
	var all []string
	w := names.Words
	for i, l := range c.Losses {
		if i == mostTold {
			all = append(all, w.N("bulk.loss.more", len(c.Losses)-mostTold))
			break
		}
		all = append(all, lossText(names, l))
	}
	if len(c.Unrenewed) > 0 {
		all = append(all, w.T("bulk.unrenewed", "Profiles", console.ListedAs(w, c.Unrenewed, names.Profile)))
	}
	if len(c.Unattended) > 0 {
		all = append(all, w.T("bulk.unattended", "Profiles", console.ListedAs(w, c.Unattended, names.Profile)))
	}
	if len(c.Deserted) > 0 {
		all = append(all, w.T("bulk.deserted", "Teams", console.ListedAs(w, c.Deserted, names.Team)))
	}
	return all
}

func lossText(names console.Names, l loss) string {
	w, what := names.Words, console.May(names.Words, l.Set)
	if l.Profile == access.AllProfiles {
		return w.N("bulk.loss.everywhere", l.People, "What", what)
	}
	return w.N("bulk.loss", l.People, "What", what, "Profile", names.Profile(l.Profile))
}
