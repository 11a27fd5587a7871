package main

import (
	"context"
	"errors"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"clew/index/segment"
	"clew/index/traceindex"
	"clew/index/wordindex"
	"clew/query/api"
	"clew/query/engine"
	"clew/query/parts"
	"clew/ui"
)

// openQuery makes what answers.
func (p *process) openQuery(cache *segment.Cache) error {
	source := parts.NewSegments(p.catalog, p.store, cache, p.heads(), p.logger.With("part", "query"))
	p.segments = source
	var err error
	// A cache as the vocabulary index below.
	p.traces, err = traceindex.Open(filepath.Join(p.cfg.Data, "traces"), traceindex.DefaultLimits(), p.logger.With("part", "traces"))
	if err != nil {
		return err
	}
	source.UseTraces(p.traces)
	p.registry.MustRegister(&tracesCollector{traces: p.traces, segments: source})
	p.engine = engine.New(source, p.engineLimits(), p.logger.With("part", "query"))
	p.registry.MustRegister(p.engine)
	p.promql = p.newPromQL()
	if err := p.openRules(); err != nil {
		return err
	}
	// The vocabulary index is a cache: it may be deleted while clew is stopped, and answers are the same without it.
	p.words, err = wordindex.Open(filepath.Join(p.cfg.Data, "vocabulary"), wordindex.DefaultLimits(), p.logger.With("part", "vocabulary"))
	if err != nil {
		return err
	}
	p.registry.MustRegister(&wordsCollector{words: p.words})
	p.engine.UseIndex(p.words)
	p.feeder = parts.NewFeeder(source, p.words, p.logger.With("part", "vocabulary"))
	return nil
}

// engineLimits are those of the configuration.
func (p *process) engineLimits() engine.Limits {
	return engine.Limits{
		Queries: p.cfg.Query.Concurrency, Deadline: p.cfg.Query.Timeout,
		Memory: int(p.cfg.Query.MemoryBytes), MemoryTotal: p.cfg.Query.MemoryTotalBytes, ScanBytes: p.cfg.Query.ScanBytesMax,
	}
}

// heads are where records of this process are that are in no segment yet; nil: it owns no shards. Those of others are asked (cluster_flight.go).
func (p *process) heads() parts.Heads {
	if p.ingest != nil {
		return p.ingest
	}
	return nil
}

// runQuery starts what answers, and what it is fed by.
func (p *process) runQuery(base context.Context, group *errgroup.Group) {
	group.Go(func() error { return p.rules.ruler.Run(base) })
	group.Go(func() error { return p.delivery.Run(base) })
	go p.hearHangups(base)
	group.Go(func() error {
		if !p.catchUp(base) {
			return nil
		}
		if err := p.feeder.Run(base); err != nil {
			// It goes on answering from what it holds, and what it lacks is matched directly.
			p.logger.Error("the vocabulary index takes no more", "error", err)
		}
		return nil
	})
	group.Go(func() error {
		if !p.catchUp(base) {
			return nil
		}
		feeder := traceindex.NewFeeder(p.traces, p.catalog, p.store, p.logger.With("part", "traces"))
		if err := feeder.Run(base); err != nil {
			p.logger.Error("the trace index takes no more", "error", err)
		}
		return nil
	})
	go p.restoreBook(base)
}

// catchUp waits until the catalog is what it was when clew stopped, and says whether it came to that. What is fed from the catalog begins then: on the
// way there it names segments that were merged or deleted since, which would be called damaged, and lacks others, which would be forgotten.
func (p *process) catchUp(ctx context.Context) bool {
	select {
	case <-p.catalog.CaughtUp():
		return true
	case <-ctx.Done():
		return false
	}
}

// errNotHere answers requests that only an owner of shards can do something about.
var errNotHere = errors.New("this process owns no shards: ask one with the ingest role")

// server is the process's HTTP interface. Every process has one, for health, metrics and status; with the query role it answers.
func (p *process) server() *api.Server {
	deps := api.Deps{
		Ready: p.ready, Registry: p.registry, Logger: p.logger.With("part", "api"), Book: p.book,
		Status: func(ctx context.Context) any { return narrowed(ctx, p.status(ctx)) }, Access: p.doors.guard, Audit: p.doors.audit, Open: p.doors.open,
		Seal: func(context.Context) error { return errNotHere }, Deletions: noDeletions{},
		Cluster: p.clusterStatus, SetShards: p.changeShards,
	}
	if p.catalog != nil {
		deps.Catalog = func() ([]byte, error) { return p.catalog.Current().Snapshot() }
		deps.AcceptLosses = p.acceptLosses
		deps.Deletions = deletions{p}
	}
	if p.ingest != nil {
		deps.Seal = p.ingest.Seal
	}
	if p.engine != nil {
		deps.Engine, deps.Hosts = p.engine, p.hosts()
		facts := ui.Facts{
			Version: version, HTTP: p.cfg.HTTP, OTLPGRPC: p.cfg.Collector.OTLP.GRPC.Endpoint, OTLPHTTP: p.cfg.Collector.OTLP.HTTP.Endpoint, Data: p.cfg.Data,
		}
		if p.collector == nil { // nothing listens there: for people to put the collectors' address in, which is a load balancer's as a rule
			facts.OTLPGRPC, facts.OTLPHTTP = "COLLECTOR:4317", "COLLECTOR:4318"
		}
		deps.UI = ui.Handler(facts)
		deps.Metrics, deps.Prometheus, deps.Rules, deps.Alertmanager = p.promql.Native(), p.promql.Prometheus(), p.rules, p.alertmanagerAPI()
	}
	if isLoopback(p.cfg.HTTP) || p.doors.guard.On() { // which a running clew does not turn off
		deps.Pprof = pprofHandler()
	}
	return api.New(deps)
}
