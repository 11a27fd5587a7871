package automaton

import (
	"encoding/binary"
	"fmt"
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"
)

// State is where an automaton stands. Those below are final.
type State int32

const (
	unknown State = 0 // of a transition: not computed yet
	// Match: the expression matches, whatever follows.
	Match State = 1
	// Unsure: a character beyond ASCII where the expression names some of those, or too many states. Only the regexp package can tell.
	Unsure State = 2
	// Dead is what [Template.Run] says of a row that cannot match any more. (An automaton by itself knows no such state.)
	Dead State = 3

	first State = 4
)

// Automaton looks for an expression anywhere in a text. It is one goroutine's.
type Automaton struct {
	prog    *syntax.Prog
	states  []state
	next    []State // symbols of each state
	high    []bool  // which instructions match characters beyond ASCII; nil if one of them tells some of those from others
	byKey   map[string]State
	through map[throughKey][]State

	// Scratch.
	seen  []bool
	list  []uint32
	stack []uint32
	key   []byte
}

// state is the threads alive, but for the one that begins anew at every character, and what kind of character came before.
type state struct {
	threads []uint32
	before  rune // one that stands for its kind: -1 (the beginning), '\n', 'a' (a word's), ' '
	atEnd   int8 // whether a text that ends here matches: 0 not known, 1 yes, -1 no
}

// New makes the automaton of an RE2 expression. The error is about its size or its syntax.
func New(expr string) (*Automaton, error) {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("automaton of %q: %w", expr, err)
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, fmt.Errorf("automaton of %q: %w", expr, err)
	}
	if len(prog.Inst) > instsMax {
		return nil, fmt.Errorf("automaton: a program of %d instructions", len(prog.Inst))
	}
	a := &Automaton{prog: prog, byKey: map[string]State{}, through: map[throughKey][]State{}, seen: make([]bool, len(prog.Inst))}
	a.states = make([]state, first)
	a.next = make([]State, symbols*int(first))
	a.high = matchesHigh(prog)
	a.intern(nil, -1)
	return a, nil
}

// Start is the state before a text's first character.
func (a *Automaton) Start() State { return first }

// Run walks b, whole characters, from s. It stops early at Match and Unsure.
func (a *Automaton) Run(s State, b []byte) State {
	for i := 0; i < len(b) && s > Unsure; i++ {
		c := b[i]
		if c >= utf8.RuneSelf {
			_, size := utf8.DecodeRune(b[i:])
			i += size - 1
			c = beyond
		}
		n := a.next[int(s)*symbols+int(c)]
		if n == unknown {
			n = a.step(s, c)
		}
		s = n
	}
	return s
}

// End says whether a text that ends at s matches. s is not Unsure.
func (a *Automaton) End(s State) bool {
	if s == Match {
		return true
	}
	st := &a.states[s]
	if st.atEnd == 0 {
		st.atEnd = -1
		if a.follow(st.threads, true, syntax.EmptyOpContext(st.before, -1)) {
			st.atEnd = 1
		}
	}
	return st.atEnd > 0
}

// The symbols of an automaton are the characters of ASCII and beyond, which stands for any other. (To \b and ^ they are all alike.)
const (
	beyond  = utf8.RuneSelf
	symbols = utf8.RuneSelf + 1
)

// matchesHigh says which instructions match characters beyond ASCII; nil if some match only some of them.
func matchesHigh(prog *syntax.Prog) []bool {
	high := make([]bool, len(prog.Inst))
	for pc := range prog.Inst {
		inst := &prog.Inst[pc]
		switch {
		case !isRune(inst.Op):
		case inst.Op == syntax.InstRuneAny || inst.Op == syntax.InstRuneAnyNotNL:
			high[pc] = true
		case len(inst.Rune) == 1:
			r := inst.Rune[0]
			if r >= utf8.RuneSelf {
				return nil
			}
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				if f >= utf8.RuneSelf {
					return nil
				}
			}
		default:
			for i := 0; i < len(inst.Rune); i += 2 {
				lo, hi := inst.Rune[i], inst.Rune[i+1]
				if lo <= utf8.RuneSelf && hi == unicode.MaxRune {
					high[pc] = true
				} else if hi >= utf8.RuneSelf {
					return nil
				}
			}
		}
	}
	return high
}

// step computes a transition.
func (a *Automaton) step(s State, c byte) State {
	if c == beyond && a.high == nil {
		return Unsure
	}
	st := a.states[s]
	to := Match
	if !a.follow(st.threads, true, syntax.EmptyOpContext(st.before, rune(c))) {
		var alive []uint32
		for _, pc := range a.list {
			if inst := &a.prog.Inst[pc]; a.matches(pc, c) && !slices.Contains(alive, inst.Out) {
				alive = append(alive, inst.Out)
			}
		}
		// A match that asks nothing of the next character need not wait for it.
		if !a.follow(alive, false, 0) {
			slices.Sort(alive)
			to = a.intern(alive, kindOf(c))
		}
	}
	a.next[int(s)*symbols+int(c)] = to
	return to
}

// matches says whether an instruction takes symbol c.
func (a *Automaton) matches(pc uint32, c byte) bool {
	inst := &a.prog.Inst[pc]
	if c == beyond {
		return a.high[pc]
	}
	return isRune(inst.Op) && inst.MatchRune(rune(c))
}

func isRune(op syntax.InstOp) bool {
	return op == syntax.InstRune || op == syntax.InstRune1 || op == syntax.InstRuneAny || op == syntax.InstRuneAnyNotNL
}

func kindOf(c byte) rune {
	switch {
	case c == '\n':
		return '\n'
	case syntax.IsWordChar(rune(c)):
		return 'a'
	}
	return ' '
}

// intern numbers a state.
func (a *Automaton) intern(threads []uint32, before rune) State {
	a.key = binary.LittleEndian.AppendUint32(a.key[:0], uint32(before))
	for _, pc := range threads {
		a.key = binary.LittleEndian.AppendUint32(a.key, pc)
	}
	if s, ok := a.byKey[string(a.key)]; ok {
		return s
	}
	if len(a.states) == statesMax {
		return Unsure
	}
	s := State(len(a.states))
	a.byKey[string(a.key)] = s
	a.states = append(a.states, state{threads: threads, before: before})
	a.next = append(a.next, make([]State, symbols)...)
	return s
}

// follow sets list to the instructions that threads, and one that begins here, reach under the conditions that hold. It says whether one
// of them is a match.
func (a *Automaton) follow(threads []uint32, begin bool, holds syntax.EmptyOp) (match bool) {
	for _, pc := range a.list {
		a.seen[pc] = false
	}
	a.list = a.list[:0]
	a.stack = append(a.stack[:0], threads...)
	if begin {
		a.stack = append(a.stack, uint32(a.prog.Start))
	}
	for len(a.stack) > 0 {
		pc := a.stack[len(a.stack)-1]
		a.stack = a.stack[:len(a.stack)-1]
		if a.seen[pc] {
			continue
		}
		a.seen[pc] = true
		a.list = append(a.list, pc)
		switch inst := &a.prog.Inst[pc]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			a.stack = append(a.stack, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			a.stack = append(a.stack, inst.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^holds == 0 {
				a.stack = append(a.stack, inst.Out)
			}
		case syntax.InstMatch:
			match = true
		}
	}
	return match
}
