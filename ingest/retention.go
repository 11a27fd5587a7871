package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"clew/index/catalog"
	"clew/ingest/retention"
	"clew/internal/points"
	"clew/internal/telemetry"
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
	victims := retention.Expired(v, in.Retention(), in.downsamples(), now)
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
		cm.Cuts = cuts(segments)
	})
	if err != nil {
		return err
	}
	in.step("removed")
	in.removed(segments)
	for _, s := range segments {
		in.metrics.retired.WithLabelValues(s.Signal.String()).Inc()
		if _, coarser := points.Coarser(s.Resolution); coarser && s.Signal == telemetry.Metrics && !s.Sampled && in.downsamples() {
			in.metrics.retiredNotSampled.Inc()
		}
		in.metrics.retiredBytes.WithLabelValues(s.Signal.String()).Add(float64(s.Bytes))
	}
	return nil
}

// cuts say from where on the resolutions of sampled segments, which are removed, are whole: until then what they were made into stands for them.
func cuts(segments []*catalog.Segment) []catalog.Cut {
	type key struct {
		tenant     string
		resolution time.Duration
	}
	last := map[key]int64{}
	for _, s := range segments {
		if s.Sampled {
			k := key{s.Tenant, s.Resolution}
			last[k] = max(last[k], s.MaxTime)
		}
	}
	var all []catalog.Cut
	for k, t := range last {
		ms := (t + int64(time.Millisecond) - 1) / int64(time.Millisecond)
		all = append(all, catalog.Cut{Tenant: k.tenant, Resolution: k.resolution, At: points.WindowEnd(ms, points.Hour) * int64(time.Millisecond)})
	}
	slices.SortFunc(all, func(a, b catalog.Cut) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Resolution, b.Resolution))
	})
	return all
}
