package series

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	benchSeries = 5000
	benchRounds = 60
)

// scrape makes one round of points: 100 metrics of 50 series each, with 6 attributes, as a host's or a service's SDK sends them.
func scrape(round int, histograms bool) pmetric.Metrics {
	out := pmetric.NewMetrics()
	rm := out.ResourceMetrics().AppendEmpty()
	for i := range 6 {
		rm.Resource().Attributes().PutStr(fmt.Sprint("resource.key.", i), "some value")
	}
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName("meter")
	t := time.Unix(1_700_000_000, 0).Add(time.Duration(round) * 10 * time.Second).Add(time.Duration(round*7919%1000) * time.Microsecond)
	for i := range 100 {
		m := sm.Metrics().AppendEmpty()
		m.SetName(fmt.Sprint("http.server.metric.", i))
		m.SetUnit("ms")
		m.SetDescription("what this metric means to its reader")
		if histograms {
			m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		} else {
			m.SetEmptyGauge()
		}
		for k := range benchSeries / 100 {
			var attributes pcommon.Map
			if histograms {
				p := m.Histogram().DataPoints().AppendEmpty()
				p.SetTimestamp(pcommon.NewTimestampFromTime(t))
				p.SetStartTimestamp(pcommon.NewTimestampFromTime(t.Truncate(time.Hour)))
				counts := make([]uint64, 16)
				for b := range counts {
					counts[b] = uint64(round * (b*k%7 + 1))
					p.SetCount(p.Count() + counts[b])
				}
				p.SetSum(float64(round * 17))
				p.SetMin(1)
				p.SetMax(100)
				p.BucketCounts().FromRaw(counts)
				p.ExplicitBounds().FromRaw([]float64{0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000})
				attributes = p.Attributes()
			} else {
				p := m.Gauge().DataPoints().AppendEmpty()
				p.SetTimestamp(pcommon.NewTimestampFromTime(t))
				p.SetDoubleValue(float64(round*k%97) / 4)
				attributes = p.Attributes()
			}
			attributes.PutStr("http.request.method", "GET")
			attributes.PutStr("http.route", fmt.Sprint("/api/things/", k))
			attributes.PutInt("http.response.status_code", int64(200+k%5))
			attributes.PutStr("network.protocol.version", "1.1")
			attributes.PutStr("server.address", "shop.example.com")
			attributes.PutStr("url.scheme", "https")
		}
	}
	return out
}

// benchmarkHead appends 60 rounds of 5,000 series and makes rows of them.
func benchmarkHead(b *testing.B, histograms bool) {
	rounds := make([]pmetric.Metrics, benchRounds)
	for i := range rounds {
		rounds[i] = scrape(i, histograms)
	}
	b.ReportAllocs()
	points, held, out, rows := 0, int64(0), int64(0), int64(0)
	for b.Loop() {
		h := New("bench", "t", 0)
		for _, m := range rounds {
			if err := h.Append(m, testNow); err != nil {
				b.Fatal(err)
			}
		}
		points += h.Points()
		held = h.Bytes()
		batch, err := h.Rows(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		cols, err := readColumns(batch.Rows)
		if err != nil {
			b.Fatal(err)
		}
		rows, out = batch.Rows.NumRows(), 0
		for row := range int(rows) {
			out += int64(len(cols.bytes(FieldChunk, row)) + len(cols.bytes(FieldExtra, row)))
		}
		batch.Release()
	}
	perHead := float64(benchSeries * benchRounds)
	b.ReportMetric(float64(points)/b.Elapsed().Seconds(), "points/s")
	b.ReportMetric(float64(held)/perHead, "B/point-held")
	b.ReportMetric(float64(out)/perHead, "B/point-rows")
	b.ReportMetric(float64(rows)/benchSeries, "rows/series")
}

func BenchmarkGauges(b *testing.B)     { benchmarkHead(b, false) }
func BenchmarkHistograms(b *testing.B) { benchmarkHead(b, true) }
