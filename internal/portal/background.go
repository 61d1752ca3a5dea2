// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"sync"
	"time"
)

const (
	// maxBackground is how much is done in the background at once. What is beyond that is not done: whoever asked can ask again.
	maxBackground = 64
	// backgroundFor is how long one of them may take.
	backgroundFor = 10 * time.Second
)

// background does what an answer must not wait for, because the time that it takes would tell something.
type background struct {
	places chan struct{}
	all    sync.WaitGroup
}

func newBackground() *background { return &background{places: make(chan struct{}, maxBackground)} }

// start does something after the request has been answered. It returns false if there is too much to do already.
func (b *background) start(ctx context.Context, do func(context.Context)) bool {
	select {
	case b.places <- struct{}{}:
	default:
		return false
	}
	b.all.Go(func() {
		defer func() { <-b.places }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backgroundFor)
		defer cancel()
		do(ctx)
	})
	return true
}

// wait returns when all is done.
func (b *background) wait() { b.all.Wait() }
