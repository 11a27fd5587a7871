package otlpreceiver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"clew/collector/refusal"
	"clew/internal/telemetry"
)

// request is what pdata's requests of all signals have.
type request interface {
	decoder
	encoder
}

// signals are the three kinds of request, empty.
var signals = []struct {
	signal  telemetry.Signal
	message *message
	empty   func() request
	check   func(c *checker, r request)
}{
	{
		telemetry.Logs, logsRequest, func() request { return plogotlp.NewExportRequest() },
		func(c *checker, r request) { c.logs(r.(plogotlp.ExportRequest).Logs()) },
	},
	{
		telemetry.Spans, tracesRequest, func() request { return ptraceotlp.NewExportRequest() },
		func(c *checker, r request) { c.spans(r.(ptraceotlp.ExportRequest).Traces()) },
	},
	{
		telemetry.Metrics, metricsRequest, func() request { return pmetricotlp.NewExportRequest() },
		func(c *checker, r request) { c.metrics(r.(pmetricotlp.ExportRequest).Metrics()) },
	},
}

func fillAttributes(m pcommon.Map) {
	m.PutStr("http.route", "/cart/{id}")
	m.PutInt("http.response.status_code", 200)
	m.PutDouble("ratio", 0.5)
	m.PutBool("cached", true)
	m.PutEmptyBytes("raw").FromRaw([]byte{0, 1, 2})
	m.PutEmpty("nothing")
	m.PutEmptySlice("list").AppendEmpty().SetStr("a")
	m.PutEmptyMap("map").PutEmptyMap("of map").PutInt("x", -1)
}

func sampleLogs() plogotlp.ExportRequest {
	r := plogotlp.NewExportRequest()
	rl := r.Logs().ResourceLogs().AppendEmpty()
	fillAttributes(rl.Resource().Attributes())
	rl.SetSchemaUrl("https://opentelemetry.io/schemas/1.30.0")
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName("test")
	for i := range 3 {
		lr := sl.LogRecords().AppendEmpty()
		lr.SetTimestamp(1)
		lr.SetObservedTimestamp(2)
		lr.SetSeverityNumber(9)
		lr.SetSeverityText("INFO")
		lr.Body().SetStr(fmt.Sprintf("line %d", i))
		lr.SetTraceID(pcommon.TraceID{1})
		lr.SetSpanID(pcommon.SpanID{2})
		lr.SetFlags(1)
		lr.SetEventName("e")
		lr.SetDroppedAttributesCount(3)
		fillAttributes(lr.Attributes())
	}
	return r
}

func sampleTraces() ptraceotlp.ExportRequest {
	r := ptraceotlp.NewExportRequest()
	rs := r.Traces().ResourceSpans().AppendEmpty()
	fillAttributes(rs.Resource().Attributes())
	ss := rs.ScopeSpans().AppendEmpty()
	fillAttributes(ss.Scope().Attributes())
	for i := range 3 {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(pcommon.TraceID{1})
		s.SetSpanID(pcommon.SpanID{byte(i + 1)})
		s.SetParentSpanID(pcommon.SpanID{9})
		s.TraceState().FromRaw("a=b")
		s.SetName("GET")
		s.SetKind(2)
		s.SetStartTimestamp(5)
		s.SetEndTimestamp(6)
		s.SetFlags(1)
		s.Status().SetCode(2)
		s.Status().SetMessage("no")
		e := s.Events().AppendEmpty()
		e.SetName("exception")
		e.SetTimestamp(5)
		fillAttributes(e.Attributes())
		l := s.Links().AppendEmpty()
		l.SetTraceID(pcommon.TraceID{7})
		l.SetSpanID(pcommon.SpanID{7})
		l.SetFlags(2)
		fillAttributes(l.Attributes())
		fillAttributes(s.Attributes())
	}
	return r
}

func sampleMetrics() pmetricotlp.ExportRequest {
	r := pmetricotlp.NewExportRequest()
	rm := r.Metrics().ResourceMetrics().AppendEmpty()
	fillAttributes(rm.Resource().Attributes())
	metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
	add := func(name string) pmetric.Metric {
		m := metrics.AppendEmpty()
		m.SetName(name)
		m.SetUnit("s")
		m.SetDescription("about " + name)
		fillAttributes(m.Metadata())
		return m
	}
	exemplar := func(e pmetric.Exemplar) {
		e.SetTimestamp(3)
		e.SetIntValue(4)
		e.SetTraceID(pcommon.TraceID{1})
		e.SetSpanID(pcommon.SpanID{1})
		fillAttributes(e.FilteredAttributes())
	}
	g := add("gauge").SetEmptyGauge().DataPoints().AppendEmpty()
	g.SetDoubleValue(1.5)
	fillAttributes(g.Attributes())
	exemplar(g.Exemplars().AppendEmpty())
	sum := add("sum").SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	sum.DataPoints().AppendEmpty().SetIntValue(7)
	h := add("histogram").SetEmptyHistogram().DataPoints().AppendEmpty()
	h.ExplicitBounds().FromRaw([]float64{1, 2})
	h.BucketCounts().FromRaw([]uint64{1, 2, 3})
	h.SetCount(6)
	h.SetMin(0)
	h.SetMax(3)
	h.SetSum(4)
	exemplar(h.Exemplars().AppendEmpty())
	x := add("exponential").SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
	x.SetScale(-1)
	x.Positive().SetOffset(-2)
	x.Positive().BucketCounts().FromRaw([]uint64{1, 300})
	x.Negative().BucketCounts().FromRaw([]uint64{0})
	x.SetZeroThreshold(0.1)
	s := add("summary").SetEmptySummary().DataPoints().AppendEmpty()
	q := s.QuantileValues().AppendEmpty()
	q.SetQuantile(0.5)
	q.SetValue(2)
	return r
}

func samples() []request { return []request{sampleLogs(), sampleTraces(), sampleMetrics()} }

func newTicket() *ticket { return (&admission{max: 256 << 20}).ticket() }

// TestSchema sends every field that pdata can write through the schema: if it has a field or type wrong, it refuses here.
func TestSchema(t *testing.T) {
	for i, full := range samples() {
		s := signals[i]
		body, err := full.MarshalProto()
		if err != nil {
			t.Fatal(err)
		}
		got, err := surveyProto(body, s.message)
		if err != nil {
			t.Errorf("%s: %v", s.signal, err)
		}
		want := 3
		if s.signal == telemetry.Metrics {
			want = 5
		}
		if got.records != want {
			t.Errorf("%s: %d records, want %d", s.signal, got.records, want)
		}
		json, err := full.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := explainJSON(json, s.message); err != nil {
			t.Errorf("%s: %v in %s", s.signal, err, json)
		}
		for _, f := range []format{formatProto, formatJSON} {
			into, in := s.empty(), body
			if f == formatJSON {
				in = json
			}
			if err := decode(in, f, s.message, into, newTicket()); err != nil {
				t.Errorf("%s, format %d: %v", s.signal, f, err)
				continue
			}
			if again, _ := into.MarshalProto(); string(again) != string(body) {
				t.Errorf("%s, format %d: decoded to something else", s.signal, f)
			}
		}
	}
}

// TestDeprecatedScopes: the field numbers of old senders are checked like the new ones.
func TestDeprecatedScopes(t *testing.T) {
	record := []byte{1<<3 | 2, 0} // a time of the wrong wire type
	scopeLogs := append([]byte{2<<3 | 2, byte(len(record))}, record...)
	perResource := append([]byte{0xc2, 0x3e, byte(len(scopeLogs))}, scopeLogs...) // field 1000
	body := append([]byte{1<<3 | 2, byte(len(perResource))}, perResource...)
	_, err := surveyProto(body, logsRequest)
	if err == nil || !strings.Contains(err.Error(), "resource_logs[0].scope_logs[0].log_records[0].time_unix_nano") {
		t.Errorf("error %v", err)
	}
}

// TestAmplification: a small body that decodes to very much is refused before it is decoded.
func TestAmplification(t *testing.T) {
	records := strings.Repeat("\x12\x00", 1<<20) // a million empty log records in 2 MiB
	message := func(content string) string {
		length := []byte{}
		n := len(content)
		for ; n >= 0x80; n >>= 7 {
			length = append(length, byte(n)|0x80)
		}
		return string(append(length, byte(n))) + content
	}
	body := []byte("\x0a" + message("\x12"+message(records)))
	a := &admission{max: 64 << 20}
	err := decode(body, formatProto, logsRequest, plogotlp.NewExportRequest(), a.ticket())
	if refused := refusal.Of(err); err == nil || refused.Kind != refusal.TooLarge {
		t.Errorf("error %v, want too large", err)
	}
	if a.inUse.Load() != 0 {
		t.Errorf("%d bytes in use after the refusal", a.inUse.Load())
	}
	json := []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.Repeat("{},", 1<<20) + `{}]}]}]}`)
	if refused := refusal.Of(decode(json, formatJSON, logsRequest, plogotlp.NewExportRequest(), a.ticket())); refused.Kind != refusal.TooLarge {
		t.Errorf("JSON: %v, want too large", refused)
	}
}

// fuzz feeds bodies to the whole reading path: nothing may panic, and what is accepted must survive a round trip.
func fuzz(f *testing.F, form format) {
	for i, r := range samples() {
		marshal := r.MarshalProto
		if form == formatJSON {
			marshal = r.MarshalJSON
		}
		body, err := marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), body)
		f.Add(byte(i), body[:len(body)/2])
	}
	f.Fuzz(func(t *testing.T, which byte, body []byte) {
		s := signals[int(which)%len(signals)]
		r := s.empty()
		tk := newTicket()
		defer tk.release()
		if err := decode(body, form, s.message, r, tk); err != nil {
			if refused := refusal.Of(err); refused.Kind != refusal.Invalid && refused.Kind != refusal.TooLarge {
				t.Fatalf("refusal of kind %d: %v", refused.Kind, err)
			}
			if strings.Contains(err.Error(), "decoder:") {
				t.Fatalf("the decoder panicked: %v", err)
			}
			return
		}
		c := checker{now: time.Now(), recordBytesMax: 100}
		s.check(&c, r)
		if c.rejected.total() > c.records {
			t.Fatalf("rejected %d of %d", c.rejected.total(), c.records)
		}
		out, err := r.MarshalProto()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := surveyProto(out, s.message); err != nil {
			t.Fatalf("what was accepted is refused when sent on: %v", err)
		}
	})
}

func FuzzDecodeProto(f *testing.F) { fuzz(f, formatProto) }
func FuzzDecodeJSON(f *testing.F)  { fuzz(f, formatJSON) }
