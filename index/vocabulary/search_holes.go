package vocabulary

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// searchHoles sets the bits of the templates in which one of the needles may lie across a hole of this kind, or inside it. What a hole holds is not known here, but its
// neighbours are: most needles do not go on as the template does.
func searchHoles(a *Arena, hole byte, needles []needle, set []uint64) {
	if a.Len() == 0 {
		return
	}
	data := a.Data[:a.Offsets[a.Len()]]
	code := 0
	for at := int(a.Offsets[0]); at < len(data); {
		found := bytes.IndexByte(data[at:], hole)
		if found < 0 {
			return
		}
		at += found
		code += entryOf(a.Offsets[code+1:], at)
		start, end := int(a.Offsets[code]), int(a.Offsets[code+1])
		if set[code>>6]>>(code&63)&1 == 0 && slices.ContainsFunc(needles, func(n needle) bool { return n.crosses(data[start:end], at-start) }) {
			set[code>>6] |= 1 << (code & 63)
		}
		if set[code>>6]>>(code&63)&1 == 1 {
			at = end
		} else {
			at++
		}
	}
}

// crosses says whether the literal may occur in a text of template t in such a way that some of it is in the hole at place at: what it has before that piece must stand
// before the hole, what it has after it behind. Beyond the next hole nothing is known, and all may be.
func (n *needle) crosses(t []byte, at int) bool {
	kind := t[at]
	if kind == HoleRaw || n.fold && !n.ascii {
		return true
	}
	before, after := t[:at], t[at+1:]
	for i := 0; i < len(n.lit); i++ {
		if !mayHold(kind, n.lit[i]) || !n.endsBefore(before, i) {
			continue
		}
		for j := i + 1; j <= len(n.lit) && mayHold(kind, n.lit[j-1]); j++ {
			if n.beginsAfter(after, j) && (kind != HoleID || idPiece(n.lit[i:j], false)) {
				return true
			}
		}
	}
	return false
}

// mayHold says whether a hole's value may have the byte.
func mayHold(kind, c byte) bool {
	switch kind {
	case HoleInt:
		return byteClass[c] == classDigit
	case HoleID:
		return isWordByte(c) || c == '-' || c >= utf8.RuneSelf // the last as speller.hole has it: no value has such bytes
	}
	return isWordByte(c) || c >= utf8.RuneSelf
}

// endsBefore says whether a text that ends as before does may end with the first i bytes of the literal.
func (n *needle) endsBefore(before []byte, i int) bool {
	for k := 1; k <= i; k++ {
		if k > len(before) {
			return false
		}
		c := before[len(before)-k]
		if IsHole(c) {
			return true
		}
		if c != n.lit[i-k] && (!n.fold || lowerByte(c) != n.lit[i-k]) {
			return false
		}
	}
	return true
}

// beginsAfter says whether a text that begins as after does may begin with the literal from j on.
func (n *needle) beginsAfter(after []byte, j int) bool {
	for k, want := range n.lit[j:] {
		if k >= len(after) {
			return false
		}
		c := after[k]
		if IsHole(c) {
			return true
		}
		if c != want && (!n.fold || lowerByte(c) != want) {
			return false
		}
	}
	return true
}
