package engine

import (
	"context"
	"slices"

	"clew/index"
	"clew/index/vocabulary"
	"clew/query/automaton"
)

// textWalk answers for the rows of a text column whose templates may match. It is one goroutine's.
//
// Where the test is an expression, an automaton walks templates and variables where they lie: a row's text is not put together, and of its
// variables only those are looked at that can change the answer. All else is refused by a rowFilter, or rebuilt and tested.
type textWalk struct {
	test    *test
	machine *automaton.Automaton // nil: the test is no expression, or one too large
	filter  *rowFilter           // nil: nothing is known that a match must contain
	text    index.TextRows
	runs    index.TextRuns // text, if it can lend runs; else nil
	arena   *vocabulary.Arena

	templates map[uint32]*walkTemplate
	buf       []byte
	rebuilt   int64
	unchecked int // bytes of work since the context was looked at
}

// walkTemplate is a template and the variables of the run of rows that is being walked.
type walkTemplate struct {
	plan    *automaton.Template // nil: its rows are rebuilt
	kinds   []byte
	loaded  []bool // by hole: the columns below are this run's
	ints    [][]int64
	data    [][]byte
	offsets [][]uint32
}

// textWalk makes the leaf's walk ready for the current row group.
func (s *scan) textWalk(ctx context.Context, l *columnTest, st *nodeState, text index.TextRows) (*textWalk, error) {
	arena, err := s.b.part.Vocabulary(ctx, l.col)
	if err != nil {
		return nil, err
	}
	w := s.walks[l.test]
	if w == nil {
		w = &textWalk{test: l.test}
		if l.test.expr != "" {
			w.machine, _ = automaton.New(l.test.expr) // without it, rows are rebuilt
		}
		if len(l.test.clauses)+len(l.test.literals) > 0 {
			w.filter = &rowFilter{}
		}
		if s.walks == nil {
			s.walks = map[*test]*textWalk{}
		}
		s.walks[l.test] = w
	}
	if w.arena != arena {
		w.templates = map[uint32]*walkTemplate{}
	}
	w.text, w.arena, w.rebuilt = text, arena, 0
	w.runs, _ = text.(index.TextRuns)
	if w.filter != nil {
		w.filter.use(l.test, text, arena, st.wordless)
	}
	return w, nil
}

// each tests rows, n of them at the most, and sets those that match. It ends early when ctx does.
func (w *textWalk) each(ctx context.Context, rows rowBits, n int, into []uint64) {
	first, last, code := 0, -1, index.NullCode // the run being collected: rows first to last-1
	rows.each(n, func(i int) bool {
		c := w.text.Code(i)
		if i == last && c == code {
			last++
			return true
		}
		ok := w.run(ctx, first, last, code, into)
		first, last, code = i, i+1, c
		return ok
	})
	w.run(ctx, first, last, code, into)
}

// run tests rows of one template.
func (w *textWalk) run(ctx context.Context, first, last int, code uint32, into []uint64) bool {
	if first >= last || code == index.NullCode {
		return true
	}
	t := w.template(code)
	root := (*automaton.Node)(nil)
	if t.plan != nil {
		root = t.plan.Root()
		clear(t.loaded)
		if root.Verdict == automaton.Never {
			return true
		}
	}
	for row := first; row < last; row++ {
		if w.unchecked += 64; w.unchecked >= checkBytes {
			w.unchecked = 0
			if ctx.Err() != nil {
				return false
			}
		}
		verdict := automaton.Rebuild
		if root != nil {
			verdict = w.walk(t, root, first, last, row)
		}
		if verdict == automaton.Always || verdict == automaton.Rebuild && w.rebuild(row) {
			into[row>>6] |= 1 << (row & 63)
		}
	}
	return true
}

// walk follows one row through its template.
func (w *textWalk) walk(t *walkTemplate, n *automaton.Node, first, last, row int) automaton.Verdict {
	for n.Verdict == automaton.Read {
		switch s := w.machine.Run(n.State, w.variable(t, n, first, last, row)); s {
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

// variable is the row's variable in the node's hole, as it stands in the text.
func (w *textWalk) variable(t *walkTemplate, n *automaton.Node, first, last, row int) []byte {
	k := n.Hole
	if w.runs == nil {
		w.buf = w.text.AppendVar(w.buf[:0], row, k)
		return w.buf
	}
	if !t.loaded[k] {
		t.loaded[k] = true
		if n.Kind == vocabulary.HoleInt {
			t.ints[k] = w.runs.IntRun(first, last-first, k)
		} else {
			t.data[k], t.offsets[k] = w.runs.BytesRun(first, last-first, k)
		}
	}
	i := row - first
	if n.Kind == vocabulary.HoleInt {
		w.buf = vocabulary.AppendInt(w.buf[:0], t.ints[k][i])
		return w.buf
	}
	return t.data[k][t.offsets[k][i]:t.offsets[k][i+1]]
}

// rebuild tests the row's whole text, unless the filter refuses it.
func (w *textWalk) rebuild(row int) bool {
	if w.filter != nil && !w.filter.may(row) {
		return false
	}
	w.buf = w.text.AppendText(w.buf[:0], row)
	w.rebuilt++
	w.unchecked += len(w.buf)
	return w.test.matcher.Text(w.buf)
}

// template prepares a template when its first row is met.
func (w *textWalk) template(code uint32) *walkTemplate {
	if t := w.templates[code]; t != nil {
		return t
	}
	t := &walkTemplate{}
	w.templates[code] = t
	text := w.arena.At(int(code))
	t.kinds = vocabulary.Holes(nil, text)
	// What a raw hole holds is long, and mostly needs no more than a look for a literal.
	if w.machine == nil || slices.Contains(t.kinds, vocabulary.HoleRaw) {
		return t
	}
	n := len(t.kinds)
	t.plan, t.loaded = w.machine.Template(text), make([]bool, n)
	t.ints, t.data, t.offsets = make([][]int64, n), make([][]byte, n), make([][]uint32, n)
	if r := t.plan.Root(); r.Verdict == automaton.Rebuild {
		t.plan = nil
	}
	return t
}
