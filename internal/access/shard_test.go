// SPDX-License-Identifier: Apache-2.0

package access

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestReshard: everybody is in one shard, none is too large, and one who comes or goes changes one shard.
func TestReshard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 3
		people := rapid.SliceOfDistinct(rapid.StringMatching("[a-m]"), rapid.ID)
		var shards [][]string
		for range rapid.IntRange(1, 8).Draw(t, "times") {
			want := people.Draw(t, "want")
			before := shards
			shards = Reshard(shards, want, size)
			var all []string
			for i, shard := range shards {
				if len(shard) > size || !slices.IsSorted(shard) {
					t.Fatalf("shard %d is %v", i, shard)
				}
				all = append(all, shard...)
			}
			slices.Sort(all)
			slices.Sort(want)
			if !slices.Equal(all, want) {
				t.Fatalf("%v are bound, want %v", all, want)
			}
			expectToStay(t, before, shards, want)
		}
		joined := Reshard(shards, append(slices.Concat(shards...), "z"), size)
		if n := changedShards(shards, joined); n != 1 {
			t.Fatalf("one who joins changes %d shards: %v, then %v", n, shards, joined)
		}
	})
}

func expectToStay(t *rapid.T, before, after [][]string, want []string) {
	for i, shard := range before {
		for _, subject := range shard {
			if slices.Contains(want, subject) && !slices.Contains(after[i], subject) {
				t.Fatalf("%s moved from %v to %v", subject, before, after)
			}
		}
	}
}

func changedShards(before, after [][]string) int {
	n := 0
	for i := range after {
		if i >= len(before) || strings.Join(before[i], " ") != strings.Join(after[i], " ") {
			n++
		}
	}
	return n
}

// TestReshardMends what somebody else wrote into the bindings: a shard that is too large, and subjects that are there twice.
func TestReshardMends(t *testing.T) {
	got := Reshard([][]string{{"d", "b", "a", "c"}, {"a", "x"}}, []string{"a", "b", "c", "d"}, 3)
	if want := [][]string{{"a", "b", "d"}, {"c"}}; !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}
