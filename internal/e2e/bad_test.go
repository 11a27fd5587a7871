package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"clew/internal/harness"
	"clew/query/api"
)

func post(t *testing.T, p *harness.Process, path, contentType string, body []byte) (int, string) {
	t.Helper()
	res, err := http.Post("http://"+p.OTLP+path, contentType, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// Bodies that cannot be read are one 400 that says where; the process goes on.
func TestUnreadable(t *testing.T) {
	p := start(t, tempData(t), "")
	deep := strings.Repeat(`{"arrayValue":{"values":[`, 50_000)
	for _, c := range []struct{ name, path, contentType, body, want string }{
		{"not JSON", "/v1/logs", "application/json", `{"resourceLogs":[{`, "resourceLogs"},
		{"wrong type", "/v1/logs", "application/json", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":{}}]}]}]}`, "timeUnixNano"},
		{"bad id", "/v1/traces", "application/json", `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}`, "traceId"},
		{"deep", "/v1/logs", "application/json", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + deep, ""},
		{"not protobuf", "/v1/traces", "application/x-protobuf", "\xff\xff\xff\xff", ""},
		{"deep protobuf", "/v1/logs", "application/x-protobuf", deepProtobuf(1_000_000), ""},
		{"cut protobuf", "/v1/logs", "application/x-protobuf", "\x0a\xff\x01\x0a", ""},
		{"text", "/v1/metrics", "application/json", "hello", ""},
	} {
		status, text := post(t, p, c.path, c.contentType, []byte(c.body))
		if status != http.StatusBadRequest || !strings.Contains(text, c.want) {
			t.Errorf("%s: status %d: %.300q; want 400 that names %q", c.name, status, text, c.want)
		}
	}
	if status, _ := post(t, p, "/v1/logs", "text/csv", []byte("a,b")); status != http.StatusUnsupportedMediaType {
		t.Errorf("text/csv: status %d, want 415", status)
	}
	if !p.Running() {
		t.Fatalf("clew ended:\n%s", p.Output())
	}
}

// deepProtobuf is a request with one log record whose body is arrays in arrays: a decoder that recurses would run out of stack, which
// no one can recover from.
func deepProtobuf(levels int) string {
	var lengths []int // of each wrapper's content, inside out
	size := 0
	for range 2 * levels {
		lengths = append(lengths, size)
		size += 1 + len(binary.AppendUvarint(nil, uint64(size)))
	}
	// The body (5) of a log record (2) of a scope (2) of a resource (1).
	var outer []int
	for range 4 {
		outer = append(outer, size)
		size += 1 + len(binary.AppendUvarint(nil, uint64(size)))
	}
	var b []byte
	for i, tag := range []byte{0x0a, 0x12, 0x12, 0x2a} {
		b = binary.AppendUvarint(append(b, tag), uint64(outer[3-i]))
	}
	for i := len(lengths) - 1; i >= 0; i-- {
		tag := byte(0x0a) // ArrayValue.values
		if i%2 == 1 {
			tag = 0x2a // AnyValue.array_value
		}
		b = binary.AppendUvarint(append(b, tag), uint64(lengths[i]))
	}
	return string(b)
}

// Of a readable request the good records are kept and the bad ones reported; odd ones are stored as what they are.
func TestOddRecords(t *testing.T) {
	p := start(t, tempData(t), "")
	now := time.Now()
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range 5 {
		s := spans.AppendEmpty()
		s.SetName("span")
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(now))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Second)))
		if i > 0 {
			s.SetTraceID(pcommon.TraceID{1, byte(i)})
		}
		if i > 1 {
			s.SetSpanID(pcommon.SpanID{1, byte(i)})
		}
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post("http://"+p.OTLP+"/v1/traces", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	partial := ptraceotlp.NewExportResponse()
	if err := partial.UnmarshalProto(answer); err != nil || res.StatusCode != 200 || partial.PartialSuccess().RejectedSpans() != 2 {
		t.Errorf("status %d, %d rejected (%q), want 200 and 2: %v", res.StatusCode, partial.PartialSuccess().RejectedSpans(), partial.PartialSuccess().ErrorMessage(), err)
	}

	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	longKey := strings.Repeat("key", 300)
	rl.Resource().Attributes().PutStr(longKey, "of the resource")
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().Attributes().PutStr(longKey, "of the scope")
	records := sl.LogRecords()
	add := func(body string) plog.LogRecord {
		r := records.AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(now))
		r.Body().SetStr(body)
		return r
	}
	many := add("odd manykeys")
	for i := range 10_000 {
		many.Attributes().PutStr(fmt.Sprintf("key.%d", i), fmt.Sprintf("value%d", i))
	}
	add("odd large "+strings.Repeat("0123456789 abcdef ", 60_000)).Attributes().PutStr("big", strings.Repeat("x", 1<<20/2))
	add("odd invalid \xff\xfe utf8")
	add("odd zerotime").SetTimestamp(0)
	future := now.Add(400 * 24 * time.Hour)
	add("odd future").SetTimestamp(pcommon.NewTimestampFromTime(future))
	add("odd past").SetTimestamp(1)
	body, err = plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	if status, text := post(t, p, "/v1/logs", "application/x-protobuf", body); status != 200 {
		t.Fatalf("status %d: %s", status, text)
	}
	check := func(stage string) {
		t.Helper()
		for query, want := range map[string]uint64{
			"odd": 6, "key.9999:value9999": 1, "key.7:value7": 1, "large": 1, "invalid_utf8:true": 1, "/odd invalid \uFFFD+ utf8/": 1, "zerotime": 1, "odd future": 1,
		} {
			if got := countLogs(t, p, query); got != want {
				t.Errorf("%s: %s: %d records, want %d", stage, query, got, want)
			}
		}
		var found api.Search
		get(t, p, "/api/v1/search", url.Values{"query": {"odd future"}, "start": {"now-1h"}, "end": {"now+1m"}}, &found)
		if len(found.Logs) != 1 || !strings.HasPrefix(found.Logs[0].StatedTime, future.UTC().Format("2006-01-02T15")) {
			t.Errorf("%s: the record of the far future: %+v", stage, found.Logs)
		}
		get(t, p, "/api/v1/search", url.Values{"query": {"manykeys"}}, &found)
		if len(found.Logs) != 1 || len(found.Logs[0].Attributes) != 10_000 || found.Logs[0].Attributes.Get("key.1234") != "value1234" {
			t.Errorf("%s: the record of 10,000 attributes has %d", stage, len(found.Logs[0].Attributes))
		}
		var by api.Count
		get(t, p, "/api/v1/count", url.Values{"by": {"key.9876"}}, &by)
		if len(by.Groups) != 1 || by.Groups[0].Value != "value9876" || by.Absent != 5 {
			t.Errorf("%s: count by one of 10,000 attributes: %+v", stage, by)
		}
		var fields api.Fields
		get(t, p, "/api/v1/fields", nil, &fields)
		if len(fields.Fields) < 10_000 {
			t.Errorf("%s: %d fields, want more than 10,000", stage, len(fields.Fields))
		}
		if r := found.Logs[0]; r.Resource.Attributes.Get(longKey) != "of the resource" || r.Scope == nil || r.Scope.Attributes.Get(longKey) != "of the scope" {
			t.Errorf("%s: attributes with long keys of resource and scope: %v, %v", stage, r.Resource, r.Scope)
		}
		var c api.Count
		get(t, p, "/api/v1/count", url.Values{"signal": {"spans"}}, &c)
		if c.Count != 3 {
			t.Errorf("%s: %d spans, want 3", stage, c.Count)
		}
	}
	eventually(t, 20*time.Second, "all records are searchable", func() bool { return countLogs(t, p, "") == 6 })
	check("in the head")
	if err := p.Post(t.Context(), "/api/v1/admin/seal", nil); err != nil {
		t.Fatal(err)
	}
	check("sealed")

	metrics, err := http.Get("http://" + p.HTTP + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	text, err := io.ReadAll(metrics.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "rejected") {
		t.Error("/metrics does not count what was rejected")
	}
}

// Bad questions are told where they are wrong.
func TestBadQueries(t *testing.T) {
	p := start(t, tempData(t), "")
	for _, c := range []struct{ path, want string }{
		{"/api/v1/count?query=" + url.QueryEscape(`service:a AND`), `"pos":`},
		{"/api/v1/count?query=" + url.QueryEscape(`/(/`), `"field":"query"`},
		{"/api/v1/search?limit=-1", `limit`},
		{"/api/v1/count?query=100%", `percent-encoded`},
		{"/api/v1/count?query=a;b", `percent-encoded`},
		{"/api/v1/search?strat=1", `did you mean \"start\"`},
		{"/api/v1/search?start=yesterdayish", `start`},
		{"/api/v1/search?cursor=zz", `cursor`},
		{"/api/v1/traces/nothex", `trace id`},
		{"/api/v1/histogram?step=0s", `step`},
		{"/api/v1/values", `field`},
	} {
		res, err := http.Get("http://" + p.HTTP + c.path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), c.want) {
			t.Errorf("%s: status %d: %s; want 400 that says %s (%v)", c.path, res.StatusCode, text, c.want, err)
		}
	}
}
