// SPDX-License-Identifier: Apache-2.0

// Package explain is the command that tells what a person may do, and why.
package explain

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/cli/exit"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/load"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/cli/people"
	"github.com/roster-dev/roster/internal/cli/verify"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/rights"
)

type options struct {
	output.Format
	verify bool
}

// answer is what the command says, as JSON and YAML.
type answer struct {
	APIVersion   string       `json:"apiVersion"`
	Kind         string       `json:"kind"`
	Name         string       `json:"name,omitempty"`
	Address      string       `json:"address"`
	Object       rights.Link  `json:"object"`
	State        rights.State `json:"state"`
	Unmailed     string       `json:"unmailed,omitempty"` // what keeps the invitation from being mailed
	Ends         *metav1.Time `json:"ends,omitempty"`
	Role         string       `json:"role"`
	RoleBy       string       `json:"roleBy"`
	Organization []string     `json:"organization,omitempty"`
	Profiles     []onProfile  `json:"profiles,omitempty"`
	Workspaces   []string     `json:"workspaces,omitempty"`
	Problems     []string     `json:"problems,omitempty"`
	// Question is there where one was asked.
	Question *question `json:"question,omitempty"`
}

type onProfile struct {
	Profile     string   `json:"profile"`
	Role        string   `json:"role"`
	Permissions []string `json:"permissions"`
	By          []string `json:"by"`
}

type question struct {
	Permission string   `json:"permission"`
	Profile    string   `json:"profile"`
	Allowed    bool     `json:"allowed"`
	By         []string `json:"by,omitempty"`
	Missing    []string `json:"missing,omitempty"`
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "explain (NAME|ADDRESS) [PERMISSION PROFILE]",
		Short: "Tell what a person may do, and why or why not",
		Long: `Tell everything that a person may do, with the chain of objects that each right comes from: their Member or Invitation, and a
Team, a Workspace or a CustomRole.

With a permission and a profile, tell whether they may do that. If they may not, it lists what is missing, and the command
ends with 1.`,
		Example: `  # Everything that Ana may do
  kubectl roster explain ana

  # Why can Ana not publish on X?
  kubectl roster explain ana publish acme-x`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 3 {
				return fmt.Errorf("name a person; or a person, a permission and a profile, such as: ana publish acme-x")
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			switch len(args) {
			case 0:
				return f.Completion(people.CompleteMembers)(cmd, args, toComplete)
			case 1:
				return rights.ProfileVerbs(), cobra.ShellCompDirectiveNoFileComp
			}
			return f.Completion(people.CompleteProfiles)(cmd, args, toComplete)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			return o.run(cmd.Context(), f, args)
		},
	}
	o.AddFlag(cmd.Flags(), output.JSON, output.YAML)
	cmd.Flags().BoolVar(&o.verify, "verify", false, "Compare a sample of the answer with the API server.")
	return cmd
}

func (o *options) run(ctx context.Context, f *kube.Factory, args []string) error {
	organization, err := load.Current(ctx, f)
	if err != nil {
		return err
	}
	p := find(organization.People(), args[0])
	if p == nil {
		return fmt.Errorf("there is no Member and no open Invitation %s in the namespace %s: kubectl roster tree shows who is there",
			args[0], organization.Namespace)
	}
	a := describe(p)
	if len(args) == 3 {
		if a.Question, err = ask(organization, p, args[1], args[2]); err != nil {
			return err
		}
	}
	if !o.ForPeople() {
		err = o.Document(f.Out, a)
	} else {
		a.print(output.Text(f.Out))
	}
	if err == nil && o.verify {
		err = verify.Claims(ctx, f, organization.Namespace, verify.OnProfiles(organization, p))
	}
	if err == nil && a.Question != nil && !a.Question.Allowed {
		return exit.With(1)
	}
	return err
}

func find(everybody []*rights.Person, name string) *rights.Person {
	for _, p := range everybody {
		if p.Object().Name == name || address.Same(string(p.Address), name) {
			return p
		}
	}
	return nil
}

func describe(p *rights.Person) answer {
	a := answer{
		APIVersion: output.APIVersion, Kind: "Explanation", Name: p.Name, Address: string(p.Address), Object: p.Object(),
		State: p.State, Unmailed: p.Unmailed, Ends: p.Ends, Role: string(p.Holds.Role), RoleBy: p.RoleWords(), Workspaces: p.Holds.Workspaces,
	}
	for _, permission := range p.Holds.Permissions {
		a.Organization = append(a.Organization, string(permission))
	}
	for _, g := range p.Holds.Grants {
		entry := onProfile{Profile: g.Profile, Role: g.Role}
		for _, permission := range p.Holds.On(g.Profile).Permissions() {
			entry.Permissions = append(entry.Permissions, string(permission))
		}
		for _, source := range p.Grants {
			if source.Profile == g.Profile {
				entry.By = append(entry.By, source.Words())
			}
		}
		a.Profiles = append(a.Profiles, entry)
	}
	for _, problem := range p.Holds.Problems {
		a.Problems = append(a.Problems, problem.Message)
	}
	return a
}

// ask reports whether somebody may do something on a profile, and what is missing if not.
func ask(o *rights.Organization, p *rights.Person, permission, profile string) (*question, error) {
	if !slices.Contains(access.Permissions(), access.Permission(permission)) {
		return nil, fmt.Errorf("there is no permission %s on a profile: choose one of %s", permission, strings.Join(rights.ProfileVerbs(), ", "))
	}
	if !slices.ContainsFunc(o.Profiles, func(s *rosterv1alpha1.SocialProfile) bool { return s.Name == profile }) {
		return nil, fmt.Errorf("there is no SocialProfile %s in the namespace %s. To list them: kubectl get socialprofiles -n %s",
			profile, o.Namespace, o.Namespace)
	}
	q := &question{Permission: permission, Profile: profile}
	for _, g := range p.On(profile, access.Permission(permission)) {
		q.By = append(q.By, g.Words())
	}
	q.Allowed = len(q.By) > 0 && p.State == rights.Active
	if q.Allowed {
		return q, nil
	}
	q.Missing = append(q.Missing, standing(p)...)
	if len(q.By) == 0 {
		q.Missing = append(q.Missing, remedies(o, p, access.Permission(permission), profile)...)
	}
	return q, nil
}

// standing says why somebody holds nothing.
func standing(p *rights.Person) []string {
	name := p.Object().Name
	switch p.State {
	case rights.Invited:
		if p.Unmailed != "" {
			return []string{"Their invitation has not been mailed yet: " + p.Unmailed}
		}
		return []string{"They have not accepted their invitation: kubectl roster resend " + name}
	case rights.Suspended:
		return []string{"They are suspended: kubectl roster resume " + name}
	case rights.Ended:
		return []string{"Their membership has ended: set a later spec.endTime of the " + p.Object().String() + ", or remove it"}
	case rights.Waiting:
		return []string{"Their Member is not in force: kubectl get member " + name + " -o wide shows why"}
	case rights.Active:
	}
	return nil
}

// remedies are the ways in which somebody could get a permission.
func remedies(o *rights.Organization, p *rights.Person, permission access.Permission, profile string) []string {
	var found []string
	for _, g := range p.Grants {
		if g.Profile == profile && g.Waits != "" {
			found = append(found, g.Words()+": put the profile into a Team")
		}
	}
	if p.Holds.Role == rosterv1alpha1.RoleProfileConnector {
		return append(found, "A ProfileConnector holds nothing on profiles of others: give them another role.")
	}
	custom := o.CustomRoles()
	var roles []string
	for _, role := range []rosterv1alpha1.ProfileRole{"Guest", "Moderator", "Editor", "Administrator"} {
		if access.ProfilePermissions(role).Contains(access.NewSet(permission)) {
			roles = append(roles, string(role))
		}
	}
	for _, r := range o.Roles {
		if set, ok := custom.OnProfile(rosterv1alpha1.ProfileRole(r.Name)); ok && set.Contains(access.NewSet(permission)) {
			roles = append(roles, r.Name)
		}
	}
	found = append(found, fmt.Sprintf("One of the roles %s on %s, in spec.profiles of the %s.", strings.Join(roles, ", "), profile,
		p.Object()))
	for _, t := range o.Teams {
		if set, ok := custom.OnProfile(t.Spec.Role); ok && set.Contains(access.NewSet(permission)) && o.TeamHas(t, profile) {
			found = append(found, fmt.Sprintf("A place in the Team %s, whose members are %s on it.", t.Name, t.Spec.Role))
		}
	}
	return found
}

func (a answer) print(out io.Writer) {
	who := a.Address
	if a.Name != "" {
		who = a.Name + " <" + a.Address + ">"
	}
	if q := a.Question; q != nil {
		q.print(out, who)
		return
	}
	fmt.Fprintf(out, "%s is %s (%s)\n", who, a.State, a.Object)
	if end := membership.FormatEnd(a.Ends); end != "" && a.State == rights.Ended {
		fmt.Fprintf(out, "Their membership lasted until %s.\n", end)
	} else if end != "" {
		fmt.Fprintf(out, "Their membership lasts until %s.\n", end)
	}
	if a.Unmailed != "" {
		fmt.Fprintf(out, "Their invitation has not been mailed yet: %s\n", a.Unmailed)
	}
	if a.State != rights.Active {
		fmt.Fprintln(out, "They can do nothing for now. Once that changes, they get what follows.")
	}
	fmt.Fprintf(out, "\nIn the organisation: %s\n", a.RoleBy)
	if len(a.Organization) > 0 {
		fmt.Fprintf(out, "  %s\n", strings.Join(a.Organization, ", "))
	}
	if len(a.Workspaces) > 0 {
		fmt.Fprintf(out, "  Workspaces: %s\n", strings.Join(a.Workspaces, ", "))
	}
	for _, p := range a.Profiles {
		name := p.Profile
		if name == access.AllProfiles {
			name = "every profile"
		}
		fmt.Fprintf(out, "\nOn %s: %s\n  %s\n", name, p.Role, strings.Join(p.Permissions, ", "))
		for _, by := range p.By {
			fmt.Fprintf(out, "  - %s\n", by)
		}
	}
	for _, problem := range a.Problems {
		fmt.Fprintf(out, "\nGives nothing: %s\n", problem)
	}
}

func (q *question) print(out io.Writer, who string) {
	answer := "may not"
	if q.Allowed {
		answer = "may"
	}
	fmt.Fprintf(out, "%s %s %s on %s.\n", who, answer, q.Permission, q.Profile)
	for _, by := range q.By {
		fmt.Fprintf(out, "  - %s\n", by)
	}
	if len(q.Missing) > 0 {
		fmt.Fprintln(out, "What is missing:")
	}
	for _, m := range q.Missing {
		fmt.Fprintf(out, "  - %s\n", m)
	}
}
