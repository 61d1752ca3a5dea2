// SPDX-License-Identifier: Apache-2.0

// Package memory finds out how much memory the process may use.
package memory

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// Limit is how much memory the control groups of the process let it use, in bytes; 0 if they set no limit. The file system is that of the
// machine, with paths such as proc/self/cgroup.
func Limit(machine fs.FS) int64 {
	least := int64(0)
	content, err := fs.ReadFile(machine, "proc/self/cgroup")
	if err != nil {
		return 0 // no Linux
	}
	for line := range bytes.Lines(content) {
		// cgroups(7): hierarchy, controllers, path. Version 2 names no controllers.
		parts := strings.SplitN(strings.TrimSpace(string(line)), ":", 3)
		if len(parts) != 3 {
			continue
		}
		root, file := "sys/fs/cgroup", "memory.max"
		switch parts[1] {
		case "":
		case "memory":
			root, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// In a container the path may be the one outside, of which nothing is seen inside but the root.
		for at := path.Clean("/" + parts[2]); ; at = path.Dir(at) {
			least = smaller(least, read(machine, path.Join(root, at, file)))
			if at == "/" {
				break
			}
		}
	}
	return least
}

// noLimit is what version 1 says where there is none: the largest number of whole pages.
const noLimit = math.MaxInt64 &^ (64<<10 - 1)

func read(machine fs.FS, name string) int64 {
	content, err := fs.ReadFile(machine, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
	if err != nil || n >= noLimit {
		return 0 // "max"
	}
	return n
}

func smaller(a, b int64) int64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// Respect has the garbage collector work harder before the limit of the control groups is reached, unless GOMEMLIMIT says otherwise. It
// returns how much memory the process may use, in bytes; 0 if there is no limit.
func Respect() int64 {
	limit := Limit(os.DirFS("/"))
	if _, set := os.LookupEnv("GOMEMLIMIT"); !set && limit > 0 {
		debug.SetMemoryLimit(limit / 10 * 9) // the rest is for stacks, and for what the runtime does not count
	}
	if soft := debug.SetMemoryLimit(-1); soft < math.MaxInt64 {
		return smaller(limit, soft)
	}
	return limit
}
