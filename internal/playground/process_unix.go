// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package playground

import (
	"os/exec"
	"strconv"
	"syscall"
)

// childAttributes puts a child into a process group of its own, so that Ctrl-C in a terminal reaches the playground alone, which
// then ends its children in order. Nothing ends the child when the playground is killed; the next start does.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// commandLine is what a process was started with; empty if there is no such process.
func commandLine(pid int) string {
	line, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return string(line)
}
