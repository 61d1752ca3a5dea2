// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"
)

// The table stands between these lines.
const (
	tableBegin = "<!-- values: written by \"make chart\" from values.yaml -->\n"
	tableEnd   = "<!-- end of the values -->\n"
)

// writeTable puts the table of values into the README of the chart.
func writeTable(path string, values []value) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(data), tableBegin)
	_, after, ends := strings.Cut(rest, tableEnd)
	if !found || !ends {
		return fmt.Errorf("%s: has no lines %q and %q", path, tableBegin, tableEnd)
	}
	var table strings.Builder
	table.WriteString("\n| value | default | what it is |\n|---|---|---|\n")
	for _, v := range values {
		fmt.Fprintf(&table, "| `%s` | `%s` | %s |\n", v.path, v.fallback, strings.ReplaceAll(v.comment, "|", `\|`))
	}
	table.WriteString("\n")
	return write(path, []byte(before+tableBegin+table.String()+tableEnd+after))
}
