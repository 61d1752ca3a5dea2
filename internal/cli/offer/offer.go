// SPDX-License-Identifier: Apache-2.0

// Package offer reads what people are invited to from flags and cells, and checks it against what the organisation has.
package offer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/cli/kube"
)

// Offer is what somebody gets in an organisation.
type Offer struct {
	Role       rosterv1alpha1.OrganizationRole
	Profiles   []rosterv1alpha1.ProfileGrant
	Workspaces []rosterv1alpha1.WorkspaceGrant
	Teams      []string
}

// Flags are the flags that an offer is read from.
type Flags struct {
	role, seat                  string
	profiles, workspaces, teams []string
}

// AddFlags adds the flags.
func (f *Flags) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.role, "role", "", "Role in the organisation: CoOwner, Manager, AdvancedMember, Member, ProfileConnector, or a "+
		"CustomRole. Left out, Member.")
	flags.StringSliceVar(&f.profiles, "profile", nil, "A role on a profile, such as acme-fb=Editor. Can be given several times.")
	flags.StringSliceVar(&f.workspaces, "workspace", nil, "A workspace, with or without a role on its profiles, such as west=Editor. Can be "+
		"given several times.")
	flags.StringSliceVar(&f.teams, "team", nil, "A Team that the person works in from when they accept. Can be given several times.")
	flags.StringVar(&f.seat, "seat", "full", `"full", or "limited": a ProfileConnector, who connects profiles and takes no seat.`)
}

// Offer reads the flags.
func (f *Flags) Offer() (Offer, error) {
	o := Offer{Role: rosterv1alpha1.OrganizationRole(f.role), Teams: f.teams}
	switch {
	case f.seat == "limited" && (f.role == "" || f.role == string(rosterv1alpha1.RoleProfileConnector)):
		o.Role = rosterv1alpha1.RoleProfileConnector
	case f.seat == "limited":
		return o, fmt.Errorf("--seat limited is for ProfileConnectors: leave out --role %s, or take a full seat", f.role)
	case f.seat != "full":
		return o, fmt.Errorf(`--seat %s: must be "full" or "limited"`, f.seat)
	}
	var err error
	if o.Profiles, err = ParseProfiles(f.profiles); err != nil {
		return o, fmt.Errorf("--profile %w", err)
	}
	if o.Workspaces, err = ParseWorkspaces(f.workspaces); err != nil {
		return o, fmt.Errorf("--workspace %w", err)
	}
	return o, nil
}

// ParseProfiles reads "acme-fb=Editor".
func ParseProfiles(texts []string) ([]rosterv1alpha1.ProfileGrant, error) {
	var grants []rosterv1alpha1.ProfileGrant
	for _, text := range texts {
		name, role, ok := strings.Cut(strings.TrimSpace(text), "=")
		if !ok || name == "" || role == "" {
			return nil, fmt.Errorf("%q: write a profile and a role, such as acme-fb=Editor", text)
		}
		if slices.ContainsFunc(grants, func(g rosterv1alpha1.ProfileGrant) bool { return g.Name == name }) {
			return nil, fmt.Errorf("%q: the profile %s is named twice", text, name)
		}
		grants = append(grants, rosterv1alpha1.ProfileGrant{Name: name, Role: rosterv1alpha1.ProfileRole(role)})
	}
	return grants, nil
}

// ParseWorkspaces reads "west" and "west=Editor".
func ParseWorkspaces(texts []string) ([]rosterv1alpha1.WorkspaceGrant, error) {
	var grants []rosterv1alpha1.WorkspaceGrant
	for _, text := range texts {
		name, role, cut := strings.Cut(strings.TrimSpace(text), "=")
		if name == "" || cut && role == "" {
			return nil, fmt.Errorf("%q: write a workspace, or a workspace and a role, such as west=Editor", text)
		}
		if slices.ContainsFunc(grants, func(g rosterv1alpha1.WorkspaceGrant) bool { return g.Name == name }) {
			return nil, fmt.Errorf("%q: the workspace %s is named twice", text, name)
		}
		grants = append(grants, rosterv1alpha1.WorkspaceGrant{Name: name, Role: rosterv1alpha1.ProfileRole(role)})
	}
	return grants, nil
}

// Catalog is what an organisation has that can be offered.
type Catalog struct {
	Namespace string
	Profiles  []string
	Roles     access.Roles
	Teams     map[string]*rosterv1alpha1.Team

	workspaces []string
}

// Load reads the catalog of a namespace.
func Load(ctx context.Context, c client.Reader, namespace string) (*Catalog, error) {
	var profiles rosterv1alpha1.SocialProfileList
	var workspaces rosterv1alpha1.WorkspaceList
	var teams rosterv1alpha1.TeamList
	var roles rosterv1alpha1.CustomRoleList
	for _, list := range []client.ObjectList{&profiles, &workspaces, &teams, &roles} {
		if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
	}
	k := &Catalog{
		Namespace: namespace, Profiles: kube.Names(profiles.Items), workspaces: kube.Names(workspaces.Items),
		Roles: access.Roles{}, Teams: map[string]*rosterv1alpha1.Team{},
	}
	for i := range roles.Items {
		k.Roles[roles.Items[i].Name] = roles.Items[i].Spec
	}
	for i := range teams.Items {
		k.Teams[teams.Items[i].Name] = &teams.Items[i]
	}
	return k, nil
}

// Check reports whatever an offer names that the organisation does not have.
func (k *Catalog) Check(o Offer) error {
	var errs []error
	if _, known := k.Roles.InOrganization(o.Role); o.Role != "" && (!known || o.Role == rosterv1alpha1.RoleOwner) {
		errs = append(errs, fmt.Errorf("there is no role %s in the organisation: choose one of %s", o.Role,
			strings.Join(k.names(rosterv1alpha1.ScopeOrganization), ", ")))
	}
	onProfile := func(role rosterv1alpha1.ProfileRole) {
		if _, known := k.Roles.OnProfile(role); role != "" && !known {
			errs = append(errs, fmt.Errorf("there is no role %s on profiles: choose one of %s", role,
				strings.Join(k.names(rosterv1alpha1.ScopeProfile), ", ")))
		}
	}
	for _, g := range o.Profiles {
		errs = append(errs, k.has("SocialProfile", k.Profiles, g.Name))
		onProfile(g.Role)
	}
	for _, g := range o.Workspaces {
		errs = append(errs, k.has("Workspace", k.workspaces, g.Name))
		onProfile(g.Role)
	}
	for _, name := range o.Teams {
		var teams []string
		for team := range k.Teams {
			teams = append(teams, team)
		}
		errs = append(errs, k.has("Team", teams, name))
	}
	return errors.Join(errs...)
}

func (k *Catalog) has(kind string, names []string, name string) error {
	if slices.Contains(names, name) {
		return nil
	}
	if len(names) == 0 {
		return fmt.Errorf("there is no %s %s in the namespace %s, and no other either: apply it first", kind, name, k.Namespace)
	}
	slices.Sort(names)
	const most = 8
	shown := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		shown += ", …"
	}
	return fmt.Errorf("there is no %s %s in the namespace %s: choose one of %s", kind, name, k.Namespace, shown)
}

func (k *Catalog) names(scope rosterv1alpha1.RoleScope) []string {
	names := []string{"CoOwner", "Manager", "AdvancedMember", "Member", "ProfileConnector"}
	if scope == rosterv1alpha1.ScopeProfile {
		names = []string{"Administrator", "Editor", "Moderator", "Guest"}
	}
	var custom []string
	for name, spec := range k.Roles {
		if spec.Scope == scope {
			custom = append(custom, name)
		}
	}
	slices.Sort(custom)
	return append(names, custom...)
}

// CompleteFlags completes the values of the flags.
func CompleteFlags(f *kube.Factory, cmd *cobra.Command) error {
	complete := func(flag string, values func(k *Catalog) []string) error {
		return cmd.RegisterFlagCompletionFunc(flag, f.Completion(func(ctx context.Context, c client.Client, namespace string) []string {
			k, err := Load(ctx, c, namespace)
			if err != nil {
				return nil
			}
			return values(k)
		}))
	}
	return errors.Join(
		complete("role", func(k *Catalog) []string { return k.names(rosterv1alpha1.ScopeOrganization) }),
		complete("profile", func(k *Catalog) []string { return times(k.Profiles, k.names(rosterv1alpha1.ScopeProfile)) }),
		complete("workspace", func(k *Catalog) []string { return times(k.workspaces, k.names(rosterv1alpha1.ScopeProfile)) }),
		complete("team", func(k *Catalog) []string {
			var teams []string
			for name := range k.Teams {
				teams = append(teams, name)
			}
			return teams
		}),
	)
}

func times(names, roles []string) []string {
	var all []string
	for _, name := range names {
		for _, role := range roles {
			all = append(all, name+"="+role)
		}
	}
	return all
}
