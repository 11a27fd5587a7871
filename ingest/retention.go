package ingest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"clew/index/catalog"
	"clew/internal/telemetry"
)

// Retain removes segments that exceed the bounds of Config.Retention, in the shards owned here, each shard's in commits of its own. Their objects
// are deleted once no reader holds them.
func (in *Ingest) Retain(ctx context.Context, now time.Time) error {
	in.tidying.Lock()
	defer in.tidying.Unlock()
	v := in.catalog.Acquire()
	victims := expired(v, in.cfg.Retention, now)
	v.Release()
	byShard := map[int][]*catalog.Segment{}
	for _, s := range victims {
		byShard[s.Shard] = append(byShard[s.Shard], s)
	}
	for _, o := range in.allOwners() {
		for batch := range slices.Chunk(byShard[o.shard], removedMax) {
			if err := in.remove(ctx, o, batch); err != nil {
				return fmt.Errorf("retention of shard %d: %w", o.shard, err)
			}
		}
	}
	return nil
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
	for _, s := range segments {
		in.metrics.retired.WithLabelValues(s.Signal.String()).Inc()
		in.metrics.retiredBytes.WithLabelValues(s.Signal.String()).Add(float64(s.Bytes))
	}
	return nil
}

// keptSince is when a segment's age begins, in nanoseconds: with its newest record, but not before it was written. Who loads last year's
// log file today wants to look at it, not to see it acknowledged and gone.
func keptSince(s *catalog.Segment) int64 { return max(s.MaxTime, s.Created.UnixNano()) }

// expired chooses what has to go: what is too old, then the oldest beyond a signal's bytes, then the oldest beyond the total.
func expired(v *catalog.Version, r Retention, now time.Time) []*catalog.Segment {
	var all, victims []*catalog.Segment
	for s := range v.All() {
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b *catalog.Segment) int { return cmp.Compare(keptSince(a), keptSince(b)) })
	total := int64(0)
	bytes := map[telemetry.Signal]int64{}
	for _, s := range all {
		bytes[s.Signal] += s.Bytes
		total += s.Bytes
	}
	take := func(exceeds func(*catalog.Segment) bool) {
		all = slices.DeleteFunc(all, func(s *catalog.Segment) bool {
			if !exceeds(s) {
				return false
			}
			victims = append(victims, s)
			bytes[s.Signal] -= s.Bytes
			total -= s.Bytes
			return true
		})
	}
	take(func(s *catalog.Segment) bool {
		age := r.Of(s.Signal).Age
		return age > 0 && keptSince(s) < now.Add(-age).UnixNano()
	})
	take(func(s *catalog.Segment) bool {
		bound := r.Of(s.Signal).Bytes
		return bound > 0 && bytes[s.Signal] > bound
	})
	take(func(*catalog.Segment) bool { return r.TotalBytes > 0 && total > r.TotalBytes })
	return victims
}
