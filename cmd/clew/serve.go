package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"clew/collector"
	"clew/index/catalog"
	"clew/index/store"
	"clew/index/traceindex"
	"clew/index/wordindex"
	"clew/ingest"
	"clew/ingest/shardlog"
	"clew/internal/ledger"
	"clew/query/api"
	"clew/query/engine"
	"clew/query/parts"
	"clew/query/promapi"
	"clew/ui"
)

// process is all parts of clew in one process, wired.
type process struct {
	cfg       Config
	logger    *slog.Logger
	registry  *prometheus.Registry
	log       *shardlog.Embedded
	store     store.Store
	remote    *remote // nil: the store is a directory
	rate      logRate
	catalog   *catalog.Catalog
	ingest    *ingest.Ingest
	segments  *parts.Segments
	engine    *engine.Engine
	promql    *promapi.API
	rules     *rules
	delivery  deliverer // of alerts
	words     *wordindex.Index
	feeder    *parts.Feeder
	traces    *traceindex.Index
	collector *collector.Collector
	book      *ledger.Book
	started   time.Time
	reloads   *reloader // nil: none
}

// serve runs clew until ctx ends. reloads may be nil: the configuration stays as it is.
func serve(ctx context.Context, cfg Config, logger *slog.Logger, reloads *reloader) error {
	data, err := filepath.Abs(cfg.Data)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	cfg.Data = data
	if err := os.MkdirAll(data, 0o750); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	// Ports first: a second clew on the same ports should say so, not find the data in use.
	listener, err := net.Listen("tcp", cfg.HTTP)
	if err != nil {
		return fmt.Errorf("listen for UI and API (--http): %w", err)
	}
	defer listener.Close()
	if limit := limitMemory(cfg.MemoryLimitBytes); limit > 0 {
		logger.Debug("soft memory limit", "bytes", limit)
	}
	paceCollector()
	p := &process{cfg: cfg, logger: logger, registry: prometheus.NewRegistry(), started: time.Now(), reloads: reloads, book: ledger.NewBook(time.Now())}
	if err := p.open(ctx); err != nil {
		p.close()
		return err
	}
	defer p.close()
	p.warnOpen()
	return p.run(ctx, listener)
}

// open opens the data and makes the parts; nothing runs yet.
func (p *process) open(ctx context.Context) error {
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var err error
	p.log, err = shardlog.Open(ctx, shardlog.Config{
		Dir: filepath.Join(p.cfg.Data, "log"), Shards: p.cfg.Shards, LogBytesMax: p.cfg.Log.BytesMax, FreeBytesMin: p.cfg.Log.FreeBytesMin,
		Logger: p.logger.With("part", "log"),
	})
	if err != nil {
		return err
	}
	p.registry.MustRegister(&logCollector{log: p.log}, p.book)
	// After the log, which is locked: from here on the data directory is ours.
	if err := p.openStore(ctx); err != nil {
		return err
	}
	p.catalog = catalog.New()
	if err := p.catalog.Restore(ctx, p.store, p.logger.With("part", "catalog")); err != nil {
		return err
	}
	if p.cfg.Ingest.Retention, err = retentionFor(p.cfg, p.cfg.Data); err != nil {
		return err
	}
	// Shards that were there before and are not now still hold records.
	p.cfg.Ingest.Shards = max(p.cfg.Shards, p.log.ShardsStored())
	cache := p.newCache()
	p.registry.MustRegister(&cacheCollector{cache: cache})
	senders := &busy{stats: p.log.Stats}
	p.ingest, err = ingest.New(p.cfg.Ingest, ingest.Deps{
		Log: p.log, Commits: p.log, Leases: p.log, Store: p.store, Catalog: p.catalog, Spool: p.ingestSpool(cache),
		Logger: p.logger.With("part", "ingest"), Registerer: p.registry, Selector: p.selector,
		Busy: func() string { return senders.why(time.Now()) }, OnRemoved: p.forget,
	})
	if err != nil {
		return err
	}
	p.book.UseStored(func() (map[string]ledger.Stored, bool) { return p.ingest.SourceAccounts(ctx) })
	p.book.UseSampled(p.ingest.Sampled)
	source := parts.NewSegments(p.catalog, p.store, cache, p.ingest, p.logger.With("part", "query"))
	p.segments = source
	// A cache as the vocabulary index below.
	p.traces, err = traceindex.Open(filepath.Join(p.cfg.Data, "traces"), traceindex.DefaultLimits(), p.logger.With("part", "traces"))
	if err != nil {
		return err
	}
	source.UseTraces(p.traces)
	p.registry.MustRegister(&tracesCollector{traces: p.traces, segments: source})
	p.engine = engine.New(source, engine.Limits{
		Queries: p.cfg.Query.Concurrency, Deadline: p.cfg.Query.Timeout,
		Memory: int(p.cfg.Query.MemoryBytes), MemoryTotal: p.cfg.Query.MemoryTotalBytes, ScanBytes: p.cfg.Query.ScanBytesMax,
	}, p.logger.With("part", "query"))
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
	p.collector, err = collector.New(p.cfg.Collector, collector.Deps{
		Log: p.log, Logger: p.logger.With("part", "collector"), Registerer: p.registry, Version: version, Book: p.book,
	})
	return err
}

func (p *process) close() {
	if p.engine != nil {
		p.engine.Close()
	}
	if p.promql != nil {
		if err := p.promql.Close(); err != nil {
			p.logger.Error("close the PromQL engine", "error", err)
		}
	}
	if p.traces != nil {
		if err := p.traces.Close(); err != nil {
			p.logger.Error("close the trace index", "error", err)
		}
	}
	if p.words != nil {
		if err := p.words.Close(); err != nil {
			p.logger.Error("close the vocabulary index", "error", err)
		}
	}
	if p.log != nil {
		if err := p.log.Close(); err != nil {
			p.logger.Error("close the log", "error", err)
		}
	}
	if p.remote != nil {
		if err := p.remote.close(); err != nil {
			p.logger.Error("close the store", "error", err)
		}
	}
}

// run runs all parts. When ctx ends the collector stops first and answers its requests in flight; the parts that it needs stop after it.
func (p *process) run(ctx context.Context, listener net.Listener) error {
	base, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, base := errgroup.WithContext(base)
	group.Go(func() error { return p.log.Run(base) })
	group.Go(func() error { return p.adviseRepair(p.catalog.Follow(base, p.log)) })
	group.Go(func() error { return p.ingest.Run(base) })
	group.Go(func() error { return p.server().Run(base, listener) })
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
	group.Go(func() error {
		receiving, cancel := context.WithCancel(ctx)
		defer cancel()
		defer stop()
		// A part that fails ends the collector too.
		context.AfterFunc(base, cancel)
		return p.collector.Run(receiving)
	})
	go p.announce(base)
	if p.reloads != nil {
		go p.reloads.run(base, p)
	}
	go p.restoreBook(base)
	go p.rate.run(base, func() uint64 { return p.log.Stats().AppendBytes })
	err := group.Wait()
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		p.logger.Info("stopped")
		return nil
	}
	return err
}

// adviseRepair adds to an error of the commit stream what to do about it.
func (p *process) adviseRepair(err error) error {
	var version *catalog.VersionError
	var newer *shardlog.UnknownVersionError
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &version) || errors.As(err, &newer) {
		return err
	}
	return fmt.Errorf("%w\nclew does not guess which segments exist. See what is wrong with\n  clew check %s\nand mend it with\n  clew check --repair %s", err, p.cfg.Data, p.cfg.Data)
}

func (p *process) server() *api.Server {
	deps := api.Deps{
		Engine: p.engine, Ready: p.ready, Seal: p.ingest.Seal, Registry: p.registry, Logger: p.logger.With("part", "api"),
		Status: p.status, Hosts: p.hosts(), Book: p.book, Deletions: deletions{p.ingest}, Catalog: func() ([]byte, error) { return p.catalog.Current().Snapshot() },
		UI: ui.Handler(ui.Facts{
			Version: version, HTTP: p.cfg.HTTP, OTLPGRPC: p.cfg.Collector.OTLP.GRPC.Endpoint, OTLPHTTP: p.cfg.Collector.OTLP.HTTP.Endpoint, Data: p.cfg.Data,
		}),
	}
	deps.Metrics, deps.Prometheus, deps.Rules, deps.Alertmanager = p.promql.Native(), p.promql.Prometheus(), p.rules, p.alertmanagerAPI()
	if isLoopback(p.cfg.HTTP) {
		deps.Pprof = pprofHandler()
	}
	return api.New(deps)
}

func pprofHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// ready says whether everything acknowledged before the start is searchable and new records are taken.
func (p *process) ready() error {
	select {
	case <-p.collector.Ready():
	default:
		return errors.New("the collector does not listen yet")
	}
	if !p.ingest.Ready() {
		return errors.New("the log is being replayed")
	}
	return nil
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

// announce says once where everything is.
func (p *process) announce(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for p.ready() != nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	p.logger.Info("clew is ready", "version", version, "after", time.Since(p.started).Round(time.Millisecond), "ui_and_api", "http://"+p.cfg.HTTP,
		"otlp_grpc", p.cfg.Collector.OTLP.GRPC.Endpoint, "otlp_http", "http://"+p.cfg.Collector.OTLP.HTTP.Endpoint, "data", p.cfg.Data)
}

// warnOpen warns where others than this host can reach clew, which asks nobody who they are.
func (p *process) warnOpen() {
	type open struct{ what, address string }
	opens := []open{
		{"UI and API", p.cfg.HTTP}, {"OTLP over gRPC", p.cfg.Collector.OTLP.GRPC.Endpoint}, {"OTLP over HTTP", p.cfg.Collector.OTLP.HTTP.Endpoint},
	}
	for _, name := range p.cfg.Collector.Receivers.Own() {
		opens = append(opens, open{name, net.JoinHostPort(p.cfg.Collector.Receivers.Host, "*")})
	}
	for _, a := range opens {
		if a.address != "" && !isLoopback(a.address) {
			p.logger.Warn("open to the network without credentials: anyone who reaches it can use it", "what", a.what, "address", a.address)
		}
	}
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
