package shipper

import (
	"context"
	"errors"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"clew/agents/diskqueue"
	"clew/agents/replay"
)

// Type is the exporter's name in a configuration.
var Type = component.MustNewType("clew")

// NewFactory makes the exporter's factory. The three signals of an exporter share one Shipper; about is what heartbeats say of the agent.
func NewFactory(about About) exporter.Factory {
	shared := &shippers{about: about, by: map[component.ID]*shared{}}
	mutates := consumer.Capabilities{MutatesData: true}
	return exporter.NewFactory(Type, defaultConfig,
		exporter.WithLogs(func(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
			e := &end{shared: shared, set: set, cfg: cfg.(*Config)}
			logs, err := consumer.NewLogs(e.logs, consumer.WithCapabilities(mutates))
			return struct {
				component.Component
				consumer.Logs
			}{e, logs}, err
		}, component.StabilityLevelStable),
		exporter.WithTraces(func(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
			e := &end{shared: shared, set: set, cfg: cfg.(*Config)}
			traces, err := consumer.NewTraces(e.traces)
			return struct {
				component.Component
				consumer.Traces
			}{e, traces}, err
		}, component.StabilityLevelStable),
		exporter.WithMetrics(func(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
			e := &end{shared: shared, set: set, cfg: cfg.(*Config)}
			metrics, err := consumer.NewMetrics(e.metrics)
			return struct {
				component.Component
				consumer.Metrics
			}{e, metrics}, err
		}, component.StabilityLevelStable))
}

// end is the end of pipelines of one signal.
type end struct {
	shared  *shippers
	set     exporter.Settings
	cfg     *Config
	shipper *Shipper
}

// Start is part of component.Component.
func (e *end) Start(context.Context, component.Host) (err error) {
	e.shipper, err = e.shared.start(e.set, e.cfg)
	return err
}

// Shutdown is part of component.Component. What is queued stays on disk.
func (e *end) Shutdown(context.Context) error {
	if e.shipper == nil {
		return nil
	}
	return e.shared.stop(e.set.ID)
}

func (e *end) logs(ctx context.Context, logs plog.Logs) error {
	before := tallyLogs(logs)
	pass := e.shipper.door.Admit(logs)
	if len(pass.Replayed) > 0 {
		var replayed []diskqueue.Tally
		for path, n := range pass.Replayed {
			replayed = append(replayed, diskqueue.Tally{Origin: diskqueue.Origin{Kind: "file", Name: path}, Records: n})
		}
		e.shipper.queue.CountReplayed("logs", replayed)
		before = tallyLogs(logs)
	}
	if logs.LogRecordCount() == 0 {
		return nil
	}
	entry := diskqueue.Entry{Tallies: before, Waits: true}
	for _, t := range before {
		entry.Waits = entry.Waits && (t.Kind == "file" || t.Kind == "journald")
	}
	for key, value := range pass.Marks {
		entry.Marks = append(entry.Marks, diskqueue.Mark{Key: key, Value: value})
	}
	var err error
	if entry.Payload, err = plogotlp.NewExportRequestFromLogs(logs).MarshalProto(); err != nil {
		return consumererror.NewPermanent(err)
	}
	if err := e.put(ctx, "logs", entry); err != nil {
		return err
	}
	pass.Done()
	return nil
}

func (e *end) traces(ctx context.Context, traces ptrace.Traces) error {
	payload, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	return e.put(ctx, "spans", diskqueue.Entry{Payload: payload, Tallies: []diskqueue.Tally{{Origin: diskqueue.Origin{Kind: "otlp"}, Records: traces.SpanCount()}}})
}

func (e *end) metrics(ctx context.Context, metrics pmetric.Metrics) error {
	payload, err := pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto()
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	return e.put(ctx, "metrics", diskqueue.Entry{Payload: payload, Tallies: tallyMetrics(metrics)})
}

// put queues an entry, and tells a source that cannot be kept waiting when to try again.
func (e *end) put(ctx context.Context, lane string, entry diskqueue.Entry) error {
	err := e.shipper.queue.Put(ctx, lane, entry)
	if full, ok := errors.AsType[*diskqueue.FullError](err); ok {
		s := status.New(codes.ResourceExhausted, full.Error())
		if with, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)}); err == nil {
			s = with
		}
		return s.Err()
	}
	if errors.Is(err, diskqueue.ErrLarge) {
		return consumererror.NewPermanent(err)
	}
	return err
}

// tallyLogs counts records by where they come from, which their attributes and scopes tell.
func tallyLogs(logs plog.Logs) []diskqueue.Tally {
	counts := map[diskqueue.Origin]int{}
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				counts[originOf(sl.Scope().Name(), lr.Attributes())]++
			}
		}
	}
	return tallies(counts)
}

func originOf(scope string, attributes pcommon.Map) diskqueue.Origin {
	if path, ok := attributes.Get(replay.PathAttribute); ok {
		return diskqueue.Origin{Kind: "file", Name: path.AsString()}
	}
	for key := range attributes.All() {
		if strings.HasPrefix(key, "journald.") {
			return diskqueue.Origin{Kind: "journald"}
		}
	}
	if strings.Contains(scope, "syslogreceiver") {
		return diskqueue.Origin{Kind: "syslog"}
	}
	for _, key := range []string{"net.transport", "network.transport", "priority", "facility"} { // what the syslog receiver puts on each record
		if _, ok := attributes.Get(key); ok && scope == "" {
			return diskqueue.Origin{Kind: "syslog"}
		}
	}
	return diskqueue.Origin{Kind: "otlp"}
}

// tallyMetrics counts data points. A scraper's scope names it.
func tallyMetrics(metrics pmetric.Metrics) []diskqueue.Tally {
	counts := map[diskqueue.Origin]int{}
	for _, rm := range metrics.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			o := diskqueue.Origin{Kind: "otlp"}
			switch scope := sm.Scope().Name(); {
			case strings.Contains(scope, "hostmetricsreceiver") || strings.HasPrefix(scope, "clew/agents/"):
				o = diskqueue.Origin{Kind: "host"}
			case strings.Contains(scope, "prometheusreceiver"):
				o = diskqueue.Origin{Kind: "prometheus"}
			}
			n := 0
			for _, m := range sm.Metrics().All() {
				n += points(m)
			}
			counts[o] += n
		}
	}
	return tallies(counts)
}

func points(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return m.Summary().DataPoints().Len()
	case pmetric.MetricTypeEmpty:
	}
	return 0
}

func tallies(counts map[diskqueue.Origin]int) []diskqueue.Tally {
	var list []diskqueue.Tally
	for o, n := range counts {
		if n > 0 {
			list = append(list, diskqueue.Tally{Origin: o, Records: n})
		}
	}
	return list
}
