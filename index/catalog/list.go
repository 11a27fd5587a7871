package catalog

import (
	"iter"
	"slices"
	"sort"
	"strings"
)

// segmentList is the segments of one tenant and signal by (MinTime, ID), in blocks, so that a commit copies the blocks that it changes and shares the others with the
// version before: with a million segments a commit costs what it did with a thousand. latest[i] is the greatest MaxTime in the first i+1 blocks, so a search by time walks
// back from the last segment that starts in time and stops where nothing before can reach. Immutable.
type segmentList struct {
	blocks []block
	latest []int64
	bytes  int64
}

// block is segments that follow each other, at least one. latest is to them as the list's is to blocks. Immutable.
type block struct {
	segments []*Segment
	latest   []int64
	bytes    int64
}

// listChange is what a commit does to a list. What is replaced by another segment of the same id is removed and added.
type listChange struct {
	added, removed []*Segment
}

func (c *listChange) add(s *Segment)    { c.added = append(c.added, s) }
func (c *listChange) remove(s *Segment) { c.removed = append(c.removed, s) }

func compareSegments(a, b *Segment) int {
	if a.MinTime != b.MinTime {
		if a.MinTime < b.MinTime {
			return -1
		}
		return 1
	}
	return strings.Compare(a.ID, b.ID)
}

// with returns the list after a change, whose order it changes.
func (l *segmentList) with(c *listChange) *segmentList {
	added, removed := c.added, c.removed
	slices.SortFunc(added, compareSegments)
	slices.SortFunc(removed, compareSegments)
	n := &segmentList{}
	if l == nil || len(l.blocks) == 0 {
		n.append(merged(nil, added, removed))
		n.sum(nil, 0)
		return n
	}
	n.blocks = make([]block, 0, len(l.blocks)+1)
	next, same := 0, len(l.blocks) // the block of l that is next; how many at the beginning are as they were
	for len(added)+len(removed) > 0 {
		i := l.blockOf(first(added, removed))
		n.blocks = append(n.blocks, l.blocks[next:i]...)
		same = min(same, i)
		a, r := len(added), len(removed)
		if i+1 < len(l.blocks) {
			a, r = before(added, l.blocks[i+1].segments[0]), before(removed, l.blocks[i+1].segments[0])
		}
		n.append(merged(l.blocks[i].segments, added[:a], removed[:r]))
		added, removed, next = added[a:], removed[r:], i+1
	}
	n.blocks = append(n.blocks, l.blocks[next:]...)
	n.sum(l, max(same-1, 0)) // the block before the first that changed may have taken it in
	return n
}

// first is the earliest of two sorted lists, which are not both empty.
func first(a, b []*Segment) *Segment {
	if len(a) == 0 || len(b) > 0 && compareSegments(b[0], a[0]) < 0 {
		return b[0]
	}
	return a[0]
}

// before is how many of a sorted list come before s.
func before(list []*Segment, s *Segment) int {
	return sort.Search(len(list), func(i int) bool { return compareSegments(list[i], s) >= 0 })
}

// blockOf is the block that s is in or belongs into: the last that does not begin after it.
func (l *segmentList) blockOf(s *Segment) int {
	return max(0, sort.Search(len(l.blocks), func(i int) bool { return compareSegments(l.blocks[i].segments[0], s) > 0 })-1)
}

// merged is old less removed, with added, in order. All are sorted.
func merged(old, added, removed []*Segment) []*Segment {
	all := make([]*Segment, 0, max(0, len(old)+len(added)-len(removed)))
	for len(old) > 0 || len(added) > 0 {
		if len(old) > 0 && len(removed) > 0 && old[0].ID == removed[0].ID {
			old, removed = old[1:], removed[1:]
			continue
		}
		if len(old) == 0 || len(added) > 0 && compareSegments(added[0], old[0]) < 0 {
			all, added = append(all, added[0]), added[1:]
		} else {
			all, old = append(all, old[0]), old[1:]
		}
	}
	return all
}

// append adds segments that follow those there are, in blocks that are neither too large nor many small ones beside each other.
func (l *segmentList) append(segments []*Segment) {
	if last := len(l.blocks) - 1; last >= 0 && len(segments) > 0 && len(l.blocks[last].segments)+len(segments) <= blockSegments/2 {
		segments = slices.Concat(l.blocks[last].segments, segments)
		l.blocks = l.blocks[:last]
	}
	for pieces := (len(segments) + blockSegments - 1) / blockSegments; pieces > 0; pieces-- {
		n := len(segments) / pieces
		l.blocks = append(l.blocks, newBlock(segments[:n:n]))
		segments = segments[n:]
	}
}

func newBlock(segments []*Segment) block {
	b := block{segments: segments, latest: make([]int64, len(segments))}
	for i, s := range segments {
		b.latest[i] = s.MaxTime
		if i > 0 {
			b.latest[i] = max(s.MaxTime, b.latest[i-1])
		}
		b.bytes += s.Bytes
	}
	return b
}

// sum works out what is kept of all blocks. The first so many are as they are in old.
func (l *segmentList) sum(old *segmentList, same int) {
	l.latest = make([]int64, len(l.blocks))
	if old != nil {
		copy(l.latest, old.latest[:same])
	}
	for i := range l.blocks {
		b := &l.blocks[i]
		l.bytes += b.bytes
		if i < same {
			continue
		}
		l.latest[i] = b.latest[len(b.latest)-1]
		if i > 0 {
			l.latest[i] = max(l.latest[i], l.latest[i-1])
		}
	}
}

// between are the segments that may hold something from time from to time to, both inclusive, the last first.
func (l *segmentList) between(from, to int64) (found []*Segment) {
	end := sort.Search(len(l.blocks), func(i int) bool { return l.blocks[i].segments[0].MinTime > to })
	for i := end - 1; i >= 0 && l.latest[i] >= from; i-- {
		b := &l.blocks[i]
		n := len(b.segments)
		if i == end-1 {
			n = sort.Search(n, func(j int) bool { return b.segments[j].MinTime > to })
		}
		for j := n - 1; j >= 0 && b.latest[j] >= from; j-- {
			if b.segments[j].MaxTime >= from {
				found = append(found, b.segments[j])
			}
		}
	}
	return found
}

// all gives the segments in order.
func (l *segmentList) all() iter.Seq[*Segment] {
	return func(yield func(*Segment) bool) {
		for i := range l.blocks {
			for _, s := range l.blocks[i].segments {
				if !yield(s) {
					return
				}
			}
		}
	}
}
