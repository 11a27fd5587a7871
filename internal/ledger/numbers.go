package ledger

import (
	"slices"
	"time"
)

// numbers are the numbers of a source's batches that were answered for good: all from first to last, but for the holes.
type numbers struct {
	First     uint64      `json:"first"`
	Last      uint64      `json:"last"`
	Holes     []NumberGap `json:"holes,omitempty"`     // ascending
	Forgotten uint64      `json:"forgotten,omitempty"` // numbers in holes that are not kept any more

	live bool // a batch has come here since the start
	// shared says that batches go to other collectors too: a hole is one when these have had time to tell of theirs (holeAge). by is who told of the last number; empty:
	// it came here.
	shared bool
	by     string
}

// unsure stands for a process that has vanished: what came after the last number that it told of may have come to it.
const unsure = "?"

// add notes a number. One that comes after a later one stays missing: it is stored nowhere, or is a repetition.
func (n *numbers) add(seq uint64, now time.Time) {
	now = now.UTC().Truncate(time.Second)
	switch {
	case n.Last == 0:
		n.First, n.Last = seq, seq
	case seq > n.Last:
		n.skip(seq, now)
		n.Last = seq
	}
	n.by = ""
}

// skip makes a hole of what lies between the last number and one that came, unless a process has vanished that may have had it.
func (n *numbers) skip(to uint64, now time.Time) {
	if to > n.Last+1 && n.by != unsure {
		n.Holes = append(n.Holes, NumberGap{First: n.Last + 1, Last: to - 1, Seen: &now, after: n.by})
		n.shorten(now)
	}
}

// merge takes in which numbers another process knows to have come, itself or by others.
func (n *numbers) merge(v *numbers, from string, now time.Time) {
	now = now.UTC().Truncate(time.Second)
	if n.Last == 0 {
		n.First, n.Last, n.Holes, n.Forgotten, n.by = v.First, v.Last, slices.Clone(v.Holes), v.Forgotten, from
		return
	}
	at := v.First
	for _, h := range v.Holes {
		if h.First > at {
			n.fill(at, h.First-1)
		}
		at = h.Last + 1
	}
	n.fill(at, v.Last)
	if v.First < n.First {
		var older []NumberGap
		for _, h := range v.Holes {
			if h.First < n.First {
				h.Last = min(h.Last, n.First-1)
				older = append(older, h)
			}
		}
		n.Holes = append(older, n.Holes...)
		n.First = v.First
	}
	if before := n.Last; v.Last > before {
		n.skip(max(v.First, before+1), now)
		for _, h := range v.Holes {
			if h.Last > before {
				h.First = max(h.First, before+1)
				n.Holes = append(n.Holes, h)
			}
		}
		n.Last, n.by = v.Last, from
	}
	n.Forgotten = max(n.Forgotten, v.Forgotten)
	n.shorten(now)
}

// doubt is told that a process has vanished, and says whether that changes anything: what seemed to be missing after a number that it told of may have come to it.
func (n *numbers) doubt(life string) (changed bool) {
	holes := len(n.Holes)
	n.Holes = slices.DeleteFunc(n.Holes, func(h NumberGap) bool { return h.after == life })
	if n.by == life {
		n.by = unsure
	}
	return len(n.Holes) != holes
}

// believe is told that a process has ended and has told everything.
func (n *numbers) believe(life string) {
	for i := range n.Holes {
		if n.Holes[i].after == life {
			n.Holes[i].after = ""
		}
	}
	if n.by == life {
		n.by = ""
	}
}

// fill says that a range is accounted for after all.
func (n *numbers) fill(first, last uint64) {
	if len(n.Holes) == 0 {
		return
	}
	var left []NumberGap
	for _, h := range n.Holes {
		if last < h.First || first > h.Last {
			left = append(left, h)
			continue
		}
		if before := h; h.First < first {
			before.Last = first - 1
			left = append(left, before)
		}
		if after := h; h.Last > last {
			after.First = last + 1
			left = append(left, after)
		}
	}
	n.Holes = left
	if !n.shared {
		n.shorten(time.Time{})
	}
}

// shorten keeps the latest holes. Those that others may yet fill are kept beside them.
func (n *numbers) shorten(now time.Time) {
	for len(n.Holes) > holesMax && (!n.shared || n.Holes[0].settled(now) || len(n.Holes) > holesYoungMax) {
		n.Forgotten += n.Holes[0].Last - n.Holes[0].First + 1
		n.Holes = slices.Delete(n.Holes, 0, 1)
	}
}

// settled says that whoever might have had these numbers has had time to tell.
func (g *NumberGap) settled(now time.Time) bool { return g.Seen == nil || now.Sub(*g.Seen) > holeAge }

// missing is the holes that the sender's own gaps do not explain, and how many numbers that are.
func (n *numbers) missing(explained []NumberGap, now time.Time) (holes []NumberGap, count uint64) {
	rest := numbers{Holes: slices.Clone(n.Holes)}
	if n.shared {
		rest.Holes = slices.DeleteFunc(rest.Holes, func(h NumberGap) bool { return !h.settled(now) })
	}
	for _, g := range explained {
		rest.fill(g.First, g.Last)
	}
	count = n.Forgotten + rest.Forgotten
	for _, h := range rest.Holes {
		count += h.Last - h.First + 1
	}
	return rest.Holes, count
}
