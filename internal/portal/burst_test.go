// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/roster-dev/roster/internal/account"
)

// TestBurstOfSignInsOnManyCores: forty strangers sign in at once, to a portal that is killed when it uses more than 512 MiB, and sees more
// cores than hashes fit into that. GOMEMLIMIT is what the portal sets itself in a control group of that size.
func TestBurstOfSignInsOnManyCores(t *testing.T) {
	const memory, strangers = 512 << 20, 40
	w := newWorld(t)
	const unlimited = "{requests: {burst: 100000}, posts: {burst: 100000}, networkTries: {burst: 100000}}"
	p := startProgram(t, w.userConfig, "{url: http://127.0.0.1, limits: "+unlimited+"}", "GOMAXPROCS=32", "GOMEMLIMIT=460MiB").awaitReady()
	if !strings.Contains(p.log.String(), `"atOnce":6`) {
		t.Errorf("the portal does not hash six at once:\n%s", p.log)
	}
	for range 2 {
		var all sync.WaitGroup
		for i := range strangers {
			all.Go(func() {
				form := url.Values{"login": {fmt.Sprintf("nobody-%d@acme.example", i)}, "password": {"Correct horse, battery"}}
				r, err := http.PostForm(p.url+"/sign-in", form)
				if err != nil {
					t.Error(err)
					return
				}
				defer r.Body.Close()
				// On a slow machine the last ones wait for longer than a request may take.
				if r.StatusCode != http.StatusUnprocessableEntity && r.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("status %d", r.StatusCode)
				}
			})
		}
		all.Wait()
	}
	p.stop()
	t.Logf("the portal used at most %d MiB", p.peak()>>20)
	if most := p.peak(); most > memory {
		t.Errorf("the portal used %d MiB, and has %d", most>>20, memory>>20)
	}
}

// peak is the most memory that the process had, in bytes, once it has ended: without the program itself, whose pages the system takes back
// before it kills anybody.
func (p *program) peak() int64 {
	usage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	file, err := os.Stat(p.cmd.Path)
	if !ok || err != nil {
		p.t.Fatalf("the system does not tell how much memory a process had: %v", err)
	}
	most := usage.Maxrss << 10
	if runtime.GOOS == "darwin" { // getrusage(2): bytes there, KiB elsewhere
		most = usage.Maxrss
	}
	return most - file.Size()
}

// held lets one hash after the other be computed, when the test says so.
type held struct {
	begun *atomic.Int32
	let   chan struct{}
}

func (h held) Observe(float64) {
	h.begun.Add(1)
	<-h.let
}

// TestStrangersWaitForThemselves: somebody who signs in often from one address keeps others waiting for one hash of theirs at most, beside the one that is being computed.
func TestStrangersWaitForThemselves(t *testing.T) {
	const waiting = 4
	h := held{&atomic.Int32{}, make(chan struct{})}
	hasher, err := account.NewHasher(account.HasherOptions{Params: cheap(), Concurrency: 1, Queue: waiting, Wait: h})
	if err != nil {
		t.Fatal(err)
	}
	p := aloneWith(t, "https://roster.example.com", func(o *Options) {
		o.Accounts = account.NewStore(nothing{}, account.ClusterSecrets{Client: nothing{}}, hasher)
	})
	served := make(chan string, waiting+1)
	signsIn := func(address string) {
		for code := http.StatusServiceUnavailable; code == http.StatusServiceUnavailable; { // The look for a place below may take the last one.
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sign-in", strings.NewReader(signIn("nobody", "x").Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.RemoteAddr = address + ":1"
			rec := httptest.NewRecorder()
			p.ServeHTTP(rec, r)
			code = rec.Code
		}
		served <- address
	}
	const often, once = "192.0.2.1", "192.0.2.2"
	for range waiting {
		go signsIn(often)
	}
	await(t, func(context.Context) bool { return h.begun.Load() == 1 })
	go signsIn(once)
	await(t, func(context.Context) bool {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := hasher.Hash(gone, "x") // It leaves the queue at once, if there is a place in it.
		return errors.Is(err, account.ErrBusy)
	})
	var order []string
	for range waiting + 1 {
		h.let <- struct{}{}
		order = append(order, <-served)
	}
	// One hash was being computed, and one may have been next.
	if slices.Index(order, once) > 2 {
		t.Errorf("served in this order: %v", order)
	}
}
