// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// mostTold is how many consequences of one kind are told.
const mostTold = 20

func heading(w web.Words, a action, n int) string {
	switch a {
	case actionSuspend:
		return w.N("bulk.preview.suspend", n)
	case actionResume:
		return w.N("bulk.preview.resume", n)
	case actionRemove:
		return w.N("bulk.preview.remove", n)
	case actionChange:
	}
	return w.N("bulk.preview.change", n)
}

// meaning is what an action means to those whom it is for.
func meaning(w web.Words, a action) string {
	switch a {
	case actionSuspend:
		return w.T("bulk.preview.suspend.text")
	case actionResume:
		return w.T("bulk.preview.resume.text")
	case actionRemove:
		return w.T("bulk.preview.remove.text")
	case actionChange:
	}
	return w.T("bulk.preview.change.text")
}

func submit(w web.Words, a action, n int) string {
	switch a {
	case actionSuspend:
		return w.N("bulk.preview.suspend.submit", n)
	case actionResume:
		return w.N("bulk.preview.resume.submit", n)
	case actionRemove:
		return w.N("bulk.preview.remove.submit", n)
	case actionChange:
	}
	return w.N("bulk.preview.change.submit", n)
}

func reasonText(w web.Words, r reason) string {
	switch r {
	case leftOwner:
		return w.T("bulk.left.owner")
	case leftSelf:
		return w.T("bulk.left.self")
	case leftPending:
		return w.T("bulk.left.pending")
	case leftGit:
		return w.T("bulk.left.git")
	case leftSuspended:
		return w.T("bulk.left.suspendFirst")
	case leftFull:
		return w.T("bulk.left.full")
	}
	return string(r)
}

// describer puts what a change does to somebody into words.
type describer struct {
	words web.Words
	team  *team
}

func (d describer) describe(x difference) []string {
	w, names := d.words, d.team.names(d.words)
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
	say(x.Profiles.Added > 0, w.N("bulk.diff.profiles.added", x.Profiles.Added))
	say(x.Profiles.Changed > 0, w.N("bulk.diff.profiles.changed", x.Profiles.Changed))
	say(x.Profiles.Taken > 0, w.N("bulk.diff.profiles.taken", x.Profiles.Taken))
	say(x.Workspaces.Added > 0, w.N("bulk.diff.workspaces.added", x.Workspaces.Added))
	say(x.Workspaces.Changed > 0, w.N("bulk.diff.workspaces.changed", x.Workspaces.Changed))
	say(x.Workspaces.Taken > 0, w.N("bulk.diff.workspaces.taken", x.Workspaces.Taken))
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

// profile is what people know a profile by; its name alone where the person may not look at it.
func (t *team) profile(w web.Words, name string) string {
	for _, sp := range t.seen {
		if sp.Name == name {
			return console.ProfileName(w, sp)
		}
	}
	return name
}

// tell puts consequences into words.
func tell(w web.Words, t *team, c consequences) []string {
	var all []string
	for i, l := range c.Losses {
		if i == mostTold {
			all = append(all, w.N("bulk.loss.more", len(c.Losses)-mostTold))
			break
		}
		all = append(all, lossText(w, t, l))
	}
	profile := func(name string) string { return t.profile(w, name) }
	if len(c.Unrenewed) > 0 {
		all = append(all, w.T("bulk.unrenewed", "Profiles", listed(w, c.Unrenewed, profile)))
	}
	if len(c.Unattended) > 0 {
		all = append(all, w.T("bulk.unattended", "Profiles", listed(w, c.Unattended, profile)))
	}
	if len(c.Deserted) > 0 {
		all = append(all, w.T("bulk.deserted", "Teams", listed(w, c.Deserted, t.names(w).Team)))
	}
	return all
}

// listed are some names in words.
func listed(w web.Words, names []string, title func(string) string) string {
	titles := make([]string, len(names))
	for i, name := range names {
		titles[i] = title(name)
	}
	return console.Listed(w, titles)
}

func lossText(w web.Words, t *team, l loss) string {
	what := console.May(w, l.Set)
	if l.Profile == access.AllProfiles {
		return w.N("bulk.loss.everywhere", l.People, "What", what)
	}
	return w.N("bulk.loss", l.People, "What", what, "Profile", t.profile(w, l.Profile))
}
