package question

import (
	"bytes"
	"unicode/utf8"

	"clew/index/vocabulary"
)

// An alternative is one way in which a literal can occur in a template's texts: what the variables that it touches must be like. "status=5"
// in the template "GET status=<integer>" has one: the integer begins with 5. So a row is refused by looking at one number.
type Alternative []holeNeed

// holeNeed is a condition on one variable.
type holeNeed struct {
	Hole  int
	IsInt bool
	Mode  needMode
	text  []byte
}

type needMode uint8

const (
	NeedContains needMode = iota
	needPrefix
	needSuffix
	needEqual
)

func (n *holeNeed) Holds(value []byte) bool {
	switch n.Mode {
	case needPrefix:
		return bytes.HasPrefix(value, n.text)
	case needSuffix:
		return bytes.HasSuffix(value, n.text)
	case needEqual:
		return bytes.Equal(value, n.text)
	}
	return bytes.Contains(value, n.text)
}

// alternativesMax bounds the ways that are looked at per row; a literal with more is not used.
const alternativesMax = 16

// AlternativesOf gives the ways in which lit can occur in texts of template t. ok is false if it occurs for certain, or in too many ways:
// then the literal refuses no row. No way and ok: it cannot occur.
func AlternativesOf(t, lit []byte) (alts []Alternative, ok bool) {
	w := &occurrences{t: t, lit: lit, holes: make([]int, len(t))}
	k := 0
	for j, c := range t {
		w.holes[j] = k
		switch {
		case isDigit(c): // digits of the template's own: whatever made them, no claim about integers
			return nil, false
		case c == vocabulary.HoleRaw && j < len(t)-1: // only a tail is followed
			return nil, false
		case vocabulary.IsHole(c):
			k++
		}
	}
	for j := range t {
		w.begin(j)
	}
	return w.alts, !w.open
}

// occurrences walks a literal over a template.
type occurrences struct {
	t, lit []byte
	holes  []int // the number of the hole at each place
	alts   []Alternative
	open   bool
}

func (w *occurrences) found(needs Alternative) {
	if len(needs) == 0 || len(w.alts) == alternativesMax {
		w.open = true
		return
	}
	w.alts = append(w.alts, needs)
}

// begin tries the literal from place j of the template on.
func (w *occurrences) begin(j int) {
	switch c := w.t[j]; {
	case !vocabulary.IsHole(c):
		w.walk(0, j, nil)
	case c == vocabulary.HoleInt:
		n := w.span(0, c)
		if n == len(w.lit) {
			w.found(Alternative{{w.holes[j], true, NeedContains, w.lit}})
		} else if n > 0 {
			w.walk(n, j+1, Alternative{{w.holes[j], true, needSuffix, w.lit[:n]}})
		}
	default:
		n := w.span(0, c)
		if n == len(w.lit) && mayHold(c, w.lit) {
			w.found(Alternative{{w.holes[j], false, NeedContains, w.lit}})
		}
		for m := 1; m <= min(n, len(w.lit)-1); m++ {
			if mayHold(c, w.lit[:m]) {
				w.walk(m, j+1, Alternative{{w.holes[j], false, needSuffix, w.lit[:m]}})
			}
		}
	}
}

// mayHold says whether s, of characters that the hole holds, can be a piece of its value.
func mayHold(kind byte, s []byte) bool { return kind != vocabulary.HoleID || vocabulary.InID(s) }

// walk follows lit[i:] from place j on.
func (w *occurrences) walk(i, j int, needs Alternative) {
	for ; i < len(w.lit) && j < len(w.t) && !vocabulary.IsHole(w.t[j]); i, j = i+1, j+1 {
		if w.t[j] != w.lit[i] {
			return
		}
	}
	switch {
	case w.open:
		return
	case i == len(w.lit):
		w.found(needs)
		return
	case j == len(w.t):
		return
	}
	isInt := w.t[j] == vocabulary.HoleInt
	n := w.span(i, w.t[j])
	if n > 0 && i+n == len(w.lit) {
		w.found(append(needs[:len(needs):len(needs)], holeNeed{w.holes[j], isInt, needPrefix, w.lit[i:]}))
		n--
		if isInt {
			return
		}
	}
	for m := n; m >= 1; m-- {
		w.walk(i+m, j+1, append(needs[:len(needs):len(needs)], holeNeed{w.holes[j], isInt, needEqual, w.lit[i : i+m]}))
		if isInt {
			return // digits end where they end
		}
	}
}

// span is how much of lit[i:] a hole can hold.
func (w *occurrences) span(i int, kind byte) int {
	if kind == vocabulary.HoleRaw {
		return len(w.lit) - i
	}
	n := 0
	for i+n < len(w.lit) {
		c := w.lit[i+n]
		if !isDigit(c) && (kind == vocabulary.HoleInt || !isLetter(c) && c != '-' && c < utf8.RuneSelf) {
			break
		}
		n++
	}
	return n
}
