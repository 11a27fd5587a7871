package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clew/index/catalog"
	"clew/ingest/shardlog"
	"clew/internal/clock"
)

// A shard's stream may go astray: it is deleted, replaced, or comes back with less than it had. What the owner has in heads is then the only copy. So it seals everything first, and
// only then lets positions be given out again, from above all that have had a meaning: what is appended there is read.

// settleStream brings the stream into the state in which the last commit left it: trimmed up to the floor (a crash may have come between the two), there, and not
// behind what was committed.
func (o *owner) settleStream(known *catalog.Shard) error {
	meant := o.floor
	for _, p := range known.Positions {
		meant = max(meant, p.Position)
	}
	var state shardlog.State
	var gone *shardlog.GoneError
	look := func() (err error) {
		if state, err = o.in.shardLog.State(o.ctx, o.shard); errors.As(err, &gone) {
			return nil
		}
		return err
	}
	if err := o.patiently(look); err != nil {
		return fmt.Errorf("state of shard %d: %w", o.shard, err)
	}
	if gone != nil {
		o.in.shards[o.shard].enter("its stream is gone from NATS: it is made anew")
		made, err := o.in.shardLog.Remake(o.ctx, o.shard, meant)
		if err != nil {
			return err
		}
		if made {
			o.lost(catalog.Loss{From: o.floor + 1, Reason: shardlog.AnomalyGone})
		}
		if state, err = o.in.shardLog.State(o.ctx, o.shard); err != nil {
			return fmt.Errorf("state of shard %d: %w", o.shard, err)
		}
	}
	if state.Last < meant {
		o.log.Error("the shard's stream ends before what was committed of it: NATS has come back with less than it had; the stream is moved on", "last", state.Last, "floor", o.floor, "committed", meant)
		o.lost(catalog.Loss{From: state.Last + 1, To: meant, Reason: shardlog.AnomalySteppedBack})
		if o.floor < meant {
			o.forward.Store(meant)
		}
	}
	if err := o.patiently(func() error { return o.in.shardLog.Trim(o.ctx, o.shard, o.floor) }); err != nil {
		return fmt.Errorf("trim shard %d: %w", o.shard, err)
	}
	o.target = max(state.Last, o.floor)
	return nil
}

// consumeAll reads the log until the owner ends or the stream goes astray; then what was read is sealed first.
func (o *owner) consumeAll() error {
	for {
		err := o.in.shardLog.Consume(o.ctx, o.shard, o.read.Load(), o.consume)
		var (
			trimmed *shardlog.TrimmedError
			gone    *shardlog.GoneError
			remade  *shardlog.RemadeError
			beyond  *shardlog.BeyondError
		)
		switch {
		case o.ctx.Err() != nil:
			return err
		case errors.As(err, &trimmed):
			if err := o.passOver(trimmed); err != nil {
				return err
			}
		case errors.As(err, &gone), errors.As(err, &remade), errors.As(err, &beyond):
			o.save(err)
			return err
		default:
			return err
		}
	}
}

// passOver goes on after messages that were removed from the stream before they were read, which only the owner may do.
func (o *owner) passOver(t *shardlog.TrimmedError) error {
	last := t.Next - 1
	e := shardlog.Entry{Position: last, Time: clock.Now()}
	if last > o.forward.Load() {
		e.Damage = &shardlog.DamagedMessageError{Shard: o.shard, Position: last, Missing: last - t.After, Cause: "removed from the log before they were read"}
		return o.consume(e)
	}
	o.forward.Store(0)
	o.turn.Lock()
	defer o.turn.Unlock()
	o.release(last)
	o.read.Store(last)
	return o.ctx.Err()
}

// save seals everything that was read, for as long as the shard is ours and that takes, and writes down what is lost.
func (o *owner) save(cause error) {
	o.log.Error("the shard's stream is not what it was; what was read of it is sealed before it is read on", "error", cause)
	var beyond *shardlog.BeyondError
	if !errors.As(cause, &beyond) {
		reason := shardlog.AnomalyRemade
		var gone *shardlog.GoneError
		if errors.As(cause, &gone) {
			reason = shardlog.AnomalyGone
		}
		o.lost(catalog.Loss{From: o.read.Load() + 1, Reason: reason})
	}
	for !o.saved() && o.ctx.Err() == nil {
		select {
		case <-time.After(pauseStep):
		case <-o.ctx.Done():
		}
	}
	// The floor moves with it, so that positions are given out from above.
	err := o.commit(o.ctx, reasonLost, nil, nil)
	if err == nil && beyond != nil && !o.rescue(beyond) {
		err = o.commit(o.ctx, reasonLost, nil, nil)
	}
	if err != nil && o.ctx.Err() == nil {
		o.log.Warn("what is lost of the shard's log can't be written down", "error", err)
	}
}

// rescue keeps what NATS acknowledged at positions that had been read before the stream lost its end. All that was read is in segments. It returns
// false if that can't be done: what is lost by it is noted.
func (o *owner) rescue(b *shardlog.BeyondError) bool {
	o.commitMu.Lock()
	floor := o.floor
	o.commitMu.Unlock()
	n, err := o.in.shardLog.Rescue(o.ctx, o.shard, b.Same, floor)
	if n > 0 {
		o.log.Warn("messages that were acknowledged at positions that had been read before are appended again", "messages", n, "after", b.Same, "floor", floor)
	}
	if err != nil {
		o.log.Error("messages at positions that had been read before can't be appended again", "after", b.Same, "floor", floor, "error", err)
		o.lost(catalog.Loss{From: b.Same + 1, To: max(floor, b.Same+1), Reason: shardlog.AnomalyLost})
	}
	return err == nil
}

// saved freezes the heads and says whether all that was read is in segments.
func (o *owner) saved() bool {
	for _, h := range o.allHeads() {
		h.freeze()
		if len(h.pending()) > 0 {
			return false
		}
	}
	return o.consumed.Load() >= o.read.Load()
}

// forwardAll moves streams that have stepped back behind commits on, once what is in them is in segments. Until then appends to them do not count (shardlog's guard).
func (in *Ingest) forwardAll(ctx context.Context) {
	for _, o := range in.allOwners() {
		to := o.forward.Load()
		if to == 0 || !o.caughtUp() || o.read.Load() >= to || !o.saved() {
			continue
		}
		err := o.commit(ctx, reasonLost, nil, nil)
		if err == nil {
			err = in.shardLog.Trim(ctx, o.shard, to)
		}
		if err != nil && o.ctx.Err() == nil {
			o.log.Warn("the shard's stream can't be moved on; tried anew", "to", to, "error", err)
		}
	}
}
