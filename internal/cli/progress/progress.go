// SPDX-License-Identifier: Apache-2.0

// Package progress carries work out several at a time, and shows on a terminal how far it is.
package progress

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// few are done before anybody wonders.
const few = 50

// workers is how many requests are under way at once.
const workers = 8

// Each calls do for each number below n. Work that has begun is finished when ctx ends, and no other is begun. On a terminal, it shows how
// many are done.
func Each(ctx context.Context, out io.Writer, terminal bool, what string, n int, do func(ctx context.Context, i int)) error {
	var group errgroup.Group
	group.SetLimit(workers)
	var mu sync.Mutex
	terminal = terminal && n > few
	done := 0
	undisturbed := context.WithoutCancel(ctx)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			do(undisturbed, i)
			mu.Lock()
			defer mu.Unlock()
			if done++; terminal && (done%25 == 0 || done == n) {
				const width = 30
				fill := done * width / n
				fmt.Fprintf(out, "\r%s [%-*s] %d of %d", what, width, strings.Repeat("#", fill), done, n)
			}
			return nil
		})
	}
	_ = group.Wait() // The work has no errors of its own.
	if terminal && done > 0 {
		fmt.Fprintln(out)
	}
	return ctx.Err()
}
