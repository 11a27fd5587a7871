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

	live bool // a batch has come since the start
}

// add notes a number. One that comes after a later one stays missing: it is stored nowhere, or is a repetition.
func (n *numbers) add(seq uint64, now time.Time) {
	now = now.UTC().Truncate(time.Second)
	switch {
	case n.Last == 0:
		n.First, n.Last = seq, seq
	case seq > n.Last:
		if seq > n.Last+1 {
			n.Holes = append(n.Holes, NumberGap{First: n.Last + 1, Last: seq - 1, Seen: &now})
			n.shorten()
		}
		n.Last = seq
	}
}

// fill says that a range is accounted for after all.
func (n *numbers) fill(first, last uint64) {
	var left []NumberGap
	for _, h := range n.Holes {
		if last < h.First || first > h.Last {
			left = append(left, h)
			continue
		}
		if h.First < first {
			left = append(left, NumberGap{First: h.First, Last: first - 1, Seen: h.Seen})
		}
		if h.Last > last {
			left = append(left, NumberGap{First: last + 1, Last: h.Last, Seen: h.Seen})
		}
	}
	n.Holes = left
	n.shorten()
}

func (n *numbers) shorten() {
	for len(n.Holes) > holesMax {
		n.Forgotten += n.Holes[0].Last - n.Holes[0].First + 1
		n.Holes = slices.Delete(n.Holes, 0, 1)
	}
}

// missing is the holes that the sender's own gaps do not explain, and how many numbers that are.
func (n *numbers) missing(explained []NumberGap) (holes []NumberGap, count uint64) {
	rest := numbers{Holes: slices.Clone(n.Holes)}
	for _, g := range explained {
		rest.fill(g.First, g.Last)
	}
	count = n.Forgotten + rest.Forgotten
	for _, h := range rest.Holes {
		count += h.Last - h.First + 1
	}
	return rest.Holes, count
}
