// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
)

func TestEach(t *testing.T) {
	for name, c := range map[string]struct {
		terminal bool
		n        int
		ends     string
	}{
		"nothing":       {true, 0, ""},
		"few":           {true, few, ""},
		"many":          {true, 1001, "\rAdding [##############################] 1001 of 1001\n"},
		"many to a log": {false, 1001, ""},
	} {
		var out bytes.Buffer
		var done atomic.Int32
		err := Each(t.Context(), &out, c.terminal, "Adding", c.n, func(context.Context, int) { done.Add(1) })
		if err != nil || int(done.Load()) != c.n || !strings.HasSuffix(out.String(), c.ends) || c.ends == "" && out.Len() > 0 {
			t.Errorf("%s: %d done, %v, %q", name, done.Load(), err, out.String())
		}
	}
}

// TestInterrupted: what has begun is finished, and nothing else is begun.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var begun, ended atomic.Int32
	err := Each(ctx, &bytes.Buffer{}, false, "Adding", 1000, func(ctx context.Context, _ int) {
		begun.Add(1)
		cancel()
		if ctx.Err() == nil {
			ended.Add(1)
		}
	})
	if !errors.Is(err, context.Canceled) || begun.Load() != ended.Load() || begun.Load() > 2*workers {
		t.Errorf("%v: %d begun, %d ended", err, begun.Load(), ended.Load())
	}
}
