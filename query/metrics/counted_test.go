package metrics

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/index/table"
	"clew/ingest/red"
	"clew/internal/telemetry"
	"clew/query/metrics/stored"
)

// call is a span: when it ended, and how long it took.
type call struct {
	end  time.Time
	took time.Duration
}

// count adds a part with what is counted of calls: every other one as it grows, told in two steps.
func (p *partSource) count(calls []call) {
	p.t.Helper()
	name := fmt.Sprint("spans-", len(p.sealed))
	rows := table.New(name, telemetry.Spans, telemetry.DefaultTenant, 0)
	tally := red.New(name, telemetry.Spans, telemetry.DefaultTenant, 0)
	read := func(calls []call) {
		p.appendCalls(rows, calls)
		if err := tally.Read(p.t.Context(), rows.Snapshot()); err != nil {
			p.t.Fatal(err)
		}
	}
	of := tally.Part
	if len(p.sealed)%2 == 0 {
		of = tally.Live
		read(calls[:len(calls)/2])
		calls = calls[len(calls)/2:]
		if _, err := tally.Live(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
	}
	read(calls)
	part, err := of(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	p.sealed = append(p.sealed, part)
}

func (p *partSource) appendCalls(rows *table.Table, calls []call) {
	p.t.Helper()
	b := telemetry.NewBuilder(telemetry.Spans, telemetry.DefaultTenant)
	res := pcommon.NewResource()
	res.Attributes().PutStr("service.name", "shop")
	b.UseSet(res, "", pcommon.NewInstrumentationScope(), "")
	for i, c := range calls {
		s := ptrace.NewSpan()
		var trace pcommon.TraceID
		binary.BigEndian.PutUint64(trace[:], uint64(c.end.UnixNano()))
		s.SetTraceID(trace)
		s.SetSpanID(pcommon.SpanID{1, byte(i >> 8), byte(i)})
		s.SetName("GET /")
		s.SetKind(ptrace.SpanKindServer)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(c.end.Add(-c.took)))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(c.end))
		b.AppendSpan(s, receivedAt)
	}
	batch := b.Build()
	defer batch.Release()
	if err := rows.Append(batch, nil); err != nil {
		p.t.Fatal(err)
	}
}

func testEngine(t *testing.T) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{MaxSamples: 10_000_000, Timeout: time.Minute})
}

// value is the answer to a query that gives one number; NaN if it gives none.
func instant(t *testing.T, s *Storage, query string, at time.Time) float64 {
	t.Helper()
	q, err := testEngine(t).NewInstantQuery(t.Context(), s, nil, query, at)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	v, err := q.Exec(t.Context()).Vector()
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if len(v) == 0 {
		return math.NaN()
	}
	if len(v) > 1 {
		t.Fatalf("%s: %d series", query, len(v))
	}
	return v[0].F
}

// randomCalls are calls of three hours from testStart on, told by several parts that overlap, as late spans make them.
func randomCalls(t *testing.T) (*Storage, []call) {
	rng := rand.New(rand.NewPCG(7, 7))
	p := newParts(t)
	var all []call
	for part := range 9 {
		var calls []call
		for range 300 {
			at := time.Duration(rng.Int64N(int64(3 * time.Hour)))
			if part%2 == 0 { // one after the other, too
				at = time.Duration(part)*20*time.Minute + time.Duration(rng.Int64N(int64(20*time.Minute)))
			}
			calls = append(calls, call{testStart.Add(at), time.Duration(math.Exp(rng.NormFloat64()) * 1e8)})
		}
		all = append(all, calls...)
		p.count(calls)
	}
	for _, c := range []call{{testStart, time.Millisecond}, {testStart.Add(time.Hour), 0}, {testStart.Add(2 * time.Hour), time.Second}} { // on hours
		all = append(all, c)
		p.count([]call{c})
	}
	slices.SortFunc(all, func(a, b call) int { return a.end.Compare(b.end) })
	return storageOf(p), all
}

func between(all []call, from, to time.Time) (n int, seconds float64) {
	for _, c := range all {
		if c.end.After(from) && !c.end.After(to) {
			n++
			seconds += c.took.Seconds()
		}
	}
	return n, seconds
}

// Over whole hours increase is the number of calls, whatever parts told of them and however often the counter began anew.
func TestCountedExactly(t *testing.T) {
	s, all := randomCalls(t)
	for hours := 1; hours <= 3; hours++ {
		for end := hours; end <= 3; end++ {
			to := testStart.Add(time.Duration(end) * time.Hour)
			n, seconds := between(all, to.Add(-time.Duration(hours)*time.Hour), to)
			for query, want := range map[string]float64{
				"increase(traces_span_metrics_calls_total[%dh])":                             float64(n),
				"histogram_count(increase(traces_span_metrics_duration_seconds[%dh]))":       float64(n),
				"histogram_sum(increase(traces_span_metrics_duration_seconds[%dh]))":         seconds,
				"sum(increase({\"traces.span.metrics.calls\", service_name=\"shop\"}[%dh]))": float64(n),
			} {
				query = fmt.Sprintf(query, hours)
				if got := instant(t, s, query, to); math.Abs(got-want) > 1e-6*want {
					t.Errorf("%s at hour %d is %g, want %g", query, end, got, want)
				}
			}
		}
	}
	// At any moment the counter is what was counted since the hour began, up to the last bucket's end.
	for minutes := 0; minutes < 180; minutes += 7 {
		at := testStart.Add(time.Duration(minutes)*time.Minute + 13*time.Second)
		n, _ := between(all, at.Truncate(time.Hour), at.Truncate(10*time.Second))
		if got := instant(t, s, "traces_span_metrics_calls_total", at); got != float64(n) {
			t.Errorf("after %d minutes it is %g, want %d", minutes, got, n)
		}
	}
}

// An answer about a moment is the same wherever the query begins, by steps or alone.
func TestCountedAlike(t *testing.T) {
	s, _ := randomCalls(t)
	const query = "rate(traces_span_metrics_calls_total[4m])"
	for _, from := range []time.Duration{5 * time.Minute, 50 * time.Minute, 61 * time.Minute, 2 * time.Hour} {
		q, err := testEngine(t).NewRangeQuery(t.Context(), s, nil, query, testStart.Add(from), testStart.Add(150*time.Minute), 3*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		m, err := q.Exec(t.Context()).Matrix()
		if err != nil || len(m) != 1 || len(m[0].Floats) < 10 {
			t.Fatalf("%v: %v", m, err)
		}
		for _, p := range m[0].Floats {
			if want := instant(t, s, query, time.UnixMilli(p.T)); p.F != want {
				t.Errorf("from %s at %d: %g, alone %g", from, p.T, p.F, want)
			}
		}
		q.Close()
	}
}

// What was counted long ago in the same hour is still there, though its part has nothing from the time that is asked for; in the next hour it is not.
func TestCountedEarlier(t *testing.T) {
	p := newParts(t)
	p.count([]call{{testStart.Add(2 * time.Minute), time.Second}, {testStart.Add(3 * time.Minute), time.Second}})
	s := storageOf(p)
	for minute, want := range map[int]float64{1: math.NaN(), 2: 1, 3: 2, 50: 2, 60: 2, 64: 2, 66: math.NaN()} {
		if got := instant(t, s, "traces_span_metrics_calls_total", testStart.Add(time.Duration(minute)*time.Minute)); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("after %d minutes it is %g, want %g", minute, got, want)
		}
	}
	if got := instant(t, s, "sum(rate(traces_span_metrics_calls_total[1m]))", testStart.Add(50*time.Minute)); got != 0 {
		t.Errorf("the rate is %g where nothing came", got)
	}
	// Where there is nothing yet, there are no samples: now is three minutes after the hour.
	s.now = func() time.Time { return testStart.Add(3 * time.Minute) }
	if got := instant(t, s, "count_over_time(traces_span_metrics_calls_total[1h])", testStart.Add(time.Hour)); got != 8 {
		t.Errorf("%g samples, want 7 and the first zero", got)
	}
}

// A quantile is off by half a bucket at most.
func TestCountedQuantile(t *testing.T) {
	s, all := randomCalls(t)
	slices.SortFunc(all, func(a, b call) int { return int(a.took - b.took) })
	for _, q := range []float64{0.1, 0.5, 0.95, 0.99} {
		want := all[int(math.Ceil(q*float64(len(all))))-1].took.Seconds()
		got := instant(t, s, fmt.Sprintf("histogram_quantile(%g, increase(traces_span_metrics_duration_seconds[4h]))", q), testStart.Add(3*time.Hour))
		if got < want/1.0906 || got > want*1.0906 {
			t.Errorf("quantile %g is %g, want about %g", q, got, want)
		}
	}
}

// The slowest call of five minutes is an exemplar, of durations and of calls; and the metrics say what they are.
func TestCountedExemplars(t *testing.T) {
	p := newParts(t)
	slow := call{testStart.Add(15 * time.Second), 3 * time.Second}
	p.count([]call{{testStart.Add(12 * time.Second), time.Second}, slow, {testStart.Add(40 * time.Second), time.Second}})
	s := storageOf(p)
	q, err := s.ExemplarQuerier(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"traces_span_metrics_calls_total", "traces_span_metrics_duration_seconds"} {
		got, err := q.Select(testStart.UnixMilli(), testStart.Add(time.Minute).UnixMilli(), []*labels.Matcher{named(name)})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || len(got[0].Exemplars) == 0 || len(got[0].Exemplars) > 2 {
			t.Fatalf("%s: %v", name, got)
		}
		// While it grows, the slowest so far is one too.
		if e := got[0].Exemplars[len(got[0].Exemplars)-1]; e.Value != 3 || e.Ts != slow.end.UnixMilli() || e.Labels.Get("trace_id") == "" {
			t.Errorf("%s: %v", name, got)
		}
	}
	var _ storage.ExemplarQueryable = s
}

func TestHourOf(t *testing.T) {
	for ms, want := range map[int64]int64{1: 0, stored.Hour: 0, stored.Hour + 1: stored.Hour, 0: -stored.Hour, -stored.Hour + 1: -stored.Hour, -stored.Hour: -2 * stored.Hour, math.MinInt64: math.MinInt64} {
		if got := stored.HourOf(ms); got != want {
			t.Errorf("%d is of hour %d, want %d", ms, got, want)
		}
	}
}
