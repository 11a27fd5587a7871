package catalog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSegmentList compares a list with a plain slice over thousands of random changes, and each version with itself later: what a change touches is copied, never written.
func TestSegmentList(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var l *segmentList
	var plain []*Segment
	type version struct {
		list  *segmentList
		plain []*Segment
	}
	var kept []version
	serial := 0
	for step := range 3000 {
		c := &listChange{}
		grow := step%1000 < 500
		for range rng.IntN(6) {
			s := &Segment{ID: fmt.Sprintf("s%06d", serial), MinTime: int64(rng.IntN(5000)), Bytes: int64(rng.IntN(100))}
			if serial++; grow && rng.IntN(4) > 0 {
				s.MinTime = int64(5000 + step) // as seals do
			}
			s.MaxTime = s.MinTime + int64(rng.IntN(100))
			c.add(s)
		}
		if step%1000 == 100 { // as a catalog that is loaded
			for range 3 * blockSegments {
				s := &Segment{ID: fmt.Sprintf("s%06d", serial), MinTime: int64(rng.IntN(5000))}
				s.MaxTime = s.MinTime + 50
				serial++
				c.add(s)
			}
		}
		removals := 1
		if !grow {
			removals = 12
		}
		gone := map[string]bool{}
		for range min(removals, len(plain)) {
			s := plain[rng.IntN(len(plain))]
			if gone[s.ID] {
				continue
			}
			gone[s.ID] = true
			c.remove(s)
			if rng.IntN(10) == 0 { // it is another from now on
				changed := *s
				changed.Sampled = true
				c.add(&changed)
			}
		}
		plain = slices.DeleteFunc(slices.Clone(plain), func(s *Segment) bool { return gone[s.ID] })
		plain = append(plain, c.added...)
		slices.SortFunc(plain, compareSegments)
		l = l.with(c)
		if step%50 == 0 {
			kept = append(kept, version{l, plain})
			compareList(t, l, plain, rng)
		}
	}
	for _, v := range kept {
		compareList(t, v.list, v.plain, rng)
	}
	if len(l.blocks) > 2*len(plain)/blockSegments+4*len(plain)/(blockSegments/2)+2 {
		t.Errorf("%d segments in %d blocks", len(plain), len(l.blocks))
	}
	everything := &listChange{removed: slices.Clone(plain)}
	if l = l.with(everything); len(l.blocks) != 0 || l.bytes != 0 {
		t.Errorf("an empty list has %d blocks, %d bytes", len(l.blocks), l.bytes)
	}
}

func compareList(t *testing.T, l *segmentList, plain []*Segment, rng *rand.Rand) {
	t.Helper()
	if have := slices.Collect(l.all()); !slices.Equal(have, plain) {
		t.Fatalf("%d segments, want %d, or in another order", len(have), len(plain))
	}
	bytes := int64(0)
	for _, s := range plain {
		bytes += s.Bytes
	}
	if l.bytes != bytes {
		t.Fatalf("%d bytes, want %d", l.bytes, bytes)
	}
	for i := range l.blocks {
		if n := len(l.blocks[i].segments); n == 0 || n > blockSegments {
			t.Fatalf("block %d has %d segments", i, n)
		}
	}
	for range 20 {
		from := int64(rng.IntN(9000)) - 100
		to := from + int64(rng.IntN(300))
		var want []*Segment
		for _, s := range slices.Backward(plain) {
			if s.MinTime <= to && s.MaxTime >= from {
				want = append(want, s)
			}
		}
		if have := l.between(from, to); !slices.Equal(have, want) {
			t.Fatalf("from %d to %d: %d segments, want %d", from, to, len(have), len(want))
		}
	}
}
