package metrics

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
)

var testStart = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func at(seconds int) pcommon.Timestamp {
	return pcommon.NewTimestampFromTime(testStart.Add(time.Duration(seconds) * time.Second))
}

// dump writes each series and its points, at seconds after testStart: {labels} 0:1 15:2.
func dump(t *testing.T, set storage.SeriesSet) []string {
	t.Helper()
	var out []string
	var it chunkenc.Iterator
	for set.Next() {
		s := set.At()
		line := s.Labels().String()
		it = s.Iterator(it)
		for vt := it.Next(); vt != chunkenc.ValNone; vt = it.Next() {
			seconds := float64(it.AtT()-testStart.UnixMilli()) / 1000
			switch vt {
			case chunkenc.ValFloat:
				_, v := it.At()
				if math.Float64bits(v) == value.StaleNaN {
					line += fmt.Sprintf(" %g:stale", seconds)
				} else {
					line += fmt.Sprintf(" %g:%g", seconds, v)
				}
			default:
				_, h := it.AtFloatHistogram(nil)
				line += fmt.Sprintf(" %g:%s", seconds, h)
			}
		}
		if it.Err() != nil {
			t.Fatal(it.Err())
		}
		out = append(out, line)
	}
	if set.Err() != nil {
		t.Fatal(set.Err())
	}
	slices.Sort(out)
	return out
}

// ask selects from a storage.
func ask(t *testing.T, s *Storage, selector ...*labels.Matcher) []string {
	t.Helper()
	q, err := s.Querier(testStart.Add(-time.Hour).UnixMilli(), testStart.Add(time.Hour).UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	return dump(t, q.Select(t.Context(), false, nil, selector...))
}

func named(name string) *labels.Matcher {
	return labels.MustNewMatcher(labels.MatchEqual, "__name__", name)
}

// fill makes metrics of one resource.
func fill(attributes map[string]any, f func(pmetric.MetricSlice)) pmetric.Metrics {
	m := pmetric.NewMetrics()
	rm := m.ResourceMetrics().AppendEmpty()
	if err := rm.Resource().Attributes().FromRaw(attributes); err != nil {
		panic(err) // the tests' own
	}
	f(rm.ScopeMetrics().AppendEmpty().Metrics())
	return m
}

// both runs a test on the points in a head and in a segment.
func both(t *testing.T, m pmetric.Metrics, f func(t *testing.T, s *Storage)) {
	t.Helper()
	for _, sealed := range []bool{false, true} {
		t.Run(map[bool]string{false: "head", true: "segment"}[sealed], func(t *testing.T) {
			p := newParts(t)
			h := p.head()
			copied := pmetric.NewMetrics()
			m.CopyTo(copied)
			if err := h.Append(copied, receivedAt); err != nil {
				t.Fatal(err)
			}
			if sealed {
				p.seal(h)
			}
			f(t, storageOf(p))
		})
	}
}

func TestTranslation(t *testing.T) {
	res := map[string]any{"service.name": "cart", "service.namespace": "shop", "service.instance.id": "i-1", "host.name": "a", "os.type": "linux"}
	common := `host_name="a", instance="i-1", job="shop/cart"`
	tail := `service_instance_id="i-1", service_name="cart", service_namespace="shop"}`
	m := fill(res, func(ms pmetric.MetricSlice) {
		c := ms.AppendEmpty()
		c.SetName("system.cpu.time")
		c.SetUnit("s")
		c.SetEmptySum().SetIsMonotonic(true)
		c.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		for i := range 3 {
			dp := c.Sum().DataPoints().AppendEmpty()
			dp.SetTimestamp(at(15 * i))
			dp.SetIntValue(int64(10 * i))
			dp.Attributes().PutStr("cpu.mode", "user")
			if i == 2 {
				dp.SetFlags(dp.Flags().WithNoRecordedValue(true))
			}
		}
		d := ms.AppendEmpty()
		d.SetName("orders")
		d.SetEmptySum().SetIsMonotonic(true)
		d.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		for i := range 3 {
			dp := d.Sum().DataPoints().AppendEmpty()
			dp.SetTimestamp(at(15 * i))
			dp.SetIntValue(5)
		}
		h := ms.AppendEmpty()
		h.SetName("http.server.request.duration")
		h.SetUnit("s")
		h.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		for i := range 2 {
			dp := h.Histogram().DataPoints().AppendEmpty()
			dp.SetTimestamp(at(15 * i))
			dp.ExplicitBounds().FromRaw([]float64{0.1, 1})
			dp.BucketCounts().FromRaw([]uint64{1, uint64(i), 2})
			dp.SetCount(uint64(3 + i))
			dp.SetSum(4)
		}
		q := ms.AppendEmpty()
		q.SetName("rpc.latency")
		dp := q.SetEmptySummary().DataPoints().AppendEmpty()
		dp.SetTimestamp(at(0))
		dp.SetCount(2)
		dp.SetSum(3)
		v := dp.QuantileValues().AppendEmpty()
		v.SetQuantile(0.5)
		v.SetValue(1.5)
	})
	bucket := func(le string) string {
		return `{__name__="http_server_request_duration_seconds_bucket", ` + common + `, le="` + le + `", ` + tail
	}
	both(t, m, func(t *testing.T, s *Storage) {
		for _, c := range []struct {
			name string
			want []string
		}{
			{"system_cpu_time_seconds_total", []string{`{__name__="system_cpu_time_seconds_total", cpu_mode="user", ` + common + `, ` + tail + ` 0:0 15:10 30:stale`}},
			{"system.cpu.time", []string{`{__name__="system_cpu_time_seconds_total", cpu_mode="user", ` + common + `, ` + tail + ` 0:0 15:10 30:stale`}},
			{"orders_total", []string{`{__name__="orders_total", ` + common + `, ` + tail + ` 0:5 15:10 30:15`}},
			{"http_server_request_duration_seconds_bucket", []string{bucket("+Inf") + " 0:3 15:4", bucket("0.1") + " 0:1 15:1", bucket("1") + " 0:1 15:2"}},
			{"http_server_request_duration_seconds_sum", []string{`{__name__="http_server_request_duration_seconds_sum", ` + common + `, ` + tail + ` 0:4 15:4`}},
			{"rpc_latency", []string{`{__name__="rpc_latency", ` + common + `, quantile="0.5", ` + tail + ` 0:1.5`}},
			{"rpc_latency_count", []string{`{__name__="rpc_latency_count", ` + common + `, ` + tail + ` 0:2`}},
			{"target_info", []string{`{__name__="target_info", host_name="a", instance="i-1", job="shop/cart", os_type="linux"} 0:1 30:1`}},
			{"nothing", nil},
		} {
			if diff := cmp.Diff(c.want, ask(t, s, named(c.name))); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
		for _, c := range []struct {
			matcher *labels.Matcher
			want    int
		}{
			{labels.MustNewMatcher(labels.MatchEqual, "host.name", "a"), 11},
			{labels.MustNewMatcher(labels.MatchNotEqual, "cpu_mode", "user"), 10},
			{labels.MustNewMatcher(labels.MatchRegexp, "le", "0.1|1"), 2},
			{labels.MustNewMatcher(labels.MatchRegexp, "__name__", "rpc.*"), 3},
			{labels.MustNewMatcher(labels.MatchNotRegexp, "le", ".+"), 8},
			{labels.MustNewMatcher(labels.MatchEqual, "le", ""), 8},
		} {
			if got := ask(t, s, c.matcher); len(got) != c.want {
				t.Errorf("%s matches %d series, want %d: %s", c.matcher, len(got), c.want, strings.Join(got, "\n"))
			}
		}
	})
}

// What came from Prometheus keeps its names, whatever they end in.
func TestPrometheusNames(t *testing.T) {
	m := fill(map[string]any{"service.name": "node", "service.instance.id": "h:9100"}, func(ms pmetric.MetricSlice) {
		g := ms.AppendEmpty()
		g.SetName("node_time.odd")
		g.SetUnit("seconds")
		g.Metadata().PutStr(points.MarkType, "counter")
		g.SetEmptySum().SetIsMonotonic(true)
		dp := g.Sum().DataPoints().AppendEmpty()
		dp.SetTimestamp(at(0))
		dp.SetDoubleValue(7)
		dp.Attributes().PutStr("a.b", "c")
	})
	both(t, m, func(t *testing.T, s *Storage) {
		want := []string{`{__name__="node_time.odd", "a.b"="c", instance="h:9100", job="node"} 0:7`}
		if diff := cmp.Diff(want, ask(t, s, named("node_time.odd"))); diff != "" {
			t.Error(diff)
		}
	})
}

// Points that come late, and again, are in the order of time, once.
func TestOverlap(t *testing.T) {
	gauge := func(seconds ...int) pmetric.Metrics {
		return fill(nil, func(ms pmetric.MetricSlice) {
			g := ms.AppendEmpty()
			g.SetName("temperature")
			g.SetEmptyGauge()
			for _, s := range seconds {
				p := g.Gauge().DataPoints().AppendEmpty()
				p.SetTimestamp(at(s))
				p.SetDoubleValue(float64(s))
			}
		})
	}
	p := newParts(t)
	for _, seconds := range [][]int{{0, 30, 60}, {15, 30, 45}, {90, 5}} {
		h := p.head()
		if err := h.Append(gauge(seconds...), receivedAt); err != nil {
			t.Fatal(err)
		}
		if seconds[0] == 15 {
			p.seal(h)
		}
	}
	want := []string{`{__name__="temperature"} 0:0 5:5 15:15 30:30 45:45 60:60 90:90`}
	if diff := cmp.Diff(want, ask(t, storageOf(p), named("temperature"))); diff != "" {
		t.Error(diff)
	}
}

// Exponential histograms are native ones; deltas add up.
func TestExponential(t *testing.T) {
	histogramOf := func(temporality pmetric.AggregationTemporality, scale int32) pmetric.Metrics {
		return fill(nil, func(ms pmetric.MetricSlice) {
			m := ms.AppendEmpty()
			m.SetName("size")
			m.SetEmptyExponentialHistogram().SetAggregationTemporality(temporality)
			for i := range 2 {
				dp := m.ExponentialHistogram().DataPoints().AppendEmpty()
				dp.SetTimestamp(at(15 * i))
				dp.SetScale(scale)
				dp.SetCount(3)
				dp.SetSum(5)
				dp.Positive().SetOffset(0)
				dp.Positive().BucketCounts().FromRaw([]uint64{1, 2})
			}
		})
	}
	for _, c := range []struct {
		temporality pmetric.AggregationTemporality
		scale       int32
		want        string
	}{
		{pmetric.AggregationTemporalityCumulative, 0, `{__name__="size"} 0:{count:3, sum:5, (1,2]:1, (2,4]:2} 15:{count:3, sum:5, (1,2]:1, (2,4]:2}`},
		{pmetric.AggregationTemporalityDelta, 0, `{__name__="size"} 0:{count:3, sum:5, (1,2]:1, (2,4]:2} 15:{count:6, sum:10, (1,2]:2, (2,4]:4}`},
		{pmetric.AggregationTemporalityCumulative, 9, `{__name__="size"} 0:{count:3, sum:5, (1,1.0027112750502025]:3} 15:{count:3, sum:5, (1,1.0027112750502025]:3}`},
	} {
		both(t, histogramOf(c.temporality, c.scale), func(t *testing.T, s *Storage) {
			if diff := cmp.Diff([]string{c.want}, ask(t, s, named("size"))); diff != "" {
				t.Errorf("%v, scale %d: %s", c.temporality, c.scale, diff)
			}
		})
	}
}
