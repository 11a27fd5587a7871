package shardlog

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// LieAboutSpace makes appends believe that the disk is nearly empty while lie is true. It is to be called before the log is used.
func (e *Embedded) LieAboutSpace(lie *atomic.Bool) {
	liar := *e.client.disk
	liar.statfs = func(dir string, st *unix.Statfs_t) error {
		err := unix.Statfs(dir, st)
		if lie.Load() {
			st.Bavail = st.Blocks
		}
		return err
	}
	e.client.disk = &liar
}
