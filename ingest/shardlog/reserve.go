package shardlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// reserve is a file of nothing but allocated blocks. A process that starts has to write a little before it can serve: a lease, a commit, what NATS notes about
// its streams. On a disk that others have filled to the last byte that would fail, when whoever looks after it needs answers most. So the start
// gives the file up then, and it is made again once there is room.
type reserve struct {
	file string
	disk *disk
}

// bytes is how large it is: less than has to stay free, so that giving it up is no room for senders.
func (r reserve) bytes(freeMin int64) int64 { return min(reserveBytesMax, freeMin/2) }

// release gives the reserve up if the disk is full, and says whether it did.
func (r reserve) release() (bool, error) {
	free, least, err := r.disk.space()
	if err != nil || free >= r.bytes(least) {
		return false, err
	}
	if err := os.Remove(r.file); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil // given up before
		}
		return false, fmt.Errorf("give up the reserve: %w", err)
	}
	return true, nil
}

// keep makes the file if it is not there and there is room beside it. A file system that cannot allocate ahead has no reserve.
func (r reserve) keep() error {
	free, least, err := r.disk.space()
	size := r.bytes(least)
	if err != nil || free < least+size || size == 0 {
		return err
	}
	if st, err := os.Stat(r.file); err == nil && st.Size() == size {
		return nil
	}
	f, err := os.Create(r.file)
	if err != nil {
		return fmt.Errorf("make the reserve: %w", err)
	}
	err = errors.Join(unix.Fallocate(int(f.Fd()), 0, 0, size), f.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(r.file))
		if errors.Is(err, unix.EOPNOTSUPP) {
			return nil
		}
		return fmt.Errorf("make the reserve: %w", err)
	}
	return nil
}

func newReserve(dir string, d *disk) reserve {
	return reserve{file: filepath.Join(dir, "RESERVE"), disk: d}
}
