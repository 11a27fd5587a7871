package sources

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clew/index/catalog"
	"clew/ingest/shardlog"
	"clew/internal/ledger"
)

// seenAt is when the log took a message.
var seenAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func message(count int, sources ...shardlog.SourceSeq) *shardlog.Message {
	return &shardlog.Message{Records: count, Sources: sources}
}

func TestSourcesSee(t *testing.T) {
	s := New([]catalog.Source{{ID: "a", Seq: 5, Seen: seenAt.UnixNano()}})
	see := func(wantRepeated int, wantKeep string, m *shardlog.Message) {
		t.Helper()
		keep, repeated, _ := s.See(1, seenAt, m)
		got := ""
		for _, k := range keep {
			got += map[bool]string{true: "1", false: "0"}[k]
		}
		if repeated != wantRepeated || got != wantKeep {
			t.Errorf("%v: %d repeated, keep %q; want %d, %q", m.Sources, repeated, got, wantRepeated, wantKeep)
		}
	}
	see(0, "", message(2))
	see(2, "00", message(2, shardlog.SourceSeq{ID: "a", Seq: 5, Count: 2}))
	see(0, "", message(2, shardlog.SourceSeq{ID: "a", Seq: 6, Count: 2}))
	see(1, "011", message(3, shardlog.SourceSeq{ID: "a", Seq: 4, Count: 1}, shardlog.SourceSeq{ID: "b", Seq: 1, Count: 2}))
	see(3, "000", message(3, shardlog.SourceSeq{ID: "a", Seq: 4, Count: 1}, shardlog.SourceSeq{ID: "b", Seq: 1, Count: 2}))
	// Counts that don't add up: kept unless all is repeated.
	see(0, "", message(9, shardlog.SourceSeq{ID: "a", Seq: 4, Count: 1}, shardlog.SourceSeq{ID: "b", Seq: 2, Count: 2}))
	see(9, "000000000", message(9, shardlog.SourceSeq{ID: "b", Seq: 2, Count: 2}))
}

// TestSourcesAtFloor: what is committed for a floor is what one knows who has read up to there and no further.
func TestSourcesAtFloor(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s, plain := New(nil), New(nil)
	var list []*shardlog.Message
	floor := 0
	at := func(i int) time.Time { return seenAt.Add(time.Duration(i) * 15 * time.Second) } // long enough for sources to expire
	for i := range 3000 {
		m := message(1, shardlog.SourceSeq{ID: fmt.Sprint("s", rng.IntN(40)+i/50*20), Seq: uint64(rng.IntN(i + 1)), Count: 1})
		list = append(list, m)
		s.See(uint64(i+1), at(i), m)
		if rng.IntN(10) > 0 {
			continue
		}
		next := floor + rng.IntN(i+2-floor)
		for ; floor < next; floor++ {
			plain.See(uint64(floor+1), at(floor), list[floor])
		}
		if d := cmp.Diff(plain.At(uint64(floor)), s.At(uint64(floor))); d != "" {
			t.Fatalf("at %d of %d (-want +got):\n%s", floor, i+1, d)
		}
		if rng.IntN(2) == 0 { // otherwise the commit has failed
			s.Settle(uint64(floor))
			plain.Settle(uint64(floor))
		}
	}
	if n := len(s.now); n > 200 {
		t.Errorf("%d sources are remembered: silent ones must be forgotten", n)
	}
}

func TestSourcesBound(t *testing.T) {
	s := New(nil)
	for i := range 3 * sourcesMax {
		s.See(uint64(i+1), seenAt.Add(time.Duration(i)), message(1, shardlog.SourceSeq{ID: fmt.Sprint("s", i), Seq: 1, Count: 1}))
		if len(s.now) > 2*sourcesMax {
			t.Fatalf("%d sources are remembered", len(s.now))
		}
	}
	committed := s.At(3 * sourcesMax)
	if len(committed) != sourcesMax {
		t.Errorf("%d sources are committed, want %d", len(committed), sourcesMax)
	}
	if !slices.ContainsFunc(committed, func(c catalog.Source) bool { return c.ID == fmt.Sprint("s", 3*sourcesMax-1) }) {
		t.Error("the youngest source was forgotten")
	}
}

func TestSpanSet(t *testing.T) {
	const bound = 5000
	s := NewSpans(bound)
	rng := rand.New(rand.NewPCG(5, 6))
	var order []uint64
	seen := map[uint64]bool{}
	for range 50_000 {
		h := rng.Uint64()
		if rng.IntN(1000) == 0 {
			h = uint64(rng.IntN(2)) // 0 and 1 are one, and the table's mark for empty
		}
		if rng.IntN(3) == 0 && len(order) > 0 {
			h = order[len(order)-1-rng.IntN(min(len(order), bound))]
			if s.Add(h) {
				t.Fatalf("%x was added among the last %d", h, bound)
			}
			continue
		}
		if isNew := s.Add(h); isNew {
			order = append(order, max(h, 1))
		} else if !seen[max(h, 1)] {
			t.Fatalf("%x was never added", h)
		}
		seen[max(h, 1)] = true
	}
	if n := s.younger.used + s.older.used; n > 2*bound {
		t.Errorf("%d are remembered, at most %d should be", n, 2*bound)
	}
}

func BenchmarkSpanSet(b *testing.B) {
	b.ReportAllocs()
	s := NewSpans(SpansRemembered)
	h := uint64(1)
	for b.Loop() {
		h = h*6364136223846793005 + 1442695040888963407
		s.Add(h ^ h>>31)
	}
}

// TestSourcesParts: a batch may be spread over several messages, be cut off after any of them, and come again cut elsewhere: each record is kept once.
func TestSourcesParts(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	const id = ledger.SourcePrefix + "a/logs/1/-"
	s := New(nil)
	position, replayed := uint64(0), 0
	want, repeats := 0, 0
	for seq := uint64(1); seq <= 300; seq++ {
		size := 1 + rng.IntN(50)
		kept := make([]int, size)
		for attempt := 0; ; attempt++ {
			last := attempt == 3
			at := 0
			for at < size {
				n := 1 + rng.IntN(size-at)
				m := message(n+2, shardlog.SourceSeq{ID: "collector", Seq: position + 1, Count: 2}, shardlog.SourceSeq{ID: id, Seq: seq, First: uint32(at), Count: uint32(n)})
				position++
				keep, _, again := s.See(position, seenAt, m)
				replayed += again
				for i := range n {
					if keep == nil || keep[2+i] {
						kept[at+i]++
					} else {
						repeats++
					}
				}
				at += n
				if rng.IntN(8) == 0 { // a restart of the owner, at its floor
					floor := position - uint64(rng.IntN(2))
					committed := s.At(floor)
					restarted := New(committed)
					if floor < position {
						restarted.See(position, seenAt, m)
					}
					s = restarted
				}
				if !last && rng.IntN(3) == 0 {
					break // the collector is killed
				}
			}
			if last {
				break
			}
		}
		for i, n := range kept {
			if n != 1 {
				t.Fatalf("batch %d: record %d of %d was kept %d times", seq, i, size, n)
			}
		}
		want += size
	}
	if repeats == 0 || repeats != replayed {
		t.Errorf("%d records were repeated, %d are counted", repeats, replayed)
	}
	s.Accounts(func(got string, seq, first, stored, repeated uint64) {
		if got != id || seq != 300 || first != 1 || stored != uint64(want) || repeated != uint64(repeats) {
			t.Errorf("%s: number %d, from %d, %d stored, %d repeated; want %d stored, %d repeated", got, seq, first, stored, repeated, want, repeats)
		}
	})
	// What comes late, after a higher number, is taken for a repetition: its sender has broken its promise.
	if _, repeated, _ := s.See(position+1, seenAt, message(1, shardlog.SourceSeq{ID: id, Seq: 299, Count: 1})); repeated != 1 {
		t.Errorf("%d repeated, want 1", repeated)
	}
}

// TestSourcesOfOldCommits: a commit from before parts were kept knows the whole of a source's last batch.
func TestSourcesOfOldCommits(t *testing.T) {
	s := New([]catalog.Source{{ID: "a", Seq: 5, Seen: seenAt.UnixNano()}})
	if _, repeated, _ := s.See(1, seenAt, message(10, shardlog.SourceSeq{ID: "a", Seq: 5, Count: 10})); repeated != 10 {
		t.Errorf("%d repeated, want 10", repeated)
	}
}
