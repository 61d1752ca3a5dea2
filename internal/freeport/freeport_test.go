// SPDX-License-Identifier: Apache-2.0

package freeport

import (
	"net"
	"testing"
)

func TestAPortIsFreeAndGivenToOneOnly(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		addr := For(t).Addr()
		if seen[addr] {
			t.Fatalf("%s was given to two", addr)
		}
		seen[addr] = true
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	}
	for addr := range seen {
		if p, err := claim(addr); err == nil {
			p.Release()
			t.Errorf("%s could be claimed a second time, as another process would", addr)
		}
	}
}

func TestAPortThatIsListenedOnIsNotGiven(t *testing.T) {
	p, err := Claim()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p.Release()
	if again, err := claim(p.Addr()); err == nil {
		again.Release()
		t.Errorf("%s was given although somebody listens there", p.Addr())
	}
}

func TestAReleasedPortCanBeClaimed(t *testing.T) {
	p, err := Claim()
	if err != nil {
		t.Fatal(err)
	}
	p.Release()
	again, err := claim(p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	again.Release()
}
