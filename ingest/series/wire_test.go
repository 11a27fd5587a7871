package series

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/telemetry"
)

// rowsText is all that a head's rows say, in their order.
func rowsText(t testing.TB, h *Head) []string {
	t.Helper()
	b, err := h.Rows(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	var out []string
	for _, rec := range []interface{ MarshalJSON() ([]byte, error) }{b.Sets, b.Rows} {
		text, err := rec.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

// bothWays appends messages to two heads, decoded and as they are, which must have the same rows.
func bothWays(t testing.TB, now time.Time, messages ...[]byte) (read *Head) {
	t.Helper()
	decoded, read := New("h", "t", 0), New("h", "t", 0)
	for i, message := range messages {
		m, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(message)
		if err == nil {
			err = decoded.Append(m, now)
		}
		if failed := read.AppendOTLP(message, now); (failed == nil) != (err == nil) {
			t.Fatalf("message %d: %v, decoded %v", i, failed, err)
		}
	}
	if decoded.Points() != read.Points() || decoded.Series() != read.Series() {
		t.Fatalf("%d points of %d series, want %d of %d", read.Points(), read.Series(), decoded.Points(), decoded.Series())
	}
	if d := cmp.Diff(rowsText(t, decoded), rowsText(t, read)); d != "" {
		t.Fatalf("%.3000s", d)
	}
	return read
}

func marshal(t testing.TB, m pmetric.Metrics) []byte {
	t.Helper()
	out, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAppendOTLP: messages as they are make the rows that they make decoded, when their series are new and when they are known.
func TestAppendOTLP(t *testing.T) {
	iterations := uint64(60)
	if testing.Short() {
		iterations = 20
	}
	plain := 0
	for seed := range iterations {
		r := newRandom(seed)
		var messages [][]byte
		for range 1 + r.IntN(4) {
			m := r.metrics(r.IntN(200))
			messages = append(messages, marshal(t, m), marshal(t, m))
		}
		h := bothWays(t, time.Unix(0, r.base+int64(time.Hour)), messages...)
		plain += len(h.wire.series)
	}
	if plain == 0 {
		t.Error("no series was read without decoding it")
	}
	rounds := [][]byte{marshal(t, scrape(0, false)), marshal(t, scrape(1, false)), marshal(t, scrape(2, true)), marshal(t, scrape(3, false))}
	h := bothWays(t, testNow, rounds...)
	if len(h.wire.series) != benchSeries {
		t.Errorf("%d series of gauges are known, want %d", len(h.wire.series), benchSeries)
	}
}

// TestAppendOTLPOdd: what protobuf allows and senders do not do.
func TestAppendOTLPOdd(t *testing.T) {
	point := func(fields ...[]byte) (out []byte) {
		for _, f := range fields {
			out = append(out, f...)
		}
		return out
	}
	key := func(k string) []byte {
		return appendField(nil, tagAttribute, appendField(appendField(nil, 1<<3|lengthed, []byte(k)), 2<<3|lengthed, appendField(nil, 1<<3|lengthed, []byte("v"))))
	}
	at := []byte{tagTime, 1, 2, 3, 4, 5, 6, 7, 0}
	one, two := []byte{tagInt, 1, 0, 0, 0, 0, 0, 0, 0}, []byte{tagDouble, 0, 0, 0, 0, 0, 0, 0, 0x40}
	gauge := func(p []byte) []byte { return nested(p, tagDataPoint, tagGauge) }
	message := func(metric ...[]byte) []byte {
		return nested(point(metric...), tagMetric, tagScopeMetrics, tagResourceMetrics)
	}
	name := appendField(nil, tagName, []byte("n"))
	for what, m := range map[string][]byte{
		"nothing":                      {},
		"no value":                     message(name, gauge(point(at))),
		"no time":                      message(name, gauge(one)),
		"two values":                   message(name, gauge(point(at, one, two))),
		"attributes apart":             message(name, gauge(point(key("a"), at, key("b"), one))),
		"the same attributes in order": message(name, gauge(point(at, key("a"), key("b"), one))),
		"and not in order":             message(name, gauge(point(at, key("b"), key("a"), one))),
		"an attribute twice":           message(name, gauge(point(at, key("b"), key("b"), one))),
		"name after data":              message(gauge(point(at, one)), name),
		"two names":                    message(name, gauge(point(at, one)), appendField(nil, tagName, []byte("m"))),
		"two gauges":                   message(name, gauge(point(at, one)), gauge(point(at, two))),
		"a sum of temporality last":    message(name, appendField(nil, tagSum, append(nested(point(at, one), tagDataPoint), tagMonotonic, 1, tagTemporality, 2))),
		"a temporality of a gauge":     message(name, appendField(nil, tagGauge, append(nested(point(at, one), tagDataPoint), tagTemporality, 2))),
		"an unknown field":             message(name, gauge(point(at, one, []byte{15<<3 | varint, 1}))),
		"no data":                      message(name),
		"two resources": nested(point(nested(key("a"), tagResource), nested(key("b"), tagResource),
			nested(point(name, gauge(point(at, one))), tagMetric, tagScopeMetrics)), tagResourceMetrics),
		"an unknown field of all": append(message(name, gauge(point(at, one))), 15<<3|varint, 1),
		"a good and a bad one":    append(message(name, gauge(point(at, one))), message(name, gauge(point(at[:4])))...),
		"a bad attribute":         message(name, gauge(point(at, one, appendField(nil, tagAttribute, []byte{0xff})))),
		"cut short":               message(name, gauge(point(at, one)))[:20],
		"of the future":           message(name, gauge(point([]byte{tagTime, 0, 0, 0, 0, 0, 0, 0, 0x7f}, one))),
		"beyond time":             message(name, gauge(point([]byte{tagTime, 0, 0, 0, 0, 0, 0, 0, 0xff}, one))),
	} {
		t.Run(what, func(t *testing.T) { bothWays(t, testNow, m, m, message(name, gauge(point(at, key("a"), two)))) })
	}
}

// TestWireForgets: what is remembered is bounded, and starting anew changes nothing.
func TestWireForgets(t *testing.T) {
	h := New("h", "t", 0)
	for round := range 3 {
		if err := h.AppendOTLP(marshal(t, scrape(round, false)), testNow); err != nil {
			t.Fatal(err)
		}
		h.wire = nil
	}
	if h.Series() != benchSeries || h.Points() != 3*benchSeries {
		t.Errorf("%d points of %d series", h.Points(), h.Series())
	}
}

func FuzzAppendOTLP(f *testing.F) {
	f.Add(marshal(f, scrape(0, false))[:3000])
	f.Add(marshal(f, newRandom(1).metrics(20)))
	f.Add(marshal(f, newRandom(2).metrics(5)))
	f.Fuzz(func(t *testing.T, message []byte) { bothWays(t, testNow, message, message) })
}

func BenchmarkAppendOTLP(b *testing.B) {
	var rounds [][]byte
	for i := range benchRounds {
		rounds = append(rounds, marshal(b, scrape(i, false)))
	}
	for _, read := range []bool{false, true} {
		b.Run(fmt.Sprintf("read=%v", read), func(b *testing.B) {
			b.ReportAllocs()
			points := 0
			for b.Loop() {
				h := New("bench", "t", 0)
				for _, message := range rounds {
					var err error
					if read {
						err = h.AppendOTLP(message, testNow)
					} else {
						var m pmetric.Metrics
						if m, err = (&telemetry.Batch{Signal: telemetry.Metrics, OTLP: message}).Metrics(); err == nil {
							err = h.Append(m, testNow)
						}
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				points += h.Points()
			}
			b.ReportMetric(float64(points)/b.Elapsed().Seconds(), "points/s")
		})
	}
}
