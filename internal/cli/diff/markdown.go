// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/roster-dev/roster/internal/cli/compare"
	"github.com/roster-dev/roster/internal/cli/manifests"
	"github.com/roster-dev/roster/internal/cli/markdown"
)

// longest is how long a comment on a pull request may be, in characters.
const longest = 65536

// asMarkdown writes a comment: the summary first, then as many people as fit, whole.
func asMarkdown(d compare.Difference) string {
	var summary, end strings.Builder
	summary.WriteString("### What this does to people\n\n")
	if !d.Changes() {
		summary.WriteString("Nothing changes for people.\n")
	}
	for _, o := range d.Organizations {
		fmt.Fprintf(&summary, "- **%s**: %s\n", markdown.Escape(cmp.Or(o.Namespace, "(no namespace)")), counts(o))
		if o.Owner != nil {
			fmt.Fprintf(&summary, "  - :warning: Owner: %s → %s%s\n", markdown.Escape(cmp.Or(o.Owner.Before, "nobody")),
				markdown.Escape(ownerAfter(o.Owner.After)), inert(at(o.Owner.Place)))
		}
	}
	end.WriteString("\n<details><summary>What was assumed</summary>\n\n")
	for _, a := range d.Assumptions {
		fmt.Fprintf(&end, "- %s\n", a)
	}
	end.WriteString("\n</details>\n")
	return assemble(summary.String(), append(findings(d), details(d)...), end.String())
}

// block is a part of the comment that is left out as a whole where it does not fit.
type block struct {
	heading, text string
}

func findings(d compare.Difference) []block {
	var all []block
	for _, f := range d.Findings {
		all = append(all, block{heading: "Findings", text: fmt.Sprintf("- %s%s\n", markdown.Escape(f.Message), inert(at(f.Place)))})
	}
	return all
}

func details(d compare.Difference) []block {
	var all []block
	for _, o := range d.Organizations {
		for _, p := range o.People {
			var b strings.Builder
			fmt.Fprintf(&b, "- **%s**%s\n", markdown.Escape(title(p)), inert(place(p)))
			for _, r := range p.Gains {
				right(&b, "gains", r, at)
			}
			for _, r := range p.Losses {
				right(&b, "loses", r, was)
			}
			all = append(all, block{heading: markdown.Escape(cmp.Or(o.Namespace, "(no namespace)")), text: b.String()})
		}
	}
	return all
}

func right(b *strings.Builder, verb string, r compare.Right, at func(manifests.Place) string) {
	fmt.Fprintf(b, "  - %s %s %s\n", verb, markdown.Escape(strings.Join(r.Permissions, ", ")), markdown.Escape(on(r)))
	for _, s := range r.By {
		fmt.Fprintf(b, "    - %s%s\n", markdown.Escape(s.Words), inert(at(s.Place)))
	}
}

// inert keeps the space before a place.
func inert(place string) string {
	if place == "" {
		return ""
	}
	return " " + markdown.Escape(place)
}

// assemble puts in as many blocks as fit, and says how many do not.
func assemble(summary string, blocks []block, end string) string {
	const note = "\n…and %d more, which do not fit into a comment.\n"
	room := longest - len([]rune(summary)) - len([]rune(end)) - len(note) - 10
	var b strings.Builder
	b.WriteString(summary)
	heading := ""
	for i, block := range blocks {
		text := block.text
		if block.heading != heading {
			text = "\n#### " + block.heading + "\n\n" + text
		}
		if room -= len([]rune(text)); room < 0 {
			fmt.Fprintf(&b, note, len(blocks)-i)
			break
		}
		heading = block.heading
		b.WriteString(text)
	}
	return b.String() + end
}
