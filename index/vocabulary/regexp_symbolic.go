package vocabulary

import (
	"regexp/syntax"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"
)

// symbolic runs a regular expression's program over templates, whose holes stand for classes of characters. It keeps two sets of
// threads: may, those alive in some text of the template, and must, those alive in all of them.
type symbolic struct {
	prog *syntax.Prog
	// mayClass and mustClass say for each class of characters (an index by hole kind) and instruction whether it matches some, or all,
	// characters of the class.
	mayClass, mustClass [HoleRaw + 1][]bool
	// begins are the bytes with which a match may begin; all if it may be empty.
	begins  [256]bool
	walkers sync.Pool // of *walker, not in use
}

// holeClass is the characters a hole may hold: those of ASCII, and whether any beyond.
type holeClass struct {
	has  func(c rune) bool
	high bool
}

var holeClasses = [HoleRaw + 1]holeClass{
	HoleInt:  {func(c rune) bool { return c >= '0' && c <= '9' }, false},
	HoleID:   {func(c rune) bool { return isWordByte(byte(c)) || c == '-' }, false},
	HoleWord: {func(c rune) bool { return isWordByte(byte(c)) }, true},
	HoleRaw:  {func(c rune) bool { return true }, true},
}

func newSymbolic(prog *syntax.Prog) *symbolic {
	s := &symbolic{prog: prog}
	s.walkers.New = func() any { return newWalker(prog) }
	for kind := HoleInt; kind <= HoleRaw; kind++ {
		may, must := make([]bool, len(prog.Inst)), make([]bool, len(prog.Inst))
		for pc := range prog.Inst {
			may[pc], must[pc] = matchesClass(&prog.Inst[pc], holeClasses[kind])
		}
		s.mayClass[kind], s.mustClass[kind] = may, must
	}
	w := newWalker(prog)
	empty := w.follow(w.may, anyEdge, anyEdge, false)
	for c := range s.begins {
		s.begins[c] = empty || c >= utf8.RuneSelf || IsHole(byte(c))
		for _, pc := range w.closed.list {
			s.begins[c] = s.begins[c] || isRuneInst(prog.Inst[pc].Op) && prog.Inst[pc].MatchRune(rune(c))
		}
	}
	return s
}

func matchesClass(inst *syntax.Inst, class holeClass) (some, all bool) {
	switch inst.Op {
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
	default:
		return false, false
	}
	all = true
	for c := rune(0); c < utf8.RuneSelf; c++ {
		if class.has(c) {
			if inst.MatchRune(c) {
				some = true
			} else {
				all = false
			}
		}
	}
	if class.high {
		highSome, highAll := matchesHigh(inst)
		some, all = some || highSome, all && highAll
	}
	return some, all
}

// matchesHigh is matchesClass for all characters beyond ASCII.
func matchesHigh(inst *syntax.Inst) (some, all bool) {
	if inst.Op == syntax.InstRuneAny || inst.Op == syntax.InstRuneAnyNotNL {
		return true, true
	}
	if len(inst.Rune) == 1 {
		r := inst.Rune[0]
		some = r >= utf8.RuneSelf
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			some = some || f >= utf8.RuneSelf
		}
		return some, false
	}
	for i := 0; i < len(inst.Rune); i += 2 {
		lo, hi := inst.Rune[i], inst.Rune[i+1]
		some = some || hi >= utf8.RuneSelf
		all = all || lo <= utf8.RuneSelf && hi == unicode.MaxRune
	}
	return some, all
}

// truth is what is known of a statement: whether it may hold and whether it must.
type truth struct{ may, must bool }

var (
	yes   = truth{true, true}
	maybe = truth{true, false}
)

func known(b bool) truth { return truth{b, b} }

// edge describes what stands on one side of a position.
type edge struct {
	limit   truth // nothing: the text's beginning or end
	newline truth
	word    truth // an ASCII letter, digit or '_'
}

var (
	limitEdge = edge{limit: yes}
	anyEdge   = edge{limit: maybe, newline: maybe, word: maybe}
)

func runeEdge(r rune) edge {
	return edge{newline: known(r == '\n'), word: known(r < utf8.RuneSelf && r >= 0 && isWordByte(byte(r)))}
}

// holeEdge is the first or last character of a hole, insideEdge any other.
func holeEdge(kind byte) edge {
	switch kind {
	case HoleInt, HoleID:
		return edge{word: yes}
	case HoleWord:
		return edge{word: maybe}
	}
	return anyEdge
}

func insideEdge(kind byte) edge {
	switch kind {
	case HoleInt:
		return edge{word: yes}
	case HoleRaw:
		return edge{newline: maybe, word: maybe}
	}
	return edge{word: maybe}
}

// holds evaluates empty-width conditions between two edges.
func holds(op syntax.EmptyOp, before, after edge) truth {
	all := yes
	and := func(t truth) { all = truth{all.may && t.may, all.must && t.must} }
	if op&syntax.EmptyBeginLine != 0 {
		and(or(before.limit, before.newline))
	}
	if op&syntax.EmptyEndLine != 0 {
		and(or(after.limit, after.newline))
	}
	if op&syntax.EmptyBeginText != 0 {
		and(before.limit)
	}
	if op&syntax.EmptyEndText != 0 {
		and(after.limit)
	}
	boundary := maybe
	if before.word.may == before.word.must && after.word.may == after.word.must {
		boundary = known(before.word.must != after.word.must)
	}
	if op&syntax.EmptyWordBoundary != 0 {
		and(boundary)
	}
	if op&syntax.EmptyNoWordBoundary != 0 {
		and(truth{!boundary.must, !boundary.may})
	}
	return all
}

func or(a, b truth) truth { return truth{a.may || b.may, a.must || b.must} }

// threads is a set of instructions.
type threads struct {
	has  []bool
	list []uint32
}

func newThreads(n int) *threads { return &threads{has: make([]bool, n)} }

func (t *threads) clear() {
	for _, pc := range t.list {
		t.has[pc] = false
	}
	t.list = t.list[:0]
}

func (t *threads) add(pc uint32) bool {
	if t.has[pc] {
		return false
	}
	t.has[pc] = true
	t.list = append(t.list, pc)
	return true
}

// walker is one walk over one template.
type walker struct {
	prog              *syntax.Prog
	may, must         *threads // alive, before empty-width instructions are followed
	mayNext, mustNext *threads
	closed            *threads // scratch: with them followed
	inside            *threads // scratch of holes
	common, last      []uint32 // likewise
	stack             []uint32
	mayMatch          bool
}

func newWalker(prog *syntax.Prog) *walker {
	n := len(prog.Inst)
	return &walker{
		prog: prog, may: newThreads(n), must: newThreads(n), mayNext: newThreads(n), mustNext: newThreads(n),
		closed: newThreads(n), inside: newThreads(n),
	}
}

// walk answers for all texts of template t.
func (s *symbolic) walk(t []byte) Answer {
	w := s.walkers.Get().(*walker)
	defer s.walkers.Put(w)
	w.may.clear()
	w.must.clear()
	w.mayMatch = false
	before := limitEdge
	for i := 0; ; {
		if len(w.may.list) == 0 && i < len(t) && !s.begins[t[i]] {
			// Nothing is under way and nothing begins here. (What must be under way may be.)
			for i++; i < len(t) && !s.begins[t[i]]; i++ {
			}
			before = runeEdge(rune(t[i-1]))
			continue
		}
		after, size, r := limitEdge, 0, rune(0)
		hole := byte(0)
		switch {
		case i == len(t):
		case IsHole(t[i]):
			hole, size = t[i], 1
			after = holeEdge(hole)
		default:
			r, size = utf8.DecodeRune(t[i:])
			after = runeEdge(r)
		}
		if w.follow(w.must, before, after, true) {
			return Always
		}
		switch {
		case size == 0:
			w.follow(w.may, before, after, false)
			if w.mayMatch {
				return May
			}
			return Never
		case hole != 0:
			w.throughHole(hole, before, s.mayClass[hole], s.mustClass[hole])
			before = holeEdge(hole)
		default:
			w.stepRune(r, w.mustNext)
			w.follow(w.may, before, after, false)
			w.stepRune(r, w.mayNext)
			before = after
		}
		w.may, w.mayNext = w.mayNext, w.may
		w.must, w.mustNext = w.mustNext, w.must
		i += size
	}
}

// follow sets closed to set and a thread at the program's start, with empty-width instructions followed where they may, or must, hold.
// It says whether a match is reached.
func (w *walker) follow(set *threads, before, after edge, must bool) (match bool) {
	w.closed.clear()
	w.stack = append(append(w.stack[:0], uint32(w.prog.Start)), set.list...)
	for len(w.stack) > 0 {
		pc := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		if !w.closed.add(pc) {
			continue
		}
		inst := &w.prog.Inst[pc]
		switch inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			w.stack = append(w.stack, inst.Arg, inst.Out)
		case syntax.InstCapture, syntax.InstNop:
			w.stack = append(w.stack, inst.Out)
		case syntax.InstEmptyWidth:
			h := holds(syntax.EmptyOp(inst.Arg), before, after)
			if must && h.must || !must && h.may {
				w.stack = append(w.stack, inst.Out)
			}
		case syntax.InstMatch:
			match = true
			if !must {
				w.mayMatch = true
			}
		}
	}
	return match
}

// stepRune takes the closed set over a character of the template's own.
func (w *walker) stepRune(r rune, next *threads) {
	next.clear()
	for _, pc := range w.closed.list {
		if inst := &w.prog.Inst[pc]; isRuneInst(inst.Op) && inst.MatchRune(r) {
			next.add(inst.Out)
		}
	}
}

func isRuneInst(op syntax.InstOp) bool {
	return op == syntax.InstRune || op == syntax.InstRune1 || op == syntax.InstRuneAny || op == syntax.InstRuneAnyNotNL
}

// throughHole takes both sets through a hole. A thread leaves it if it may be alive after some number of characters, or must be
// after every possible number.
func (w *walker) throughHole(kind byte, before edge, mayClass, mustClass []bool) {
	first, inside := holeEdge(kind), insideEdge(kind)
	w.mayNext.clear()
	if kind == HoleRaw {
		first = inside
		addAll(w.mayNext, w.may.list) // it may be empty
	}
	set := w.inside
	set.clear()
	addAll(set, w.may.list)
	prev, next := before, first
	more := true
	for step := 0; more || step < 2; step++ { // the second step is the first inside
		w.follow(set, prev, next, false)
		more = false
		set.clear()
		for _, pc := range w.closed.list {
			if mayClass[pc] {
				more = w.mayNext.add(w.prog.Inst[pc].Out) || more
			}
		}
		// With those of the steps before: the hole's length is open.
		addAll(set, w.mayNext.list)
		prev, next = inside, inside
	}
	w.throughHoleMust(kind, before, first, inside, mustClass)
}

func addAll(set *threads, list []uint32) {
	for _, pc := range list {
		set.add(pc)
	}
}

// holeStepsMax bounds how many characters of a hole are followed until the set stays the same.
const holeStepsMax = 64

func (w *walker) throughHoleMust(kind byte, before, first, inside edge, class []bool) {
	w.mustNext.clear()
	set := w.inside
	set.clear()
	addAll(set, w.must.list)
	w.common, w.last = w.common[:0], w.last[:0]
	if kind == HoleRaw {
		w.common = append(w.common, w.must.list...) // it may be empty
	}
	prev, next := before, first
	for step := 0; ; step++ {
		w.follow(set, prev, next, true)
		set.clear()
		for _, pc := range w.closed.list {
			if class[pc] {
				set.add(w.prog.Inst[pc].Out)
			}
		}
		if step == 0 && kind != HoleRaw {
			w.common = append(w.common, set.list...)
		} else {
			w.common = slices.DeleteFunc(w.common, func(pc uint32) bool { return !set.has[pc] })
		}
		steady := len(w.last) == len(set.list) && step > 0
		for _, pc := range w.last {
			steady = steady && set.has[pc]
		}
		if steady || len(w.common) == 0 {
			break
		}
		if step == holeStepsMax {
			return
		}
		w.last = append(w.last[:0], set.list...)
		prev, next = inside, inside
	}
	addAll(w.mustNext, w.common)
}
