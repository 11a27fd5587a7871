package vocabulary

import "slices"

// Match puts m to every entry of a and gives the codes it always matches and may match, ascending. The entries are templates, or
// (templates false) values, which are never a matter of may. holes is as in Matcher.Template.
func Match(a *Arena, m Matcher, templates bool, holes HoleFilter) (always, may []uint32) {
	needles := requiredNeedles(m)
	if needles == nil || templates && slices.ContainsFunc(needles, holdsDigits) {
		for code := range a.Len() {
			always, may = matchEntry(a, uint32(code), m, templates, holes, always, may)
		}
		return always, may
	}
	// An entry without any of the needles can match only by what its string holes hold: digits, which integer holes hold, are in none.
	candidates := make([]uint64, (a.Len()+63)/64)
	for i := range needles {
		searchArena(a, &needles[i], candidates)
	}
	if templates {
		for _, hole := range []byte{HoleID, HoleWord, HoleRaw} {
			searchArena(a, &needle{lit: []byte{hole}}, candidates)
		}
	}
	for i, set := range candidates {
		for bit := range 64 {
			if set>>bit == 0 {
				break
			}
			if set>>bit&1 == 1 {
				always, may = matchEntry(a, uint32(64*i+bit), m, templates, holes, always, may)
			}
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

// requiredNeedles gives literals of which every matching text contains one; nil if there are none worth looking for.
func requiredNeedles(m Matcher) []needle {
	var needles []needle
	switch m := m.(type) {
	case *wordsMatcher:
		needles = []needle{m.needle}
	case *substringMatcher:
		needles = []needle{m.needle}
	case *exactMatcher:
		needles = []needle{newNeedle(m.value, m.fold)}
	case *regexpMatcher:
		best := 0
		for _, c := range m.required {
			shortest := -1
			for _, l := range c {
				if l.foldsOut {
					shortest = 0
				} else if shortest < 0 || len(l.needle.lit) < shortest {
					shortest = len(l.needle.lit)
				}
			}
			if shortest > best && len(c) <= needlesMax {
				best, needles = shortest, nil
				for _, l := range c {
					needles = append(needles, l.needle)
				}
			}
		}
	}
	// Looking for a single byte finds nearly every entry.
	if slices.ContainsFunc(needles, func(n needle) bool { return len(n.lit) < 2 || containsHole(n.lit) }) {
		return nil
	}
	return needles
}

// needlesMax is how many passes over an arena are still faster than asking entry by entry.
const needlesMax = 4

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
