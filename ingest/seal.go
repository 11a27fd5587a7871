package ingest

import (
	"context"
	"fmt"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/internal/clock"
)

// sealing is how far a generation has got on its way into a segment.
type sealing struct {
	written  bool
	segments []*catalog.Segment // their objects are written: of its records, and of what was counted of them
	failures int
}

// sealAll is a worker: it seals what is queued until ctx ends.
func (in *Ingest) sealAll(ctx context.Context) {
	for {
		h, ok := in.queue.Next(ctx)
		if !ok {
			return
		}
		pause := in.sealOldest(h)
		if !in.queue.Done(h, pause) {
			h.owner.retireEmpty(h)
		}
	}
}

// sealOldest seals the oldest of a head's frozen generations that are in memory, and says how long to wait before the next attempt. The steps can be cut
// anywhere: until the commit the log has the records, and the objects are nobody's; after it the catalog has them, and a replay passes over them.
func (in *Ingest) sealOldest(h *head) (pause time.Duration) {
	g, o := h.toSeal(), h.owner
	if g == nil || o.ctx.Err() != nil {
		return 0
	}
	if g.sealing == nil {
		g.sealing = &sealing{}
	}
	began := time.Now()
	seal := in.seal
	if in.spool != nil {
		seal = in.sealLocally
	}
	err := seal(o, h, g)
	if err == nil {
		if in.spool == nil {
			in.metrics.sealSeconds.Observe(time.Since(began).Seconds())
			in.sealed(o, g.sealing.segments)
		}
		return 0
	}
	if o.ctx.Err() != nil {
		for _, s := range g.sealing.segments {
			in.pending.remove(s.ID)
		}
		return 0
	}
	g.sealing.failures++
	pause = min(sealRetryMin<<min(g.sealing.failures-1, 10), sealRetryMax)
	in.metrics.sealFailures.WithLabelValues(h.key.Signal.String()).Inc()
	if in.shards[o.shard].sealFailed(err) {
		o.log.Error("a seal failed; it is tried until it succeeds, the records stay searchable and in the log", "error", err)
	}
	return pause
}

// seal writes the generation's segments and commits them.
func (in *Ingest) seal(o *owner, h *head, g *generation) error {
	in.step("frozen")
	if !g.sealing.written {
		segments, err := in.write(o.ctx, in.store, h, g)
		if err != nil {
			return err
		}
		g.sealing.segments, g.sealing.written = segments, true
	}
	in.step("written")
	return in.commitSealed(o, h, g, g.sealing.segments)
}

// sealLocally writes the generation's segment to the spool, where it takes the place of the rows in memory and waits to be uploaded.
func (in *Ingest) sealLocally(o *owner, h *head, g *generation) error {
	in.step("frozen")
	if err := in.spool.Admit(); err != nil {
		return err
	}
	segments, err := in.write(o.ctx, in.spool.Dir, h, g)
	if err != nil {
		return err
	}
	l, err := in.spool.Open(o.ctx, h.key.Signal, segments)
	if err != nil || !h.localize(g, l) {
		for _, s := range segments {
			in.discardFrom(o.ctx, in.spool.Dir, s.ID)
		}
		return err
	}
	if in.shards[o.shard].sealSucceeded(time.Now().UTC()) {
		o.log.Info("seals succeed again")
	}
	in.uploads.Add(h)
	return nil
}

// commitSealed commits a generation's segments, which are whole in the store, gives the generation up and trims the log. What was counted of the records
// is committed with them: never one without the other.
func (in *Ingest) commitSealed(o *owner, h *head, g *generation, segments []*catalog.Segment) error {
	err := o.commit(o.ctx, reasonSeal, g, func(cm *catalog.Commit) {
		for _, s := range segments {
			cm.Added = append(cm.Added, *s)
		}
		cm.Positions = []catalog.Position{{Signal: h.key.Signal, Tenant: h.key.Tenant, Position: g.to}}
	})
	if err != nil {
		return err
	}
	in.step("applied")
	for _, s := range segments {
		in.pending.remove(s.ID)
	}
	h.giveUp(g)
	in.step("given up")
	o.trim(o.ctx)
	g.end()
	in.step("trimmed")
	return nil
}

// write makes the generation's segments: of its records, and of what was counted of them. Counting comes second, so that it holds no memory while the
// larger segment is written.
func (in *Ingest) write(ctx context.Context, st store.Store, h *head, g *generation) (segments []*catalog.Segment, err error) {
	part, err := g.content.Part(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			for _, s := range segments {
				in.discardFrom(ctx, st, s.ID)
			}
			segments = nil
		}
	}()
	parts := []func() (index.Part, error){
		func() (index.Part, error) { return part, nil },
		func() (index.Part, error) { return g.content.Counts(ctx, part) },
	}
	for _, next := range parts {
		p, err := next()
		if err != nil {
			return segments, err
		}
		if p == nil || p.Info().Rows == 0 {
			continue
		}
		s, err := in.writePart(ctx, st, h, p)
		if err != nil {
			return segments, err
		}
		segments = append(segments, s)
	}
	if n := g.content.Overflow(); n > 0 {
		in.metrics.countedOther.WithLabelValues(h.key.Signal.String()).Add(float64(n))
	}
	return segments, nil
}

// writePart makes a segment. Each attempt has an id of its own: an object is only ever put once.
func (in *Ingest) writePart(ctx context.Context, st store.Store, h *head, part index.Part) (*catalog.Segment, error) {
	now, signal := clock.Now().UTC(), part.Info().Signal
	id := segment.NewID(h.key.Shard, signal, now)
	in.pending.add(id)
	stats, err := segment.Write(ctx, st, id, []index.Part{part}, segment.Options{})
	if err != nil {
		in.discardFrom(ctx, st, id)
		return nil, fmt.Errorf("write segment of %s of %s: %w", signal, h.key.Tenant, err)
	}
	return &catalog.Segment{
		ID: id, Shard: h.key.Shard, Signal: signal, Tenant: h.key.Tenant, Rows: stats.Rows, Records: stats.Records,
		MinTime: stats.MinTime, MaxTime: stats.MaxTime, Bytes: stats.Bytes, Created: now,
	}, nil
}

// discard removes what a failed attempt may have left. If it can't, Collect will.
func (in *Ingest) discard(ctx context.Context, id string) { in.discardFrom(ctx, in.store, id) }

func (in *Ingest) discardFrom(ctx context.Context, st store.Store, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := segment.Delete(ctx, st, id); err != nil {
		in.log.Debug("what a failed seal left can't be removed now; it is collected later", "segment", id, "error", err)
	}
	in.pending.remove(id)
}

// sealed notes a success.
func (in *Ingest) sealed(o *owner, segments []*catalog.Segment) {
	if in.shards[o.shard].sealSucceeded(time.Now().UTC()) {
		o.log.Info("seals succeed again")
	}
	for _, s := range segments {
		in.metrics.seals.WithLabelValues(s.Signal.String()).Inc()
		in.metrics.sealedBytes.WithLabelValues(s.Signal.String()).Add(float64(s.Bytes))
		o.log.Debug("sealed", "segment", s.ID, "rows", s.Rows, "bytes", s.Bytes)
		if in.onSealed != nil {
			in.onSealed(*s)
		}
	}
}

// shrink seals the largest live generations while there is more in memory than allowed.
func (in *Ingest) shrink() {
	for {
		if live, _ := in.room.get(); live <= in.cfg.HeadBytes {
			return
		}
		var largest *head
		var most int64
		var oldest time.Time
		for _, h := range in.allHeads() {
			bytes, born := h.liveSize()
			if bytes > most || bytes == most && bytes > 0 && born.Before(oldest) {
				largest, most, oldest = h, bytes, born
			}
		}
		if largest == nil {
			return
		}
		largest.freeze()
	}
}

// sealAged seals what has waited long enough, in shards that have caught up: while they replay, everything is old. While nothing can be uploaded it
// rests: sealing would free nothing of the log, and leave many small segments.
func (in *Ingest) sealAged(now time.Time) {
	if in.spool.IsFailing() {
		return
	}
	for _, o := range in.allOwners() {
		if !o.caughtUp() {
			continue
		}
		for _, h := range o.allHeads() {
			if bytes, born := h.liveSize(); bytes > 0 && now.Sub(born) >= in.cfg.SealAfter {
				h.freeze()
			}
		}
	}
}

// Seal seals everything that is in the log of every shard now (among peers: of those owned here), and returns once it is committed, in the catalog and trimmed from the log. It waits
// for as long as that takes: until the shards are owned here, and until a store that is away is back.
func (in *Ingest) Seal(ctx context.Context) error {
	var heads []*head
	for shard := range in.shardCount() {
		if in.peers != nil && in.owner(shard) == nil {
			continue // another process's
		}
		o, err := in.sealShard(ctx, shard)
		if err != nil {
			return fmt.Errorf("seal shard %d: %w", shard, err)
		}
		heads = append(heads, o.allHeads()...)
	}
	return in.waitSealed(ctx, heads)
}

// sealOwner is Seal for one shard.
func (in *Ingest) sealOwner(ctx context.Context, o *owner) error {
	if err := in.freezeAll(ctx, o); err != nil {
		return fmt.Errorf("seal shard %d: %w", o.shard, err)
	}
	return in.waitSealed(ctx, o.allHeads())
}

// waitSealed waits until what the heads have frozen is in segments.
func (in *Ingest) waitSealed(ctx context.Context, heads []*head) error {
	for _, h := range heads {
		for _, g := range h.pending() {
			select {
			case <-g.done:
			case <-ctx.Done():
				return fmt.Errorf("seal: %w", ctx.Err())
			}
		}
		if h.owner.ctx.Err() != nil {
			return fmt.Errorf("seal shard %d: its owner ended meanwhile: %w", h.owner.shard, context.Cause(h.owner.ctx))
		}
	}
	return nil
}

// sealShard waits until the shard's log has been consumed, and freezes its heads.
func (in *Ingest) sealShard(ctx context.Context, shard int) (*owner, error) {
	o, err := in.waitOwner(ctx, shard)
	if err != nil {
		return nil, err
	}
	return o, in.freezeAll(ctx, o)
}

// freezeAll waits until the log of an owner's shard has been consumed, and freezes its heads.
func (in *Ingest) freezeAll(ctx context.Context, o *owner) error {
	state, err := in.shardLog.State(ctx, o.shard)
	if err != nil {
		return err
	}
	if err := o.waitConsumed(ctx, state.Last); err != nil {
		return err
	}
	for _, h := range o.allHeads() {
		h.freeze()
	}
	return nil
}
