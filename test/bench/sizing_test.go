// SPDX-License-Identifier: Apache-2.0

//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roster-dev/roster/internal/testenv"
)

var (
	sizes = flag.String("bench-sizes", "0,1000,10000",
		"how many Members there are when manager and portal are measured, each more than the one before")
	// perOrganization is how many Members an organisation has there.
	perOrganization = flag.Int("bench-per-organization", 500, "how many Members each organisation has then")
	limit           = flag.String("bench-limit", "512MiB", "GOMEMLIMIT of manager and portal, which is the limit of their memory in config/")
)

// environment of manager and portal.
func environment() []string { return append(os.Environ(), "GOMEMLIMIT="+*limit) }

// idleFor is how long a process is watched that has nothing to do.
const idleFor = 30 * time.Second

// TestBenchSizing measures what manager and portal need with so many Members, all of them active and with their RBAC: while they start, and
// while nothing happens.
func TestBenchSizing(t *testing.T) {
	// The API server has no cache of its own: it would hold each object once for each version of its kind, in some 20 KiB each. What is
	// measured here does not notice, and a hundred thousand Members fit on one machine.
	b, r := start(t, testenv.Flag{Name: "watch-cache", Value: "false"}), &results{}
	b.startManager()
	before := 0
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(text)
		b.must(err)
		if n > before {
			b.members(before, n)
		}
		before = n
		b.measureManager(r, n)
		b.measurePortal(r, n)
	}
	r.print()
}

// members has so many Members who have joined, each with an Account. Those of the first organisation join as people do; the others are made
// of one of them.
func (b *bench) members(from, to int) {
	b.Helper()
	for i := from; i < to; i += *perOrganization {
		b.organization(sized(i))
	}
	joining := min(to, *perOrganization)
	parallel(max(joining-from, 0), func(i int) {
		m := newMember(sized(from+i), from+i)
		b.must(b.client.Create(b.ctx, accountOf(m)))
		b.must(b.client.Create(b.ctx, m))
	})
	b.active(max(from, joining))
	b.stopManager()
	b.clone(newMember(sized(0), 0), max(from, joining), to)
	b.kubeconfig("roster-manager")
	b.startManager()
	b.active(to)
}

// active waits until there are so many active Members, and nothing is to be done about them.
func (b *bench) active(n int) {
	b.Helper()
	b.await(fmt.Sprintf("%d active members", n), 2*time.Hour, func() bool {
		time.Sleep(time.Second)
		return int(b.metric("roster_members", `state="Active"`)) >= n
	})
	b.settle()
}

func sized(i int) string { return fmt.Sprintf("size-%03d", i / *perOrganization) }

// measureManager starts a manager that finds everything as it should be.
func (b *bench) measureManager(r *results, n int) {
	b.Helper()
	b.stopManager()
	b.kubeconfig("roster-manager")
	writes := b.allWrites()
	begin := time.Now()
	b.startManager()
	r.add(fmt.Sprintf("%d members: manager, until ready", n), time.Since(begin).Seconds(), "s", "")
	b.await("the queues to be empty", 30*time.Minute, func() bool {
		return b.metric("controller_runtime_reconcile_total", `controller="member"`) >= float64(n) && b.waiting() == 0
	})
	r.add(fmt.Sprintf("%d members: manager, until it has looked at all", n), time.Since(begin).Seconds(), "s", "")
	b.settle()
	r.add(fmt.Sprintf("%d members: manager, writes of the start", n), b.allWrites()-writes, "writes", "0")
	if n > 0 {
		looks := b.metric("controller_runtime_reconcile_total", `controller="member"`)
		r.add(fmt.Sprintf("%d members: manager, looks at each at the start", n), looks/float64(n), "looks", "1")
	}
	pid := b.manager.cmd.Process.Pid
	r.add(fmt.Sprintf("%d members: manager, processor time of the start", n), cpu(pid), "s", "")
	b.resources(r, fmt.Sprintf("%d members: manager", n), pid)
	r.add(fmt.Sprintf("%d members: manager, heap in use", n), b.metric("go_gc_heap_live_bytes")/(1<<20), "MiB", "")
	r.add(fmt.Sprintf("%d members: etcd", n), b.stored(), "MiB", "")
}

// allWrites are those of all that the manager looks after.
func (b *bench) allWrites() float64 {
	b.Helper()
	total := 0.0
	for _, resource := range []string{
		"accounts", "invitations", "members", "organizations", "plans", "rolebindings", "roles", "socialprofiles", "teams", "workspaces",
	} {
		total += b.apiWrites(resource)
	}
	return total
}

// measurePortal starts a portal beside the manager.
func (b *bench) measurePortal(r *results, n int) {
	b.Helper()
	begin := time.Now()
	p := b.startPortal()
	r.add(fmt.Sprintf("%d members: portal, until ready", n), time.Since(begin).Seconds(), "s", "")
	r.add(fmt.Sprintf("%d members: portal, processor time of the start", n), cpu(p.pid), "s", "")
	b.resources(r, fmt.Sprintf("%d members: portal", n), p.pid)
	b.must(syscall.Kill(p.pid, syscall.SIGTERM))
}

// resources are the memory that a process holds and has held, and the processor time that it takes to do nothing.
func (b *bench) resources(r *results, what string, pid int) {
	b.Helper()
	used := cpu(pid)
	time.Sleep(idleFor)
	r.add(what+", idle", (cpu(pid)-used)/idleFor.Seconds()*1000, "m CPU", "")
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	b.must(err)
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		if name == "VmRSS" || name == "VmHWM" {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			b.must(err)
			r.add(what+map[string]string{"VmRSS": ", memory", "VmHWM": ", memory at most"}[name], kib/1024, "MiB", "")
		}
	}
}

// stored is what etcd holds, with the history that it has not dropped yet.
func (b *bench) stored() float64 {
	b.Helper()
	total := 0.0
	for line := range strings.Lines(b.apiMetrics()) {
		if strings.HasPrefix(line, "apiserver_storage_size_bytes{") {
			total += value(line)
		}
	}
	return total / (1 << 20)
}
