package collector

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"clew/internal/telemetry"
)

const (
	protobuf = "application/x-protobuf"
	jsonType = "application/json"
)

// logsOf makes a request of n log records.
func logsOf(n int) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "cart")
	sl := rl.ScopeLogs().AppendEmpty()
	for i := range n {
		lr := sl.LogRecords().AppendEmpty()
		lr.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		lr.Body().SetStr(fmt.Sprintf("item %d added", i))
		lr.SetTraceID(pcommon.TraceID{1, byte(i), byte(i >> 8)})
	}
	return ld
}

// spansOf makes a request of n spans, each of a trace of its own.
func spansOf(n int) ptrace.Traces {
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range n {
		s := spans.AppendEmpty()
		s.SetName("GET /cart")
		s.SetTraceID(pcommon.TraceID{2, byte(i), byte(i >> 8)})
		s.SetSpanID(pcommon.SpanID{3, byte(i), byte(i >> 8)})
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		s.SetEndTimestamp(s.StartTimestamp() + 1000)
	}
	return td
}

func protoLogs(t testing.TB, ld plog.Logs) []byte {
	t.Helper()
	b, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// errorMessage reads google.rpc.Status in either format.
func errorMessage(t *testing.T, contentType string, body []byte) (codes.Code, string) {
	t.Helper()
	if contentType == jsonType {
		var s struct {
			Code    codes.Code
			Message string
		}
		var raw struct {
			Code    int
			Message string
		}
		if err := json.Unmarshal(body, &raw); err != nil {
			t.Fatalf("answer %q: %v", body, err)
		}
		s.Code, s.Message = codes.Code(raw.Code), raw.Message
		return s.Code, s.Message
	}
	var s spb.Status
	if err := proto.Unmarshal(body, &s); err != nil {
		t.Fatalf("answer %q: %v", body, err)
	}
	return codes.Code(s.Code), s.Message
}

// field appends a protobuf field of wire type 2.
func field(number int, content []byte) []byte {
	out := []byte{byte(number<<3 | 2)}
	for n := len(content); ; n >>= 7 {
		if n < 0x80 {
			out = append(out, byte(n))
			break
		}
		out = append(out, byte(n)|0x80)
	}
	return append(out, content...)
}

func nestedArrays(depth int) []byte {
	value := field(1, []byte("deep"))
	for range depth {
		value = field(5, field(1, value))
	}
	return value
}

// inLogRecord puts a log record's fields into a request.
func inLogRecord(record []byte) []byte { return field(1, field(2, field(2, record))) }

func TestUnreadableBodies(t *testing.T) {
	r := start(t, newMemLog(1))
	good := protoLogs(t, logsOf(3))
	tests := []struct {
		name, contentType string
		body              []byte
		want              []string
	}{
		{"truncated", protobuf, good[:len(good)-5], []string{"resource_logs[0]", "length", "bytes are left", "at byte 0"}},
		{"wrong wire type", protobuf, inLogRecord([]byte{1<<3 | 2, 1, 'x'}), []string{"resource_logs[0].scope_logs[0].log_records[0].time_unix_nano", "wire type 2, want 1", "at byte 6"}},
		{"short trace id", protobuf, inLogRecord(field(9, []byte("short"))), []string{"log_records[0].trace_id", "trace id of 5 bytes, want 16"}},
		{"index of the record", protobuf, field(1, field(2, append(field(2, nil), field(2, field(10, []byte("x")))...))), []string{"log_records[1].span_id", "span id of 1 bytes, want 8"}},
		{"group", protobuf, inLogRecord([]byte{14<<3 | 3, 14<<3 | 4}), []string{"unknown field of LogRecord", "group"}},
		{"field number 0", protobuf, []byte{0, 0}, []string{"field number 0", "at byte 0"}},
		{"not protobuf", protobuf, []byte("hello, world"), []string{"ExportLogsServiceRequest"}},
		{"deep nesting", protobuf, inLogRecord(field(5, nestedArrays(65))), []string{"nest deeper than 64", "log_records[0].body"}},
		{"very deep nesting", protobuf, inLogRecord(field(5, nestedArrays(5000))), []string{"nest deeper than 64"}},
		{"not JSON", jsonType, []byte("hello"), []string{"at byte"}},
		{"empty", jsonType, nil, []string{"too early"}},
		{"truncated JSON", jsonType, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x`), []string{"resourceLogs[0].scopeLogs[0].logRecords[0].body.stringValue"}},
		{"wrong type", jsonType, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":9},{"timeUnixNano":"noon"}]}]}]}`), []string{"resourceLogs[0].scopeLogs[0].logRecords[1].timeUnixNano", `want a number, have "noon"`, "at byte 89"}},
		{"bad id", jsonType, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"zz"}]}]}]}`), []string{"logRecords[0].traceId", `want 32 hex digits, have "zz"`}},
		{"array for object", jsonType, []byte(`{"resourceLogs":[[]]}`), []string{"resourceLogs[0]", "want an object, have an array"}},
		{"more after the end", jsonType, []byte(`{} {}`), []string{"more data after the end", "at byte 3"}},
		{"field without a name", jsonType, []byte(`{"":1,"resourceLogs":[]}`), []string{"without a name"}},
		{"deep JSON", jsonType, []byte(`{"x":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`), []string{"nest deeper than 64"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resp, body := r.post("/v1/logs", test.contentType, test.body)
			if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Content-Type") != test.contentType {
				t.Fatalf("status %d, type %s, want 400 in the request's own type: %q", resp.StatusCode, resp.Header.Get("Content-Type"), body)
			}
			code, message := errorMessage(t, test.contentType, body)
			if code != codes.InvalidArgument {
				t.Errorf("code %s, want InvalidArgument", code)
			}
			for _, want := range test.want {
				if !strings.Contains(message, want) {
					t.Errorf("message %q does not say %q", message, want)
				}
			}
			if test.contentType != protobuf {
				return
			}
			err := r.dial().Invoke(context.Background(), "/opentelemetry.proto.collector.logs.v1.LogsService/Export", test.body, nil, grpc.ForceCodecV2(rawClient{}))
			if s := status.Convert(err); s.Code() != codes.InvalidArgument || s.Message() != message {
				t.Errorf("gRPC answers %v %q, want InvalidArgument and the same message", s.Code(), s.Message())
			}
		})
	}
	if got := r.counter("clew_collector_requests_total", map[string]string{"result": "malformed", "protocol": "http"}); got != float64(len(tests)) {
		t.Errorf("%v requests counted as malformed, want %d", got, len(tests))
	}
}

// rawClient sends bytes as a gRPC message.
type rawClient struct{}

func (rawClient) Name() string { return "proto" }
func (rawClient) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (rawClient) Unmarshal(_ mem.BufferSlice, _ any) error { return nil }

var _ encoding.CodecV2 = rawClient{}

func TestHTTPEdges(t *testing.T) {
	mem := newMemLog(1)
	r := start(t, mem, func(c *Config) {
		c.OTLP.BodyBytesMax = 1 << 20
		c.OTLP.CORSOrigins = []string{"https://app.example.com"}
	})
	good := protoLogs(t, logsOf(2))
	bomb := bytes.Repeat([]byte{0}, 2<<20)
	check := func(name string, resp *http.Response, body []byte, want int) {
		t.Helper()
		if resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d: %q", name, resp.StatusCode, want, body)
		}
	}
	resp, body := r.post("/v1/logs", "text/plain", good)
	check("content type", resp, body, http.StatusUnsupportedMediaType)
	resp, body = r.post("/v1/logs", protobuf, good, "Content-Encoding", "br")
	check("content coding", resp, body, http.StatusUnsupportedMediaType)
	resp, body = r.post("/v1/nothing", protobuf, good)
	check("path", resp, body, http.StatusNotFound)
	resp, body = r.post("/v1/logs", protobuf, bomb)
	check("too large", resp, body, http.StatusRequestEntityTooLarge)
	resp, body = r.post("/v1/logs", protobuf, gzipped(t, bomb), "Content-Encoding", "gzip")
	check("too large when decompressed", resp, body, http.StatusRequestEntityTooLarge)
	if code, message := errorMessage(t, protobuf, body); code != codes.ResourceExhausted || !strings.Contains(message, "larger than 1048576 bytes") {
		t.Errorf("too large: %s %q", code, message)
	}
	resp, body = r.post("/v1/logs", protobuf, []byte("not gzip"), "Content-Encoding", "gzip")
	check("not gzip", resp, body, http.StatusBadRequest)
	resp, body = r.post("/v1/logs", protobuf, good, telemetry.TenantHeader, "a/b")
	check("tenant", resp, body, http.StatusBadRequest)
	if _, message := errorMessage(t, protobuf, body); !strings.Contains(message, telemetry.TenantHeader) || !strings.Contains(message, "a/b") {
		t.Errorf("tenant: message %q names neither header nor value", message)
	}
	get, err := r.http.Get(fmt.Sprintf("http://%s/v1/logs", r.c.Addrs().HTTP))
	if err != nil {
		t.Fatal(err)
	}
	get.Body.Close()
	if check("method", get, nil, http.StatusMethodNotAllowed); get.Header.Get("Allow") != "POST" {
		t.Errorf("method: Allow is %q", get.Header.Get("Allow"))
	}
	if got := len(mem.all(telemetry.Logs)); got != 0 {
		t.Fatalf("%d messages of refused requests", got)
	}
	resp, body = r.post("/v1/logs", "application/x-protobuf; charset=utf-8", good, "Origin", "https://app.example.com")
	if check("parameters", resp, body, http.StatusOK); resp.Header.Get("Access-Control-Allow-Origin") == "" || len(body) != 0 {
		t.Errorf("CORS: headers %v, body %q", resp.Header, body)
	}
	resp, body = r.post("/v1/logs", protobuf, gzipped(t, good), "Content-Encoding", "gzip")
	check("gzip", resp, body, http.StatusOK)
	resp, body = r.post("/v1/logs", protobuf, zstded(t, good), "Content-Encoding", "zstd")
	check("zstd", resp, body, http.StatusOK)
	if got := storedLogs(t, mem.all(telemetry.Logs)).LogRecordCount(); got != 6 {
		t.Errorf("%d records stored, want 6", got)
	}
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstded(t *testing.T, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(b, nil)
}

func TestGRPCEdges(t *testing.T) {
	mem := newMemLog(1)
	r := start(t, mem, func(c *Config) { c.OTLP.BodyBytesMax = 1 << 20 })
	client := plogotlp.NewGRPCClient(r.dial())
	request := plogotlp.NewExportRequestFromLogs(logsOf(2))
	for _, coding := range []string{"identity", "gzip", "zstd"} {
		if _, err := client.Export(t.Context(), request, grpc.UseCompressor(coding)); err != nil {
			t.Errorf("%s: %v", coding, err)
		}
	}
	if got := storedLogs(t, mem.all(telemetry.Logs)).LogRecordCount(); got != 6 {
		t.Errorf("%d records stored, want 6", got)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), telemetry.TenantHeader, "a b")
	_, err := client.Export(ctx, request)
	if s := status.Convert(err); s.Code() != codes.InvalidArgument || !strings.Contains(s.Message(), telemetry.TenantHeader) || !strings.Contains(s.Message(), `"a b"`) {
		t.Errorf("tenant: %v", err)
	}
	large := logsOf(1)
	large.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().SetStr(strings.Repeat("x", 2<<20))
	_, err = client.Export(t.Context(), plogotlp.NewExportRequestFromLogs(large), grpc.UseCompressor("gzip"))
	if s := status.Convert(err); s.Code() != codes.ResourceExhausted || len(s.Details()) != 0 {
		t.Errorf("too large: %v with details %v, want ResourceExhausted without RetryInfo", err, s.Details())
	}
	// The client may have its answer before the server has counted it.
	counted := func() float64 {
		return r.counter("clew_collector_requests_total", map[string]string{"result": "too_large", "protocol": "grpc"})
	}
	for deadline := time.Now().Add(5 * time.Second); counted() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%v requests counted as too large, want 1", counted())
		}
	}
}

func TestPartialSuccess(t *testing.T) {
	mem := newMemLog(1)
	r := start(t, mem)
	td := spansOf(10)
	spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	spans.At(2).SetTraceID(pcommon.TraceID{})
	spans.At(5).SetTraceID(pcommon.TraceID{})
	spans.At(7).SetSpanID(pcommon.SpanID{})
	resp, err := ptraceotlp.NewGRPCClient(r.dial()).Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(td))
	if err != nil {
		t.Fatal(err)
	}
	const want = "rejected 3 of 10 spans: 1 empty_span_id, 2 empty_trace_id"
	if p := resp.PartialSuccess(); p.RejectedSpans() != 3 || p.ErrorMessage() != want {
		t.Errorf("rejected %d: %q", p.RejectedSpans(), p.ErrorMessage())
	}
	if got := storedTraces(t, mem.all(telemetry.Spans)).SpanCount(); got != 7 {
		t.Errorf("%d spans stored, want 7", got)
	}

	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	httpResp, answer := r.post("/v1/traces", jsonType, body)
	if httpResp.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"rejectedSpans":"3"`) || !strings.Contains(string(answer), want) {
		t.Errorf("HTTP: %d %s", httpResp.StatusCode, answer)
	}

	// All bad is no error either.
	spans.RemoveIf(func(s ptrace.Span) bool { return !s.TraceID().IsEmpty() })
	resp, err = ptraceotlp.NewGRPCClient(r.dial()).Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(td))
	if err != nil || resp.PartialSuccess().RejectedSpans() != 2 {
		t.Errorf("all rejected: %v, %d", err, resp.PartialSuccess().RejectedSpans())
	}

	md := pmetric.NewMetrics()
	metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	metrics.AppendEmpty().SetName("no data")
	metrics.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	histogram := metrics.AppendEmpty()
	histogram.SetName("h")
	points := histogram.SetEmptyHistogram().DataPoints()
	points.AppendEmpty().BucketCounts().FromRaw([]uint64{1, 2})
	points.AppendEmpty().BucketCounts().FromRaw([]uint64{3})
	good := metrics.AppendEmpty()
	good.SetName("good")
	good.SetEmptySum().DataPoints().AppendEmpty().SetDoubleValue(1.5)
	mresp, err := pmetricotlp.NewGRPCClient(r.dial()).Export(t.Context(), pmetricotlp.NewExportRequestFromMetrics(md))
	if err != nil {
		t.Fatal(err)
	}
	if p := mresp.PartialSuccess(); p.RejectedDataPoints() != 3 || p.ErrorMessage() != "rejected 3 of 5 data points: 1 bucket_mismatch, 1 empty_name, 1 no_data" {
		t.Errorf("metrics: rejected %d: %q", p.RejectedDataPoints(), p.ErrorMessage())
	}
	if got := storedMetrics(t, mem.all(telemetry.Metrics)).DataPointCount(); got != 2 {
		t.Errorf("%d points stored, want 2", got)
	}
	if got := r.counter("clew_collector_records_rejected_total", map[string]string{"signal": "spans"}); got != 8 {
		t.Errorf("%v spans counted as rejected, want 8", got)
	}
}

// TestOddRecords sends what is unusual but valid: all of it is kept.
func TestOddRecords(t *testing.T) {
	mem := newMemLog(1)
	r := start(t, mem)
	ld := logsOf(7)
	records := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	for i := range 10000 {
		records.At(0).Attributes().PutInt(fmt.Sprintf("key%d", i), int64(i))
	}
	records.At(1).Body().SetStr(strings.Repeat("1 MB ", 200_000))
	records.At(2).Body().SetStr("bad \xff\xfe UTF-8")
	records.At(3).SetTimestamp(0)
	records.At(4).SetTimestamp(pcommon.NewTimestampFromTime(time.Now().AddDate(100, 0, 0)))
	records.At(5).Body().SetStr(strings.Repeat("3 MB ", 600_000)) // above record_bytes_max
	// Unknown fields of every wire type.
	unknown := []byte{20<<3&0x7f | 0x80, 20 << 3 >> 7, 1}
	unknown = append(unknown, field(15, []byte("?"))...)
	unknown = append(unknown, 14<<3|1, 1, 2, 3, 4, 5, 6, 7, 8, 13<<3|5, 1, 2, 3, 4)
	body := append(protoLogs(t, ld), inLogRecord(append(unknown, field(12, []byte("unknown fields"))...))...)
	resp, answer := r.post("/v1/logs", protobuf, body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %q", resp.StatusCode, answer)
	}
	partial := plogotlp.NewExportResponse()
	if err := partial.UnmarshalProto(answer); err != nil {
		t.Fatal(err)
	}
	if p := partial.PartialSuccess(); p.RejectedLogRecords() != 1 || p.ErrorMessage() != "rejected 1 of 8 log records: 1 record_too_large" {
		t.Errorf("rejected %d: %q", p.RejectedLogRecords(), p.ErrorMessage())
	}
	resp, answer = r.post("/v1/logs", jsonType, []byte(`{"future":{"x":[1,{"":"y"}]},"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"from JSON","new":{"a":[true]}}]}]}]}`))
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a field without a name: status %d: %q", resp.StatusCode, answer)
	}
	resp, answer = r.post("/v1/logs", jsonType, []byte(`{"future":{"x":[1,{"z":"y"}]},"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"from JSON","new":{"a":[true]}}]}]}]}`))
	if resp.StatusCode != http.StatusOK || string(answer) != `{}` {
		t.Errorf("unknown JSON fields: status %d: %q", resp.StatusCode, answer)
	}

	stored := storedLogs(t, mem.all(telemetry.Logs))
	if got := stored.LogRecordCount(); got != 8 {
		t.Fatalf("%d records stored, want 8", got)
	}
	events := map[string]bool{}
	var attributes, longest int
	for _, rl := range stored.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				events[lr.EventName()] = true
				attributes = max(attributes, lr.Attributes().Len())
				longest = max(longest, len(lr.Body().Str()))
			}
		}
	}
	if attributes != 10000 || longest != 1_000_000 || !events["unknown fields"] || !events["from JSON"] {
		t.Errorf("stored: %d attributes, %d bytes, events %v", attributes, longest, events)
	}
	for reason, want := range map[string]float64{"zero_time": 3, "future_time": 1} {
		if got := r.counter("clew_collector_records_restated_total", map[string]string{"reason": reason}); got != want {
			t.Errorf("%v records counted as %s, want %v", got, reason, want)
		}
	}
}
