package main

import (
	"testing"
	"testing/fstest"
)

func TestMemoryAvailable(t *testing.T) {
	const meminfo = "MemTotal:       16384 kB\nMemFree:         1024 kB\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing known":      {nil, 0},
		"machine":            {map[string]string{"proc/meminfo": meminfo}, 16 << 20},
		"container, v2":      {map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "8388608\n", "proc/self/cgroup": "0::/\n"}, 8 << 20},
		"no limit, v2":       {map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "max\n"}, 16 << 20},
		"slice above, v2":    {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a.slice/b.service\n", "sys/fs/cgroup/a.slice/memory.max": "4194304\n", "sys/fs/cgroup/a.slice/b.service/memory.max": "max\n"}, 4 << 20},
		"v1":                 {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "9:cpu:/x\n5:cpuset,memory:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "2097152\n"}, 2 << 20},
		"no limit, v1":       {map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 16 << 20},
		"garbage everywhere": {map[string]string{"proc/meminfo": "x", "proc/self/cgroup": "::\n\nx", "sys/fs/cgroup/memory.max": "-5"}, 0},
	} {
		root := fstest.MapFS{}
		for file, text := range test.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memoryAvailable(root); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
