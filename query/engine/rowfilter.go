package engine

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"clew/index"
	"clew/index/vocabulary"
)

// rowFilter tests rows of a text column by their variables, before their texts are rebuilt. It is sound: a row that it refuses does
// not match. It is one goroutine's.
type rowFilter struct {
	test *test
	vars *runVars
	// wordless says that no string variable of the row group holds a word of the test's.
	wordless  bool
	arena     *vocabulary.Arena
	templates map[uint32]*templateFilter
	last      uint32
	current   *templateFilter
}

// templateFilter is what a template leaves to test.
type templateFilter struct {
	ways    [][]alternative // for each literal, the ways in which it can occur
	open    []clause        // those that the template's own bytes do not meet
	ints    []int           // its integer holes
	strings []int           // its other ones; a raw one is the first, being the most likely to have what is looked for
}

// use makes the filter ready for rows of a row group of the part that arena is of.
func (f *rowFilter) use(t *test, vars *runVars, arena *vocabulary.Arena, wordless bool) {
	if f.arena != arena || f.test != t {
		f.templates = map[uint32]*templateFilter{}
	}
	f.wordless = wordless && len(t.words) > 0
	f.test, f.vars, f.arena, f.last, f.current = t, vars, arena, index.NullCode, nil
}

// may says whether the row's text can match.
func (f *rowFilter) may(row int) bool {
	code := f.vars.text.Code(row)
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
			if all = needs[i].holds(f.vars.bytes(row, needs[i].hole)); !all {
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
		value := f.vars.bytes(row, k)
		for i := range c {
			if c[i].in(value) {
				return true
			}
		}
	}
	for i := range c {
		if !c[i].digits {
			continue
		}
		for _, k := range t.ints {
			if c[i].whole {
				if f.vars.int(row, k) == c[i].value {
					return true
				}
			} else if c[i].in(f.vars.bytes(row, k)) {
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
	k := 0
	for _, c := range text {
		switch {
		case c == vocabulary.HoleRaw:
			t.strings = slices.Insert(t.strings, 0, k)
			k++
		case c == vocabulary.HoleInt:
			t.ints = append(t.ints, k)
			k++
		case vocabulary.IsHole(c):
			t.strings = append(t.strings, k)
			k++
		}
	}
	for _, literal := range f.test.literals {
		if ways, ok := alternativesOf(text, []byte(literal)); ok {
			t.ways = append(t.ways, ways)
		}
	}
	if !keepsPieces(text) {
		return t
	}
	for _, c := range f.test.clauses {
		if !c.metBy(text) {
			t.open = append(t.open, c)
		}
	}
	if len(text) > 0 && text[len(text)-1] == vocabulary.HoleRaw {
		// Digits are found many times faster in what is long, and are there less often.
		slices.SortStableFunc(t.open, func(a, b clause) int {
			switch {
			case a[0].digits == b[0].digits:
				return 0
			case a[0].digits:
				return -1
			}
			return 1
		})
	}
	return t
}

// keepsPieces says whether a piece in a text of the template lies in one of its variables or in the template's own bytes, and not half here, half there.
func keepsPieces(template []byte) bool {
	i := bytes.IndexByte(template, vocabulary.HoleRaw)
	if i <= 0 {
		return i < 0 || len(template) == 1
	}
	// What a raw hole holds begins and ends where words do if it is the tail.
	before := template[i-1]
	return i == len(template)-1 && !vocabulary.IsHole(before) && before < utf8.RuneSelf && !isLetter(before) && !isDigit(before)
}

// metBy says whether the template's own bytes meet the clause, or may make up a piece together with an integer.
func (c clause) metBy(template []byte) bool {
	ownDigits := bytes.ContainsAny(template, "0123456789")
	for i := range c {
		// A piece has no hole bytes, so it is found in the template only where it is the template's own.
		if c[i].in(template) || c[i].digits && ownDigits {
			return true
		}
	}
	return false
}
