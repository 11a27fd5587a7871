package shardlog

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// disk keeps the log's file system from filling up. JetStream does not survive that: a publish that meets ENOSPC is never answered, and
// the stream stays stuck when space is back. So appends are refused while some space is left, for commits, segments and
// whatever else needs it.
//
// statfs costs about a microsecond, against a millisecond for an append's fsync: every append looks.
type disk struct {
	dir string
	// freeMin is Config.FreeBytesMin; 0 for the default.
	freeMin int64
	statfs  func(dir string, st *unix.Statfs_t) error
	// inFlight is what has been admitted and may not have reached the file system yet.
	inFlight *atomic.Int64
}

func newDisk(dir string, freeMin int64) *disk {
	return &disk{dir: dir, freeMin: freeMin, statfs: unix.Statfs, inFlight: new(atomic.Int64)}
}

// admit reserves n bytes. Every successful admit is followed by a release.
func (d *disk) admit(n int64) error {
	free, least, err := d.space()
	if err != nil {
		return err
	}
	if want := d.inFlight.Add(n); free-want < least {
		d.inFlight.Add(-n)
		return &FullError{
			Reason: ReasonDisk, RetryAfter: retryAfterDisk,
			Detail: fmt.Sprintf("%d bytes free on the file system of %s, the watermark is %d", free, d.dir, least),
		}
	}
	return nil
}

func (d *disk) release(n int64) { d.inFlight.Add(-n) }

// space returns the bytes free to us, and how many have to stay free.
func (d *disk) space() (free, least int64, err error) {
	var st unix.Statfs_t
	if err := d.statfs(d.dir, &st); err != nil {
		return 0, 0, fmt.Errorf("free space of %s: %w", d.dir, err)
	}
	size := st.Bsize
	least = d.freeMin
	if least == 0 {
		least = max(freeBytesDefaultMin, int64(st.Blocks)*size/freeDefaultDivisor)
	}
	return int64(st.Bavail) * size, least, nil
}
