// SPDX-License-Identifier: Apache-2.0

// Package sheet reads and writes people as rows of a spreadsheet. It does no I/O of its own.
package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/cli/offer"
	"github.com/roster-dev/roster/internal/membership"
)

// The columns, in the order in which they are written. They may be read in any order, and all but the address may be left out.
const (
	columnEmail      = "email"
	columnName       = "name"
	columnCompany    = "company"
	columnRole       = "role"
	columnProfiles   = "profiles"
	columnWorkspaces = "workspaces"
	columnTeams      = "teams"
	columnManages    = "canManageProfiles"
	columnSuspended  = "suspended"
	columnEnd        = "endTime"
)

// Columns are all columns.
func Columns() []string {
	return []string{
		columnEmail, columnName, columnCompany, columnRole, columnProfiles, columnWorkspaces, columnTeams, columnManages, columnSuspended,
		columnEnd,
	}
}

// Row is one person.
type Row struct {
	// Line of the file, from 1.
	Line    int
	Address address.Address
	// Written is the address as it stands in the file.
	Written       string
	Name, Company string
	Offer         offer.Offer
	Manages       bool
	Suspended     bool
	// End of the membership; nil for none.
	End *metav1.Time
}

// Problem is a row that cannot be read.
type Problem struct {
	Line    int
	Message string
}

// Parse reads a file with a header. Cells are parted by commas, semicolons or tabs, whichever the header has. A problem with the header is
// an error; problems with rows are returned beside the rows that are sound.
func Parse(text string) ([]Row, []Problem, error) {
	text = strings.TrimPrefix(text, "\ufeff") // spreadsheets put it before UTF-8
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = separator(text)
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil, errors.New("the file is empty: its first line names the columns, such as " + strings.Join(Columns(), ","))
	}
	if err != nil {
		return nil, nil, err
	}
	at, err := columns(header)
	if err != nil {
		return nil, nil, err
	}
	var rows []Row
	var problems []Problem
	seen := map[address.Address]int{}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, problems, nil
		}
		if err != nil {
			if parse, ok := errors.AsType[*csv.ParseError](err); ok {
				return rows, append(problems, Problem{parse.Line, parse.Err.Error() + ": the rest of the file is not read"}), nil
			}
			return nil, nil, err
		}
		line, _ := r.FieldPos(0)
		if blank(cells) {
			continue
		}
		row, err := parseRow(cells, at, len(header))
		switch {
		case err != nil:
			problems = append(problems, Problem{line, err.Error()})
			continue
		case seen[row.Address] != 0:
			problems = append(problems, Problem{line, fmt.Sprintf("%s stands in line %d, too: remove one", row.Address, seen[row.Address])})
			continue
		}
		row.Line, seen[row.Address] = line, line
		rows = append(rows, row)
	}
}

// separator is the one that the first line has most of.
func separator(text string) rune {
	header, _, _ := strings.Cut(text, "\n")
	best := ','
	for _, c := range ";\t" {
		if strings.Count(header, string(c)) > strings.Count(header, string(best)) {
			best = c
		}
	}
	return best
}

func columns(header []string) (map[string]int, error) {
	at := map[string]int{}
	for i, name := range header {
		name = strings.TrimSpace(name)
		known := slices.IndexFunc(Columns(), func(c string) bool { return strings.EqualFold(c, name) })
		switch {
		case name == "":
			continue
		case known < 0:
			return nil, fmt.Errorf("the first line has the column %q: columns are %s", name, strings.Join(Columns(), ", "))
		}
		name = Columns()[known]
		if _, twice := at[name]; twice {
			return nil, fmt.Errorf("the first line has the column %s twice", name)
		}
		at[name] = i
	}
	if _, ok := at[columnEmail]; !ok {
		return nil, fmt.Errorf("the first line lacks the column %s: it names the columns, such as %s", columnEmail, strings.Join(Columns(), ","))
	}
	return at, nil
}

func blank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" })
}

func parseRow(cells []string, at map[string]int, width int) (Row, error) {
	if len(cells) > width {
		return Row{}, fmt.Errorf("has %d cells, and the first line %d: put quotation marks around a cell with a separator in it",
			len(cells), width)
	}
	cell := func(column string) string {
		i, ok := at[column]
		if !ok || i >= len(cells) {
			return ""
		}
		return strings.TrimPrefix(strings.TrimSpace(cells[i]), "'")
	}
	row := Row{Written: cell(columnEmail), Name: cell(columnName), Company: cell(columnCompany)}
	var err error
	if row.Address, err = address.Parse(row.Written); err != nil {
		return row, err
	}
	row.Offer.Role = rosterv1alpha1.OrganizationRole(cell(columnRole))
	if row.Offer.Profiles, err = offer.ParseProfiles(listed(cell(columnProfiles))); err != nil {
		return row, fmt.Errorf("%s %w", columnProfiles, err)
	}
	if row.Offer.Workspaces, err = offer.ParseWorkspaces(listed(cell(columnWorkspaces))); err != nil {
		return row, fmt.Errorf("%s %w", columnWorkspaces, err)
	}
	row.Offer.Teams = listed(cell(columnTeams))
	if row.Manages, err = boolean(columnManages, cell(columnManages)); err != nil {
		return row, err
	}
	if row.Suspended, err = boolean(columnSuspended, cell(columnSuspended)); err != nil {
		return row, err
	}
	if row.End, err = membership.ParseEnd(cell(columnEnd)); err != nil {
		return row, fmt.Errorf("%s %w", columnEnd, err)
	}
	return row, nil
}

// listed is a list in one cell, parted by spaces.
func listed(cell string) []string { return strings.Fields(cell) }

func boolean(column, cell string) (bool, error) {
	switch strings.ToLower(cell) {
	case "", "false", "no":
		return false, nil
	case "true", "yes":
		return true, nil
	}
	return false, fmt.Errorf("%s is %q: write true or false", column, cell)
}

// Format writes rows as a file that Parse reads. Cells that a spreadsheet would take for a formula begin with an apostrophe.
func Format(rows []Row) (string, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	all := [][]string{Columns()}
	for _, r := range rows {
		all = append(all, []string{
			Harmless(r.Written), Harmless(r.Name), Harmless(r.Company), string(r.Offer.Role), strings.Join(profiles(r.Offer.Profiles), " "),
			strings.Join(workspaces(r.Offer.Workspaces), " "), strings.Join(r.Offer.Teams, " "), strconv.FormatBool(r.Manages),
			strconv.FormatBool(r.Suspended), membership.FormatEnd(r.End),
		})
	}
	err := w.WriteAll(all)
	return out.String(), err
}

func profiles(grants []rosterv1alpha1.ProfileGrant) []string {
	var all []string
	for _, g := range grants {
		all = append(all, g.Name+"="+string(g.Role))
	}
	return all
}

func workspaces(grants []rosterv1alpha1.WorkspaceGrant) []string {
	var all []string
	for _, g := range grants {
		if g.Role == "" {
			all = append(all, g.Name)
			continue
		}
		all = append(all, g.Name+"="+string(g.Role))
	}
	return all
}

// Harmless puts an apostrophe before a cell that a spreadsheet would take for a formula, and before one that has an apostrophe there, since
// reading takes one away.
func Harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r'", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
