// Package sample keeps a part of what is sent: spans by their trace, so that a trace is kept whole or not at all on every host with the same
// share, and log records by severity. What it drops it counts.
package sample

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"

	"clew/agents/diskqueue"
	"clew/agents/origin"
)

// Type is the processor's name in a configuration.
var Type = component.MustNewType("sample")

// Config has the shares that are kept, 0 to 1; the default is everything.
type Config struct {
	Traces float64 `mapstructure:"traces"`
	Logs   Logs    `mapstructure:"logs"`
}

// Logs has a share for each severity. A record of a trace is kept or dropped with the others of the trace that have its severity.
type Logs struct {
	Trace   float64 `mapstructure:"trace"`
	Debug   float64 `mapstructure:"debug"`
	Info    float64 `mapstructure:"info"`
	Warn    float64 `mapstructure:"warn"`
	Error   float64 `mapstructure:"error"` // fatal too
	Unknown float64 `mapstructure:"unknown"`
}

func defaultConfig() component.Config {
	return &Config{Traces: 1, Logs: Logs{Trace: 1, Debug: 1, Info: 1, Warn: 1, Error: 1, Unknown: 1}}
}

// Validate is part of xconfmap.Validator.
func (c *Config) Validate() error {
	for _, s := range []struct {
		key   string
		share float64
	}{
		{"traces", c.Traces},
		{"logs::trace", c.Logs.Trace},
		{"logs::debug", c.Logs.Debug},
		{"logs::info", c.Logs.Info},
		{"logs::warn", c.Logs.Warn},
		{"logs::error", c.Logs.Error},
		{"logs::unknown", c.Logs.Unknown},
	} {
		if !(s.share >= 0 && s.share <= 1) {
			return fmt.Errorf("%s: want a share from 0 to 1, have %v", s.key, s.share)
		}
	}
	return nil
}

// Dropped is told what was dropped: "logs" or "spans", and how many of which origin.
type Dropped func(signal string, tallies []diskqueue.Tally)

// NewFactory makes the processor's factory.
func NewFactory(dropped Dropped) processor.Factory {
	return processor.NewFactory(Type, defaultConfig,
		processor.WithTraces(func(_ context.Context, _ processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
			s := &sampler{cfg: cfg.(*Config), dropped: dropped}
			traces, err := consumer.NewTraces(func(ctx context.Context, d ptrace.Traces) error { return s.traces(ctx, d, next) },
				consumer.WithCapabilities(consumer.Capabilities{MutatesData: s.cfg.Traces < 1}))
			return struct {
				component.StartFunc
				component.ShutdownFunc
				consumer.Traces
			}{Traces: traces}, err
		}, component.StabilityLevelStable),
		processor.WithLogs(func(_ context.Context, _ processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			s := &sampler{cfg: cfg.(*Config), dropped: dropped}
			logs, err := consumer.NewLogs(func(ctx context.Context, d plog.Logs) error { return s.logs(ctx, d, next) },
				consumer.WithCapabilities(consumer.Capabilities{MutatesData: !s.keepsLogs()}))
			return struct {
				component.StartFunc
				component.ShutdownFunc
				consumer.Logs
			}{Logs: logs}, err
		}, component.StabilityLevelStable))
}

type sampler struct {
	cfg     *Config
	dropped Dropped
}

// keeps says whether a trace is in the share: the last 7 bytes of its id are random (W3C Trace Context level 2) and are compared with the share, as
// OpenTelemetry's consistent sampling does.
func keeps(id pcommon.TraceID, share float64) bool {
	return binary.BigEndian.Uint64(id[8:])<<8>>8 >= uint64(math.Round((1-share)*(1<<56)))
}

// traces counts what it drops once the rest has been taken: what is refused comes again.
func (s *sampler) traces(ctx context.Context, d ptrace.Traces, next consumer.Traces) error {
	if s.cfg.Traces == 1 {
		return next.ConsumeTraces(ctx, d)
	}
	n := 0
	d.ResourceSpans().RemoveIf(func(r ptrace.ResourceSpans) bool {
		r.ScopeSpans().RemoveIf(func(sc ptrace.ScopeSpans) bool {
			sc.Spans().RemoveIf(func(span ptrace.Span) bool {
				drop := !keeps(span.TraceID(), s.cfg.Traces)
				if drop {
					n++
				}
				return drop
			})
			return sc.Spans().Len() == 0
		})
		return r.ScopeSpans().Len() == 0
	})
	if d.ResourceSpans().Len() > 0 {
		if err := next.ConsumeTraces(ctx, d); err != nil {
			return err
		}
	}
	if n > 0 {
		s.dropped("spans", []diskqueue.Tally{{Origin: diskqueue.Origin{Kind: "otlp"}, Records: n}})
	}
	return nil
}

func (s *sampler) keepsLogs() bool { return s.cfg.Logs == Logs{1, 1, 1, 1, 1, 1} }

// logs is traces for log records.
func (s *sampler) logs(ctx context.Context, d plog.Logs, next consumer.Logs) error {
	if s.keepsLogs() {
		return next.ConsumeLogs(ctx, d)
	}
	dropped := origin.Counter{}
	d.ResourceLogs().RemoveIf(func(r plog.ResourceLogs) bool {
		r.ScopeLogs().RemoveIf(func(sc plog.ScopeLogs) bool {
			sc.LogRecords().RemoveIf(func(record plog.LogRecord) bool {
				share := s.cfg.Logs.share(record.SeverityNumber())
				drop := share < 1
				if drop && record.TraceID().IsEmpty() {
					drop = rand.Float64() >= share
				} else if drop {
					drop = !keeps(record.TraceID(), share)
				}
				if drop {
					dropped.Add(sc.Scope().Name(), record)
				}
				return drop
			})
			return sc.LogRecords().Len() == 0
		})
		return r.ScopeLogs().Len() == 0
	})
	if d.ResourceLogs().Len() > 0 {
		if err := next.ConsumeLogs(ctx, d); err != nil {
			return err
		}
	}
	if len(dropped) > 0 {
		s.dropped("logs", dropped.Tallies())
	}
	return nil
}

func (l Logs) share(n plog.SeverityNumber) float64 {
	switch {
	case n < plog.SeverityNumberTrace:
		return l.Unknown
	case n < plog.SeverityNumberDebug:
		return l.Trace
	case n < plog.SeverityNumberInfo:
		return l.Debug
	case n < plog.SeverityNumberWarn:
		return l.Info
	case n < plog.SeverityNumberError:
		return l.Warn
	}
	return l.Error
}
