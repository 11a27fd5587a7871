package format

import (
	"encoding/binary"

	"clew/index/vocabulary"
)

// AppendArena appends a vocabulary: number of entries, their lengths, their bytes.
func AppendArena(dst []byte, a *vocabulary.Arena) []byte {
	n := a.Len()
	dst = binary.AppendUvarint(dst, uint64(n))
	for i := range n {
		dst = binary.AppendUvarint(dst, uint64(len(a.At(i))))
	}
	for i := range n {
		dst = append(dst, a.At(i)...)
	}
	return dst
}

// ParseArena reads what appendArena wrote.
func ParseArena(data []byte) (*vocabulary.Arena, bool) {
	d := &Decoder{Rest: data}
	n := d.Count(1)
	arena := &vocabulary.Arena{Offsets: make([]uint32, n+1)}
	end := uint64(0)
	for i := range n {
		end += d.Uvarint()
		if end > uint64(len(data)) {
			return nil, false
		}
		arena.Offsets[i+1] = uint32(end)
	}
	if d.Failed || end != uint64(len(d.Rest)) {
		return nil, false
	}
	arena.Data = d.Rest
	return arena, true
}
