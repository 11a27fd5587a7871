// Package agents is the node agent: an OpenTelemetry Collector in process whose default configuration needs no file.
//
//	files, journal, host metrics, OTLP of local apps --> host, sample, redact --> queue on disk --> any of the collectors
//
// Sources that can wait (files, the journal) do: a batch is handed on synchronously up to the queue, and what has not been taken is
// not checkpointed. The configuration is the Collector's own, so that what people know and have works; Compose makes the default for
// the host and merges theirs over it.
package agents

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/otelcol"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"clew/agents/host"
	"clew/agents/shipper"
	"clew/internal/otelembed"
	"clew/internal/receivers/way"
)

// Deps are what an agent is given.
type Deps struct {
	Logger  *slog.Logger
	Version string
	// Host is what heartbeats say of the machine.
	Host host.Host
	// Registry is given the agent's own counters; nil is for an agent that does not run.
	Registry prometheus.Registerer
}

// Agent collects what a host says and ships it.
type Agent struct {
	deps      Deps
	group     *shipper.Group
	ways      *way.Metrics
	composed  *Composed
	ready     chan struct{}
	readyOnce sync.Once
}

// New makes an agent that runs a composed configuration. Nothing is opened until Run.
func New(composed *Composed, deps Deps) (*Agent, error) {
	if deps.Registry == nil {
		deps.Registry = prometheus.NewRegistry()
	}
	a := &Agent{deps: deps, composed: composed, ready: make(chan struct{})}
	a.group = shipper.NewGroup(a.about())
	var err error
	if a.ways, err = way.NewMetrics(deps.Registry); err != nil {
		return nil, err
	}
	if err := deps.Registry.Register(a.group); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return a, nil
}

// Ready is closed when everything has been started.
func (a *Agent) Ready() <-chan struct{} { return a.ready }

func (a *Agent) about() shipper.About {
	h := a.deps.Host
	return shipper.About{Host: h.Name, Version: a.deps.Version, OS: h.Description, CPUs: h.CPUs, MemoryBytes: h.MemoryBytes, Containers: h.Virtual != "", K8s: h.Kubernetes}
}

func (a *Agent) collector() (*otelcol.Collector, error) {
	return otelcol.NewCollector(otelcol.CollectorSettings{
		Factories: func() (otelcol.Factories, error) {
			return factories(a.deps.Logger, a.group, a.ways, func() { a.readyOnce.Do(func() { close(a.ready) }) })
		},
		BuildInfo:               component.BuildInfo{Command: "clew agent", Description: "clew agent", Version: a.deps.Version},
		DisableGracefulShutdown: true, // signals are the process's, which ends ctx
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			// ${env:NAME} keeps secrets out of files.
			ResolverSettings: otelembed.Resolver(a.composed.Config, envprovider.NewFactory()),
		},
		LoggingOptions:        []zap.Option{zap.WrapCore(func(zapcore.Core) zapcore.Core { return otelembed.NewSlogCore(a.deps.Logger) })},
		SkipSettingGRPCLogger: true, // it is one for the process
	})
}

// Validate returns what the Collector has to say about the configuration, each problem with its key path.
func (a *Agent) Validate(ctx context.Context) error {
	col, err := a.collector()
	if err != nil {
		return fmt.Errorf("make the OpenTelemetry Collector: %w", err)
	}
	return col.DryRun(ctx)
}

// Run collects and ships until ctx ends; then sources are left where they are, and it returns nil.
func (a *Agent) Run(ctx context.Context) error {
	err := a.runComposed(ctx)
	if again := a.composed.anew(err); again != nil {
		for _, note := range again.Notes {
			if !slices.Contains(a.composed.Notes, note) {
				a.deps.Logger.Warn(note)
			}
		}
		a.composed = again
		err = a.runComposed(ctx)
	}
	return err
}

func (a *Agent) runComposed(ctx context.Context) error {
	col, err := a.collector()
	if err != nil {
		return fmt.Errorf("make the OpenTelemetry Collector: %w", err)
	}
	if err := col.Run(ctx); err != nil {
		return fmt.Errorf("run the OpenTelemetry Collector: %w", err)
	}
	if ctx.Err() == nil {
		// A component reported a fatal error, which the Collector logs and does not return.
		return errors.New("the OpenTelemetry Collector stopped by itself: its log says why")
	}
	return nil
}
