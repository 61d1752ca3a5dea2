// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/roster-dev/roster/internal/cli/compare"
	"github.com/roster-dev/roster/internal/cli/manifests"
)

// asText writes for a terminal. Names come from strangers, so nothing in them reaches the terminal as a control sequence.
func asText(out io.Writer, d compare.Difference) error {
	var b strings.Builder
	if !d.Changes() {
		b.WriteString("Nothing changes for people.\n")
	}
	for i, o := range d.Organizations {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s: %s.\n", cmp.Or(o.Namespace, "(no namespace)"), counts(o))
		if o.Owner != nil {
			fmt.Fprintf(&b, "\n! Owner: %s → %s%s\n", cmp.Or(o.Owner.Before, "nobody"), ownerAfter(o.Owner.After), at(o.Owner.Place))
		}
		for _, p := range o.People {
			fmt.Fprintf(&b, "\n%s %s%s\n", sign(p.Kind), title(p), place(p))
			changes(&b, "+", p.Gains, at)
			changes(&b, "-", p.Losses, was)
		}
	}
	if len(d.Findings) > 0 {
		b.WriteString("\nFindings in the new files:\n")
	}
	for _, f := range d.Findings {
		fmt.Fprintf(&b, "  %s%s\n", before(f.Place), f.Message)
	}
	b.WriteString("\n")
	for _, a := range d.Assumptions {
		fmt.Fprintf(&b, "Assumed: %s\n", a)
	}
	return printers.WriteEscaped(out, b.String())
}

func sign(k compare.Kind) string {
	switch k {
	case compare.Invited:
		return "+"
	case compare.Removed:
		return "-"
	case compare.Suspended, compare.Ended, compare.Resumed, compare.Changed:
	}
	return "~"
}

func at(p manifests.Place) string {
	if s := p.String(); s != "" {
		return " (" + s + ")"
	}
	return ""
}

// was is a place in the old files.
func was(p manifests.Place) string {
	if s := p.String(); s != "" {
		return " (was " + s + ")"
	}
	return ""
}

// place is where a person stands, in the new files if they are there.
func place(p compare.Person) string {
	if p.Kind == compare.Removed {
		return was(p.Place)
	}
	return at(p.Place)
}

// ownerAfter says that nobody owns an organisation without having agreed.
func ownerAfter(address string) string {
	if address == "" {
		return "nobody"
	}
	return address + ", once they have agreed"
}

func before(p manifests.Place) string {
	if s := p.String(); s != "" {
		return s + ": "
	}
	return ""
}

func changes(b *strings.Builder, sign string, all []compare.Right, at func(manifests.Place) string) {
	for _, r := range all {
		fmt.Fprintf(b, "    %s %s %s\n", sign, strings.Join(r.Permissions, ", "), on(r))
		for _, s := range r.By {
			fmt.Fprintf(b, "        %s%s\n", s.Words, at(s.Place))
		}
	}
}
