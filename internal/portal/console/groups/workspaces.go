// SPDX-License-Identifier: Apache-2.0

package groups

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

type workspacesPage struct {
	Frame console.Frame
	web.Fields
	Rows []workspaceRow
	May  bool
	// Lacks says that the plan has no workspaces; empty where it has.
	Lacks        string
	Name, Action string
}

type workspaceRow struct {
	Name, Href       string
	People, Profiles string
	State            console.Badge
}

func (h *Handler) getWorkspaces(v *console.Visit) error { return h.workspacesForm(v, "", nil) }

func (h *Handler) workspacesForm(v *console.Visit, name string, problems []web.Problem) error {
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	w := v.Words
	page := workspacesPage{
		Frame: v.Frame(), Fields: web.Fields{Problems: problems}, May: s.mayWriteGroups(), Name: name, Action: v.To(WorkspacesPath),
		Lacks: s.lacks(w, rosterv1alpha1.FeatureWorkspaces, w.T("groups.feature.workspaces")),
	}
	for _, ws := range s.Workspaces {
		page.Rows = append(page.Rows, workspaceRow{
			Name: console.WorkspaceName(ws), Href: v.To(WorkspacesPath + "/" + ws.Name),
			People:   w.N("groups.people.count", int(ptr.Deref(ws.Status.Members, 0))),
			Profiles: w.N("groups.profiles.count", int(ptr.Deref(ws.Status.Profiles, int32(len(ws.Spec.Profiles))))),
			State:    stateOf(w, ws.Status.Conditions, ws.Generation, ws.Status.ObservedGeneration),
		})
	}
	slices.SortFunc(page.Rows, func(a, b workspaceRow) int {
		return console.CompareNames(a.Name, a.Href, b.Name, b.Href)
	})
	return v.Form(pageWorkspaces, w.T("groups.workspaces.title", "Org", page.Frame.Org), problems, page)
}

func (h *Handler) postWorkspaces(v *console.Visit) error {
	name := web.Tidy(v.R.PostForm.Get(web.FieldDisplayName))
	if problems := checkName(v.Words, name, web.MaxName); len(problems) > 0 {
		return h.workspacesForm(v, name, problems)
	}
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	ws := &rosterv1alpha1.Workspace{
		ObjectMeta: metav1.ObjectMeta{Name: console.ObjectName(name, "workspace", console.Taken(s.Workspaces))},
		Spec:       rosterv1alpha1.WorkspaceSpec{DisplayName: name},
	}
	again := func(problems []web.Problem) error { return h.workspacesForm(v, name, problems) }
	return v.Wrote(v.Create(ws), func() error {
		return v.Done(WorkspacesPath+"/"+ws.Name, "groups.workspaces.made", "Name", name)
	}, again, fields())
}

type workspacePage struct {
	Frame console.Frame
	web.Fields
	Name  string
	State console.Badge
	May   bool
	Typed string
	above
	Lacks string

	Generation         int64
	Selector, Profiles string
	// Holders are the people who have been given the workspace, and More how many more there are.
	Holders                                    []holder
	HoldersCaption, More                       string
	ProfilesHref, Action, DeleteHref, BackHref string
}

// holder is somebody who has a workspace, with the role on its profiles in words.
type holder struct{ Name, Address, Role string }

func (h *Handler) getWorkspace(v *console.Visit, ws *rosterv1alpha1.Workspace) error {
	return h.workspaceForm(v, ws, ws.Spec.DisplayName, nil, nil)
}

func (h *Handler) workspaceForm(
	v *console.Visit, ws *rosterv1alpha1.Workspace, typed string, problems []web.Problem, changed *console.ChangedView,
) error {
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	all, err := v.Members()
	if err != nil {
		return err
	}
	w, here := v.Words, WorkspacesPath+"/"+ws.Name
	page := workspacePage{
		Frame: v.Frame(), Fields: web.Fields{Problems: problems}, Name: console.WorkspaceName(ws), May: s.mayWriteGroups(), Typed: typed,
		State:      stateOf(w, ws.Status.Conditions, ws.Generation, ws.Status.ObservedGeneration),
		Lacks:      s.lacks(w, rosterv1alpha1.FeatureWorkspaces, w.T("groups.feature.workspaces")),
		Generation: ws.Generation, Selector: selectorWords(w, ws.Spec.ProfileSelector),
		Profiles: w.N("groups.profiles.count", len(ws.Spec.Profiles)), ProfilesHref: v.To(here + "/profiles"), Action: v.To(here),
		DeleteHref: v.To(here + "/delete"), BackHref: v.To(WorkspacesPath),
	}
	page.Holders = workspaceHolders(w, s, all, ws.Name)
	page.HoldersCaption = w.N("groups.workspace.holders", len(page.Holders))
	if rest := len(page.Holders) - console.PerPage; rest > 0 {
		page.Holders, page.More = page.Holders[:console.PerPage], w.N("console.more", rest)
	}
	page.Kept, page.Changed = v.KeptView(ws), changed
	if changed != nil {
		page.Now = []fact{{w.T("groups.name"), page.Name}}
	}
	return v.Form(pageWorkspace, w.T("groups.workspace.title", "Name", page.Name), problems, page)
}

// workspaceHolders are the people to whom a workspace has been given, by name.
func workspaceHolders(w web.Words, s *scene, all []*rosterv1alpha1.Member, name string) []holder {
	var found []holder
	for _, m := range all {
		for _, g := range m.Spec.Workspaces {
			if g.Name != name {
				continue
			}
			role := w.T("groups.workspace.sees")
			if g.Role != "" {
				role = w.Roles.OnProfile(g.Role, s.roles).Name
			}
			found = append(found, holder{membership.NameOf(m), m.Spec.Email, role})
		}
	}
	slices.SortFunc(found, func(a, b holder) int {
		return console.CompareNames(a.Name, a.Address, b.Name, b.Address)
	})
	return found
}

func (h *Handler) postWorkspace(v *console.Visit, ws *rosterv1alpha1.Workspace) error {
	name := web.Tidy(v.R.PostForm.Get(web.FieldDisplayName))
	wanted := ws.DeepCopy()
	wanted.Spec.DisplayName = name
	show := func(problems []web.Problem, changed *console.ChangedView) error {
		return h.workspaceForm(v, ws, name, problems, changed)
	}
	return save(v, ws, wanted, WorkspacesPath, name, checkName(v.Words, name, web.MaxName), show)
}

// workspaceProfiles is about the profiles that the workspace names.
func (h *Handler) workspaceProfiles(v *console.Visit, s *scene, ws *rosterv1alpha1.Workspace) (*choosing, error) {
	w, before := v.Words, ws.DeepCopy()
	selector := selectorWords(w, ws.Spec.ProfileSelector)
	c := h.profileChoosing(v, s, console.WorkspaceName(ws), WorkspacesPath+"/"+ws.Name, selector, len(ws.Spec.Profiles))
	c.object, c.list = ws, &ws.Spec.Profiles
	c.all, c.offers = s.profiles(w, func(string) bool { return s.givesEverywhere() })
	c.meaning = func(remove []string) ([]string, error) {
		after := before.DeepCopy()
		after.Spec.Profiles = changed(after.Spec.Profiles, nil, remove, nil)
		return s.meaning(v, withWorkspace(s.Snapshot, before), withWorkspace(s.Snapshot, after))
	}
	return c, nil
}

func (h *Handler) deleteWorkspaceForm(v *console.Visit, ws *rosterv1alpha1.Workspace, problems []web.Problem) error {
	s, err := h.scene(v)
	if err != nil {
		return err
	}
	all, err := v.Members()
	if err != nil {
		return err
	}
	lines, err := s.meaning(v, withWorkspace(s.Snapshot, ws), withoutWorkspace(s.Snapshot, ws.Name))
	if err != nil {
		return err
	}
	w, here := v.Words, WorkspacesPath+"/"+ws.Name
	if n := len(workspaceHolders(w, s, all, ws.Name)); n > 0 {
		lines = append(lines, w.N("groups.delete.workspaceHolders", n))
	}
	return askDelete(v, ws, here, w.T("groups.delete.workspace", "Name", console.WorkspaceName(ws)), lines, problems)
}
