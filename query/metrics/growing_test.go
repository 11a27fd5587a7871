package metrics

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"go.opentelemetry.io/collector/pdata/pmetric"

	head "clew/ingest/series"
	"clew/internal/telemetry"
	"clew/query/metrics/pointstest"
)

// A head that grows gives what the same head gives by its columns, whatever comes and whenever it is asked.
func TestGrowingAsByColumns(t *testing.T) {
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		p := newParts(t)
		h := p.head()
		grows, columns := storageOf(p), storageOf(&byColumns{p})
		for round := range 120 {
			if err := h.Append(pointstest.Random(rnd, testStart, round), testStart.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(10) > 0 {
				continue
			}
			for _, m := range []*labels.Matcher{
				labels.MustNewMatcher(labels.MatchRegexp, "__name__", "..+"),
				labels.MustNewMatcher(labels.MatchEqual, "color", "1"),
			} {
				have, want := ends(ask(t, grows, m)), ends(ask(t, columns, m))
				if diff := cmp.Diff(want, have); diff != "" {
					t.Fatalf("seed %d round %d %s: -columns +growing\n%s", seed, round, m, diff)
				}
			}
			if have, want := exemplarsOf(t, grows), exemplarsOf(t, columns); !slices.Equal(have, want) {
				t.Fatalf("seed %d round %d: exemplars %v, want %v", seed, round, have, want)
			}
		}
	}
}

// ends leaves the first and the last point of each target_info: how many are between is not said.
func ends(lines []string) []string {
	for i, line := range lines {
		if strings.Contains(line, `"target_info"`) {
			series, times, _ := strings.Cut(line, "} ")
			all := strings.Fields(times)
			lines[i] = series + "} " + all[0] + " " + all[len(all)-1]
		}
	}
	return lines
}

func exemplarsOf(t *testing.T, s *Storage) (all []string) {
	t.Helper()
	q, err := s.ExemplarQuerier(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, err := q.Select(testStart.Add(-time.Hour).UnixMilli(), testStart.Add(time.Hour).UnixMilli(), []*labels.Matcher{
		labels.MustNewMatcher(labels.MatchRegexp, "__name__", "m.+"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range found {
		all = append(all, fmt.Sprint(r.SeriesLabels, r.Exemplars))
	}
	return all
}

// A querier sees one moment, whatever comes while it is used.
func TestGrowingMoment(t *testing.T) {
	p := newParts(t)
	h := p.head()
	one := func(seconds int) {
		if err := h.Append(fill(map[string]any{"service.name": "a"}, func(ms pmetric.MetricSlice) {
			for _, name := range []string{"x", "y"} {
				m := ms.AppendEmpty()
				m.SetName(name)
				dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
				dp.SetTimestamp(at(seconds))
				dp.SetDoubleValue(float64(seconds))
			}
		}), testStart); err != nil {
			t.Fatal(err)
		}
	}
	one(0)
	s := storageOf(p)
	q, err := s.Querier(testStart.UnixMilli(), testStart.Add(time.Hour).UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	want := []string{`{__name__="x", job="a", service_name="a"} 0:0`}
	if have := dump(t, q.Select(t.Context(), false, nil, named("x"))); !slices.Equal(have, want) {
		t.Fatal(have)
	}
	one(15)
	want = []string{`{__name__="y", job="a", service_name="a"} 0:0`}
	if have := dump(t, q.Select(t.Context(), false, nil, named("y"))); !slices.Equal(have, want) {
		t.Fatalf("%v, want %v", have, want)
	}
	if have := ask(t, s, named("y")); !slices.Equal(have, []string{`{__name__="y", job="a", service_name="a"} 0:0 15:15`}) {
		t.Fatal(have)
	}
}

// What comes in one request is seen together or not at all, by many readers while it comes.
func TestGrowingWhileAppending(t *testing.T) {
	const rounds = 300
	p := newParts(t)
	h := p.head()
	s := storageOf(p)
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		for i := range rounds {
			if err := h.Append(fill(map[string]any{"service.name": "a"}, func(ms pmetric.MetricSlice) {
				for k := range 2 + i/50 { // series come, too
					m := ms.AppendEmpty()
					m.SetName(fmt.Sprint("m", k))
					dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
					dp.SetTimestamp(at(i))
					dp.SetDoubleValue(float64(i))
				}
			}), testStart); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 2 {
		wg.Go(func() {
			for last := false; !last; {
				select {
				case <-done:
					last = true
				default:
				}
				q, err := s.Querier(testStart.UnixMilli(), testStart.Add(time.Hour).UnixMilli())
				if err != nil {
					t.Error(err)
					return
				}
				counts := map[string]int{}
				for _, name := range []string{"m0", "m1"} {
					for set := q.Select(t.Context(), false, nil, named(name)); set.Next(); {
						for it := set.At().Iterator(nil); it.Next() != chunkenc.ValNone; {
							counts[name]++
						}
					}
				}
				q.Close()
				if a, b := counts["m0"], counts["m1"]; a != b || last && a != rounds {
					t.Errorf("%d points of one series, %d of another", a, b)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkGrowing asks of 30,000 series of 200 hosts, after each of which has sent again.
func BenchmarkGrowing(b *testing.B) {
	for name, columns := range map[string]bool{"live": false, "columns": true} {
		b.Run(name, func(b *testing.B) { benchmarkGrowing(b, columns) })
	}
}

func benchmarkGrowing(b *testing.B, columns bool) {
	const hosts, metrics, perMetric = 200, 15, 10
	h := head.New("head", telemetry.DefaultTenant, 0)
	p := newParts(b)
	p.heads, p.columns = append(p.heads, h), columns
	round := 0
	scrape := func(host int) {
		m := fill(map[string]any{"service.name": "node", "service.instance.id": fmt.Sprint(host)}, func(ms pmetric.MetricSlice) {
			for k := range metrics {
				m := ms.AppendEmpty()
				m.SetName(fmt.Sprint("system.metric", k))
				m.SetEmptySum().SetIsMonotonic(true)
				m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
				for i := range perMetric {
					dp := m.Sum().DataPoints().AppendEmpty()
					dp.SetTimestamp(at(15*round + host/20))
					dp.SetDoubleValue(float64(round * i))
					dp.Attributes().PutStr("device", fmt.Sprint(i))
				}
			}
		})
		if err := h.Append(m, testStart.Add(24*time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
	for ; round < 60; round++ {
		for host := range hosts {
			scrape(host)
		}
	}
	s := storageOf(p)
	e := promqltest.NewTestEngineWithOpts(b, promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	for _, query := range []string{`sum(rate(system_metric3_total[5m]))`, `count({__name__=~"system_.+"})`} {
		b.Run(query, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				scrape(i % hosts)
				q, err := e.NewInstantQuery(b.Context(), s, nil, query, testStart.Add(time.Duration(15*round)*time.Second))
				if err != nil {
					b.Fatal(err)
				}
				if r := q.Exec(b.Context()); r.Err != nil {
					b.Fatal(r.Err)
				}
				q.Close()
			}
		})
	}
}
