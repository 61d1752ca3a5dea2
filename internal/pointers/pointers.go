// SPDX-License-Identifier: Apache-2.0

// Package pointers gives the items of lists by pointer, as the rules take them.
package pointers

// To the items of a list, which are not copied.
func To[T any](items []T) []*T {
	all := make([]*T, len(items))
	for i := range items {
		all[i] = &items[i]
	}
	return all
}
