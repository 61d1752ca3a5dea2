// SPDX-License-Identifier: Apache-2.0

// Package sheet reads and writes people as rows of a spreadsheet. It does no I/O of its own.
package sheet

import "strings"

// Harmless puts an apostrophe before a cell that a spreadsheet would take for a formula, and before one that has an apostrophe there, since
// reading takes one away.
func Harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r'", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
