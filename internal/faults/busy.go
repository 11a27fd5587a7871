package faults

import (
	"os"
	"strconv"
	"strings"
)

// usage is the machine's CPU time since it started, in ticks.
type usage struct{ busy, all float64 }

// busyNow reads it. What is not known is zero.
func busyNow() (u usage) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u
	}
	line, _, _ := strings.Cut(string(text), "\n")
	const idle, wait, guest = 4, 5, 9 // the fields after "cpu"; what guests use is in user time already
	for i, field := range strings.Fields(line) {
		if ticks, err := strconv.ParseFloat(field, 64); err == nil && i < guest {
			u.all += ticks
			if i != idle && i != wait {
				u.busy += ticks
			}
		}
	}
	return u
}

// since is the part of the machine's time that was used since then.
func (u usage) since(before usage) float64 {
	if u.all == before.all {
		return 0
	}
	return (u.busy - before.busy) / (u.all - before.all)
}
