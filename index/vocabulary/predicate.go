package vocabulary

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// predicate is a condition on one word.
type predicate interface {
	// word tests a word.
	word(w []byte) bool
	// ints answers for a word of a template that contains HoleInts.
	ints(t []byte) Answer
	// hole says whether a word inside a hole of this kind (HoleID, HoleWord, HoleRaw) may meet the condition.
	hole(kind byte, holes HoleFilter) bool
	// needle is a literal that every word meeting the condition contains, in lower case; empty if there is none.
	needle() []byte
	String() string
}

// equalWord is: the word is this one.
type equalWord struct {
	low    []byte
	hash   uint64
	digits bool // has any
	inID   bool // may be a HoleID, or one of its words
}

func newEqualWord(w []byte) *equalWord {
	p := &equalWord{low: AppendLower(nil, w), hash: HashWord(w)}
	hex, underline := true, false
	for _, c := range p.low {
		p.digits = p.digits || byteClass[c] == classDigit
		hex = hex && isHex(c)
		underline = underline || c == '_'
	}
	p.inID = idPiece(p.low, false) && (p.digits || underline || hex && (len(w) == 8 || len(w) == 4 || len(w) == 12))
	return p
}

func (p *equalWord) word(w []byte) bool { return equalLower(w, p.low) }
func (p *equalWord) needle() []byte     { return p.low }
func (p *equalWord) String() string     { return strconv.Quote(string(p.low)) }

func (p *equalWord) ints(t []byte) Answer {
	if p.digits && (&wordPattern{pattern: p.low}).fitsInts(t) {
		return May
	}
	return Never
}

func (p *equalWord) hole(kind byte, holes HoleFilter) bool {
	if kind == HoleID && !p.inID {
		return false
	}
	return holes == nil || holes(p.hash)
}

// prefixWord is: the word begins so.
type prefixWord struct {
	low     []byte
	pattern []byte // low and '*'
}

func newPrefixWord(prefix []byte) *prefixWord {
	pattern := append(AppendLower(nil, prefix), '*')
	return &prefixWord{pattern[: len(pattern)-1 : len(pattern)-1], pattern}
}

func (p *prefixWord) word(w []byte) bool { return prefixLower(w, p.low) >= 0 }
func (p *prefixWord) needle() []byte     { return p.low }
func (p *prefixWord) String() string     { return strconv.Quote(string(p.low)) + "*" }

func (p *prefixWord) hole(kind byte, _ HoleFilter) bool {
	return kind != HoleID || idPiece(p.low, false)
}

func (p *prefixWord) ints(t []byte) Answer {
	if prefixLower(t[:bytes.IndexByte(t, HoleInt)], p.low) >= 0 {
		return Always
	}
	if (&wordPattern{pattern: p.pattern}).fitsInts(t) {
		return May
	}
	return Never
}

// wildcardWord is: the word fits a pattern of characters, '?' (any one) and '*' (any number of any).
type wildcardWord struct {
	low     []byte
	literal []byte // the longest piece without wildcards
}

func newWildcardWord(pattern []byte) *wildcardWord {
	p := &wildcardWord{low: AppendLower(nil, pattern)}
	for _, piece := range bytes.FieldsFunc(p.low, func(r rune) bool { return r == '*' || r == '?' }) {
		if len(piece) > len(p.literal) {
			p.literal = piece
		}
	}
	return p
}

func (p *wildcardWord) word(w []byte) bool { return (&wordPattern{pattern: p.low}).fits(w) }
func (p *wildcardWord) needle() []byte     { return p.literal }
func (p *wildcardWord) String() string     { return "wildcard " + strconv.Quote(string(p.low)) }

func (p *wildcardWord) hole(kind byte, _ HoleFilter) bool {
	return kind != HoleID || idPiece(p.literal, false)
}

func (p *wildcardWord) ints(t []byte) Answer {
	if (&wordPattern{pattern: p.low}).fitsInts(t) {
		return May
	}
	return Never
}

// fuzzyWord is: the word is at most this many edits (a character inserted, removed or replaced) away.
type fuzzyWord struct {
	low      []rune
	distance int
}

func (p *fuzzyWord) needle() []byte { return nil }

func (p *fuzzyWord) String() string {
	return strconv.Quote(string(p.low)) + "~" + strconv.Itoa(p.distance)
}

func (p *fuzzyWord) hole(kind byte, _ HoleFilter) bool { return true }

func (p *fuzzyWord) word(w []byte) bool { return p.reaches(w) }

func (p *fuzzyWord) ints(t []byte) Answer {
	if p.reaches(t) {
		return May
	}
	return Never
}

// reaches computes the edit distance row by row; a HoleInt is one digit, and any more of them for nothing.
func (p *fuzzyWord) reaches(w []byte) bool {
	n := len(p.low)
	if len(w) > utf8.UTFMax*(n+p.distance) || bytes.IndexByte(w, HoleInt) < 0 && utf8.RuneCount(w)+p.distance < n {
		return false
	}
	var buf [2][64]int
	row, next := buf[0][:0], buf[1][:0]
	for i := 0; i <= n; i++ {
		row = append(row, i)
	}
	for len(w) > 0 {
		r, size := utf8.DecodeRune(w)
		w = w[size:]
		hole := r == rune(HoleInt)
		r = lowerRune(r)
		next = append(next[:0], row[0]+1)
		least := next[0]
		for i := 1; i <= n; i++ {
			c := p.low[i-1]
			digit := c >= '0' && c <= '9'
			cost := 1
			if c == r || hole && digit {
				cost = 0
			}
			d := min(row[i]+1, next[i-1]+1, row[i-1]+cost)
			if hole && digit {
				d = min(d, next[i-1])
			}
			next = append(next, d)
			least = min(least, d)
		}
		if least > p.distance {
			return false
		}
		row, next = next, row
	}
	return row[n] <= p.distance
}

// wordPattern matches words, and words with HoleInts, against a pattern in lower case with '*' and '?'.
type wordPattern struct {
	pattern []byte
	steps   int
}

// patternStepsMax bounds the backtracking over holes; past it the answer is that it may fit.
const patternStepsMax = 10_000

// fits is for a word without holes. '*' backtracks to its last occurrence only, which is enough.
func (p *wordPattern) fits(w []byte) bool {
	pattern := p.pattern
	i, j := 0, 0 // of pattern and w
	star, from := -1, 0
	for j < len(w) {
		r, size := utf8.DecodeRune(w[j:])
		if i < len(pattern) {
			q, qsize := utf8.DecodeRune(pattern[i:])
			switch {
			case q == '*':
				star, from = i+1, j
				i++
				continue
			case q == '?', q == lowerRune(r):
				i, j = i+qsize, j+size
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, size = utf8.DecodeRune(w[from:])
		from += size
		i, j = star, from
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern)
}

// fitsInts is for a word with HoleInts.
func (p *wordPattern) fitsInts(t []byte) bool { return p.at(0, t, 0) }

// at matches p.pattern[i:] with t; digits is how many digits of the hole t[0] are taken already.
func (p *wordPattern) at(i int, t []byte, digits int) bool {
	if p.steps++; p.steps > patternStepsMax {
		return true
	}
	if len(t) == 0 {
		for i < len(p.pattern) && p.pattern[i] == '*' {
			i++
		}
		return i == len(p.pattern)
	}
	hole := t[0] == HoleInt
	if hole && digits > 0 && p.at(i, t[1:], 0) {
		return true
	}
	if i == len(p.pattern) {
		return false
	}
	q, qsize := utf8.DecodeRune(p.pattern[i:])
	r, size := utf8.DecodeRune(t)
	if q == '*' {
		if p.at(i+1, t, digits) {
			return true
		}
		if hole && digits == 0 {
			return p.at(i, t, 1)
		}
		// More digits of this hole need no step of their own: after the first the hole can be left, '*' going on.
		return !hole && p.at(i, t[size:], 0)
	}
	if hole {
		return digits < intDigitsMax && (q == '?' || q >= '0' && q <= '9') && p.at(i+qsize, t, digits+1)
	}
	return (q == '?' || q == lowerRune(r)) && p.at(i+qsize, t[size:], 0)
}
