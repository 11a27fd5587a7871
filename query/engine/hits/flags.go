package hits

import "sync/atomic"

// Flags is a set of small numbers that several goroutines add to.
type Flags []atomic.Bool

// NewFlags is the empty set of numbers below n.
func NewFlags(n int) Flags { return make(Flags, n) }

// Set adds a number.
func (f Flags) Set(i int) { f[i].Store(true) }

// Has says whether a number is there.
func (f Flags) Has(i int) bool { return f[i].Load() }
