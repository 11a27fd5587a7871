package tailsample

import (
	"testing"
	"time"

	"clew/ingest/shardlog"
)

// BenchmarkTake is what a span costs beside what it costs without tail sampling, but for the second decoding of its message.
func BenchmarkTake(b *testing.B) {
	m, err := NewMetrics(nil)
	if err != nil {
		b.Fatal(err)
	}
	cfg := testConfig(errorsPolicy,
		Policy{Name: "slow", Type: "latency", Latency: &Latency{ThresholdMs: 1000}},
		Policy{Name: "route", Type: "string_attribute", StringAttribute: &StringAttribute{Key: "http.route", Values: []string{"^/api/7"}, EnabledRegexMatching: true}},
		Policy{Name: "some", Type: "probabilistic", Probabilistic: &Probabilistic{SamplingPercentage: 10}})
	s, err := New(cfg, 0, m)
	if err != nil {
		b.Fatal(err)
	}
	const spansOf, traces = 1000, 100
	var spans []span
	for i := range spansOf {
		spans = append(spans, span{trace: uint64(i%traces) + 1, duration: time.Millisecond, attrs: map[string]any{"http.route": "/api/" + string(rune('0'+i%10)), "code": 200}})
	}
	batch := batchOf(b, spans...)
	defer batch.Release()
	b.ReportAllocs()
	position := uint64(0)
	for b.Loop() {
		position++
		s.At(position, logTime.Add(time.Duration(position)*time.Second))
		if err := s.Take(&shardlog.Entry{Position: position}, batch, nil, false); err != nil {
			b.Fatal(err)
		}
		for h := s.Next(); h != nil; h = s.Next() {
			h.Keep()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/spansOf, "ns/span")
}
