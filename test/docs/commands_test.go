// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// looks are the commands that only look, and can be typed where no Pod runs.
var looks = regexp.MustCompile(`^kubectl (?:-n \S+ )?(?:get (?:--raw )?[a-z'"/]|auth can-i )`)

// looksAsDocumented types the commands that pages give to find something out, where Roster is installed. What they look for need not be
// there, but kubectl and the API server have to know what is meant; and the operator's rights, which people are told to ask about, are there.
func looksAsDocumented(t *testing.T, c *cluster) {
	count := 0
	for _, p := range pages(t) {
		for _, command := range commandsOf(p) {
			if !looks.MatchString(command) || elsewhere.MatchString(command) {
				continue
			}
			count++
			out, err := c.shell(t, command)
			if err != nil && !strings.Contains(out, "(NotFound)") && strings.TrimSpace(out) != "no" {
				t.Errorf("%s: %s: %v\n%s", p.path, command, err, out)
			}
			if strings.Contains(command, " --as system:serviceaccount:") && err != nil {
				t.Errorf("%s: %s: it says %q where nothing is wrong", p.path, command, strings.TrimSpace(out))
			}
		}
	}
	if count < 80 {
		t.Errorf("only %d commands found: the test does not see them", count)
	}
}

// elsewhere are commands about what is not in this cluster: kinds of Flux, what the person writes in the place of a gap, the console, and
// people who sign in.
var elsewhere = regexp.MustCompile(`kustomizations|…|<|--watch|impersonate-on|--as [a-z]+@|--as$|\$\(`)

// commandsOf are the commands that a page gives, each up to what its output is handed to.
func commandsOf(p page) []string {
	var all []string
	for _, b := range p.blocks {
		if b.language != "sh" && b.language != "console" {
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", "")) {
			line, typed := strings.CutPrefix(strings.TrimSpace(line), "$ ")
			if typed == (b.language == "console") {
				all = append(all, line)
			}
		}
	}
	for _, match := range codePattern.FindAllString(strings.Join(p.prose, "\n"), -1) {
		all = append(all, strings.Trim(match, "`"))
	}
	for i := range all {
		all[i], _, _ = strings.Cut(all[i], " |")
		all[i], _, _ = strings.Cut(all[i], " #")
	}
	return all
}

// shell has a shell run a command, and returns what it prints.
func (c *cluster) shell(t *testing.T, command string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "KUBECONFIG="+c.kubeconfig,
		"PATH="+filepath.Clean(os.Getenv("KUBEBUILDER_ASSETS"))+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), err
}

// TestLogsAreSearchedForWhatThereIs: what pages have people look for in the logs is something that the programs write.
func TestLogsAreSearchedForWhatThereIs(t *testing.T) {
	var source strings.Builder
	for _, folder := range []string{"cmd", "internal"} {
		for _, path := range filesUnder(t, folder, ".go") {
			if !strings.HasSuffix(path, "_test.go") {
				source.WriteString(read(t, path))
			}
		}
	}
	count := 0
	for _, match := range regexp.MustCompile(`(?m)^kubectl .* logs .*\| *grep (-\w+ )?'?([^'\n]+)'?$`).FindAllStringSubmatch(text(t, pages(t)), -1) {
		pattern := match[2]
		switch logger, isLogger := strings.CutPrefix(pattern, `"logger":"`); {
		case isLogger:
			pattern = regexp.QuoteMeta(`WithName("` + strings.TrimSuffix(logger, `"`) + `")`)
		case strings.HasPrefix(pattern, `"`): // the level, and events, of which TestSecurityEvents knows
			continue
		case strings.Contains(match[1], "i"):
			pattern = "(?i)" + pattern
		}
		count++
		if !regexp.MustCompile(pattern).MatchString(source.String()) {
			t.Errorf("no program writes what this command looks for: %s", match[0])
		}
	}
	if count < 8 {
		t.Errorf("only %d searches found", count)
	}
}
