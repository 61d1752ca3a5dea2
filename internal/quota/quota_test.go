// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

var begin = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// at is a place so many seconds after the beginning.
func at(seconds int, uid string) rosterv1alpha1.Place {
	return rosterv1alpha1.Place{Time: metav1.NewTime(begin.Add(time.Duration(seconds) * time.Second)), UID: uid}
}

func TestPlacesAreGivenInTheOrderOfTheQueue(t *testing.T) {
	ana, ben, cleo := Claim{Place: at(1, "a"), Who: "ana"}, Claim{Place: at(2, "b"), Who: "ben"}, Claim{Place: at(3, "c"), Who: "cleo"}
	owner := Claim{Place: at(9, "o"), Who: "olivia", First: true}
	for name, c := range map[string]struct {
		claims []Claim
		limit  int32
		placed string
		wanted int32
	}{
		"nobody":                      {nil, 2, "", 0},
		"fewer than there are places": {[]Claim{ben, ana}, 3, "a b", 2},
		"as many":                     {[]Claim{cleo, ana, ben}, 3, "a b c", 3},
		"more":                        {[]Claim{cleo, ana, ben}, 2, "a b", 3},
		"no place at all":             {[]Claim{ana}, 0, "", 1},
		"the owner comes first":       {[]Claim{ana, ben, owner}, 2, "a", 3},
		"the owner alone fits":        {[]Claim{ana, owner}, 1, "", 2},
		"a person counts once":        {[]Claim{ana, {Place: at(5, "again"), Who: "ana"}, ben}, 2, "a b", 2},
		"strangers count each":        {[]Claim{{Place: at(1, "x")}, {Place: at(2, "y")}}, 1, "x", 2},
		"the UID decides in a second": {[]Claim{{Place: at(1, "y")}, {Place: at(1, "x")}}, 1, "x", 2},
	} {
		t.Run(name, func(t *testing.T) {
			u := Count(c.claims, c.limit)
			var placed string
			claims := slices.Clone(c.claims)
			slices.SortFunc(claims, func(a, b Claim) int { return Compare(a.Place, b.Place) })
			for _, claim := range once(claims) {
				if !claim.First && Ask(u, claim.Place) == Placed {
					placed += " " + claim.Place.UID
				}
			}
			if len(placed) > 0 {
				placed = placed[1:]
			}
			if placed != c.placed || *u.Wanted != c.wanted || *u.Limit != c.limit {
				t.Errorf("placed %q, wanted %d of %d", placed, *u.Wanted, *u.Limit)
			}
		})
	}
}

func TestAsk(t *testing.T) {
	two, one := int32(2), int32(1)
	for name, c := range map[string]struct {
		usage rosterv1alpha1.Usage
		place rosterv1alpha1.Place
		want  Answer
	}{
		"no limit":                        {rosterv1alpha1.Usage{}, at(9, "z"), Placed},
		"up to the mark":                  {rosterv1alpha1.Usage{Limit: &two, Wanted: &two, Last: at(5, "m")}, at(5, "m"), Placed},
		"behind it, and there are more":   {rosterv1alpha1.Usage{Limit: &two, Wanted: &one, Last: at(5, "m")}, at(6, "n"), Uncounted},
		"behind it, and all are taken":    {rosterv1alpha1.Usage{Limit: &two, Wanted: &two, Last: at(5, "m")}, at(6, "n"), Full},
		"within the second, a larger UID": {rosterv1alpha1.Usage{Limit: &two, Wanted: &two, Last: at(5, "m")}, at(5, "n"), Full},
		"nobody has been counted so far":  {rosterv1alpha1.Usage{Limit: &two}, at(1, "a"), Uncounted},
		"a fraction of a second is no lead": {rosterv1alpha1.Usage{Limit: &two, Wanted: &two, Last: at(5, "m")},
			rosterv1alpha1.Place{Time: metav1.NewTime(begin.Add(5*time.Second + time.Millisecond)), UID: "a"}, Placed},
	} {
		if got := Ask(c.usage, c.place); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Whatever the claims are: as many have a place as there are, nobody who came later has one before somebody who came earlier, and somebody
// who leaves lets the next in and nobody out.
func TestNobodyOvertakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "claims")
		limit := rapid.Int32Range(0, 12).Draw(t, "limit")
		claims := make([]Claim, n)
		for i := range claims {
			claims[i] = Claim{Place: at(rapid.IntRange(0, 5).Draw(t, "second"), fmt.Sprintf("uid-%02d", i)), Who: fmt.Sprint(i)}
		}
		placed := func(claims []Claim) []string {
			u := Count(claims, limit)
			var in []string
			for _, c := range claims {
				if Ask(u, c.Place) == Placed {
					in = append(in, c.Who)
				}
			}
			return in
		}
		before := placed(claims)
		if len(before) != min(n, int(limit)) {
			t.Fatalf("%d of %d have one of %d places", len(before), n, limit)
		}
		for _, a := range claims {
			for _, b := range claims {
				if Compare(a.Place, b.Place) < 0 && slices.Contains(before, b.Who) && !slices.Contains(before, a.Who) {
					t.Fatalf("%s has a place before %s", b.Who, a.Who)
				}
			}
		}
		if n == 0 {
			return
		}
		leaves := rapid.IntRange(0, n-1).Draw(t, "who leaves")
		after := placed(slices.Delete(slices.Clone(claims), leaves, leaves+1))
		for _, who := range before {
			if who != claims[leaves].Who && !slices.Contains(after, who) {
				t.Fatalf("%s lost the place when another left", who)
			}
		}
	})
}

func TestAMemberKeepsThePlaceOfTheInvitation(t *testing.T) {
	inv := &rosterv1alpha1.Invitation{ObjectMeta: metav1.ObjectMeta{UID: "inv", CreationTimestamp: metav1.NewTime(begin)}}
	m := &rosterv1alpha1.Member{ObjectMeta: metav1.ObjectMeta{
		UID: types.UID("member"), CreationTimestamp: metav1.NewTime(begin.Add(time.Hour)),
		Annotations: map[string]string{rosterv1alpha1.PlaceAnnotation: Annotation(PlaceOfInvitation(inv))},
	}}
	if Compare(PlaceOfMember(m), PlaceOfInvitation(inv)) != 0 {
		t.Errorf("got %v", PlaceOfMember(m))
	}
	opened := metav1.NewTime(begin.Add(time.Minute))
	inv.Status.OpenTime = &opened
	if since := PlaceOfInvitation(inv).Time; !since.Equal(&opened) {
		t.Error("an invitation that was opened again stands at the end")
	}
	for _, nonsense := range []string{"", "yesterday/uid", begin.Format(time.RFC3339), begin.Format(time.RFC3339) + "/"} {
		m.Annotations[rosterv1alpha1.PlaceAnnotation] = nonsense
		if PlaceOfMember(m).UID != "member" {
			t.Errorf("%q counts", nonsense)
		}
	}
}

func TestLeft(t *testing.T) {
	five, three, seven := int32(5), int32(3), int32(7)
	for name, c := range map[string]struct {
		usage   rosterv1alpha1.Usage
		left    int32
		limited bool
	}{
		"no limit":    {},
		"not counted": {usage: rosterv1alpha1.Usage{Limit: &five}},
		"some":        {usage: rosterv1alpha1.Usage{Limit: &five, Wanted: &three}, left: 2, limited: true},
		"full":        {usage: rosterv1alpha1.Usage{Limit: &five, Wanted: &five}, limited: true},
		"over":        {usage: rosterv1alpha1.Usage{Limit: &five, Wanted: &seven}, limited: true},
	} {
		if left, limited := Left(c.usage); left != c.left || limited != c.limited {
			t.Errorf("%s: %d, %v", name, left, limited)
		}
	}
}
