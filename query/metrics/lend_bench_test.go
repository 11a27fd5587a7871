package metrics

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// BenchmarkLent asks PromQL about 1,000 series in twelve segments of ten minutes each, and about ten of them, over processes on loopback: 1 is this one alone. CPU is that of all
// processes together, as they are one here.
func BenchmarkLent(b *testing.B) {
	p := newParts(b)
	for s := range 12 {
		h := p.head()
		for minute := range 40 {
			m := pmetric.NewMetrics()
			for i := range 1000 {
				ls := labels.FromStrings("__name__", "requests", "job", "shop", "instance", fmt.Sprint("i", i%100), "route", fmt.Sprint("r", i/100))
				appendPoint(m, ls, 0, testStart.Add(time.Duration(s)*10*time.Minute+time.Duration(minute)*15*time.Second).UnixMilli(), float64(minute*i), nil)
			}
			if err := h.Append(m, receivedAt); err != nil {
				b.Fatal(err)
			}
		}
		p.seal(h)
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute})
	for _, query := range []string{`sum by (route) (rate(requests[5m]))`, `sum(rate(requests{instance="i7"}[5m]))`} {
		for n := 1; n <= 3; n++ {
			s := shared(b, p, n)
			b.Run(fmt.Sprintf("%s/%d", query, n), func(b *testing.B) {
				before := cpu(b)
				for b.Loop() {
					q, err := engine.NewRangeQuery(b.Context(), s, nil, query, testStart, testStart.Add(2*time.Hour), time.Minute)
					if err != nil {
						b.Fatal(err)
					}
					if m, err := q.Exec(b.Context()).Matrix(); err != nil || len(m) == 0 {
						b.Fatalf("%d series: %v", len(m), err)
					}
					q.Close()
				}
				b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
			})
		}
	}
}

// cpu is how much the process has worked.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
