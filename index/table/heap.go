package table

import "sort"

// heap is byte strings one after the other. Their offsets are a mark for every 16th of them and a length (1 byte mostly) for each; a heap
// of fixed width needs neither. Append-only: a copy of the struct is a snapshot.
type heap struct {
	data  []byte
	n     int
	fixed int // width of all strings, or 0
	lens  packed
	marks []uint32
	// apart are long strings, in memory of their own: lines of a megabyte would be copied again and again while data grows, and what is copied leaves
	// holes in the process's memory that the next larger copy does not fit into. In data they are empty.
	apart      []apart
	apartBytes int64
}

// apart is the i-th string of a heap.
type apart struct {
	i    int
	data []byte
}

// appendApart adds b, which the heap owns from now on, without copying it. Only for heaps that are read by value.
func (h *heap) appendApart(b []byte) {
	h.apart = append(h.apart, apart{h.n, b})
	h.apartBytes += int64(cap(b)) + apartOverhead
	h.end(len(h.data))
}

// appendFrom adds string i of from. Long ones are shared: they do not change.
func (h *heap) appendFrom(from *heap, i int) {
	if b := from.longValue(i); b != nil {
		h.appendApart(b)
		return
	}
	h.append(from.value(i))
}

// longValue is string i if it is apart, else nil.
func (h *heap) longValue(i int) []byte {
	k := sort.Search(len(h.apart), func(k int) bool { return h.apart[k].i >= i })
	if k < len(h.apart) && h.apart[k].i == i {
		return h.apart[k].data
	}
	return nil
}

// append adds b.
func (h *heap) append(b []byte) {
	start := len(h.data)
	h.data = append(h.data, b...)
	h.end(start)
}

// end makes what was appended to data since it was start bytes long the next string.
func (h *heap) end(start int) {
	if h.fixed == 0 {
		if h.n%markEvery == 0 {
			h.marks = append(h.marks, uint32(start))
		}
		h.lens.append(uint32(len(h.data) - start))
	}
	h.n++
}

// unfix gives up the fixed width, because a string of another length is to be added.
func (h *heap) unfix() {
	width := h.fixed
	h.fixed = 0
	for i := range h.n {
		if i%markEvery == 0 {
			h.marks = append(h.marks, uint32(i*width))
		}
		h.lens.append(uint32(width))
	}
}

// at returns where string i is in data.
func (h *heap) at(i int) (start, end int) {
	if h.fixed > 0 {
		return i * h.fixed, (i + 1) * h.fixed
	}
	start = int(h.marks[i/markEvery])
	for k := i &^ (markEvery - 1); k < i; k++ {
		start += int(h.lens.at(k))
	}
	return start, start + int(h.lens.at(i))
}

// value returns string i, which aliases the heap.
func (h *heap) value(i int) []byte {
	if len(h.apart) > 0 {
		if b := h.longValue(i); b != nil {
			return b
		}
	}
	start, end := h.at(i)
	return h.data[start:end:end]
}

// offsets returns rows+1 offsets into data; a row without a value has no bytes.
func (h *heap) offsets(p *presence, rows int) []uint32 {
	out := make([]uint32, rows+1)
	lens := out[1:]
	if h.fixed > 0 {
		for i := range h.n {
			lens[i] = uint32(h.fixed)
		}
	} else {
		h.lens.expand(lens)
	}
	spread(p, lens, 0)
	var sum uint32
	for i, l := range lens {
		sum += l
		lens[i] = sum
	}
	return out
}

func (h *heap) clip() {
	h.data = clip(h.data)
	h.lens.buf = clip(h.lens.buf)
}

func (h *heap) bytes() int64 {
	return int64(cap(h.data)+cap(h.lens.buf)+4*cap(h.marks)) + h.apartBytes
}
