package vocabulary

import (
	"bytes"
	"unicode/utf8"
)

// needle is a literal that is looked for in texts.
type needle struct {
	lit   []byte // in lower case if fold is set
	fold  bool
	ascii bool
	rare  int // of a folded ASCII literal: the place of the byte that texts have least of
}

func newNeedle(lit []byte, fold bool) needle {
	n := needle{lit: bytes.Clone(lit), fold: fold, ascii: true}
	if fold {
		n.lit = AppendLower(nil, lit)
	}
	for i, c := range n.lit {
		n.ascii = n.ascii && c < utf8.RuneSelf
		if rarity(c) > rarity(n.lit[n.rare]) {
			n.rare = i
		}
	}
	return n
}

// rarity orders bytes by how seldom logs have them.
func rarity(c byte) int {
	const frequent = " etaoinsrl0dc1u2pm=:./-fg3h54_bvy"
	if i := bytes.IndexByte([]byte(frequent), c); i >= 0 {
		return i
	}
	return len(frequent)
}

const (
	samples     = 16  // places of data that are looked at to choose the byte to follow
	sampleBytes = 256 // at each of them
)

// follow chooses the byte that a sample of data, where a folded ASCII literal will be looked for, has least of: ids have no n, and texts few 7s.
func (n *needle) follow(data []byte) {
	if len(data) < samples*sampleBytes {
		return
	}
	var count [256]int
	for i := range samples {
		from := (len(data) - sampleBytes) / (samples - 1) * i
		for _, c := range data[from : from+sampleBytes] {
			count[lowerByte(c)]++
		}
	}
	for i, c := range n.lit {
		if best := n.lit[n.rare]; count[c] < count[best] {
			n.rare = i
		}
	}
}

// index is where the literal first occurs in s, or -1.
func (n *needle) index(s []byte) int {
	switch {
	case !n.fold:
		return bytes.Index(s, n.lit)
	case !n.ascii:
		return n.indexRunes(s)
	case len(n.lit) == 0:
		return 0
	}
	f := foldSearch{needle: n, low: -1, up: -1}
	return f.next(s, 0)
}

// indexRunes is index for folded literals beyond ASCII.
func (n *needle) indexRunes(s []byte) int {
	for i := 0; i < len(s); {
		if prefixLower(s[i:], n.lit) >= 0 {
			return i
		}
		_, size := utf8.DecodeRune(s[i:])
		i += size
	}
	return -1
}

// foldSearch walks the occurrences of a folded ASCII literal. It follows the literal's rarest byte in both cases, which are found
// fast, and looks closer only there.
type foldSearch struct {
	needle  *needle
	low, up int // the next place of the rarest byte in lower and upper case; -1 before the first, len(s) after the last
}

// next is the first occurrence at or after from, or -1. from must not go back between calls with the same s.
func (f *foldSearch) next(s []byte, from int) int {
	lit, rare := f.needle.lit, f.needle.rare
	lower := lit[rare]
	upper := lower
	if lower >= 'a' && lower <= 'z' {
		upper = lower - 'a' + 'A'
	}
	at := from + rare
	for at < len(s) {
		if f.low < at {
			f.low = indexByteFrom(s, at, lower)
		}
		if f.up < at {
			f.up = f.low
			if upper != lower {
				f.up = indexByteFrom(s, at, upper)
			}
		}
		at = min(f.low, f.up)
		if start := at - rare; start+len(lit) <= len(s) && equalFoldASCII(s[start:start+len(lit)], lit) {
			return start
		}
		at++
	}
	return -1
}

func indexByteFrom(s []byte, from int, c byte) int {
	if i := bytes.IndexByte(s[from:], c); i >= 0 {
		return from + i
	}
	return len(s)
}

// equalFoldASCII is for strings of one length that are in lower case beyond ASCII, the second in ASCII too.
func equalFoldASCII(s, low []byte) bool {
	for i, c := range low {
		if lowerByte(s[i]) != c {
			return false
		}
	}
	return true
}
