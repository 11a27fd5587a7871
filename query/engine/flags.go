package engine

import "sync/atomic"

// flags is a set of small numbers that several goroutines add to.
type flags []atomic.Bool

func newFlags(n int) flags { return make(flags, n) }

func (f flags) set(i int)      { f[i].Store(true) }
func (f flags) has(i int) bool { return f[i].Load() }
