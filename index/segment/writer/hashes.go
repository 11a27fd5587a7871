package writer

import (
	"clew/index/segment/format"
	"clew/index/vocabulary"
)

// hashSet collects hashes for a filter. Filters count a hash once however often it comes; the small table keeps most repetitions
// out of the list.
type hashSet struct {
	list    []uint64
	scratch []uint64
	recent  [1 << 12]uint64
}

func (h *hashSet) reset() *hashSet {
	h.list = h.list[:0]
	clear(h.recent[:])
	return h
}

func (h *hashSet) add(hash uint64) {
	slot := &h.recent[hash>>(64-12)]
	if *slot == hash && hash != 0 { // a free slot looks like hash 0
		return
	}
	*slot = hash
	h.list = append(h.list, hash)
}

// addText adds the hashes of a text's words.
func (h *hashSet) addText(text []byte) {
	vocabulary.Words(text, func(start, end int) bool {
		h.add(vocabulary.HashWord(text[start:end]))
		return true
	})
}

// sorted returns the hashes, in ascending order where it is cheap. Hashes are spread evenly: one counting pass over their upper bits leaves
// about one of them in each bucket, and insertion sorts the rest. A filter's builder sorts too, which is then nothing to do;
// by comparing alone it was a quarter of the writer's time.
func (h *hashSet) sorted() []uint64 {
	const bits = 16
	if len(h.list) < 1<<(bits-5) {
		return h.list
	}
	starts := make([]uint32, 1<<bits+1)
	for _, v := range h.list {
		starts[v>>(64-bits)+1]++
	}
	crowd := uint32(16 + 4*(len(h.list)>>bits))
	for i := 1; i < len(starts); i++ {
		if starts[i] > crowd {
			return h.list // hashes made to collide: insertion sort would take forever
		}
		starts[i] += starts[i-1]
	}
	h.scratch = format.Resized(h.scratch, len(h.list))
	for _, v := range h.list {
		at := &starts[v>>(64-bits)]
		h.scratch[*at] = v
		*at++
	}
	h.list, h.scratch = h.scratch, h.list
	for i := 1; i < len(h.list); i++ {
		v := h.list[i]
		at := i
		for ; at > 0 && h.list[at-1] > v; at-- {
			h.list[at] = h.list[at-1]
		}
		h.list[at] = v
	}
	return h.list
}
