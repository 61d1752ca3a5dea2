// SPDX-License-Identifier: Apache-2.0

package groups

import "github.com/roster-dev/roster/internal/portal/web"

// checkName corrects what people call a group or a role.
func checkName(w web.Words, name string, most int) []web.Problem {
	wrong := func(text string) []web.Problem { return []web.Problem{{Field: web.FieldDisplayName, Text: text}} }
	switch {
	case !web.IsVisible(name):
		return wrong(w.T("groups.error.name"))
	case !web.IsLine(name):
		return wrong(w.T("groups.error.line"))
	case len([]rune(name)) > most:
		return wrong(w.N("groups.error.long", most))
	}
	return nil
}
