package collector

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"clew/internal/telemetry"
)

// clients are the OpenTelemetry SDK's own exporters for one protocol.
type clients struct {
	traces  sdktrace.SpanExporter
	logs    sdklog.Exporter
	metrics sdkmetric.Exporter
}

func stockClients(t *testing.T, r *running, protocol string) clients {
	t.Helper()
	ctx := context.Background()
	header := map[string]string{telemetry.TenantHeader: "acme"}
	var c clients
	var errs [3]error
	if protocol == "grpc" {
		addr := r.c.Addrs().GRPC.String()
		c.traces, errs[0] = otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(addr), otlptracegrpc.WithInsecure(), otlptracegrpc.WithHeaders(header), otlptracegrpc.WithCompressor("gzip"))
		c.logs, errs[1] = otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(addr), otlploggrpc.WithInsecure(), otlploggrpc.WithHeaders(header))
		c.metrics, errs[2] = otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(addr), otlpmetricgrpc.WithInsecure(), otlpmetricgrpc.WithHeaders(header))
	} else {
		addr := r.c.Addrs().HTTP.String()
		c.traces, errs[0] = otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(addr), otlptracehttp.WithInsecure(), otlptracehttp.WithHeaders(header), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		c.logs, errs[1] = otlploghttp.New(ctx, otlploghttp.WithEndpoint(addr), otlploghttp.WithInsecure(), otlploghttp.WithHeaders(header))
		c.metrics, errs[2] = otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpoint(addr), otlpmetrichttp.WithInsecure(), otlpmetrichttp.WithHeaders(header))
	}
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestStockSDK(t *testing.T) {
	for _, protocol := range []string{"grpc", "http"} {
		t.Run(protocol, func(t *testing.T) {
			mem := newMemLog(3)
			r := start(t, mem, func(c *Config) { c.Log.Shards = 3 })
			c := stockClients(t, r, protocol)
			res := resource.NewSchemaless(attribute.String("service.name", "checkout"))
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()

			tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(c.traces), sdktrace.WithResource(res))
			lp := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(c.logs)), sdklog.WithResource(res))
			mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(c.metrics)), sdkmetric.WithResource(res))
			counter, err := mp.Meter("test").Int64Counter("orders")
			if err != nil {
				t.Fatal(err)
			}
			const n = 100
			for i := range n {
				sctx, span := tp.Tracer("test").Start(ctx, fmt.Sprintf("order %d", i))
				var record log.Record
				record.SetTimestamp(time.Now())
				record.SetBody(log.StringValue(fmt.Sprintf("order %d accepted", i)))
				lp.Logger("test").Emit(sctx, record)
				counter.Add(sctx, 1)
				span.End()
			}
			// Shutdown flushes and returns the exporters' errors.
			for _, shutdown := range []func(context.Context) error{tp.Shutdown, lp.Shutdown, mp.Shutdown} {
				if err := shutdown(ctx); err != nil {
					t.Error(err)
				}
			}
			traces, logs := storedTraces(t, mem.all(telemetry.Spans)), storedLogs(t, mem.all(telemetry.Logs))
			if got := traces.SpanCount(); got != n {
				t.Errorf("%d spans stored, want %d", got, n)
			}
			if got := logs.LogRecordCount(); got != n {
				t.Errorf("%d log records stored, want %d", got, n)
			}
			metrics := storedMetrics(t, mem.all(telemetry.Metrics))
			if metrics.DataPointCount() != 1 || metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0).IntValue() != n {
				t.Errorf("metrics stored: %d points, want one of %d", metrics.DataPointCount(), n)
			}
			checkPlacement(t, mem)
			for _, s := range telemetry.Signals {
				for _, m := range mem.all(s) {
					if m.Tenant != "acme" {
						t.Errorf("%s of tenant %q, want acme", s, m.Tenant)
					}
				}
			}
			if got := r.counter("clew_collector_records_accepted_total", nil); got != 2*n+1 {
				t.Errorf("%v records accepted, want %d", got, 2*n+1)
			}
		})
	}
}

// checkPlacement checks that a trace's spans and logs are in one shard, and that the shards are all used.
func checkPlacement(t *testing.T, mem *memLog) {
	t.Helper()
	where := map[string]int{}
	for shard, messages := range mem.messages {
		if len(messages) == 0 {
			t.Errorf("shard %d is empty", shard)
		}
		for _, m := range messages {
			var ids []string
			b, err := telemetry.Decode(m.Batch)
			if err != nil {
				t.Fatal(err)
			}
			switch m.Signal {
			case telemetry.Spans:
				td, _ := b.Traces()
				for _, rs := range td.ResourceSpans().All() {
					for _, ss := range rs.ScopeSpans().All() {
						for _, s := range ss.Spans().All() {
							ids = append(ids, s.TraceID().String())
						}
					}
				}
			case telemetry.Logs:
				ld, _ := b.Logs()
				for _, rl := range ld.ResourceLogs().All() {
					for _, sl := range rl.ScopeLogs().All() {
						for _, lr := range sl.LogRecords().All() {
							ids = append(ids, lr.TraceID().String())
						}
					}
				}
			}
			for _, id := range ids {
				if before, ok := where[id]; ok && before != shard {
					t.Errorf("trace %s is in shards %d and %d", id, before, shard)
				}
				where[id] = shard
			}
		}
	}
}
