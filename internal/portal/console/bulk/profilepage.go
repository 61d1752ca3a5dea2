// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/web"
)

const (
	fieldResponsible = "responsible"
	fieldExpiry      = "tokenExpiry"
	fieldEngagement  = "engagement"
	fieldUID         = "uid"
	// mostSuggested is how many people there may be for the browser to suggest them.
	mostSuggested = 200
)

// profilePage is about one social profile.
type profilePage struct {
	web.Fields
	Frame           console.Frame
	Kept            *console.KeptView
	Changed         *console.ChangedView
	Handle, Network string
	Connection      string
	Bad, Waits      bool
	OverLimit       string
	Responsible     string
	ConnectedBy     string
	Holders         []string
	Teams           []namedRole
	// Configures: the person may change the profile. Removes: they may remove it. Assigns: they may change Teams.
	Configures, Removes  bool
	Form                 profileForm
	Now                  string
	Suggested            []console.PersonView
	Action, Remove, Back string
	Assign               string
}

type namedRole struct {
	Name, Role string
	ByLabel    bool
}

// profileForm is what can be changed of a profile.
type profileForm struct {
	Responsible        string
	Expiry, Engagement bool
	Generation         string
}

// opened is the profile of the page, as the API server has it now, if the person may look at it.
func (h *Handler) opened(v *console.Visit) (*team, *rosterv1alpha1.SocialProfile, error) {
	sp := &rosterv1alpha1.SocialProfile{}
	err := v.Get(v.R.PathValue("name"), sp)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, nil, web.Answered(v.NotFound())
	}
	if err != nil {
		return nil, nil, err
	}
	t, err := h.load(v)
	return t, sp, err
}

func (h *Handler) getProfile(v *console.Visit) error {
	t, sp, err := h.opened(v)
	if err != nil {
		return err
	}
	return h.profileForm(v, t, sp, t.formOf(sp), nil, nil)
}

// formOf is a profile as the form shows it.
func (t *team) formOf(sp *rosterv1alpha1.SocialProfile) profileForm {
	f := profileForm{Expiry: true, Generation: console.Generation(sp)}
	if m := t.responsibleMember(sp); m != nil {
		f.Responsible = m.Spec.Email
	}
	if n := sp.Spec.Notifications; n != nil {
		f.Expiry, f.Engagement = ptr.Deref(n.TokenExpiry, true), ptr.Deref(n.Engagement, false)
	}
	return f
}

func (h *Handler) profileForm(
	v *console.Visit, t *team, sp *rosterv1alpha1.SocialProfile, f profileForm, problems []web.Problem, changed *console.ChangedView,
) error {
	w, g := v.Words, groupsOf(t.Teams)
	page := profilePage{
		Fields: web.Fields{Problems: problems}, Frame: v.Frame(), Kept: v.KeptView(sp), Changed: changed, Handle: sp.Spec.Handle,
		Network: w.Network(sp),
		Waits:   membership.RequiresTeam(v.Organization) && len(g.of(sp)) == 0, Responsible: t.responsible(sp),
		ConnectedBy: strings.TrimPrefix(sp.Spec.ConnectedBy, h.Desk.UserPrefix), Form: f,
		Configures: t.may(access.Configure, sp.Name), Removes: t.may(access.Connect, sp.Name), Back: v.To(pathProfiles),
		Action: v.To(pathProfiles + "/" + sp.Name), Remove: v.To(pathProfiles + "/" + sp.Name + "/remove"),
	}
	page.Connection, page.Bad = organization.ConnectionState(w, sp)
	if membership.Standing(v.Organization, sp) == access.OverLimit {
		page.OverLimit = w.T("bulk.profile.overLimit", "Contact", v.Organization.Status.Plan.Contact)
	}
	page.Holders = holders(w, sp.Status.Holders)
	custom := membership.CustomRoles(t.Roles)
	for _, one := range g {
		if one.Has(sp) {
			role := w.Roles.OnProfile(one.Spec.Role, custom).Name
			page.Teams = append(page.Teams, namedRole{console.TeamName(one.Team), role, !slices.Contains(one.Names, sp.Name)})
		}
	}
	if t.managesTeams() {
		page.Assign = v.PathWith("/organizations/"+v.Namespace()+pathAssign, choice{Ticked: map[id]bool{idOf(sp.UID): true}}.values())
	}
	if page.Configures && len(t.Members) <= mostSuggested {
		for _, m := range t.Members {
			page.Suggested = append(page.Suggested, console.PersonView{Name: membership.NameOf(m), Address: m.Spec.Email})
		}
	}
	if len(problems) > 0 {
		page.Now = cmp.Or(t.responsible(sp), w.T("bulk.profiles.nobody"))
	}
	return v.Form(pageProfile, w.T("bulk.profile.title", "Profile", console.ProfileName(w, sp)), problems, page)
}

func holders(w web.Words, h rosterv1alpha1.RoleHolders) []string {
	var all []string
	for _, of := range []struct {
		role rosterv1alpha1.ProfileRole
		n    *int32
	}{
		{rosterv1alpha1.ProfileAdministrator, h.Administrators}, {rosterv1alpha1.ProfileEditor, h.Editors},
		{rosterv1alpha1.ProfileModerator, h.Moderators}, {rosterv1alpha1.ProfileGuest, h.Guests},
	} {
		if n := ptr.Deref(of.n, 0); n > 0 {
			all = append(all, w.N("bulk.profile.holders", int(n), "Role", w.Roles.OnProfile(of.role, nil).Name))
		}
	}
	return all
}

// postProfile answers POST /organizations/{namespace}/team/profiles/{name}.
func (h *Handler) postProfile(v *console.Visit) error {
	t, sp, err := h.opened(v)
	if err != nil {
		return err
	}
	form := v.R.PostForm
	f := profileForm{
		Responsible: web.Tidy(form.Get(fieldResponsible)), Expiry: form.Get(fieldExpiry) != "", Engagement: form.Get(fieldEngagement) != "",
		Generation: console.Generation(sp),
	}
	m, ok := t.find(f.Responsible)
	if !ok {
		text := v.Words.T("bulk.profile.noMember", "Address", f.Responsible)
		return h.profileForm(v, t, sp, f, []web.Problem{{Field: fieldResponsible, Text: text}}, nil)
	}
	wanted := sp.DeepCopy()
	f.apply(&wanted.Spec, m)
	if changed, problems := v.Changed(sp, wanted); changed != nil {
		return h.profileForm(v, t, sp, f, problems, changed)
	}
	return v.Wrote(v.Update(wanted), func() error { return v.Done(pathProfiles+"/"+sp.Name, "bulk.profile.done") },
		func(problems []web.Problem) error { return h.profileForm(v, t, sp, f, problems, nil) },
		console.Fields{"spec.responsibleRef": fieldResponsible})
}

// find is the Member of an address; nil for nobody where it is empty, and false where there is none.
func (t *team) find(text string) (*rosterv1alpha1.Member, bool) {
	if text == "" {
		return nil, true
	}
	of, err := address.Parse(text)
	if err != nil {
		return nil, false
	}
	for _, m := range t.Members {
		if a, err := address.OfMember(m); err == nil && a == of && m.DeletionTimestamp == nil {
			return m, true
		}
	}
	return nil, false
}

// apply writes the form into a profile.
func (f profileForm) apply(spec *rosterv1alpha1.SocialProfileSpec, responsible *rosterv1alpha1.Member) {
	spec.ResponsibleRef = nil
	if responsible != nil {
		spec.ResponsibleRef = &rosterv1alpha1.LocalReference{Name: responsible.Name}
	}
	if spec.Notifications == nil && f.Expiry && !f.Engagement {
		return
	}
	spec.Notifications = &rosterv1alpha1.ProfileNotifications{TokenExpiry: ptr.To(f.Expiry), Engagement: ptr.To(f.Engagement)}
}

func (h *Handler) getRemove(v *console.Visit) error {
	t, sp, err := h.opened(v)
	if err != nil {
		return err
	}
	if !t.may(access.Connect, sp.Name) {
		return v.NotFound()
	}
	return h.removeForm(v, t, sp, nil)
}

func (h *Handler) removeForm(v *console.Visit, t *team, sp *rosterv1alpha1.SocialProfile, problems []web.Problem) error {
	w, people := v.Words, 0
	sums := t.Sums()
	for _, m := range t.Members {
		if sums.Holds(m).Named(sp.Name) != 0 {
			people++
		}
	}
	page := console.Sure{
		Kept: v.KeptView(sp), Heading: w.T("bulk.remove.title", "Profile", console.ProfileName(w, sp)),
		Points: []string{w.N("bulk.remove.people", people)}, Submit: w.T("bulk.remove.submit"),
		Hidden: []console.Hidden{{Name: fieldUID, Value: string(sp.UID)}},
		Action: v.To(pathProfiles + "/" + sp.Name + "/remove"), Back: v.To(pathProfiles + "/" + sp.Name),
	}
	var teams []string
	for _, of := range groupsOf(t.Teams).of(sp) {
		teams = append(teams, console.TeamName(of))
	}
	if len(teams) > 0 {
		page.Points = append(page.Points, w.T("bulk.remove.teams", "Teams", console.Listed(w, teams)))
	}
	page.Points = append(page.Points, w.T("bulk.remove.network", "Network", w.Network(sp)), w.T("bulk.remove.place"))
	return v.Ask(page, problems)
}

// postRemove answers POST /organizations/{namespace}/team/profiles/{name}/remove.
func (h *Handler) postRemove(v *console.Visit) error {
	t, sp, err := h.opened(v)
	if err != nil {
		return err
	}
	if string(sp.UID) != v.R.PostForm.Get(fieldUID) {
		return h.removeForm(v, t, sp, []web.Problem{{Text: v.Words.T("console.conflict")}})
	}
	return v.Wrote(v.Delete(sp), func() error { return removed(v, t, sp) },
		func(problems []web.Problem) error { return h.removeForm(v, t, sp, problems) })
}

func removed(v *console.Visit, t *team, sp *rosterv1alpha1.SocialProfile) error {
	title := console.ProfileName(v.Words, sp)
	left := v.TakeOut(t.Teams, console.ProfilesOf, func(name string) bool { return name == sp.Name })
	if len(left) > 0 {
		return v.Done(pathProfiles, "bulk.remove.doneBut", "Profile", title, "Teams", console.ListedAs(v.Words, left, t.names(v.Words).Team))
	}
	return v.Done(pathProfiles, "bulk.remove.done", "Profile", title)
}
