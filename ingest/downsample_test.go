package ingest

import (
	"math"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/index/catalog"
	"clew/index/segment"
	"clew/ingest/retention"
	"clew/internal/clock"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// scrapes are n points of a gauge and a counter, fifteen seconds apart, the first-th on.
func scrapes(tenant string, first, n int) (*telemetry.Batch, error) {
	m := pmetric.NewMetrics()
	rm := m.ResourceMetrics().AppendEmpty()
	testResource().CopyTo(rm.Resource())
	metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
	load := metrics.AppendEmpty()
	load.SetName("load")
	calls := metrics.AppendEmpty()
	calls.SetName("calls")
	calls.SetEmptySum().SetIsMonotonic(true)
	calls.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	load.SetEmptyGauge()
	for i := first; i < first+n; i++ {
		t := pcommon.NewTimestampFromTime(testTime.Truncate(time.Hour).Add(time.Duration(i+1) * 15 * time.Second))
		dp := load.Gauge().DataPoints().AppendEmpty()
		dp.SetTimestamp(t)
		dp.SetDoubleValue(float64(i % 7))
		dp = calls.Sum().DataPoints().AppendEmpty()
		dp.SetTimestamp(t)
		dp.SetIntValue(int64(i * 3))
	}
	return telemetry.NewMetricsBatch(tenant, m)
}

func (r *rig) sealScrapes(t *testing.T, first, n int) {
	t.Helper()
	b, err := scrapes(tenant, first, n)
	if err != nil {
		t.Fatal(err)
	}
	r.send(t, b)
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// byResolution are the tenant's segments of metrics.
func (r *rig) byResolution() map[time.Duration][]*catalog.Segment {
	all := map[time.Duration][]*catalog.Segment{}
	for _, s := range r.catalog.Current().Segments(tenant, telemetry.Metrics, math.MinInt64, math.MaxInt64) {
		all[s.Resolution] = append(all[s.Resolution], s)
	}
	return all
}

// counted is how many points went into segments of windows, and which they are of, by the windows of the gauge.
func windowed(t *testing.T, r *rig, segments []*catalog.Segment) (count uint64, windows int) {
	t.Helper()
	for _, s := range segments {
		part, err := segment.Open(t.Context(), r.dir, s.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		extra := -1
		for i, c := range part.Columns() {
			if c.Key == telemetry.FieldExtra && c.Level == telemetry.LevelField {
				extra = i
			}
		}
		for rg, g := range part.RowGroups() {
			b, err := part.Bytes(t.Context(), extra, rg)
			if err != nil {
				t.Fatal(err)
			}
			for row := range g.Rows {
				found, err := points.Sections(b.At(row))
				if err != nil {
					t.Fatal(err)
				}
				_, stats, all, err := found.Windows(nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range all {
					if stats {
						windows++
						count += w.Count
					}
				}
			}
		}
	}
	return count, windows
}

// TestDownsample: what a window holds becomes windows of five minutes, these become hours, each once; what comes late is one more; the raw points stay until their
// retention, which moves the cut in the same commit, and the coarser ones stay until theirs.
func TestDownsample(t *testing.T) {
	r := openRig(t, t.TempDir(), compacting(), nil)
	for i := range 4 {
		r.sealScrapes(t, i*480, 480) // two hours
	}
	if n, err := r.Downsample(t.Context(), clock.Now()); n != 0 || err != nil {
		t.Fatalf("%d segments were down-sampled (%v) in a window that is open", n, err)
	}
	if n, err := r.Downsample(t.Context(), closed()); n != 5 || err != nil { // four, and what they have become
		t.Fatalf("%d segments were down-sampled (%v), want 5", n, err)
	}
	if n, err := r.Downsample(t.Context(), closed()); n != 0 || err != nil {
		t.Errorf("%d segments were down-sampled again (%v)", n, err)
	}
	check := func(points uint64, raw, five, hour int) {
		t.Helper()
		all := r.byResolution()
		if len(all[0]) != raw {
			t.Errorf("%d raw segments, want %d", len(all[0]), raw)
		}
		for _, s := range all[0] {
			if !s.Sampled {
				t.Errorf("segment %s is not sampled", s.ID)
			}
		}
		for width, windows := range map[time.Duration]int{5 * time.Minute: five, time.Hour: hour} {
			count, n := windowed(t, r, all[width])
			if n != windows || n > 0 && count != points {
				t.Errorf("%v: %d points in %d windows, want %d in %d", width, count, n, points, windows)
			}
		}
	}
	check(1920, 4, 96, 8)
	r.sealScrapes(t, 470, 20) // again: a sender had no answer
	if n, err := r.Downsample(t.Context(), closed()); n == 0 || err != nil {
		t.Fatalf("%d segments were down-sampled (%v)", n, err)
	}
	check(1920, 5, 96, 8)
	r.sealScrapes(t, 1920, 10) // half a window
	r.sealScrapes(t, 1930, 10)
	if _, err := r.Compact(t.Context(), closed()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Downsample(t.Context(), closed()); err != nil {
		t.Fatal(err)
	}
	check(1940, len(r.byResolution()[0]), 97, 9)
	checkObjects(t, r, "down-sampled")

	// The segments are as old as they were written: now.
	r.SetRetention(retention.Policy{Metrics: retention.Bounds{Age: time.Hour}, Downsampled: retention.Ages{Five: 48 * time.Hour, Hour: 480 * time.Hour}})
	at := clock.Now()
	if err := r.Retain(t.Context(), at.Add(90*time.Minute)); err != nil {
		t.Fatal(err)
	}
	check(1940, 0, 97, 9)
	first := testTime.Truncate(time.Hour)
	if cut := r.catalog.Current().Cut(tenant, 0); cut != first.Add(9*time.Hour).UnixNano() {
		t.Errorf("the cut is at %v", time.Unix(0, cut).UTC())
	}
	if err := r.Retain(t.Context(), at.Add(49*time.Hour)); err != nil {
		t.Fatal(err)
	}
	check(1940, 0, 0, 9)
	r.stop()
	r = openRig(t, r.dirName, compacting(), nil)
	r.settle(t)
	if all := r.byResolution(); len(all) != 1 || r.catalog.Current().Cut(tenant, points.Five) != first.Add(9*time.Hour).UnixNano() {
		t.Errorf("after a restart: %v, the cut of 5 minutes at %d", all, r.catalog.Current().Cut(tenant, points.Five))
	}
}
