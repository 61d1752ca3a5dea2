// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/membership"
	"github.com/roster-dev/roster/internal/portal/organization"
	"github.com/roster-dev/roster/internal/portal/web"
)

// The parameters by which people are found and chosen.
const (
	paramQuery  = "q"
	paramRole   = "role"
	paramState  = "state"
	paramTeam   = "team"
	paramSpace  = "workspace"
	paramOn     = "profile"
	paramPage   = "page"
	paramWho    = "who"
	paramChosen = "chosen"
	paramTick   = "tick"
	whoAll      = "all"
)

// state of somebody, as people are found by it.
type state string

// The states.
const (
	stateActive    state = "active"
	stateInvited   state = "invited"
	stateSuspended state = "suspended"
	stateEnded     state = "ended"
)

func states() []state { return []state{stateActive, stateInvited, stateSuspended, stateEnded} }

func stateOf(o *rosterv1alpha1.Organization, m *rosterv1alpha1.Member, now time.Time) state {
	switch {
	case m.Spec.AccountRef == nil:
		return stateInvited
	case membership.HasEnded(o, m, now):
		return stateEnded
	case membership.IsSuspended(m):
		return stateSuspended
	}
	return stateActive
}

// filter is which people are looked for; what is empty does not matter. It is read from the parameters that the list of people has, so that
// either page can lead to the other.
type filter struct {
	Query, Role, Team, Workspace, Profile string
	State                                 state
}

func readFilter(v url.Values) filter {
	return filter{
		Query: web.Tidy(v.Get(paramQuery)), Role: v.Get(paramRole), Team: v.Get(paramTeam), State: state(v.Get(paramState)),
		Workspace: v.Get(paramSpace), Profile: v.Get(paramOn),
	}
}

// find are the Members that a filter finds, by name.
func (f filter) find(t *team, o *rosterv1alpha1.Organization, now time.Time) []*rosterv1alpha1.Member {
	var inTeam map[string]bool
	for _, of := range t.Teams {
		if of.Name == f.Team {
			inTeam = set(of.Spec.Members)
		}
	}
	words := strings.Fields(strings.ToLower(f.Query))
	var sums *membership.Sums
	if f.Workspace != "" || f.Profile != "" {
		sums = t.Sums()
	}
	var found []*rosterv1alpha1.Member
	for _, m := range t.members {
		if f.stands(m, o, now) && (f.Team == "" || inTeam[m.Name]) && hasAll(m, words) && (sums == nil || f.holds(sums.Of(m))) {
			found = append(found, m)
		}
	}
	sortByName(found)
	return found
}

// stands reports whether somebody is there, in the role and the state that are looked for.
func (f filter) stands(m *rosterv1alpha1.Member, o *rosterv1alpha1.Organization, now time.Time) bool {
	return m.DeletionTimestamp == nil && (f.State == "" || f.State == stateOf(o, m, now)) &&
		(f.Role == "" || f.Role == string(membership.RoleOf(o, m)))
}

// hasAll reports whether the name and the address of somebody have all words.
func hasAll(m *rosterv1alpha1.Member, words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(organization.MemberName(m) + "\n" + m.Spec.Email)
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// holds reports whether somebody who has that works on the profile and in the workspace that is looked for.
func (f filter) holds(e access.Effective) bool {
	return (f.Profile == "" || e.On(f.Profile) != 0) &&
		(f.Workspace == "" || slices.Contains(e.Workspaces, f.Workspace) || slices.Contains(e.Workspaces, access.AllProfiles))
}

func sortByName(members []*rosterv1alpha1.Member) {
	type keyed struct {
		key string
		m   *rosterv1alpha1.Member
	}
	all := make([]keyed, len(members))
	for i, m := range members {
		all[i] = keyed{strings.ToLower(organization.MemberName(m)), m}
	}
	slices.SortFunc(all, func(a, b keyed) int {
		return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.m.Name, b.m.Name))
	})
	for i := range all {
		members[i] = all[i].m
	}
}

// idSize is how many bytes tell people apart: among 10,000 of them, two are taken for each other once in millions of organisations.
const idSize = 6

// id stands for somebody in an address or a form, where 10,000 of them have to find room. Who comes back under the same name is another.
type id [idSize]byte

func idOf(uid types.UID) id {
	sum := sha256.Sum256([]byte(uid))
	return id(sum[:idSize])
}

// String writes an id as it stands in addresses and forms.
func (i id) String() string { return base64.RawURLEncoding.EncodeToString(i[:]) }

// encodeIDs writes many.
func encodeIDs(ids []id) string {
	all := make([]byte, 0, len(ids)*idSize)
	for _, i := range ids {
		all = append(all, i[:]...)
	}
	return base64.RawURLEncoding.EncodeToString(all)
}

// decodeIDs reads what encodeIDs writes. What cannot be read is nobody.
func decodeIDs(text string) []id {
	all, _ := base64.RawURLEncoding.DecodeString(text)
	var ids []id
	for len(all) >= idSize {
		ids, all = append(ids, id(all[:idSize])), all[idSize:]
	}
	return ids
}

// choice is who is chosen: those who are ticked, or all whom a filter finds.
type choice struct {
	filter
	All    bool
	Ticked map[id]bool
}

// readChoice reads who is chosen. Those on other pages stand together in one field, and those on this page are ticked one by one.
func readChoice(v url.Values) choice {
	c := choice{filter: readFilter(v), All: v.Get(paramWho) == whoAll, Ticked: map[id]bool{}}
	for _, part := range append(slices.Clone(v[paramTick]), v[paramChosen]...) {
		for _, i := range decodeIDs(part) {
			c.Ticked[i] = true
		}
	}
	return c
}

// query says who is chosen, as readChoice reads it.
func (c choice) query() url.Values {
	v := url.Values{}
	put := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	put(paramQuery, c.Query)
	put(paramRole, c.Role)
	put(paramState, string(c.State))
	put(paramTeam, c.Team)
	put(paramSpace, c.Workspace)
	put(paramOn, c.Profile)
	if c.All {
		v.Set(paramWho, whoAll)
	}
	put(paramChosen, encodeIDs(c.sorted(nil)))
	return v
}

// sorted are those who are ticked but for some, in an order that does not change.
func (c choice) sorted(except map[id]bool) []id {
	var ids []id
	for i := range c.Ticked {
		if !except[i] {
			ids = append(ids, i)
		}
	}
	slices.SortFunc(ids, func(a, b id) int { return slices.Compare(a[:], b[:]) })
	return ids
}

// people are those who are chosen, by name.
func (c choice) people(t *team, o *rosterv1alpha1.Organization, now time.Time) []*rosterv1alpha1.Member {
	if c.All {
		return c.find(t, o, now)
	}
	var found []*rosterv1alpha1.Member
	for _, m := range t.members {
		if m.DeletionTimestamp == nil && c.Ticked[idOf(m.UID)] {
			found = append(found, m)
		}
	}
	sortByName(found)
	return found
}
