// SPDX-License-Identifier: Apache-2.0

// Package output prints what commands have done or found: as a table, or as JSON, YAML and names by the printers of kubectl.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// The formats.
const (
	Table = ""
	Wide  = "wide"
	Name  = "name"
	JSON  = "json"
	YAML  = "yaml"
)

// Format is what --output says.
type Format struct {
	Value string
	known []string
}

// AddFlag adds --output, which takes some formats besides the table.
func (f *Format) AddFlag(flags *pflag.FlagSet, known ...string) {
	f.known = known
	flags.StringVarP(&f.Value, "output", "o", Table, "Output format: "+strings.Join(known, ", ")+". Left out, a table.")
}

// Validate reports a format that is not known.
func (f *Format) Validate() error {
	if f.Value != Table && !slices.Contains(f.known, f.Value) {
		return fmt.Errorf("--output %s: must be %s, or be left out", f.Value, strings.Join(f.known, ", "))
	}
	return nil
}

// ForPeople reports whether a table is printed.
func (f *Format) ForPeople() bool { return f.Value == Table || f.Value == Wide }

// Text is written to a terminal. What strangers have chosen cannot reach it as a control sequence.
func Text(out io.Writer) io.Writer { return escaper{out} }

type escaper struct{ out io.Writer }

func (e escaper) Write(text []byte) (int, error) {
	return len(text), printers.WriteEscaped(e.out, string(text))
}

// Column of a table. A wide one is shown with -o wide only.
type Column struct {
	Name string
	Wide bool
}

// Grid is a table.
type Grid struct {
	Columns []Column
	Rows    [][]any
}

// Print writes the table.
func (g Grid) Print(out io.Writer, wide bool) error {
	if len(g.Rows) == 0 {
		return nil
	}
	var table metav1.Table
	for _, c := range g.Columns {
		column := metav1.TableColumnDefinition{Name: c.Name, Type: "string"}
		if c.Wide {
			column.Priority = 1
		}
		table.ColumnDefinitions = append(table.ColumnDefinitions, column)
	}
	for _, cells := range g.Rows {
		table.Rows = append(table.Rows, metav1.TableRow{Cells: cells})
	}
	var text strings.Builder
	if err := printers.NewTablePrinter(printers.PrintOptions{Wide: wide}).PrintObj(&table, &text); err != nil {
		return err
	}
	// The printer fills the last column with spaces.
	for line := range strings.SplitSeq(strings.TrimSuffix(text.String(), "\n"), "\n") {
		if _, err := fmt.Fprintln(out, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

// Result is what became of one object.
type Result struct {
	Object client.Object
	// Cells of the table.
	Cells []any
}

// Results prints what became of objects.
func (f *Format) Results(out io.Writer, scheme *runtime.Scheme, columns []Column, results []Result) error {
	grid := Grid{Columns: columns}
	var objects []runtime.Object
	for _, r := range results {
		grid.Rows = append(grid.Rows, r.Cells)
		if r.Object != nil {
			objects = append(objects, r.Object)
		}
	}
	if f.ForPeople() {
		return grid.Print(out, f.Value == Wide)
	}
	return f.Objects(out, scheme, objects)
}

// Objects prints objects: one as it is, several as a List.
func (f *Format) Objects(out io.Writer, scheme *runtime.Scheme, objects []runtime.Object) error {
	for _, o := range objects {
		if err := inBeta(scheme, o); err != nil {
			return err
		}
	}
	var printer printers.ResourcePrinter
	switch f.Value {
	case Name:
		printer = &printers.NamePrinter{ShortOutput: true}
	case JSON:
		printer = &printers.JSONPrinter{}
	default:
		printer = &printers.YAMLPrinter{}
	}
	printer = &printers.OmitManagedFieldsPrinter{Delegate: printers.NewTypeSetter(scheme).ToPrinter(printer)}
	if f.Value == Name || len(objects) == 1 {
		for _, o := range objects {
			if err := printer.PrintObj(o, out); err != nil {
				return err
			}
		}
		return nil
	}
	list := &metav1.List{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "List"}, Items: []runtime.RawExtension{}}
	for _, o := range objects {
		list.Items = append(list.Items, runtime.RawExtension{Object: o})
	}
	return printer.PrintObj(list, out)
}

// inBeta gives an object its kind, in the version that the documentation and kubectl speak: both versions have the same fields.
func inBeta(scheme *runtime.Scheme, o runtime.Object) error {
	kinds, _, err := scheme.ObjectKinds(o)
	if err != nil {
		return err
	}
	if kinds[0].GroupVersion() == rosterv1alpha1.GroupVersion {
		kinds[0].Version = rosterv1alpha1.BetaGroupVersion.Version
	}
	o.GetObjectKind().SetGroupVersionKind(kinds[0])
	return nil
}

// Document prints a value of the plugin's own as JSON or YAML.
func (f *Format) Document(out io.Writer, document any) error {
	data, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if f.Value == YAML {
		if data, err = yaml.JSONToYAML(data); err != nil {
			return err
		}
	}
	_, err = out.Write(data)
	return err
}

// APIVersion of what the plugin prints as JSON and YAML. Fields may be added to it; none is renamed or removed.
const APIVersion = "cli.roster.dev/v1alpha1"

// Declared prints objects to be kept in Git: without a status and without what the API server fills in.
func (f *Format) Declared(out io.Writer, scheme *runtime.Scheme, objects []runtime.Object) error {
	for _, o := range objects {
		if err := inBeta(scheme, o); err != nil {
			return err
		}
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			return err
		}
		delete(fields, "status")
		if metadata, ok := fields["metadata"].(map[string]any); ok {
			delete(metadata, "creationTimestamp")
		}
		if f.Value == YAML {
			fmt.Fprintln(out, "---")
		}
		if err := f.Document(out, fields); err != nil {
			return err
		}
	}
	return nil
}
