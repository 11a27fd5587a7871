package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
)

// Levels that slog has no name for; the bridge makes them OpenTelemetry's TRACE and FATAL.
const (
	levelTrace = slog.LevelDebug - 4
	levelFatal = slog.LevelError + 4
)

// propagator carries the trace, and the baggage: who asks, for the services that never see the user.
var propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

// providers are the SDK of one service.
type providers struct {
	spans   *sdktrace.TracerProvider
	metrics *sdkmetric.MeterProvider
	logs    *sdklog.LoggerProvider
}

// newProviders makes a service's SDK; conn is shared by all services. clock says how far the service's clock is off at the moment.
func newProviders(ctx context.Context, conn *grpc.ClientConn, res *resource.Resource, clock func() time.Duration) (*providers, error) {
	spans, err := otlptracegrpc.New(ctx, otlptracegrpc.WithGRPCConn(conn))
	if err != nil {
		return nil, fmt.Errorf("span exporter: %w", err)
	}
	logs, err := otlploggrpc.New(ctx, otlploggrpc.WithGRPCConn(conn))
	if err != nil {
		return nil, fmt.Errorf("log exporter: %w", err)
	}
	metrics, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithGRPCConn(conn))
	if err != nil {
		return nil, fmt.Errorf("metric exporter: %w", err)
	}
	batch := sdktrace.NewBatchSpanProcessor(spans, sdktrace.WithBatchTimeout(batchInterval), sdktrace.WithMaxQueueSize(batchRecords), sdktrace.WithMaxExportBatchSize(batchRecords/2))
	return &providers{
		spans: sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithSpanProcessor(whoAsks{}), sdktrace.WithSpanProcessor(skewedSpans{batch, clock})),
		logs: sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(logEdge{clock}), sdklog.WithProcessor(
			sdklog.NewBatchProcessor(logs, sdklog.WithExportInterval(batchInterval), sdklog.WithMaxQueueSize(batchRecords)))),
		metrics: sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics, sdkmetric.WithInterval(metricInterval)))),
	}, nil
}

func (p *providers) logger(name string) *slog.Logger {
	return slog.New(otelslog.NewHandler(name, otelslog.WithLoggerProvider(p.logs)))
}

// shutdown sends what is left.
func (p *providers) shutdown(ctx context.Context) error {
	return errors.Join(p.spans.Shutdown(ctx), p.logs.Shutdown(ctx), p.metrics.Shutdown(ctx))
}

// whoAsks copies the baggage that says who asks to every span.
type whoAsks struct{}

func (whoAsks) OnStart(ctx context.Context, s sdktrace.ReadWriteSpan) {
	for _, m := range baggage.FromContext(ctx).Members() {
		s.SetAttributes(attribute.String(m.Key(), m.Value()))
	}
}
func (whoAsks) OnEnd(sdktrace.ReadOnlySpan)      {}
func (whoAsks) Shutdown(context.Context) error   { return nil }
func (whoAsks) ForceFlush(context.Context) error { return nil }

// skewedSpans states the times of a service whose clock is off.
type skewedSpans struct {
	sdktrace.SpanProcessor
	clock func() time.Duration
}

func (p skewedSpans) OnEnd(s sdktrace.ReadOnlySpan) {
	if by := p.clock(); by != 0 {
		s = skewedSpan{s, by}
	}
	p.SpanProcessor.OnEnd(s)
}

type skewedSpan struct {
	sdktrace.ReadOnlySpan
	by time.Duration
}

func (s skewedSpan) StartTime() time.Time { return s.ReadOnlySpan.StartTime().Add(s.by) }
func (s skewedSpan) EndTime() time.Time   { return s.ReadOnlySpan.EndTime().Add(s.by) }
func (s skewedSpan) Events() []sdktrace.Event {
	var events []sdktrace.Event
	for _, e := range s.ReadOnlySpan.Events() {
		e.Time = e.Time.Add(s.by)
		events = append(events, e)
	}
	return events
}

// logEdge does both to log records, and names the levels that slog has no name for.
type logEdge struct {
	clock func() time.Duration
}

func (p logEdge) OnEmit(ctx context.Context, r *sdklog.Record) error {
	for _, m := range baggage.FromContext(ctx).Members() {
		r.AddAttributes(otellog.String(m.Key(), m.Value()))
	}
	r.SetTimestamp(r.Timestamp().Add(p.clock()))
	r.SetSeverityText(r.Severity().String())
	return nil
}
func (logEdge) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (logEdge) Shutdown(context.Context) error                         { return nil }
func (logEdge) ForceFlush(context.Context) error                       { return nil }
