package store

import (
	"os"

	"golang.org/x/sys/unix"
)

var _ Prefetcher = (*Dir)(nil)

// Prefetch implements Prefetcher: the kernel begins to read the ranges, all at once, and nobody waits for them. Without it a cold trace, a page of each of
// seventy columns, is seventy reads of the disk one after the other.
func (d *Dir) Prefetch(name string, ranges ...Range) {
	if CheckName(name) != nil {
		return
	}
	f, err := os.Open(d.path(name))
	if err != nil {
		return // whoever reads will say so
	}
	defer f.Close()
	for _, r := range ranges {
		if unix.Fadvise(int(f.Fd()), r.Off, r.N, unix.FADV_WILLNEED) != nil {
			return
		}
	}
}
