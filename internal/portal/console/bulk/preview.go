// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"encoding/binary"
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/console"
	"github.com/roster-dev/roster/internal/portal/web"
)

// mostShown is how many people the preview shows one by one, and how many names stand in a list.
const mostShown = 100

// previewPage says what a change does before it is done.
type previewPage struct {
	web.Fields
	Frame                     console.Frame
	Heading, Text             string
	Changing, Unchanged, Left int
	Consequences              []string
	Rows                      []changeRow
	More                      int
	LeftOut                   []namesView
	// Job is what is done when the button is pressed: exactly what is shown here, to exactly these people.
	Action, Job, Submit string
	Back                string
	// Serious: something is taken away.
	Serious bool
}

// changeRow is what a change does to one person.
type changeRow struct {
	Name, Address string
	What          []string
}

// namesView are people with what the page says of all of them.
type namesView struct {
	Text  string
	Names []string
	More  int
}

// postPreview answers POST /organizations/{namespace}/team/change/preview. It changes nothing.
func (h *Handler) postPreview(v *console.Visit) error {
	people, err := url.ParseQuery(v.R.PostForm.Get(fieldPeople))
	if err != nil {
		return v.BadRequest()
	}
	t, err := h.load(v)
	if err != nil {
		return err
	}
	m, err := menuOf(v, t)
	if err != nil {
		return err
	}
	c := readChoice(people)
	change, problems := m.parse(v.Words, v.R.PostForm, v.Now())
	chosen := c.people(t)
	if len(problems) > 0 || len(chosen) == 0 {
		return h.whatForm(v, c, v.R.PostForm, problems)
	}
	in, err := h.circumstances(v, change)
	if err != nil {
		return err
	}
	return h.preview(v, t, change.plan(t.Snapshot, t.Members, chosen, in), c)
}

// circumstances asks the API server which Members are kept in Git: the cache does not know.
func (h *Handler) circumstances(v *console.Visit, c change) (circumstances, error) {
	in := circumstances{Organization: v.Organization, Self: v.Member.Name, Now: v.Now(), Kept: map[string]string{}}
	if !c.aboutMembers() {
		return in, nil
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(rosterv1alpha1.GroupVersion.WithKind("MemberList"))
	if err := v.API.List(v.R.Context(), list, client.InNamespace(v.Namespace())); err != nil {
		return in, err
	}
	for i := range list.Items {
		if keeper := console.Keeper(&list.Items[i]); keeper != "" {
			in.Kept[list.Items[i].Name] = keeper
		}
	}
	return in, nil
}

func (h *Handler) preview(v *console.Visit, t *team, p plan, c choice) error {
	w, n, text := v.Words, t.names(v.Words), "bulk.preview."+string(p.Change.Action)
	page := previewPage{
		Frame: frame(v), Heading: w.N(text, len(p.People)), Text: w.T(text + ".text"),
		Changing: len(p.People), Unchanged: p.Unchanged, Consequences: tell(n, p.consequences), Action: v.To(pathDo),
		Submit: w.N(text+".submit", len(p.People)), Serious: p.Change.Action == actionRemove || p.Change.Action == actionSuspend,
		Back: v.PathWith("/organizations/"+v.Namespace()+pathWhat, c.values()),
	}
	teams := membersByTeam(t.Teams)
	for _, one := range p.People[:min(len(p.People), mostShown)] {
		name, address := called(one.before)
		page.Rows = append(page.Rows, changeRow{Name: name, Address: address, What: describe(n, p.Change.difference(one, teams))})
	}
	page.More = len(p.People) - len(page.Rows)
	for _, why := range []reason{leftOwner, leftSelf, leftPending, leftSuspended, leftGit, leftFull} {
		if left := p.Left[why]; len(left) > 0 {
			page.Left += len(left)
			page.LeftOut = append(page.LeftOut, names(why.text(w), left))
		}
	}
	var err error
	if page.Job, err = newJob(v, p).seal(v); err != nil {
		return err
	}
	return v.Form(pagePreview, w.T("bulk.preview.title", "Org", page.Frame.Org), nil, page)
}

// names are those of some people, as many as fit.
func names(text string, members []*rosterv1alpha1.Member) namesView {
	view := namesView{Text: text}
	for _, m := range members[:min(len(members), mostShown)] {
		view.Names = append(view.Names, membership.NameOf(m))
	}
	view.More = len(members) - len(view.Names)
	return view
}

// job is what to do and how far that has come. It travels in the form, sealed, so that nothing has to be stored. Going
// back or reloading does a part again, which changes nothing twice.
type job struct {
	// User and Namespace that it is for.
	User, Namespace string
	Change          change
	// People are those to change, each by an id and the generation that the preview showed, and Next is the first who is still to be changed.
	People []byte
	Next   int
	// Teams: the Teams have been written.
	Teams bool
	// Done and Nothing are how many have been changed, and how many needed nothing.
	Done, Nothing int
	// Refused are those who were refused, by why.
	Refused []refusal `json:",omitempty"`
	// TeamResults are what became of each Team.
	TeamResults []teamResult `json:",omitempty"`
}

// refusal is why some people were refused.
type refusal struct {
	Why string
	// People, as in the job.
	People []byte
}

// teamResult is what became of a Team.
type teamResult struct {
	Name, Why string
	Changed   bool
}

const (
	jobUse = "roster.dev portal bulk v1"
	// entrySize is that of one person in a job.
	entrySize = idSize + 4
)

func newJob(v *console.Visit, p plan) job {
	j := job{User: v.User(), Namespace: v.Namespace(), Change: p.Change, Teams: !p.Change.aboutTeams()}
	for _, one := range p.People {
		j.People = entry{idOf(one.before.UID), uint32(one.before.Generation)}.append(j.People)
	}
	return j
}

// entry is a person in a job.
type entry struct {
	id         id
	generation uint32
}

func entries(all []byte) []entry {
	var found []entry
	for ; len(all) >= entrySize; all = all[entrySize:] {
		found = append(found, entry{id(all[:idSize]), binary.BigEndian.Uint32(all[idSize:entrySize])})
	}
	return found
}

func (e entry) append(all []byte) []byte {
	return binary.BigEndian.AppendUint32(append(all, e.id[:]...), e.generation)
}

func (j job) seal(v *console.Visit) (string, error) { return v.Seal(jobUse, j) }

// openJob reads the job of the form; false if it is not one of this person in this organisation.
func openJob(v *console.Visit, sealed string) (job, bool, error) {
	var j job
	ok, err := v.Open(jobUse, sealed, &j)
	return j, ok && j.User == v.User() && j.Namespace == v.Namespace(), err
}

// refuse notes that somebody was refused. Sentences that differ for everybody are not all kept.
func (j *job) refuse(e entry, why string) {
	const mostReasons = 100
	i := slices.IndexFunc(j.Refused, func(r refusal) bool { return r.Why == why })
	if i < 0 && len(j.Refused) >= mostReasons {
		i, j.Refused[mostReasons-1].Why = mostReasons-1, strings.TrimSuffix(j.Refused[mostReasons-1].Why, " …")+" …"
	}
	if i < 0 {
		j.Refused = append(j.Refused, refusal{Why: why})
		i = len(j.Refused) - 1
	}
	j.Refused[i].People = e.append(j.Refused[i].People)
}
