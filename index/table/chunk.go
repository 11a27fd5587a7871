package table

import (
	"slices"
	"sync/atomic"

	"clew/index"
)

// chunk is the values of one column in one row group. Only the parts that the column's kind needs are in use. A chunk that is not the
// column's last never changes; of the last, what is there never changes, so a copy of the struct is a snapshot.
type chunk struct {
	group   int
	rows    presence
	codes   packed    // KindValue: of values; KindText: of templates
	ints    frame     // KindInt
	doubles []float64 // KindDouble
	heap    heap      // KindRaw: the values; KindText: each text's variables (vars.go)

	// histogram is computed when first asked for, and only of chunks that no longer change.
	histogram atomic.Pointer[index.Histogram]
}

// snapshot returns a copy that further appends do not change.
func (c *chunk) snapshot() *chunk {
	return &chunk{group: c.group, rows: c.rows, codes: c.codes, ints: c.ints, doubles: c.doubles, heap: c.heap}
}

// presize makes room for as much as was, the column's previous chunk, holds: row groups of a column are alike, and growing step by step
// copies everything twice.
func (c *chunk) presize(was *chunk) {
	room := func(b []byte) []byte { return make([]byte, 0, len(b)+len(b)/16) }
	c.codes = packed{buf: room(was.codes.buf), width: was.codes.width} // codes only get larger
	c.ints.buf = room(was.ints.buf)
	c.doubles = make([]float64, 0, len(was.doubles))
	c.heap.data = room(was.heap.data)
	c.heap.lens.buf = room(was.heap.lens.buf)
	c.heap.marks = make([]uint32, 0, len(was.heap.marks))
}

// chunkBytes is about what the struct itself takes, and its place in a slice.
const chunkBytes = 320

func (c *chunk) bytes() int64 {
	return chunkBytes + c.rows.bytes() + int64(cap(c.codes.buf)+cap(c.ints.buf)+8*cap(c.doubles)) + c.heap.bytes()
}

// expandCodes returns the codes of the first n rows. c may be nil.
func (c *chunk) expandCodes(n int) []uint32 {
	out := make([]uint32, n)
	if c == nil {
		for i := range out {
			out[i] = index.NullCode
		}
		return out
	}
	c.codes.expand(out)
	spread(&c.rows, out, index.NullCode)
	return out
}

func (c *chunk) expandInts(n int) index.Ints {
	out := index.Ints{Values: make([]int64, n)}
	if c == nil {
		out.Valid = make([]uint64, (n+63)/64)
		return out
	}
	c.ints.expand(out.Values)
	spread(&c.rows, out.Values, 0)
	out.Valid = c.rows.valid(n)
	return out
}

func (c *chunk) expandDoubles(n int) index.Doubles {
	if c == nil {
		return index.Doubles{Values: make([]float64, n), Valid: make([]uint64, (n+63)/64)}
	}
	if c.rows.n == n {
		return index.Doubles{Values: c.doubles[:n:n]}
	}
	out := index.Doubles{Values: make([]float64, n), Valid: c.rows.valid(n)}
	copy(out.Values, c.doubles)
	spread(&c.rows, out.Values, 0)
	return out
}

func (c *chunk) expandBytes(n int) index.Bytes {
	if c == nil {
		return index.Bytes{Offsets: make([]uint32, n+1), Valid: make([]uint64, (n+63)/64)}
	}
	return index.Bytes{Data: c.heap.data, Offsets: c.heap.offsets(&c.rows, n), Valid: c.rows.valid(n)}
}

// countCodes returns the histogram of a chunk of a complete row group of n rows; not ok if it has too many codes to keep one. c may be nil.
func (c *chunk) countCodes(n int) (h index.Histogram, ok bool) {
	if c == nil {
		return index.Histogram{Nulls: n}, true
	}
	kept := c.histogram.Load()
	if kept == nil {
		kept = c.histogramOf(n)
		c.histogram.Store(kept)
	}
	return *kept, kept.Nulls >= 0
}

// histogramOf counts codes. Nulls is -1 if there are more distinct ones than histogramCodesMax.
func (c *chunk) histogramOf(n int) *index.Histogram {
	codes := make([]uint32, c.codes.len())
	c.codes.expand(codes)
	slices.Sort(codes)
	h := &index.Histogram{Nulls: n - len(codes)}
	for i, code := range codes {
		if i == 0 || code != codes[i-1] {
			if len(h.Codes) == histogramCodesMax {
				return &index.Histogram{Nulls: -1}
			}
			h.Codes = append(h.Codes, code)
			h.Counts = append(h.Counts, 0)
		}
		h.Counts[len(h.Counts)-1]++
	}
	return h
}
