// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

const (
	fieldJob   = "job"
	fieldAgain = "again"
	// workers change people at the same time.
	workers = 8
	// reserve is what is left of the time of a request when no more people are begun with: for those under way, and to answer.
	reserve = 8 * time.Second
	// tries are how often an object is read again that somebody else changes at the same time.
	tries = 5
)

// outcome is what became of one person.
type outcome struct {
	entry
	member *rosterv1alpha1.Member
	// Done or Nothing, or Why not; err if the API server cannot be reached.
	done    bool
	nothing bool
	why     string
	err     error
}

// postDo answers POST /organizations/{namespace}/team/change/do: it does as much as there is time for.
func (h *Handler) postDo(v *console.Visit) error {
	j, ok, err := openJob(v, v.R.PostForm.Get(fieldJob))
	if err != nil {
		return err
	}
	if !ok {
		return v.BadRequest()
	}
	t, err := h.load(v)
	if err != nil {
		return err
	}
	if v.R.PostForm.Get(fieldAgain) != "" {
		j = j.again()
	}
	r := &run{Visit: v, handler: h, job: j, team: t, members: map[id]*rosterv1alpha1.Member{}}
	for _, m := range t.Members {
		r.members[idOf(m.UID)] = m
	}
	if r.makesCoOwner() && !v.Person.Session.Fresh(v.Now()) {
		return v.SeeOther("/sign-in/confirm", "/organizations/"+v.Namespace()+Path)
	}
	if err := r.all(); err != nil {
		return err
	}
	return r.show()
}

// again is a job for those who were refused, and for the Teams.
func (j job) again() job {
	next := job{User: j.User, Namespace: j.Namespace, Change: j.Change, Done: j.Done, Nothing: j.Nothing, Teams: !j.Change.aboutTeams()}
	for _, r := range j.Refused {
		next.People = append(next.People, r.People...)
	}
	if !j.Change.aboutMembers() {
		next.People = j.People
	}
	return next
}

// run does a job.
type run struct {
	*console.Visit
	handler *Handler
	job     job
	members map[id]*rosterv1alpha1.Member
	team    *team
	// now are those of this request, and stillNamed the Teams that go on to name people who were removed.
	now        []outcome
	stillNamed []string
}

// makesCoOwner reports whether the change gives somebody the role of a co-owner, or gives it back.
func (r *run) makesCoOwner() bool {
	return slices.ContainsFunc(entries(r.job.People), func(e entry) bool {
		m := r.members[e.id]
		if m == nil {
			return false
		}
		after := m.Spec.DeepCopy()
		return r.job.Change.apply(after) && console.MakesCoOwner(&m.Spec, after)
	})
}

// all does the Teams, each with one write, and then as many people as there is time for.
func (r *run) all() error {
	people := entries(r.job.People)
	if !r.job.Teams {
		if err := r.teams(people); err != nil {
			return err
		}
	}
	if !r.job.Change.aboutMembers() {
		r.job.Next = len(people)
		return nil
	}
	most := cmp.Or(r.handler.AtOnce, mostAtOnce)
	for begun := 0; begun < most && r.job.Next < len(people) && r.hasTime(); {
		part := people[r.job.Next:min(r.job.Next+min(workers, most-begun), len(people))]
		outcomes := r.part(part)
		if i := slices.IndexFunc(outcomes, func(o outcome) bool { return o.err != nil }); i >= 0 {
			if begun == 0 {
				return outcomes[i].err
			}
			break // What has been done is shown, and the button goes on with these.
		}
		r.note(outcomes)
		begun += len(part)
	}
	r.tidy()
	return nil
}

// tidy takes people who have been removed out of the Teams that name them, each with one write.
func (r *run) tidy() {
	gone := map[string]bool{}
	for _, o := range r.now {
		if r.job.Change.Action == actionRemove && o.done {
			gone[o.member.Name] = true
		}
	}
	r.stillNamed = r.TakeOut(r.team.Teams, console.MembersOf, func(member string) bool { return gone[member] })
}

// hasTime reports whether more people can be begun with. The deadline is that of the request, in real time.
func (r *run) hasTime() bool {
	deadline, limited := r.R.Context().Deadline()
	return !limited || time.Until(deadline) > reserve
}

// part changes some people at the same time.
func (r *run) part(people []entry) []outcome {
	outcomes := make([]outcome, len(people))
	var all sync.WaitGroup
	for i, e := range people {
		all.Go(func() { outcomes[i] = r.person(e) })
	}
	all.Wait()
	return outcomes
}

func (r *run) note(outcomes []outcome) {
	r.now = append(r.now, outcomes...)
	r.job.Next += len(outcomes)
	for _, o := range outcomes {
		switch {
		case o.done:
			r.job.Done++
		case o.nothing:
			r.job.Nothing++
		default:
			r.job.refuse(o.entry, o.why)
		}
	}
}

// person changes one, as the API server has them now.
func (r *run) person(e entry) outcome {
	o := outcome{entry: e, member: r.members[e.id]}
	if o.member == nil {
		o.nothing, o.why = r.job.Change.Action == actionRemove, r.Words.T("console.gone")
		return o
	}
	for range tries {
		m := &rosterv1alpha1.Member{}
		err := r.Get(o.member.Name, m)
		if err == nil && idOf(m.UID) != e.id {
			err = apierrors.NewNotFound(rosterv1alpha1.GroupVersion.WithResource("members").GroupResource(), m.Name)
		}
		if apierrors.IsNotFound(err) {
			o.nothing, o.why = r.job.Change.Action == actionRemove, r.Words.T("console.gone")
			return o
		}
		if err == nil {
			o.nothing, o.why, err = r.write(m, e)
		}
		if apierrors.IsConflict(err) {
			continue
		}
		if err != nil {
			o.why, o.err = r.refused(err)
		}
		o.done = !o.nothing && o.why == "" && o.err == nil
		return o
	}
	o.why = r.Words.T("console.conflict")
	return o
}

// write changes a Member that has just been read.
func (r *run) write(m *rosterv1alpha1.Member, e entry) (nothing bool, why string, err error) {
	c := r.job.Change
	in := circumstances{Organization: r.Organization, Self: r.Member.Name, Now: r.Now()}
	seen := m.Spec.DeepCopy()
	switch left := c.leftOut(m, in); {
	case left != "":
		return false, left.text(r.Words), nil
	case !c.apply(&m.Spec):
		return true, "", nil
	case uint32(m.Generation) != e.generation && c.overwrites(seen):
		return false, r.Words.T("console.conflict"), nil
	case c.Action == actionRemove:
		return false, "", r.Delete(m)
	}
	return false, "", r.Update(m)
}

// refused is why the API server says no; an error where it cannot be reached.
func (r *run) refused(err error) (string, error) {
	if kept := (*console.KeptError)(nil); errors.As(err, &kept) {
		return r.Words.T("bulk.kept", "Keeper", kept.Keeper), nil
	}
	problems, err := r.Refused(err)
	return r.Sentences(problems), err
}

// teams writes each Team once, whatever the number of people.
func (r *run) teams(people []entry) error {
	var names []string
	for _, e := range people {
		if m := r.members[e.id]; m != nil {
			names = append(names, m.Name)
		}
	}
	c := r.job.Change
	r.job.TeamResults = nil
	for _, name := range slices.Concat(c.Join, c.Leave) {
		result := teamResult{Name: name}
		changed, err := console.UpdateFresh(r.Visit, name, &rosterv1alpha1.Team{}, func(t *rosterv1alpha1.Team) bool {
			members, changed := c.applyTeam(name, t.Spec.Members, names)
			t.Spec.Members = members
			return changed
		})
		if err != nil {
			if result.Why, err = r.refused(err); err != nil {
				return err
			}
		}
		result.Changed = changed && result.Why == ""
		r.job.TeamResults = append(r.job.TeamResults, result)
	}
	r.job.Teams = true
	return nil
}

// resultPage says what has been done, and what is left.
type resultPage struct {
	web.Fields
	Frame console.Frame
	// Total are all people, Behind those who have had their turn, and Left those who have not.
	Total, Behind, Left int
	Summary             []string
	Teams               []resultRow
	Refused             []namesView
	Rows                []resultRow
	// Few: there is room for all rows.
	Few bool
	// Again: some were refused and can be tried again.
	Again       bool
	Action, Job string
	Back        string
}

type resultRow struct {
	Name, Address, Text string
	Bad                 bool
}

func (r *run) show() error {
	w, j, t := r.Words, &r.job, r.team
	total := len(j.People) / entrySize
	page := resultPage{
		Frame: frame(r.Visit), Total: total, Behind: j.Next, Left: total - j.Next, Action: r.To(pathDo), Back: r.To(Path),
	}
	if j.Change.aboutMembers() {
		page.Summary = append(page.Summary, w.N("bulk.result.done", j.Done))
	}
	if j.Nothing > 0 {
		page.Summary = append(page.Summary, w.N("bulk.result.nothing", j.Nothing))
	}
	refused := 0
	for _, f := range j.Refused {
		view := namesView{Text: f.Why}
		for _, e := range entries(f.People) {
			refused++
			if m := r.members[e.id]; m != nil && len(view.Names) < mostShown {
				view.Names = append(view.Names, membership.NameOf(m))
			}
		}
		view.More = len(f.People)/entrySize - len(view.Names)
		page.Refused = append(page.Refused, view)
	}
	if refused > 0 {
		page.Summary = append(page.Summary, w.N("bulk.result.refused", refused))
	}
	if len(r.stillNamed) > 0 {
		page.Summary = append(page.Summary, w.T("bulk.result.stillNamed", "Teams", console.ListedAs(w, r.stillNamed, t.names(w).Team)))
	}
	for _, result := range j.TeamResults {
		page.Teams = append(page.Teams, teamRow(w, t, result))
		page.Again = page.Again || result.Why != ""
	}
	for _, o := range r.now {
		page.Rows = append(page.Rows, personResult(w, o))
	}
	page.Few = len(page.Rows) <= console.PerPage
	page.Again = page.Left == 0 && (page.Again || refused > 0)
	var err error
	if page.Job, err = j.seal(r.Visit); err != nil {
		return err
	}
	return r.Show(http.StatusOK, pageResult, w.T("bulk.result.title", "Org", page.Frame.Org), page)
}

func teamRow(w web.Words, t *team, result teamResult) resultRow {
	row := resultRow{Name: t.names(w).Team(result.Name), Text: result.Why, Bad: result.Why != ""}
	switch {
	case row.Bad:
	case result.Changed:
		row.Text = w.T("bulk.result.row.done")
	default:
		row.Text = w.T("bulk.result.row.nothing")
	}
	return row
}

func personResult(w web.Words, o outcome) resultRow {
	row := resultRow{Name: w.T("bulk.result.gone"), Text: o.why, Bad: !o.done && !o.nothing}
	if o.member != nil {
		row.Name, row.Address = called(o.member)
	}
	switch {
	case o.done:
		row.Text = w.T("bulk.result.row.done")
	case o.nothing:
		row.Text = w.T("bulk.result.row.nothing")
	}
	return row
}
