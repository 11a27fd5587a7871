package metrics

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"clew/internal/points"
	"clew/query/metrics/stored"
)

// What clew counts of spans and log records is kept as deltas: how many there were in a bucket of ten seconds, told by each part that has any of them. It is asked
// for as a counter that begins anew with each hour:
//
//	delta    .  3  .  .  1  .  …  .  2 |  .  4  .
//	sample   0  3  3  3  4  4  …  7  9 |  0  4  4
//
// From the first bucket of an hour in which anything was counted there is a sample at the end of each, as if it had been scraped there, and a zero at its beginning
// (a millisecond later if that is the hour's: there the hour before has its last sample). So a counter's first increase is seen, nothing is lost where it
// begins anew, and what a sample says depends on one hour's records up to it: not on where a query begins or ends, nor on who counted. Over whole hours
// increase() is exact.

// Names of the metrics that are counted, Prometheus' and OTLP's.
var countedNames = []string{
	"traces_span_metrics_calls_total", "traces_span_metrics_duration_seconds", "clew_log_records_total",
	stored.CallsMetric, "traces.span.metrics.duration", "clew.log.records",
}

// mayCount says whether what matches may be counted.
func mayCount(matchers []*labels.Matcher) bool {
	return slices.ContainsFunc(countedNames, func(name string) bool {
		for _, m := range matchers {
			if m.Name == model.MetricNameLabel && !m.Matches(name) {
				return false
			}
		}
		return true
	})
}

// What is down-sampled has wider buckets, and samples as far apart. Where that is too far for what is asked, a bucket's records are taken to have come evenly.

// tick is what was counted in a bucket, as a part says it.
type tick struct {
	t     int64 // the bucket's end, milliseconds
	width int64 // milliseconds
	v     float64
	h     *histogram.FloatHistogram // not nil: of a histogram
}

// ticks adds those of a piece.
func (s *selected) ticks(to []tick, p *piece) ([]tick, error) {
	first := len(to)
	to, err := s.ticksOf(to, p)
	if err != nil {
		return to, err
	}
	meant := to[:first]
	for _, x := range to[first:] {
		if p.means(x.t) {
			x.width = p.o.Family.Marks.Width
			meant = append(meant, x)
		}
	}
	if p.coarse() {
		return s.asked.spreadTicks(meant, first, p.r.Stage.Resolution, p.o.Family.Marks.Width), nil
	}
	return meant, nil
}

// spreadTicks makes of each tick from the first-th on, which are of wide buckets, as many as are needed for the question: all as wide, and of an hour a whole number.
func (a asked) spreadTicks(all []tick, first int, wide time.Duration, least int64) []tick {
	width := wide.Milliseconds()
	if d := a.spread(wide).Milliseconds(); d > 0 && d < width {
		k := (width + d - 1) / d
		for width%k != 0 || width/k%least != 0 {
			if k++; k > width/least {
				k = width / least
				break
			}
		}
		width /= max(1, k)
	}
	k := max(1, wide.Milliseconds()/width)
	coarse := slices.Clone(all[first:])
	all = all[:first]
	for _, x := range coarse {
		x.v /= float64(k)
		if x.h != nil && k > 1 {
			x.h = x.h.Copy().Mul(1 / float64(k))
		}
		x.width = width
		for j := k - 1; j >= 0; j-- {
			y := x
			y.t -= j * width
			if j > 0 && y.h != nil {
				y.h = y.h.Copy()
			}
			all = append(all, y)
		}
	}
	return all
}

// ticksOf adds those of a piece, meant or not.
func (s *selected) ticksOf(to []tick, p *piece) ([]tick, error) {
	if p.ref.Chunk == stored.ChunkCounts {
		return p.counts(to)
	}
	if p.o.View == stored.ViewNumber {
		all, err := s.floats(nil, p)
		for _, x := range all {
			to = append(to, tick{t: x.T, v: x.V})
		}
		return to, err
	}
	all, err := s.natives(p)
	for i := range all {
		switch h := all[i].H; {
		case h == nil: // none has doubles
		case p.o.View == stored.ViewCalls:
			to = append(to, tick{t: all[i].T, v: float64(h.Count)})
		default:
			to = append(to, tick{t: all[i].T, h: h.ToFloat(nil)})
		}
	}
	return to, err
}

// counts adds those of a chunk of counts.
func (p *piece) counts(to []tick) ([]tick, error) {
	chunk, _, err := p.r.Row(p.ref)
	if err == nil {
		err = stored.CheckRow(p.ref, chunk)
	}
	if err != nil {
		return nil, err
	}
	first := len(to)
	histograms, scale, err := points.ReadCounts(chunk, int(p.ref.Samples), func(c *points.Count) {
		x := tick{t: c.End, v: float64(c.Count)}
		if p.o.View == stored.ViewNative {
			x.h = sparse(c)
		}
		to = append(to, x)
	})
	if err == nil && histograms == (p.o.View == stored.ViewNumber) {
		err = fmt.Errorf("chunk of counts, histograms %v, of a series of another type", histograms)
	}
	if p.o.View == stored.ViewNative {
		for i := range to[first:] {
			to[first+i].h.Schema = int32(scale)
		}
	}
	return to, err
}

// sparse is a histogram of the buckets that there are.
func sparse(c *points.Count) *histogram.FloatHistogram {
	h := &histogram.FloatHistogram{Count: float64(c.Count), Sum: float64(c.Sum) / 1e9, ZeroCount: float64(c.Zero), PositiveBuckets: make([]float64, len(c.Buckets))}
	next := int32(0)
	for i, b := range c.Buckets {
		at := b.Index + 1 // OTLP counts from 0 where Prometheus counts from 1
		if n := len(h.PositiveSpans); n > 0 && at == next {
			h.PositiveSpans[n-1].Length++
		} else {
			h.PositiveSpans = append(h.PositiveSpans, histogram.Span{Offset: at - next, Length: 1})
		}
		next = at + 1
		h.PositiveBuckets[i] = float64(b.Count)
	}
	return h
}

// counter goes through a counter's samples.
type counter struct {
	ticks       []tick // by time; those before next are in sum
	width       int64  // between samples of the hour at hand: that of its widest bucket
	least       int64  // of the buckets that are not down-sampled
	from, until int64  // milliseconds, both inclusive

	next  int
	hour  int64 // its beginning
	t     int64 // of the sample at hand
	begun bool  // there is one
	v     float64
	h     *histogram.FloatHistogram
}

// newCounter makes a counter of ticks, of which there is at least one.
func newCounter(ticks []tick, width, from, until int64) *counter {
	slices.SortStableFunc(ticks, func(a, b tick) int { return cmp.Compare(a.t, b.t) })
	return &counter{ticks: ticks, least: width, from: from, until: until}
}

// Next implements chunkenc.Iterator.
func (c *counter) Next() chunkenc.ValueType {
	switch {
	case !c.begun || c.t >= c.hour+stored.Hour:
		if !c.begin() {
			return chunkenc.ValNone
		}
	default:
		c.t = c.hour + ((c.t-c.hour)/c.width+1)*c.width
		if c.h != nil {
			c.h.CounterResetHint = histogram.NotCounterReset
		}
	}
	if c.t > c.until {
		c.t, c.next = c.hour+stored.Hour, len(c.ticks)
		return chunkenc.ValNone
	}
	for ; c.next < len(c.ticks) && c.ticks[c.next].t <= c.t; c.next++ {
		c.add(&c.ticks[c.next])
	}
	return c.kind()
}

func (c *counter) kind() chunkenc.ValueType {
	if c.h != nil {
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValFloat
}

// begin goes to the first sample of the next hour that has any, or to the first that is asked for.
func (c *counter) begin() bool {
	for ; c.next < len(c.ticks); c.next++ {
		first := &c.ticks[c.next]
		c.hour = stored.HourOf(first.t)
		if c.hour+stored.Hour < c.from {
			continue
		}
		c.width = c.least
		for i := c.next; i < len(c.ticks) && c.ticks[i].t <= c.hour+stored.Hour; i++ {
			c.width = max(c.width, c.ticks[i].width)
		}
		c.begun, c.t, c.v = true, max(c.hour+1, first.t-first.width), 0
		if first.h != nil {
			c.h = &histogram.FloatHistogram{Schema: first.h.Schema, ZeroThreshold: first.h.ZeroThreshold, CounterResetHint: histogram.CounterReset}
		}
		if c.t < c.from {
			c.t = c.hour + (c.from-c.hour+c.width-1)/c.width*c.width
		}
		return true
	}
	return false
}

func (c *counter) add(x *tick) {
	if c.h == nil || x.h == nil {
		c.v += x.v
		return
	}
	hint := c.h.CounterResetHint
	x.h.CounterResetHint = hint
	if sum, _, _, err := c.h.Add(x.h); err == nil {
		c.h = sum
		c.h.CounterResetHint = hint
	}
}

// Seek implements chunkenc.Iterator.
func (c *counter) Seek(t int64) chunkenc.ValueType {
	if c.begun && c.t >= t {
		return c.kind()
	}
	for {
		if vt := c.Next(); vt == chunkenc.ValNone || c.t >= t {
			return vt
		}
	}
}

// At implements chunkenc.Iterator.
func (c *counter) At() (int64, float64) { return c.t, c.v }

// AtT implements chunkenc.Iterator.
func (c *counter) AtT() int64 { return c.t }

// AtST implements chunkenc.Iterator: a counter begins with its hour.
func (c *counter) AtST() int64 { return c.hour }

// Err implements chunkenc.Iterator.
func (c *counter) Err() error { return nil }

// AtHistogram implements chunkenc.Iterator.
func (c *counter) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	panic("a histogram of doubles was asked for as one of whole numbers") // Next says which it is
}

// AtFloatHistogram implements chunkenc.Iterator.
func (c *counter) AtFloatHistogram(h *histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	if h == nil {
		return c.t, c.h.Copy()
	}
	c.h.CopyTo(h)
	return c.t, h
}
