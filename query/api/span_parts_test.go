package api

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/engine"
)

// partsSpan is a span with events and links that a JSON reader with doubles for numbers would not read exactly.
func partsSpan() *telemetry.Batch {
	s := ptrace.NewSpan()
	s.SetTraceID(pcommon.TraceID(traceNumber(1)))
	s.SetSpanID(pcommon.SpanID{7: 1})
	s.SetName("pack")
	start := pcommon.NewTimestampFromTime(fixtureStart)
	s.SetStartTimestamp(start)
	s.SetEndTimestamp(start + 1000)
	s.Attributes().PutEmptySlice("sizes").AppendEmpty().SetInt(math.MaxInt64)

	e := s.Events().AppendEmpty()
	e.SetName("packed")
	e.SetTimestamp(start + 1)
	e.Attributes().PutInt("order", 1<<53+1)
	e.Attributes().PutInt("small", 1<<53)
	e.Attributes().PutDouble("weight", 1e300)
	e.Attributes().PutStr("text", `9007199254740993 " 9007199254740993`)
	e.Attributes().PutEmptyMap("nested").PutInt("n", math.MinInt64)
	e.SetDroppedAttributesCount(2)
	s.Events().AppendEmpty().SetName("at no time")
	late := s.Events().AppendEmpty()
	late.SetName("in a far future")
	late.SetTimestamp(math.MaxUint64)

	l := s.Links().AppendEmpty()
	l.SetTraceID(pcommon.TraceID(traceNumber(2)))
	l.SetSpanID(pcommon.SpanID{7: 2})
	l.TraceState().FromRaw("a=b")
	l.SetFlags(1)
	l.Attributes().PutStr("messaging.message.id", "m1")
	s.Links().AppendEmpty()

	b := telemetry.NewBuilder(telemetry.Spans, "default")
	b.UseSet(pcommon.NewResource(), "", pcommon.NewInstrumentationScope(), "")
	b.AppendSpan(s, fixtureStart)
	return b.Build()
}

// TestSpanParts holds that events and links speak as all records do, with times and integers that no reader rounds.
func TestSpanParts(t *testing.T) {
	type object = map[string]any
	want := object{
		"attributes": object{"sizes": []any{"9223372036854775807"}},
		"events": []any{
			object{
				"time": "2026-11-21T12:00:00.000000001Z", "timeUnixNano": "1795262400000000001", "name": "packed",
				"attributes": object{
					"order": "9007199254740993", "small": 9007199254740992.0, "weight": 1e300,
					"text": `9007199254740993 " 9007199254740993`, "nested": object{"n": "-9223372036854775808"},
				},
				"droppedAttributesCount": 2.0,
			},
			object{"name": "at no time"},
			object{"time": "2554-07-21T23:34:33.709551615Z", "timeUnixNano": "18446744073709551615", "name": "in a far future"},
		},
		"links": []any{
			object{
				"traceId": traceNumber(2).String(), "spanId": "0000000000000002", "traceState": "a=b", "flags": 1.0,
				"attributes": object{"messaging.message.id": "m1"},
			},
			object{"traceId": "", "spanId": ""},
		},
	}
	part := head(t, "spans", partsSpan())
	for name, part := range map[string]index.Part{"head": part, "segment": sealed(t, part)} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, &partsSource{parts: map[telemetry.Signal][]index.Part{telemetry.Spans: {part}}}, engine.Limits{})
			var d struct{ Span object }
			get(t, s, "/api/v1/traces/"+traceNumber(1).String()+"/spans/1", &d)
			have := object{"attributes": d.Span["attributes"], "events": d.Span["events"], "links": d.Span["links"]}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestSpanPartsDamaged holds that text which cannot be read gives no parts, and breaks nothing.
func TestSpanPartsDamaged(t *testing.T) {
	for _, text := range []string{"", "[", "{}", `[{"time":-1}]`, `[{"time":"x"}]`, `[1]`, `[{"attributes":[]}]`} {
		if e, l := spanEvents(text), spanLinks(text); len(e) != 0 || text != `[{"time":-1}]` && text != `[{"time":"x"}]` && len(l) != 0 {
			t.Errorf("%s: %+v, %+v", text, e, l)
		}
	}
}
