//go:build unix

package store

import (
	"os"
	"syscall"
)

// tryLock locks f for its open descriptor's life; false means that another descriptor holds the lock.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
