package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"clew/index/catalog"
	"clew/index/compact"
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

// expired chooses what has to go: what is too old, then the oldest beyond a tenant's bytes, then those beyond a signal's, then those beyond the total.
func expired(v *catalog.Version, r Retention, now time.Time) []*catalog.Segment {
	var all, victims []*catalog.Segment
	for s := range v.All() {
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b *catalog.Segment) int { return cmp.Compare(compact.KeptSince(a), compact.KeptSince(b)) })
	type key struct {
		signal telemetry.Signal
		tenant string
	}
	total := int64(0)
	bytes, tenants := map[telemetry.Signal]int64{}, map[key]int64{}
	count := func(s *catalog.Segment, n int64) {
		tenants[key{s.Signal, s.Tenant}] += n
		bytes[s.Signal] += n
		total += n
	}
	for _, s := range all {
		count(s, s.Bytes)
	}
	take := func(exceeds func(*catalog.Segment) bool) {
		all = slices.DeleteFunc(all, func(s *catalog.Segment) bool {
			if !exceeds(s) {
				return false
			}
			victims = append(victims, s)
			count(s, -s.Bytes)
			return true
		})
	}
	take(func(s *catalog.Segment) bool {
		age := r.Age(s.Signal, s.Tenant)
		return age > 0 && compact.KeptSince(s) < now.Add(-age).UnixNano()
	})
	take(func(s *catalog.Segment) bool {
		bound := r.TenantBytes(s.Signal, s.Tenant)
		return bound > 0 && tenants[key{s.Signal, s.Tenant}] > bound
	})
	take(func(s *catalog.Segment) bool {
		bound := r.Of(s.Signal).Bytes
		return bound > 0 && bytes[s.Signal] > bound
	})
	take(func(*catalog.Segment) bool { return r.TotalBytes > 0 && total > r.TotalBytes })
	return victims
}
