// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"strings"
	"testing"
	"time"
)

func TestEnds(t *testing.T) {
	for text, want := range map[string]string{
		"2027-01-31":                "2027-01-31T23:59:59Z",
		"2028-02-29":                "2028-02-29T23:59:59Z",
		"2027-01-31T18:00:00+01:00": "2027-01-31T17:00:00Z",
		"":                          "",
	} {
		end, err := ParseEnd(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := ""
		if end != nil {
			got = end.UTC().Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
		if again, err := ParseEnd(FormatEnd(end)); err != nil || !again.Equal(end) {
			t.Errorf("%q is written %q, which is read as %v, %v", text, FormatEnd(end), again, err)
		}
	}
	for _, text := range []string{"31.1.2027", "2027-02-29", "tomorrow", "2027-01-31 18:00"} {
		if _, err := ParseEnd(text); err == nil || !strings.Contains(err.Error(), "such as 2027-01-31") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
