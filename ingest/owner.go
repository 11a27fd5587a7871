package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"clew/index/catalog"
	"clew/ingest/shardlog"
	"clew/ingest/sources"
	"clew/ingest/tailsample"
	"clew/internal/telemetry"
)

// owner serves one shard while it holds its lease: it reads the log into heads and commits what is sealed. All its state can be
// made again from the catalog and the log, and when it ends, it is.
type owner struct {
	in    *Ingest
	shard int
	epoch uint64
	ctx   context.Context // ends with the lease, the process, or the first failure
	stop  context.CancelCauseFunc
	log   *slog.Logger

	read     atomic.Uint64                 // every message up to here has been looked at
	consumed atomic.Uint64                 // every message up to here is in heads, in segments, or rightly nowhere: not so what tail holds
	waiting  atomic.Pointer[chan struct{}] // closed when consumed grows; nil while nobody waits
	target   uint64                        // the log's last position when the owner began

	// turn is whose turn it is to place messages: the consuming goroutine's, or that of the clock, by which tail lets go of some.
	turn  sync.Mutex
	skip  map[headKey]uint64 // what a replay passes over
	spans *sources.Spans
	tail  *tailsample.Stage // nil: every trace is kept

	sources *sources.Known
	losses  losses
	lag     lag
	// forward is up to where the stream is to be moved once what is in it is in segments: it has stepped back behind commits. 0: it has not.
	forward atomic.Uint64

	mu    sync.Mutex
	heads map[headKey]*head

	commitMu sync.Mutex // one commit at a time
	last     uint64     // the shard's last commit
	floor    uint64     // its floor
	ended    bool       // the heads are being emptied: they tell nothing of the floor any more
}

type headKey struct {
	signal telemetry.Signal
	tenant string
}

func compareHeads(a, b *head) int {
	if c := strings.Compare(a.key.Tenant, b.key.Tenant); c != 0 {
		return c
	}
	return int(a.key.Signal) - int(b.key.Signal)
}

// serve takes a shard whenever it can be had, until ctx ends.
func (in *Ingest) serve(ctx context.Context, shard int) {
	for ctx.Err() == nil {
		err := in.own(ctx, shard)
		if ctx.Err() != nil {
			return
		}
		switch {
		case errors.Is(err, errHandedOver):
			in.log.Info("the shard is handed over", "shard", shard)
			continue
		case errors.Is(err, errNotOurTurn):
			continue
		case errors.Is(err, errLeaseLost), errors.Is(err, shardlog.ErrFenced):
			// Nothing is wrong with this process: it takes the shard again where nobody else has.
			in.shards[shard].failed(err)
			in.log.Warn("the shard is another owner's, or free", "shard", shard, "error", err)
			select {
			case <-time.After(ownerRetry):
			case <-ctx.Done():
			}
			continue
		}
		in.unable.Store(time.Now().Add(unableFor).UnixNano())
		in.shards[shard].failed(err)
		in.log.Warn("the shard's owner stopped; the shard is taken anew", "shard", shard, "error", err)
		select {
		case <-time.After(ownerRetry):
		case <-ctx.Done():
		}
	}
}

var (
	// errNotOurTurn says that another process has taken the shard, or is to.
	errNotOurTurn = errors.New("the shard is another process's")
	// errLeaseLost ends an owner whose lease is another's.
	errLeaseLost = errors.New("the lease was lost")
)

// own takes the shard and serves it until something ends that.
func (in *Ingest) own(ctx context.Context, shard int) error {
	in.shards[shard].enter("waiting for the catalog")
	select {
	case <-in.catalog.CaughtUp():
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := in.awaitTurn(ctx, shard); err != nil {
		return err
	}
	in.shards[shard].enter("waiting for the lease")
	try, cancel := in.whileTurn(ctx, shard)
	held, epoch, release, err := in.leases.Acquire(try, shard, in.name)
	cancel()
	if err != nil {
		if in.peers != nil && ctx.Err() == nil && errors.Is(err, context.Canceled) {
			return errNotOurTurn
		}
		return err
	}
	defer release()
	epoch = in.epochAbove(shard, epoch)
	o := &owner{in: in, shard: shard, epoch: epoch, log: in.log.With("shard", shard, "epoch", epoch), heads: map[headKey]*head{}}
	o.ctx, o.stop = context.WithCancelCause(ctx)
	defer o.stop(nil)
	defer context.AfterFunc(held, func() { o.stop(errLeaseLost) })()
	if err := o.start(); err != nil {
		return errors.Join(err, context.Cause(o.ctx))
	}
	defer o.end()
	go o.watch()
	go o.watchLag()
	if in.peers != nil {
		in.LookForDeletions() // what the owner before has not done
	}
	err = o.consumeAll()
	if cause := context.Cause(o.ctx); cause != nil {
		err = cause
	}
	return err
}

// epochAbove is the epoch of a new owner: its lease's, or one above what the catalog knows. A lease's is above by itself, unless the stream of leases was deleted and made
// anew, or came back with less than it had: it counts from lower numbers then.
//
// Who may hold the higher epoch is the owner before. Its commits are fenced by the new owner's first one, whatever the epochs: each names the shard's commit before it. If
// it is still there it sees the higher epoch in the catalog, and ends. Two who take the shard at once may choose the same epoch: one commits first, and the other gives its
// lease back and begins anew (take), so that no two owners ever commit under one epoch.
func (in *Ingest) epochAbove(shard int, lease uint64) uint64 {
	known := in.catalog.Current().Shard(shard).Epoch
	if lease <= known {
		in.log.Warn("the stream of leases counts from lower numbers than it did: it was made anew, or NATS has come back with less than it had", "shard", shard, "lease", lease, "epoch", known+1)
	}
	return max(lease, known+1)
}

// watch ends the owner when the catalog has a later owner's commit: the lease, which it may not be able to renew, is another's then.
func (o *owner) watch() {
	later := func(v *catalog.Version) bool { return v.Shard(o.shard).Epoch > o.epoch }
	if err := o.in.catalog.Wait(o.ctx, later); err == nil {
		o.stop(fmt.Errorf("%w, which has committed", shardlog.ErrFenced))
	}
}

// patiently does a step of the start again while it fails, for a while: a lease can be had before the other streams have leaders again, and a shard that is given back
// for that is without an owner for longer. An owner that has no others to give it back to fails at once.
func (o *owner) patiently(step func() error) error {
	for began := time.Now(); ; {
		err := step()
		if err == nil || o.in.peers == nil || o.ctx.Err() != nil || errors.Is(err, shardlog.ErrFenced) || time.Since(began) > startPatience {
			return err
		}
		o.log.Debug("taking the shard: trying anew", "error", err)
		select {
		case <-time.After(turnEvery):
		case <-o.ctx.Done():
		}
	}
}

// start makes this the shard's only owner, and its state that of the last commit.
func (o *owner) start() error {
	o.in.shards[o.shard].enter("starting")
	if err := o.patiently(o.take); err != nil {
		return err
	}
	v := o.in.catalog.Acquire()
	defer v.Release()
	known := v.Shard(o.shard)
	o.skip = map[headKey]uint64{}
	for _, p := range known.Positions {
		o.skip[headKey{p.Signal, p.Tenant}] = p.Position
	}
	o.read.Store(o.floor)
	o.consumed.Store(o.floor)
	if o.in.sampled != nil {
		var err error
		if o.tail, err = tailsample.New(o.in.cfg.TailSampling, o.floor, o.in.sampled); err != nil {
			return fmt.Errorf("tail sampling: %w", err)
		}
	}
	if err := o.settleStream(&known); err != nil {
		return err
	}
	o.spans = sources.NewSpans(sources.SpansRemembered)
	o.prime(v)
	o.lag.touch(time.Now())
	o.in.adopt(o)
	o.log.Info("shard is ours", "commit", o.last, "floor", o.floor, "behind", o.target-min(o.floor, o.target))
	return nil
}

// take publishes a commit that changes nothing but the epoch. Once it is in, no earlier owner can commit any more, and everything that any
// of them committed is in the catalog.
func (o *owner) take() error {
	for {
		known := o.in.catalog.Current().Shard(o.shard)
		if known.Epoch >= o.epoch {
			return fmt.Errorf("%w of epoch %d", shardlog.ErrFenced, known.Epoch)
		}
		o.last, o.floor = known.Last, known.Floor
		o.sources = sources.New(known.Sources)
		o.consumed.Store(known.Floor)
		err := o.commit(o.ctx, reasonOwn, nil, nil)
		if err == nil || !errors.Is(err, shardlog.ErrFenced) {
			return err
		}
		wait, cancel := context.WithTimeout(o.ctx, fenceWait)
		err = o.in.catalog.Wait(wait, func(v *catalog.Version) bool { return v.Shard(o.shard).Last != known.Last })
		cancel()
		if err != nil {
			return fmt.Errorf("take shard %d: another commit than %d is the last, and it doesn't arrive: %w", o.shard, known.Last, err)
		}
	}
}

// end gives everything up that is not committed.
func (o *owner) end() {
	o.stop(nil)
	o.commitMu.Lock() // after a commit that is under way
	o.ended = true
	o.commitMu.Unlock()
	o.in.abandon(o)
	for _, h := range o.allHeads() {
		h.abandon()
	}
}

// caughtUp says whether what was in the log at the start has been read.
func (o *owner) caughtUp() bool { return o.read.Load() >= o.target }

// advance says that everything up to a position has been consumed.
func (o *owner) advance(position uint64) {
	o.consumed.Store(position)
	if waiting := o.waiting.Swap(nil); waiting != nil {
		close(*waiting)
	}
}

// waitConsumed waits until everything up to a position has been consumed.
func (o *owner) waitConsumed(ctx context.Context, position uint64) error {
	for {
		grows := make(chan struct{})
		for !o.waiting.CompareAndSwap(nil, &grows) {
			if other := o.waiting.Load(); other != nil {
				grows = *other
				break
			}
		}
		if o.consumed.Load() >= position {
			return nil
		}
		select {
		case <-grows:
		case <-o.ctx.Done():
			return context.Cause(o.ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// allHeads are the owner's heads, by tenant and signal.
func (o *owner) allHeads() []*head {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.SortedFunc(maps.Values(o.heads), compareHeads)
}

// headOf returns the key's head, if there is one.
func (o *owner) headOf(k headKey) *head {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.heads[k]
}

// lockedHead returns the key's head, made if need be, with its lock held.
func (o *owner) lockedHead(k headKey) *head {
	for {
		o.mu.Lock()
		h := o.heads[k]
		if h == nil {
			key := catalog.Key{Shard: o.shard, Signal: k.signal, Tenant: k.tenant}
			h = &head{key: key, owner: o, committed: o.in.catalog.Current().Position(key)}
			o.heads[k] = h
		}
		o.mu.Unlock()
		h.mu.Lock()
		if !h.retired {
			return h
		}
		h.mu.Unlock()
		if o.ctx.Err() != nil {
			return nil
		}
	}
}

// retireEmpty forgets a head that holds nothing, so that tenants that have left take no memory.
func (o *owner) retireEmpty(h *head) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.live == nil && len(h.frozen) == 0 && !h.retired {
		h.retired = true
		delete(o.heads, headKey{h.key.Signal, h.key.Tenant})
	}
}
