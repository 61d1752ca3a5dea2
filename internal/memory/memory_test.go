// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"testing"
	"testing/fstest"
)

func TestLimit(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no Linux":               {nil, 0},
		"version 2, a container": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		"version 2, no limit":    {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 0},
		"version 2, the least of the groups above": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "1000\n", "sys/fs/cgroup/memory.max": "2000\n",
		}, 1000},
		"version 1, a container that sees the path outside": {map[string]string{
			"proc/self/cgroup":                              "12:cpu:/kubepods/x\n5:memory:/kubepods/x\n0::/kubepods/x\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":    "536870912\n",
			"sys/fs/cgroup/cpu/memory.limit_in_bytes":       "1\n",
			"sys/fs/cgroup/kubepods/y/memory.max":           "1\n",
			"sys/fs/cgroup/memory/y/memory.limit_in_bytes2": "1\n",
		}, 512 << 20},
		"version 1, no limit": {map[string]string{
			"proc/self/cgroup": "5:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
		"nonsense": {map[string]string{"proc/self/cgroup": "x\n0::\n", "sys/fs/cgroup/memory.max": "-\n"}, 0},
	} {
		machine := fstest.MapFS{}
		for file, content := range c.files {
			machine[file] = &fstest.MapFile{Data: []byte(content)}
		}
		if got := Limit(machine); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
