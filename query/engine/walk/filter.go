package walk

import (
	"slices"

	"clew/index"
	"clew/index/vocabulary"
	"clew/query/engine/question"
)

// Filter tests rows of a text column by their variables, before their texts are rebuilt. It is sound: a row that it refuses does
// not match. It is one goroutine's.
type Filter struct {
	test *question.Test
	vars *Vars
	// wordless says that no string variable of the row group holds a word of the test's.
	wordless  bool
	arena     *vocabulary.Arena
	templates map[uint32]*templateFilter
	last      uint32
	current   *templateFilter
}

// templateFilter is what a template leaves to test.
type templateFilter struct {
	ways    [][]question.Alternative // for each literal, the ways in which it can occur
	open    []question.Clause        // those that the template's own bytes do not meet
	ints    []int                    // its integer holes
	strings []int                    // its other ones; a raw one is the first, being the most likely to have what is looked for
}

// Use makes the filter ready for rows of a row group of the part that arena is of.
func (f *Filter) Use(t *question.Test, vars *Vars, arena *vocabulary.Arena, wordless bool) {
	if f.arena != arena || f.test != t {
		f.templates = map[uint32]*templateFilter{}
	}
	f.wordless = wordless && len(t.Words) > 0
	f.test, f.vars, f.arena, f.last, f.current = t, vars, arena, index.NullCode, nil
}

// May says whether the row's text can match.
func (f *Filter) May(row int) bool {
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
func (f *Filter) occurs(ways []question.Alternative, row int) bool {
	for _, needs := range ways {
		all := true
		for i := range needs {
			if all = needs[i].Holds(f.vars.bytes(row, needs[i].Hole)); !all {
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
func (f *Filter) meets(c question.Clause, row int) bool {
	t := f.current
	for _, k := range t.strings {
		if f.wordless {
			break
		}
		value := f.vars.bytes(row, k)
		for i := range c {
			if c[i].In(value) {
				return true
			}
		}
	}
	for i := range c {
		if !c[i].Digits {
			continue
		}
		for _, k := range t.ints {
			if c[i].Whole {
				if f.vars.int(row, k) == c[i].Value {
					return true
				}
			} else if c[i].In(f.vars.bytes(row, k)) {
				return true
			}
		}
	}
	return false
}

func (f *Filter) template(code uint32) *templateFilter {
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
	for _, literal := range f.test.Literals {
		if ways, ok := question.AlternativesOf(text, []byte(literal)); ok {
			t.ways = append(t.ways, ways)
		}
	}
	if !question.KeepsPieces(text) {
		return t
	}
	for _, c := range f.test.Clauses {
		if !c.MetBy(text) {
			t.open = append(t.open, c)
		}
	}
	if len(text) > 0 && text[len(text)-1] == vocabulary.HoleRaw {
		// Digits are found many times faster in what is long, and are there less often.
		slices.SortStableFunc(t.open, func(a, b question.Clause) int {
			switch {
			case a[0].Digits == b[0].Digits:
				return 0
			case a[0].Digits:
				return -1
			}
			return 1
		})
	}
	return t
}
