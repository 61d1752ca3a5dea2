// SPDX-License-Identifier: Apache-2.0

package invite

import (
	"cmp"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/offer"
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
	// Workspaces that are given; none for somebody who has all of them.
	Workspaces []workspaceView
	Until      untilView
	// Ends is when the membership ends; empty where it does not.
	Ends         web.MomentView
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
func (h *Handler) describe(v *visit) offerView {
	o, w := v.link.Offer, v.Words
	told, err := offer.Present(v.R.Context(), h.Cache, o, h.UserPrefix)
	if err != nil {
		v.Log().Error(err, "Cannot read all that is offered", "invitation", client.ObjectKeyFromObject(o.Invitation))
	}
	view := offerView{
		Org: cmp.Or(told.Organization, w.T("contact.organisation")), Initials: web.Initials(told.Organization), Contact: w.T("contact.someone"),
		Email: string(v.link.Address), Inviter: told.Inviter, Note: told.Message, Environments: web.Environments(told.Environments),
		Role: w.Roles.InOrganization(told.Role, told.AddsProfiles, told.CustomRoles), Owns: told.Role == rosterv1alpha1.RoleOwner,
		AllProfiles: told.AllProfiles,
	}
	if told.Owner != nil {
		view.Owner = &organization.PersonView{Name: membership.NameOf(told.Owner), Email: told.Owner.Spec.Email}
	}
	profiles := profileViews(w, told)
	cut := min(shownProfiles, len(profiles))
	view.Profiles, view.MoreProfiles, view.Workspaces = profiles[:cut], profiles[cut:], workspaceViews(w, told)
	switch {
	case view.Inviter != "":
		view.Contact = view.Inviter
	case view.Owner != nil:
		view.Contact = view.Owner.Name
	}
	if told.Ends != nil {
		view.Ends = w.Time(told.Ends.Time)
	}
	if e := o.Invitation.Status.ExpiryTime; e != nil {
		view.Until = untilView{Text: w.Moment(e.Time), Machine: e.UTC().Format(time.RFC3339), Left: w.Left(e.Sub(v.Now()))}
	}
	return view
}

func workspaceViews(w web.Words, told offer.Presentation) []workspaceView {
	var views []workspaceView
	for _, g := range told.Workspaces {
		v := workspaceView{Name: g.Name}
		if g.Role != "" {
			v.Role = w.Roles.OnProfile(g.Role, told.CustomRoles)
		}
		views = append(views, v)
	}
	return views
}

func profileViews(w web.Words, told offer.Presentation) []profileView {
	var views []profileView
	for _, g := range told.Profiles {
		v := profileView{Handle: g.Name, Role: w.Roles.OnProfile(g.Role, told.CustomRoles)}
		if g.Of != nil {
			v.Handle, v.Network = g.Of.Spec.Handle, w.Network(g.Of)
		}
		views = append(views, v)
	}
	return views
}
