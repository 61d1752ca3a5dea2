// SPDX-License-Identifier: Apache-2.0

package mail

import (
	"net/textproto"
	"strings"
	"testing"
)

// Relays that do not like the name in EHLO say so in many ways, some of them as if it passed by itself.
func TestARefusedNameNamesTheSetting(t *testing.T) {
	for code, says := range map[int]string{
		421: "4.7.0 EHLO must be fully qualified", 450: "4.7.1 Helo command rejected: Host not found", 504: "5.5.2 need fully-qualified hostname",
		550: "Access denied - Invalid HELO name",
	} {
		f := &failure{step: stepHello, relay: "relay.example:25", err: &textproto.Error{Code: code, Msg: says}}
		if got := Explain(f); !strings.Contains(got, "mail.smtp.helloName") {
			t.Errorf("%d %s: %s", code, says, got)
		}
	}
}
