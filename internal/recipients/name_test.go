// SPDX-License-Identifier: Apache-2.0

package recipients

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/roster-dev/roster/internal/address"
)

func TestNames(t *testing.T) {
	long := strings.Repeat("x", 64)
	for _, c := range []struct {
		address string
		taken   []string
		want    string
	}{
		{"ana@acme.example", nil, "ana"},
		{"ana.lima+press@acme.example", nil, "ana-lima-press"},
		{"zoë@acme.example", nil, "zoe"},
		{"ana@acme.example", []string{"ana"}, "ana-acme"},
		{"ana@acme.example", []string{"ana", "ana-acme"}, "ana-2"},
		{"ana@acme.example", []string{"ana", "ana-acme", "ana-2"}, "ana-3"},
		{"-_-@acme.example", nil, address.Address("-_-@acme.example").AccountName()},
		{"日本@acme.example", nil, address.Address("日本@acme.example").AccountName()},
		{long + "@acme.example", []string{long[:63], long[:63]}, long[:61] + "-2"},
	} {
		a, err := address.Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		got := NameFor(a, func(name string) bool { return slices.Contains(c.taken, name) })
		if got != c.want {
			t.Errorf("%s, when %v are taken: %q, want %q", c.address, c.taken, got, c.want)
		}
		if !regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`).MatchString(got) {
			t.Errorf("%q is no name of an object", got)
		}
	}
}
