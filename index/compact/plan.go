package compact

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"clew/index/catalog"
	"clew/internal/telemetry"
)

// Merge is segments that are to become one.
type Merge struct {
	Segments []*catalog.Segment // of one shard, signal and tenant, by MinTime; at least two
	Level    int                // of what they become
}

// KeptSince is when a segment's age begins, in nanoseconds: with its newest record, but not before that was written. Who loads last year's
// log file today wants to look at it, not to see it acknowledged and gone. A merge's is the latest of its inputs'.
func KeptSince(s *catalog.Segment) int64 { return max(s.MaxTime, s.Created.UnixNano()) }

// Window is the width of the windows for records that are kept for age (0: for ever): what a merge can add to their life.
func Window(age time.Duration) time.Duration {
	for _, w := range windows {
		if age <= 0 || w <= age/windowsKept {
			return w
		}
	}
	return windows[len(windows)-1]
}

// group is what may be merged with each other.
type group struct {
	shard  int
	signal telemetry.Signal
	tenant string
	kind   kind
	window int64 // where it ends, nanoseconds
}

// kind is what tells segments of metrics apart that hold other points, or other windows: they are never merged.
type kind struct {
	resolution time.Duration
	sampled    bool
}

// Plan says which of the segments to merge. No segment is in two merges. age is how long what is in a segment is kept (0: for ever). Once the merges
// are done, Plan of what there is then says what comes next: it ends, as each merge leaves fewer segments.
func Plan(segments []*catalog.Segment, age func(*catalog.Segment) time.Duration, now time.Time) []Merge {
	groups := map[group][]*catalog.Segment{}
	for _, s := range segments {
		if !small(s) || s.Level >= LevelMax {
			continue
		}
		width := int64(Window(age(s)))
		g := groupOf(s, width)
		groups[g] = append(groups[g], s)
	}
	var merges []Merge
	for g, members := range groups {
		if len(members) < 2 {
			continue
		}
		slices.SortFunc(members, byTime)
		merges = append(merges, g.plan(members, int64(Window(age(members[0]))), now)...)
	}
	// The oldest first: they have waited longest, and a plan does not depend on the order of a map.
	slices.SortFunc(merges, func(a, b Merge) int { return byTime(a.Segments[0], b.Segments[0]) })
	return merges
}

func groupOf(s *catalog.Segment, width int64) group {
	return group{s.Shard, s.Signal, s.Tenant, kind{s.Resolution, s.Sampled}, floor(KeptSince(s), width) + width}
}

func small(s *catalog.Segment) bool { return s.Rows < RowsSmall && s.Bytes < BytesSmall }

// floor is the greatest multiple of width that is not above t; times before 1970 are negative.
func floor(t, width int64) int64 {
	r := t % width
	if r < 0 {
		r += width
	}
	return t - r
}

func byTime(a, b *catalog.Segment) int {
	if c := cmp.Compare(a.MinTime, b.MinTime); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// plan chooses within a group. Nothing is sealed into a window that has ended, so what is merged then is merged for good, stragglers apart: seals
// that took long, and records of the future.
func (g group) plan(members []*catalog.Segment, width int64, now time.Time) []Merge {
	upTo := func(level int) []*catalog.Segment {
		return slices.DeleteFunc(slices.Clone(members), func(s *catalog.Segment) bool { return s.Level > level })
	}
	if now.UnixNano() < g.window {
		return runs(upTo(0), width, FanIn)
	}
	if merges := runs(upTo(LevelMax-2), width, 2); len(merges) > 0 {
		return merges
	}
	return runs(members, width, stragglersMin)
}

// runs cuts segments, in order of time, into merges of at least so many that keep within the bounds. A merge covers no more than two windows of the
// records' own time, or twice what its longest input covers: what was loaded from files of last year and of last week stays apart.
func runs(segments []*catalog.Segment, width int64, least int) []Merge {
	var merges []Merge
	for len(segments) > 0 {
		n, level := 0, 0
		rows, bytes := 0, int64(0)
		last, longest := segments[0].MaxTime, int64(0)
		for _, s := range segments[:min(len(segments), InputsMax)] {
			rows += s.Rows
			bytes += s.Bytes
			last, longest = max(last, s.MaxTime), max(longest, s.MaxTime-s.MinTime)
			if rows > RowsMax || bytes > BytesMax || last-segments[0].MinTime > 2*max(width, longest) {
				break
			}
			n++
			level = max(level, s.Level)
		}
		n = max(n, 1)
		if n >= least {
			merges = append(merges, Merge{Segments: segments[:n:n], Level: level + 1})
		}
		segments = segments[n:]
	}
	return merges
}
