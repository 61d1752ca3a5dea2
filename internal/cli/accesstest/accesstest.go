// SPDX-License-Identifier: Apache-2.0

// Package accesstest is the command that checks who must and who must not be able to do something.
package accesstest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/cli/declared"
	"github.com/roster-dev/roster/internal/cli/exit"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/manifests"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/rights"
)

const formatJUnit = "junit"

// file is what people write.
type file struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Tests      []test `json:"tests"`
}

// test is one rule: of a permission, on the profiles that a pattern matches or in the organisation.
type test struct {
	Name string `json:"name"`
	// Namespace that it is about; left out, every one.
	Namespace  string `json:"namespace"`
	Permission string `json:"permission"`
	Profile    string `json:"profile"`
	// Must are patterns of addresses: all who match must be able to, and somebody has to match.
	Must []string `json:"must"`
	// MustNot are patterns of addresses: nobody who matches may be able to.
	MustNot []string `json:"mustNot"`
	// Only are patterns of addresses: nobody else may be able to.
	Only []string `json:"only"`
}

// outcome is what came of a test.
type outcome struct {
	Name     string   `json:"name"`
	Passed   bool     `json:"passed"`
	Failures []string `json:"failures,omitempty"`
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:   "test FILE [FOLDER]",
		Short: "Check who must and who must not be able to do something",
		Long: `Check who must and who must not be able to do something, in the manifests of a folder. It needs no cluster: everybody who is
declared counts as having accepted. A person who is suspended, or whose membership has ended, may do nothing.

The file lists tests. * in an address or a profile stands for any characters:

  apiVersion: cli.roster.dev/v1alpha1
  kind: AccessTest
  tests:
  - name: The press office publishes, and agencies do not
    permission: publish        # or a permission in the organisation, such as ManageMembers
    profile: acme-*
    must: [ana@acme.example]   # each of these may, on every profile that matches
    mustNot: ["*@agency.example"]
  - name: Only the board manages people
    permission: ManageMembers
    only: [olivia@acme.example, ben@acme.example]

It ends with 0 if every test passes, with 1 if one fails, and with 2 on an error.`,
		Example: `  kubectl roster test access.yaml clusters/production

  # For the test report of a pipeline
  kubectl roster test access.yaml -o junit > report.xml`,
		Args: func(cmd *cobra.Command, args []string) error { return failed(input.Arguments(1, 2)(cmd, args)) },
		RunE: func(_ *cobra.Command, args []string) error {
			if err := format.Validate(); err != nil {
				return failed(err)
			}
			return failed(run(f, format, append(args, ".")[:2]))
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return failed(err) })
	format.AddFlag(cmd.Flags(), formatJUnit, output.JSON, output.YAML)
	return cmd
}

// failed gives an error a code that says nothing about tests.
func failed(err error) error { return exit.As(2, err) }

func run(f *kube.Factory, format output.Format, args []string) error {
	text, err := input.File(args[0], f.In)
	if err != nil {
		return err
	}
	tests, err := parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	tree, err := manifests.Folder(args[1])
	if err != nil {
		return err
	}
	objects, problems, err := tree.Read()
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return fmt.Errorf("%s: %s", problems[0].Place, problems[0].Message)
	}
	var outcomes []outcome
	failed := 0
	organizations := declared.Organizations(objects, nil, f.Now())
	for _, t := range tests {
		o := t.check(organizations)
		if !o.Passed {
			failed++
		}
		outcomes = append(outcomes, o)
	}
	if err := show(f.Out, format, outcomes); err != nil {
		return err
	}
	if failed > 0 {
		return exit.With(1)
	}
	return nil
}

func parse(text string) ([]test, error) {
	var f file
	if err := yaml.UnmarshalStrict([]byte(text), &f); err != nil {
		return nil, err
	}
	if f.APIVersion != output.APIVersion || f.Kind != "AccessTest" {
		return nil, fmt.Errorf("it must begin with apiVersion: %s and kind: AccessTest", output.APIVersion)
	}
	if len(f.Tests) == 0 {
		return nil, errors.New("it has no tests")
	}
	for i, t := range f.Tests {
		if err := t.validate(); err != nil {
			return nil, fmt.Errorf("tests[%d] %s: %w", i, t.Name, err)
		}
	}
	return f.Tests, nil
}

func (t test) validate() error {
	onProfile := slices.Contains(access.Permissions(), access.Permission(t.Permission))
	switch {
	case !onProfile && !slices.Contains(access.AllOrganizationPermissions(), rosterv1alpha1.RolePermission(t.Permission)):
		return fmt.Errorf("permission: there is none %q", t.Permission)
	case onProfile != (t.Profile != ""):
		return errors.New("profile: a permission on profiles needs one, such as acme-*, and one in the organisation has none")
	case len(t.Must)+len(t.MustNot)+len(t.Only) == 0:
		return errors.New("write must, mustNot or only")
	}
	for _, pattern := range slices.Concat([]string{t.Profile}, t.Must, t.MustNot, t.Only) {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("%q is no pattern", pattern)
		}
	}
	return nil
}

// matches reports whether a text is what a pattern says.
func matches(pattern, text string) bool {
	whole := strings.NewReplacer("/", "\x00") // what * does not stand for in paths
	ok, _ := path.Match(whole.Replace(strings.ToLower(pattern)), whole.Replace(text))
	return ok
}

func anyMatch(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, text) })
}

func (t test) check(organizations map[string]*declared.Organization) outcome {
	o := outcome{Name: t.Name}
	found, matched := false, map[string]bool{}
	for namespace, organization := range organizations {
		if t.Namespace != "" && t.Namespace != namespace {
			continue
		}
		everybody := organization.People()
		for _, target := range t.targets(organization) {
			found = true
			for _, p := range everybody {
				for _, pattern := range t.Must {
					matched[pattern] = matched[pattern] || matches(pattern, string(p.Address))
				}
				if failure := t.judge(p, target); failure != "" {
					o.Failures = append(o.Failures, failure)
				}
			}
		}
	}
	if !found {
		o.Failures = append(o.Failures, fmt.Sprintf("no profile matches %q", t.Profile))
	}
	for _, pattern := range t.Must {
		if found && !matched[pattern] {
			o.Failures = append(o.Failures, fmt.Sprintf("nobody matches %q", pattern))
		}
	}
	slices.Sort(o.Failures)
	o.Passed = len(o.Failures) == 0
	return o
}

// targets are what the permission is on: the profiles that match, or the organisation itself.
func (t test) targets(o *declared.Organization) []string {
	if t.Profile == "" {
		return []string{""}
	}
	var names []string
	for _, p := range o.Profiles {
		if matches(t.Profile, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

// judge says what is wrong with a person; nothing where all is as it should be.
func (t test) judge(p *rights.Person, profile string) string {
	may := p.State == rights.Active || p.State == rights.Invited
	what, by := t.Permission, p.RoleWords()
	if profile == "" {
		may = may && p.Holds.May(rosterv1alpha1.RolePermission(t.Permission))
	} else {
		what += " on " + profile
		grants := p.On(profile, access.Permission(t.Permission))
		if may = may && len(grants) > 0; may {
			by = grants[0].Words()
		}
	}
	who := string(p.Address)
	switch {
	case !may && anyMatch(t.Must, who):
		return fmt.Sprintf("%s may not %s, and must", who, what)
	case may && anyMatch(t.MustNot, who), may && len(t.Only) > 0 && !anyMatch(t.Only, who):
		return fmt.Sprintf("%s may %s, and must not: %s", who, what, by)
	}
	return ""
}

// The part of JUnit's report that pipelines read.
type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func show(out io.Writer, format output.Format, outcomes []outcome) error {
	switch format.Value {
	case output.JSON, output.YAML:
		return format.Document(out, struct {
			APIVersion string    `json:"apiVersion"`
			Kind       string    `json:"kind"`
			Tests      []outcome `json:"tests"`
		}{output.APIVersion, "AccessTestReport", outcomes})
	case formatJUnit:
		return writeJUnit(out, outcomes)
	}
	text := output.Text(out)
	for _, o := range outcomes {
		word := "ok  "
		if !o.Passed {
			word = "FAIL"
		}
		fmt.Fprintf(text, "%s %s\n", word, o.Name)
		for _, failure := range o.Failures {
			fmt.Fprintf(text, "     %s\n", failure)
		}
	}
	return nil
}

func writeJUnit(out io.Writer, outcomes []outcome) error {
	suite := junitSuite{Name: "access", Tests: len(outcomes)}
	for _, o := range outcomes {
		c := junitCase{Name: o.Name, Class: "access"}
		if !o.Passed {
			suite.Failures++
			c.Failure = &junitFailure{Message: o.Failures[0], Text: strings.Join(o.Failures, "\n")}
		}
		suite.Cases = append(suite.Cases, c)
	}
	data, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s%s\n", xml.Header, data)
	return err
}
