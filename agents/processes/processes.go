// Package processes bounds the metrics of processes: of the hundreds on a host, those that use most are shipped. The stock scraper
// sends all of them, four series each, for every process that ever lives.
package processes

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// Type is the processor's name in a configuration.
var Type = component.MustNewType("processes")

// Config of the processor.
type Config struct {
	// Top is how many processes are kept by CPU time since the last scrape, and how many by resident memory.
	Top int `mapstructure:"top"`
}

const topDefault = 10

// Validate is part of xconfmap.Validator.
func (c *Config) Validate() error {
	if c.Top < 0 {
		return errors.New("top: want 0 or more processes")
	}
	return nil
}

// NewFactory makes the processor's factory.
func NewFactory() processor.Factory {
	return processor.NewFactory(Type, func() component.Config { return &Config{Top: topDefault} },
		processor.WithMetrics(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
			b := &bound{top: cfg.(*Config).Top, before: map[int64]float64{}}
			return processorhelper.NewMetrics(ctx, set, cfg, next, b.metrics, processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}))
		}, component.StabilityLevelStable))
}

type bound struct {
	top int

	mu     sync.Mutex
	before map[int64]float64 // CPU seconds by process id at the last scrape
}

// usage is what one process used.
type usage struct {
	pid         int64
	cpu, memory float64
}

// metrics drops the resources of processes that are not among the top; others, which have no process.pid, pass.
func (b *bound) metrics(_ context.Context, d pmetric.Metrics) (pmetric.Metrics, error) {
	var all []usage
	now := map[int64]float64{}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, res := range d.ResourceMetrics().All() {
		pid, ok := res.Resource().Attributes().Get("process.pid")
		if !ok {
			continue
		}
		u := measure(res)
		u.pid = pid.Int()
		now[u.pid] = u.cpu
		u.cpu -= min(u.cpu, b.before[u.pid]) // a process id that is used again has less than before
		all = append(all, u)
	}
	if len(all) == 0 {
		return d, nil
	}
	b.before = now
	keep := map[int64]bool{}
	for _, by := range []func(usage) float64{func(u usage) float64 { return u.cpu }, func(u usage) float64 { return u.memory }} {
		slices.SortFunc(all, func(x, y usage) int { return cmp.Or(cmp.Compare(by(y), by(x)), cmp.Compare(x.pid, y.pid)) })
		for _, u := range all[:min(b.top, len(all))] {
			keep[u.pid] = true
		}
	}
	d.ResourceMetrics().RemoveIf(func(res pmetric.ResourceMetrics) bool {
		pid, ok := res.Resource().Attributes().Get("process.pid")
		return ok && !keep[pid.Int()]
	})
	if d.ResourceMetrics().Len() == 0 {
		return d, processorhelper.ErrSkipProcessingData
	}
	return d, nil
}

func measure(res pmetric.ResourceMetrics) (u usage) {
	for _, scope := range res.ScopeMetrics().All() {
		for _, m := range scope.Metrics().All() {
			if m.Type() != pmetric.MetricTypeSum {
				continue
			}
			for _, p := range m.Sum().DataPoints().All() {
				switch m.Name() {
				case "process.cpu.time":
					u.cpu += p.DoubleValue()
				case "process.memory.usage":
					u.memory += float64(p.IntValue())
				}
			}
		}
	}
	return u
}
