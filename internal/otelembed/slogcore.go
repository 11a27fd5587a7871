package otelembed

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/service/telemetry"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// TelemetryFactory turns the Collector's own telemetry off, but for its log: its metrics and traces would open a port of
// their own, and clew counts by itself.
func TelemetryFactory(logger *slog.Logger) telemetry.Factory {
	return telemetry.NewFactory(
		func() component.Config { return &struct{}{} },
		telemetry.WithCreateLogger(func(context.Context, telemetry.LoggerSettings, component.Config) (*zap.Logger, component.ShutdownFunc, error) {
			return NewZapLogger(logger), nil, nil
		}),
	)
}

// slogCore sends what the Collector and its components log (by zap) to our logger.
type slogCore struct {
	handler slog.Handler
}

// NewZapLogger makes a zap logger over logger. The Collector's own messages about starting and stopping are news to its
// developers, not to users of clew: its info is our debug.
func NewZapLogger(logger *slog.Logger) *zap.Logger {
	return zap.New(NewSlogCore(logger))
}

// NewSlogCore is the core of NewZapLogger, for who wraps one.
func NewSlogCore(logger *slog.Logger) zapcore.Core {
	return slogCore{logger.With("component", "otelcol").Handler()}
}

func slogLevel(level zapcore.Level) slog.Level {
	switch {
	case level >= zapcore.ErrorLevel:
		return slog.LevelError
	case level == zapcore.WarnLevel:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// Enabled is part of zapcore.Core, as are the following.
func (c slogCore) Enabled(level zapcore.Level) bool {
	return c.handler.Enabled(context.Background(), slogLevel(level))
}

func (c slogCore) With(fields []zapcore.Field) zapcore.Core {
	return slogCore{c.handler.WithAttrs(slogAttrs(fields))}
}

func (c slogCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c slogCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	at := entry.Time
	if at.IsZero() {
		at = time.Now()
	}
	record := slog.NewRecord(at, slogLevel(entry.Level), entry.Message, 0)
	record.AddAttrs(slogAttrs(fields)...)
	return c.handler.Handle(context.Background(), record)
}

func (c slogCore) Sync() error { return nil }

// slogAttrs lets zap encode the fields to plain values.
func slogAttrs(fields []zapcore.Field) []slog.Attr {
	attrs := make([]slog.Attr, 0, len(fields))
	for _, f := range fields {
		enc := zapcore.NewMapObjectEncoder()
		f.AddTo(enc)
		for k, v := range enc.Fields {
			attrs = append(attrs, slog.Any(k, v))
		}
	}
	return attrs
}
