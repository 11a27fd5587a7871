// Package vocabulary keeps the distinct strings of columns and answers questions about them: codes of values, templates of
// texts, and which of them always, never or may match a predicate.
package vocabulary

// Arena is strings laid out in one piece of memory, by code. It is immutable once shared.
type Arena struct {
	Data    []byte
	Offsets []uint32 // Len()+1 offsets into Data
}

// Len is the number of strings.
func (a *Arena) Len() int {
	if len(a.Offsets) == 0 {
		return 0
	}
	return len(a.Offsets) - 1
}

// At returns string i. It aliases the arena.
func (a *Arena) At(i int) []byte { return a.Data[a.Offsets[i]:a.Offsets[i+1]] }

// Append adds s and returns its code.
func (a *Arena) Append(s []byte) uint32 {
	if len(a.Offsets) == 0 {
		a.Offsets = append(a.Offsets, 0)
	}
	a.Data = append(a.Data, s...)
	a.Offsets = append(a.Offsets, uint32(len(a.Data)))
	return uint32(len(a.Offsets) - 2)
}
