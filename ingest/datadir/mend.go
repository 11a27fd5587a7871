package datadir

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"clew/index/catalog"
	"clew/index/scrub"
	"clew/index/segment"
)

// reasonRepair is the reason of commits that are written here.
const reasonRepair = "repair"

// endLost lists the shards whose log begins after what the commits have in segments: the log is only trimmed behind a commit, so that
// commit is gone.
func (d *Dir) endLost(ctx context.Context) (shards []int, err error) {
	v := d.Catalog.Current()
	for shard := range d.Log.ShardsStored() {
		state, err := d.Log.State(ctx, shard)
		if err != nil {
			return nil, err
		}
		if state.First > v.Shard(shard).Floor+1 {
			shards = append(shards, shard)
		}
	}
	return shards, nil
}

// bridgeEnd infers what the lost last commits of a shard said. They have no place in the stream any more: what is inferred is published as a
// new commit, or only applied, at the place that it would have.
func (d *Dir) bridgeEnd(ctx context.Context, shard int, names map[string]bool, orphans []orphan, publish bool) error {
	log, err := d.Log.State(ctx, shard)
	if err != nil {
		return err
	}
	v := d.Catalog.Current()
	state := v.Shard(shard)
	hole := Hole{ // Since is not known: the stream's last entry that is there says its time, and folding it has not kept that
		Shard: shard, Added: []string{}, Removed: []string{},
		What: fmt.Sprintf("the log begins at %d, and the commits end at %d", log.First, state.Floor),
		Note: maybeTwice(time.Time{}, time.Time{}),
	}
	cm := catalog.Commit{
		Version: catalog.CommitVersion, Shard: shard, Epoch: state.Epoch, Last: state.Last, Time: time.Now().UTC(), Reason: reasonRepair,
		Floor: log.First - 1, Sources: state.Sources,
	}
	newest := time.Time{}
	for s := range v.All() {
		if s.Shard == shard && s.Created.After(newest) {
			newest = s.Created
		}
	}
	var mine []orphan
	for _, o := range orphans {
		if o.Shard == shard && o.Created.After(newest) {
			mine = append(mine, o)
		}
	}
	d.add(&cm, &hole, mine, names, nil)
	if err := d.inferRemoved(ctx, &cm, mine, nil); err != nil {
		return err
	}
	hole.Removed = append(hole.Removed, cm.Removed...)
	d.Holes = append(d.Holes, hole)
	if publish {
		return d.publish(ctx, cm)
	}
	return d.Catalog.Apply(v.Sequence()+1, cm)
}

// publish writes a commit into the stream and applies it.
func (d *Dir) publish(ctx context.Context, cm catalog.Commit) error {
	if err := d.Catalog.Check(&cm); err != nil {
		return err
	}
	data, err := cm.Encode()
	if err != nil {
		return err
	}
	seq, err := d.Log.Commit(ctx, cm.Shard, cm.Last, data)
	if err != nil {
		return err
	}
	return d.Catalog.Apply(seq, cm)
}

// Mend writes down what was inferred of the holes: a snapshot of the catalog that holds what the entries said that cannot be read, and a
// commit in the place of those that were lost at the end. clew starts then.
func (d *Dir) Mend(ctx context.Context, logger *slog.Logger) error {
	if len(d.Holes) == 0 {
		return nil
	}
	holes := d.Holes
	d.Holes = nil
	if err := d.load(ctx, logger, false); err != nil {
		return err
	}
	if len(d.Holes) > 0 {
		if _, err := d.Catalog.Checkpoint(ctx, d.Store); err != nil {
			return err
		}
	}
	d.Holes = holes
	ends, err := d.endLost(ctx)
	if err != nil || len(ends) == 0 {
		return err
	}
	// The names in the stream and the snapshots are in the catalog now; what was removed long ago has no objects any more.
	names := map[string]bool{}
	for s := range d.Catalog.Current().All() {
		names[s.ID] = true
	}
	orphans, err := d.orphans(ctx, names)
	if err != nil {
		return err
	}
	for _, shard := range ends {
		if err := d.bridgeEnd(ctx, shard, names, orphans, true); err != nil {
			return err
		}
	}
	d.Holes = holes
	return nil
}

// SetAside removes segments from the catalog by a commit, and moves what is there of their objects to quarantine/. It returns where they are now.
func (d *Dir) SetAside(ctx context.Context, ids []string) (moved []string, err error) {
	byShard := map[int][]string{}
	for s := range d.Catalog.Current().All() {
		if slices.Contains(ids, s.ID) {
			byShard[s.Shard] = append(byShard[s.Shard], s.ID)
		}
	}
	for _, shard := range slices.Sorted(maps.Keys(byShard)) {
		for _, id := range byShard[shard] {
			copies, err := scrub.Quarantine(ctx, d.Store, id)
			moved = append(moved, copies...)
			if err != nil {
				return moved, err
			}
		}
		state := d.Catalog.Current().Shard(shard)
		err := d.publish(ctx, catalog.Commit{
			Version: catalog.CommitVersion, Shard: shard, Epoch: state.Epoch, Last: state.Last, Time: time.Now().UTC(), Reason: reasonRepair,
			Floor: state.Floor, Sources: state.Sources, Removed: byShard[shard],
		})
		if err != nil {
			return moved, fmt.Errorf("set %d segments of shard %d aside: %w", len(byShard[shard]), shard, err)
		}
		for _, id := range byShard[shard] {
			if err := segment.Delete(ctx, d.Store, id); err != nil {
				return moved, err
			}
		}
	}
	return moved, nil
}
