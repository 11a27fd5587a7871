package host

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// Type is the processor's name in a configuration.
var Type = component.MustNewType("host")

// Config says what the processor sets.
type Config struct {
	// Attributes are set on every resource that does not have them: what an application says of itself stays.
	Attributes map[string]string `mapstructure:"attributes"`
}

// NewFactory makes the factory of the processor that puts the host's attributes on every resource.
func NewFactory() processor.Factory {
	return processor.NewFactory(Type, func() component.Config { return &Config{} },
		processor.WithLogs(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			return processorhelper.NewLogs(ctx, set, cfg, next, func(_ context.Context, d plog.Logs) (plog.Logs, error) {
				for _, r := range d.ResourceLogs().All() {
					cfg.(*Config).put(r.Resource().Attributes())
				}
				return d, nil
			}, mutates)
		}, component.StabilityLevelStable),
		processor.WithTraces(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
			return processorhelper.NewTraces(ctx, set, cfg, next, func(_ context.Context, d ptrace.Traces) (ptrace.Traces, error) {
				for _, r := range d.ResourceSpans().All() {
					cfg.(*Config).put(r.Resource().Attributes())
				}
				return d, nil
			}, mutates)
		}, component.StabilityLevelStable),
		processor.WithMetrics(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
			return processorhelper.NewMetrics(ctx, set, cfg, next, func(_ context.Context, d pmetric.Metrics) (pmetric.Metrics, error) {
				for _, r := range d.ResourceMetrics().All() {
					cfg.(*Config).put(r.Resource().Attributes())
				}
				return d, nil
			}, mutates)
		}, component.StabilityLevelStable))
}

var mutates = processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true})

func (c *Config) put(to pcommon.Map) {
	for k, v := range c.Attributes {
		if _, has := to.Get(k); !has {
			to.PutStr(k, v)
		}
	}
}
