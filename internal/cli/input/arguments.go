// SPDX-License-Identifier: Apache-2.0

package input

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// Arguments is how many a command takes. What it says is followed by the usage of the command.
func Arguments(least, most int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch n := len(args); {
		case n > most:
			return fmt.Errorf("%q is one argument too many", args[most])
		case n < least:
			return errors.New("an argument is missing")
		}
		return nil
	}
}

// OfNamespace is for commands about an organisation as a whole, whose name people are tempted to add.
func OfNamespace(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q is one argument too many: choose an organisation with --namespace", args[0])
	}
	return nil
}
