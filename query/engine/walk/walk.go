// Package walk tests rows of a text column where they lie: by the template, by single variables, or along an automaton; a text is put together only where
// all that leaves it open.
package walk

import (
	"bytes"
	"context"
	"slices"
	"unicode/utf8"

	"clew/index"
	"clew/index/vocabulary"
	"clew/query/automaton"
	"clew/query/engine/question"
	"clew/query/engine/rowset"
)

// lookBytes is how many bytes of work are done between two looks at the context: a millisecond or so, but for a dear regular expression.
const lookBytes = 1 << 20

// Walk answers for the rows of a text column whose templates may match. It is one goroutine's.
//
// What is cheap comes first. A literal that can only lie inside a variable is looked for in all rows' variables at once, as one stretch of
// bytes. Where the test is an expression, an automaton walks templates and variables where they lie: a row's text is not put together,
// and of its variables only those are read that can change the answer. All else is refused by a [Filter], or rebuilt and tested.
type Walk struct {
	test    *question.Test
	machine *automaton.Automaton // nil: the test is no expression, or one too large
	filter  *Filter              // nil: nothing is known that a match must contain
	vars    Vars
	arena   *vocabulary.Arena

	templates map[uint32]*template
	found     []bool // by row of the run: a literal is in its variables
	buf       []byte
	Rebuilt   int64 // texts, in the current row group
	unchecked int   // bytes of work since the context was looked at
}

// template is what is known of a template.
type template struct {
	text    []byte
	plan    *automaton.Template // nil: its rows are rebuilt, or it has not been needed yet
	planned bool
	kinds   []byte
	needle  []byte // a literal that matching rows have in one of the variables below; nil: there is none that could be said of
	within  []int
	// needs is a character that the first variable to be read must hold, needsFor that variable; nil where none is known.
	needs    []byte
	needsFor []int
}

// New returns a walk for a test; Use comes before Each.
func New(t *question.Test) *Walk {
	w := &Walk{test: t}
	if t.Expr != "" {
		w.machine, _ = automaton.New(t.Expr) // without it, rows are rebuilt
	}
	if len(t.Clauses)+len(t.Literals) > 0 {
		w.filter = &Filter{}
	}
	return w
}

// Use makes the walk ready for the rows of a row group. wordless says that no string variable of it holds a word of the test's.
func (w *Walk) Use(ctx context.Context, arena *vocabulary.Arena, text index.TextRows, wordless bool) {
	if w.arena != arena {
		w.templates = map[uint32]*template{}
	}
	w.arena, w.Rebuilt = arena, 0
	w.vars.Of(ctx, text)
	if w.filter != nil {
		w.filter.Use(w.test, &w.vars, arena, wordless)
	}
}

// Each tests rows, n of them at the most, and sets those that match. It ends early when ctx does.
func (w *Walk) Each(ctx context.Context, rows rowset.Set, n int, into []uint64) error {
	first, last, code := 0, -1, index.NullCode // the run being collected: rows first to last-1
	var codes []uint32
	if w.vars.runs != nil {
		codes = w.vars.runs.Codes()
	}
	rows.Each(n, func(i int) bool {
		var c uint32
		if i < len(codes) {
			c = codes[i]
		} else {
			c = w.vars.text.Code(i)
		}
		if i == last && c == code {
			last++
			return true
		}
		ok := w.run(ctx, first, last, code, into)
		first, last, code = i, i+1, c
		return ok
	})
	w.run(ctx, first, last, code, into)
	if w.vars.err != nil {
		return w.vars.err
	}
	return ctx.Err()
}

// run tests rows of one template. It is false if there is no use in going on.
func (w *Walk) run(ctx context.Context, first, last int, code uint32, into []uint64) bool {
	if first >= last || code == index.NullCode {
		return w.vars.err == nil
	}
	t := w.template(code)
	w.vars.begin(t.kinds, first, last-first)
	var found []bool // nil: every row is to be tested
	if t.needle != nil && w.vars.runs != nil {
		if found = w.find(t.needle, t.within); found == nil {
			return w.vars.err == nil
		}
	}
	root := w.root(t)
	if root != nil && root.Verdict == automaton.Never {
		return true
	}
	if found == nil && t.needs != nil && w.vars.runs != nil {
		if found = w.find(t.needs, t.needsFor); found == nil {
			return w.vars.err == nil
		}
	}
	for row := first; row < last; row++ {
		if found != nil && !found[row-first] {
			continue
		}
		if w.unchecked += 64; w.unchecked >= lookBytes {
			w.unchecked = 0
			if ctx.Err() != nil {
				return false
			}
		}
		verdict := automaton.Rebuild
		if root != nil {
			verdict = w.walk(t, root, row)
		}
		if verdict == automaton.Always || verdict == automaton.Rebuild && w.rebuild(row) {
			into[row>>6] |= 1 << (row & 63)
		}
		if w.vars.err != nil {
			return false
		}
	}
	return true
}

// find says which rows of the run have a needle in one of these variables; nil if none has.
func (w *Walk) find(needle []byte, within []int) []bool {
	n, some := w.vars.n, false
	w.found = slices.Grow(w.found[:0], n)[:n]
	clear(w.found)
	for _, k := range within {
		if !w.vars.load(k) {
			return nil
		}
		offsets := w.vars.offsets[k]
		data := w.vars.data[k][:offsets[n]]
		w.unchecked += (len(data) - int(offsets[0])) / 8 // bytes are looked through that much faster than a row is tested
		for i, at := 0, int(offsets[0]); i < n; {
			hit := bytes.Index(data[at:], needle)
			if hit < 0 {
				break
			}
			at += hit
			for int(offsets[i+1]) <= at {
				i++
			}
			if at+len(needle) > int(offsets[i+1]) { // it goes on into the next row's
				at++
				continue
			}
			w.found[i], some = true, true
			at = int(offsets[i+1])
			i++
		}
	}
	if !some {
		return nil
	}
	return w.found
}

// walk follows one row through its template.
func (w *Walk) walk(t *template, n *automaton.Node, row int) automaton.Verdict {
	for n.Verdict == automaton.Read {
		value := w.vars.bytes(row, n.Hole)
		w.unchecked += len(value)
		switch s := t.plan.Run(n, value); s {
		case automaton.Dead:
			return automaton.Never
		case automaton.Match:
			return automaton.Always
		case automaton.Unsure:
			return automaton.Rebuild
		default:
			n = t.plan.After(n, s)
		}
	}
	return n.Verdict
}

// rebuild tests the row's whole text, unless the filter refuses it.
func (w *Walk) rebuild(row int) bool {
	if w.filter != nil && !w.filter.May(row) || w.vars.err != nil {
		return false
	}
	w.buf = w.vars.appendText(w.buf[:0], row)
	w.Rebuilt++
	w.unchecked += len(w.buf)
	return w.vars.err == nil && w.test.Matcher.Text(w.buf)
}

// template prepares a template when its first row is met.
func (w *Walk) template(code uint32) *template {
	if t := w.templates[code]; t != nil {
		return t
	}
	text := w.arena.At(int(code))
	t := &template{text: text, kinds: vocabulary.Holes(nil, text)}
	t.needle, t.within = needleWithin(text, w.test.Literals)
	w.templates[code] = t
	return t
}

// root is where the automaton's walk over the template begins; nil if its rows are rebuilt. It is asked for when a row is left to walk.
func (w *Walk) root(t *template) *automaton.Node {
	if !t.planned && w.machine != nil {
		t.plan = w.machine.Template(t.text)
		switch r := t.plan.Root(); {
		case r.Verdict == automaton.Rebuild:
			t.plan = nil
		case r.Verdict == automaton.Read && r.Kind != vocabulary.HoleInt && t.needle == nil:
			for _, literal := range w.test.Literals {
				if c, ok := t.plan.Needs(r, asciiOf(literal)); ok {
					t.needs, t.needsFor = []byte{c}, []int{r.Hole}
					break
				}
			}
		}
	}
	t.planned = true
	if t.plan == nil {
		return nil
	}
	return t.plan.Root()
}

func asciiOf(s string) (ascii []byte) {
	for i := range len(s) {
		if s[i] < utf8.RuneSelf && s[i] > vocabulary.HoleRaw {
			ascii = append(ascii, s[i])
		}
	}
	return ascii
}

// needleWithin picks a literal that in texts of the template can only be inside variables, and these. The fewest variables are best.
func needleWithin(template []byte, literals []string) (needle []byte, within []int) {
	for _, literal := range literals {
		ways, ok := question.AlternativesOf(template, []byte(literal))
		var holes []int
		for _, needs := range ways {
			ok = ok && len(needs) == 1 && needs[0].Mode == question.NeedContains && !needs[0].IsInt
			holes = append(holes, needs[0].Hole)
		}
		if ok && (needle == nil || len(holes) < len(within)) {
			needle, within = []byte(literal), holes
		}
	}
	return needle, within
}
