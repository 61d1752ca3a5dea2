// SPDX-License-Identifier: Apache-2.0

//go:build unix

package playground

import (
	"os"
	"syscall"
)

// tryLock takes the lock on an open file unless another process has it. The kernel gives it back when the process ends, however
// it ends.
func tryLock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// killGroup ends a child and what it started. Each child leads a group of its own.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
