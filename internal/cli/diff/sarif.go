// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"encoding/json"
	"io"
	"maps"
	"slices"

	"github.com/roster-dev/roster/internal/cli/compare"
	"github.com/roster-dev/roster/internal/cli/declared"
)

// The part of SARIF 2.1.0 (OASIS) that findings need.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
)

// writeSARIF writes the findings that have a place, for programs that show them beside the lines of a pull request.
func writeSARIF(out io.Writer, d compare.Difference) error {
	rules := declared.Rules()
	run := sarifRun{
		Tool:    sarifTool{sarifDriver{Name: "kubectl-roster", InformationURI: "https://github.com/roster-dev/roster", Rules: []sarifRule{}}},
		Results: []sarifResult{},
	}
	for _, id := range slices.Sorted(maps.Keys(rules)) {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{id, sarifText{rules[id]}})
	}
	for _, f := range d.Findings {
		if f.Place.File == "" {
			continue
		}
		place := sarifPhysical{ArtifactLocation: sarifArtifact{f.Place.File}}
		if f.Place.Line > 0 {
			place.Region = &sarifRegion{f.Place.Line}
		}
		run.Results = append(run.Results, sarifResult{f.Rule, "warning", sarifText{f.Message}, []sarifLocation{{place}}})
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}
