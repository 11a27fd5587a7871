package telemetry

import (
	"errors"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// deepen puts a value inside of so many arrays and maps in turn.
func deepen(v pcommon.Value, levels int) {
	for i := range levels {
		if i%2 == 0 {
			v = v.SetEmptySlice().AppendEmpty()
		} else {
			v = v.SetEmptyMap().PutEmpty("k")
		}
	}
	v.SetStr("bottom")
}

func TestCheckNesting(t *testing.T) {
	places := map[string]struct {
		signal Signal
		put    func(levels int) (protobuf, json []byte)
	}{}
	logs := func(place func(plog.ResourceLogs) pcommon.Value) func(int) ([]byte, []byte) {
		return func(levels int) ([]byte, []byte) {
			l := plog.NewLogs()
			rl := l.ResourceLogs().AppendEmpty()
			rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			deepen(place(rl), levels)
			p, _ := (&plog.ProtoMarshaler{}).MarshalLogs(l)
			j, _ := (&plog.JSONMarshaler{}).MarshalLogs(l)
			return p, j
		}
	}
	spans := func(place func(ptrace.Span) pcommon.Map) func(int) ([]byte, []byte) {
		return func(levels int) ([]byte, []byte) {
			tr := ptrace.NewTraces()
			deepen(place(tr.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()).PutEmpty("a"), levels)
			p, _ := (&ptrace.ProtoMarshaler{}).MarshalTraces(tr)
			j, _ := (&ptrace.JSONMarshaler{}).MarshalTraces(tr)
			return p, j
		}
	}
	metrics := func(place func(pmetric.Metric) pcommon.Map) func(int) ([]byte, []byte) {
		return func(levels int) ([]byte, []byte) {
			m := pmetric.NewMetrics()
			deepen(place(m.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()).PutEmpty("a"), levels)
			p, _ := (&pmetric.ProtoMarshaler{}).MarshalMetrics(m)
			j, _ := (&pmetric.JSONMarshaler{}).MarshalMetrics(m)
			return p, j
		}
	}
	type place = struct {
		signal Signal
		put    func(levels int) (protobuf, json []byte)
	}
	places["resource"] = place{Logs, logs(func(rl plog.ResourceLogs) pcommon.Value { return rl.Resource().Attributes().PutEmpty("a") })}
	places["scope"] = place{Logs, logs(func(rl plog.ResourceLogs) pcommon.Value {
		return rl.ScopeLogs().At(0).Scope().Attributes().PutEmpty("a")
	})}
	places["body"] = place{Logs, logs(func(rl plog.ResourceLogs) pcommon.Value { return rl.ScopeLogs().At(0).LogRecords().At(0).Body() })}
	places["log"] = place{Logs, logs(func(rl plog.ResourceLogs) pcommon.Value {
		return rl.ScopeLogs().At(0).LogRecords().At(0).Attributes().PutEmpty("a")
	})}
	places["span"] = place{Spans, spans(func(s ptrace.Span) pcommon.Map { return s.Attributes() })}
	places["event"] = place{Spans, spans(func(s ptrace.Span) pcommon.Map { return s.Events().AppendEmpty().Attributes() })}
	places["link"] = place{Spans, spans(func(s ptrace.Span) pcommon.Map { return s.Links().AppendEmpty().Attributes() })}
	places["metadata"] = place{Metrics, metrics(func(m pmetric.Metric) pcommon.Map { return m.Metadata() })}
	places["gauge"] = place{Metrics, metrics(func(m pmetric.Metric) pcommon.Map { return m.SetEmptyGauge().DataPoints().AppendEmpty().Attributes() })}
	places["sum's exemplar"] = place{Metrics, metrics(func(m pmetric.Metric) pcommon.Map {
		return m.SetEmptySum().DataPoints().AppendEmpty().Exemplars().AppendEmpty().FilteredAttributes()
	})}
	places["histogram"] = place{Metrics, metrics(func(m pmetric.Metric) pcommon.Map {
		return m.SetEmptyHistogram().DataPoints().AppendEmpty().Attributes()
	})}
	places["histogram's exemplar"] = place{Metrics, metrics(func(m pmetric.Metric) pcommon.Map {
		return m.SetEmptyHistogram().DataPoints().AppendEmpty().Exemplars().AppendEmpty().FilteredAttributes()
	})}
	places["exponential histogram"] = place{Metrics, metrics(func(m pmetric.Metric) pcommon.Map {
		return m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Attributes()
	})}
	places["exponential histogram's exemplar"] = place{Metrics, metrics(func(m pmetric.Metric) pcommon.Map {
		return m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Exemplars().AppendEmpty().FilteredAttributes()
	})}
	places["summary"] = place{Metrics, metrics(func(m pmetric.Metric) pcommon.Map { return m.SetEmptySummary().DataPoints().AppendEmpty().Attributes() })}

	for name, p := range places {
		t.Run(name, func(t *testing.T) {
			protobuf, json := p.put(ValueDepthMax - 1)
			if err := CheckNesting(p.signal, protobuf); err != nil {
				t.Errorf("protobuf, not too deep: %v", err)
			}
			if err := CheckNestingJSON(json); err != nil {
				t.Errorf("JSON, not too deep: %v", err)
			}
			protobuf, json = p.put(2 * ValueDepthMax)
			if err := CheckNesting(p.signal, protobuf); !errors.Is(err, ErrNesting) {
				t.Errorf("protobuf, too deep: %v", err)
			}
			if err := CheckNestingJSON(json); !errors.Is(err, ErrNesting) {
				t.Errorf("JSON, too deep: %v", err)
			}
		})
	}
	if err := CheckNestingJSON([]byte(`{"a":"` + strings.Repeat(`[\"{`, 5000) + `"}`)); err != nil {
		t.Errorf("brackets in a string: %v", err)
	}
}

// What pdata reads is not refused for its wire form.
func FuzzCheckNesting(f *testing.F) {
	for seed := range uint64(4) {
		data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(newRandom(seed).metrics())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := CheckNesting(Metrics, data); err == nil {
			_, _ = (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
		}
	})
}

func BenchmarkCheckNesting(b *testing.B) {
	data, err := (&plog.ProtoMarshaler{}).MarshalLogs(typicalLogs())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckNesting(Logs, data); err != nil {
			b.Fatal(err)
		}
	}
	perRecord(b)
}
