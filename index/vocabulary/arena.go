// Package vocabulary keeps the distinct strings of columns and answers questions about them.
//
// Telemetry says few things many times. A column of short values is a list of codes over its distinct values. A column of texts is
// a list of codes over its distinct templates: a [Coder] takes the variable pieces of a text (numbers, ids, words that vary a
// lot in one place) out and leaves one byte, a hole, for each. A million log lines have a few hundred templates.
//
// A question is a [Matcher]. It is put to the vocabulary first ([Match]): a template whose texts all match, or none of which
// does, decides its rows without looking at them; only texts of the others are rebuilt and tested. The vocabulary prunes, the text
// decides.
//
// A word is a maximal run of letters, digits and '_'; each CJK character is a word of its own ([Words]). Words compare in lower
// case.
//
// An [Index] is bleve over the vocabularies of many parts at once: an accelerator, and the source of completions.
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
