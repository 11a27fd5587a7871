// Package ingest turns the shard log into segments, and answers for what is not yet in them.
//
// Each shard has one owner, elected by a lease. The owner reads the shard's messages in order into heads, one per signal and tenant: coded columns
// in memory, searchable at once. A head that has grown large, or old, is sealed: it is frozen (new messages start a new
// generation), written as a segment to the object store, and committed. A commit is one message that says which segments there are now, and
// up to which log position each signal and tenant is in them; its expected sequence keeps out whoever is not the owner any more. Only when the catalog has
// the commit does the head give the generation up, and only what every key has in segments is trimmed from the log.
//
// So a crash at any step costs work and no records: an owner begins at the last commit's floor, passes over what its key has in segments, and
// makes the rest of its state anew. What a retry repeats is dropped by its source's sequence, and spans also by their ids.
//
// Where the steps live: owner.go (taking a shard), consume.go (messages into heads), head.go (generations), seal.go and commit.go (heads into segments),
// rewrite.go with compact.go and delete.go (segments into others), retention.go and collect.go (what goes away), status.go and metrics.go (what can
// be seen of it).
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/store"
	"clew/ingest/deletion"
	"clew/ingest/queue"
	"clew/ingest/retention"
	"clew/ingest/shardlog"
	"clew/ingest/spool"
	"clew/ingest/tailsample"
	"clew/internal/clock"
	"clew/internal/telemetry"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// Deps are what ingest stands on. All are needed but Registerer, OnSealed, OnRemoved, Selector and Busy.
type Deps struct {
	Log     shardlog.Log
	Commits shardlog.Commits
	Leases  shardlog.Leases
	Store   store.Store
	// Spool is for a Store that is not here; nil: segments are written straight to the Store.
	Spool *spool.Config
	// Catalog must be kept up to date by its Follow while Run runs.
	Catalog    *catalog.Catalog
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// OnSealed is told of each new segment, after its commit is in the catalog. It must not block.
	OnSealed func(catalog.Segment)
	// OnRemoved is told of segments that are not in the catalog any more: by retention, merged or rewritten into others. It must not block.
	OnRemoved func([]catalog.Segment)
	// Selector makes what a deletion chooses its rows with, by its query and time range. Nil: there are no deletions.
	Selector func(deletion.Request) (Selector, error)
	// Peers are the other processes that own shards; nil: there are none, and this one owns all.
	Peers Peers
	// Busy says why background work had better wait (a word), or "". It is asked several times a second. Nil: never.
	Busy func() string
}

// Ingest owns shards. All methods are safe for concurrent use.
type Ingest struct {
	cfg      Config
	name     string // in leases
	shardLog shardlog.Log
	commits  shardlog.Commits
	leases   shardlog.Leases
	store    store.Store
	catalog  *catalog.Catalog
	log      *slog.Logger
	onSealed func(catalog.Segment)

	onRemoved func([]catalog.Segment)
	busy      func() string
	rewriter  *rewriter

	newSelector func(deletion.Request) (Selector, error)

	room    *room
	queue   *queue.Queue[*head] // heads with generations in memory that wait to be sealed
	uploads *queue.Queue[*head] // heads with local segments that wait to be uploaded
	spool   *spool.Spool        // nil: none
	pending *pendingIDs
	dead    *deadSegments
	metrics *metrics
	sampled *tailsample.Metrics // nil: every trace is kept
	shards  []shardState        // of all that there can be; the first count of them are
	count   atomic.Int64
	grown   chan struct{} // tells Run that count has grown
	peers   Peers
	// commitVersion is the newest version that commits may be written in.
	commitVersion atomic.Int64
	unable        atomic.Int64 // until when this process takes no shard, in nanoseconds

	mu      sync.Mutex
	owners  map[int]*owner
	adopted chan struct{} // closed and replaced when an owner is added

	retention atomic.Pointer[retention.Policy]

	tidying      sync.Mutex
	checkpointed uint64 // sequence of the last checkpoint

	// step is called between the steps whose order crash safety rests on. Tests cut there.
	step func(string)
}

// New checks the configuration and makes an Ingest; Run starts it.
func New(cfg Config, deps Deps) (*Ingest, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	in := &Ingest{
		cfg: cfg, name: fmt.Sprintf("%s-%d-%d", host, os.Getpid(), time.Now().UnixNano()),
		shardLog: deps.Log, commits: deps.Commits, leases: deps.Leases, store: deps.Store, catalog: deps.Catalog,
		log: deps.Logger, onSealed: deps.OnSealed,
		onRemoved: deps.OnRemoved, busy: deps.Busy, rewriter: newRewriter(), newSelector: deps.Selector,
		room: newRoom(), queue: queue.New(bySize), uploads: queue.New(byAge), pending: &pendingIDs{}, dead: &deadSegments{},
		owners: map[int]*owner{}, adopted: make(chan struct{}), step: func(string) {},
	}
	in.SetRetention(cfg.Retention)
	if deps.Spool != nil {
		in.spool = spool.New(*deps.Spool)
	}
	in.shards, in.grown, in.peers = make([]shardState, max(cfg.Shards, shardsMax)), make(chan struct{}, 1), deps.Peers
	in.count.Store(int64(cfg.Shards))
	if in.peers == nil {
		in.commitVersion.Store(catalog.CommitVersion)
	}
	for i := range in.shards {
		in.shards[i].state = "not started"
	}
	if in.metrics, err = newMetrics(in, deps.Registerer); err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	if in.sampled, err = newSampling(in, deps.Registerer); err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	deps.Catalog.OnDead(in.dead.add)
	return in, nil
}

// Run serves the shards until ctx ends, which is no error. It stops at once: what is not sealed is in the log.
func (in *Ingest) Run(ctx context.Context) error {
	if in.spool != nil {
		left, err := in.spool.Clear(ctx)
		if err != nil {
			return fmt.Errorf("ingest: %w", err)
		}
		in.metrics.spoolLeft.Add(float64(left))
		if left > 0 {
			in.log.Info("segments that waited for the object store are made again: the log has their records", "segments", left)
		}
	}
	var group errgroup.Group
	loop := func(f func(context.Context)) {
		group.Go(func() error {
			f(ctx)
			return nil
		})
	}
	loop(func(ctx context.Context) { in.serveAll(ctx, loop) })
	if in.peers != nil {
		loop(in.even)
	}
	for range in.cfg.SealWorkers {
		loop(in.sealAll)
	}
	if in.spool != nil {
		for range in.spool.Uploads {
			loop(in.uploadAll)
		}
	}
	loop(func(ctx context.Context) { every(ctx, tickEvery, func() { in.sealAged(clock.Now()) }) })
	loop(func(ctx context.Context) {
		every(ctx, tickEvery, func() {
			in.commitLosses(ctx)
			in.forwardAll(ctx)
		})
	})
	if in.sampled != nil {
		loop(func(ctx context.Context) { every(ctx, tickEvery, func() { in.releaseAged(ctx) }) })
	}
	loop(in.rewriteAll)
	var collected time.Time
	loop(func(ctx context.Context) {
		every(ctx, janitorEvery, func() {
			in.tidy(ctx)
			// The first time soon after the start: it is crashes that leave something to collect.
			if now := time.Now(); now.Sub(collected) >= collectEvery {
				collected = now
				if _, err := in.Collect(ctx, clock.Now()); err != nil && ctx.Err() == nil {
					in.log.Log(ctx, storeLevel(err), "unused objects can't be collected; tried anew later", "error", err)
				}
			}
		})
	})
	return group.Wait()
}

// every calls f again and again.
func every(ctx context.Context, period time.Duration, f func()) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f()
		case <-ctx.Done():
			return
		}
	}
}

// storeLevel is how loudly a failure is told of. That the store is away is said once, by who asks it.
func storeLevel(err error) slog.Level {
	if store.IsAway(err) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// tidy applies retention, deletes what is gone and writes the catalog down.
func (in *Ingest) tidy(ctx context.Context) {
	if err := in.Retain(ctx, clock.Now()); err != nil && ctx.Err() == nil {
		in.log.Warn("retention failed; tried anew later", "error", err)
	}
	if err := in.deleteDead(ctx, time.Now()); err != nil && ctx.Err() == nil {
		in.log.Log(ctx, storeLevel(err), "objects of removed segments can't be deleted; tried anew later", "error", err)
	}
	if err := in.checkpoint(ctx, checkpointCommits); err != nil && ctx.Err() == nil {
		in.log.Log(ctx, storeLevel(err), "the catalog can't be written down; tried anew later", "error", err)
	}
}

// adopt makes a started owner known to readers and sealers.
func (in *Ingest) adopt(o *owner) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.owners[o.shard] = o
	close(in.adopted)
	in.adopted = make(chan struct{})
	in.shards[o.shard].own()
}

// abandon is the inverse of adopt.
func (in *Ingest) abandon(o *owner) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.owners, o.shard)
	in.shards[o.shard].enter("stopped")
}

// owner returns the shard's owner, if it is this process.
func (in *Ingest) owner(shard int) *owner {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.owners[shard]
}

// waitOwner waits until the shard is owned here.
func (in *Ingest) waitOwner(ctx context.Context, shard int) (*owner, error) {
	for {
		in.mu.Lock()
		o, adopted := in.owners[shard], in.adopted
		in.mu.Unlock()
		if o != nil {
			return o, nil
		}
		select {
		case <-adopted:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// allOwners are the owners in this process, by shard.
func (in *Ingest) allOwners() []*owner {
	in.mu.Lock()
	defer in.mu.Unlock()
	owners := make([]*owner, 0, len(in.owners))
	for _, o := range in.owners {
		owners = append(owners, o)
	}
	slices.SortFunc(owners, func(a, b *owner) int { return a.shard - b.shard })
	return owners
}

func (in *Ingest) allHeads() []*head {
	var heads []*head
	for _, o := range in.allOwners() {
		heads = append(heads, o.allHeads()...)
	}
	return heads
}

// Heads returns what the shards owned here hold of a tenant and signal beside the segments, a view per shard; of metrics also what was counted of
// records, in views of their own. See [index.HeadView] for how
// to read it together with the catalog. With an error, the views are those that could be had: a shard that is being taken, or has not yet read
// what was in its log when it was, lacks acknowledged records, and an answer has to say so.
func (in *Ingest) Heads(ctx context.Context, tenant string, signal telemetry.Signal) ([]index.HeadView, error) {
	var views []index.HeadView
	var lacking lackingError
	for shard := range in.shardCount() {
		o := in.owner(shard)
		if o == nil && in.peers != nil {
			continue // another process's: whoever asks knows which shards it has not asked
		}
		if o == nil {
			lacking = append(lacking, fmt.Errorf("shard %d is being taken", shard))
			continue
		}
		if !o.caughtUp() {
			lacking = append(lacking, fmt.Errorf("shard %d is being read, message %d of %d", shard, o.read.Load(), o.target))
		} else if _, err := o.behind(time.Now()); err != nil {
			lacking = append(lacking, err)
		}
		if ago := in.leases.Unrenewed(shard, time.Now()); ago > unrenewedMax {
			lacking = append(lacking, fmt.Errorf("shard %d: NATS has not answered its owner for %s: another may have it, and newer records", shard, ago.Round(time.Second)))
		}
		v, err := o.viewOf(ctx, headKey{signal, tenant}, (*head).view)
		if err != nil {
			lacking = append(lacking, err)
		} else {
			views = append(views, v)
		}
		if signal == telemetry.Metrics {
			counted, err := o.countsViews(ctx, tenant)
			if err != nil {
				lacking = append(lacking, err)
			}
			views = append(views, counted...)
		}
	}
	if _, frozen := in.room.get(); frozen > in.cfg.FrozenBytes {
		lacking = append(lacking, errors.New("what waits to be sealed is too much: acknowledged records wait in the log to be read"))
	}
	if len(lacking) > 0 {
		return views, lacking
	}
	return views, nil
}

// lackingError is all that views lack, a *BehindError among it where an owner is slow.
type lackingError []error

func (e lackingError) Error() string {
	reasons := make([]string, len(e))
	for i, err := range e {
		reasons[i] = err.Error()
	}
	return strings.Join(reasons, "; ")
}

// Unwrap gives them to errors.As.
func (e lackingError) Unwrap() []error { return e }

// Tenants are the tenants that have records, in segments or heads, sorted.
func (in *Ingest) Tenants() []string {
	tenants := in.catalog.Current().Tenants()
	for _, h := range in.allHeads() {
		tenants = append(tenants, h.key.Tenant)
	}
	slices.Sort(tenants)
	return slices.Compact(tenants)
}

// Ready says whether every shard is owned here, or, among peers, every one that is, and has read what was in its log when it was taken: until then
// an answer lacks records.
func (in *Ingest) Ready() bool {
	owners := in.allOwners()
	for _, o := range owners {
		if !o.caughtUp() {
			return false
		}
	}
	if in.peers != nil {
		// How many there should be is not for one process to say.
		_, known := in.peers.Peers(time.Now())
		return known
	}
	return len(owners) == in.shardCount()
}
