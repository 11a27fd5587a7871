package telemetry

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// The canonical forms below are written with no help of the package's own text form, so that an error there cannot hide itself.

func canonicalValue(v pcommon.Value) string {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return "str:" + fmt.Sprintf("%q", strings.ToValidUTF8(v.Str(), "\uFFFD"))
	case pcommon.ValueTypeInt:
		return fmt.Sprint("int:", v.Int())
	case pcommon.ValueTypeDouble:
		return fmt.Sprintf("double:%016x", math.Float64bits(v.Double()))
	case pcommon.ValueTypeBool:
		return fmt.Sprint("bool:", v.Bool())
	case pcommon.ValueTypeBytes:
		return fmt.Sprintf("bytes:%x", v.Bytes().AsRaw())
	case pcommon.ValueTypeMap:
		// Inside of a map, order is kept.
		var parts []string
		for k, e := range v.Map().All() {
			parts = append(parts, fmt.Sprintf("%q=%s", strings.ToValidUTF8(k, "\uFFFD"), canonicalValue(e)))
		}
		return "map{" + strings.Join(parts, ",") + "}"
	case pcommon.ValueTypeSlice:
		var parts []string
		for i := range v.Slice().Len() {
			parts = append(parts, canonicalValue(v.Slice().At(i)))
		}
		return "slice[" + strings.Join(parts, ",") + "]"
	}
	return "empty"
}

// canonicalMap sorts entries by key, keeping the order of those of one key.
func canonicalMap(m pcommon.Map) string {
	type kv struct{ k, v string }
	var entries []kv
	for k, v := range m.All() {
		entries = append(entries, kv{strings.ToValidUTF8(k, "\uFFFD"), canonicalValue(v)})
	}
	sort.SliceStable(entries, func(i, j int) bool { return entries[i].k < entries[j].k })
	return fmt.Sprintf("%q", entries)
}

// canonicalTop is canonicalMap for a record's own attributes: of one key, values of one type keep their order, but a value that is exact comes
// before one that has a column.
func canonicalTop(m pcommon.Map) string {
	var entries []string
	for k, v := range m.All() {
		entries = append(entries, fmt.Sprintf("%q=%s", strings.ToValidUTF8(k, "\uFFFD"), canonicalValue(v)))
	}
	sort.Strings(entries)
	return strings.Join(entries, "\n")
}

func canonicalSet(res pcommon.Resource, resURL string, scope pcommon.InstrumentationScope, scopeURL string) string {
	return strings.ToValidUTF8(fmt.Sprintf("%s|%d|%s|%s|%s|%s|%d|%s", canonicalTop(res.Attributes()), res.DroppedAttributesCount(), resURL,
		scope.Name(), scope.Version(), canonicalTop(scope.Attributes()), scope.DroppedAttributesCount(), scopeURL), "\uFFFD")
}

func canonicalLogs(logs plog.Logs) []string {
	var out []string
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			set := canonicalSet(rl.Resource(), rl.SchemaUrl(), sl.Scope(), sl.SchemaUrl())
			for _, r := range sl.LogRecords().All() {
				out = append(out, strings.ToValidUTF8(fmt.Sprintf("%s|%d|%d|%d|%s|%s|%s|%s|%s|%d|%d|%s", set, r.Timestamp(), r.ObservedTimestamp(),
					r.SeverityNumber(), r.SeverityText(), r.EventName(), r.TraceID(), r.SpanID(), canonicalValue(r.Body()), r.Flags(),
					r.DroppedAttributesCount(), canonicalTop(r.Attributes())), "\uFFFD"))
			}
		}
	}
	slices.Sort(out)
	return out
}

func canonicalTraces(traces ptrace.Traces) []string {
	var out []string
	for _, rs := range traces.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			set := canonicalSet(rs.Resource(), rs.SchemaUrl(), ss.Scope(), ss.SchemaUrl())
			for _, s := range ss.Spans().All() {
				var b strings.Builder
				fmt.Fprintf(&b, "%s|%s|%s|%s|%q|%d|%q|%d|%d|%d|%d|%q|%d|%d|%d|%s", set, s.TraceID(), s.SpanID(), s.ParentSpanID(),
					s.TraceState().AsRaw(), s.Flags(), s.Name(), s.Kind(), s.StartTimestamp(), s.EndTimestamp(), s.Status().Code(),
					s.Status().Message(), s.DroppedAttributesCount(), s.DroppedEventsCount(), s.DroppedLinksCount(), canonicalTop(s.Attributes()))
				for _, e := range s.Events().All() {
					fmt.Fprintf(&b, "\nevent %d %q %s %d", e.Timestamp(), e.Name(), canonicalMap(e.Attributes()), e.DroppedAttributesCount())
				}
				for _, l := range s.Links().All() {
					fmt.Fprintf(&b, "\nlink %s %s %q %d %s %d", l.TraceID(), l.SpanID(), l.TraceState().AsRaw(), l.Flags(),
						canonicalMap(l.Attributes()), l.DroppedAttributesCount())
				}
				out = append(out, b.String())
			}
		}
	}
	slices.Sort(out)
	return out
}

func appendLogs(b *Builder, logs plog.Logs, now time.Time) {
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			b.UseSet(rl.Resource(), rl.SchemaUrl(), sl.Scope(), sl.SchemaUrl())
			for _, r := range sl.LogRecords().All() {
				b.AppendLog(r, now)
			}
		}
	}
}

func appendTraces(b *Builder, traces ptrace.Traces, now time.Time) {
	for _, rs := range traces.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			b.UseSet(rs.Resource(), rs.SchemaUrl(), ss.Scope(), ss.SchemaUrl())
			for _, s := range ss.Spans().All() {
				b.AppendSpan(s, now)
			}
		}
	}
}

// reencode sends a batch over the wire.
func reencode(t testing.TB, b *Batch) *Batch {
	t.Helper()
	data, err := Encode([]byte("before"), b)
	if err != nil {
		t.Fatal(err)
	}
	b.Release()
	got, err := Decode(data[len("before"):])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func iterations() uint64 {
	if testing.Short() {
		return 100
	}
	return 1500
}

func TestLogsRoundTrip(t *testing.T) {
	b := NewBuilder(Logs, DefaultTenant)
	for seed := range iterations() {
		r := newRandom(seed)
		logs := r.logs()
		appendLogs(b, logs, time.Unix(0, testNow))
		batch := reencode(t, b.Build())
		got, err := batch.Logs()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if d := cmp.Diff(canonicalLogs(logs), canonicalLogs(got)); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
		if batch.Records != logs.LogRecordCount() {
			t.Fatalf("seed %d: %d records, want %d", seed, batch.Records, logs.LogRecordCount())
		}
		batch.Release()
	}
}

func TestTracesRoundTrip(t *testing.T) {
	b := NewBuilder(Spans, DefaultTenant)
	for seed := range iterations() {
		r := newRandom(seed)
		traces := r.traces()
		appendTraces(b, traces, time.Unix(0, testNow))
		batch := reencode(t, b.Build())
		got, err := batch.Traces()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if d := cmp.Diff(canonicalTraces(traces), canonicalTraces(got)); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
		batch.Release()
	}
}

func TestMetricsRoundTrip(t *testing.T) {
	marshal := func(m pmetric.Metrics) string {
		data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for seed := range iterations() {
		m := newRandom(seed).metrics()
		b, err := NewMetricsBatch("t", m)
		if err != nil {
			t.Fatal(err)
		}
		if b.Records != m.DataPointCount() {
			t.Fatalf("seed %d: %d records, want %d", seed, b.Records, m.DataPointCount())
		}
		got, err := reencode(t, b).Metrics()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if marshal(m) != marshal(got) {
			t.Fatalf("seed %d: metrics differ", seed)
		}
	}
}

// Invalid UTF-8 comes back as U+FFFD and flags exactly the records that had some.
func TestInvalidUTF8(t *testing.T) {
	b := NewBuilder(Logs, DefaultTenant)
	flagged := 0
	for seed := range iterations() / 2 {
		r := newRandom(seed)
		r.invalid = true
		logs := r.logs()
		appendLogs(b, logs, time.Unix(0, testNow))
		batch := reencode(t, b.Build())
		got, err := batch.Logs()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if d := cmp.Diff(canonicalLogs(logs), canonicalLogs(got)); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
		tab, err := newTable(batch.Rows, 1)
		if err != nil {
			t.Fatal(err)
		}
		row := 0
		for _, rl := range logs.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, l := range sl.LogRecords().All() {
					alone := plog.NewLogs()
					rl2 := alone.ResourceLogs().AppendEmpty()
					rl.Resource().CopyTo(rl2.Resource())
					rl2.SetSchemaUrl(rl.SchemaUrl())
					sl2 := rl2.ScopeLogs().AppendEmpty()
					sl.Scope().CopyTo(sl2.Scope())
					sl2.SetSchemaUrl(sl.SchemaUrl())
					l.CopyTo(sl2.LogRecords().AppendEmpty())
					data, err := (&plog.ProtoMarshaler{}).MarshalLogs(alone)
					if err != nil {
						t.Fatal(err)
					}
					_, have := tab.cells(FieldInvalidUTF8, TypeBool, row)
					if want := strings.Contains(string(data), "\xff\xfeok\xc3"); have != want {
						t.Fatalf("seed %d row %d: flagged %v, want %v", seed, row, have, want)
					}
					if have {
						flagged++
					}
					row++
				}
			}
		}
		batch.Release()
	}
	if flagged == 0 {
		t.Fatal("no record was flagged")
	}
}
