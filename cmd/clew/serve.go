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
	"strings"
	"sync/atomic"
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
	"clew/ingest/members"
	"clew/ingest/shardlog"
	"clew/internal/ledger"
	"clew/query/engine"
	"clew/query/parts"
	"clew/query/promapi"
)

// process is the parts of clew that its roles ask for, wired. Those of other roles are nil (role_*.go).
type process struct {
	cfg       Config
	logger    *slog.Logger
	registry  *prometheus.Registry
	log       theLog
	cluster   *shardlog.Cluster // log, where NATS runs elsewhere; else nil
	lock      *os.File          // on the data directory, where the log has none
	board     *members.Board    // of the other processes; nil: there are none
	called    string            // what this process is called
	life      string            // this life of it
	asked     askedDeletions    // that the others are told of
	accepted  acceptedLosses    // likewise
	store     store.Store
	remote    *remote // nil: the store is a directory
	rate      logRate
	catalog   *catalog.Catalog
	ingest    *ingest.Ingest
	segments  *parts.Segments
	engine    *engine.Engine
	flight    *flight // between the processes of a cluster; nil: there are none
	promql    *promapi.API
	rules     *rules
	delivery  deliverer // of alerts
	words     *wordindex.Index
	feeder    *parts.Feeder
	traces    *traceindex.Index
	collector *collector.Collector
	book      *ledger.Book
	started   time.Time
	// hasBeenReady is whether a process of a cluster was ready once.
	hasBeenReady atomic.Bool
	reloads      *reloader // nil: none
	formats      formats
	doors        *doors
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
	if listener, err = secured(listener, cfg.TLS, logger); err != nil {
		return err
	}
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
	p.doors.warn(logger, cfg.TLS, &cfg.Collector)
	return p.run(ctx, listener)
}

// open opens the data and makes the parts; nothing runs yet.
func (p *process) open(ctx context.Context) error {
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := p.openLog(ctx); err != nil {
		return err
	}
	p.registry.MustRegister(&logCollector{log: p.log}, p.book, newTimeGauge())
	if err := p.openBoard(); err != nil {
		return err
	}
	if err := p.openDoors(); err != nil {
		return err
	}
	roles := p.cfg.Roles
	if roles.has(roleIngest) || roles.has(roleQuery) {
		// After the log, which is locked: from here on the data directory is ours.
		if err := p.openStore(ctx); err != nil {
			return err
		}
		p.catalog = catalog.New()
		if err := p.catalog.Restore(ctx, p.store, p.logger.With("part", "catalog")); err != nil {
			return err
		}
		if err := p.checkPair(ctx); err != nil {
			return err
		}
		cache := p.newCache()
		p.registry.MustRegister(&cacheCollector{cache: cache})
		if roles.has(roleIngest) {
			if err := p.openIngest(ctx, cache); err != nil {
				return err
			}
		}
		if roles.has(roleQuery) {
			if err := p.openQuery(cache); err != nil {
				return err
			}
		}
		if err := p.openFlight(cache); err != nil {
			return err
		}
	}
	p.shareBook() // before anything is noted in it
	if roles.has(roleCollector) {
		return p.openCollector()
	}
	return nil
}

func (p *process) close() {
	if p.flight != nil {
		p.flight.close()
	}
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
	if p.doors != nil {
		if err := p.doors.close(); err != nil {
			p.logger.Error("close the audit log", "error", err)
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
	if p.lock != nil {
		_ = p.lock.Close() // nothing was written to it
	}
}

// run runs all parts. When ctx ends the collector stops first and answers its requests in flight; the parts that it needs stop after it.
func (p *process) run(ctx context.Context, listener net.Listener) error {
	base, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, base := errgroup.WithContext(base)
	group.Go(func() error { return p.log.Run(base) })
	if p.board != nil {
		group.Go(func() error { return p.runCluster(base) })
	}
	group.Go(func() error { return p.server().Run(base, listener) })
	if p.catalog != nil {
		group.Go(func() error { return p.adviseRepair(p.followCatalog(base)) })
	}
	if p.ingest != nil {
		group.Go(func() error { return p.ingest.Run(base) })
	}
	if p.flight != nil {
		group.Go(func() error { return p.flight.run(base) })
	}
	if p.engine != nil {
		p.runQuery(base, group)
	}
	group.Go(func() error {
		defer stop()
		if p.collector != nil {
			return p.runCollector(ctx, base)
		}
		select {
		case <-ctx.Done():
		case <-base.Done():
		}
		return nil
	})
	go p.announce(base)
	if p.reloads != nil {
		go p.reloads.run(base, p)
	}
	go p.rate.run(base, func() uint64 { return p.log.Stats().AppendBytes })
	err := group.Wait()
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		p.logger.Info("stopped")
		return nil
	}
	return err
}

// followCatalog keeps the catalog up to date. A process of a cluster that was away for so long that commits were purged goes on from the snapshot that holds them.
func (p *process) followCatalog(ctx context.Context) error {
	for {
		err := p.catalog.Follow(ctx, p.log)
		var trimmed *shardlog.TrimmedError
		if p.cluster == nil || !errors.As(err, &trimmed) {
			return err
		}
		p.logger.Warn("commits were purged that this process has not seen; it goes on from a snapshot of the catalog", "error", err)
		if err := p.advanceCatalog(ctx); err != nil {
			return err
		}
	}
}

// advanceCatalog tries until it succeeds, ctx ends (which is no error), or the snapshot is of a newer version.
func (p *process) advanceCatalog(ctx context.Context) error {
	for {
		err := p.catalog.Advance(ctx, p.store, p.logger.With("part", "catalog"))
		var newer *catalog.VersionError
		if err == nil || errors.As(err, &newer) {
			return err
		}
		p.logger.Warn("the catalog can't go on from a snapshot; tried anew", "after", advanceRetry, "error", err)
		select {
		case <-time.After(advanceRetry):
		case <-ctx.Done():
			return nil
		}
	}
}

// advanceRetry paces a process that has missed commits, while the object store is away.
const advanceRetry = 5 * time.Second

// adviseRepair adds to an error of the commit stream what to do about it.
func (p *process) adviseRepair(err error) error {
	var version *catalog.VersionError
	var newer *shardlog.UnknownVersionError
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &version) || errors.As(err, &newer) {
		return err
	}
	if p.cluster != nil {
		return fmt.Errorf("%w\nclew does not guess which segments exist, and nothing of that is in this process's own directory. Is nats.urls the NATS of this cluster, with all of its disks?\nIf CLEW_COMMITS is lost or damaged there: "+
			"restore the last backup, or what the bucket has (clew restore --log-lost), below another prefix and with empty streams (docs/deploy.md, Backup and restore)", err)
	}
	return fmt.Errorf("%w\nclew does not guess which segments exist. See what is wrong with\n  clew check %s\nand mend it with\n  clew check --repair %s", err, p.cfg.Data, p.cfg.Data)
}

func pprofHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// ready says whether everything acknowledged before the start is searchable and new records are taken, as far as that is this process's business.
func (p *process) ready() error {
	if p.collector != nil {
		select {
		case <-p.collector.Ready():
		default:
			return errors.New("the collector does not listen yet")
		}
	}
	// Shards that a process of a cluster takes over later do not make it unready: it answers for everything else, and says what is missing.
	if p.ingest != nil && !p.hasBeenReady.Load() && !p.ingest.Ready() {
		return errors.New("the log is being replayed")
	}
	if p.catalog != nil {
		select {
		case <-p.catalog.CaughtUp():
		default:
			return errors.New("the catalog is being read")
		}
	}
	if p.board != nil && !p.hasBeenReady.Load() {
		if _, known := p.board.Others(time.Now()); !known && p.engine != nil {
			return errors.New("it is not known yet who the other processes are")
		}
		p.hasBeenReady.Store(true)
	}
	return nil
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
	where := []any{"version", version, "after", time.Since(p.started).Round(time.Millisecond), "ui_and_api", scheme(p.cfg.TLS) + "://" + p.cfg.HTTP}
	if p.collector != nil {
		where = append(where, "otlp_grpc", p.cfg.Collector.OTLP.GRPC.Endpoint, "otlp_http", "http://"+p.cfg.Collector.OTLP.HTTP.Endpoint)
	}
	if p.cluster != nil {
		where = append(where, "roles", strings.Join(p.cfg.Roles, ","), "nats", p.cluster.ServerVersion(), "shards", p.cluster.Shards())
	}
	p.logger.Info("clew is ready", append(where, "data", p.cfg.Data)...)
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
