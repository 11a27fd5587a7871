package logexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
)

// Type is the component's type in the Collector's configuration.
var Type = component.MustNewType("shardlog")

// pipelineEnd is the exporter as a component of pipelines. The exporter's life is not the pipeline's (a reload must not lose groups in flight), so
// Start and Shutdown do nothing.
type pipelineEnd struct {
	component.StartFunc
	component.ShutdownFunc
	*Exporter
}

// Capabilities says that pdata is only read.
func (pipelineEnd) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// NewFactory makes e available to the Collector's pipelines.
func NewFactory(e *Exporter) exporter.Factory {
	end := pipelineEnd{Exporter: e}
	return exporter.NewFactory(Type,
		func() component.Config { return &struct{}{} },
		exporter.WithTraces(func(context.Context, exporter.Settings, component.Config) (exporter.Traces, error) { return end, nil }, component.StabilityLevelStable),
		exporter.WithLogs(func(context.Context, exporter.Settings, component.Config) (exporter.Logs, error) { return end, nil }, component.StabilityLevelStable),
		exporter.WithMetrics(func(context.Context, exporter.Settings, component.Config) (exporter.Metrics, error) { return end, nil }, component.StabilityLevelStable),
	)
}
