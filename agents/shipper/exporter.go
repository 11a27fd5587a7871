package shipper

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
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
	"clew/agents/origin"
)

// Type is the exporter's name in a configuration.
var Type = component.MustNewType("clew")

// Factory makes the exporter's factory. The three signals of an exporter share one Shipper.
func (g *Group) Factory() exporter.Factory {
	mutates := consumer.Capabilities{MutatesData: true}
	return exporter.NewFactory(Type, defaultConfig,
		exporter.WithLogs(func(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
			e := &end{group: g, set: set, cfg: cfg.(*Config)}
			logs, err := consumer.NewLogs(e.logs, consumer.WithCapabilities(mutates))
			return struct {
				component.Component
				consumer.Logs
			}{e, logs}, err
		}, component.StabilityLevelStable),
		exporter.WithTraces(func(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
			e := &end{group: g, set: set, cfg: cfg.(*Config)}
			traces, err := consumer.NewTraces(e.traces)
			return struct {
				component.Component
				consumer.Traces
			}{e, traces}, err
		}, component.StabilityLevelStable),
		exporter.WithMetrics(func(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
			e := &end{group: g, set: set, cfg: cfg.(*Config)}
			metrics, err := consumer.NewMetrics(e.metrics)
			return struct {
				component.Component
				consumer.Metrics
			}{e, metrics}, err
		}, component.StabilityLevelStable))
}

// end is the end of pipelines of one signal.
type end struct {
	group   *Group
	set     exporter.Settings
	cfg     *Config
	shipper *Shipper
}

// Start is part of component.Component.
func (e *end) Start(context.Context, component.Host) (err error) {
	e.shipper, err = e.group.start(e.set, e.cfg)
	return err
}

// Shutdown is part of component.Component. What is queued stays on disk.
func (e *end) Shutdown(context.Context) error {
	if e.shipper == nil {
		return nil
	}
	return e.group.stop(e.set.ID)
}

func (e *end) logs(ctx context.Context, logs plog.Logs) error {
	before := origin.OfLogs(logs)
	pass := e.shipper.door.Admit(logs)
	if len(pass.Replayed) > 0 || pass.JournalReplayed > 0 {
		var replayed []diskqueue.Tally
		if pass.JournalReplayed > 0 {
			replayed = append(replayed, diskqueue.Tally{Origin: diskqueue.Origin{Kind: "journald"}, Records: pass.JournalReplayed})
		}
		for path, n := range pass.Replayed {
			replayed = append(replayed, diskqueue.Tally{Origin: diskqueue.Origin{Kind: "file", Name: path}, Records: n})
		}
		e.shipper.queue.CountReplayed("logs", replayed)
		before = origin.OfLogs(logs)
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
	return e.put(ctx, "spans", diskqueue.Entry{Payload: payload, Tallies: origin.OfTraces(traces)})
}

func (e *end) metrics(ctx context.Context, metrics pmetric.Metrics) error {
	payload, err := pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto()
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	return e.put(ctx, "metrics", diskqueue.Entry{Payload: payload, Tallies: origin.OfMetrics(metrics)})
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
