package metrics

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"clew/internal/points"
)

// A function of PromQL sees points. Of down-sampled ones it sees what makes it answer as it would have of all:
//
//   - min_over_time, max_over_time, avg_over_time and sum_over_time see a point for each window, at its end: the minimum, the maximum, ...; count_over_time sees as many
//     points as there were, spread evenly;
//   - all others see the points that stay, which are points that were;
//   - where nothing would be seen because windows are wider than a range or than PromQL looks back, points are added between those of neighbouring windows: an instant
//     selector sees the last one again, a range is seen as if what was between had come evenly.

// coarse collects the down-sampled points of a series.
type coarse struct {
	samples []coarseSample
	windows []coarseWindow
	natives []coarseNative
	plain   bool // some windows have counts only
}

type coarseSample struct {
	floatPoint
	width time.Duration
}

type coarseWindow struct {
	points.Window
	width time.Duration
}

type coarseNative struct {
	nativePoint
	width time.Duration
}

// add adds a piece.
func (c *coarse) add(s *selected, p *piece) error {
	width := p.r.stage.Resolution
	if p.o.view == viewNative {
		all, err := s.natives(p)
		for _, x := range all {
			if p.means(x.t) {
				c.natives = append(c.natives, coarseNative{x, width})
			}
		}
		return err
	}
	all, err := s.floats(nil, p)
	if err != nil {
		return err
	}
	for _, x := range all {
		if p.means(x.t) {
			c.samples = append(c.samples, coarseSample{x, width})
		}
	}
	if p.o.view != viewNumber || !s.asked.wantsWindows() {
		return nil
	}
	_, found, err := p.r.row(p.ref)
	if err != nil {
		return err
	}
	_, stats, windows, err := found.Windows()
	if err != nil {
		return err
	}
	c.plain = c.plain || !stats && len(windows) > 0
	for i := range windows {
		if p.means(windows[i].End) {
			c.windows = append(c.windows, coarseWindow{windows[i], width})
		}
	}
	return nil
}

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

// iterators are those of the points that stay.
func (c *coarse) iterators(a asked) []chunkenc.Iterator {
	var all []chunkenc.Iterator
	if len(c.samples) > 0 {
		all = append(all, &floatList{points: c.between(a), i: -1})
	}
	if len(c.natives) > 0 {
		all = append(all, &nativeList{points: c.nativesBetween(a), i: -1})
	}
	return all
}

// tells says whether the answer is made of what there was in windows.
func (c *coarse) tells(a asked) bool {
	counts := a.function == "count_over_time" || a.function == "present_over_time"
	return len(c.windows) > 0 && (counts || !c.plain)
}

// spread is how far apart points have to be at the most, for a function to see any of windows of a width; 0: it does anyway.
func (a asked) spread(width time.Duration) time.Duration {
	switch {
	case a.span == 0:
		return lookback
	case a.span < 2*width:
		return max(a.span/2, spreadMin)
	}
	return 0
}

// told are the points that say what there was in the windows.
func (c *coarse) told(a asked) []floatPoint {
	slices.SortStableFunc(c.windows, func(x, y coarseWindow) int { return cmp.Or(cmp.Compare(x.End, y.End), cmp.Compare(x.width, y.width)) })
	merged := c.windows[:0]
	for _, w := range c.windows {
		if n := len(merged); n > 0 && merged[n-1].End == w.End && merged[n-1].width == w.width {
			merged[n-1].Merge(&w.Window)
			continue
		}
		merged = append(merged, w)
	}
	var out []floatPoint
	for i := range merged {
		w := &merged[i]
		ms := w.width.Milliseconds()
		k, _ := a.pieces(w.width)
		v := w.Max
		switch a.function {
		case "min_over_time":
			v = w.Min
		case "avg_over_time":
			v = w.Sum / float64(w.Count)
		case "sum_over_time":
			v = w.Sum / float64(k)
		case "count_over_time":
			k = int64(min(w.Count, math.MaxInt32))
		}
		for j := k - 1; j >= 0; j-- {
			out = append(out, floatPoint{t: w.End - j*ms/k, v: v})
		}
	}
	return apart(out)
}

// apart puts points in order and moves those of one millisecond to the one before: all of them count, and an iterator gives one.
func apart(all []floatPoint) []floatPoint {
	slices.SortStableFunc(all, func(x, y floatPoint) int { return cmp.Compare(x.t, y.t) })
	for i := len(all) - 2; i >= 0; i-- {
		all[i].t = min(all[i].t, all[i+1].t-1)
	}
	return all
}

// beside puts points that came late, or later than the windows, beside those that tell of windows. Their iterator gives doubles.
func (l *floatList) beside(others []chunkenc.Iterator) (chunkenc.Iterator, error) {
	if len(others) == 0 {
		return l, nil
	}
	l.i = -1
	it := storage.ChainSampleIteratorFromIterators(nil, others)
	for vt := it.Next(); vt != chunkenc.ValNone; vt = it.Next() {
		if vt == chunkenc.ValFloat {
			t, v := it.At()
			l.points = append(l.points, floatPoint{t: t, v: v})
		}
	}
	l.points = apart(l.points)
	return l, it.Err()
}

// spreadDeltas makes of a window's sum as many as are needed, as if what it sums had come evenly.
func (a asked) spreadDeltas(all []floatPoint, width time.Duration) []floatPoint {
	k, apart := a.pieces(width)
	if k == 1 {
		return all
	}
	out := make([]floatPoint, 0, len(all)*int(k))
	for _, x := range all {
		if math.Float64bits(x.v) == math.Float64bits(staleNaN) {
			out = append(out, x)
			continue
		}
		for j := k - 1; j >= 0; j-- {
			out = append(out, floatPoint{t: x.t - j*apart, v: x.v / float64(k)})
		}
	}
	return out
}

// spreadNatives does so for native histograms.
func (a asked) spreadNatives(all []nativePoint, width time.Duration) []nativePoint {
	k, apart := a.pieces(width)
	if k == 1 {
		return all
	}
	out := make([]nativePoint, 0, len(all)*int(k))
	for i := range all {
		if all[i].isStale() {
			out = append(out, all[i])
			continue
		}
		for j := k - 1; j >= 0; j-- {
			out = append(out, nativePoint{t: all[i].t - j*apart, f: all[i].float().Copy().Mul(1 / float64(k))})
		}
	}
	return out
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

// between are the points that stay, and those that are added between them.
func (c *coarse) between(a asked) []floatPoint {
	slices.SortStableFunc(c.samples, func(x, y coarseSample) int { return cmp.Compare(x.t, y.t) })
	grows := slices.Contains([]string{"rate", "irate", "increase", "resets"}, a.function)
	out := make([]floatPoint, 0, len(c.samples))
	for i := range c.samples {
		x := &c.samples[i]
		out = append(out, x.floatPoint)
		if i+1 == len(c.samples) || math.Float64bits(x.v) == math.Float64bits(staleNaN) {
			continue
		}
		y := &c.samples[i+1]
		gap, d := y.t-x.t, a.spread(max(x.width, y.width)).Milliseconds()
		if d == 0 || gap > 2*max(x.width, y.width).Milliseconds() {
			continue
		}
		level := a.span == 0 || grows && y.v < x.v || math.Float64bits(y.v) == math.Float64bits(staleNaN)
		for t := x.t + d; t < y.t; t += d {
			p := x.floatPoint
			p.t = t
			if !level {
				p.v += (y.v - x.v) * (float64(t-x.t) / float64(gap))
			}
			out = append(out, p)
		}
	}
	return out
}

// nativesBetween is between for native histograms.
func (c *coarse) nativesBetween(a asked) []nativePoint {
	slices.SortStableFunc(c.natives, func(x, y coarseNative) int { return cmp.Compare(x.t, y.t) })
	out := make([]nativePoint, 0, len(c.natives))
	for i := range c.natives {
		x := &c.natives[i]
		out = append(out, x.nativePoint)
		if i+1 == len(c.natives) || x.isStale() {
			continue
		}
		y := &c.natives[i+1]
		gap, d := y.t-x.t, a.spread(max(x.width, y.width)).Milliseconds()
		if d == 0 || gap > 2*max(x.width, y.width).Milliseconds() {
			continue
		}
		grown := x.growth(&y.nativePoint)
		if a.span == 0 {
			grown = nil
		}
		for t := x.t + d; t < y.t; t += d {
			p := nativePoint{t: t, f: x.float().Copy()}
			p.f.CounterResetHint = histogram.UnknownCounterReset
			if grown != nil {
				if sum, _, _, err := p.f.Add(grown.Copy().Mul(float64(t-x.t) / float64(gap))); err == nil {
					p.f = sum
				}
			}
			out = append(out, p)
		}
	}
	return out
}

func (p *nativePoint) float() *histogram.FloatHistogram {
	if p.f != nil {
		return p.f
	}
	return p.h.ToFloat(nil)
}

func (p *nativePoint) isStale() bool {
	return math.Float64bits(p.float().Sum) == math.Float64bits(staleNaN)
}

// growth is how much more there is in a later point; nil: it began anew, or ends the series.
func (p *nativePoint) growth(later *nativePoint) *histogram.FloatHistogram {
	x, y := p.float(), later.float()
	if later.isStale() || y.DetectReset(x) {
		return nil
	}
	grown, _, _, err := y.Copy().Sub(x)
	if err != nil {
		return nil
	}
	grown.CounterResetHint = histogram.UnknownCounterReset
	return grown
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
