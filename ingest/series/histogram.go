package series

import (
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
)

// buckets are consecutive buckets of a histogram, the first one at offset.
type buckets struct {
	offset int32
	counts []uint64
}

// histogramPoint is a point of an explicit-bounds or exponential histogram, without what common holds.
type histogramPoint struct {
	count         uint64
	sum, min, max float64
	has           uint8
	pos, neg      buckets
	bounds        []float64 // explicit
	scale         int32     // exponential, as are the next two
	zeroCount     uint64
	zeroThreshold float64
}

// histograms are points of histograms of either kind.
type histograms struct {
	common
	exponential bool
	points      []histogramPoint
	held        int64     // estimate of the points' memory
	known       []float64 // bounds that points have or had, ascending
}

func (p *histograms) addCommon(t, start pcommon.Timestamp, flags pmetric.DataPointFlags, es pmetric.ExemplarSlice, w *keyWriter) {
	i := len(p.times)
	p.times = append(p.times, int64(t))
	p.starts.add(i, int64(start))
	p.flags.add(i, uint32(flags))
	if es.Len() > 0 {
		p.exemplars = append(p.exemplars, pointExemplars{i, w.exemplars(es)})
	}
}

// addExplicit copies a point, without its attributes. reshaped says that it has a bound that none before it had.
func (p *histograms) addExplicit(dp pmetric.HistogramDataPoint, w *keyWriter) (reshaped bool) {
	p.addCommon(dp.Timestamp(), dp.StartTimestamp(), dp.Flags(), dp.Exemplars(), w)
	h := histogramPoint{count: dp.Count(), bounds: dp.ExplicitBounds().AsRaw(), pos: buckets{counts: dp.BucketCounts().AsRaw()}}
	if n := len(p.points); n > 0 && sameBits(p.points[n-1].bounds, h.bounds) {
		h.bounds = p.points[n-1].bounds
	} else {
		p.known, reshaped = learn(p.known, h.bounds)
	}
	h.setStats(dp.HasSum(), dp.Sum, dp.HasMin(), dp.Min, dp.HasMax(), dp.Max)
	p.points = append(p.points, h)
	p.count()
	return reshaped
}

// addExponential copies a point, without its attributes.
func (p *histograms) addExponential(dp pmetric.ExponentialHistogramDataPoint, w *keyWriter) {
	p.exponential = true
	p.addCommon(dp.Timestamp(), dp.StartTimestamp(), dp.Flags(), dp.Exemplars(), w)
	h := histogramPoint{
		count: dp.Count(), scale: dp.Scale(), zeroCount: dp.ZeroCount(), zeroThreshold: dp.ZeroThreshold(),
		pos: buckets{dp.Positive().Offset(), dp.Positive().BucketCounts().AsRaw()},
		neg: buckets{dp.Negative().Offset(), dp.Negative().BucketCounts().AsRaw()},
	}
	h.setStats(dp.HasSum(), dp.Sum, dp.HasMin(), dp.Min, dp.HasMax(), dp.Max)
	p.points = append(p.points, h)
	p.count()
}

func (h *histogramPoint) setStats(sum bool, sumOf func() float64, lo bool, minOf func() float64, hi bool, maxOf func() float64) {
	if sum {
		h.has, h.sum = h.has|points.HasSum, sumOf()
	}
	if lo {
		h.has, h.min = h.has|points.HasMin, minOf()
	}
	if hi {
		h.has, h.max = h.has|points.HasMax, maxOf()
	}
}

// sameBits compares doubles by their bits, so that -0 and NaNs are told apart.
func sameBits(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
}

// bucketRange is a range of bucket positions, from lo to hi-1; empty if lo == hi.
type bucketRange struct{ lo, hi int64 }

func (r *bucketRange) include(b buckets) {
	if len(b.counts) == 0 {
		return
	}
	lo, hi := int64(b.offset), int64(b.offset)+int64(len(b.counts))
	if r.lo == r.hi {
		*r = bucketRange{lo, hi}
	}
	r.lo, r.hi = min(r.lo, lo), max(r.hi, hi)
}

// native makes point h a histogram as chunks have them, with exactly these buckets, so that all of a chunk have the same.
// Prometheus counts exponential buckets from 1 where OTLP counts from 0.
func (h *histogramPoint) native(exponential, gauge bool, pos, neg bucketRange) *histogram.Histogram {
	out := &histogram.Histogram{Schema: histogram.CustomBucketsSchema, Count: h.count, Sum: h.sum, CustomValues: h.bounds}
	if gauge {
		out.CounterResetHint = histogram.GaugeType
	}
	first := int64(0)
	if exponential {
		out.Schema, out.CustomValues = h.scale, nil
		out.ZeroCount, out.ZeroThreshold = h.zeroCount, h.zeroThreshold
		first = 1
	}
	out.PositiveSpans, out.PositiveBuckets = h.pos.native(pos, first)
	out.NegativeSpans, out.NegativeBuckets = h.neg.native(neg, first)
	return out
}

func (b buckets) native(r bucketRange, first int64) ([]histogram.Span, []int64) {
	if r.lo == r.hi {
		return nil, nil
	}
	deltas := make([]int64, r.hi-r.lo)
	last := uint64(0)
	for i := range deltas {
		v := uint64(0)
		if k := r.lo + int64(i) - int64(b.offset); k >= 0 && k < int64(len(b.counts)) {
			v = b.counts[k]
		}
		deltas[i] = int64(v - last)
		last = v
	}
	return []histogram.Span{{Offset: int32(r.lo + first), Length: uint32(len(deltas))}}, deltas
}

// encode makes the points from first on a chunk and its extra, and says how many of them the chunk took: a counter's reset or a change of
// the buckets' bounds asks for a new chunk. ok is false if the chunk would not give them back.
func (p *histograms) encode(first int, gauge bool, scratch []byte) (chunk, extra []byte, n int, ok bool) {
	n, pos, neg := p.sameLayout(first)
	if p.exponential && (!histogram.IsExponentialSchema(p.points[first].scale) ||
		pos.hi-pos.lo > bucketsMax || neg.hi-neg.lo > bucketsMax || pos.lo < math.MinInt32/2 || pos.hi > math.MaxInt32/2 ||
		neg.lo < math.MinInt32/2 || neg.hi > math.MaxInt32/2) {
		return nil, nil, n, false
	}
	c := chunkenc.NewHistogramChunk()
	app, err := c.Appender()
	if err != nil {
		return nil, nil, n, false
	}
	for i := range n {
		ms, _ := floorMillis(p.times[first+i])
		h := p.points[first+i].native(p.exponential, gauge, pos, neg)
		next, _, nextApp, err := app.AppendHistogram(nil, 0, ms, h, false)
		if err != nil {
			return nil, nil, n, false
		}
		if next != nil {
			n = i
			break
		}
		app = nextApp
	}
	part := p.part(first, n)
	extra, _ = part.appendExtra(nil, scratch)
	extra = part.appendHistogramExtra(extra)
	found, err := points.Sections(extra)
	if err != nil {
		return nil, nil, n, false
	}
	back, err := readHistograms(c.Bytes(), &found, n, p.exponential)
	if err != nil || !part.equal(back) {
		return nil, nil, n, false
	}
	c.Compact()
	return c.Bytes(), extra, n, true
}

// sameLayout says how many points from first on have the same scale and zero bucket (exponential), or bounds and number of buckets, and
// which buckets they have together.
func (p *histograms) sameLayout(first int) (n int, pos, neg bucketRange) {
	f := &p.points[first]
	for _, h := range p.points[first:] {
		if h.scale != f.scale || math.Float64bits(h.zeroThreshold) != math.Float64bits(f.zeroThreshold) {
			break
		}
		if !p.exponential && (len(h.pos.counts) != len(f.pos.counts) || !sameBits(h.bounds, f.bounds)) {
			break
		}
		pos.include(h.pos)
		neg.include(h.neg)
		n++
	}
	return n, pos, neg
}

// part returns n points from first on.
func (p *histograms) part(first, n int) *histograms {
	out := &histograms{exponential: p.exponential, points: p.points[first : first+n]}
	out.times = p.times[first : first+n]
	for i := range n {
		out.starts.add(i, p.starts.at(first+i))
		out.flags.add(i, p.flags.at(first+i))
	}
	for _, e := range p.exemplars {
		if e.point >= first && e.point < first+n {
			out.exemplars = append(out.exemplars, pointExemplars{e.point - first, e.data})
		}
	}
	return out
}

// appendHistogramExtra adds the sections that only histograms have.
func (p *histograms) appendHistogramExtra(extra []byte) []byte {
	n := len(p.points)
	plain := true
	var minima, maxima []uint64
	for i := range p.points {
		h := &p.points[i]
		plain = plain && h.has == points.HasSum
		if h.has&points.HasMin != 0 {
			minima = append(minima, math.Float64bits(h.min))
		}
		if h.has&points.HasMax != 0 {
			maxima = append(maxima, math.Float64bits(h.max))
		}
	}
	if !plain {
		extra = points.AppendSection(extra, points.SectionHas, points.AppendRuns(nil, n, func(i int) uint64 { return uint64(p.points[i].has) }))
	}
	if minima != nil {
		extra = points.AppendSection(extra, points.SectionMinima, appendXORs(nil, minima))
	}
	if maxima != nil {
		extra = points.AppendSection(extra, points.SectionMaxima, appendXORs(nil, maxima))
	}
	b := points.AppendRuns(nil, n, func(i int) uint64 { return zigzag(int64(p.points[i].pos.offset)) })
	b = points.AppendRuns(b, n, func(i int) uint64 { return uint64(len(p.points[i].pos.counts)) })
	b = points.AppendRuns(b, n, func(i int) uint64 { return zigzag(int64(p.points[i].neg.offset)) })
	b = points.AppendRuns(b, n, func(i int) uint64 { return uint64(len(p.points[i].neg.counts)) })
	return points.AppendSection(extra, points.SectionBuckets, b)
}

// readHistograms reads encode's output back.
func readHistograms(chunk []byte, found *points.Found, samples int, exponential bool) (*histograms, error) {
	c, err := chunkenc.FromData(chunkenc.EncHistogram, chunk)
	if err != nil {
		return nil, err
	}
	p := &histograms{exponential: exponential, points: make([]histogramPoint, samples)}
	layouts := make([]struct{ pos, neg int }, samples)
	r := points.Reader{Rest: found[points.SectionBuckets]}
	r.Runs(samples, func(i int, v uint64) { p.points[i].pos.offset = int32(unzigzag(v)) })
	r.Runs(samples, func(i int, v uint64) { layouts[i].pos = int(min(v, math.MaxInt32)) })
	r.Runs(samples, func(i int, v uint64) { p.points[i].neg.offset = int32(unzigzag(v)) })
	r.Runs(samples, func(i int, v uint64) { layouts[i].neg = int(min(v, math.MaxInt32)) })
	if r.Err != nil {
		return nil, fmt.Errorf("extra section %d: %w", points.SectionBuckets, r.Err)
	}
	var millis []int64
	it := c.Iterator(nil)
	for it.Next() == chunkenc.ValHistogram {
		t, h := it.AtHistogram(nil)
		if len(millis) == samples {
			return nil, fmt.Errorf("chunk has more than the row's %d samples", samples)
		}
		i := len(millis)
		millis = append(millis, t)
		point := &p.points[i]
		point.count, point.sum = h.Count, h.Sum
		first := int64(0)
		if exponential {
			first = 1
			point.scale, point.zeroCount, point.zeroThreshold = h.Schema, h.ZeroCount, h.ZeroThreshold
		} else {
			point.bounds = h.CustomValues
		}
		if err := point.pos.fill(layouts[i].pos, h.PositiveSpans, h.PositiveBuckets, first); err != nil {
			return nil, err
		}
		if err := point.neg.fill(layouts[i].neg, h.NegativeSpans, h.NegativeBuckets, first); err != nil {
			return nil, err
		}
	}
	if err := it.Err(); err != nil {
		return nil, fmt.Errorf("chunk: %w", err)
	}
	if len(millis) != samples {
		return nil, fmt.Errorf("chunk has %d samples, the row %d", len(millis), samples)
	}
	if err := p.readExtra(found, millis); err != nil {
		return nil, err
	}
	return p, p.readStats(found)
}

// fill takes the n counts from the buckets' offset on out of a native histogram's.
func (b *buckets) fill(n int, spans []histogram.Span, deltas []int64, first int64) error {
	if n == 0 {
		return nil
	}
	if len(spans) != 1 || n > len(deltas) {
		return fmt.Errorf("histogram has %d buckets in %d spans, the point %d", len(deltas), len(spans), n)
	}
	at := int64(b.offset) + first - int64(spans[0].Offset)
	if at < 0 || at+int64(n) > int64(len(deltas)) {
		return fmt.Errorf("histogram has %d buckets from %d on, the point %d from %d on", len(deltas), spans[0].Offset, n, b.offset)
	}
	b.counts = make([]uint64, n)
	var v int64
	for i, d := range deltas[:at+int64(n)] {
		v += d
		if k := int64(i) - at; k >= 0 {
			b.counts[k] = uint64(v)
		}
	}
	return nil
}

// readStats reads presence of sums, minima and maxima, and the latter two.
func (p *histograms) readStats(found *points.Found) error {
	for i := range p.points {
		p.points[i].has = points.HasSum
	}
	if b := found[points.SectionHas]; b != nil {
		r := points.Reader{Rest: b}
		r.Runs(len(p.points), func(i int, v uint64) { p.points[i].has = uint8(v) })
		if r.Err != nil {
			return fmt.Errorf("extra section %d: %w", points.SectionHas, r.Err)
		}
	}
	minima, maxima := points.Reader{Rest: found[points.SectionMinima]}, points.Reader{Rest: found[points.SectionMaxima]}
	var lo, hi uint64
	for i := range p.points {
		h := &p.points[i]
		if h.has&points.HasMin != 0 {
			lo = minima.XOR(lo)
			h.min = math.Float64frombits(lo)
		}
		if h.has&points.HasMax != 0 {
			hi = maxima.XOR(hi)
			h.max = math.Float64frombits(hi)
		}
	}
	if minima.Err != nil || maxima.Err != nil {
		return fmt.Errorf("extra sections %d and %d: fewer values than points", points.SectionMinima, points.SectionMaxima)
	}
	return nil
}

// equal compares what a chunk and the sections that only histograms have must give back.
func (p *histograms) equal(q *histograms) bool {
	same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
	sameBuckets := func(a, b buckets) bool { return a.offset == b.offset && slices.Equal(a.counts, b.counts) }
	return slices.Equal(p.times, q.times) && slices.EqualFunc(p.points, q.points, func(a, b histogramPoint) bool {
		return a.count == b.count && same(a.sum, b.sum) && same(a.min, b.min) && same(a.max, b.max) && a.has == b.has &&
			sameBuckets(a.pos, b.pos) && sameBuckets(a.neg, b.neg) && sameBits(a.bounds, b.bounds) &&
			a.scale == b.scale && a.zeroCount == b.zeroCount && same(a.zeroThreshold, b.zeroThreshold)
	})
}

// setExplicit sets a point, without its attributes.
func (h *histogramPoint) setExplicit(dp pmetric.HistogramDataPoint) {
	dp.SetCount(h.count)
	dp.ExplicitBounds().FromRaw(h.bounds)
	dp.BucketCounts().FromRaw(h.pos.counts)
	if h.has&points.HasSum != 0 {
		dp.SetSum(h.sum)
	}
	if h.has&points.HasMin != 0 {
		dp.SetMin(h.min)
	}
	if h.has&points.HasMax != 0 {
		dp.SetMax(h.max)
	}
}

// setExponential sets a point, without its attributes.
func (h *histogramPoint) setExponential(dp pmetric.ExponentialHistogramDataPoint) {
	dp.SetCount(h.count)
	dp.SetScale(h.scale)
	dp.SetZeroCount(h.zeroCount)
	dp.SetZeroThreshold(h.zeroThreshold)
	dp.Positive().SetOffset(h.pos.offset)
	dp.Positive().BucketCounts().FromRaw(h.pos.counts)
	dp.Negative().SetOffset(h.neg.offset)
	dp.Negative().BucketCounts().FromRaw(h.neg.counts)
	if h.has&points.HasSum != 0 {
		dp.SetSum(h.sum)
	}
	if h.has&points.HasMin != 0 {
		dp.SetMin(h.min)
	}
	if h.has&points.HasMax != 0 {
		dp.SetMax(h.max)
	}
}

// appendTo adds the points as OTLP, without attributes. m must be a histogram of the points' kind.
func (p *histograms) appendTo(m pmetric.Metric) error {
	exemplarsOf := make([]pmetric.ExemplarSlice, len(p.points))
	for i := range p.points {
		t, start := pcommon.Timestamp(p.times[i]), pcommon.Timestamp(p.starts.at(i))
		flags := pmetric.DataPointFlags(p.flags.at(i))
		if p.exponential {
			dp := m.ExponentialHistogram().DataPoints().AppendEmpty()
			p.points[i].setExponential(dp)
			dp.SetTimestamp(t)
			dp.SetStartTimestamp(start)
			dp.SetFlags(flags)
			exemplarsOf[i] = dp.Exemplars()
			continue
		}
		dp := m.Histogram().DataPoints().AppendEmpty()
		p.points[i].setExplicit(dp)
		dp.SetTimestamp(t)
		dp.SetStartTimestamp(start)
		dp.SetFlags(flags)
		exemplarsOf[i] = dp.Exemplars()
	}
	for _, e := range p.exemplars {
		if err := points.ReadExemplars(e.data, exemplarsOf[e.point]); err != nil {
			return err
		}
	}
	return nil
}

// histogramPointBytes is what a point takes beside its buckets: itself, its time, flags and start, and the slices' spare room. Bounds are shared
// between a series' points.
const histogramPointBytes = 256

// count adds the last point to what is held.
func (p *histograms) count() {
	h := &p.points[len(p.points)-1]
	p.held += int64(histogramPointBytes + 8*(cap(h.pos.counts)+cap(h.neg.counts)))
}
