package vocabulary

import (
	"math/bits"
	"slices"
)

// Match puts m to every entry of a and gives the codes it always matches and may match, ascending. The entries are templates, or
// (templates false) values, which are never a matter of may. holes is as in Matcher.Template.
func Match(a *Arena, m Matcher, templates bool, holes HoleFilter) (always, may []uint32) {
	var candidates []uint64 // a bit for each entry; nil stands for all
	for _, c := range requiredNeedles(m) {
		found := make([]uint64, (a.Len()+63)/64)
		for i := range c.needles {
			searchArena(a, &c.needles[i], found)
		}
		if templates {
			// A template without any of the needles can match only by what its holes hold.
			if slices.ContainsFunc(c.needles, holdsDigits) {
				searchHoles(a, HoleInt, c.needles, found)
			}
			for _, hole := range []byte{HoleID, HoleWord, HoleRaw} {
				if c.mayFill(hole, holes) {
					searchHoles(a, hole, c.needles, found)
				}
			}
		}
		if candidates == nil {
			candidates = found
		}
		for i := range candidates {
			candidates[i] &= found[i]
		}
	}
	if candidates == nil {
		for code := range a.Len() {
			always, may = matchEntry(a, uint32(code), m, templates, holes, always, may)
		}
		return always, may
	}
	for i, set := range candidates {
		for ; set != 0; set &= set - 1 {
			always, may = matchEntry(a, uint32(64*i+bits.TrailingZeros64(set)), m, templates, holes, always, may)
		}
	}
	return always, may
}

func matchEntry(a *Arena, code uint32, m Matcher, templates bool, holes HoleFilter, always, may []uint32) ([]uint32, []uint32) {
	s := a.At(int(code))
	if !templates {
		if m.Text(s) {
			always = append(always, code)
		}
		return always, may
	}
	switch m.Template(s, holes) {
	case Always:
		always = append(always, code)
	case May:
		may = append(may, code)
	}
	return always, may
}

// required is literals of which every matching text contains one; if word is set, inside a word that meets it.
type required struct {
	needles []needle
	word    predicate
}

// mayFill says whether a hole of this kind may hold what is required, or a part of it.
func (r *required) mayFill(hole byte, holes HoleFilter) bool {
	if r.word != nil {
		// A raw hole's words may go on outside, where the filter doesn't know them.
		return hole == HoleRaw || r.word.hole(hole, holes)
	}
	return hole != HoleID || slices.ContainsFunc(r.needles, func(n needle) bool { return n.anyInID() })
}

// anyInID says whether a piece of the needle may be in a HoleID.
func (n *needle) anyInID() bool {
	// A word that is all of the needle has to be in the hole as it is. Other needles may stand across the hole's edge.
	return !wholeWord(n.lit) || idPiece(n.lit, false)
}

// wholeWord says whether s is characters of one word.
func wholeWord(s []byte) bool {
	return !slices.ContainsFunc(s, func(c byte) bool { return !isWordByte(c) })
}

// requiredNeedles gives what is worth looking for in an arena: all of it must be found.
func requiredNeedles(m Matcher) (all []required) {
	add := func(word predicate, needles ...needle) {
		// Looking for a single byte finds nearly every entry.
		if len(all) < passesMax && !slices.ContainsFunc(needles, func(n needle) bool { return len(n.lit) < 2 || containsHole(n.lit) }) {
			all = append(all, required{needles, word})
		}
	}
	switch m := m.(type) {
	case *wordsMatcher:
		add(m.longest, m.needle)
		for _, p := range m.predicates {
			if p != m.longest {
				add(p, newNeedle(p.needle(), true))
			}
		}
	case *substringMatcher:
		add(nil, m.needle)
	case *exactMatcher:
		add(nil, newNeedle(m.value, m.fold))
	case *regexpMatcher:
		for _, c := range m.required {
			if len(c) <= needlesMax && !slices.ContainsFunc(c, func(l literal) bool { return l.foldsOut }) {
				var needles []needle
				for _, l := range c {
					needles = append(needles, l.needle)
				}
				add(nil, needles...)
			}
		}
	}
	return all
}

// Passes over an arena cost less than asking entry by entry, up to these numbers.
const (
	needlesMax = 4 // alternatives
	passesMax  = 4 // things required
)

func holdsDigits(n needle) bool {
	return slices.ContainsFunc(n.lit, func(c byte) bool { return byteClass[c] == classDigit })
}

// searchArena sets the bits of the entries that contain n.
func searchArena(a *Arena, n *needle, set []uint64) {
	if a.Len() == 0 {
		return
	}
	data := a.Data[:a.Offsets[a.Len()]]
	fold := foldSearch{needle: n, low: -1, up: -1}
	code := 0
	for at := int(a.Offsets[0]); at < len(data); {
		switch {
		case n.fold && n.ascii:
			at = fold.next(data, at)
		default:
			found := n.index(data[at:])
			if found < 0 {
				return
			}
			at += found
		}
		if at < 0 {
			return
		}
		code += entryOf(a.Offsets[code+1:], at)
		end := int(a.Offsets[code+1])
		if at+len(n.lit) > end && !(n.fold && !n.ascii) {
			at++ // it spans two entries
			continue
		}
		set[code>>6] |= 1 << (code & 63)
		at = end
	}
}

// entryOf is how many of the ends are at or before at. Hits are near each other more often than not: it gallops.
func entryOf(ends []uint32, at int) int {
	step := 1
	lo := 0
	for lo+step <= len(ends) && int(ends[lo+step-1]) <= at {
		lo += step
		step *= 2
	}
	hi := min(lo+step, len(ends))
	i, _ := slices.BinarySearchFunc(ends[lo:hi], at, func(end uint32, at int) int {
		if int(end) <= at {
			return -1
		}
		return 1
	})
	return lo + i
}

// SetContaining sets the bits of a's strings that contain literal, of ASCII, in any case if fold is set.
func SetContaining(a *Arena, literal []byte, fold bool, set []uint64) {
	n := newNeedle(literal, fold)
	if fold && n.ascii {
		n.follow(a.Data)
	}
	searchArena(a, &n, set)
}
