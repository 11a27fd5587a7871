package stock

import (
	"errors"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"clew/internal/receivers/way"
)

// complaints are what the stock receivers say when they cannot read what came where there is nobody to answer to: over UDP, and of syslog. They say it in
// their log and nowhere else, so it is counted there.
var complaints = map[string]bool{
	"Processor failed":                    true, // Jaeger over UDP
	"Scanner error":                       true, // syslog: a frame that does not end, or has a bad length
	"Failed reading messages":             true,
	"Failed to decode data":               true, // not in the encoding that is configured
	"Failed to create entry":              true,
	"IO copy net connection buffer error": true,
}

// counting counts a receiver's complaints as malformed requests of its protocol, and logs them as before.
func counting(logger *zap.Logger, protocol string, m *way.Metrics) *zap.Logger {
	return logger.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core { return &listener{c, protocol, m} }))
}

type listener struct {
	zapcore.Core
	protocol string
	metrics  *way.Metrics
}

// Enabled is part of zapcore.Core: complaints, which are errors, are counted even if they are not logged.
func (l *listener) Enabled(level zapcore.Level) bool {
	return level >= zapcore.ErrorLevel || l.Core.Enabled(level)
}

// With is part of zapcore.Core.
func (l *listener) With(fields []zapcore.Field) zapcore.Core {
	return &listener{l.Core.With(fields), l.protocol, l.metrics}
}

// Check is part of zapcore.Core.
func (l *listener) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if complaints[e.Message] {
		return ce.AddCore(e, l)
	}
	return l.Core.Check(e, ce)
}

// Write is part of zapcore.Core.
func (l *listener) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if !byPipeline(fields) {
		l.metrics.Request(l.protocol, "malformed")
	}
	if !l.Core.Enabled(e.Level) {
		return nil
	}
	return l.Core.Write(e, fields)
}

// byPipeline says whether the complaint is that the pipeline refused, which is counted as that.
func byPipeline(fields []zapcore.Field) bool {
	for _, f := range fields {
		if err, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			var r way.Refusal
			if errors.As(err, &r) {
				return true
			}
		}
	}
	return false
}
