package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/compact"
	"clew/index/segment"
	"clew/ingest/deletion"
	"clew/ingest/pace"
	"clew/internal/clock"
)

// runDeletions does what has been requested and is not done, the oldest first, and says whether all of it is done. A deletion that fails is tried again later.
//
// Each segment that holds rows to go is replaced in a commit of its own, which also counts them. A segment that has been replaced holds none any more: so
// it can be cut anywhere, begun anew, and neither takes nor counts anything twice.
func (in *Ingest) runDeletions(ctx context.Context) (done bool) {
	jobs, err := in.Deletions(ctx, true, deletionsWaiting)
	if err != nil {
		if ctx.Err() == nil {
			in.log.Log(ctx, storeLevel(err), "deletions can't be listed; tried anew later", "error", err)
		}
		return false
	}
	for i := len(jobs) - 1; i >= 0; i-- {
		d := jobs[i].Request
		in.rewriter.state.Store("deleting")
		outcome, err := in.runDeletion(ctx, d)
		in.rewriter.state.Store("idle")
		if ctx.Err() != nil {
			return false
		}
		in.rewriter.failed(d.ID, err)
		if err != nil {
			in.log.Warn("a deletion failed; it is tried until it succeeds", "deletion", d.ID, "error", err)
			return false
		}
		in.metrics.deletions.Inc()
		in.log.Info("a deletion is done", "deletion", d.ID, "records", outcome.Records, "damaged_segments", len(outcome.Damaged))
	}
	return true
}

// runDeletion does one, and writes down what came of it.
func (in *Ingest) runDeletion(ctx context.Context, d deletion.Request) (deletion.Outcome, error) {
	o := deletion.Outcome{Version: deletion.Version, ID: d.ID}
	if err := d.Check(); err != nil {
		return o, fmt.Errorf("deletion %s: %w", d.ID, err)
	}
	// What was in the log when it was requested is in segments after this.
	if err := in.Seal(ctx); err != nil {
		return o, fmt.Errorf("deletion %s: %w", d.ID, err)
	}
	in.step("sealed for deletion")
	selector, err := in.newSelector(d)
	if err != nil {
		return o, fmt.Errorf("deletion %s: %w", d.ID, err)
	}
	for again := true; again; {
		if o.Damaged, again, err = in.deletePass(ctx, d, selector); err != nil {
			return o, fmt.Errorf("deletion %s: %w", d.ID, err)
		}
	}
	o.Records, o.Finished = in.catalog.Current().Deleted(d.ID), clock.Now().UTC()
	if err := o.Put(ctx, in.store); err != nil {
		return o, fmt.Errorf("deletion %s: %w", d.ID, err)
	}
	in.step("deletion done")
	return o, nil
}

// deletePass goes through the segments that there are. again: some were replaced by others while it did.
func (in *Ingest) deletePass(ctx context.Context, d deletion.Request, selector Selector) (damaged []string, again bool, err error) {
	v := in.catalog.Acquire()
	defer v.Release()
	from := int64(math.MinInt64)
	if d.From != 0 {
		from = d.From
	}
	for _, s := range v.Segments(d.Tenant, d.Signal, from, d.To-1) {
		err := in.deleteFrom(ctx, d, selector, s)
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
func (in *Ingest) deleteFrom(ctx context.Context, d deletion.Request, selector Selector, s *catalog.Segment) error {
	o, err := in.waitOwner(ctx, s.Shard)
	if err != nil {
		return err
	}
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
