// SPDX-License-Identifier: Apache-2.0

// Package compare tells what the difference between two states of organisations is to their people. It does no I/O.
package compare

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/access"
	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/cli/declared"
	"github.com/roster-dev/roster/internal/cli/manifests"
	"github.com/roster-dev/roster/internal/rights"
)

// Difference is everything that changes.
type Difference struct {
	Organizations []Organization     `json:"organizations"`
	Findings      []declared.Finding `json:"findings"`
	Assumptions   []string           `json:"assumptions"`
}

// Organization is what changes in one namespace.
type Organization struct {
	Namespace string `json:"namespace"`
	// Before is how many people there were.
	Before int `json:"before"`
	// Owner is there where it changes.
	Owner *Owner `json:"owner,omitempty"`
	// People who are invited, removed or changed.
	People []Person `json:"people"`
}

// Owner is a change of the owner. Empty for nobody.
type Owner struct {
	Before string          `json:"before"`
	After  string          `json:"after"`
	Place  manifests.Place `json:"place"`
}

// Kind of a change.
type Kind string

// The kinds of change. A person may be resumed or suspended with another role at the same time: then that kind is shown.
const (
	Invited   Kind = "invited"
	Removed   Kind = "removed"
	Suspended Kind = "suspended"
	Ended     Kind = "ended"
	Resumed   Kind = "resumed"
	Changed   Kind = "changed"
)

// Person is what changes for somebody.
type Person struct {
	Address string          `json:"address"`
	Name    string          `json:"name,omitempty"`
	Object  rights.Link     `json:"object"`
	Place   manifests.Place `json:"place"`
	Kind    Kind            `json:"kind"`
	// RenamedFrom is the object that was the person's before, if it was another.
	RenamedFrom string `json:"renamedFrom,omitempty"`
	// Pending: they have not accepted their invitation, and hold this once they do.
	Pending bool `json:"pending,omitempty"`
	// Suspended: they are now, and hold nothing until they are resumed.
	Suspended bool `json:"suspended,omitempty"`
	// Ended: their membership is over now, and they hold nothing until it is extended.
	Ended bool `json:"ended,omitempty"`
	// EndBefore and EndAfter are when the membership ends; absent where it does not.
	EndBefore *metav1.Time `json:"endBefore,omitempty"`
	EndAfter  *metav1.Time `json:"endAfter,omitempty"`
	// RoleBefore and RoleAfter are the roles in the organisation; one is empty for somebody who is invited or removed.
	RoleBefore string  `json:"roleBefore,omitempty"`
	RoleAfter  string  `json:"roleAfter,omitempty"`
	Gains      []Right `json:"gains,omitempty"`
	Losses     []Right `json:"losses,omitempty"`
}

// Right is permissions on profiles, or in the organisation where there are none.
type Right struct {
	Permissions []string `json:"permissions"`
	// Profiles, sorted; "*" is those to come.
	Profiles []string `json:"profiles,omitempty"`
	// Every: these are all profiles of the organisation and those to come.
	Every bool     `json:"everyProfile,omitempty"`
	By    []Source `json:"by"`
}

// Source of a right, and where it stands: in the new files for a gain, in the old ones for a loss.
type Source struct {
	Words string          `json:"words"`
	Place manifests.Place `json:"place"`
}

// Changes reports whether anything changes for people.
func (d Difference) Changes() bool {
	return slices.ContainsFunc(d.Organizations, func(o Organization) bool { return o.Owner != nil || len(o.People) > 0 })
}

// All compares two folders.
func All(base, head map[string]*declared.Organization) Difference {
	d := Difference{Organizations: []Organization{}, Findings: []declared.Finding{}}
	names := slices.Sorted(maps.Keys(base))
	for name := range head {
		if base[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		before, after := orEmpty(base[name], name), orEmpty(head[name], name)
		d.Findings = append(d.Findings, after.Findings...)
		o := one(before, after)
		if o.Owner != nil || len(o.People) > 0 {
			d.Organizations = append(d.Organizations, o)
		}
	}
	return d
}

func orEmpty(o *declared.Organization, namespace string) *declared.Organization {
	if o == nil {
		o = &declared.Organization{}
		o.Namespace = namespace
	}
	return o
}

// state is a person in one of the two states.
type state struct {
	*rights.Person
	in *declared.Organization
}

func one(base, head *declared.Organization) Organization {
	before, after := people(base), people(head)
	o := Organization{Namespace: base.Namespace, Before: len(before), People: []Person{}}
	everybody := slices.Collect(maps.Keys(before))
	for a := range after {
		if _, ok := before[a]; !ok {
			everybody = append(everybody, a)
		}
	}
	slices.Sort(everybody)
	profiles := union(base, head)
	for _, a := range everybody {
		if p, changed := person(before[a], after[a], profiles); changed {
			o.People = append(o.People, p)
		}
	}
	if was, is := owner(base), owner(head); was != is {
		o.Owner = &Owner{was, is, head.At(rights.Link{Kind: "Organization"}, "spec", "ownerRef")}
	}
	return o
}

func people(o *declared.Organization) map[address.Address]*state {
	all := map[address.Address]*state{}
	for _, p := range o.People() {
		all[p.Address] = &state{p, o}
	}
	return all
}

// owner is the address of the owner whom the Organization names.
func owner(o *declared.Organization) string {
	org := o.Organization.Organization
	if org == nil || org.Spec.OwnerRef == nil {
		return ""
	}
	for _, m := range o.Members {
		if m.Name == org.Spec.OwnerRef.Name {
			if a, err := address.Parse(m.Spec.Email); err == nil {
				return string(a)
			}
		}
	}
	return "Member " + org.Spec.OwnerRef.Name
}

// union are the profiles of both, and those to come.
func union(base, head *declared.Organization) []string {
	names := map[string]bool{access.AllProfiles: true}
	for _, p := range slices.Concat(base.Profiles, head.Profiles) {
		names[p.Name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// person compares somebody; either may be nil.
func person(before, after *state, profiles []string) (Person, bool) {
	now := after
	if now == nil {
		now = before
	}
	p := Person{Address: string(now.Address), Name: now.Name, Object: now.Object()}
	p.Place, p.Kind = now.in.Place(p.Object), kindOf(before, after)
	if before != nil {
		p.RoleBefore, p.EndBefore = string(before.Holds.Role), before.Ends
	}
	if after != nil {
		p.RoleAfter, p.EndAfter = string(after.Holds.Role), after.Ends
		p.Suspended, p.Ended = after.State == rights.Suspended, after.State == rights.Ended
	}
	if before != nil && after != nil && before.Object() != after.Object() {
		p.RenamedFrom = before.Object().String()
	}
	p.Pending = now.State == rights.Invited && p.Kind != Invited
	p.Gains = difference(after, before, profiles)
	p.Losses = difference(before, after, profiles)
	differs := p.RoleBefore != p.RoleAfter || p.RenamedFrom != "" || !p.EndBefore.Equal(p.EndAfter)
	return p, p.Kind != Changed || differs || len(p.Gains) > 0 || len(p.Losses) > 0
}

// kindOf is what becomes of somebody.
func kindOf(before, after *state) Kind {
	switch {
	case before == nil:
		return Invited
	case after == nil:
		return Removed
	case before.State != after.State && after.State == rights.Ended:
		return Ended
	case before.State != after.State && after.State == rights.Suspended:
		return Suspended
	case before.State != after.State && (before.State == rights.Suspended || before.State == rights.Ended):
		return Resumed
	}
	return Changed
}

// who is the person in a state, if they are there.
func (s *state) who() *rights.Person {
	if s == nil {
		return nil
	}
	return s.Person
}

// difference is what one state has and the other has not.
func difference(more, less *state, profiles []string) []Right {
	var all []Right
	lost := rights.Between(more.who(), less.who())
	if added := texts(lost.Here()); len(added) > 0 {
		all = append(all, Right{Permissions: added, By: []Source{{more.RoleWords(), more.rolePlace()}}})
	}
	// Profiles on which the same is gained from the same sources are told together.
	type group struct {
		set access.Set
		by  string
	}
	var order []group
	groups := map[group]*Right{}
	for _, profile := range profiles {
		set := lost.On(profile)
		if set == 0 {
			continue
		}
		by := sources(more, profile, set)
		key := group{set, words(by)}
		if groups[key] == nil {
			groups[key] = &Right{Permissions: texts(set.Permissions()), By: by}
			order = append(order, key)
		}
		groups[key].Profiles = append(groups[key].Profiles, profile)
		groups[key].Every = len(groups[key].Profiles) == len(profiles)
	}
	for _, key := range order {
		all = append(all, *groups[key])
	}
	return all
}

// rolePlace is where the role in the organisation is written.
func (s *state) rolePlace() manifests.Place {
	if s.Holds.Role == rosterv1alpha1.RoleOwner {
		return s.in.At(rights.Link{Kind: "Organization"}, "spec", "ownerRef")
	}
	return s.in.At(s.Object(), "spec", "role")
}

func texts[T ~string](all []T) []string {
	var found []string
	for _, one := range all {
		found = append(found, string(one))
	}
	return found
}

// sources are those that give any of the permissions.
func sources(s *state, profile string, set access.Set) []Source {
	var found []Source
	for _, g := range s.Grants {
		if (g.Profile == profile || g.Profile == access.AllProfiles) && g.Set&set != 0 {
			found = append(found, Source{g.Words(), s.in.PlaceOf(g)})
		}
	}
	return found
}

func words(by []Source) string {
	var all []string
	for _, s := range by {
		all = append(all, s.Words)
	}
	return strings.Join(all, "; ")
}

// Count is how many people there are of a kind.
func (o Organization) Count(kind Kind) int {
	n := 0
	for _, p := range o.People {
		if p.Kind == kind {
			n++
		}
	}
	return n
}

// Sort puts people who matter most first: invited, removed, suspended, ended, resumed, changed; then by address.
func (o Organization) Sort() {
	order := []Kind{Invited, Removed, Suspended, Ended, Resumed, Changed}
	slices.SortStableFunc(o.People, func(a, b Person) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)), cmp.Compare(a.Address, b.Address))
	})
}
