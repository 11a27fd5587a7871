package otlpreceiver

import (
	"context"
	"net"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"clew/collector/quota"
	"clew/internal/access"
	"clew/internal/ledger"
)

// Type is the component's type in the Collector's configuration.
var Type = component.MustNewType("otlp")

// Deps are what the receivers of a process share.
type Deps struct {
	Registerer prometheus.Registerer
	// InFlightBytesMax bounds the requests in flight: their decompressed bodies and what they decode to. A request that
	// needs more by itself is too large.
	InFlightBytesMax int64
	// RecordBytesMax bounds one record (protobuf); a larger one is rejected, the others of its request are kept.
	RecordBytesMax int
	// Quota is charged with each body before it is decoded.
	Quota *quota.Quota
	// Book is told what came of numbered batches, and of agents' heartbeats.
	Book *ledger.Book
	// Ways are further protocols on the port of OTLP over HTTP.
	Ways Ways
	// Access asks who sends; nil: nobody does.
	Access *access.Guard
	// Listening, if not nil, is told where a receiver listens, before Start returns.
	Listening func(id component.ID, protocol string, addr net.Addr)
}

// factory makes one receiver for each configuration, whatever the number of pipelines it is in.
type factory struct {
	deps      Deps
	metrics   *Metrics
	admission *admission

	mu        sync.Mutex
	receivers map[*Config]*otlpReceiver
}

// NewFactory registers the receivers' metrics and returns the component's factory. Its receivers share the bound of bytes
// in flight.
func NewFactory(deps Deps) (receiver.Factory, error) {
	f := &factory{deps: deps, admission: &admission{max: deps.InFlightBytesMax}, receivers: map[*Config]*otlpReceiver{}}
	var err error
	f.metrics, err = newMetrics(deps.Registerer, func() float64 { return float64(f.admission.inUse.Load()) })
	if err != nil {
		return nil, err
	}
	return receiver.NewFactory(Type, createDefaultConfig,
		receiver.WithTraces(func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces) (receiver.Traces, error) {
			return f.add(set, cfg.(*Config), tracesEndpoint(next)), nil
		}, component.StabilityLevelStable),
		receiver.WithLogs(func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
			return f.add(set, cfg.(*Config), logsEndpoint(next)), nil
		}, component.StabilityLevelStable),
		receiver.WithMetrics(func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
			return f.add(set, cfg.(*Config), metricsEndpoint(next)), nil
		}, component.StabilityLevelStable),
	), nil
}

// add gives the configuration's receiver one more signal.
func (f *factory) add(set receiver.Settings, cfg *Config, ep *endpoint) *otlpReceiver {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.receivers[cfg]
	if r == nil {
		r = &otlpReceiver{
			id: set.ID, cfg: cfg, telemetry: set.TelemetrySettings,
			metrics: f.metrics, admission: f.admission, quota: f.deps.Quota, book: f.deps.Book, recordBytesMax: f.deps.RecordBytesMax, listening: f.deps.Listening, ways: f.deps.Ways, guard: f.deps.Access,
			forget: func() { f.remove(cfg) },
		}
		f.receivers[cfg] = r
	}
	r.endpoints = append(r.endpoints, ep)
	return r
}

// remove forgets a receiver that has been shut down: a reload makes a new one.
func (f *factory) remove(cfg *Config) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.receivers, cfg)
}
