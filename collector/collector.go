// Package collector takes telemetry in: an OpenTelemetry Collector in this process, with clew's own OTLP receiver at
// one end of its pipelines and the exporter to the shard log at the other.
//
//	sender --OTLP--> otlpreceiver --pdata--> (pipelines) --> logexporter --messages--> shard log
//
// Between them is nothing that answers early: no queue, no batch processor. When a sender is told "success", each of its
// records is durable; batching happens at the end, where concurrent requests share an append. The Collector gives the
// servers (TLS, CORS, compression), the pipelines and the configuration, so that further receivers and processors can be
// added to it; it opens no port of its own and logs through our logger.
package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/otelcol"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sync/errgroup"

	"clew/collector/heartbeat"
	"clew/collector/logexporter"
	"clew/collector/otlpreceiver"
	"clew/collector/quota"
	"clew/internal/access"
	"clew/internal/ledger"
	"clew/internal/otelembed"
	"clew/internal/receivers/stock"
	"clew/internal/receivers/way"
)

// Deps are what the collector is given.
type Deps struct {
	// Log is open while Run runs.
	Log        logexporter.Log
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Book is told what comes and what becomes of it. Nil: nobody asks.
	Book *ledger.Book
	// Access asks who sends. Nil: nobody does.
	Access *access.Guard
	// Version of clew, for the Collector's own messages.
	Version string
}

// Addrs is where the OTLP receiver listens; nil for a protocol that is turned off.
type Addrs struct {
	GRPC, HTTP net.Addr
}

// Collector receives telemetry and appends it to the shard log.
type Collector struct {
	cfg       Config
	deps      Deps
	exporter  *logexporter.Exporter
	quota     *quota.Quota
	factories otelcol.Factories
	ready     chan struct{}
	readyOnce sync.Once

	mu    sync.Mutex
	addrs Addrs
}

// New makes a collector. Nothing listens until Run.
func New(cfg Config, deps Deps) (*Collector, error) {
	if errs := cfg.Validate(); len(errs) > 0 {
		return nil, fmt.Errorf("collector configuration: %w", errors.Join(errs...))
	}
	c := &Collector{cfg: cfg, deps: deps, ready: make(chan struct{})}
	var err error
	if c.exporter, err = logexporter.New(cfg.Log, deps.Log, deps.Logger, deps.Registerer); err != nil {
		return nil, fmt.Errorf("shard log exporter: %w", err)
	}
	if c.quota, err = quota.New(cfg.Tenants, deps.Registerer); err != nil {
		return nil, fmt.Errorf("tenants' limits: %w", err)
	}
	metrics, err := way.NewMetrics(deps.Registerer)
	if err != nil {
		return nil, fmt.Errorf("receivers: %w", err)
	}
	if deps.Book == nil {
		deps.Book = ledger.NewBook(time.Now())
	}
	ways := cfg.Receivers.ways(metrics)
	ways.OfLogs = append(ways.OfLogs, heartbeat.Mount(deps.Book))
	otlp, err := otlpreceiver.NewFactory(otlpreceiver.Deps{
		Registerer:       deps.Registerer,
		InFlightBytesMax: cfg.OTLP.InFlightBytesMax,
		RecordBytesMax:   min(cfg.OTLP.RecordBytesMax, c.exporter.RecordBytesMax()),
		Quota:            c.quota,
		Book:             deps.Book,
		Ways:             ways,
		Access:           deps.Access,
		Listening:        c.listening,
	})
	if err != nil {
		return nil, fmt.Errorf("otlp receiver: %w", err)
	}
	c.factories, err = factories(deps.Logger, append(stock.Factories(metrics, deps.Access), otlp), logexporter.NewFactory(c.exporter, c.quota, deps.Book), stock.ExtensionFactory(metrics, deps.Access), func() {
		c.readyOnce.Do(func() { close(c.ready) })
	})
	if err != nil {
		return nil, fmt.Errorf("component factories: %w", err)
	}
	return c, nil
}

// listening keeps the addresses of the receiver that Config.OTLP describes.
func (c *Collector) listening(id component.ID, protocol string, addr net.Addr) {
	if id != component.NewID(otlpreceiver.Type) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if protocol == "grpc" {
		c.addrs.GRPC = addr
	} else {
		c.addrs.HTTP = addr
	}
}

// Ready is closed when requests are taken.
func (c *Collector) Ready() <-chan struct{} { return c.ready }

// Addrs is where the receiver listens, complete once Ready is closed. With a configured port of 0 it has the real one.
func (c *Collector) Addrs() Addrs {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addrs
}

// Tenants describes the tenants that send, with their limits.
func (c *Collector) Tenants() []quota.Status { return c.quota.Status() }

// SetTenants changes what tenants may send, from now on. The limits must be valid.
func (c *Collector) SetTenants(limits quota.Config) { c.quota.SetConfig(limits) }

// SetShards changes over how many of the log's shards records are spread, from now on.
func (c *Collector) SetShards(n int) { c.exporter.SetShards(n) }

// Run takes requests until ctx ends; then it stops listening, finishes the requests in flight, and returns nil.
func (c *Collector) Run(ctx context.Context) error {
	col, err := otelcol.NewCollector(otelcol.CollectorSettings{
		Factories:               func() (otelcol.Factories, error) { return c.factories, nil },
		BuildInfo:               component.BuildInfo{Command: "clew", Description: "clew collector", Version: c.deps.Version},
		DisableGracefulShutdown: true, // signals are the process's, which ends ctx
		ConfigProviderSettings:  otelcol.ConfigProviderSettings{ResolverSettings: c.cfg.resolver()},
		LoggingOptions:          []zap.Option{zap.WrapCore(func(zapcore.Core) zapcore.Core { return otelembed.NewSlogCore(c.deps.Logger) })},
		SkipSettingGRPCLogger:   true, // it is one for the process
	})
	if err != nil {
		return fmt.Errorf("make the OpenTelemetry Collector: %w", err)
	}
	// The exporter outlives the receivers: their requests in flight wait for it.
	appending, stopAppending := context.WithCancelCause(context.WithoutCancel(ctx))
	var g errgroup.Group
	g.Go(func() error { return c.exporter.Run(appending) })
	err = col.Run(ctx)
	stopAppending(errors.New("the collector has stopped"))
	if err := g.Wait(); err != nil {
		return fmt.Errorf("shard log exporter: %w", err)
	}
	if err != nil {
		return fmt.Errorf("run the OpenTelemetry Collector: %w", err)
	}
	if ctx.Err() == nil {
		// A component reported a fatal error, which the Collector logs and does not return.
		return errors.New("the OpenTelemetry Collector stopped by itself: its log says why")
	}
	return nil
}
