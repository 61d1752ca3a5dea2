// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/clock"

	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/sheet"
)

const page = "../../docs/kubectl-roster.md"

func newRoot(t *testing.T) *cobra.Command {
	t.Helper()
	f, err := kube.New(genericiooptions.IOStreams{In: strings.NewReader(""), Out: io.Discard, ErrOut: io.Discard}, clock.RealClock{}, false)
	if err != nil {
		t.Fatal(err)
	}
	return New(f)
}

// TestReference: the page about the plugin says what its help says. With UPDATE_REFERENCE set, it is written; make docs-cli does that.
func TestReference(t *testing.T) {
	want := reference(newRoot(t))
	if os.Getenv("UPDATE_REFERENCE") != "" {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/kubectl-roster.md is not what the help of the plugin says: make docs-cli writes it")
	}
}

// TestColumns: the help of import names every column that it reads and export writes.
func TestColumns(t *testing.T) {
	cmd, _, err := newRoot(t).Find([]string{"import"})
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range sheet.Columns() {
		if !regexp.MustCompile(`\b` + column + `\b`).MatchString(cmd.Long) {
			t.Errorf("the help of import does not name the column %s", column)
		}
	}
}

// TestHelp: every command explains itself, with examples that begin with what people type.
func TestHelp(t *testing.T) {
	root := newRoot(t)
	if len(root.Commands()) < 8 {
		t.Errorf("only %d commands", len(root.Commands()))
	}
	for _, cmd := range root.Commands() {
		if cmd.Hidden {
			continue
		}
		if len(cmd.Long) < len(cmd.Short) || cmd.GroupID == "" {
			t.Errorf("%s: the help is too short, or the command is in no group", cmd.Name())
		}
		if !strings.Contains(cmd.Example, "kubectl roster "+cmd.Name()) {
			t.Errorf("%s: there is no example of it", cmd.Name())
		}
		if strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: %q ends with a full stop", cmd.Name(), cmd.Short)
		}
		for line := range strings.SplitSeq(cmd.Long+"\n"+cmd.Example, "\n") {
			if len(line) > 140 {
				t.Errorf("%s: a line is longer than 140: %s", cmd.Name(), line)
			}
		}
	}
}

// TestDocumentedCommands: every command of the plugin that a page shows is there, with its flags.
func TestDocumentedCommands(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile("kubectl[ -]roster ([a-z][a-z-]*)([^`\n]*)")
	flag := regexp.MustCompile(`(?:^|\s)(--?[a-zA-Z][a-z-]*)`)
	count := 0
	for _, file := range append(pages, "../../README.md", "../playground/overview.txt") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		joined := strings.ReplaceAll(string(text), "\\\n", " ")
		for _, match := range call.FindAllStringSubmatch(joined, -1) {
			cmd, _, err := newRoot(t).Find([]string{match[1]})
			if err != nil || cmd.Name() != match[1] {
				t.Errorf("%s: there is no command %q", file, match[0])
				continue
			}
			count++
			words, _, _ := strings.Cut(match[2], " | ")
			for _, f := range flag.FindAllStringSubmatch(words, -1) {
				name := strings.TrimLeft(f[1], "-")
				known := cmd.Flag(name) != nil || cmd.InheritedFlags().Lookup(name) != nil
				if !strings.HasPrefix(f[1], "--") {
					known = cmd.Flags().ShorthandLookup(name) != nil || cmd.InheritedFlags().ShorthandLookup(name) != nil
				}
				if !known {
					t.Errorf("%s: %q: %s has no flag %s", file, match[0], match[1], f[1])
				}
			}
		}
	}
	if count < 40 {
		t.Errorf("only %d commands were found: the test does not see them", count)
	}
}

func TestCalledAsTheCompleter(t *testing.T) {
	for _, c := range []struct{ args, want []string }{
		{[]string{"/bin/kubectl-roster", "invite", "x"}, []string{"invite", "x"}},
		{[]string{"/bin/kubectl_complete-roster", "inv", ""}, []string{"__complete", "inv", ""}},
		{[]string{`kubectl_complete-roster.exe`, ""}, []string{"__complete", ""}},
	} {
		if got := arguments(c.args); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.args, got, c.want)
		}
	}
}

// TestImports: the plugin stays small: it has the client of controller-runtime and neither its manager nor the operator.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../../cmd/kubectl-roster").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, "sigs.k8s.io/controller-runtime/pkg/client") {
		t.Fatalf("the test does not see the imports: %d", len(deps))
	}
	for _, unwanted := range []string{
		"sigs.k8s.io/controller-runtime", "sigs.k8s.io/controller-runtime/pkg/manager", "sigs.k8s.io/controller-runtime/pkg/cache",
		"github.com/roster-dev/roster/internal/controller", "github.com/roster-dev/roster/internal/portal", "github.com/roster-dev/roster/internal/mail",
	} {
		if slices.Contains(deps, unwanted) {
			t.Errorf("the plugin imports %s", unwanted)
		}
	}
}
