// SPDX-License-Identifier: Apache-2.0

// Package quota decides who has one of a limited number of places: seats for people, places for social profiles. The Organization
// publishes the place of the last that has one, and everybody compares their own with it, so that nobody counts the others. It does no I/O.
package quota

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Answer reports whether something has one of the places.
type Answer string

// The answers.
const (
	// Placed: it has one, or places are not limited.
	Placed Answer = "Placed"
	// Uncounted: there are free places, but it has not been counted yet; the Organization does that in a moment.
	Uncounted Answer = "Uncounted"
	// Full: all places are taken.
	Full Answer = "Full"
)

// PlaceOf is the place of an object: since its creation.
func PlaceOf(o metav1.Object) rosterv1alpha1.Place {
	return rosterv1alpha1.Place{Time: o.GetCreationTimestamp(), UID: string(o.GetUID())}
}

// PlaceOfMember is since the creation of a Member, or where the Invitation stood that the Member came by. Only the operator can write the
// annotation that says so: a policy sees to that.
func PlaceOfMember(m *rosterv1alpha1.Member) rosterv1alpha1.Place {
	if since, uid, ok := strings.Cut(m.Annotations[rosterv1alpha1.PlaceAnnotation], "/"); ok {
		if t, err := time.Parse(time.RFC3339, since); err == nil && uid != "" && len(uid) <= 36 {
			return rosterv1alpha1.Place{Time: metav1.NewTime(t), UID: uid}
		}
	}
	return PlaceOf(m)
}

// PlaceOfInvitation is since when an Invitation has been open without a break.
func PlaceOfInvitation(inv *rosterv1alpha1.Invitation) rosterv1alpha1.Place {
	since := inv.CreationTimestamp
	if t := inv.Status.OpenTime; t != nil {
		since = *t
	}
	return rosterv1alpha1.Place{Time: since, UID: string(inv.UID)}
}

// Annotation writes a place down as PlaceOfMember reads it.
func Annotation(p rosterv1alpha1.Place) string {
	return p.Time.UTC().Format(time.RFC3339) + "/" + p.UID
}

// Compare orders places: the older first, then by UID. Times count in seconds, as the API stores them.
func Compare(a, b rosterv1alpha1.Place) int {
	if c := a.Time.Truncate(time.Second).Compare(b.Time.Truncate(time.Second)); c != 0 {
		return c
	}
	return strings.Compare(a.UID, b.UID)
}

// Ask reports whether a place is within what has been counted.
func Ask(u rosterv1alpha1.Usage, p rosterv1alpha1.Place) Answer {
	switch {
	case u.Limit == nil, u.Last.UID != "" && Compare(p, u.Last) <= 0:
		return Placed
	case u.Wanted == nil, *u.Wanted < *u.Limit:
		return Uncounted
	}
	return Full
}

// Left is how many more have a place, as far as they were counted; limited is false where there is no limit, or nobody has counted.
func Left(u rosterv1alpha1.Usage) (left int32, limited bool) {
	if u.Limit == nil || u.Wanted == nil {
		return 0, false
	}
	return max(*u.Limit-*u.Wanted, 0), true
}

// Between reports whether what Ask answers about a place may differ between two counts.
func Between(a, b rosterv1alpha1.Usage, p rosterv1alpha1.Place) bool { return Ask(a, p) != Ask(b, p) }

// Claim is one that wants a place.
type Claim struct {
	Place rosterv1alpha1.Place
	// Who it is for: of several claims of the same, the oldest counts. Empty for one that stands for itself.
	Who string
	// First has a place before all others.
	First bool
}

// Count gives out the places.
func Count(claims []Claim, limit int32) rosterv1alpha1.Usage {
	claims = slices.Clone(claims)
	slices.SortFunc(claims, func(a, b Claim) int { return Compare(a.Place, b.Place) })
	claims = once(claims)
	wanted := int32(len(claims))
	u := rosterv1alpha1.Usage{Limit: &limit, Wanted: &wanted}
	if len(claims) <= int(limit) {
		if len(claims) > 0 {
			u.Last = claims[len(claims)-1].Place
		}
		return u
	}
	left := int(limit)
	if slices.ContainsFunc(claims, func(c Claim) bool { return c.First }) {
		left--
	}
	for _, c := range claims {
		switch {
		case c.First: // has its place whatever the mark says
		case left > 0:
			u.Last = c.Place
			left--
		}
	}
	return u
}

// once keeps the oldest claim of each person.
func once(sorted []Claim) []Claim {
	at := map[string]int{}
	var out []Claim
	for _, c := range sorted {
		if i, ok := at[c.Who]; ok && c.Who != "" {
			out[i].First = out[i].First || c.First
			continue
		}
		at[c.Who] = len(out)
		out = append(out, c)
	}
	return out
}
