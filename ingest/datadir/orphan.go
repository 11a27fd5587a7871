package datadir

import (
	"context"
	"errors"
	"slices"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
)

// orphan is a whole segment in the store that nothing names, as a commit would have it: one that a lost commit added, or the remains of a crash.
type orphan struct {
	catalog.Segment
	replaces []string // what it was made of; none: of new records
	samples  []string // of down-sampled metrics: what these were made of, which stays beside them
	says     bool     // it says what it was made of; segments that were written before that was written down don't
}

// orphans are the whole segments in the store that have no name.
func (d *Dir) orphans(ctx context.Context, names map[string]bool) ([]orphan, error) {
	objects, err := d.Store.List(ctx, segment.Prefix)
	if err != nil {
		return nil, err
	}
	var orphans []orphan
	for _, object := range objects {
		id, ok := segment.IDOf(object.Name)
		if _, indexName := segment.Names(id); !ok || names[id] || object.Name != indexName {
			continue
		}
		shard, signal, created, err := segment.ParseID(id)
		if err != nil {
			continue
		}
		s, err := segment.Open(ctx, d.Store, id, nil)
		var o orphan
		if err == nil {
			o.replaces, o.says, err = s.Replaces(ctx)
		}
		resolution := time.Duration(0)
		if err == nil {
			resolution, o.samples, err = s.Samples(ctx)
		}
		var damage *index.DamageError
		if errors.As(err, &damage) {
			continue // scrub names it
		}
		if err != nil {
			return nil, err
		}
		info := s.Info()
		o.Segment = catalog.Segment{
			ID: id, Shard: shard, Signal: signal, Tenant: info.Tenant, Rows: info.Rows, Records: s.Records(),
			MinTime: info.MinTime, MaxTime: info.MaxTime, Bytes: info.Bytes, Created: created, Resolution: resolution,
		}
		orphans = append(orphans, o)
	}
	return orphans, nil
}

// choose says which orphans a lost commit added, and what they replaced. One that was made of segments that are there still takes their place, though the lost
// commit may have been another one: it holds their records, or fewer by a deletion that was requested. But it must not stand beside what was made of the same
// segments by a commit that is not lost: it is the remains of a crash then. Of several made of the same the latest is taken. Down-sampled metrics are taken where all that
// they were made of is there and is not sampled yet: what has been merged since may have been without them, and would count twice.
func (d *Dir) choose(orphans []orphan, names, later map[string]bool) (added []catalog.Segment, removed, sampled []string) {
	taken := map[string]bool{}
	open := map[string]bool{} // segments that may be sampled
	for s := range d.Catalog.Current().All() {
		open[s.ID] = !s.Sampled
	}
	slices.SortStableFunc(orphans, func(a, b orphan) int { return b.Created.Compare(a.Created) })
	for _, o := range orphans {
		stale := slices.ContainsFunc(o.replaces, func(id string) bool {
			return taken[id] || later[id] || names[id] && !d.Catalog.Has(id)
		}) || slices.ContainsFunc(o.samples, func(id string) bool { return taken[id] || !open[id] })
		if stale {
			continue
		}
		for _, id := range o.replaces {
			taken[id], open[id] = true, false
		}
		for _, id := range o.samples {
			open[id] = false
			sampled = append(sampled, id)
		}
		added = append(added, o.Segment)
	}
	for s := range d.Catalog.Current().All() {
		if taken[s.ID] {
			removed = append(removed, s.ID)
		}
	}
	return added, removed, sampled
}

// sealed are the segments of new records among those added: the log may hold what they hold.
func sealed(added []catalog.Segment, orphans []orphan) []catalog.Segment {
	rewritten := map[string]bool{}
	for _, o := range orphans {
		rewritten[o.ID] = len(o.replaces) > 0 || len(o.samples) > 0
	}
	return slices.DeleteFunc(slices.Clone(added), func(s catalog.Segment) bool { return rewritten[s.ID] })
}
