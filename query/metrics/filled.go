package metrics

import (
	"math"
	"time"

	"clew/query/metrics/stored"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// filled goes through a series' points and those that are added between points of windows, where these are too far apart to be seen. It is used again for the next series.
type filled struct {
	src  sampleIterator
	of   *selected
	x, y realPoint // the last one that was given, and the next one
	t    int64     // of the point at hand: x's, or of one that is added behind it
	gap  int64     // between points that are added behind x; 0: there are none
	read bool      // y has been read

	grown *histogram.FloatHistogram // from x to y; nil: it did not grow
}

// realPoint is a point that was. Histograms are of doubles.
type realPoint struct {
	vt    chunkenc.ValueType
	t     int64
	v     float64
	h     *histogram.FloatHistogram
	start int64
	width time.Duration // of the windows that it is of
}

func (f *filled) reset(of *selected) {
	*f = filled{src: f.src, of: of}
	f.src.reset(of)
	f.src.mint, f.src.maxt = math.MinInt64, math.MaxInt64 // there are no pieces far from what is asked for
}

// at is the source's point.
func (f *filled) at(vt chunkenc.ValueType) realPoint {
	p := realPoint{vt: vt}
	switch vt {
	case chunkenc.ValNone:
		return p
	case chunkenc.ValFloat:
		p.t, p.v = f.src.At()
	default:
		p.vt = chunkenc.ValFloatHistogram
		p.t, p.h = f.src.AtFloatHistogram(nil)
	}
	p.start, p.width = f.src.AtST(), f.src.width
	return p
}

func (p *realPoint) stale() bool {
	v := p.v
	if p.h != nil {
		v = p.h.Sum
	}
	return math.Float64bits(v) == math.Float64bits(stored.StaleNaN)
}

// Next implements chunkenc.Iterator.
func (f *filled) Next() chunkenc.ValueType {
	for {
		if vt := f.next(); vt == chunkenc.ValNone || f.t > f.of.maxt {
			f.x.vt = chunkenc.ValNone
			return chunkenc.ValNone
		} else if f.t >= f.of.mint {
			return vt
		}
	}
}

func (f *filled) next() chunkenc.ValueType {
	if f.gap > 0 && f.t+f.gap < f.y.t {
		f.t += f.gap
		return f.x.vt
	}
	if !f.read {
		f.y = f.at(f.src.Next())
		f.read = true
	}
	f.x, f.gap, f.grown = f.y, 0, nil
	if f.x.vt == chunkenc.ValNone {
		return chunkenc.ValNone
	}
	f.t, f.y = f.x.t, f.at(f.src.Next())
	if f.y.vt != chunkenc.ValNone {
		f.between()
	}
	return f.x.vt
}

// between says what is added between x and y: nothing where a window or more is empty.
func (f *filled) between() {
	width := max(f.x.width, f.y.width)
	if width == 0 || f.x.stale() || f.y.t-f.x.t > 2*width.Milliseconds() {
		return
	}
	f.gap = f.of.asked.spread(width).Milliseconds()
	if f.gap > 0 && f.of.asked.span > 0 && f.x.h != nil && f.y.h != nil && f.x.t+f.gap < f.y.t {
		f.grown = difference(&f.x, &f.y)
	}
}

// difference is how much more there is in a later point; nil: it began anew, or ends the series.
func difference(x, y *realPoint) *histogram.FloatHistogram {
	if y.stale() || y.h.DetectReset(x.h) {
		return nil
	}
	grown, _, _, err := y.h.Copy().Sub(x.h)
	if err != nil {
		return nil
	}
	grown.CounterResetHint = histogram.UnknownCounterReset
	return grown
}

// Seek implements chunkenc.Iterator.
func (f *filled) Seek(t int64) chunkenc.ValueType {
	if f.x.vt != chunkenc.ValNone && f.t >= t {
		return f.x.vt
	}
	// What is added before a point begins at the most two windows before it.
	low := t
	if back := 2 * f.of.widest.Milliseconds(); t > math.MinInt64+back {
		low -= back
	}
	if !f.read || f.y.vt != chunkenc.ValNone && f.y.t < low {
		f.y = f.at(f.src.Seek(low))
		f.read, f.gap = true, 0
	}
	for {
		if vt := f.Next(); vt == chunkenc.ValNone || f.t >= t {
			return vt
		}
	}
}

// share is how much of the way from x to y has gone.
func (f *filled) share() float64 { return float64(f.t-f.x.t) / float64(f.y.t-f.x.t) }

// At implements chunkenc.Iterator.
func (f *filled) At() (int64, float64) {
	if f.t == f.x.t || f.of.asked.span == 0 || f.y.vt != chunkenc.ValFloat || f.y.stale() || f.of.asked.grows() && f.y.v < f.x.v {
		return f.t, f.x.v
	}
	return f.t, f.x.v + (f.y.v-f.x.v)*f.share()
}

// grows says whether a function takes what falls for a counter that began anew.
func (a asked) grows() bool {
	switch a.function {
	case "rate", "irate", "increase", "resets":
		return true
	}
	return false
}

// AtFloatHistogram implements chunkenc.Iterator.
func (f *filled) AtFloatHistogram(to *histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	if to == nil {
		to = f.x.h.Copy()
	} else {
		f.x.h.CopyTo(to)
	}
	if f.t == f.x.t {
		return f.t, to
	}
	to.CounterResetHint = histogram.UnknownCounterReset
	if f.grown != nil {
		if sum, _, _, err := to.Add(f.grown.Copy().Mul(f.share())); err == nil {
			to = sum
		}
	}
	return f.t, to
}

// AtHistogram implements chunkenc.Iterator.
func (f *filled) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	panic("a histogram of doubles was asked for as one of integers") // Next says which it is
}

// AtT implements chunkenc.Iterator.
func (f *filled) AtT() int64 { return f.t }

// AtST implements chunkenc.Iterator.
func (f *filled) AtST() int64 { return f.x.start }

// Err implements chunkenc.Iterator.
func (f *filled) Err() error { return f.src.Err() }
