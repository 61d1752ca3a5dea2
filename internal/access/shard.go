// SPDX-License-Identifier: Apache-2.0

package access

import "slices"

// ShardSize is how many subjects a RoleBinding has at most. The larger, the more is written when one person comes or goes; the smaller, the
// more bindings the API server looks through.
const ShardSize = 400

// Reshard spreads subjects over shards of at most that size: everybody stays where they are, so that only the shards change that
// somebody leaves or joins. The result is sorted; a shard without subjects is empty, and none is left out in between.
func Reshard(shards [][]string, want []string, size int) [][]string {
	missing := make(map[string]bool, len(want))
	for _, subject := range want {
		missing[subject] = true
	}
	var out [][]string
	for _, shard := range shards {
		var stays []string
		for _, subject := range shard {
			if missing[subject] && len(stays) < size {
				delete(missing, subject)
				stays = append(stays, subject)
			}
		}
		out = append(out, stays)
	}
	next := 0
	for _, subject := range want {
		if !missing[subject] {
			continue
		}
		delete(missing, subject)
		for next < len(out) && len(out[next]) >= size {
			next++
		}
		if next == len(out) {
			out = append(out, nil)
		}
		out[next] = append(out[next], subject)
	}
	for i := range out {
		slices.Sort(out[i])
	}
	return out
}
