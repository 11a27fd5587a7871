package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"clew/index/catalog"
	"clew/ingest/shardlog"
	"clew/internal/clock"
)

// commit publishes a commit of the shard and returns once the catalog has it. change fills in what it adds and removes (nil: nothing); sealed
// is the generation whose segment is among that (nil: none). Every commit carries the floor, and what the sources had sent by then.
//
// If it fails, the commit may be there all the same. Then the next one is fenced off by it, and the owner starts anew from what is there.
func (o *owner) commit(ctx context.Context, reason string, sealed *generation, change func(*catalog.Commit)) error {
	o.commitMu.Lock()
	defer o.commitMu.Unlock()
	if o.ended || o.ctx.Err() != nil {
		return fmt.Errorf("commit (%s): the shard's owner has ended: %w", reason, context.Cause(o.ctx))
	}
	cm := catalog.Commit{
		Version: catalog.CommitVersion, Shard: o.shard, Epoch: o.epoch, Last: o.last, Time: clock.Now().UTC(), Reason: reason,
		Floor: o.unsealedAfter(sealed),
	}
	cm.Sources = o.sources.At(cm.Floor)
	if change != nil {
		change(&cm)
	}
	o.repeatPositions(&cm)
	cm.Lost = o.lossesToCommit()
	for _, id := range slices.Concat(cm.Removed, cm.Sampled) {
		if !o.in.catalog.Has(id) {
			return fmt.Errorf("commit (%s): %w", reason, &goneError{id})
		}
	}
	if err := o.in.catalog.Check(&cm); err != nil {
		o.stop(err)
		return err
	}
	data, err := cm.Encode()
	if err != nil {
		return err
	}
	seq, err := o.in.commits.Commit(ctx, o.shard, o.last, data)
	if errors.Is(err, shardlog.ErrFenced) && reason != reasonOwn {
		o.stop(err)
	}
	if err != nil {
		return fmt.Errorf("commit (%s): %w", reason, err)
	}
	o.in.step("committed")
	o.last, o.floor = seq, cm.Floor
	o.losses.settle(len(cm.Lost))
	o.sources.Settle(cm.Floor)
	if o.tail != nil {
		o.tail.Settle(cm.Floor)
	}
	return o.in.catalog.WaitSequence(ctx, seq)
}

// repeatPositions adds to a commit the positions of other keys that earlier commits brought. Nothing changes by them. But if an earlier one is lost
// on disk and its segments are found again (clew check --repair), this one says how far the log is in them, and a replay takes no record twice.
func (o *owner) repeatPositions(cm *catalog.Commit) {
	known := slices.DeleteFunc(o.in.catalog.Current().Shard(o.shard).Positions, func(p catalog.Position) bool {
		return p.Position <= cm.Floor || slices.ContainsFunc(cm.Positions, func(own catalog.Position) bool {
			return own.Signal == p.Signal && own.Tenant == p.Tenant
		})
	})
	// What was sealed last is needed most: the log is trimmed behind the rest first.
	slices.SortFunc(known, func(a, b catalog.Position) int { return cmp.Compare(b.Position, a.Position) })
	cm.Positions = append(cm.Positions, known[:min(len(known), positionsRepeated)]...)
}

const (
	reasonOwn       = "own"
	reasonSeal      = "seal"
	reasonRetention = "retention"
	reasonCompact   = "compact"
	reasonDelete    = "delete"
	reasonSample    = "downsample"
	reasonLost      = "lost"
)

// goneError says that a segment that was to be removed or sampled has been removed by another commit since it was chosen: retention, compaction and deletions work
// side by side, and whoever commits first has it. Nothing was committed.
type goneError struct{ id string }

func (e *goneError) Error() string { return fmt.Sprintf("segment %s is gone already", e.id) }

// unsealedAfter is the floor: the position up to which every message is in segments once sealed is.
func (o *owner) unsealedAfter(sealed *generation) uint64 {
	// First what has been consumed, then the heads: what is consumed in between is above the floor either way.
	floor := o.consumed.Load()
	for _, h := range o.allHeads() {
		if first := h.unsealed(sealed); first > 0 {
			floor = min(floor, first-1)
		}
	}
	if o.tail != nil {
		// A replay needs what decides about the spans above the floor.
		return max(o.floor, o.tail.Floor(floor))
	}
	return floor
}

// trim lets the log forget what every key has in segments.
func (o *owner) trim(ctx context.Context) {
	o.commitMu.Lock()
	floor := o.floor
	o.commitMu.Unlock()
	if err := o.in.shardLog.TrimRead(ctx, o.shard, floor); err != nil && ctx.Err() == nil {
		o.log.Warn("the log can't be trimmed; the next commit tries anew", "position", floor, "error", err)
	}
}
