// SPDX-License-Identifier: Apache-2.0

// Command kubectl-roster is the plugin that kubectl runs as "kubectl roster".
package main

import (
	"os"

	"github.com/roster-dev/roster/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args)) }
