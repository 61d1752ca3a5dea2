// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/roster-dev/roster/internal/mail/smtptest"
)

func frozenLeader(b *bureau) {
	const people = 40
	gates := b.hold(connections, smtptest.AtRcpt)
	frozen := b.start()
	frozen.awaitReady()
	b.invite(people, "person")
	reached(gates) // mails are under way
	other := b.start()
	other.awaitReady()
	frozen.freeze()
	open(gates)
	b.awaitSent()
	frozen.signal(syscall.SIGCONT)
	if err := frozen.awaitEnd(); err == nil {
		b.t.Error("a manager that has lost the Lease goes on, or ends as if nothing were wrong")
	}
	b.noMailTwice(people)
}

// freeze returns when every thread of the process stands still, which on a busy machine takes a moment: until then they could go on.
func (o *office) freeze() {
	o.b.t.Helper()
	o.signal(syscall.SIGSTOP)
	o.b.eventually("the manager stands still", func() error {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", o.cmd.Process.Pid))
		for _, thread := range threads {
			stat, err := os.ReadFile(thread)
			if _, state, ok := bytes.Cut(stat, []byte(") ")); err == nil && ok && state[0] != 'T' {
				return fmt.Errorf("%s is in state %c", thread, state[0])
			}
		}
		return err
	})
}
