// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// board is a dashboard as far as one differs from another.
type board struct {
	uid, title, description string
	// variables are choices at the top, besides the data source.
	variables []variable
	rows      []row
}

// variable is a choice among the values of a label.
type variable struct{ name, label, values string }

// row is a group of panels under a title.
type row struct {
	title  string
	panels []panel
}

// panel shows queries over time or, if it is a number, the latest value of its first query.
type panel struct {
	title, description string
	unit               string
	queries            []query
	number             bool
	// stacked adds the queries up.
	stacked bool
}

// query is an expression, and what its lines are called.
type query struct{ expr, legend string }

func graph(title, description, unit string, queries ...query) panel {
	return panel{title: title, description: description, unit: unit, queries: queries}
}

func stacked(title, description, unit string, queries ...query) panel {
	return panel{title: title, description: description, unit: unit, queries: queries, stacked: true}
}

func number(title, description, unit, expr string) panel {
	return panel{title: title, description: description, unit: unit, queries: []query{{expr: expr}}, number: true}
}

// Sizes in Grafana's grid, which has 24 columns.
const (
	columns      = 24
	graphsPerRow = 3
	graphHeight  = 8
	numberHeight = 4
)

const documentation = "https://github.com/roster-dev/roster/blob/main/docs/"

// build makes the classic form of a dashboard, since Grafana's sidecar hands over files, and no Grafana before 12 reads the later form.
//
//nolint:staticcheck // The SDK prefers the later form.
func (b board) build() (dashboard.Dashboard, error) {
	d := dashboard.NewDashboardBuilder(b.title).Uid(b.uid).Description(b.description).Tags([]string{"roster"}).
		Time("now-6h", "now").Refresh("1m").Timezone("browser").Tooltip(dashboard.DashboardCursorSyncCrosshair).Editable().
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus")).
		Link(dashboard.NewDashboardLinkBuilder("Alerts").Type(dashboard.DashboardLinkTypeLink).
			Url(documentation + "alerts.md").TargetBlank(true)).
		Link(dashboard.NewDashboardLinkBuilder("Metrics").Type(dashboard.DashboardLinkTypeLink).
			Url(documentation + "operations.md#metrics").TargetBlank(true))
	for _, v := range b.variables {
		d.WithVariable(v.build())
	}
	for _, r := range b.rows {
		d.WithRow(dashboard.NewRowBuilder(r.title))
		for _, p := range r.panels {
			d.WithPanel(p.build(r))
		}
	}
	return d.Build()
}

func source() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}
}

func (v variable) build() *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(v.name).Label(v.label).Datasource(source()).
		Query(dashboard.StringOrMap{String: &v.values}).Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalAsc).Multi(true).IncludeAll(true).AllValue(".*").
		Current(dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
			Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
		})
}

// build makes the panels of a row as wide as the row allows: numbers share one line, graphs stand three to a line.
func (p panel) build(in row) cog.Builder[dashboard.Panel] {
	if p.number {
		return stat.NewPanelBuilder().Title(p.title).Description(p.description).Unit(p.unit).Datasource(source()).
			Height(numberHeight).Span(uint32(columns / len(in.panels))).GraphMode(common.BigValueGraphModeArea).
			WithTarget(prometheus.NewDataqueryBuilder().Expr(p.queries[0].expr).RefId("A"))
	}
	g := timeseries.NewPanelBuilder().Title(p.title).Description(p.description).Unit(p.unit).Datasource(source()).Min(0).
		Height(graphHeight).Span(columns / graphsPerRow).FillOpacity(10).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).
			ShowLegend(true)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	if p.stacked {
		g.Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal))
	}
	for i, q := range p.queries {
		g.WithTarget(prometheus.NewDataqueryBuilder().Expr(q.expr).LegendFormat(q.legend).RefId(string(rune('A' + i))))
	}
	return g
}
