// SPDX-License-Identifier: Apache-2.0

// Command chart writes those parts of the Helm chart that follow from something else: the templates of what config/ holds, the schema of
// the values from their types, and the table of the values from values.yaml.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "The top folder of the project.")
	out := flag.String("chart", "charts/roster", "The folder of the chart to write into.")
	flag.Parse()
	if err := run(*root, *out); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func run(root, chart string) error {
	values, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return err
	}
	documented, err := readValues(values)
	if err != nil {
		return fmt.Errorf("values.yaml: %w", err)
	}
	schema, err := schemaOf(documented)
	if err != nil {
		return err
	}
	return errors.Join(
		writeTemplates(root, filepath.Join(chart, "templates", "generated")),
		write(filepath.Join(chart, "values.schema.json"), schema),
		writeTable(filepath.Join(chart, "README.md"), documented),
	)
}

func write(path string, text []byte) error {
	return os.WriteFile(path, text, 0o644) //nolint:gosec // like every other file of a checkout, for everybody who may read the folder
}
