package engine

import (
	"clew/index"
	"clew/index/vocabulary"
)

// rowFilter tests rows of a text column by their variables, before their texts are rebuilt. It is sound: a row that it refuses does
// not match. It is one goroutine's.
type rowFilter struct {
	test *test
	text index.TextRows
	// wordless says that no string variable of the row group holds a word of the test's.
	wordless  bool
	arena     *vocabulary.Arena
	templates map[uint32]*templateFilter
	last      uint32
	current   *templateFilter
	buf       []byte
}

// templateFilter is what a template leaves to test.
type templateFilter struct {
	ways    [][]alternative // for each literal, the ways in which it can occur
	open    []clause        // those that the template's own bytes do not meet
	ints    []int           // its integer holes
	strings []int           // its other ones
}

// use makes the filter ready for rows of a row group of the part that arena is of.
func (f *rowFilter) use(t *test, text index.TextRows, arena *vocabulary.Arena, wordless bool) {
	if f.arena != arena || f.test != t {
		f.templates = map[uint32]*templateFilter{}
	}
	f.wordless = wordless && t.isWords
	f.test, f.text, f.arena, f.last, f.current = t, text, arena, index.NullCode, nil
}

// may says whether the row's text can match.
func (f *rowFilter) may(row int) bool {
	code := f.text.Code(row)
	if code != f.last || f.current == nil {
		f.last, f.current = code, f.template(code)
	}
	for _, ways := range f.current.ways {
		if !f.occurs(ways, row) {
			return false
		}
	}
	for _, c := range f.current.open {
		if !f.meets(c, row) {
			return false
		}
	}
	return true
}

// occurs says whether one of the ways holds in the row.
func (f *rowFilter) occurs(ways []alternative, row int) bool {
	for _, needs := range ways {
		all := true
		for i := range needs {
			n := &needs[i]
			if n.isInt {
				f.buf = vocabulary.AppendInt(f.buf[:0], f.text.IntVar(row, n.hole))
			} else {
				f.buf = f.text.AppendVar(f.buf[:0], row, n.hole)
			}
			if all = n.holds(f.buf); !all {
				break
			}
		}
		if all {
			return true
		}
	}
	return false
}

// meets says whether a variable of the row contains a piece of the clause.
func (f *rowFilter) meets(c clause, row int) bool {
	t := f.current
	for _, k := range t.strings {
		if f.wordless {
			break
		}
		f.buf = f.text.AppendVar(f.buf[:0], row, k)
		for i := range c {
			if c[i].in(f.buf) {
				return true
			}
		}
	}
	for i := range c {
		if !c[i].digits {
			continue
		}
		for _, k := range t.ints {
			v := f.text.IntVar(row, k)
			if c[i].whole {
				if v == c[i].value {
					return true
				}
				continue
			}
			f.buf = vocabulary.AppendInt(f.buf[:0], v)
			if c[i].in(f.buf) {
				return true
			}
		}
	}
	return false
}

func (f *rowFilter) template(code uint32) *templateFilter {
	if t := f.templates[code]; t != nil {
		return t
	}
	t := &templateFilter{}
	f.templates[code] = t
	text := f.arena.At(int(code))
	k, ownDigits := 0, false
	for _, c := range text {
		switch {
		case c == vocabulary.HoleRaw: // it may hold anything
			*t = templateFilter{}
			return t
		case c == vocabulary.HoleInt:
			t.ints = append(t.ints, k)
			k++
		case vocabulary.IsHole(c):
			t.strings = append(t.strings, k)
			k++
		case isDigit(c):
			ownDigits = true
		}
	}
	for _, literal := range f.test.literals {
		if ways, ok := alternativesOf(text, []byte(literal)); ok {
			t.ways = append(t.ways, ways)
		}
	}
	for _, c := range f.test.clauses {
		met := false
		for i := range c {
			// A piece has no hole bytes, so it is found in the template only where it is the template's own.
			met = met || c[i].in(text) || c[i].digits && ownDigits
		}
		if !met {
			t.open = append(t.open, c)
		}
	}
	return t
}
