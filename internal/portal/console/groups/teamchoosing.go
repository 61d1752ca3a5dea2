// SPDX-License-Identifier: Apache-2.0

package groups

import (
	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
)

// teamPeople is about the people of the team that the path names.
func (h *Handler) teamPeople(v *console.Visit) (*choosing, error) {
	t := &rosterv1alpha1.Team{}
	if err := find(v, t); err != nil {
		return nil, err
	}
	s, err := h.scene(v)
	if err != nil {
		return nil, err
	}
	all, err := v.Crowd()
	if err != nil {
		return nil, err
	}
	w, before := v.Words, t.DeepCopy()
	c := &choosing{
		object: t, list: &t.Spec.Members, most: maxMembers, may: s.mayWriteGroups(), here: TeamsPath + "/" + t.Name + "/people",
		missing: w.T("groups.choose.nobody"), searchLabel: "console.find.people",
		sure: func(n int) string { return w.N("groups.sure.people", n) },
		meaning: func(remove []string) ([]string, error) {
			after := before.DeepCopy()
			after.Spec.Members = changed(after.Spec.Members, nil, remove, nil)
			return h.teamLoss(v, before, after)
		},
		view: choosePage{
			Title: w.T("groups.team.people", "Name", console.TeamName(t)), Heading: w.T("groups.team.people", "Name", console.TeamName(t)),
			Lead:      w.T("groups.team.gives", "Role", w.Roles.OnProfile(t.Spec.Role, s.roles).Name),
			InCaption: w.N("groups.people.in", len(t.Spec.Members)), InEmpty: w.T("groups.people.empty"),
			FoundCaption: w.T("groups.people.found"), FoundEmpty: w.T("groups.people.notFound"),
			Back: v.To(TeamsPath + "/" + t.Name), BackText: console.TeamName(t), SubmitAdd: w.T("groups.choose.addPeople"),
			SubmitRemove: w.T("groups.choose.takeOut"),
		},
	}
	c.all, c.offers = people(w, all)
	return c, nil
}

// teamProfiles is about the profiles that the team names.
func (h *Handler) teamProfiles(v *console.Visit) (*choosing, error) {
	t := &rosterv1alpha1.Team{}
	if err := find(v, t); err != nil {
		return nil, err
	}
	s, err := h.scene(v)
	if err != nil {
		return nil, err
	}
	w, before := v.Words, t.DeepCopy()
	c := h.profileChoosing(v, s, console.TeamName(t), TeamsPath+"/"+t.Name, selectorWords(w, t.Spec.ProfileSelector), len(t.Spec.Profiles))
	c.object, c.list = t, &t.Spec.Profiles
	c.all, c.offers = s.profiles(w, s.gives(t.Spec.Role))
	c.meaning = func(remove []string) ([]string, error) {
		after := before.DeepCopy()
		after.Spec.Profiles = changed(after.Spec.Profiles, nil, remove, nil)
		return h.teamLoss(v, before, after)
	}
	return c, nil
}

// profileChoosing is what teams and workspaces have in common.
func (h *Handler) profileChoosing(v *console.Visit, s *scene, name, group, selector string, n int) *choosing {
	w := v.Words
	return &choosing{
		most: maxProfiles, may: s.mayWriteGroups(), here: group + "/profiles", missing: w.T("groups.choose.noProfile"),
		searchLabel: "groups.profiles.search",
		sure:        func(n int) string { return w.N("groups.sure.profiles", n) },
		view: choosePage{
			Title: w.T("groups.profiles.of", "Name", name), Heading: w.T("groups.profiles.of", "Name", name), Lead: selector,
			InCaption: w.N("groups.profiles.in", n), InEmpty: w.T("groups.profiles.empty"),
			FoundCaption: w.T("groups.profiles.found"), FoundEmpty: w.T("groups.profiles.notFound"),
			Back: v.To(group), BackText: name, SubmitAdd: w.T("groups.choose.addProfiles"),
			SubmitRemove: w.T("groups.choose.takeOut"),
		},
	}
}
