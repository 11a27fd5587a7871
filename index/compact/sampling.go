package compact

import (
	"slices"
	"time"

	"clew/index/catalog"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// Sampling is segments of metrics, of one resolution, that are to be down-sampled together.
type Sampling struct {
	Segments []*catalog.Segment // of one shard and tenant, by MinTime; at least one
	Width    time.Duration      // of the windows they are to become
}

// PlanSampling says which segments to down-sample: those that are not yet, once the window of time that Plan puts them into has ended and nothing of it is left to merge.
// No segment is in two. age is as for Plan; after is how long there is
// a wait behind a window's end: by then what was still being sealed has come, and what is small has been merged.
func PlanSampling(segments []*catalog.Segment, age func(*catalog.Segment) time.Duration, after time.Duration, now time.Time) []Sampling {
	groups := map[group][]*catalog.Segment{}
	widths := map[group]int64{}
	for _, s := range segments {
		if _, coarser := points.Coarser(s.Resolution); s.Signal != telemetry.Metrics || s.Sampled || !coarser {
			continue
		}
		width := int64(Window(age(s)))
		g := groupOf(s, width)
		groups[g] = append(groups[g], s)
		widths[g] = width
	}
	var all []Sampling
	for g, members := range groups {
		if now.UnixNano() < g.window+int64(after) {
			continue
		}
		slices.SortFunc(members, byTime)
		width, _ := points.Coarser(g.kind.resolution)
		for _, m := range runs(members, widths[g], 1) {
			all = append(all, Sampling{Segments: m.Segments, Width: width})
		}
	}
	slices.SortFunc(all, func(a, b Sampling) int { return byTime(a.Segments[0], b.Segments[0]) })
	return all
}
