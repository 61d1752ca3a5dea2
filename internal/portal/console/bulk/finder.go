// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/portal/console"
)

// The parameters by which people, and profiles, are chosen besides those by which they are found.
const (
	paramWho    = "who"
	paramChosen = "chosen"
	paramTick   = "tick"
	whoAll      = "all"
)

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

// choice is who is chosen: those who are ticked, or all whom a query finds.
type choice struct {
	console.Query
	All    bool
	Ticked map[id]bool
}

// readChoice reads who is chosen. Those on other pages stand together in one field, and those on this page are ticked one by one.
func readChoice(v url.Values) choice {
	c := choice{Query: console.ParseQuery(v), All: v.Get(paramWho) == whoAll, Ticked: map[id]bool{}}
	for _, part := range append(slices.Clone(v[paramTick]), v[paramChosen]...) {
		for _, i := range decodeIDs(part) {
			c.Ticked[i] = true
		}
	}
	return c
}

// values say who is chosen, as readChoice reads it.
func (c choice) values() url.Values {
	v := c.Turned(1).Values()
	if c.All {
		v.Set(paramWho, whoAll)
	}
	if chosen := encodeIDs(c.except(nil)); chosen != "" {
		v.Set(paramChosen, chosen)
	}
	return v
}

// except are those who are ticked but for some, in an order that does not change.
func (c choice) except(some map[id]bool) []id {
	var ids []id
	for i := range c.Ticked {
		if !some[i] {
			ids = append(ids, i)
		}
	}
	slices.SortFunc(ids, func(a, b id) int { return slices.Compare(a[:], b[:]) })
	return ids
}

// found are the Members among some people whom the query finds, in its order.
func (c choice) found(t *team, among []console.Person) []*console.Person {
	return slices.DeleteFunc(t.Find(c.Query, among), func(p *console.Person) bool { return p.Member == nil })
}

// people are those who are chosen.
func (c choice) people(t *team) []*rosterv1alpha1.Member {
	if !c.All {
		c.Query = console.Query{}
	}
	var chosen []*rosterv1alpha1.Member
	for _, p := range c.found(t, t.People()) {
		if c.All || c.Ticked[idOf(p.Member.UID)] {
			chosen = append(chosen, p.Member)
		}
	}
	return chosen
}
