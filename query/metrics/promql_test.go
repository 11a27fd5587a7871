package metrics

import (
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
)

// Prometheus' own tests of PromQL, against real heads and segments.
func TestPromQL(t *testing.T) {
	e := promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{
		MaxSamples: 50_000_000, Timeout: 100 * time.Second, NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		EnableAtModifier: true, EnableNegativeOffset: true, EnableDelayedNameRemoval: true, UseStartTimestamps: true,
		Parser: parser.NewParser(promqltest.TestParserOpts),
	})
	for name, change := range map[string]func(t testing.TB, s *promStorage){
		"heads as they grow":      func(testing.TB, *promStorage) {},
		"heads by columns":        func(_ testing.TB, s *promStorage) { s.parts.columns = true },
		"segments are shared out": func(t testing.TB, s *promStorage) { s.Storage = shared(t, s.parts, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			promqltest.RunBuiltinTestsWithStorage(t, e, func(t testing.TB) storage.Storage {
				s := newPromStorage(t)
				change(t, s)
				return s
			})
		})
	}
}
