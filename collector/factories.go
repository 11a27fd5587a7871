package collector

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/service/telemetry"
	"go.uber.org/zap"
)

// factories are the components that a configuration may use.
func factories(logger *slog.Logger, receivers []receiver.Factory, log exporter.Factory, answers extension.Factory, ready func()) (otelcol.Factories, error) {
	var f otelcol.Factories
	var err error
	if f.Receivers, err = otelcol.MakeFactoryMap(receivers...); err != nil {
		return f, fmt.Errorf("receivers: %w", err)
	}
	if f.Exporters, err = otelcol.MakeFactoryMap(log); err != nil {
		return f, fmt.Errorf("exporters: %w", err)
	}
	if f.Extensions, err = otelcol.MakeFactoryMap(readyFactory(ready), answers); err != nil {
		return f, fmt.Errorf("extensions: %w", err)
	}
	f.Telemetry = telemetryFactory(logger)
	return f, nil
}

// telemetryFactory turns the Collector's own telemetry off, but for its log: its metrics and traces would open a port of
// their own, and clew counts by itself.
func telemetryFactory(logger *slog.Logger) telemetry.Factory {
	return telemetry.NewFactory(
		func() component.Config { return &struct{}{} },
		telemetry.WithCreateLogger(func(context.Context, telemetry.LoggerSettings, component.Config) (*zap.Logger, component.ShutdownFunc, error) {
			return newZapLogger(logger), nil, nil
		}),
	)
}

// readyExtension says when all pipelines have started.
type readyExtension struct {
	component.StartFunc
	component.ShutdownFunc
	ready func()
}

// Ready is part of extensioncapabilities.PipelineWatcher, as is NotReady.
func (e readyExtension) Ready() error {
	e.ready()
	return nil
}

// NotReady does nothing: who asked has long been told.
func (readyExtension) NotReady() error { return nil }

func readyFactory(ready func()) extension.Factory {
	return extension.NewFactory(component.MustNewType(readyType),
		func() component.Config { return &struct{}{} },
		func(context.Context, extension.Settings, component.Config) (extension.Extension, error) {
			return readyExtension{ready: ready}, nil
		}, component.StabilityLevelStable)
}
