// SPDX-License-Identifier: Apache-2.0

package offer

import (
	"context"
	"errors"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/application"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/people"
	"github.com/roster-dev/roster/internal/pointers"
	"github.com/roster-dev/roster/internal/roles"
)

// named are the objects that an offer names, as far as they exist, by their names.
type named struct {
	customRoles roles.Custom
	workspaces  map[string]string
	profiles    map[string]*rosterv1alpha1.SocialProfile
	owner       *rosterv1alpha1.Member
	inviter     invitation.Inviter
	inviters    []*rosterv1alpha1.Member
	// applications that stand among the environments for the person.
	applications []rosterv1alpha1.Environment
}

func gather(ctx context.Context, c client.Reader, o invitation.Offer, userPrefix string) (named, error) {
	n := named{customRoles: roles.Custom{}, workspaces: map[string]string{}, profiles: map[string]*rosterv1alpha1.SocialProfile{}}
	var errs []error
	get := func(name string, into client.Object) bool {
		err := c.Get(ctx, client.ObjectKey{Namespace: o.Invitation.Namespace, Name: name}, into, client.UnsafeDisableDeepCopy,
			client.DisableReadYourWritesConsistency)
		errs = append(errs, client.IgnoreNotFound(err))
		return err == nil
	}
	for _, name := range o.CustomRoleNames() {
		if role := (&rosterv1alpha1.CustomRole{}); get(name, role) {
			n.customRoles[name] = role.Spec
		}
	}
	for _, g := range o.WorkspaceGrants() {
		if w := (&rosterv1alpha1.Workspace{}); get(g.Name, w) {
			n.workspaces[g.Name] = w.Spec.DisplayName
		}
	}
	for _, g := range o.Profiles() {
		if p := (&rosterv1alpha1.SocialProfile{}); get(g.Name, p) {
			n.profiles[g.Name] = p
		}
	}
	if o.Organization != nil && o.Organization.Spec.OwnerRef != nil && o.Role() != rosterv1alpha1.RoleOwner {
		if m := (&rosterv1alpha1.Member{}); get(o.Organization.Spec.OwnerRef.Name, m) {
			n.owner = m
		}
	}
	var err error
	n.inviter, n.inviters, err = Inviter(ctx, c, o, userPrefix)
	errs = append(errs, err)
	n.applications, err = Applications(ctx, c, o.Invitation.Namespace, string(o.Role()), memberOf(o))
	return n, errors.Join(append(errs, err)...)
}

// memberOf is the name of the Member that the invited person is, or comes to be.
func memberOf(o invitation.Offer) string {
	if ref := o.Invitation.Spec.MemberRef; ref != nil {
		return ref.Name
	}
	return o.Invitation.Name
}

// Applications are those that stand among the environments of an organisation for the Member of that name and role.
func Applications(ctx context.Context, c client.Reader, namespace, role, member string) ([]rosterv1alpha1.Environment, error) {
	var list rosterv1alpha1.ApplicationList
	if err := c.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy,
		client.DisableReadYourWritesConsistency); err != nil || len(list.Items) == 0 {
		return nil, err
	}
	all := pointers.To(list.Items)
	teams, err := teamsOf(ctx, c, namespace, role, member, all)
	var shown []rosterv1alpha1.Environment
	for _, a := range application.Listed(all, role, teams) {
		if IsWebAddress(a.Spec.URL) {
			shown = append(shown, rosterv1alpha1.Environment{Name: a.Title(), URL: a.Spec.URL})
		}
	}
	return shown, err
}

// teamsOf are the Teams of a Member, as far as an Application names them. A ProfileConnector is in none, whatever lists them.
func teamsOf(
	ctx context.Context, c client.Reader, namespace, role, member string, all []*rosterv1alpha1.Application,
) ([]string, error) {
	var teams []string
	var errs []error
	for _, a := range all {
		if a.Spec.Members == nil || role == string(rosterv1alpha1.RoleProfileConnector) {
			continue
		}
		for _, name := range a.Spec.Members.Teams {
			t := &rosterv1alpha1.Team{}
			err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, t, client.UnsafeDisableDeepCopy,
				client.DisableReadYourWritesConsistency)
			errs = append(errs, client.IgnoreNotFound(err))
			if err == nil && slices.Contains(t.Spec.Members, member) {
				teams = append(teams, name)
			}
		}
	}
	return teams, errors.Join(errs...)
}

// Inviter is who invites, and the Members with that address. It has no address unless it is a person: other user names, such as those of
// service accounts and certificates, mean nothing to the reader.
func Inviter(
	ctx context.Context, c client.Reader, o invitation.Offer, userPrefix string,
) (invitation.Inviter, []*rosterv1alpha1.Member, error) {
	who, ok := invitation.ParseInviter(o.InvitedBy(), userPrefix)
	if !ok || who.Address == "" {
		return invitation.Inviter{}, nil, nil
	}
	members, err := people.WithAddress(ctx, c, o.Invitation.Namespace, who.Address,
		client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
	return who, members, err
}
