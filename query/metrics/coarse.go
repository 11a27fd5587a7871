package metrics

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"clew/internal/points"
	"clew/query/metrics/stored"
)

// A function of PromQL sees points. Of down-sampled ones it sees what makes it answer as it would have of all:
//
//   - min_over_time, max_over_time and sum_over_time see a point for each window, at its end: the minimum, the maximum, the sum; avg_over_time and count_over_time the mean, and how
//     many points it is of (weight.go);
//   - all others see the points that stay, which are points that were;
//   - where nothing would be seen because windows are wider than a range or than PromQL looks back, points are added between those of neighbouring windows (filled.go):
//     an instant selector sees the last one again, a range is seen as if what was between had come evenly.

// wantsWindows says whether the function is answered by what there was in windows, not by the points that stay.
func (a asked) wantsWindows() bool {
	if a.span == 0 {
		return false
	}
	switch a.function {
	case "min_over_time", "max_over_time", "avg_over_time", "sum_over_time", "count_over_time", "present_over_time":
		return true
	}
	return false
}

// wantsStats says whether it needs more of them than how many points there were.
func (a asked) wantsStats() bool {
	return a.wantsWindows() && a.function != "count_over_time" && a.function != "present_over_time"
}

// spread is how far apart points have to be at the most, for a function to see any of windows of a width; 0: it does anyway.
func (a asked) spread(width time.Duration) time.Duration {
	switch {
	case a.span == 0:
		return stored.Lookback
	case a.span < 2*width:
		return max(a.span/2, spreadMin)
	}
	return 0
}

// pieces is how many points a window has to be spread to, and how far apart they are, in milliseconds.
func (a asked) pieces(width time.Duration) (k, apart int64) {
	d, ms := a.spread(width).Milliseconds(), width.Milliseconds()
	if d == 0 || d >= ms { // points as they came have no width
		return 1, ms
	}
	k = (ms + d - 1) / d
	return k, ms / k
}

// teller makes points of windows. Its memory is used again for the next row.
type teller struct {
	windows []points.Window // of a row
	all     []wideWindow    // of several, and what is beside them
	told    []toldPoint
}

type wideWindow struct {
	points.Window
	width time.Duration
}

// toldPoint is a point that stands for n.
type toldPoint struct {
	t int64
	v float64
	n uint64
}

// tell adds the points that say what there was in the windows of pieces that overlap, and the points of those that have no windows.
func (l *teller) tell(to []stored.FloatPoint, s *selected, run []piece) ([]stored.FloatPoint, error) {
	l.all, l.told = l.all[:0], l.told[:0]
	var others []piece
	for i := range run {
		p := &run[i]
		if !p.told {
			others = append(others, *p)
			continue
		}
		_, found, err := p.r.Row(p.ref)
		if err != nil {
			return to, err
		}
		if _, _, l.windows, err = found.Windows(l.windows); err != nil {
			return to, err
		}
		for k := range l.windows {
			if w := &l.windows[k]; !p.means(w.End) {
				continue
			} else if len(run) == 1 {
				l.window(s.asked, w, p.r.Stage.Resolution)
			} else {
				l.all = append(l.all, wideWindow{*w, p.r.Stage.Resolution})
			}
		}
	}
	slices.SortStableFunc(l.all, func(x, y wideWindow) int { return cmp.Or(cmp.Compare(x.End, y.End), cmp.Compare(x.width, y.width)) })
	for i := 0; i < len(l.all); {
		w := &l.all[i]
		for i++; i < len(l.all) && l.all[i].End == w.End && l.all[i].width == w.width; i++ {
			w.Merge(&l.all[i].Window)
		}
		l.window(s.asked, &w.Window, w.width)
	}
	if err := l.beside(s, others); err != nil {
		return to, err
	}
	return l.points(to, s.asked.weighs()), nil
}

// window adds what tells of a window.
func (l *teller) window(a asked, w *points.Window, width time.Duration) {
	k, _ := a.pieces(width)
	x := toldPoint{t: w.End, v: w.Max, n: 1}
	switch a.function {
	case "min_over_time":
		x.v = w.Min
	case "sum_over_time":
		x.v = w.Sum / float64(k)
	case "avg_over_time":
		x.v, x.n = w.Sum/float64(w.Count), max(1, w.Count/uint64(k))
	case "count_over_time":
		x.v, x.n = 0, w.Count
		k = int64(min(w.Count, uint64(k)))
	}
	if k == 1 {
		l.told = append(l.told, x)
		return
	}
	ms := width.Milliseconds()
	for j := k - 1; j >= 0; j-- {
		x.t = w.End - j*ms/k
		if a.function == "count_over_time" { // as many as there were, together
			x.n = w.Count*uint64(k-j)/uint64(k) - w.Count*uint64(k-j-1)/uint64(k)
		}
		l.told = append(l.told, x)
	}
}

// beside adds points that came late, or later than the windows. The answer is of doubles.
func (l *teller) beside(s *selected, others []piece) error {
	if len(others) == 0 {
		return nil
	}
	it, err := s.merge(others)
	if err != nil {
		return err
	}
	for vt := it.Next(); vt != chunkenc.ValNone; vt = it.Next() {
		if vt == chunkenc.ValFloat {
			t, v := it.At()
			l.told = append(l.told, toldPoint{t, v, 1})
		}
	}
	return it.Err()
}

// points adds what was told, in order. What is of one millisecond is moved to those before: all of it counts, and an iterator gives one point of each.
func (l *teller) points(to []stored.FloatPoint, weighs bool) []stored.FloatPoint {
	byTime := func(x, y toldPoint) int { return cmp.Compare(x.t, y.t) }
	if !slices.IsSortedFunc(l.told, byTime) {
		slices.SortStableFunc(l.told, byTime)
	}
	next := int64(math.MaxInt64)
	for i := len(l.told) - 1; i >= 0; i-- {
		x := &l.told[i]
		x.t = min(x.t, next-1)
		next = x.t
		if x.n > 1 {
			next--
		}
	}
	for i := range l.told {
		x := &l.told[i]
		if weighs && x.n > 1 {
			to = append(to, stored.FloatPoint{T: x.t - 1, V: weightOf(x.n)})
		}
		if x.v != x.v && math.Float64bits(x.v) != math.Float64bits(stored.StaleNaN) {
			x.v = math.NaN() // and no weight
		}
		to = append(to, stored.FloatPoint{T: x.t, V: x.v})
	}
	return to
}

// spreadDeltas makes of a window's sum as many as are needed, as if what it sums had come evenly.
func (a asked) spreadDeltas(all []stored.FloatPoint, width time.Duration) []stored.FloatPoint {
	k, apart := a.pieces(width)
	if k == 1 {
		return all
	}
	out := make([]stored.FloatPoint, 0, len(all)*int(k))
	for _, x := range all {
		if math.Float64bits(x.V) == math.Float64bits(stored.StaleNaN) {
			out = append(out, x)
			continue
		}
		for j := k - 1; j >= 0; j-- {
			out = append(out, stored.FloatPoint{T: x.T - j*apart, V: x.V / float64(k)})
		}
	}
	return out
}

// spreadNatives does so for native histograms.
func (a asked) spreadNatives(all []stored.NativePoint, width time.Duration) []stored.NativePoint {
	k, apart := a.pieces(width)
	if k == 1 {
		return all
	}
	out := make([]stored.NativePoint, 0, len(all)*int(k))
	for i := range all {
		if all[i].IsStale() {
			out = append(out, all[i])
			continue
		}
		for j := k - 1; j >= 0; j-- {
			out = append(out, stored.NativePoint{T: all[i].T - j*apart, F: all[i].Float().Copy().Mul(1 / float64(k))})
		}
	}
	return out
}

// clipped is the points after from and up to to.
type clipped struct {
	chunkenc.Iterator
	from, to int64
}

// Next implements chunkenc.Iterator.
func (c *clipped) Next() chunkenc.ValueType {
	for {
		vt := c.Iterator.Next()
		if vt == chunkenc.ValNone || c.AtT() > c.to {
			return chunkenc.ValNone
		}
		if c.AtT() > c.from {
			return vt
		}
	}
}

// Seek implements chunkenc.Iterator.
func (c *clipped) Seek(t int64) chunkenc.ValueType {
	if c.from < math.MaxInt64 {
		t = max(t, c.from+1)
	}
	vt := c.Iterator.Seek(t)
	if vt == chunkenc.ValNone || c.AtT() > c.to {
		return chunkenc.ValNone
	}
	return vt
}
