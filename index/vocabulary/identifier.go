package vocabulary

import "unicode/utf8"

// wordShape is what is counted in a word, letter by letter.
type wordShape struct {
	run, longest      int  // digits in the run at hand, and in the longest
	turns, turnsMost  int  // changes between letter and digit since the last '_', and the most of them
	others            int  // neither digits nor hex letters
	upper, lower      bool // hex letters of that case
	letter, wordBegun bool // the last one was a letter; there was one since the last '_'
}

func (w *wordShape) add(c byte) {
	if byteClass[c] == classDigit {
		if w.wordBegun && w.letter {
			w.turns++
		}
		w.run++
		w.letter, w.wordBegun = false, true
		return
	}
	w.longest, w.run = max(w.longest, w.run), 0
	switch {
	case c >= 'a' && c <= 'f':
		w.lower = true
	case c >= 'A' && c <= 'F':
		w.upper = true
	default:
		w.others++
	}
	if c == '_' {
		w.turnsMost, w.turns, w.wordBegun = max(w.turnsMost, w.turns), 0, false
		return
	}
	if w.wordBegun && !w.letter {
		w.turns++
	}
	w.letter, w.wordBegun = true, true
}

// scanWord finds the end of the word of text that begins at start and has a digit, and says which hole stands for
// the word as a whole: HoleID, HoleWord, or HoleInt if only its digits are variable.
func scanWord(text []byte, start int) (end int, hole byte) {
	var shape wordShape
	for end = start; end < len(text); end++ {
		c := text[end]
		if k := byteClass[c]; k == classWord || k == classDigit {
			shape.add(c)
			continue
		}
		if c >= utf8.RuneSelf {
			// Letters beyond ASCII, and what follows them: no identifier is written so.
			if e := wordEnd(text, end); e > end {
				return e, HoleInt
			}
		}
		break
	}
	shape.longest, shape.turnsMost = max(shape.longest, shape.run), max(shape.turnsMost, shape.turns)
	return end, shape.hole(text[start:end])
}

// Shapes of words that are variable as a whole.
const (
	hexIDMin     = 8  // hex digits: a shorter one is more often a word with a number ("ab12")
	turnsIDMin   = 4  // changes between letters and digits: "v1beta1" has three, "x7k2p" four
	longIDMin    = 16 // a long word ...
	longIDTurns  = 2  // ... needs fewer changes (base64, access keys)
	prefixedHex  = 3  // "0x" and a digit at least
	idLettersMax = 3  // letters side by side in a HoleID that are not all hex digits or x
	uuidLen      = 36
)

// hole is for ASCII words with a digit.
func (w *wordShape) hole(word []byte) byte {
	switch {
	case w.longest > intDigitsMax:
		if plainLettersMax(word) > idLettersMax {
			return HoleWord
		}
		return HoleID
	case len(word) == w.longest:
		return HoleInt
	case w.others == 0 && len(word) >= hexIDMin && !(w.upper && w.lower),
		w.others == 1 && len(word) >= prefixedHex && word[0] == '0' && (word[1] == 'x' || word[1] == 'X'):
		return HoleID
	case w.turnsMost >= turnsIDMin || len(word) >= longIDMin && w.turnsMost >= longIDTurns:
		return HoleWord
	}
	return HoleInt
}

// plainLettersMax is the length of the longest run of letters that are not all hex digits or x ("0x").
func plainLettersMax(s []byte) (longest int) {
	run, hex := 0, true
	for i := 0; i <= len(s); i++ {
		if i < len(s) && byteClass[s[i]] == classWord && s[i] != '_' {
			run++
			hex = hex && (isHex(s[i]) || s[i]|0x20 == 'x')
			continue
		}
		if !hex {
			longest = max(longest, run)
		}
		run, hex = 0, true
	}
	return longest
}

// uuidAround finds a UUID of which text[start:end] is one of the five words, not beginning before floor. Its first and last words
// may have more to them, set off by '_' ("req_<uuid>", "<uuid>_del"), which becomes part of it.
func uuidAround(text []byte, floor, start, end int) (uuidStart, uuidEnd int, ok bool) {
	var before [4]int
	n := 0
	if end-start >= 8 && end < len(text) && text[end] == '-' {
		before[0], n = 8-(end-start), 1
	}
	switch {
	case end-start == 4:
		before, n = [4]int{9, 14, 19}, 3
	case end-start >= 12 && start > floor && text[start-1] == '-':
		before[n] = 24
		n++
	}
	for _, b := range before[:n] {
		at := start - b
		if at < floor || at+uuidLen > len(text) || !isUUID(text[at:at+uuidLen]) {
			continue
		}
		s, e := wordStart(text, floor, at), wordEnd(text, at+uuidLen)
		if s == at && e == at+uuidLen {
			return s, e, true
		}
		if (s == at || text[at-1] == '_') && (e == at+uuidLen || text[at+uuidLen] == '_') &&
			isASCII(text[s:e]) && plainLettersMax(text[s:e]) <= idLettersMax {
			return s, e, true
		}
	}
	return 0, 0, false
}

// isUUID is for 36 bytes.
func isUUID(s []byte) bool {
	if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	for i, c := range s {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}
