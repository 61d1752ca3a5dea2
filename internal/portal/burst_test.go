// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
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
