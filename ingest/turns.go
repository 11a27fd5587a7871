package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"clew/ingest/share"
)

// Peers tells who else owns shards.
type Peers interface {
	// Peers are the other live processes that own shards, or would. known is false until all have had time to be heard.
	Peers(now time.Time) (peers []share.Peer, known bool)
	// Shards is how many shards have a log at this moment, whether or not this process has heard of all.
	Shards(ctx context.Context) (int, error)
}

const (
	// turnEvery paces the look at who owns what.
	turnEvery = 250 * time.Millisecond
	// unableFor is how long a process that could not serve a shard takes no other: what hinders it (its disk, its connection) hinders it there too.
	unableFor = 10 * time.Second
	// steadyFor is how long everything must have been as it is before a shard is handed over: a shard that has just changed hands is replayed first.
	steadyFor = 5 * time.Second
)

// errHandedOver ends an owner whose shard is for another process.
var errHandedOver = errors.New("the shard is handed over: others have fewer")

// Name is this process's in leases, and among peers.
func (in *Ingest) Name() string { return in.name }

// shardCount is how many shards there are.
func (in *Ingest) shardCount() int { return int(in.count.Load()) }

// SetShards makes n shards be served. Fewer than before changes nothing: shards that get no more records are drained, and served for as long as the
// process lives.
func (in *Ingest) SetShards(n int) {
	for {
		old := in.count.Load()
		if int64(n) <= old || n > len(in.shards) {
			return
		}
		if in.count.CompareAndSwap(old, int64(n)) {
			select {
			case in.grown <- struct{}{}:
			default:
			}
			return
		}
	}
}

// serveAll serves all shards, also those that come later, until ctx ends.
func (in *Ingest) serveAll(ctx context.Context, loop func(func(context.Context))) {
	for started := 0; ; {
		for ; started < in.shardCount(); started++ {
			loop(func(shard int) func(context.Context) {
				return func(ctx context.Context) { in.serve(ctx, shard) }
			}(started))
		}
		select {
		case <-in.grown:
		case <-ctx.Done():
			return
		}
	}
}

// OwnedShard is a shard as its owner sees it.
type OwnedShard struct {
	Shard           int
	Epoch           uint64
	CaughtUp        bool
	Floor, Consumed uint64
	BehindSeconds   float64 // for how long something has waited in its log to be read
}

// Owned are the shards that this process owns, ascending.
func (in *Ingest) Owned() []OwnedShard {
	var owned []OwnedShard
	v := in.catalog.Current()
	now := time.Now()
	for _, o := range in.allOwners() {
		behind, _ := o.behind(now)
		owned = append(owned, OwnedShard{
			Shard: o.shard, Epoch: o.epoch, CaughtUp: o.caughtUp(), Floor: v.Shard(o.shard).Floor, Consumed: o.consumed.Load(), BehindSeconds: behind.Seconds(),
		})
	}
	return owned
}

// Able says whether this process may own more shards.
func (in *Ingest) Able(now time.Time) bool {
	select {
	case <-in.catalog.CaughtUp():
	default:
		return false
	}
	return now.UnixNano() >= in.unable.Load()
}

// awaitTurn returns once this process may try to take a shard: nobody owns it, and nobody else with fewer does.
func (in *Ingest) awaitTurn(ctx context.Context, shard int) error {
	free := time.Now()
	for in.peers != nil {
		now := time.Now()
		peers, known := in.peers.Peers(now)
		by, owned := share.Owned(in.name, peers, shard)
		switch {
		case !known:
			in.shards[shard].enter("waiting for word of the others")
			free = now
		case owned:
			in.shards[shard].enter("served by " + by)
			free = now
		case !in.Able(now):
			in.shards[shard].enter("waiting: this process could not serve a shard just now")
		case now.Sub(free) >= share.Patience(in.name, peers, len(in.Owned()), in.shardCount()):
			return nil
		default:
			in.shards[shard].enter("free: left to those that own fewer")
		}
		select {
		case <-time.After(turnEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// whileTurn ends what is returned when the shard turns out to be another's, or others have become fitter to take it.
func (in *Ingest) whileTurn(ctx context.Context, shard int) (context.Context, context.CancelFunc) {
	try, cancel := context.WithCancel(ctx)
	if in.peers == nil {
		return try, cancel
	}
	patience := func(peers []share.Peer) time.Duration {
		return share.Patience(in.name, peers, len(in.Owned()), in.shardCount())
	}
	peers, _ := in.peers.Peers(time.Now())
	first := patience(peers)
	go every(try, turnEvery, func() {
		peers, known := in.peers.Peers(time.Now())
		_, owned := share.Owned(in.name, peers, shard)
		if !known || owned || patience(peers) > first+turnPatience {
			cancel()
		}
	})
	return try, cancel
}

// turnPatience is by how much the patience that is asked of this process may grow while it tries: one that has got other shards meanwhile steps back.
const turnPatience = 2 * time.Second

// even hands shards over when this process has more than others, until ctx ends.
func (in *Ingest) even(ctx context.Context) {
	var before string
	since := time.Now()
	every(ctx, turnEvery, func() {
		now := time.Now()
		peers, known := in.peers.Peers(now)
		owners := in.allOwners()
		if picture := pictureOf(peers, owners); picture != before || !known {
			before, since = picture, now
		}
		if now.Sub(since) < steadyFor || slices.ContainsFunc(owners, func(o *owner) bool { return !o.caughtUp() }) {
			return
		}
		excess := share.Excess(in.name, peers, len(owners), in.shardCount())
		for _, o := range owners[len(owners)-min(excess, len(owners)):] {
			o.stop(errHandedOver)
		}
	})
}

// pictureOf is who owns what, as text.
func pictureOf(peers []share.Peer, owners []*owner) string {
	picture := fmt.Sprint(peers)
	for _, o := range owners {
		picture += fmt.Sprint(" ", o.shard)
	}
	return picture
}
