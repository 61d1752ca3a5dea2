// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"fmt"
	"strings"

	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// maxName leaves room for a number behind the name of an object, within the 63 characters that a CustomRole may have.
const maxName = 50

// objectName makes the name of an object from what people call it: one that no other has, that is valid for every kind, and that tells
// the object apart in Git and with kubectl. Where no letter of it can be written so, it is that of the kind.
func objectName(called, kind string, taken func(string) bool) string {
	name := slug(called)
	if name == "" {
		name = kind
	}
	if name[0] >= '0' && name[0] <= '9' { // Names of CustomRoles begin with a letter.
		name = kind + "-" + name
	}
	free := name
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}

// slug are the letters and digits of ASCII, without accents, with hyphens for what stands between them.
func slug(s string) string {
	var b strings.Builder
	for _, r := range console.Fold(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxName {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}

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
