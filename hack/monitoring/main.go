// SPDX-License-Identifier: Apache-2.0

// Command monitoring writes the dashboards of Roster for Grafana, as JSON files, into the folder that it is given. Its tests check these,
// and the alerts in config/prometheus, against the metrics that Roster has. It is a module of its own, so that neither Grafana's SDK nor
// Prometheus is among what Roster is built from.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: monitoring FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "monitoring:", err)
		os.Exit(1)
	}
}

// write writes each board into a file with the name of its UID.
func write(folder string) error {
	for _, b := range boards() {
		built, err := b.build()
		if err != nil {
			return fmt.Errorf("dashboard %s: %w", b.uid, err)
		}
		text, err := json.MarshalIndent(built, "", "  ")
		if err != nil {
			return err
		}
		//nolint:gosec // Manifests are for everybody to read.
		if err := os.WriteFile(filepath.Join(folder, b.uid+".json"), append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func boards() []board { return []board{operator(), portal()} }
