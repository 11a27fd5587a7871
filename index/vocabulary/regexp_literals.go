package vocabulary

import (
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

// literal is a string that a regular expression asks for.
type literal struct {
	needle needle
	// foldsOut: (?i) lets it match characters beyond ASCII too (k: the Kelvin sign, s: the long s), which the needle does not find.
	foldsOut bool
}

// clause is literals of which every match of an expression contains one.
type clause []literal

func (c clause) mayOccur(t []byte, holes HoleFilter) bool {
	for _, l := range c {
		if l.needle.occurs(t, holes) != Never {
			return true
		}
		if l.foldsOut {
			for _, b := range t {
				if b == HoleWord || b == HoleRaw || b >= utf8.RuneSelf {
					return true
				}
			}
		}
	}
	return false
}

// Bounds on taking literals out of an expression. What exceeds them only prunes less.
const (
	exactStringsMax = 16  // strings that a piece of an expression may stand for
	exactBytesMax   = 200 // of each
	clauseMax       = 64  // literals in a clause
)

// pieceString is a string that a piece of an expression stands for.
type pieceString struct {
	s    string
	fold bool
}

// pieceInfo says what is known of a piece of an expression.
type pieceInfo struct {
	exact   []pieceString // all strings it matches; nil if they are not known or too many
	clauses [][]pieceString
}

// requiredLiterals gives the clauses that every match of an expression meets.
func requiredLiterals(re *syntax.Regexp) []clause {
	info := inspect(re)
	if info.exact != nil {
		info.clauses = append(info.clauses, info.exact)
	}
	var out []clause
	for _, c := range info.clauses {
		if literals := makeClause(c); literals != nil {
			out = append(out, literals)
		}
	}
	return out
}

// makeClause gives nil if the strings prune nothing.
func makeClause(strings []pieceString) clause {
	var c clause
	for _, p := range strings {
		if p.s == "" || !utf8.ValidString(p.s) {
			return nil
		}
		l := literal{needle: newNeedle([]byte(p.s), p.fold)}
		for _, r := range p.s {
			if r == utf8.RuneError {
				return nil // any invalid byte matches it
			}
			if !p.fold {
				continue
			}
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				switch {
				case lowerRune(f) == lowerRune(r):
				case lowerRune(r) == 'k' || lowerRune(r) == 's':
					l.foldsOut = true
				default:
					return nil
				}
			}
		}
		c = append(c, l)
	}
	return c
}

func inspect(re *syntax.Regexp) pieceInfo {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return pieceInfo{exact: []pieceString{{}}}
	case syntax.OpLiteral:
		return pieceInfo{exact: []pieceString{{string(re.Rune), re.Flags&syntax.FoldCase != 0}}}
	case syntax.OpCharClass:
		return pieceInfo{exact: classStrings(re.Rune)}
	case syntax.OpCapture:
		return inspect(re.Sub[0])
	case syntax.OpQuest:
		if sub := inspect(re.Sub[0]); sub.exact != nil && len(sub.exact) < exactStringsMax {
			return pieceInfo{exact: append(sub.exact[:len(sub.exact):len(sub.exact)], pieceString{})}
		}
	case syntax.OpPlus:
		sub := inspect(re.Sub[0])
		if sub.exact != nil {
			sub.clauses = append(sub.clauses, sub.exact)
		}
		return pieceInfo{clauses: sub.clauses}
	case syntax.OpConcat:
		return inspectConcat(re.Sub)
	case syntax.OpAlternate:
		return inspectAlternate(re.Sub)
	}
	return pieceInfo{}
}

func classStrings(ranges []rune) (out []pieceString) {
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if len(out) == exactStringsMax {
				return nil
			}
			out = append(out, pieceString{s: string(r)})
		}
	}
	return out
}

func inspectConcat(subs []*syntax.Regexp) pieceInfo {
	var out pieceInfo
	exact := []pieceString{{}}
	all := true
	for _, sub := range subs {
		info := inspect(sub)
		out.clauses = append(out.clauses, info.clauses...)
		if info.exact == nil {
			out.clauses = append(out.clauses, exact)
			exact, all = []pieceString{{}}, false
			continue
		}
		joined := join(exact, info.exact)
		if joined == nil {
			out.clauses = append(out.clauses, exact)
			joined, all = info.exact, false
		}
		exact = joined
	}
	if all {
		out.exact = exact
		return out
	}
	out.clauses = append(out.clauses, exact)
	return out
}

// join gives every string of a followed by every one of b; nil if those are too many or too long.
func join(a, b []pieceString) (out []pieceString) {
	if len(a)*len(b) > exactStringsMax {
		return nil
	}
	for _, x := range a {
		for _, y := range b {
			if len(x.s)+len(y.s) > exactBytesMax {
				return nil
			}
			// Fold matches more: it is right for both.
			out = append(out, pieceString{x.s + y.s, x.fold || y.fold})
		}
	}
	return out
}

func inspectAlternate(subs []*syntax.Regexp) pieceInfo {
	var exact, either []pieceString
	all := true
	for _, sub := range subs {
		info := inspect(sub)
		best := info.exact
		if best == nil {
			all = false
			for _, c := range info.clauses {
				if shortest(c) > shortest(best) {
					best = c
				}
			}
		}
		exact = append(exact, info.exact...)
		if either = append(either, best...); best == nil || len(either) > clauseMax {
			return pieceInfo{}
		}
	}
	if all && len(exact) <= exactStringsMax {
		return pieceInfo{exact: exact}
	}
	return pieceInfo{clauses: [][]pieceString{either}}
}

// shortest is the length of the shortest string of a clause: the longer, the more it prunes.
func shortest(c []pieceString) int {
	if len(c) == 0 {
		return 0
	}
	n := len(c[0].s)
	for _, p := range c {
		n = min(n, len(p.s))
	}
	return n
}
