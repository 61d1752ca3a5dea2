// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func mustHasher(t testing.TB, o HasherOptions) *Hasher {
	t.Helper()
	if o.Params == (Params{}) {
		o.Params = cheap()
	}
	h, err := NewHasher(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHashAndVerify(t *testing.T) {
	h, ctx := mustHasher(t, HasherOptions{}), context.Background()
	one, err := h.Hash(ctx, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	two, err := h.Hash(ctx, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if one == two {
		t.Error("two hashes of one password are equal: the salt is not random")
	}
	if strings.Contains(one, "horse") {
		t.Errorf("the hash shows the password: %s", one)
	}
	for password, want := range map[string]bool{
		"correct horse": true, "Correct horse": false, "correct horse ": false, "": false, "correct horse\x00": false,
	} {
		match, err := h.Verify(ctx, password, one)
		if err != nil || match.OK != want || match.Outdated {
			t.Errorf("Verify(%q) = %+v, %v, want OK %v", password, match, err, want)
		}
	}
}

func TestPasswordDoesNotDependOnKeyboard(t *testing.T) {
	h, ctx := mustHasher(t, HasherOptions{}), context.Background()
	hash, err := h.Hash(ctx, "Cr\u00e8me br\u00fbl\u00e9e") // composed
	if err != nil {
		t.Fatal(err)
	}
	match, err := h.Verify(ctx, "Cre\u0300me bru\u0302le\u0301e", hash) // decomposed
	if err != nil || !match.OK {
		t.Errorf("the decomposed form does not match: %+v, %v", match, err)
	}
}

func TestVerifySaysWhenTheCostHasChanged(t *testing.T) {
	ctx := context.Background()
	older := mustHasher(t, HasherOptions{Params: Params{Memory: 32, Time: 1, Threads: 1}})
	hash, err := older.Hash(ctx, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	match, err := mustHasher(t, HasherOptions{}).Verify(ctx, "correct horse", hash)
	if err != nil || !match.OK || !match.Outdated {
		t.Errorf("Verify = %+v, %v, want OK and outdated", match, err)
	}
}

func TestOverlongPasswordIsRefusedBeforeHashing(t *testing.T) {
	h, ctx := mustHasher(t, HasherOptions{}), context.Background()
	long := strings.Repeat("x", MaxPasswordBytes)
	hash, err := h.Hash(ctx, long)
	if err != nil {
		t.Fatalf("%d bytes: %v", len(long), err)
	}
	for name, password := range map[string]string{"too long": long + "x", "not UTF-8": "correct\xff horse"} {
		if _, err := h.Hash(ctx, password); !errors.Is(err, ErrPassword) {
			t.Errorf("%s: Hash: %v, want ErrPassword", name, err)
		}
		if match, err := h.Verify(ctx, password, hash); err != nil || match.OK {
			t.Errorf("%s: Verify = %+v, %v, want no match", name, match, err)
		}
	}
	if _, err := h.Verify(ctx, long, "{SHA}xxx"); err == nil {
		t.Error("a hash in another format was taken")
	}
}

func TestHasherKeepsToItsBound(t *testing.T) {
	h := mustHasher(t, HasherOptions{Concurrency: 2})
	release1, err := h.acquire(context.Background(), cheap())
	if err != nil {
		t.Fatal(err)
	}
	release2, err := h.acquire(context.Background(), cheap())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := h.Hash(ctx, "correct horse")
		done <- err
	}()
	if h.line.free > 0 {
		t.Error("there is memory left for a third hash")
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who gives up gets %v, want the context's error", err)
	}
	release1()
	if _, err := h.Hash(context.Background(), "correct horse"); err != nil {
		t.Errorf("after a release: %v", err)
	}
	release2()
	if h.line.free != h.line.all || h.line.waiting != 0 || len(h.line.queues)+len(h.line.order) != 0 {
		t.Errorf("not all came back: %+v", h.line)
	}
}

func TestHashOfHigherCostWaitsUntilItIsAlone(t *testing.T) {
	h := mustHasher(t, HasherOptions{Concurrency: 2})
	release, err := h.acquire(context.Background(), Params{Memory: maxMemory, Time: 1, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if h.line.free > 0 {
		t.Error("another hash may run beside one that needs more than there is")
	}
	release()
}

// TestConcurrency: hashes, what they leave behind and the rest of the process fit into the memory that there is.
func TestConcurrency(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		memory int64
		cores  int
		want   int
	}{
		{0, 16, 16}, {512 * mib, 16, 6}, {512 * mib, 2, 2}, {512 * mib, 128, 6}, {64 * mib, 16, 1}, {mib, 16, 1}, {4096 * mib, 16, 16}, {0, 0, 1},
	} {
		if got := Concurrency(DefaultParams(), c.memory, c.cores); got != c.want {
			t.Errorf("%d MiB, %d cores: %d, want %d", c.memory/mib, c.cores, got, c.want)
		}
	}
}

// TestTurns: somebody who asks for thirty hashes does not hold up somebody who asks for one.
func TestTurns(t *testing.T) {
	l, ctx := newLine(1, 40), context.Background()
	if err := l.acquire(ctx, 1); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	ask := func(requester string, queued int) {
		go func() {
			if err := l.acquire(As(ctx, requester), 1); err != nil {
				got <- err.Error()
				return
			}
			got <- requester
		}()
		for { // until it stands in line
			l.mu.Lock()
			n := l.waiting
			l.mu.Unlock()
			if n == queued {
				return
			}
			runtime.Gosched()
		}
	}
	for i := range 30 {
		ask("flood", i+1)
	}
	ask("ana", 31)
	ask("ben", 32)
	var order []string
	for range 32 {
		l.release(1)
		order = append(order, <-got)
	}
	if !slices.Equal(order[:4], []string{"flood", "ana", "ben", "flood"}) {
		t.Errorf("the first four were %v", order[:4])
	}
	l.release(1)
	if l.free != 1 || l.waiting != 0 {
		t.Errorf("left: %+v", l)
	}
}

func TestTooManyWait(t *testing.T) {
	h := mustHasher(t, HasherOptions{Concurrency: 1, Queue: 1})
	release, err := h.acquire(context.Background(), cheap())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	second := make(chan error)
	go func() {
		_, err := h.Hash(ctx, "correct horse")
		second <- err
	}()
	for {
		h.line.mu.Lock()
		n := h.line.waiting
		h.line.mu.Unlock()
		if n == 1 {
			break
		}
		runtime.Gosched()
	}
	if _, err := h.Hash(context.Background(), "correct horse"); !errors.Is(err, ErrBusy) {
		t.Errorf("the third: %v, want ErrBusy", err)
	}
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("the second, which is given up: %v", err)
	}
	release()
	if _, err := h.Hash(context.Background(), "correct horse"); err != nil {
		t.Errorf("once the line is empty: %v", err)
	}
}

type waits struct {
	sync.Mutex
	seen []float64
}

func (w *waits) Observe(s float64) {
	w.Lock()
	defer w.Unlock()
	w.seen = append(w.seen, s)
}

func TestWaitIsObserved(t *testing.T) {
	w := &waits{}
	h := mustHasher(t, HasherOptions{Wait: w})
	if _, err := h.Hash(context.Background(), "correct horse"); err != nil {
		t.Fatal(err)
	}
	if len(w.seen) != 1 || w.seen[0] < 0 || w.seen[0] > time.Minute.Seconds() {
		t.Errorf("observed %v, want one wait", w.seen)
	}
}

func TestNewHasherRefusesSenselessCost(t *testing.T) {
	for _, o := range []HasherOptions{
		{Params: Params{Memory: 1, Time: 1, Threads: 1}},
		{Params: Params{Memory: 64, Threads: 1}},
		{Params: Params{Memory: 64, Time: 1}},
		{Params: Params{Memory: maxMemory + 1, Time: 1, Threads: 1}},
		{Concurrency: -1},
	} {
		if _, err := NewHasher(o); err == nil {
			t.Errorf("NewHasher(%+v) succeeded", o)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	h := mustHasher(b, HasherOptions{Params: DefaultParams()})
	for b.Loop() {
		if _, err := h.Hash(context.Background(), "correct horse"); err != nil {
			b.Fatal(err)
		}
	}
}
