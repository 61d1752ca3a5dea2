// SPDX-License-Identifier: Apache-2.0

// Package whocan is the command that tells who may do something.
package whocan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/load"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/cli/people"
	"github.com/roster-dev/roster/internal/cli/verify"
	"github.com/roster-dev/roster/internal/rights"
)

type options struct {
	output.Format
	verify, invited bool
}

// answer is what the command says, as JSON and YAML.
type answer struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Permission string   `json:"permission"`
	Profile    string   `json:"profile,omitempty"`
	People     []person `json:"people"`
	Others     []other  `json:"others,omitempty"`
	Unseen     string   `json:"unseen,omitempty"`
}

type person struct {
	Name    string       `json:"name,omitempty"`
	Address string       `json:"address"`
	State   rights.State `json:"state"`
	Role    string       `json:"role"`
	By      []string     `json:"by"`

	standing string
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "who-can PERMISSION [PROFILE]",
		Short: "Tell who may do something, and why",
		Long: `Tell who may do something: on a profile (` + strings.Join(rights.ProfileVerbs(), ", ") + `), or in the organisation
(` + strings.Join(organizationPermissions()[:6], ", ") + `,
` + strings.Join(organizationPermissions()[6:], ", ") + `). Each person is shown with the sources of the right.

Roles of the cluster that Roster has not written are looked at too, if you may list them. Kubernetes does not know who belongs to a
group: groups are named, and their people are not visible.

The answer comes from the objects. With --verify, some of it is compared with what the API server answers (SubjectAccessReview).`,
		Example: `  # Who may publish on the Facebook page?
  kubectl roster who-can publish acme-fb

  # And who will, once they accept their invitation?
  kubectl roster who-can publish acme-fb --invited

  # Who may invite people?
  kubectl roster who-can ManageMembers --verify`,
		Args: input.Arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			return o.run(cmd.Context(), f, args)
		},
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return append(rights.ProfileVerbs(), organizationPermissions()...), cobra.ShellCompDirectiveNoFileComp
		}
		return f.Completion(people.CompleteProfiles)(cmd, args, toComplete)
	}
	o.AddFlag(cmd.Flags(), output.JSON, output.YAML, output.Wide)
	cmd.Flags().BoolVar(&o.verify, "verify", false, "Compare a sample of the answer with the API server.")
	cmd.Flags().BoolVar(&o.invited, "invited", false, "Also show those who will be able to: who are invited, suspended or waiting.")
	return cmd
}

func organizationPermissions() []string {
	var all []string
	for _, p := range access.AllOrganizationPermissions() {
		all = append(all, string(p))
	}
	return all
}

func (o *options) run(ctx context.Context, f *kube.Factory, args []string) error {
	onProfile := slices.Contains(rights.ProfileVerbs(), args[0])
	switch {
	case onProfile && len(args) == 1:
		return fmt.Errorf("%s is a permission on a profile: name the profile, too", args[0])
	case !onProfile && !slices.Contains(organizationPermissions(), args[0]):
		return fmt.Errorf("there is no permission %s: on a profile there are %s; in the organisation %s", args[0],
			strings.Join(rights.ProfileVerbs(), ", "), strings.Join(organizationPermissions(), ", "))
	case !onProfile && len(args) == 2:
		return fmt.Errorf("%s is a permission in the organisation: leave out %s", args[0], args[1])
	}
	organization, err := load.Current(ctx, f)
	if err != nil {
		return err
	}
	a := answer{APIVersion: output.APIVersion, Kind: "WhoCan", Permission: args[0]}
	q := question{verb: args[0], resource: "socialprofiles"}
	if onProfile {
		a.Profile, q.name = args[1], args[1]
		if !slices.ContainsFunc(organization.Profiles, func(p *rosterv1alpha1.SocialProfile) bool { return p.Name == a.Profile }) {
			return fmt.Errorf("there is no SocialProfile %s in the namespace %s. To list them: kubectl get socialprofiles -n %s", a.Profile,
				organization.Namespace, organization.Namespace)
		}
	} else {
		q = meaning(rosterv1alpha1.RolePermission(args[0]), organization.Organization.Name)
	}
	everybody := organization.People()
	a.People = o.able(everybody, a)
	if a.Others, a.Unseen, err = others(ctx, f, organization.Namespace, q); err != nil {
		return err
	}
	if err := o.print(f, a); err != nil {
		return err
	}
	if o.verify {
		return verify.Claims(ctx, f, organization.Namespace, claims(everybody, a, q, organization.UserPrefix))
	}
	return nil
}

// meaning is what RBAC is asked about a permission in the organisation; see docs/access.md.
func meaning(p rosterv1alpha1.RolePermission, organization string) question {
	switch p {
	case rosterv1alpha1.PermissionViewTeam:
		return question{verb: "list", resource: "organizations"}
	case rosterv1alpha1.PermissionManageMembers:
		return question{verb: "create", resource: "members"}
	case rosterv1alpha1.PermissionManageTeams:
		return question{verb: "create", resource: "teams"}
	case rosterv1alpha1.PermissionManageRoles:
		return question{verb: "create", resource: "customroles"}
	case rosterv1alpha1.PermissionManageSettings:
		return question{verb: "update", resource: "organizations", name: organization}
	case rosterv1alpha1.PermissionViewSubscription:
		return question{verb: "get", resource: "subscriptions", name: organization}
	case rosterv1alpha1.PermissionBuyAddOns:
		return question{verb: "buy", resource: "subscriptions", name: organization}
	case rosterv1alpha1.PermissionManageSubscription:
		return question{verb: "manage", resource: "subscriptions", name: organization}
	case rosterv1alpha1.PermissionManageContacts:
		return question{verb: "manage", resource: "contacts", name: organization}
	case rosterv1alpha1.PermissionAdministerProfiles:
		return question{verb: "list", resource: "socialprofiles"}
	}
	return question{verb: "add", resource: "socialprofiles"}
}

// able are the people who may, or will be able to.
func (o *options) able(everybody []*rights.Person, a answer) []person {
	found := []person{}
	for _, p := range everybody {
		by := sources(p, a)
		if len(by) == 0 || p.State != rights.Active && !o.invited {
			continue
		}
		found = append(found, person{p.Name, string(p.Address), p.State, string(p.Holds.Role), by, p.Standing()})
	}
	return found
}

// sources of a right; none for somebody who does not have it.
func sources(p *rights.Person, a answer) []string {
	if a.Profile == "" {
		if p.Holds.May(rosterv1alpha1.RolePermission(a.Permission)) {
			return []string{p.RoleWords()}
		}
		return nil
	}
	var by []string
	for _, g := range p.On(a.Profile, access.Permission(a.Permission)) {
		by = append(by, g.Words())
	}
	return by
}

// claims are what the answer says about everybody, for the API server to confirm.
func claims(everybody []*rights.Person, a answer, q question, prefix string) []verify.Claim {
	var all []verify.Claim
	for _, p := range everybody {
		may := p.State == rights.Active && len(sources(p, a)) > 0
		all = append(all, verify.Claim{User: prefix + string(p.Address), Verb: q.verb, Resource: q.resource, Name: q.name, Allowed: may})
	}
	return all
}

func (o *options) print(f *kube.Factory, a answer) error {
	if !o.ForPeople() {
		return o.Document(f.Out, a)
	}
	grid := output.Grid{Columns: []output.Column{{Name: "Address"}, {Name: "Name"}, {Name: "State", Wide: !o.invited}, {Name: "Role"},
		{Name: "By"}}}
	for _, p := range a.People {
		grid.Rows = append(grid.Rows, []any{p.Address, p.Name, p.standing, p.Role, strings.Join(p.By, "; ")})
	}
	if len(a.People) == 0 {
		fmt.Fprintln(f.ErrOut, "Nobody in the organisation.")
	}
	if err := grid.Print(f.Out, o.Value == output.Wide); err != nil {
		return err
	}
	if len(a.Others) > 0 {
		fmt.Fprintln(f.Out, "\nBy roles of the cluster:")
	}
	beyond := output.Grid{Columns: []output.Column{{Name: "Kind"}, {Name: "Name"}, {Name: "By"}}}
	for _, s := range a.Others {
		kind := s.Kind
		if kind == "Group" {
			kind = "Group (people not visible)"
		}
		beyond.Rows = append(beyond.Rows, []any{kind, s.Name, s.By})
	}
	if err := beyond.Print(f.Out, false); err != nil {
		return err
	}
	if a.Unseen != "" {
		fmt.Fprintln(f.ErrOut, a.Unseen)
	}
	return nil
}
