package vocabulary

import "unicode/utf8"

// NextToken finds the first token of template t at or after i: t[start:end]. A token is a word (kind 0), a word that contains
// HoleInts (kind HoleInt), or a HoleID, HoleWord or HoleRaw. start is -1 if there is none. i must not be inside a token.
func NextToken(t []byte, i int) (start, end int, kind byte) {
	for i < len(t) {
		switch byteClass[t[i]] {
		case classOther:
			i++
			continue
		case classHole:
			if t[i] != HoleInt {
				return i, i + 1, t[i]
			}
		case classHigh:
			r, size := utf8.DecodeRune(t[i:])
			switch runeClass(r) {
			case runeOther:
				i += size
				continue
			case runeAlone:
				return i, i + size, 0
			}
		}
		end, kind := tokenEnd(t, i)
		return i, end, kind
	}
	return -1, -1, 0
}

// tokenEnd is the end of the word, with the HoleInts in it, that begins at i; i itself if none does.
func tokenEnd(t []byte, i int) (end int, kind byte) {
	for i < len(t) {
		switch byteClass[t[i]] {
		case classWord, classDigit:
			i++
			continue
		case classHole:
			if t[i] == HoleInt {
				kind = HoleInt
				i++
				continue
			}
		case classHigh:
			if e := wordEnd(t, i); e > i {
				i = e
				continue
			}
		}
		break
	}
	return i, kind
}

// aloneAt says whether a CJK character is at t[i].
func aloneAt(t []byte, i int) bool {
	if t[i] < utf8.RuneSelf {
		return false
	}
	r, _ := utf8.DecodeRune(t[i:])
	return runeClass(r) == runeAlone
}
