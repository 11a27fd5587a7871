package vocabulary

import "unicode/utf8"

// occurs says what is known about a literal in the texts of template t: Always if the template's own bytes contain it, May if its
// holes could be filled so that it occurs, else Never.
func (n *needle) occurs(t []byte, holes HoleFilter) Answer {
	anyHole, rawHole, from := false, false, 0
	for i := 0; i <= len(t); i++ {
		if i < len(t) && !IsHole(t[i]) {
			continue
		}
		if n.index(t[from:i]) >= 0 {
			return Always
		}
		if i < len(t) {
			anyHole, rawHole = true, rawHole || t[i] == HoleRaw
		}
		from = i + 1
	}
	if !anyHole {
		return Never
	}
	if containsHole(n.lit) {
		// Only raw tails contain such bytes.
		if rawHole {
			return May
		}
		return Never
	}
	if n.fold && !isASCII(t) {
		var buf [512]byte
		t = AppendLower(buf[:0], t)
	}
	s := speller{lit: n.lit, fold: n.fold, holes: holes}
	if len(s.lit) > literalStatesMax {
		s.lit = s.lit[:literalStatesMax]
	}
	if s.spell(t) {
		return May
	}
	return Never
}

func containsHole(s []byte) bool { return countHoles(s) > 0 }

func isASCII(s []byte) bool {
	for _, c := range s {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// speller tries to spell a literal with the bytes and holes of a template, all alignments at once: it walks the template with the
// set of states, the lengths of the literal's prefixes that end where it stands.
type speller struct {
	lit    []byte
	fold   bool
	holes  HoleFilter
	states states
	next   states
}

// states is a set of lengths of prefixes, 1 to len(lit)-1. The empty prefix always counts as a member.
type states struct {
	n    int
	list [literalStatesMax + 1]uint8
	has  [(literalStatesMax + 64) / 64]uint64
}

func (s *states) clear() { s.n, s.has = 0, [len(s.has)]uint64{} }

func (s *states) add(i int) {
	if i == 0 || s.has[i>>6]>>(i&63)&1 == 1 {
		return
	}
	s.has[i>>6] |= 1 << (i & 63)
	s.list[s.n] = uint8(i)
	s.n++
}

// spell says whether the literal can occur in a text of t.
func (s *speller) spell(t []byte) bool {
	for i := 0; i < len(t); i++ {
		// Where nothing is begun, only the last bytes before the next hole matter: what the template's own bytes contain is known.
		if s.states.n == 0 && !IsHole(t[i]) {
			end := i
			for end < len(t) && !IsHole(t[end]) {
				end++
			}
			if end == len(t) {
				return false
			}
			i = max(i, end-len(s.lit)+1)
		}
		s.next.clear()
		if IsHole(t[i]) {
			if s.hole(t[i], 0) {
				return true
			}
			for _, state := range s.states.list[:s.states.n] {
				if s.hole(t[i], int(state)) {
					return true
				}
			}
		} else if s.byte(t[i]) {
			return true
		}
		s.states.n, s.states.has = s.next.n, s.next.has
		copy(s.states.list[:s.next.n], s.next.list[:s.next.n])
	}
	return false
}

// byte follows the template's own byte.
func (s *speller) byte(c byte) bool {
	if s.fold {
		c = lowerByte(c)
	}
	if s.lit[0] == c {
		if len(s.lit) == 1 {
			return true
		}
		s.next.add(1)
	}
	for _, state := range s.states.list[:s.states.n] {
		if s.lit[state] == c {
			if int(state)+1 == len(s.lit) {
				return true
			}
			s.next.add(int(state) + 1)
		}
	}
	return false
}

// hole follows a hole from a state; 0 means that the literal begins inside the hole, at any place. It is true if the literal can
// end inside the hole.
func (s *speller) hole(kind byte, from int) bool {
	switch kind {
	case HoleInt:
		for i := from; i < len(s.lit) && i-from < intDigitsMax && byteClass[s.lit[i]] == classDigit; i++ {
			if i+1 == len(s.lit) {
				return true
			}
			s.next.add(i + 1)
		}
		return false
	case HoleRaw:
		if s.innerWordsPass(from) {
			return true
		}
		for i := max(from, 1); i < len(s.lit); i++ {
			s.next.add(i)
		}
		return false
	}
	end, high := from, false
	for end < len(s.lit) && (isWordByte(s.lit[end]) || s.lit[end] >= utf8.RuneSelf || kind == HoleID && s.lit[end] == '-') {
		high = high || s.lit[end] >= utf8.RuneSelf
		end++
	}
	if end == from {
		return false
	}
	if end == len(s.lit) && (kind == HoleWord || idPiece(s.lit[from:], false)) {
		return true
	}
	if kind == HoleWord && !high {
		if end < len(s.lit) && (from == 0 || s.wordPasses(s.lit[from:end])) {
			s.next.add(end)
		}
		return false
	}
	// Letters beyond ASCII may be words of their own beside the hole, and '-' may follow it: any length is possible.
	for i := from + 1; i <= end && i < len(s.lit); i++ {
		if kind == HoleID && !idPiece(s.lit[from:i], from > 0) {
			continue
		}
		if from == 0 || s.wordsPass(s.lit[from:i]) {
			s.next.add(i)
		}
	}
	return false
}

func (s *speller) wordPasses(word []byte) bool { return s.holes == nil || s.holes(HashWord(word)) }

// wordsPass says whether all words of a hole's value pass the filter.
func (s *speller) wordsPass(value []byte) bool {
	if s.holes == nil {
		return true
	}
	pass := true
	Words(value, func(start, end int) bool {
		pass = s.holes(HashWord(value[start:end]))
		return pass
	})
	return pass
}

// innerWordsPass is for a literal of which all from a state on is inside a hole: its words after the first separator and before
// the last are then whole words of the hole.
func (s *speller) innerWordsPass(from int) bool {
	if s.holes == nil {
		return true
	}
	pass := true
	innerWords(s.lit[from:], func(word []byte) bool {
		pass = s.holes(HashWord(word))
		return pass
	})
	return pass
}

// innerWords calls f with the words of lit that are whole whatever stands beside lit. lit must not begin inside a rune's bytes.
func innerWords(lit []byte, f func(word []byte) bool) {
	if !utf8.Valid(lit) {
		return
	}
	Words(lit, func(start, end int) bool {
		if start == 0 || end == len(lit) {
			return true
		}
		return f(lit[start:end])
	})
}

// InID says whether s can stand inside a HoleID's value.
func InID(s []byte) bool { return idPiece(s, false) }

// idPiece says whether s can be a piece of a HoleID's value, or, if whole, the value.
func idPiece(s []byte, whole bool) bool {
	if plainLettersMax(s) > idLettersMax {
		return false
	}
	dash, digit, hex, underline, word := false, false, true, false, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '-' {
			c := s[i]
			digit = digit || byteClass[c] == classDigit
			underline = underline || c == '_'
			hex = hex && isHex(c)
			word++
			continue
		}
		if i < len(s) {
			dash = true
		}
		// In a UUID every word is hex, but for what '_' sets off.
		if dash && !hex && !underline {
			return false
		}
		if whole && word == 0 {
			return false
		}
		hex, underline, word = true, false, 0
	}
	return !whole || digit
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
