// SPDX-License-Identifier: Apache-2.0

// Package offer gathers what an invited person is told about their invitation. Mails and pages tell the same.
package offer

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/roles"
)

// Presentation is an offer as the invited person knows its parts: by the names that people have given them.
type Presentation struct {
	// Organization by its name; empty where there is none.
	Organization string
	// Inviter by name or address, and where to answer; both empty where it is no person: then the organisation invites.
	Inviter, InviterAddress string
	// Message is a personal note, quoted as text.
	Message string
	// Role in the organisation.
	Role rosterv1alpha1.OrganizationRole
	// AddsProfiles: as a Member, the person may add profiles.
	AddsProfiles bool
	// AllProfiles: the role lets its holder administer every profile. Then neither profiles nor workspaces are listed.
	AllProfiles bool
	Profiles    []Profile
	Workspaces  []rosterv1alpha1.WorkspaceGrant
	// CustomRoles by name, as far as they are offered and known.
	CustomRoles roles.Custom
	// Environments are the addresses at which members sign in, and the Applications that stand among them for the person.
	Environments []rosterv1alpha1.Environment
	// Ends is when the membership ends; nil where it does not.
	Ends *metav1.Time
	// Owner of the organisation; nil if there is none, or it is the invited person.
	Owner *rosterv1alpha1.Member
}

// Profile is a role on a social profile. Of is nil if there is no such profile; then only the name of the object is known.
type Profile struct {
	rosterv1alpha1.ProfileGrant

	Of *rosterv1alpha1.SocialProfile
}

// Present reads what an offer names and presents it. The prefix stands before the address of a person in their user name. What does not
// exist keeps the name of its object. So does what cannot be read: then there is an error beside a presentation that a page can do with.
func Present(ctx context.Context, c client.Reader, o invitation.Offer, userPrefix string) (Presentation, error) {
	n, err := gather(ctx, c, o, userPrefix)
	return present(o, n), err
}

// present is Present for what has been read.
func present(o invitation.Offer, n named) Presentation {
	p := Presentation{
		Message: o.Invitation.Spec.Message, Role: o.Role(), AddsProfiles: o.CanManageProfiles(), CustomRoles: n.customRoles, Owner: n.owner,
		Ends: o.EndTime(),
	}
	if o.Organization != nil {
		p.Organization, p.Environments = o.Organization.Spec.DisplayName, append(Environments(o.Organization), n.applications...)
	}
	if n.inviter.Address != "" {
		p.Inviter, p.InviterAddress = n.inviter.Written, string(n.inviter.Address)
		for _, m := range slices.Backward(n.inviters) {
			p.Inviter = cmp.Or(m.Status.DisplayName, m.Spec.DisplayName, p.Inviter)
		}
	}
	permissions, _ := access.Roles(n.customRoles).InOrganization(p.Role)
	if p.AllProfiles = slices.Contains(permissions, rosterv1alpha1.PermissionAdministerProfiles); p.AllProfiles {
		return p
	}
	for _, g := range o.Profiles() {
		p.Profiles = append(p.Profiles, Profile{ProfileGrant: g, Of: n.profiles[g.Name]})
	}
	for _, g := range o.WorkspaceGrants() {
		g.Name = cmp.Or(n.workspaces[g.Name], g.Name)
		p.Workspaces = append(p.Workspaces, g)
	}
	return p
}

// Environments are those of an organisation that a browser can open.
func Environments(o *rosterv1alpha1.Organization) []rosterv1alpha1.Environment {
	return slices.DeleteFunc(slices.Clone(o.Spec.Environments), func(e rosterv1alpha1.Environment) bool { return !IsWebAddress(e.URL) })
}

// IsWebAddress takes what a browser can open. url.Parse refuses control characters.
func IsWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
