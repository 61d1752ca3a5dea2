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
	all = append(all, shifted(names, onProfileTexts(), x.Profiles, names.Profile)...)
	all = append(all, shifted(names, inWorkspaceTexts(), x.Workspaces, names.Workspace)...)
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

// shiftTexts are the names of the texts that say how a role changes, on how many more, and what it is called to have none.
type shiftTexts struct{ one, more, none, shown string }

func onProfileTexts() shiftTexts {
	return shiftTexts{one: "bulk.diff.profile", more: "bulk.diff.profile.more", none: "bulk.diff.profile.none"}
}

func inWorkspaceTexts() shiftTexts {
	return shiftTexts{
		one: "bulk.diff.workspace", more: "bulk.diff.workspace.more", none: "bulk.diff.workspace.none", shown: "bulk.diff.workspace.shown",
	}
}

// shifted are roles before and after, each with where it is.
func shifted(names console.Names, texts shiftTexts, shifts []shift, called func(string) string) []string {
	w := names.Words
	role := func(r *rosterv1alpha1.ProfileRole) string {
		switch {
		case r == nil:
			return w.T(texts.none)
		case *r == "":
			return w.T(texts.shown)
		}
		return names.On(*r)
	}
	var all []string
	for i, s := range shifts {
		if more := len(shifts) - i; i == mostShifts && more > 1 {
			return append(all, w.N(texts.more, more))
		}
		all = append(all, w.T(texts.one, "Where", called(s.Name), "Before", role(s.Before), "After", role(s.After)))
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
