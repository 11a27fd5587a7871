package agents

import (
	"fmt"
	"log/slog"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/attributesprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/probabilisticsamplerprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/resourceprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/journaldreceiver"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"

	"clew/agents/diskqueue"
	"clew/agents/files"
	"clew/agents/host"
	"clew/agents/journal"
	"clew/agents/processes"
	"clew/agents/push"
	"clew/agents/redact"
	"clew/agents/sample"
	"clew/agents/scrape"
	"clew/agents/shipper"
	"clew/internal/otelembed"
	"clew/internal/receivers/stock"
	"clew/internal/receivers/way"
)

// factories are the components that a configuration may use: our own, and stock ones for what a user brings along.
func factories(logger *slog.Logger, group *shipper.Group, ways *way.Metrics, ready func()) (f otelcol.Factories, err error) {
	if f.Receivers, err = otelcol.MakeFactoryMap(append(append(stock.Factories(ways, nil), push.Factories(ways)...),
		files.NewFactory(), journal.NewFactory(), scrape.NewFactory(),
		otlpreceiver.NewFactory(), hostmetricsreceiver.NewFactory(), filelogreceiver.NewFactory(), journaldreceiver.NewFactory(),
	)...); err != nil {
		return f, fmt.Errorf("receivers: %w", err)
	}
	if f.Processors, err = otelcol.MakeFactoryMap[processor.Factory](
		host.NewFactory(), redact.NewFactory(), sample.NewFactory(func(signal string, tallies []diskqueue.Tally) {
			group.Dropped(signal, diskqueue.ReasonSampled, tallies)
		}), processes.NewFactory(),
		attributesprocessor.NewFactory(), batchprocessor.NewFactory(), filterprocessor.NewFactory(), memorylimiterprocessor.NewFactory(),
		probabilisticsamplerprocessor.NewFactory(), resourceprocessor.NewFactory(), transformprocessor.NewFactory(),
	); err != nil {
		return f, fmt.Errorf("processors: %w", err)
	}
	if f.Exporters, err = otelcol.MakeFactoryMap(group.Factory(), otlpexporter.NewFactory(), debugexporter.NewFactory()); err != nil {
		return f, fmt.Errorf("exporters: %w", err)
	}
	if f.Extensions, err = otelcol.MakeFactoryMap(filestorage.NewFactory(), otelembed.ReadyFactory(ready), stock.ExtensionFactory(ways, nil)); err != nil {
		return f, fmt.Errorf("extensions: %w", err)
	}
	f.Telemetry = otelembed.TelemetryFactory(logger)
	return f, nil
}
