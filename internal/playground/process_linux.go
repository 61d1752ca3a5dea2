// SPDX-License-Identifier: Apache-2.0

package playground

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// childAttributes puts a child into a process group of its own, so that Ctrl-C in a terminal reaches the playground alone, which
// then ends its children in order. The kernel kills the child when the playground dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// commandLine is what a program was started with, with a space between the arguments, and whether it is alive: one that has ended
// and waits for its parent to notice is not. While a program is being ended it has no command line any more. Threads of the kernel,
// which never have one, are no programs.
func commandLine(pid int) (line string, alive bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", false
	}
	// The state is the first field after the name, which is in parentheses and may hold any character (proc_pid_stat(5)).
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 7 || ofTheKernel(fields[6]) {
		return "", false
	}
	ended := bytes.ContainsAny(fields[0], "ZX")
	// The first thread may have ended while others still hold on to the files and sockets.
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil || ended && len(threads) < 2 {
		return "", false
	}
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return "", false
	}
	return string(bytes.ReplaceAll(content, []byte{0}, []byte{' '})), true
}

// ofTheKernel reads the flags of a process: PF_KTHREAD in the kernel's include/linux/sched.h.
func ofTheKernel(flags []byte) bool {
	f, err := strconv.ParseUint(string(flags), 10, 64)
	return err == nil && f&0x00200000 != 0
}
