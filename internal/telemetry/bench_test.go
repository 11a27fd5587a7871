package telemetry

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const benchRecords = 10_000

// typicalLogs are benchRecords log records as services send them: 10 resources with 6 attributes, 8 attributes and a body of about 120 bytes a record.
func typicalLogs() plog.Logs {
	r := rand.New(rand.NewPCG(1, 2))
	logs := plog.NewLogs()
	for svc := range 10 {
		rl := logs.ResourceLogs().AppendEmpty()
		a := rl.Resource().Attributes()
		a.PutStr("service.name", fmt.Sprint("service-", svc))
		a.PutStr("service.version", "1.4.2")
		a.PutStr("service.instance.id", fmt.Sprintf("%016x", r.Uint64()))
		a.PutStr("deployment.environment.name", "production")
		a.PutStr("host.name", fmt.Sprint("node-", svc%3))
		a.PutStr("k8s.pod.name", fmt.Sprintf("service-%d-7d4b9c-%05x", svc, r.Uint32()))
		sl := rl.ScopeLogs().AppendEmpty()
		sl.Scope().SetName("io.example.logger")
		for i := range benchRecords / 10 {
			l := sl.LogRecords().AppendEmpty()
			l.SetTimestamp(testNow + 1000)
			l.SetObservedTimestamp(testNow + 2000)
			l.SetSeverityNumber(plog.SeverityNumber(9 + 4*(i%3)))
			l.SetSeverityText("INFO")
			l.Body().SetStr(fmt.Sprintf("request %08x from 10.0.%d.%d finished with status %d after %d ms, cache miss on shard %d of the session store",
				r.Uint32(), r.IntN(256), r.IntN(256), 200+r.IntN(5), r.IntN(3000), r.IntN(16)))
			trace := l.TraceID()
			fillID(r, trace[:])
			l.SetTraceID(trace)
			id := l.SpanID()
			fillID(r, id[:])
			l.SetSpanID(id)
			a := l.Attributes()
			a.PutStr("http.request.method", []string{"GET", "POST", "PUT"}[r.IntN(3)])
			a.PutStr("http.route", fmt.Sprint("/api/v1/things/", r.IntN(50)))
			a.PutInt("http.response.status_code", int64(200+r.IntN(5)))
			a.PutStr("user.id", fmt.Sprint("user-", r.IntN(3000)))
			a.PutStr("code.function.name", fmt.Sprint("handle", r.IntN(40)))
			a.PutInt("code.line.number", int64(r.IntN(900)))
			a.PutStr("thread.name", fmt.Sprint("worker-", r.IntN(32)))
			a.PutBool("cache.hit", r.IntN(2) == 0)
		}
	}
	return logs
}

func fillID(r *rand.Rand, id []byte) {
	for i := range id {
		id[i] = byte(r.Uint32())
	}
}

// typicalSpans are benchRecords spans with 10 attributes each.
func typicalSpans() ptrace.Traces {
	r := rand.New(rand.NewPCG(1, 2))
	traces := ptrace.NewTraces()
	for svc := range 10 {
		rs := traces.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", svc))
		rs.Resource().Attributes().PutStr("service.version", "1.4.2")
		rs.Resource().Attributes().PutStr("host.name", fmt.Sprint("node-", svc%3))
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName("io.example.tracer")
		for range benchRecords / 10 {
			s := ss.Spans().AppendEmpty()
			trace, span, parent := s.TraceID(), s.SpanID(), s.ParentSpanID()
			fillID(r, trace[:])
			fillID(r, span[:])
			fillID(r, parent[:])
			s.SetTraceID(trace)
			s.SetSpanID(span)
			s.SetParentSpanID(parent)
			s.SetName(fmt.Sprint("GET /api/v1/things/", r.IntN(50)))
			s.SetKind(ptrace.SpanKind(1 + r.IntN(3)))
			s.SetStartTimestamp(testNow - 1000)
			s.SetEndTimestamp(testNow)
			a := s.Attributes()
			a.PutStr("http.request.method", []string{"GET", "POST", "PUT"}[r.IntN(3)])
			a.PutStr("http.route", fmt.Sprint("/api/v1/things/", r.IntN(50)))
			a.PutInt("http.response.status_code", int64(200+r.IntN(5)))
			a.PutStr("url.path", fmt.Sprint("/api/v1/things/", r.IntN(50), "/", r.IntN(100000)))
			a.PutStr("server.address", fmt.Sprint("10.0.0.", r.IntN(64)))
			a.PutInt("server.port", 8080)
			a.PutStr("user_agent.original", []string{"curl/8.5", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}[r.IntN(2)])
			a.PutStr("network.protocol.version", "1.1")
			a.PutStr("client.address", fmt.Sprintf("172.16.%d.%d", r.IntN(16), r.IntN(256)))
			a.PutInt("http.response.body.size", int64(r.IntN(100000)))
		}
	}
	return traces
}

// perRecord reports nanoseconds a record beside those of the whole batch.
func perRecord(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
}

func BenchmarkLogs(b *testing.B) {
	logs := typicalLogs()
	builder := NewBuilder(Logs, DefaultTenant)
	now := time.Unix(0, testNow)
	benchmark(b, func() { appendLogs(builder, logs, now) }, builder)
}

func BenchmarkSpans(b *testing.B) {
	traces := typicalSpans()
	builder := NewBuilder(Spans, DefaultTenant)
	now := time.Unix(0, testNow)
	benchmark(b, func() { appendTraces(builder, traces, now) }, builder)
}

func benchmark(b *testing.B, fill func(), builder *Builder) {
	b.Run("append+build+encode", func(b *testing.B) {
		b.ReportAllocs()
		var data []byte
		for b.Loop() {
			fill()
			var err error
			if data, err = Encode(data[:0], builder.Build()); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(data)))
		perRecord(b)
	})
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			fill()
			b.StopTimer()
			builder.Build().Release()
			b.StartTimer()
		}
		perRecord(b)
	})
	fill()
	size := builder.Size()
	b.Run("build", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			builder.rows.build(builder.setOf).Release()
		}
		perRecord(b)
	})
	batch := builder.Build()
	data, err := Encode(nil, batch)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(size))
		var dst []byte
		for b.Loop() {
			if dst, err = Encode(dst[:0], batch); err != nil {
				b.Fatal(err)
			}
		}
		perRecord(b)
		b.ReportMetric(float64(len(dst))/benchRecords, "B/record")
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(size))
		for b.Loop() {
			got, err := Decode(data)
			if err != nil {
				b.Fatal(err)
			}
			got.Release()
		}
		perRecord(b)
	})
}

// A batch of one record: what a quiet sender costs.
func BenchmarkOne(b *testing.B) {
	logs := typicalLogs()
	rl := logs.ResourceLogs().At(0)
	r := rl.ScopeLogs().At(0).LogRecords().At(0)
	builder := NewBuilder(Logs, DefaultTenant)
	b.ReportAllocs()
	var data []byte
	for b.Loop() {
		builder.UseSet(rl.Resource(), "", rl.ScopeLogs().At(0).Scope(), "")
		builder.AppendLog(r, time.Unix(0, testNow))
		var err error
		if data, err = Encode(data[:0], builder.Build()); err != nil {
			b.Fatal(err)
		}
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(data)), "B")
}
