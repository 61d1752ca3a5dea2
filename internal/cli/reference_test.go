// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// reference is the page about a command and all its commands.
func reference(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n<!-- Written by make docs-cli from the help of the plugin. -->\n\n", root.CommandPath())
	paragraphs(&b, root.Long)
	b.WriteString("\nEvery command also takes the flags by which kubectl finds the cluster: `--namespace`, `--context`, " +
		"`--kubeconfig`, `--as` and the rest\n(`kubectl options`).\n")
	for _, group := range root.Groups() {
		fmt.Fprintf(&b, "\n| %s | |\n|---|---|\n", strings.ToLower(strings.TrimSuffix(group.Title, ":")))
		for _, cmd := range in(root, group.ID) {
			fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", cmd.Name(), anchor(cmd), cmd.Short)
		}
	}
	for _, group := range root.Groups() {
		for _, cmd := range in(root, group.ID) {
			section(&b, cmd)
		}
	}
	return b.String()
}

// in are the commands of a group, in the order in which they were added.
func in(root *cobra.Command, group string) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(root.Commands()), func(c *cobra.Command) bool { return c.GroupID != group || c.Hidden })
}

func anchor(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func section(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n", cmd.CommandPath())
	paragraphs(b, cmd.Long)
	fmt.Fprintf(b, "\n```text\n%s\n```\n", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	fmt.Fprintf(b, "\n```sh\n%s\n```\n", outdent(cmd.Example))
	var rows strings.Builder
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		value := f.DefValue
		if value == "false" || value == "[]" || value == "0s" {
			value = ""
		}
		if value != "" {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&rows, "| %s | %s | %s |\n", name, value, strings.ReplaceAll(f.Usage, "|", "\\|"))
	})
	if rows.Len() > 0 {
		b.WriteString("\n| flag | default | what it does |\n|---|---|---|\n" + rows.String())
	}
}

// paragraphs writes text that is broken into lines for a terminal.
func paragraphs(b *strings.Builder, text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		if strings.HasPrefix(paragraph, "  ") {
			b.WriteString("```text\n" + outdent(paragraph) + "\n```\n") // a list, as it stands in the terminal
			continue
		}
		b.WriteString(strings.ReplaceAll(paragraph, "<", "\\<") + "\n")
	}
}

func outdent(example string) string {
	var lines []string
	for line := range strings.SplitSeq(example, "\n") {
		lines = append(lines, strings.TrimPrefix(line, "  "))
	}
	return strings.Join(lines, "\n")
}
