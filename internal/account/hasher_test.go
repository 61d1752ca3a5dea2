// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
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
	if h.memory.TryAcquire(1) {
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
	if !h.memory.TryAcquire(h.limit) {
		t.Error("not all memory came back")
	}
}

func TestHashOfHigherCostWaitsUntilItIsAlone(t *testing.T) {
	h := mustHasher(t, HasherOptions{Concurrency: 2})
	release, err := h.acquire(context.Background(), Params{Memory: maxMemory, Time: 1, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if h.memory.TryAcquire(1) {
		t.Error("another hash may run beside one that needs more than there is")
	}
	release()
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
