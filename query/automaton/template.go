package automaton

import (
	"slices"
	"unicode/utf8"

	"clew/index/vocabulary"
)

// Verdict is what a Node says of the rows that reach it.
type Verdict uint8

// The verdicts.
const (
	Never   Verdict = iota
	Always          // the rows match
	Read            // it hangs on the node's hole
	Rebuild         // only the whole text can tell
)

// Node is a place in a template: what is known there, and if it hangs on a hole, on which and in which state the hole is entered.
type Node struct {
	Verdict Verdict
	Hole    int
	Kind    byte // of the hole
	State   State
	after   []*Node // by the state behind the hole
}

// Template is a template as an automaton sees it. It is one goroutine's.
type Template struct {
	a      *Automaton
	pieces [][]byte // its own bytes: before the first hole, between holes, behind the last
	kinds  []byte   // of the holes
	root   *Node
	nodes  int
	hopes  [][]hope // by hole and state
}

// hope says whether a row that stands in a state inside a hole may still match.
type hope uint8

const (
	unknownHope hope = iota
	hopeful
	hopeless
)

// Template prepares template t.
func (a *Automaton) Template(t []byte) *Template {
	p := &Template{a: a}
	from := 0
	for i, c := range t {
		if vocabulary.IsHole(c) {
			p.pieces = append(p.pieces, t[from:i])
			p.kinds = append(p.kinds, c)
			from = i + 1
		}
	}
	p.pieces = append(p.pieces, t[from:])
	p.hopes = make([][]hope, len(p.kinds))
	p.root = p.node(0, a.Start())
	return p
}

// Run walks the value of n's hole, whole characters. It stops early at Match, Unsure and Dead.
func (t *Template) Run(n *Node, value []byte) State {
	a, s, hopes := t.a, n.State, t.hopes[n.Hole]
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c >= utf8.RuneSelf {
			_, size := utf8.DecodeRune(value[i:])
			i += size - 1
			c = beyond
		}
		to := a.next[int(s)*symbols+int(c)]
		if to == s {
			continue
		}
		if to == unknown {
			to = a.step(s, c)
		}
		if s = to; s <= Unsure {
			return s
		}
		if int(s) >= len(hopes) || hopes[s] == unknownHope {
			hopes = t.learnHope(n, s)
		}
		if hopes[s] == hopeless {
			return Dead
		}
	}
	return s
}

// learnHope finds out about state s in n's hole.
func (t *Template) learnHope(n *Node, s State) []hope {
	hopes := t.hopes[n.Hole]
	if grow := int(s) + 1 - len(hopes); grow > 0 {
		hopes = append(hopes, make([]hope, grow)...)
	}
	hopes[s] = hopeless
	if t.reachesBehind(n.Hole, s) || t.reaches(n.Hole, s) {
		hopes[s] = hopeful
	}
	t.hopes[n.Hole] = hopes
	return hopes
}

// Root is where all rows begin.
func (t *Template) Root() *Node { return t.root }

// After is the node behind n's hole, which left the automaton in state s (neither Match nor Unsure).
func (t *Template) After(n *Node, s State) *Node {
	if int(s) < len(n.after) {
		if next := n.after[s]; next != nil {
			return next
		}
	}
	next := t.node(n.Hole+1, s)
	n.after = slices.Grow(n.after, max(0, int(s)+1-len(n.after)))
	for len(n.after) <= int(s) {
		n.after = append(n.after, nil)
	}
	n.after[s] = next
	return next
}

// node says what becomes of a row that stands in state s before piece k.
func (t *Template) node(k int, s State) *Node {
	if t.nodes++; t.nodes > nodesMax {
		return &Node{Verdict: Rebuild}
	}
	reaches := false
	for {
		s = t.a.Run(s, t.pieces[k])
		switch {
		case s == Match:
			return &Node{Verdict: Always}
		case s == Unsure:
			return &Node{Verdict: Rebuild}
		case k == len(t.kinds):
			if t.a.End(s) {
				return &Node{Verdict: Always}
			}
			return &Node{Verdict: Never}
		}
		if !reaches && !t.reaches(k, s) {
			return &Node{Verdict: Never}
		}
		behind, ok := t.forgets(k, s)
		if !ok {
			return &Node{Verdict: Read, Hole: k, Kind: t.kinds[k], State: s}
		}
		k, s, reaches = k+1, behind, true // the only way on is the one that reaches a match
	}
}

// forgets says whether the automaton stands in the same state behind the piece after hole k, whatever the hole holds. behind is a state
// before that piece from which it gets there.
func (t *Template) forgets(k int, s State) (behind State, ok bool) {
	set := t.a.throughHole(t.kinds[k], s)
	if len(set) == 0 {
		return 0, false
	}
	var same State
	for i, from := range set {
		to := t.a.Run(from, t.pieces[k+1])
		switch {
		case to == Unsure || to == Match:
			return 0, false
		case i == 0:
			same = to
		case to != same:
			return 0, false
		}
	}
	return set[0], true
}

// reaches says whether a row that enters hole k in state s, or stands inside it, can match at all.
func (t *Template) reaches(k int, s State) bool {
	through := t.a.throughHole(t.kinds[k], s)
	return len(through) == 0 || t.reachesFrom(k, through)
}

// reachesBehind says whether a row that leaves hole k in state s can match.
func (t *Template) reachesBehind(k int, s State) bool { return t.reachesFrom(k, []State{s}) }

// reachesFrom says whether a row that leaves hole k in one of the states can match.
func (t *Template) reachesFrom(k int, set []State) bool {
	for {
		var before []State
		for _, from := range set {
			to := t.a.Run(from, t.pieces[k+1])
			if to == Match || to == Unsure {
				return true
			}
			if !slices.Contains(before, to) {
				before = append(before, to)
			}
		}
		if k++; k == len(t.kinds) {
			return slices.ContainsFunc(before, t.a.End)
		}
		set = nil
		for _, s := range before {
			through := t.a.throughHole(t.kinds[k], s)
			if len(through) == 0 {
				return true
			}
			for _, to := range through {
				if !slices.Contains(set, to) {
					set = append(set, to)
				}
			}
		}
		if len(set) > setMax {
			return true
		}
	}
}

// Needs picks one of the characters of ASCII that n's hole must hold for the row to match; ok is false if none of them is needed.
func (t *Template) Needs(n *Node, of []byte) (c byte, ok bool) {
	for _, c := range of {
		key := throughKey{kind: n.Kind, from: n.State, without: c}
		set, known := t.a.through[key]
		if !known {
			chars := slices.DeleteFunc(slices.Clone(holeChars[n.Kind]), func(x byte) bool { return x == c })
			set = t.a.reachable(n.Kind, chars, n.State)
			t.a.through[key] = set
		}
		if len(set) > 0 && !t.reachesFrom(n.Hole, set) {
			return c, true
		}
	}
	return 0, false
}

type throughKey struct {
	kind    byte
	from    State
	without byte // a character that the hole does not hold; 0: it may hold all
}

// throughHole gives the states in which a hole may leave the automaton; none if that cannot be told (or the hole alone may match).
func (a *Automaton) throughHole(kind byte, from State) []State {
	key := throughKey{kind: kind, from: from}
	set, ok := a.through[key]
	if ok {
		return set
	}
	set = a.reachable(kind, holeChars[kind], from)
	a.through[key] = set
	return set
}

// reachable walks everything that a hole of this kind may hold.
func (a *Automaton) reachable(kind byte, chars []byte, from State) []State {
	type place struct {
		state State
		shape idShape
	}
	var set []State
	seen := map[place]bool{}
	todo := []place{{state: from}}
	if kind == vocabulary.HoleRaw {
		set = append(set, from) // it may be empty
	}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		for _, c := range chars {
			next := place{shape: at.shape}
			if kind == vocabulary.HoleID && !next.shape.add(c) {
				continue
			}
			next.state = a.next[int(at.state)*symbols+int(c)]
			if next.state == unknown {
				next.state = a.step(at.state, c)
			}
			if next.state <= Unsure || len(set) > setMax {
				return nil
			}
			if !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
			if !slices.Contains(set, next.state) {
				set = append(set, next.state)
			}
		}
	}
	return set
}

// idShape is what a HoleID's value allows next: more than three letters side by side are hex digits or x.
type idShape struct {
	letters uint8 // side by side, up to here; four stand for more
	plain   bool  // one of them is neither a hex digit nor x
}

// add takes the next character. It is false if no id goes on so.
func (s *idShape) add(c byte) bool {
	if low := c | 0x20; low >= 'a' && low <= 'z' {
		s.letters = min(s.letters+1, idLetters+1)
		s.plain = s.plain || low > 'f' && low != 'x'
		return !s.plain || s.letters <= idLetters
	}
	*s = idShape{}
	return true
}

// idLetters is how many letters stand side by side in an id that are not all hex digits or x.
const idLetters = 3

// holeChars are the symbols that holes hold.
var holeChars = [vocabulary.HoleRaw + 1][]byte{
	vocabulary.HoleInt:  []byte("0123456789"),
	vocabulary.HoleID:   []byte(wordChars + "-"),
	vocabulary.HoleWord: append([]byte(wordChars), beyond),
	vocabulary.HoleRaw:  everySymbol(),
}

const wordChars = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

func everySymbol() (all []byte) {
	for c := range symbols {
		all = append(all, byte(c))
	}
	return all
}
