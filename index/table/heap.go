package table

// heap is byte strings one after the other. Their offsets are a mark for every 16th of them and a length (1 byte mostly) for each; a heap
// of fixed width needs neither. Append-only: a copy of the struct is a snapshot.
type heap struct {
	data  []byte
	n     int
	fixed int // width of all strings, or 0
	lens  packed
	marks []uint32
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
	return int64(cap(h.data) + cap(h.lens.buf) + 4*cap(h.marks))
}
