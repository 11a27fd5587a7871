package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"clew/index/catalog"
	"clew/ingest/retention"
)

// Retention is what holds now.
func (in *Ingest) Retention() retention.Policy { return *in.retention.Load() }

// SetRetention changes what holds from now on: the next tidying goes by it. The policy must be valid.
func (in *Ingest) SetRetention(p retention.Policy) { in.retention.Store(&p) }

// Retain removes segments that exceed the bounds of the retention, in the shards owned here, each shard's in commits of its own. Their objects
// are deleted once no reader holds them.
func (in *Ingest) Retain(ctx context.Context, now time.Time) error {
	in.tidying.Lock()
	defer in.tidying.Unlock()
	v := in.catalog.Acquire()
	victims := retention.Expired(v, in.Retention(), now)
	v.Release()
	byShard := map[int][]*catalog.Segment{}
	for _, s := range victims {
		byShard[s.Shard] = append(byShard[s.Shard], s)
	}
	for _, o := range in.allOwners() {
		for batch := range slices.Chunk(byShard[o.shard], removedMax) {
			err := in.remove(ctx, o, batch)
			if errors.As(err, new(*goneError)) {
				return nil // merged or rewritten meanwhile: the next round sees what they have become
			}
			if err != nil {
				return fmt.Errorf("retention of shard %d: %w", o.shard, err)
			}
		}
	}
	return nil
}

// removed tells that segments are not in the catalog any more.
func (in *Ingest) removed(segments []*catalog.Segment) {
	if in.onRemoved == nil {
		return
	}
	gone := make([]catalog.Segment, len(segments))
	for i, s := range segments {
		gone[i] = *s
	}
	in.onRemoved(gone)
}

func (in *Ingest) remove(ctx context.Context, o *owner, segments []*catalog.Segment) error {
	err := o.commit(ctx, reasonRetention, nil, func(cm *catalog.Commit) {
		for _, s := range segments {
			cm.Removed = append(cm.Removed, s.ID)
		}
	})
	if err != nil {
		return err
	}
	in.step("removed")
	in.removed(segments)
	for _, s := range segments {
		in.metrics.retired.WithLabelValues(s.Signal.String()).Inc()
		in.metrics.retiredBytes.WithLabelValues(s.Signal.String()).Add(float64(s.Bytes))
	}
	return nil
}
