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

// commandLine is what a process was started with, and whether it is alive.
func commandLine(pid int) (line string, alive bool) {
	content, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return string(content), err == nil
}
