// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// childAttributes puts a child into a process group of its own, so that Ctrl-C in a terminal reaches the playground alone, which
// then ends its children in order. The kernel kills the child when the playground dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// commandLine is what a process was started with, with a space between the arguments; empty if there is no such process.
func commandLine(pid int) string {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return string(bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
}
