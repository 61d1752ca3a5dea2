// SPDX-License-Identifier: Apache-2.0

package console

import (
	"strings"

	"github.com/pmezard/go-difflib/difflib"
)

// Line of a change: it goes out, comes in, or stays.
type Line struct {
	Removed, Added bool
	Text           string
}

// around is how many lines that stay are shown on each side of a change.
const around = 2

// changes are the lines in which two texts differ, with those around them.
func changes(before, after string) []Line {
	a, b := split(before), split(after)
	var all []Line
	for _, group := range difflib.NewMatcher(a, b).GetGroupedOpCodes(around) {
		for _, op := range group {
			if op.Tag == 'e' {
				all = appendLines(all, Line{}, a[op.I1:op.I2])
				continue
			}
			all = appendLines(all, Line{Removed: true}, a[op.I1:op.I2])
			all = appendLines(all, Line{Added: true}, b[op.J1:op.J2])
		}
	}
	return all
}

func split(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }

func appendLines(all []Line, like Line, texts []string) []Line {
	for _, text := range texts {
		like.Text = text
		all = append(all, like)
	}
	return all
}
