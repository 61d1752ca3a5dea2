// SPDX-License-Identifier: Apache-2.0

// Package web is what all pages of the portal stand on: templates and texts, clients and their limits, keys, metrics, and what browsers are
// told. It knows no invitation, no account and no organisation.
package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Clients tells who sends a request.
type Clients struct {
	proxies []netip.Prefix
}

// NewClients takes the networks of the proxies whose word about where a request comes from is believed.
func NewClients(trustedProxies []string) (Clients, error) {
	var c Clients
	for _, s := range trustedProxies {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return c, fmt.Errorf("trusted proxy %q: must be a network such as 10.0.0.0/8", s)
		}
		c.proxies = append(c.proxies, p.Masked())
	}
	return c, nil
}

// Address of the client: the peer, or behind trusted proxies the last address in X-Forwarded-For that is not one of them. What stands
// further left was written by the client itself.
func (c Clients) Address(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && c.trusted(addr); i-- {
		hop, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		addr = hop
	}
	return addr
}

// Forwarded reports whether somebody hands on a request whose word about where it comes from is not believed.
func (c Clients) Forwarded(r *http.Request) bool {
	if r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == "" {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && !c.trusted(peer.Addr().Unmap().WithZone(""))
}

// Trusted reports whether a request comes from a proxy whose word is believed.
func (c Clients) Trusted(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && c.trusted(peer.Addr().Unmap().WithZone(""))
}

// parseHop reads an address with or without a port: proxies differ.
func parseHop(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddrPort(s)
	return a.Addr().Unmap().WithZone(""), err == nil
}

func (c Clients) trusted(a netip.Addr) bool {
	for _, p := range c.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
