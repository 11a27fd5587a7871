package engine

import "math/bits"

// rowBits is a set of rows of one row group. The two sets that come up all the time, none and all, need no memory.
type rowBits struct {
	kind  bitsKind
	words []uint64 // bitsSome: bit i%64 of word i/64 is row i; bits past the last row are 0
}

type bitsKind uint8

const (
	bitsNone bitsKind = iota
	bitsAll
	bitsSome
)

var (
	noRows  = rowBits{kind: bitsNone}
	allRows = rowBits{kind: bitsAll}
)

// bitsArena lends bitmaps for the rows of one row group at a time; reset takes them all back.
type bitsArena struct {
	rows  int
	words int
	free  [][]uint64
	used  int
}

func (a *bitsArena) reset(rows int) {
	words := (rows + 63) / 64
	if words > a.words || words*4 < a.words {
		a.free, a.words = a.free[:0], words
	}
	a.rows, a.used = rows, 0
}

// take lends a bitmap with unknown content.
func (a *bitsArena) take() []uint64 {
	if a.used == len(a.free) {
		a.free = append(a.free, make([]uint64, a.words))
	}
	a.used++
	return a.free[a.used-1][:(a.rows+63)/64]
}

func (a *bitsArena) zeroed() []uint64 {
	w := a.take()
	clear(w)
	return w
}

// trim clears the bits past the last row.
func (a *bitsArena) trim(w []uint64) {
	if n := a.rows & 63; n != 0 {
		w[len(w)-1] &= 1<<n - 1
	}
}

// The four below change *x; own is the bitmap that x may use for that, lent when first needed. Where x is another's bitmap, it is
// copied before it is changed.

// set makes *x a copy of y.
func (a *bitsArena) set(x *rowBits, own *[]uint64, y rowBits) {
	if *x = y; y.kind == bitsSome {
		copy(a.mine(own), y.words)
		x.words = *own
	}
}

func (a *bitsArena) mine(own *[]uint64) []uint64 {
	if *own == nil {
		*own = a.take()
	}
	return *own
}

// keep makes *x the rows that are in both.
func (a *bitsArena) keep(x *rowBits, own *[]uint64, y rowBits) {
	switch {
	case x.kind == bitsNone || y.kind == bitsAll:
	case y.kind == bitsNone:
		*x = noRows
	case x.kind == bitsAll:
		*x = y
	default:
		w := a.mine(own)
		for i, v := range x.words {
			w[i] = v & y.words[i]
		}
		x.words = w
	}
}

// add makes *x the rows that are in either.
func (a *bitsArena) add(x *rowBits, own *[]uint64, y rowBits) {
	switch {
	case x.kind == bitsAll || y.kind == bitsNone:
	case y.kind == bitsAll:
		*x = allRows
	case x.kind == bitsNone:
		*x = y
	default:
		w := a.mine(own)
		for i, v := range x.words {
			w[i] = v | y.words[i]
		}
		x.words = w
	}
}

// remove takes y's rows out of *x.
func (a *bitsArena) remove(x *rowBits, own *[]uint64, y rowBits) {
	switch {
	case x.kind == bitsNone || y.kind == bitsNone:
	case y.kind == bitsAll:
		*x = noRows
	case x.kind == bitsAll:
		w := a.mine(own)
		for i, v := range y.words {
			w[i] = ^v
		}
		a.trim(w)
		*x = rowBits{bitsSome, w}
	default:
		w := a.mine(own)
		for i, v := range x.words {
			w[i] = v &^ y.words[i]
		}
		x.words = w
	}
}

// some wraps a bitmap, and finds out if it is none or all.
func (a *bitsArena) some(w []uint64) rowBits {
	switch countWords(w) {
	case 0:
		return noRows
	case a.rows:
		return allRows
	}
	return rowBits{bitsSome, w}
}

func countWords(w []uint64) int {
	n := 0
	for _, x := range w {
		n += bits.OnesCount64(x)
	}
	return n
}

func (b rowBits) empty() bool {
	if b.kind == bitsSome {
		for _, w := range b.words {
			if w != 0 {
				return false
			}
		}
	}
	return b.kind != bitsAll
}

func (b rowBits) count(rows int) int {
	switch b.kind {
	case bitsNone:
		return 0
	case bitsAll:
		return rows
	}
	return countWords(b.words)
}

// each calls f with the rows in ascending order until f returns false.
func (b rowBits) each(rows int, f func(row int) bool) {
	switch b.kind {
	case bitsAll:
		for i := range rows {
			if !f(i) {
				return
			}
		}
	case bitsSome:
		for i, w := range b.words {
			for ; w != 0; w &= w - 1 {
				if !f(i<<6 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// setRange sets rows from to to (exclusive).
func setRange(w []uint64, from, to int) {
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
