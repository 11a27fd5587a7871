// Package rowset holds sets of rows of a row group, as bitmaps that are lent and taken back, for scans that make and forget many of them.
package rowset

import "math/bits"

// Set is a set of rows of one row group. The two sets that come up all the time, none and all, need no memory.
type Set struct {
	Kind  Kind
	Words []uint64 // KindSome: bit i%64 of word i/64 is row i; bits past the last row are 0
}

// Kind says how a set is kept.
type Kind uint8

// The kinds.
const (
	KindNone Kind = iota
	KindAll
	KindSome
)

// The sets that need no memory.
var (
	None = Set{Kind: KindNone}
	All  = Set{Kind: KindAll}
)

// Arena lends bitmaps for the rows of one row group at a time; Reset takes them all back.
type Arena struct {
	rows  int
	words int
	free  [][]uint64
	used  int
}

// Reset takes all bitmaps back; those lent from now on are for so many rows.
func (a *Arena) Reset(rows int) {
	words := (rows + 63) / 64
	if words > a.words || words*4 < a.words {
		a.free, a.words = a.free[:0], words
	}
	a.rows, a.used = rows, 0
}

// take lends a bitmap with unknown content.
func (a *Arena) take() []uint64 {
	if a.used == len(a.free) {
		a.free = append(a.free, make([]uint64, a.words))
	}
	a.used++
	return a.free[a.used-1][:(a.rows+63)/64]
}

// Zeroed lends an empty bitmap.
func (a *Arena) Zeroed() []uint64 {
	w := a.take()
	clear(w)
	return w
}

// Trim clears the bits past the last row.
func (a *Arena) Trim(w []uint64) {
	if n := a.rows & 63; n != 0 {
		w[len(w)-1] &= 1<<n - 1
	}
}

// The four below change *x; own is the bitmap that x may use for that, lent when first needed. Where x is another's bitmap, it is
// copied before it is changed.

// Copy makes *x a copy of y.
func (a *Arena) Copy(x *Set, own *[]uint64, y Set) {
	if *x = y; y.Kind == KindSome {
		copy(a.mine(own), y.Words)
		x.Words = *own
	}
}

func (a *Arena) mine(own *[]uint64) []uint64 {
	if *own == nil {
		*own = a.take()
	}
	return *own
}

// Keep makes *x the rows that are in both.
func (a *Arena) Keep(x *Set, own *[]uint64, y Set) {
	switch {
	case x.Kind == KindNone || y.Kind == KindAll:
	case y.Kind == KindNone:
		*x = None
	case x.Kind == KindAll:
		*x = y
	default:
		w := a.mine(own)
		for i, v := range x.Words {
			w[i] = v & y.Words[i]
		}
		x.Words = w
	}
}

// Add makes *x the rows that are in either.
func (a *Arena) Add(x *Set, own *[]uint64, y Set) {
	switch {
	case x.Kind == KindAll || y.Kind == KindNone:
	case y.Kind == KindAll:
		*x = All
	case x.Kind == KindNone:
		*x = y
	default:
		w := a.mine(own)
		for i, v := range x.Words {
			w[i] = v | y.Words[i]
		}
		x.Words = w
	}
}

// Remove takes y's rows out of *x.
func (a *Arena) Remove(x *Set, own *[]uint64, y Set) {
	switch {
	case x.Kind == KindNone || y.Kind == KindNone:
	case y.Kind == KindAll:
		*x = None
	case x.Kind == KindAll:
		w := a.mine(own)
		for i, v := range y.Words {
			w[i] = ^v
		}
		a.Trim(w)
		*x = Set{KindSome, w}
	default:
		w := a.mine(own)
		for i, v := range x.Words {
			w[i] = v &^ y.Words[i]
		}
		x.Words = w
	}
}

// Some wraps a bitmap, and finds out if it is none or all.
func (a *Arena) Some(w []uint64) Set {
	switch countWords(w) {
	case 0:
		return None
	case a.rows:
		return All
	}
	return Set{KindSome, w}
}

func countWords(w []uint64) int {
	n := 0
	for _, x := range w {
		n += bits.OnesCount64(x)
	}
	return n
}

// Empty says whether no row is in the set.
func (b Set) Empty() bool {
	if b.Kind == KindSome {
		for _, w := range b.Words {
			if w != 0 {
				return false
			}
		}
	}
	return b.Kind != KindAll
}

// Count is how many of a row group's rows are in the set.
func (b Set) Count(rows int) int {
	switch b.Kind {
	case KindNone:
		return 0
	case KindAll:
		return rows
	}
	return countWords(b.Words)
}

// Has says whether a row is in the set.
func (b Set) Has(row int) bool {
	return b.Kind == KindAll || b.Kind == KindSome && b.Words[row>>6]>>(row&63)&1 == 1
}

// Each calls f with the rows in ascending order until f returns false.
func (b Set) Each(rows int, f func(row int) bool) {
	switch b.Kind {
	case KindAll:
		for i := range rows {
			if !f(i) {
				return
			}
		}
	case KindSome:
		for i, w := range b.Words {
			for ; w != 0; w &= w - 1 {
				if !f(i<<6 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// SetRange sets rows from to to (exclusive).
func SetRange(w []uint64, from, to int) {
	if from >= to {
		return
	}
	first, last := from>>6, (to-1)>>6
	head, tail := ^uint64(0)<<(from&63), ^uint64(0)>>(63-(to-1)&63)
	if first == last {
		w[first] |= head & tail
		return
	}
	w[first] |= head
	for i := first + 1; i < last; i++ {
		w[i] = ^uint64(0)
	}
	w[last] |= tail
}
