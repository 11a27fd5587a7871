package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/compact"
	"clew/index/segment"
	"clew/ingest/deletion"
	"clew/ingest/pace"
	"clew/internal/clock"
)

// runDeletions does what has been requested and is not done, the oldest first, and says whether nothing is left to do here. A deletion that fails is tried again later.
//
// Each segment that holds rows to go is replaced in a commit of its own, which also counts them. A segment that has been replaced holds none any more: so
// it can be cut anywhere, begun anew, and neither takes nor counts anything twice.
//
// Among peers this process does what is to be done in the shards that it owns, and the others in theirs. What is left to them does not hold up what is next here.
func (in *Ingest) runDeletions(ctx context.Context) (done bool) {
	jobs, err := deletion.List(ctx, in.store, true, math.MaxInt)
	if err != nil {
		if ctx.Err() == nil {
			in.log.Log(ctx, storeLevel(err), "deletions can't be listed; tried anew later", "error", err)
		}
		return false
	}
	in.rewriter.only(jobs)
	for _, job := range slices.Backward(jobs) {
		d := job.Request
		in.rewriter.state.Store("deleting")
		outcome, err := in.runDeletion(ctx, job)
		in.rewriter.state.Store("idle")
		if ctx.Err() != nil {
			return false
		}
		in.rewriter.failed(d.ID, err)
		switch {
		case err != nil:
			in.log.Warn("a deletion failed; it is tried until it succeeds", "deletion", d.ID, "error", err)
			return false
		case outcome == nil:
			in.rewriter.lookAt(time.Now().Add(deletionsAgain)) // it is with others
		default:
			in.metrics.deletions.Inc()
			in.log.Info("a deletion is done", "deletion", d.ID, "records", outcome.Records, "damaged_segments", len(outcome.Damaged))
		}
	}
	return true
}

// runDeletion does what is to be done here of one, and, when all of it is done, writes down what came of it: nil, if it is not.
func (in *Ingest) runDeletion(ctx context.Context, job deletion.State) (*deletion.Outcome, error) {
	d := job.Request
	fail := func(err error) (*deletion.Outcome, error) { return nil, fmt.Errorf("deletion %s: %w", d.ID, err) }
	if err := d.Check(); err != nil {
		return fail(err)
	}
	selector, err := in.newSelector(d)
	if err != nil {
		return fail(err)
	}
	var parts []deletion.Part
	if in.peers == nil {
		for shard := range in.shardCount() {
			o, err := in.waitOwner(ctx, shard)
			if err != nil {
				return fail(err)
			}
			part, err := in.deleteIn(ctx, o, d, selector)
			if err != nil {
				return fail(err)
			}
			parts = append(parts, part)
		}
	} else {
		if err := in.deleteOwned(ctx, job, selector); err != nil {
			return fail(err)
		}
		if parts, err = in.allParts(ctx, d); err != nil {
			return fail(err)
		}
		if parts == nil {
			return nil, nil
		}
	}
	o, err := in.sumUp(ctx, d, parts)
	if err != nil {
		return fail(err)
	}
	in.step("deletion done")
	return o, nil
}

// deleteOwned does a deletion in the shards that are owned here and have no part in it, and writes their parts down.
func (in *Ingest) deleteOwned(ctx context.Context, job deletion.State, selector Selector) error {
	for _, o := range in.allOwners() {
		if slices.Contains(job.Parts, o.shard) {
			continue
		}
		part, err := in.deleteIn(ctx, o, job.Request, selector)
		if err == nil {
			err = part.Put(ctx, in.store)
		}
		switch {
		case err == nil:
			in.log.Info("a deletion is done in a shard", "deletion", job.ID, "shard", o.shard)
			in.step("part of a deletion done")
		case o.ctx.Err() != nil && ctx.Err() == nil:
			// The shard's next owner does it, all of it anew.
		default:
			return err
		}
	}
	return nil
}

// allParts are the parts of a deletion; nil: a shard has none yet.
//
// It is asked how many shards there are after the request was written: what was acknowledged before it is in one of them, even if this process has not heard of it.
func (in *Ingest) allParts(ctx context.Context, d deletion.Request) ([]deletion.Part, error) {
	count, err := in.peers.Shards(ctx)
	if err != nil {
		return nil, err
	}
	v := in.catalog.Acquire()
	for _, s := range v.Segments(d.Tenant, d.Signal, math.MinInt64, math.MaxInt64) {
		count = max(count, s.Shard+1) // of a log that is no more
	}
	v.Release()
	parts, err := deletion.Parts(ctx, in.store, d.ID)
	if err != nil || len(parts) < max(count, d.Shards) {
		return nil, err
	}
	return parts, nil
}

// sumUp writes down what came of a deletion that is done in all shards. Of several processes that do it at once all write the same.
func (in *Ingest) sumUp(ctx context.Context, d deletion.Request, parts []deletion.Part) (*deletion.Outcome, error) {
	o := &deletion.Outcome{Version: d.Version, ID: d.ID}
	var sequence uint64
	for _, p := range parts {
		sequence = max(sequence, p.Sequence)
		o.Damaged = append(o.Damaged, p.Damaged...)
		if p.Finished.After(o.Finished) {
			o.Finished = p.Finished
		}
	}
	if err := in.catalog.WaitSequence(ctx, sequence); err != nil {
		return nil, err
	}
	o.Records = in.catalog.Current().Deleted(d.ID)
	return o, o.Put(ctx, in.store)
}

// deleteIn does a deletion in a shard.
func (in *Ingest) deleteIn(ctx context.Context, o *owner, d deletion.Request, selector Selector) (deletion.Part, error) {
	part := deletion.Part{Version: deletion.Version, ID: d.ID, Shard: o.shard, Epoch: o.epoch}
	// What was in the log when it was requested is in segments after this.
	if err := in.sealOwner(ctx, o); err != nil {
		return part, err
	}
	in.step("sealed for deletion")
	for again := true; again; {
		var err error
		if part.Damaged, again, err = in.deletePass(ctx, o, d, selector); err != nil {
			return part, err
		}
	}
	// An owner that has been replaced without knowing may not know of its heir's segments either. It can't commit.
	if err := o.commit(ctx, reasonDelete, nil, nil); err != nil {
		return part, err
	}
	part.Finished, part.Sequence = clock.Now().UTC(), in.catalog.Current().Sequence()
	return part, nil
}

// deletePass goes through the shard's segments that there are. again: some were replaced by others while it did.
func (in *Ingest) deletePass(ctx context.Context, o *owner, d deletion.Request, selector Selector) (damaged []string, again bool, err error) {
	v := in.catalog.Acquire()
	defer v.Release()
	from := int64(math.MinInt64)
	if d.From != 0 {
		from = d.From
	}
	for _, s := range v.Segments(d.Tenant, d.Signal, from, d.To-1) {
		if s.Shard != o.shard {
			continue
		}
		err := in.deleteFrom(ctx, o, d, selector, s)
		var damage *index.DamageError
		switch {
		case errors.As(err, &damage):
			damaged = append(damaged, damage.Error())
		case errors.As(err, new(*goneError)):
			again = true
		case err != nil:
			return nil, false, fmt.Errorf("segment %s: %w", s.ID, err)
		}
	}
	return damaged, again, nil
}

// deleteFrom replaces a segment by one without the rows that the deletion takes, if there are any.
func (in *Ingest) deleteFrom(ctx context.Context, o *owner, d deletion.Request, selector Selector, s *catalog.Segment) error {
	ctx, cancel := mergeContexts(ctx, o.ctx)
	defer cancel()
	p := &pace.Pace{
		Share:  max(in.cfg.Compaction.Share, deletionShare),
		Worked: func(d time.Duration) { in.metrics.rewriteWork.WithLabelValues(reasonDelete).Add(d.Seconds()) },
	}
	defer p.End(ctx)
	part, err := segment.Open(ctx, p.Store(in.store), s.ID, segment.NewCache(mergeCacheBytes, 0))
	if err != nil {
		return err
	}
	selected, err := selector.Select(ctx, part)
	if err != nil {
		return err
	}
	gone := compact.Rows(selected)
	count := gone.Count()
	if count == 0 {
		return nil
	}
	r := replacement{
		reason: reasonDelete, old: []*catalog.Segment{s}, level: s.Level, deleted: &catalog.Deleted{Job: d.ID, Records: int64(count)},
	}
	if count < part.Info().Rows {
		rest, err := compact.Without(ctx, part, gone)
		if err != nil {
			return err
		}
		r.parts = []index.Part{rest}
	}
	if _, err := in.replace(ctx, o, r, p); err != nil {
		return err
	}
	in.metrics.deletedRecords.WithLabelValues(d.Signal.String()).Add(float64(count))
	return nil
}
