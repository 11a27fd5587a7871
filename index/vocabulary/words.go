package vocabulary

import (
	"unicode"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

// Classes of bytes. Bytes of 0x80 and above are looked at as runes.
const (
	classOther byte = iota // separates words
	classWord              // letters and '_'
	classDigit             // '0' to '9'
	classHole              // the hole bytes
	classHigh              // 0x80 and above
)

var byteClass = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
			t[c] = classWord
		case c >= '0' && c <= '9':
			t[c] = classDigit
		case IsHole(byte(c)):
			t[c] = classHole
		case c >= utf8.RuneSelf:
			t[c] = classHigh
		}
	}
	return t
}()

// isWordByte is for ASCII: letters, digits and '_'.
func isWordByte(c byte) bool { k := byteClass[c]; return k == classWord || k == classDigit }

// Classes of runes.
const (
	runeOther byte = iota // separates words
	runeWord              // part of a word
	runeAlone             // a word by itself (CJK)
)

func runeClass(r rune) byte {
	if r < utf8.RuneSelf {
		if isWordByte(byte(r)) {
			return runeWord
		}
		return runeOther
	}
	if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
		return runeOther
	}
	if r >= 0x3005 && isCJK(r) {
		return runeAlone
	}
	return runeWord
}

// isCJK is for letters: Han, kana and Hangul, which are written without spaces or with words glued together.
func isCJK(r rune) bool {
	switch {
	case r <= 0x318F: // ideographic iteration marks, kana, bopomofo, Hangul compatibility
		return true
	case r >= 0x31A0 && r <= 0x31FF, r >= 0x3400 && r <= 0x9FFF: // bopomofo and kana extensions, Han
		return true
	case r >= 0xAC00 && r <= 0xD7A3, r >= 0xF900 && r <= 0xFAFF, r >= 0xFF66 && r <= 0xFFDC: // Hangul, compatibility and half-width forms
		return true
	}
	return r >= 0x20000 && r <= 0x3FFFF // Han extensions
}

// NextWord finds the first word of s at or after i: s[start:end]. start is -1 if there is none. i must not be inside a word.
func NextWord(s []byte, i int) (start, end int) {
	for i < len(s) {
		c := s[i]
		if c < utf8.RuneSelf {
			if isWordByte(c) {
				return i, wordEnd(s, i+1)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		switch runeClass(r) {
		case runeWord:
			return i, wordEnd(s, i+size)
		case runeAlone:
			return i, i + size
		}
		i += size
	}
	return -1, -1
}

// wordEnd is the end of the word that goes on at i.
func wordEnd(s []byte, i int) int {
	for i < len(s) {
		c := s[i]
		if c < utf8.RuneSelf {
			if !isWordByte(c) {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		if runeClass(r) != runeWord {
			return i
		}
		i += size
	}
	return i
}

// wordStart is the start of the word that ends at i, not before floor.
func wordStart(s []byte, floor, i int) int {
	for i > floor {
		c := s[i-1]
		if c < utf8.RuneSelf {
			if !isWordByte(c) {
				return i
			}
			i--
			continue
		}
		r, size := utf8.DecodeLastRune(s[floor:i])
		if runeClass(r) != runeWord {
			return i
		}
		i -= size
	}
	return i
}

// Words calls f with the bounds of each word of s, in order, until f returns false. A word is a maximal run of letters, digits
// and '_'; each CJK character is a word of its own. This is what a word is everywhere in clew.
func Words(s []byte, f func(start, end int) bool) {
	for i := 0; ; {
		start, end := NextWord(s, i)
		if start < 0 || !f(start, end) {
			return
		}
		i = end
	}
}

// lowerRune is simple lower-casing that keeps ASCII and the rest apart (the Kelvin sign stays what it is), so that looking
// for an ASCII word needs no decoding.
func lowerRune(r rune) rune {
	if r < utf8.RuneSelf {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	if l := unicode.ToLower(r); l >= utf8.RuneSelf {
		return l
	}
	return r
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// AppendLower appends s in lower case, as words are compared. Bytes that are not UTF-8 stay as they are.
func AppendLower(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			dst = append(dst, lowerByte(c))
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, s[i])
		} else {
			dst = utf8.AppendRune(dst, lowerRune(r))
		}
		i += size
	}
	return dst
}

// HashWord is the hash of a word, the same for all its spellings in upper and lower case.
func HashWord(word []byte) uint64 {
	var buf [128]byte
	if len(word) > len(buf)/2 {
		return xxhash.Sum64(AppendLower(make([]byte, 0, len(word)+len(word)/2), word))
	}
	for i, c := range word {
		if c >= utf8.RuneSelf {
			// A lower-case rune is at most one byte longer (U+023A and the like): it fits.
			return xxhash.Sum64(AppendLower(buf[:0], word))
		}
		buf[i] = lowerByte(c)
	}
	return xxhash.Sum64(buf[:len(word)])
}

// equalLower says whether s in lower case is low.
func equalLower(s, low []byte) bool {
	n := prefixLower(s, low)
	return n == len(s) && n >= 0
}

// prefixLower gives the length of the prefix of s that is low when in lower case, or -1 if s does not begin so.
func prefixLower(s, low []byte) int {
	i := 0
	for j := 0; j < len(low); {
		if i >= len(s) {
			return -1
		}
		if c := s[i]; c < utf8.RuneSelf {
			if lowerByte(c) != low[j] {
				return -1
			}
			i++
			j++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && size == 1 {
			if s[i] != low[j] {
				return -1
			}
			i++
			j++
			continue
		}
		q, qsize := utf8.DecodeRune(low[j:])
		if lowerRune(r) != q || q == utf8.RuneError && qsize == 1 {
			return -1
		}
		i += size
		j += qsize
	}
	return i
}
