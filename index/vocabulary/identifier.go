package vocabulary

// scanWord finds the end of the word of text that begins at start and has its first digit at digit, and says whether the word as a
// whole is an identifier.
func scanWord(text []byte, start, digit int) (end int, id bool) {
	if start < digit && !isASCII(text[start:digit]) {
		return wordEnd(text, digit), false
	}
	end = digit
	run, longest := 0, 0     // digits in the run at hand, and in the longest
	turns, turnsMost := 0, 0 // changes between letter and digit since the last '_'
	hexLetters, others := 0, 0
	upper, lower := false, false
	prev := classOther
	if start < digit {
		prev = byteClass[text[digit-1]]
		if text[digit-1] == '_' {
			prev = classOther
		}
		for _, c := range text[start:digit] {
			switch {
			case c >= 'a' && c <= 'f':
				hexLetters, lower = hexLetters+1, true
			case c >= 'A' && c <= 'F':
				hexLetters, upper = hexLetters+1, true
			default:
				others++
			}
		}
	}
	for end < len(text) {
		c := text[end]
		switch byteClass[c] {
		case classDigit:
			if prev == classWord {
				turns++
			}
			run++
			prev = classDigit
			end++
			continue
		case classWord:
			longest, run = max(longest, run), 0
			switch {
			case c == '_':
				others++
				turnsMost, turns, prev = max(turnsMost, turns), 0, classOther
				end++
				continue
			case c >= 'a' && c <= 'f':
				hexLetters, lower = hexLetters+1, true
			case c >= 'A' && c <= 'F':
				hexLetters, upper = hexLetters+1, true
			default:
				others++
			}
			if prev == classDigit {
				turns++
			}
			prev = classWord
			end++
			continue
		case classHigh:
			// Letters beyond ASCII, and what follows them: no identifier is written so.
			if e := wordEnd(text, end); e > end {
				return e, false
			}
		}
		break
	}
	longest, turnsMost = max(longest, run), max(turnsMost, turns)
	return end, isIdentifier(text[start:end], longest, turnsMost, hexLetters, others, upper && lower)
}

// Shapes of words that are identifiers as a whole.
const (
	hexIDMin    = 8  // hex digits: a shorter one is more often a word with a number ("ab12")
	turnsIDMin  = 4  // changes between letters and digits: "v1beta1" has three, "x7k2p" four
	longIDMin   = 16 // a long word ...
	longIDTurns = 2  // ... needs fewer changes (base64, access keys)
	prefixedHex = 3  // "0x" and a digit at least
	uuidLen     = 36
)

func isIdentifier(word []byte, longestRun, turns, hexLetters, others int, mixedCase bool) bool {
	if longestRun > intDigitsMax {
		return true
	}
	if len(word) == longestRun {
		return false
	}
	if others == 0 && len(word) >= hexIDMin && !mixedCase {
		return true
	}
	if others == 1 && len(word) >= prefixedHex && word[0] == '0' && (word[1] == 'x' || word[1] == 'X') {
		return true
	}
	return turns >= turnsIDMin || len(word) >= longIDMin && turns >= longIDTurns
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
		if (s == at || text[at-1] == '_') && (e == at+uuidLen || text[at+uuidLen] == '_') && isASCII(text[s:e]) {
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
