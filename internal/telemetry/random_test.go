package telemetry

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// random makes pdata of every shape.
type random struct {
	*rand.Rand
	invalid bool // strings that are not valid UTF-8 too
}

func newRandom(seed uint64) *random { return &random{Rand: rand.New(rand.NewPCG(seed, 1))} }

func (r *random) one(n int) bool { return r.IntN(n) == 0 }

func (r *random) str() string {
	pieces := []string{"", "a", "GET", "checkout", "\"", "\\", "\n\t\r\x00\x1f\x7f", "日本語", "\u2028", "😀", "<&>", "$", "$bytes", "0", "time.out"}
	var b strings.Builder
	for range r.IntN(4) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	if r.one(4) {
		fmt.Fprint(&b, r.Int64())
	}
	if r.one(50) {
		b.WriteString(strings.Repeat("x", r.IntN(3000)))
	}
	if r.invalid && r.one(6) {
		b.WriteString("\xff\xfe" + "ok" + "\xc3")
	}
	return b.String()
}

func (r *random) key() string {
	keys := []string{
		"a", "b", "a.b", "a.b.c", "", "http.method", "time", "name", "attr.a", "resource.a", "scope.name", "x#int", "$a", "$$", "$map", "body", "k.",
		".k", "日本",
	}
	if r.one(10) {
		return r.str()
	}
	if r.one(200) {
		return strings.Repeat("long", 200)
	}
	return keys[r.IntN(len(keys))]
}

func (r *random) double() float64 {
	special := []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, 1e21, 1e-7, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), math.NaN(),
		math.Float64frombits(nanBits), math.Float64frombits(0xfff8000000000123), 1 << 53, 123456789012345680,
	}
	if r.one(2) {
		return special[r.IntN(len(special))]
	}
	return math.Float64frombits(r.Uint64())
}

func (r *random) integer() int64 {
	special := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 53, 200, 404}
	if r.one(2) {
		return special[r.IntN(len(special))]
	}
	return int64(r.Uint64())
}

func (r *random) raw() []byte {
	b := make([]byte, r.IntN(20))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func (r *random) value(v pcommon.Value, depth int) {
	switch n := r.IntN(12); {
	case n < 4:
		v.SetStr(r.str())
	case n < 6:
		v.SetInt(r.integer())
	case n == 6:
		v.SetDouble(r.double())
	case n == 7:
		v.SetBool(r.one(2))
	case n == 8:
		v.SetEmptyBytes().FromRaw(r.raw())
	case n == 9 && depth < 5:
		s := v.SetEmptySlice()
		for range r.IntN(4) {
			r.value(s.AppendEmpty(), depth+1)
		}
	case n == 10 && depth < 5:
		r.fill(v.SetEmptyMap(), depth+1)
	}
	if r.one(300) {
		for range r.IntN(ValueDepthMax - 10) {
			if r.one(2) {
				v = v.SetEmptySlice().AppendEmpty()
			} else {
				v = v.SetEmptyMap().PutEmpty(r.key())
			}
		}
	}
}

// fill adds entries, sometimes repeated keys, sometimes many.
func (r *random) fill(m pcommon.Map, depth int) {
	n := r.IntN(6)
	if r.one(100) {
		n = 100
	}
	var entries []entry
	for range n {
		e := entry{r.key(), pcommon.NewValueEmpty()}
		r.value(e.value, depth)
		entries = append(entries, e)
	}
	if !r.one(3) { // no repeated keys
		seen := map[string]bool{}
		var kept []entry
		for _, e := range entries {
			if !seen[e.key] {
				kept = append(kept, e)
			}
			seen[e.key] = true
		}
		entries = kept
	}
	if err := fillMap(m, entries); err != nil {
		panic(err)
	}
}

func (r *random) traceID() (id pcommon.TraceID) {
	if !r.one(4) {
		for i := range id {
			id[i] = byte(r.Uint32())
		}
	}
	return id
}

func (r *random) spanID() (id pcommon.SpanID) {
	if !r.one(4) {
		for i := range id {
			id[i] = byte(r.Uint32())
		}
	}
	return id
}

const testNow = 1_700_000_000_000_000_000

// time is near testNow, or any 64-bit number but zero.
func (r *random) time() pcommon.Timestamp {
	if r.one(10) {
		return pcommon.Timestamp(max(r.Uint64(), 1))
	}
	return pcommon.Timestamp(testNow - r.Int64N(1e12))
}

func (r *random) count() uint32 {
	if r.one(3) {
		return r.Uint32()
	}
	return 0
}

func (r *random) resource(res pcommon.Resource) string {
	r.fill(res.Attributes(), 0)
	res.SetDroppedAttributesCount(r.count())
	return r.str()
}

func (r *random) scope(s pcommon.InstrumentationScope) string {
	s.SetName(r.str())
	s.SetVersion(r.str())
	r.fill(s.Attributes(), 0)
	s.SetDroppedAttributesCount(r.count())
	return r.str()
}

func (r *random) logs() plog.Logs {
	logs := plog.NewLogs()
	for range 1 + r.IntN(3) {
		rl := logs.ResourceLogs().AppendEmpty()
		rl.SetSchemaUrl(r.resource(rl.Resource()))
		for range 1 + r.IntN(3) {
			sl := rl.ScopeLogs().AppendEmpty()
			sl.SetSchemaUrl(r.scope(sl.Scope()))
			for range 1 + r.IntN(10) {
				r.log(sl.LogRecords().AppendEmpty())
			}
		}
	}
	return logs
}

func (r *random) log(l plog.LogRecord) {
	l.SetTimestamp(r.time())
	if r.one(2) {
		l.SetObservedTimestamp(r.time())
	}
	l.SetSeverityNumber(plog.SeverityNumber(int32(r.count())))
	if r.one(2) {
		l.SetSeverityNumber(plog.SeverityNumber(r.IntN(25)))
	}
	l.SetSeverityText(r.str())
	l.SetEventName(r.str())
	l.SetTraceID(r.traceID())
	l.SetSpanID(r.spanID())
	l.SetFlags(plog.LogRecordFlags(r.count()))
	l.SetDroppedAttributesCount(r.count())
	r.value(l.Body(), 0)
	r.fill(l.Attributes(), 0)
}

func (r *random) traces() ptrace.Traces {
	traces := ptrace.NewTraces()
	for range 1 + r.IntN(3) {
		rs := traces.ResourceSpans().AppendEmpty()
		rs.SetSchemaUrl(r.resource(rs.Resource()))
		for range 1 + r.IntN(3) {
			ss := rs.ScopeSpans().AppendEmpty()
			ss.SetSchemaUrl(r.scope(ss.Scope()))
			for range 1 + r.IntN(10) {
				r.span(ss.Spans().AppendEmpty())
			}
		}
	}
	return traces
}

func (r *random) span(s ptrace.Span) {
	s.SetTraceID(r.traceID())
	s.SetSpanID(r.spanID())
	s.SetParentSpanID(r.spanID())
	s.TraceState().FromRaw(r.str())
	s.SetFlags(r.count())
	s.SetName(r.str())
	s.SetKind(ptrace.SpanKind(r.IntN(6)))
	if r.one(20) {
		s.SetKind(ptrace.SpanKind(int32(r.Uint32())))
	}
	s.SetStartTimestamp(r.time())
	s.SetEndTimestamp(r.time())
	s.Status().SetCode(ptrace.StatusCode(r.IntN(3)))
	if r.one(20) {
		s.Status().SetCode(ptrace.StatusCode(int32(r.Uint32())))
	}
	s.Status().SetMessage(r.str())
	s.SetDroppedAttributesCount(r.count())
	s.SetDroppedEventsCount(r.count())
	s.SetDroppedLinksCount(r.count())
	r.fill(s.Attributes(), 0)
	for range r.IntN(3) {
		e := s.Events().AppendEmpty()
		e.SetName(r.str())
		if r.one(2) {
			e.SetName("exception")
			e.Attributes().PutStr("exception.message", r.str())
		} else {
			r.fill(e.Attributes(), 0)
		}
		if r.one(2) {
			e.SetTimestamp(r.time())
		}
		e.SetDroppedAttributesCount(r.count())
	}
	for range r.IntN(3) {
		l := s.Links().AppendEmpty()
		l.SetTraceID(r.traceID())
		l.SetSpanID(r.spanID())
		l.TraceState().FromRaw(r.str())
		l.SetFlags(r.count())
		l.SetDroppedAttributesCount(r.count())
		r.fill(l.Attributes(), 0)
	}
}

func (r *random) metrics() pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	for range 1 + r.IntN(3) {
		rm := metrics.ResourceMetrics().AppendEmpty()
		rm.SetSchemaUrl(r.resource(rm.Resource()))
		sm := rm.ScopeMetrics().AppendEmpty()
		sm.SetSchemaUrl(r.scope(sm.Scope()))
		for range 1 + r.IntN(6) {
			r.metric(sm.Metrics().AppendEmpty())
		}
	}
	return metrics
}

func (r *random) metric(m pmetric.Metric) {
	m.SetName(r.str())
	m.SetUnit(r.str())
	m.SetDescription(r.str())
	r.fill(m.Metadata(), 0)
	temporality := pmetric.AggregationTemporality(r.IntN(3))
	switch r.IntN(6) {
	case 0:
		r.number(m.SetEmptyGauge().DataPoints().AppendEmpty())
	case 1:
		s := m.SetEmptySum()
		s.SetIsMonotonic(r.one(2))
		s.SetAggregationTemporality(temporality)
		r.number(s.DataPoints().AppendEmpty())
	case 2:
		h := m.SetEmptyHistogram()
		h.SetAggregationTemporality(temporality)
		p := h.DataPoints().AppendEmpty()
		p.SetTimestamp(r.time())
		p.SetStartTimestamp(r.time())
		p.SetCount(r.Uint64())
		p.SetSum(r.double())
		if r.one(2) {
			p.SetMin(r.double())
			p.SetMax(r.double())
		}
		p.ExplicitBounds().FromRaw([]float64{0, r.double()})
		p.BucketCounts().FromRaw([]uint64{1, r.Uint64(), 3})
		p.SetFlags(pmetric.DataPointFlags(r.count()))
		r.fill(p.Attributes(), 0)
		r.exemplars(p.Exemplars())
	case 3:
		h := m.SetEmptyExponentialHistogram()
		h.SetAggregationTemporality(temporality)
		p := h.DataPoints().AppendEmpty()
		p.SetTimestamp(r.time())
		p.SetScale(int32(r.IntN(20)) - 10)
		p.SetZeroCount(r.Uint64())
		p.SetZeroThreshold(r.double())
		p.Positive().SetOffset(int32(r.count()))
		p.Positive().BucketCounts().FromRaw([]uint64{1, r.Uint64()})
		p.Negative().BucketCounts().FromRaw([]uint64{r.Uint64()})
		r.fill(p.Attributes(), 0)
		r.exemplars(p.Exemplars())
	case 4:
		p := m.SetEmptySummary().DataPoints().AppendEmpty()
		p.SetTimestamp(r.time())
		p.SetCount(r.Uint64())
		p.SetSum(r.double())
		q := p.QuantileValues().AppendEmpty()
		q.SetQuantile(0.5)
		q.SetValue(r.double())
		r.fill(p.Attributes(), 0)
	}
}

func (r *random) number(p pmetric.NumberDataPoint) {
	p.SetTimestamp(r.time())
	p.SetStartTimestamp(r.time())
	if r.one(2) {
		p.SetIntValue(r.integer())
	} else {
		p.SetDoubleValue(r.double())
	}
	p.SetFlags(pmetric.DataPointFlags(r.count()))
	r.fill(p.Attributes(), 0)
	r.exemplars(p.Exemplars())
}

func (r *random) exemplars(s pmetric.ExemplarSlice) {
	for range r.IntN(3) {
		e := s.AppendEmpty()
		e.SetTimestamp(r.time())
		e.SetTraceID(r.traceID())
		e.SetSpanID(r.spanID())
		if r.one(2) {
			e.SetIntValue(r.integer())
		} else {
			e.SetDoubleValue(r.double())
		}
		r.fill(e.FilteredAttributes(), 0)
	}
}
