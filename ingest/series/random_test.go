package series

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/value"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// random makes metrics of every shape. Points come as senders make them (regular times, growing counts) or wild (any bits).
type random struct {
	*rand.Rand
	wild bool
	base int64
}

func newRandom(seed uint64) *random {
	r := &random{Rand: rand.New(rand.NewPCG(seed, 2))}
	r.wild = seed%3 == 0
	r.base = 1_700_000_000_000_000_000 + r.Int64N(1e15)
	return r
}

func (r *random) one(n int) bool { return r.IntN(n) == 0 }

func (r *random) double() float64 {
	special := []float64{
		0, math.Copysign(0, -1), 1, 0.1, 1e21, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), math.NaN(),
		math.Float64frombits(value.StaleNaN), math.Float64frombits(0xfff8000000000123), 1 << 53,
	}
	if !r.wild {
		return float64(r.IntN(1000)) / 8
	}
	if r.one(2) {
		return special[r.IntN(len(special))]
	}
	return math.Float64frombits(r.Uint64())
}

func (r *random) integer() int64 {
	if !r.wild {
		return int64(r.IntN(1 << 20))
	}
	return []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 53, 1<<53 + 1, -1<<53 - 1, int64(r.Uint64())}[r.IntN(9)]
}

func (r *random) value(v pcommon.Value, depth int) {
	switch n := r.IntN(10); {
	case n < 4:
		v.SetStr([]string{"", "GET", "é\x00", "checkout"}[r.IntN(4)])
	case n == 4:
		v.SetInt(int64(r.IntN(3)) - 1)
	case n == 5:
		v.SetDouble(float64(r.IntN(3)) / 2)
	case n == 6:
		v.SetBool(r.one(2))
	case n == 7:
		v.SetEmptyBytes().FromRaw([]byte{byte(r.IntN(2)), 255}[:r.IntN(3)])
	case n == 8 && depth < 2:
		s := v.SetEmptySlice()
		for range r.IntN(3) {
			r.value(s.AppendEmpty(), depth+1)
		}
	case n == 9 && depth < 2:
		r.fill(v.SetEmptyMap(), depth+1)
	}
}

func (r *random) fill(m pcommon.Map, depth int) {
	keys := []string{"b", "a", "http.method", "time", "name", "a.b", "end", "scope.x", ""}
	for range r.IntN(4) {
		r.value(m.PutEmpty(keys[r.IntN(len(keys))]), depth)
	}
}

// metrics makes metrics of rounds points for each of some series.
func (r *random) metrics(rounds int) pmetric.Metrics {
	out := pmetric.NewMetrics()
	for range 1 + r.IntN(2) {
		rm := out.ResourceMetrics().AppendEmpty()
		r.fill(rm.Resource().Attributes(), 0)
		rm.Resource().SetDroppedAttributesCount(uint32(r.IntN(2)))
		rm.SetSchemaUrl([]string{"", "http://s/1"}[r.IntN(2)])
		sm := rm.ScopeMetrics().AppendEmpty()
		sm.SetSchemaUrl([]string{"", "http://s/2"}[r.IntN(2)])
		sm.Scope().SetName([]string{"", "lib"}[r.IntN(2)])
		sm.Scope().SetVersion([]string{"", "1.2"}[r.IntN(2)])
		r.fill(sm.Scope().Attributes(), 0)
		for i := range 1 + r.IntN(4) {
			m := sm.Metrics().AppendEmpty()
			m.SetName(fmt.Sprint("metric.", i))
			m.SetUnit([]string{"", "ms"}[r.IntN(2)])
			m.SetDescription([]string{"", "a description"}[r.IntN(2)])
			if r.one(4) {
				r.fill(m.Metadata(), 0)
			}
			r.points(m, rounds)
		}
	}
	return out
}

// points fills a metric of a random kind.
func (r *random) points(m pmetric.Metric, rounds int) {
	kinds := []pmetric.MetricType{
		pmetric.MetricTypeGauge, pmetric.MetricTypeSum, pmetric.MetricTypeHistogram, pmetric.MetricTypeExponentialHistogram,
		pmetric.MetricTypeSummary,
	}
	setKind(m, kinds[r.IntN(len(kinds))])
	temporality := pmetric.AggregationTemporality(r.IntN(3))
	if r.wild && r.one(5) {
		temporality = 7
	}
	switch m.Type() {
	case pmetric.MetricTypeSum:
		m.Sum().SetIsMonotonic(r.one(2))
		m.Sum().SetAggregationTemporality(temporality)
	case pmetric.MetricTypeHistogram:
		m.Histogram().SetAggregationTemporality(temporality)
	case pmetric.MetricTypeExponentialHistogram:
		m.ExponentialHistogram().SetAggregationTemporality(temporality)
	}
	for range 1 + r.IntN(3) {
		attributes := pcommon.NewMap()
		r.fill(attributes, 0)
		state := &seriesState{start: r.base, ints: r.one(2)}
		for i := range rounds {
			if r.one(20) {
				continue
			}
			r.point(m, state, int64(i))
			last := attributed(nil)
			setAttributes(m, func(p attributed) { last = p })
			attributes.CopyTo(last.Attributes())
		}
	}
}

// seriesState is what a well-behaved series goes on from.
type seriesState struct {
	start  int64
	count  [4]uint64
	ints   bool
	offset int32
}

// stated is a point with what all kinds but summaries have.
type stated interface {
	SetTimestamp(pcommon.Timestamp)
	SetStartTimestamp(pcommon.Timestamp)
	SetFlags(pmetric.DataPointFlags)
}

func (r *random) stated(p stated, s *seriesState, round int64) {
	t := r.base + round*10_000_000_000 + r.Int64N(1e6)*r.Int64N(2)
	if r.one(30) {
		t -= 35_000_000_000 // late
	}
	switch {
	case r.wild && r.one(20):
		t = []int64{1, -5, math.MaxInt64, 999_999, r.Int64()}[r.IntN(5)]
	case r.wild && r.one(10):
		t = r.base // the same time again
	}
	p.SetTimestamp(pcommon.Timestamp(t))
	if r.one(40) {
		s.start = t - 1
		s.count = [4]uint64{}
	}
	start := s.start
	if r.wild && r.one(3) {
		start = []int64{0, t - 10_000_000_000, r.Int64()}[r.IntN(3)]
	}
	p.SetStartTimestamp(pcommon.Timestamp(start))
	if r.one(25) {
		p.SetFlags(pmetric.DataPointFlags(r.IntN(3)))
	}
	for i := range s.count {
		s.count[i] += uint64(r.IntN(100))
		if r.wild && r.one(10) {
			s.count[i] = r.Uint64()
		}
	}
}

func (r *random) point(m pmetric.Metric, s *seriesState, round int64) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		r.number(m.Gauge().DataPoints().AppendEmpty(), s, round)
	case pmetric.MetricTypeSum:
		r.number(m.Sum().DataPoints().AppendEmpty(), s, round)
	case pmetric.MetricTypeHistogram:
		p := m.Histogram().DataPoints().AppendEmpty()
		r.stated(p, s, round)
		p.SetCount(s.count[0])
		r.stats(p)
		p.ExplicitBounds().FromRaw([]float64{0.5, 1, 2.5})
		p.BucketCounts().FromRaw(s.count[:])
		if r.wild && r.one(4) {
			p.ExplicitBounds().FromRaw([]float64{r.double(), r.double()}[:r.IntN(3)])
			p.BucketCounts().FromRaw(s.count[:r.IntN(4)])
		}
		r.exemplars(p.Exemplars())
	case pmetric.MetricTypeExponentialHistogram:
		p := m.ExponentialHistogram().DataPoints().AppendEmpty()
		r.stated(p, s, round)
		p.SetCount(s.count[0])
		p.SetScale(3)
		r.stats(p)
		s.offset += int32(r.IntN(3) - 1)
		p.SetZeroCount(s.count[3])
		p.Positive().SetOffset(s.offset)
		p.Positive().BucketCounts().FromRaw(s.count[:3])
		if r.wild {
			p.SetScale(int32(r.IntN(24)) - 12)
			p.SetZeroThreshold(r.double())
			p.Negative().SetOffset(int32(r.Uint32()))
			p.Negative().BucketCounts().FromRaw(s.count[:r.IntN(4)])
		}
		r.exemplars(p.Exemplars())
	case pmetric.MetricTypeSummary:
		p := m.Summary().DataPoints().AppendEmpty()
		r.stated(p, s, round)
		p.SetCount(s.count[0])
		p.SetSum(r.double())
		for range r.IntN(3) {
			q := p.QuantileValues().AppendEmpty()
			q.SetQuantile(r.double())
			q.SetValue(r.double())
		}
	}
}

func (r *random) stats(p interface {
	SetSum(float64)
	SetMin(float64)
	SetMax(float64)
},
) {
	if !r.one(10) {
		p.SetSum(r.double())
	}
	if !r.one(3) {
		p.SetMin(r.double())
		p.SetMax(r.double())
	}
}

func (r *random) number(p pmetric.NumberDataPoint, s *seriesState, round int64) {
	r.stated(p, s, round)
	switch {
	case r.one(40): // no value
	case s.ints != r.one(50):
		p.SetIntValue(r.integer())
	default:
		p.SetDoubleValue(r.double())
	}
	r.exemplars(p.Exemplars())
}

func (r *random) exemplars(es pmetric.ExemplarSlice) {
	if !r.one(10) {
		return
	}
	for range 1 + r.IntN(2) {
		e := es.AppendEmpty()
		e.SetTimestamp(pcommon.Timestamp(r.Uint64()))
		switch r.IntN(3) {
		case 0:
			e.SetIntValue(r.integer())
		case 1:
			e.SetDoubleValue(r.double())
		}
		if r.one(2) {
			e.SetTraceID(pcommon.TraceID{1, byte(r.IntN(256))})
			e.SetSpanID(pcommon.SpanID{byte(r.IntN(256)), 2})
		}
		r.fill(e.FilteredAttributes(), 0)
	}
}

func canonicalValue(v pcommon.Value) string {
	switch v.Type() {
	case pcommon.ValueTypeDouble:
		return fmt.Sprintf("double:%x", math.Float64bits(v.Double()))
	case pcommon.ValueTypeMap:
		return "map" + canonicalMap(v.Map())
	case pcommon.ValueTypeSlice:
		var parts []string
		for i := range v.Slice().Len() {
			parts = append(parts, canonicalValue(v.Slice().At(i)))
		}
		return "slice[" + strings.Join(parts, ",") + "]"
	}
	return fmt.Sprintf("%v:%q", v.Type(), v.AsString())
}

func canonicalMap(m pcommon.Map) string {
	var parts []string
	for k, v := range m.All() {
		parts = append(parts, fmt.Sprintf("%q=%s", k, canonicalValue(v)))
	}
	sort.Strings(parts)
	return "{" + strings.Join(parts, ",") + "}"
}

// canonical lists every point with all it belongs to. now stands for a time of zero, as in Head.Append.
func canonical(ms pmetric.Metrics, now time.Time) []string {
	var out []string
	for _, rm := range ms.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			set := fmt.Sprintf("%s %d %s | %s %s %s %s", canonicalMap(rm.Resource().Attributes()), rm.Resource().DroppedAttributesCount(),
				rm.SchemaUrl(), sm.Scope().Name(), sm.Scope().Version(), canonicalMap(sm.Scope().Attributes()), sm.SchemaUrl())
			for _, m := range sm.Metrics().All() {
				head := fmt.Sprintf("%s\n%q %q %q %s %v", set, m.Name(), m.Unit(), m.Description(), canonicalMap(m.Metadata()), m.Type())
				out = append(out, canonicalPoints(m, head, now)...)
			}
		}
	}
	sort.Strings(out)
	return out
}

func canonicalPoints(m pmetric.Metric, head string, now time.Time) (out []string) {
	common := func(t, start pcommon.Timestamp, flags pmetric.DataPointFlags, attributes pcommon.Map, es pmetric.ExemplarSlice) string {
		if t == 0 {
			t = pcommon.Timestamp(now.UnixNano())
		}
		s := fmt.Sprintf("%s\n%d %d %d %s", head, t, start, flags, canonicalMap(attributes))
		for _, e := range es.All() {
			s += fmt.Sprintf(" ex(%d %v %v %d %x %s)", e.Timestamp(), e.TraceID(), e.SpanID(), e.IntValue(),
				math.Float64bits(e.DoubleValue()), canonicalMap(e.FilteredAttributes()))
		}
		return s
	}
	stats := func(sum bool, s float64, lo bool, l float64, hi bool, h float64) string {
		return fmt.Sprint(sum, math.Float64bits(s), lo, math.Float64bits(l), hi, math.Float64bits(h))
	}
	number := func(p pmetric.NumberDataPoint, more string) {
		s := common(p.Timestamp(), p.StartTimestamp(), p.Flags(), p.Attributes(), p.Exemplars())
		out = append(out, fmt.Sprintf("%s %s %v %d %x", s, more, p.ValueType(), p.IntValue(), math.Float64bits(p.DoubleValue())))
	}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		for _, p := range m.Gauge().DataPoints().All() {
			number(p, "")
		}
	case pmetric.MetricTypeSum:
		for _, p := range m.Sum().DataPoints().All() {
			number(p, fmt.Sprint(m.Sum().IsMonotonic(), m.Sum().AggregationTemporality().String(), int32(m.Sum().AggregationTemporality())))
		}
	case pmetric.MetricTypeHistogram:
		for _, p := range m.Histogram().DataPoints().All() {
			s := common(p.Timestamp(), p.StartTimestamp(), p.Flags(), p.Attributes(), p.Exemplars())
			bounds := ""
			for _, b := range p.ExplicitBounds().All() {
				bounds += fmt.Sprintf("%x,", math.Float64bits(b))
			}
			out = append(out, fmt.Sprint(s, int32(m.Histogram().AggregationTemporality()), " ", p.Count(), bounds, p.BucketCounts().AsRaw(),
				stats(p.HasSum(), p.Sum(), p.HasMin(), p.Min(), p.HasMax(), p.Max())))
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			s := common(p.Timestamp(), p.StartTimestamp(), p.Flags(), p.Attributes(), p.Exemplars())
			out = append(out, fmt.Sprint(s, int32(m.ExponentialHistogram().AggregationTemporality()), " ", p.Count(), " ", p.Scale(), p.ZeroCount(),
				math.Float64bits(p.ZeroThreshold()), p.Positive().Offset(), p.Positive().BucketCounts().AsRaw(),
				p.Negative().Offset(), p.Negative().BucketCounts().AsRaw(),
				stats(p.HasSum(), p.Sum(), p.HasMin(), p.Min(), p.HasMax(), p.Max())))
		}
	case pmetric.MetricTypeSummary:
		for _, p := range m.Summary().DataPoints().All() {
			s := common(p.Timestamp(), p.StartTimestamp(), p.Flags(), p.Attributes(), pmetric.NewExemplarSlice())
			s += fmt.Sprint(p.Count(), math.Float64bits(p.Sum()))
			for _, q := range p.QuantileValues().All() {
				s += fmt.Sprintf(" %x:%x", math.Float64bits(q.Quantile()), math.Float64bits(q.Value()))
			}
			out = append(out, s)
		}
	}
	return out
}
