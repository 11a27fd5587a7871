package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryShare is the part of the machine's (or container's) memory that Go may take before it collects harder: the rest is for the kernel's page
// cache, which serves the segments, and for what Go does not count.
const memoryShare = 0.75

// limitMemory sets Go's soft limit, and returns it (0: none). Under it garbage is collected when the heap has doubled; near it, as often as it takes to stay
// below, so that a burst of large requests costs CPU and not the process. configured is 0 for the default, -1 for none.
func limitMemory(configured int64) int64 {
	if os.Getenv("GOMEMLIMIT") != "" {
		return debug.SetMemoryLimit(-1) // who sets it knows what he does
	}
	limit := configured
	if limit == 0 {
		limit = int64(memoryShare * float64(memoryAvailable(os.DirFS("/"))))
	}
	if limit <= 0 {
		return 0
	}
	debug.SetMemoryLimit(limit)
	return limit
}

// memoryAvailable is the memory that this process may use: the least of the machine's and of the limits of its control groups. 0: unknown.
func memoryAvailable(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	take := func(n int64) {
		if n > 0 {
			least = min(least, n)
		}
	}
	take(memoryTotal(root))
	for _, dir := range controlGroups(root) {
		for _, name := range []string{"memory.max", "memory.limit_in_bytes"} {
			if data, err := fs.ReadFile(root, path.Join(dir, name)); err == nil {
				n, _ := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64) // "max" is no number and no limit
				take(n)
			}
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// memoryTotal reads MemTotal; 0 if there is none.
func memoryTotal(root fs.FS) int64 {
	data, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "MemTotal: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}

// controlGroups are the directories of the process's control groups for memory, and of those above them: a limit on any of them holds. Inside a
// container its own group is the root, whatever its name is outside.
func controlGroups(root fs.FS) []string {
	const v2, v1 = "sys/fs/cgroup", "sys/fs/cgroup/memory"
	dirs := []string{v2, v1}
	data, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return dirs
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		base := ""
		switch {
		case fields[1] == "":
			base = v2
		case strings.Contains(","+fields[1]+",", ",memory,"):
			base = v1
		default:
			continue
		}
		for dir := path.Clean("/" + fields[2]); dir != "/"; dir = path.Dir(dir) {
			dirs = append(dirs, base+dir)
		}
	}
	return dirs
}
