package collector

import (
	"fmt"
	"log/slog"

	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"

	"clew/internal/otelembed"
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
	if f.Extensions, err = otelcol.MakeFactoryMap(otelembed.ReadyFactory(ready), answers); err != nil {
		return f, fmt.Errorf("extensions: %w", err)
	}
	f.Telemetry = otelembed.TelemetryFactory(logger)
	return f, nil
}
