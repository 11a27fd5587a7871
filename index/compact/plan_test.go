package compact

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"clew/index/catalog"
	"clew/internal/telemetry"
)

func TestWindow(t *testing.T) {
	for age, want := range map[time.Duration]time.Duration{
		0: 24 * time.Hour, 90 * 24 * time.Hour: 24 * time.Hour, 7 * 24 * time.Hour: 6 * time.Hour, 24 * time.Hour: time.Hour,
		3 * time.Hour: 10 * time.Minute, time.Minute: time.Minute,
	} {
		if got := Window(age); got != want {
			t.Errorf("records kept for %v: windows of %v, want %v", age, got, want)
		}
	}
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func sealed(id string, at time.Time, rows int) *catalog.Segment {
	return &catalog.Segment{
		ID: id, Signal: telemetry.Logs, Tenant: "t", Rows: rows, Bytes: int64(rows) * 50,
		MinTime: at.Add(-10 * time.Minute).UnixNano(), MaxTime: at.UnixNano(), Created: at,
	}
}

func day(*catalog.Segment) time.Duration { return 24 * time.Hour }

func TestPlan(t *testing.T) {
	quarter := func(n, rows int) (segments []*catalog.Segment) {
		for i := range n {
			segments = append(segments, sealed(fmt.Sprint("s", i), noon.Add(time.Duration(i)*time.Minute), rows))
		}
		return segments
	}
	level := func(segments []*catalog.Segment, levels ...int) []*catalog.Segment {
		for i, l := range levels {
			segments[i].Level = l
		}
		return segments
	}
	open, closed := noon.Add(30*time.Minute), noon.Add(61*time.Minute)
	for _, test := range []struct {
		name     string
		segments []*catalog.Segment
		now      time.Time
		want     []int // inputs of each merge
		level    int
	}{
		{"few in an open window wait", quarter(FanIn-1, 10), open, nil, 0},
		{"many in an open window", quarter(FanIn, 10), open, []int{FanIn}, 1},
		{"two in a closed window", quarter(2, 10), closed, []int{2}, 1},
		{"one has nobody", quarter(1, 10), closed, nil, 0},
		{"large ones are left alone", quarter(9, RowsSmall), closed, nil, 0},
		{"a merge has at most so many rows", quarter(6, RowsSmall-1), closed, []int{4, 2}, 1},
		{"what was merged in the open window is merged once more", level(quarter(3, 10), 1), closed, []int{3}, 2},
		{"a straggler waits for others", level(quarter(2, 10), 2), closed, nil, 0},
		{"stragglers are merged", level(quarter(4, 10), 2, 2, 2), closed, []int{4}, 3},
		{"but first with their like", level(quarter(4, 10), 2, 2), closed, []int{2}, 1},
		{"what has been rewritten often is left alone", level(quarter(8, 10), 3, 3, 3, 3, 3, 3, 3, 3), closed, nil, 0},
	} {
		merges := Plan(test.segments, day, test.now)
		var got []int
		for _, m := range merges {
			got = append(got, len(m.Segments))
			if m.Level != test.level {
				t.Errorf("%s: level %d, want %d", test.name, m.Level, test.level)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: merges of %v segments, want %v", test.name, got, test.want)
		}
	}
}

// TestPlanApart: what was loaded from old files is not merged with what was loaded from files of another time.
func TestPlanApart(t *testing.T) {
	var segments []*catalog.Segment
	for i := range 8 {
		s := sealed(fmt.Sprint("s", i), noon.Add(-time.Duration(i/4)*1000*time.Hour), 10)
		s.Created = noon
		segments = append(segments, s)
	}
	merges := Plan(segments, day, noon.Add(2*time.Hour))
	if len(merges) != 2 || len(merges[0].Segments) != 4 || len(merges[1].Segments) != 4 {
		t.Errorf("%d merges, want two of four", len(merges))
	}
}

// merged is what a merge becomes.
func merged(m Merge, id string) *catalog.Segment {
	s := *m.Segments[0]
	s.ID, s.Level = id, m.Level
	for _, in := range m.Segments[1:] {
		s.Rows += in.Rows
		s.Bytes += in.Bytes
		s.MinTime, s.MaxTime = min(s.MinTime, in.MinTime), max(s.MaxTime, in.MaxTime)
		if in.Created.After(s.Created) {
			s.Created = in.Created
		}
	}
	return &s
}

// TestPlanProperties lets random shards live for two days and checks every merge.
func TestPlanProperties(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 3))
		ages := []time.Duration{0, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
		age := func(s *catalog.Segment) time.Duration { return ages[s.Tenant[0]-'a'] }
		sealEvery := time.Duration(1+rng.IntN(60)) * time.Minute
		var segments []*catalog.Segment
		var sealedBytes, rewrittenBytes int64
		next := 0
		for now := noon; now.Before(noon.Add(48 * time.Hour)); now = now.Add(sealEvery) {
			for range 1 + rng.IntN(4) {
				s := sealed(fmt.Sprintf("s%06d", next), now.Add(-time.Duration(rng.Int64N(int64(sealEvery)))), 1+int(rng.ExpFloat64()*20_000))
				next++
				s.Created = now
				s.Shard, s.Signal, s.Tenant = rng.IntN(2), telemetry.Signals[rng.IntN(3)], string(rune('a'+rng.IntN(4)))
				segments = append(segments, s)
				sealedBytes += s.Bytes
			}
			for round := 0; ; round++ {
				merges := Plan(segments, age, now)
				if len(merges) == 0 {
					break
				}
				if round > len(segments) {
					t.Fatal("planning does not end")
				}
				segments, rewrittenBytes = checkMerges(t, segments, merges, age, &next, rewrittenBytes)
			}
		}
		if rewrittenBytes > LevelMax*sealedBytes {
			t.Errorf("seed %d: %d bytes rewritten of %d sealed", seed, rewrittenBytes, sealedBytes)
		}
	}
}

// checkMerges carries the merges out.
func checkMerges(t *testing.T, segments []*catalog.Segment, merges []Merge, age func(*catalog.Segment) time.Duration, next *int, rewritten int64) ([]*catalog.Segment, int64) {
	t.Helper()
	used := map[string]bool{}
	for _, m := range merges {
		first := m.Segments[0]
		width := Window(age(first)).Nanoseconds()
		if len(m.Segments) < 2 || len(m.Segments) > InputsMax || m.Level > LevelMax {
			t.Fatalf("merge of %d segments to level %d", len(m.Segments), m.Level)
		}
		out := merged(m, fmt.Sprintf("m%06d", *next))
		*next++
		if out.Rows > RowsMax || out.Bytes > BytesMax {
			t.Fatalf("merge of %d rows, %d bytes", out.Rows, out.Bytes)
		}
		for _, s := range m.Segments {
			switch {
			case used[s.ID]:
				t.Fatalf("segment %s is in two merges", s.ID)
			case s.Shard != first.Shard || s.Signal != first.Signal || s.Tenant != first.Tenant:
				t.Fatalf("segments %s and %s don't belong together", s.ID, first.ID)
			case s.Level >= m.Level:
				t.Fatalf("segment %s of level %d becomes level %d", s.ID, s.Level, m.Level)
			case floor(KeptSince(s), width) != floor(KeptSince(out), width):
				t.Fatalf("segment %s changes its window of retention", s.ID)
			}
			used[s.ID] = true
		}
		rewritten += out.Bytes
		segments = append(segments, out)
	}
	return slices.DeleteFunc(segments, func(s *catalog.Segment) bool { return used[s.ID] }), rewritten
}
