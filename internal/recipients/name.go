// SPDX-License-Identifier: Apache-2.0

package recipients

import (
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/roster-dev/roster/internal/address"
)

// longest is the longest name that is made of an address, so that Roster can make names from it.
const longest = 63

// NameFor is a name for the object of an address that nobody has: what stands before the @, then with the domain, then with a number.
func NameFor(a address.Address, taken func(string) bool) string {
	local, domain, _ := strings.Cut(string(a), "@")
	first := slug(local)
	if first == "" {
		first = a.AccountName()
	}
	organization, _, _ := strings.Cut(domain, ".")
	for i := 1; ; i++ {
		name := first
		switch {
		case i == 2:
			name = cut(first + "-" + slug(organization))
		case i > 2:
			number := fmt.Sprintf("-%d", i-1)
			name = strings.TrimRight(first[:min(len(first), longest-len(number))], "-") + number
		}
		if !taken(name) {
			return name
		}
	}
}

// slug keeps letters and digits in lower case, without accents, and puts hyphens for everything between them.
func slug(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(norm.NFD.String(text)) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= 0x300 && r < 0x370: // accents, which NFD parts from their letters
		default:
			if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
				b.WriteByte('-')
			}
		}
	}
	return cut(b.String())
}

func cut(name string) string { return strings.Trim(name[:min(len(name), longest)], "-") }
