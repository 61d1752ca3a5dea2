// SPDX-License-Identifier: Apache-2.0

package invite

import (
	"context"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/portal/link"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/web"
	"github.com/roster-dev/roster/internal/roles"
)

// offerView is an invitation in words.
type offerView struct {
	Org      string
	Initials string
	Email    string
	// Inviter by name or address; empty if it is not a person.
	Inviter string
	Note    string
	Role    roles.Term
	// Owns says that the person is to own the organisation.
	Owns bool
	// AllProfiles says that the role in the organisation brings all profiles with it.
	AllProfiles  bool
	Profiles     []profileView
	MoreProfiles []profileView
	// Workspaces that are given; none for whoever has all of them.
	Workspaces   []workspaceView
	Until        untilView
	Environments []web.EnvironmentView
	// Owner of the organisation; nil if there is none, or it is the invited person.
	Owner *organization.PersonView
	// Contact is whom to ask, for the middle of a sentence.
	Contact string
}

type profileView struct {
	Network, Handle string
	Role            roles.Term
}

// workspaceView has no role where the roles in the workspace are given profile by profile.
type workspaceView struct {
	Name string
	Role roles.Term
}

// untilView is when the link expires: in words, for machines (RFC 3339), and how much time is left.
type untilView struct{ Text, Machine, Left string }

// shownProfiles is how many profiles a page shows before it folds the rest away.
const shownProfiles = 8

// describe puts an invitation into words. What it reads besides comes from the cache, and is left out if it cannot be had: it is not what
// anything is decided by.
func (h *Handler) describe(ctx context.Context, f link.Verified, w web.Words) offerView {
	o := h.name(ctx, f.Offer)
	v := offerView{
		Org: w.T("contact.organisation"), Contact: w.T("contact.someone"),
		Email: string(f.Address), Note: o.Invitation.Spec.Message,
	}
	role := o.Role()
	if org := o.Organization; org != nil {
		v.Org, v.Initials = org.Spec.DisplayName, web.Initials(org.Spec.DisplayName)
		v.Environments = web.Environments(org.Spec.Environments)
		if owns(o) {
			role, v.Owns = rosterv1alpha1.RoleOwner, true
		} else {
			v.Owner = h.owner(ctx, org)
		}
	}
	permissions, _ := access.Roles(o.CustomRoles).InOrganization(role)
	v.Role = w.Roles.InOrganization(role, o.CanManageProfiles(), o.CustomRoles)
	v.AllProfiles = slices.Contains(permissions, rosterv1alpha1.PermissionAdministerProfiles)
	if !v.AllProfiles {
		profiles := h.profiles(ctx, w, o)
		cut := min(shownProfiles, len(profiles))
		v.Profiles, v.MoreProfiles = profiles[:cut], profiles[cut:]
		v.Workspaces = workspaces(w, o)
	}
	v.Inviter = h.inviter(ctx, o)
	switch {
	case v.Inviter != "":
		v.Contact = v.Inviter
	case v.Owner != nil:
		v.Contact = v.Owner.Name
	}
	if e := o.Invitation.Status.ExpiryTime; e != nil {
		v.Until = untilView{Text: w.Moment(e.Time), Machine: e.UTC().Format(time.RFC3339), Left: w.Left(e.Sub(h.Clock.Now()))}
	}
	return v
}

// name adds what the CustomRoles and Workspaces that are offered are called.
func (h *Handler) name(ctx context.Context, o invitation.Offer) invitation.Offer {
	namespace := o.Invitation.Namespace
	o.CustomRoles, o.Workspaces = map[string]rosterv1alpha1.CustomRoleSpec{}, map[string]string{}
	for _, name := range o.CustomRoleNames() {
		role := &rosterv1alpha1.CustomRole{}
		if h.Cache.Look(ctx, client.ObjectKey{Namespace: namespace, Name: name}, role) {
			o.CustomRoles[name] = role.Spec
		}
	}
	for _, g := range o.WorkspaceGrants() {
		workspace := &rosterv1alpha1.Workspace{}
		if h.Cache.Look(ctx, client.ObjectKey{Namespace: namespace, Name: g.Name}, workspace) {
			o.Workspaces[g.Name] = workspace.Spec.DisplayName
		}
	}
	return o
}

func workspaces(w web.Words, o invitation.Offer) []workspaceView {
	var views []workspaceView
	for _, g := range o.CalledWorkspaces() {
		v := workspaceView{Name: g.Name}
		if g.Role != "" {
			v.Role = w.Roles.OnProfile(g.Role, o.CustomRoles)
		}
		views = append(views, v)
	}
	return views
}

// owns reports whether the invited Member is the one that owns the organisation.
func owns(o invitation.Offer) bool {
	owner, invited := o.Organization.Spec.OwnerRef, o.Invitation.Spec.MemberRef
	return owner != nil && invited != nil && owner.Name == invited.Name
}

// owner is nil if the organisation has none.
func (h *Handler) owner(ctx context.Context, org *rosterv1alpha1.Organization) *organization.PersonView {
	if org.Spec.OwnerRef == nil {
		return nil
	}
	m := &rosterv1alpha1.Member{}
	if !h.Cache.Look(ctx, client.ObjectKey{Namespace: org.Namespace, Name: org.Spec.OwnerRef.Name}, m) {
		return nil
	}
	return &organization.PersonView{Name: organization.MemberName(m), Email: m.Spec.Email}
}

// inviter is the name of the Member with the address of whoever invites, else that address. Other user names, such as those of service
// accounts, mean nothing to the reader.
func (h *Handler) inviter(ctx context.Context, o invitation.Offer) string {
	who, ok := invitation.ParseInviter(o.InvitedBy(), h.UserPrefix)
	if !ok || who.Address == "" {
		return ""
	}
	members, err := h.Links.MembersAt(ctx, o.Invitation.Namespace, who.Address)
	if err != nil {
		h.Log.Error(err, "Cannot look for the inviter", "invitation", client.ObjectKeyFromObject(o.Invitation))
	}
	if len(members) == 0 {
		return string(who.Address)
	}
	return organization.MemberName(members[0])
}

func (h *Handler) profiles(ctx context.Context, w web.Words, o invitation.Offer) []profileView {
	var views []profileView
	for _, g := range o.Profiles() {
		v := profileView{Handle: g.Name, Role: w.Roles.OnProfile(g.Role, o.CustomRoles)}
		sp := &rosterv1alpha1.SocialProfile{}
		if h.Cache.Look(ctx, client.ObjectKey{Namespace: o.Invitation.Namespace, Name: g.Name}, sp) {
			v.Handle, v.Network = sp.Spec.Handle, organization.NetworkName(w, sp)
		}
		views = append(views, v)
	}
	return views
}
