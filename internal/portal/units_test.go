// SPDX-License-Identifier: Apache-2.0

package portal

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/roster-dev/roster/internal/address"
	"github.com/roster-dev/roster/internal/invitation"
	"github.com/roster-dev/roster/internal/keyring"
	"github.com/roster-dev/roster/internal/portal/web"
)

func TestClientAddress(t *testing.T) {
	c, err := web.NewClients([]string{"10.0.0.0/8", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"direct":                    {"192.0.2.1:99", nil, "192.0.2.1"},
		"direct, pretending":        {"192.0.2.1:99", []string{"198.51.100.1"}, "192.0.2.1"},
		"one proxy":                 {"10.0.0.1:99", []string{"198.51.100.1"}, "198.51.100.1"},
		"two proxies":               {"10.0.0.1:99", []string{"198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		"two headers":               {"10.0.0.1:99", []string{"198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		"pretending before a proxy": {"10.0.0.1:99", []string{"203.0.113.5, 198.51.100.1"}, "198.51.100.1"},
		"pretending to be a proxy":  {"10.0.0.1:99", []string{"203.0.113.5, 10.9.9.9, 198.51.100.1"}, "198.51.100.1"},
		"no header":                 {"10.0.0.1:99", nil, "10.0.0.1"},
		"nonsense":                  {"10.0.0.1:99", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		"with port":                 {"10.0.0.1:99", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		"IPv6":                      {"[fd00::1]:99", []string{"2001:db8::5"}, "2001:db8::5"},
		"IPv6 with port":            {"[fd00::1]:99", []string{"[2001:db8::5]:1"}, "2001:db8::5"},
		"IPv4 in IPv6":              {"[::ffff:10.0.0.1]:99", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"only proxies":              {"10.0.0.1:99", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = tc.peer
		r.Header["X-Forwarded-For"] = tc.forwarded
		if got := c.Address(r).String(); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	if _, err := web.NewClients([]string{"10.0.0.1"}); err == nil {
		t.Error("an address without a length was taken for a network")
	}
}

func TestClientKey(t *testing.T) {
	for a, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::": "2001:db8:1:2::/64",
	} {
		if got := web.ClientKey(netip.MustParseAddr(a)); got != want {
			t.Errorf("clientKey(%s) = %s, want %s", a, got, want)
		}
	}
}

// secretReader is a Secret that can change, be missing, or be out of reach.
type secretReader struct {
	client.Reader
	data  map[string][]byte
	err   error
	reads int
}

func (r *secretReader) Get(_ context.Context, _ client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	r.reads++
	if s, ok := o.(*corev1.Secret); ok {
		s.Data = r.data
	}
	return r.err
}

func TestKeySource(t *testing.T) {
	ctx, c := t.Context(), clocktesting.NewFakePassiveClock(now())
	r := &secretReader{err: errors.New("out of reach")}
	s := web.NewKeySource(r, client.ObjectKey{Namespace: "a", Name: "b"}, c)
	if _, err := s.Keys(ctx); err == nil {
		t.Error("keys without a Secret")
	}
	first, second := bytes.Repeat([]byte("1"), 32), bytes.Repeat([]byte("2"), 32)
	r.err, r.data = nil, map[string][]byte{keyring.Current: first}
	expect := func(when string, get func(context.Context) (keyring.Keys, error), want []byte, reads int) {
		t.Helper()
		keys, err := get(ctx)
		if err != nil || !bytes.Equal(keys[0], want) || r.reads != reads {
			t.Errorf("%s: key %q after %d reads (%v), want %q after %d", when, keys, r.reads, err, want, reads)
		}
	}
	expect("as soon as there is a Secret", s.Keys, first, 2)
	expect("a second time", s.Keys, first, 2)
	r.data = map[string][]byte{keyring.Current: second, "older": first}
	expect("a key is replaced", s.Keys, first, 2)
	expect("a forged link right away", s.Refresh, first, 2)
	c.SetTime(now().Add(web.RefreshEvery))
	expect("a link that does not verify", s.Refresh, second, 3)
	expect("many forged links", s.Refresh, second, 3)
	c.SetTime(now().Add(2 * web.RefreshEvery))
	r.err = errors.New("out of reach")
	expect("out of reach", s.Refresh, second, 4)
	expect("out of reach, asked again", s.Refresh, second, 4)
	c.SetTime(now().Add(3 * web.RefreshEvery))
	r.err, r.data = nil, map[string][]byte{keyring.Current: []byte("short")}
	expect("a broken Secret", s.Refresh, second, 5)
}

func TestReplacedKey(t *testing.T) {
	w := newWorld(t)
	inv := w.invite("ana")
	old, next := bytes.Repeat([]byte("k"), 32), bytes.Repeat([]byte("n"), 32)
	r := &secretReader{data: map[string][]byte{keyring.Current: old}}
	var c *clocktesting.FakePassiveClock
	s := w.site(func(o *configure) {
		c = clocktesting.NewFakePassiveClock(now())
		o.Clock = c
		o.Keys = web.NewKeySource(r, client.ObjectKey{}, c)
	})
	b := s.browser()
	b.get(w.link(inv)).expect(t, http.StatusOK)
	r.data = map[string][]byte{keyring.Current: next, "previous": old}
	token, err := invitation.Token(keyring.Keys{next}, string(inv.UID), 1, address.Address(inv.Spec.Email))
	if err != nil {
		t.Fatal(err)
	}
	c.SetTime(now().Add(web.RefreshEvery))
	b.get("/invitations/"+token).expect(t, http.StatusOK)
	b.get(w.link(inv)).expect(t, http.StatusOK) // signed by the previous key
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{
		"Acme Social": "AS", "acme": "A", "Élan & Cie": "ÉC", "3M Global Brands": "3G", "…": "", "東京 ソーシャル": "東ソ",
	} {
		if got := web.Initials(name); got != want {
			t.Errorf("web.Initials(%q) = %q, want %q", name, got, want)
		}
	}
}
