// Package logexporter is the Collector's exporter to the shard log.
//
// A request is acknowledged when all its records are durable, and making something durable costs one fsync however
// much it is. So concurrent requests share appends: the records of one (shard, tenant, signal) gather in a group
// while the shard's previous append is in flight, and become one message when it has ended. When the log is idle a group
// is appended at once, so a lone request never waits for company.
//
//	request ─┐  partition   ┌─ lane of shard 0: groups ── writer ── Append
//	request ─┼──────────────┼─ lane of shard 1: groups ── writer ── Append
//	request ─┘              └─ ...
//
// Requests do the work of adding their records to a group's columns; the writer turns columns into bytes outside
// any lock that requests need. Nothing is queued beyond a request's answer: when the log is full, slow or away, requests
// are refused with the reason and the time to wait ([refusal.Error]).
package logexporter

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/client"

	"clew/collector/refusal"
	"clew/ingest/shardlog"
	"clew/internal/clock"
	"clew/internal/ledger"
	"clew/internal/telemetry"
)

// Log is what the exporter needs of the shard log; [shardlog.Log] has it.
type Log interface {
	MessageBytesMax() int
	Append(ctx context.Context, shard int, m *shardlog.Message) (shardlog.Position, error)
}

// Exporter appends pdata to the shard log. Its Consume methods may be called concurrently, while Run runs.
type Exporter struct {
	cfg    Config
	log    Log
	logger *slog.Logger
	count  *counters
	// lanes are those of the shards that new requests use.
	lanes atomic.Pointer[[]*lane]
	// life is the part that the source ids of this exporter have in common.
	life string
	// messageBytes is where a group is full, batchBytesMax what a message can hold.
	messageBytes, batchBytesMax int
	pending                     atomic.Int64
	stopped                     atomic.Bool

	mu    sync.Mutex
	all   []*lane     // of all shards that there ever were
	start func(*lane) // starts a lane's writers; nil: Run has not begun, or has ended
}

// New makes an exporter with a valid configuration. It appends nothing until Run.
func New(cfg Config, log Log, logger *slog.Logger, reg prometheus.Registerer) (*Exporter, error) {
	var life [8]byte
	if _, err := rand.Read(life[:]); err != nil {
		return nil, fmt.Errorf("make source id: %w", err)
	}
	e := &Exporter{
		cfg: cfg, log: log, logger: logger,
		life:          hex.EncodeToString(life[:]),
		batchBytesMax: log.MessageBytesMax() - envelopeBytes,
	}
	if e.batchBytesMax < 4<<10 {
		return nil, fmt.Errorf("shard log takes messages of %d bytes: want at least %d", log.MessageBytesMax(), 4<<10+envelopeBytes)
	}
	// A builder's size is about an upper bound of what it encodes to; the rest is for the columns' own bytes and the last
	// record. What does not fit all the same is split (split.go).
	e.messageBytes = min(cfg.MessageBytes, e.batchBytesMax/4*3)
	e.SetShards(cfg.Shards)
	var err error
	if e.count, err = newCounters(reg, func() float64 { return float64(e.pending.Load()) }); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return e, nil
}

// RecordBytesMax is the largest record (OTLP protobuf) that is sure to fit a message.
func (e *Exporter) RecordBytesMax() int { return e.batchBytesMax / 2 }

// SetShards changes over how many shards records are spread. Requests that have come before finish as they began: what is appended again because nobody knows
// what became of it goes to the shard that it went to first, whose owner drops what it has.
func (e *Exporter) SetShards(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.all) < n {
		l := newLane(len(e.all), e.cfg.Linger)
		e.all = append(e.all, l)
		if e.start != nil {
			e.start(l)
		}
	}
	lanes := e.all[:n:n]
	e.lanes.Store(&lanes)
}

// Run appends until ctx ends. End it after the last Consume has returned: what is pending then is refused.
func (e *Exporter) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	e.mu.Lock()
	e.start = func(l *lane) {
		for i := range e.cfg.Writers {
			w := &writer{e: e, lane: l, source: fmt.Sprintf("collector/%s/%d/%d", e.life, l.shard, i)}
			wg.Go(func() { w.run(ctx) })
		}
	}
	for _, l := range e.all {
		e.start(l)
	}
	e.mu.Unlock()
	<-ctx.Done()
	e.mu.Lock()
	e.start = nil
	all := e.all
	e.mu.Unlock()
	wg.Wait()
	e.stopped.Store(true)
	for _, l := range all {
		for g := l.oldest(); g != nil; g = l.oldest() {
			e.giveUp(l, g, &refusal.Error{Kind: refusal.Unavailable, Reason: "shutdown", Err: context.Cause(ctx)})
		}
	}
	return nil
}

// tenantOf reads the tenant from the client's metadata, where receivers put it.
func tenantOf(ctx context.Context) (string, error) {
	values := client.FromContext(ctx).Metadata.Get(telemetry.TenantHeader)
	switch {
	case len(values) == 0:
		return telemetry.DefaultTenant, nil
	case len(values) > 1:
		return "", &refusal.Error{Kind: refusal.Invalid, Reason: "tenant", Err: fmt.Errorf("%s: want one value, have %d", telemetry.TenantHeader, len(values))}
	}
	if err := telemetry.CheckTenant(values[0]); err != nil {
		return "", &refusal.Error{Kind: refusal.Invalid, Reason: "tenant", Err: fmt.Errorf("%s: %w", telemetry.TenantHeader, err)}
	}
	return values[0], nil
}

// begin admits a request or says why not.
func (e *Exporter) begin(ctx context.Context, signal telemetry.Signal) (*request, error) {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	if e.stopped.Load() {
		return nil, &refusal.Error{Kind: refusal.Unavailable, Reason: "shutdown", Err: fmt.Errorf("the exporter has stopped")}
	}
	if n := e.pending.Load(); n >= e.cfg.PendingBytesMax {
		return nil, refusal.Overloaded("pending_bytes", refusal.RetryAfterMin, "%d bytes wait for the shard log, the limit is %d", n, e.cfg.PendingBytesMax)
	}
	r := &request{e: e, key: key{signal, tenant}, now: clock.Now(), lanes: *e.lanes.Load()}
	if n := ledger.NumberOf(ctx); n != nil {
		r.source, r.seq = ledger.SourceID(tenant, n.Source, len(r.lanes)), n.Seq
	}
	return r, nil
}

// checkSlow refuses when an append to the lane's shard has been in flight for too long.
func (e *Exporter) checkSlow(l *lane, now time.Time) error {
	if since := l.slowSince(); !since.IsZero() && now.Sub(since) > e.cfg.SlowAfter {
		return refusal.Overloaded("slow_log", slowRetryAfter, "an append to shard %d has been in flight for %s", l.shard, now.Sub(since).Round(time.Millisecond))
	}
	return nil
}

// giveUp ends a group that no writer has taken: nothing of it was written.
func (e *Exporter) giveUp(l *lane, g *group, err error) {
	l.drop(g)
	if g.close() {
		e.pending.Add(-int64(g.bytes))
		g.finish(err)
	}
}
