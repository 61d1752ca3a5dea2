// SPDX-License-Identifier: Apache-2.0

//go:build bench

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// usage is the processor time that each process has used so far, in seconds: the one of Roster that is measured, the API server, etcd, and
// this one, which plays all others.
type usage struct{ roster, server, store, clients float64 }

func (u usage) each(n int) usage {
	of := float64(n)
	return usage{u.roster / of, u.server / of, u.store / of, u.clients / of}
}

func (u usage) sum() float64 { return u.roster + u.server + u.store + u.clients }

// usageWith is that of all so far, with the process of Roster that has a number; 0 for none.
func usageWith(pid int) usage {
	return usage{roster: cpu(pid), server: cpu(child("kube-apiserver")), store: cpu(child("etcd")), clients: cpu(os.Getpid())}
}

func (u usage) minus(before usage) usage {
	return usage{u.roster - before.roster, u.server - before.server, u.store - before.store, u.clients - before.clients}
}

// child is the process of that name that this one has started; 0 if there is none.
func child(name string) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		data, err := os.ReadFile(stat)
		if err != nil {
			continue // it has just ended
		}
		// proc(5): pid (comm) state ppid; the kernel cuts comm to 15 bytes.
		before, after, _ := strings.Cut(string(data), ") ")
		_, comm, _ := strings.Cut(before, "(")
		if fields := strings.Fields(after); comm == name[:min(len(name), 15)] && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			return pid
		}
	}
	return 0
}

// asked are the resources that the portal asks the API server about.
var asked = []string{"accounts", "secrets", "invitations", "organizations", "members", "subjectaccessreviews"}

// requests of the portal to the API server so far.
func (b *bench) requests() (reads, writes float64) {
	for _, resource := range asked {
		reads += b.apiRequests(resource, "GET", "LIST")
		writes += b.apiWrites(resource)
	}
	return reads, writes
}

// measured is a step of the benchmark: how fast it went, and what it cost.
type measured struct {
	rate          float64
	cost          usage
	reads, writes float64
}

// measure runs do n times by all clients. What it returns is for one of them, but for the rate.
func (p *benchPortal) measure(b *bench, n int, do func(i int)) measured {
	reads, writes := b.requests()
	before := usageWith(p.pid)
	took := parallel(n, do)
	cost := usageWith(p.pid).minus(before)
	readsAfter, writesAfter := b.requests()
	each := float64(n)
	return measured{
		rate: each / took.Seconds(), cost: cost.each(n),
		reads: (readsAfter - reads) / each, writes: (writesAfter - writes) / each,
	}
}

// report adds what a step came to. The portal's own time is held against what the same passwords cost by themselves: of all that runs here,
// it is what the portal decides.
func (m measured) report(r *results, what, unit string, alone hashed) {
	const ms = 1000
	r.add(what, m.rate, unit+"/s", "")
	r.add(what+", as a share of argon2id alone", m.rate/alone.rate, "ratio", "")
	r.add(what+": argon2id, of the processor time of the portal", alone.cost/m.cost.roster, "ratio", ">= 0.9")
	r.add(what+": argon2id, of the processor time of all processes", alone.cost/m.cost.sum(), "ratio", "")
	r.add(what+": processor time of the portal", m.cost.roster*ms, "ms", "")
	r.add(what+": processor time of the API server", m.cost.server*ms, "ms", "")
	r.add(what+": processor time of etcd", m.cost.store*ms, "ms", "")
	r.add(what+": processor time of the browsers", m.cost.clients*ms, "ms", "")
	r.add(what+": reads from the API server", m.reads, "reads", "")
	r.add(what+": writes to the API server", m.writes, "writes", "")
}

// hashed is what hashing alone comes to: passwords a second, and seconds of processor time for each.
type hashed struct{ rate, cost float64 }

func (h hashed) report(r *results, processors int) {
	r.add(fmt.Sprintf("argon2id alone, %d processors", processors), h.rate, "passwords/s", "")
	r.add("argon2id alone: processor time of a password", h.cost*1000, "ms", "")
}

// brought is how many objects a second came to be what they were to be, and what each took of the processors, including what was written
// down afterwards.
type brought struct {
	rate float64
	cost usage
}

func (m brought) report(r *results, what string) {
	const ms = 1000
	r.add(what, m.rate, "/s", "")
	r.add(what+": processor time of the API server", m.cost.server*ms, "ms", "")
	r.add(what+": processor time of etcd", m.cost.store*ms, "ms", "")
	r.add(what+": processor time of the clients", m.cost.clients*ms, "ms", "")
	if m.cost.roster > 0 {
		r.add(what+": processor time of the manager", m.cost.roster*ms, "ms", "")
	}
}
