// SPDX-License-Identifier: Apache-2.0

// Package freeport finds ports for programs that are started a moment later and have to be told where to listen.
package freeport

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	// The system gives ports from 32768 (Linux) or 49152 (macOS) to outgoing connections and to who listens on port 0. One that is found
	// there and let go can be somebody's before the program has started; below, only programs that ask for a port by its number get it.
	lowest, highest = 20000, 32767
	// tries are many more than it takes on a machine on which not every port is taken.
	tries = 1000
)

// Port is a port on 127.0.0.1 that nothing listens on, and that nobody else who asks this package gets until it is released or this process
// ends.
type Port struct {
	addr string
	// held is the UDP port of the same number, which keeps others of this package away and leaves the TCP port to the program.
	held net.PacketConn
}

// Claim finds a port.
func Claim() (*Port, error) {
	var last error
	for range tries {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+rand.IntN(highest-lowest+1))) //nolint:gosec // Not a secret.
		p, err := claim(addr)
		if err == nil {
			return p, nil
		}
		last = err
	}
	return nil, errors.Join(errors.New("no port is free on 127.0.0.1"), last)
}

func claim(addr string) (*Port, error) {
	var open net.ListenConfig
	held, err := open.ListenPacket(context.Background(), "udp", addr)
	if err != nil {
		return nil, err
	}
	l, err := open.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	if err := l.Close(); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return &Port{addr: addr, held: held}, nil
}

// Addr is the address with the port, such as 127.0.0.1:20123.
func (p *Port) Addr() string { return p.addr }

// Number is the port without the address.
func (p *Port) Number() int { return p.held.LocalAddr().(*net.UDPAddr).Port }

// Release lets others have the port again.
func (p *Port) Release() { _ = p.held.Close() }

// TB is what For needs of a test.
type TB interface {
	Helper()
	Fatal(args ...any)
	Cleanup(f func())
}

// For finds a port that is a test's own until it ends.
func For(t TB) *Port {
	t.Helper()
	p, err := Claim()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	return p
}
