// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"sync"
	"time"
)

const (
	// maxBackground is how much is done in the background at once. What is beyond that is not done: the person can ask again.
	maxBackground = 64
	// BackgroundFor is how long one of them may take.
	BackgroundFor = 10 * time.Second
)

// Background does what an answer must not wait for, because the time that it takes would tell something.
type Background struct {
	places chan struct{}
	all    sync.WaitGroup
}

// NewBackground makes a Background with nothing to do.
func NewBackground() *Background { return &Background{places: make(chan struct{}, maxBackground)} }

// Start does something after the request has been answered. It returns false if there is too much to do already.
func (b *Background) Start(ctx context.Context, do func(context.Context)) bool {
	select {
	case b.places <- struct{}{}:
	default:
		return false
	}
	b.all.Go(func() {
		defer func() { <-b.places }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), BackgroundFor)
		defer cancel()
		do(ctx)
	})
	return true
}

// Wait returns when all is done.
func (b *Background) Wait() { b.all.Wait() }
