package logexporter

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/collector/quota"
	"clew/collector/refusal"
	"clew/internal/ledger"
	"clew/internal/telemetry"
)

// Type is the component's type in the Collector's configuration.
var Type = component.MustNewType("shardlog")

// pipelineEnd is the exporter as a component of pipelines. The exporter's life is not the pipeline's (a reload must not lose groups in flight), so
// Start and Shutdown do nothing.
type pipelineEnd struct {
	component.StartFunc
	component.ShutdownFunc
	exporter *Exporter
	quota    *quota.Quota
	book     *ledger.Book
}

// Capabilities says that pdata is changed: what its tenant may not send is taken out.
func (pipelineEnd) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// ConsumeLogs is the tenant's limits, then the exporter. Likewise the following.
func (p pipelineEnd) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	a := p.account(ctx, telemetry.Logs)
	a.logs(ld, received)
	err := p.quota.Logs(ctx, ld, time.Now())
	if err == nil {
		a.logs(ld, admitted)
		err = forPipeline(p.exporter.ConsumeLogs(ctx, ld))
	}
	a.end(err)
	return err
}

func (p pipelineEnd) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	a := p.account(ctx, telemetry.Spans)
	a.spans(td, received)
	err := p.quota.Spans(ctx, td, time.Now())
	if err == nil {
		a.spans(td, admitted)
		err = forPipeline(p.exporter.ConsumeTraces(ctx, td))
	}
	a.end(err)
	return err
}

func (p pipelineEnd) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	a := p.account(ctx, telemetry.Metrics)
	a.metrics(md, received)
	err := p.quota.Metrics(ctx, md, time.Now())
	if err == nil {
		a.metrics(md, admitted)
		err = forPipeline(p.exporter.ConsumeMetrics(ctx, md))
	}
	a.end(err)
	return err
}

// forPipeline tells the Collector's components, which know nothing of refusals, what can never be taken, so that they do not try again.
func forPipeline(err error) error {
	if err == nil {
		return nil
	}
	if kind := refusal.Of(err).Kind; kind == refusal.Invalid || kind == refusal.TooLarge {
		return consumererror.NewPermanent(err)
	}
	return err
}

// NewFactory makes e available to the Collector's pipelines, behind the tenants' limits: no way in leads past them.
func NewFactory(e *Exporter, q *quota.Quota, b *ledger.Book) exporter.Factory {
	end := pipelineEnd{exporter: e, quota: q, book: b}
	return exporter.NewFactory(Type,
		func() component.Config { return &struct{}{} },
		exporter.WithTraces(func(context.Context, exporter.Settings, component.Config) (exporter.Traces, error) { return end, nil }, component.StabilityLevelStable),
		exporter.WithLogs(func(context.Context, exporter.Settings, component.Config) (exporter.Logs, error) { return end, nil }, component.StabilityLevelStable),
		exporter.WithMetrics(func(context.Context, exporter.Settings, component.Config) (exporter.Metrics, error) { return end, nil }, component.StabilityLevelStable),
	)
}
